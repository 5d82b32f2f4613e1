"""Members that drive the machines as a process does: journal, sync, restart; and mirrors that lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from tidewaiter.cli.bench.faults.disks import Disk, DiskError
from tidewaiter.cli.bench.faults.snapshots import Kept, blocks_in, kept
from tidewaiter.cli.bench.faults.world import World
from tidewaiter.ledger.batches import Batch, Rules
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import Contract
from tidewaiter.ledger.effects import (
    Block,
    Cosigned,
    Declined,
    Effect,
    FinalCheckpoint,
    Found,
    Keep,
    Lagging,
    Persist,
    Refuse,
    Reply,
    Send,
)
from tidewaiter.ledger.journals import whole_records
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.merkle import MemoryLog, leaf_hash
from tidewaiter.ledger.mirror_records import Record as MirrorRecord
from tidewaiter.ledger.mirror_records import Taken
from tidewaiter.ledger.mirroring import Mirror
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.sequencing import Sequencer
from tidewaiter.ledger.signing import cosign
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.simulation.chance import Chance

TICK_MS = 50
GOSSIP_MS = 400
RESTART_MS = 400


class Freeze(Struct, frozen=True):
    """People ask a member to cosign nothing more of the origin."""


class Report(Struct, frozen=True):
    """What a frozen member holds: its last checkpoint, as the log signed it, and the entries that it can show for it."""

    note: bytes
    entries: tuple[bytes, ...]


class Bring(Struct, frozen=True):
    """People ask a member to bring another one what it lacks."""

    to: str
    size: int


class End(Struct, frozen=True):
    """People ask a member to cosign the end of an origin."""

    text: str


class Machine(Protocol):
    """What sequencer and mirror have in common for whoever drives them."""

    is_stopped: bool

    def synced(self, upto: int) -> list[Effect]:
        """The journal is synced."""

    def failed(self, why: str) -> list[Effect]:
        """It could not be."""


class Member:
    """A member's process: a disk, a machine made of what is on it, and crashes."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.disk = Disk(world.chance)
        self.kept: Kept[Any] | None = None
        self._snapshots = Chance("snapshots", name)
        self.is_up = False
        self.is_gone = False
        self.is_trapped = False
        """Whether it goes down while it syncs next."""
        self.suffix = ""
        self.life = 0
        self._upto = 0
        self._is_syncing = False
        world.nodes[name] = self

    @property
    def machine(self) -> Machine:
        """The machine that runs now."""
        raise AssertionError("a member drives a machine")

    def build(self, records: list[bytes]) -> None:
        """Make the machine of what the journal holds."""

    def start(self) -> None:
        """Come up: cut off what is torn, sync the rest, and make the machine of it."""
        if self.is_up or self.is_gone:
            return
        records, end = whole_records(self.disk.read())
        self.disk.recover(end)
        self.build(records)
        self.is_up, self._upto, self._is_syncing = True, 0, False

    def crash(self) -> None:
        """Go down at once, with whatever was not synced."""
        if self.is_up:
            self.world.tally["crashes"] += 1
            self._down()

    def _down(self) -> None:
        self.is_up, self.life = False, self.life + 1
        self.disk.crash()
        self.world.after(self.world.chance.between(20, RESTART_MS), self.start)

    def keep(self, contract: Rules, memory: Any) -> None:
        """Take a snapshot at times, where the machine stands just behind a block."""
        if (
            self.is_up
            and not self.machine.is_stopped
            and isinstance(contract, Contract)
            and self._snapshots.happens(150_000)
        ):
            taken = kept(whole_records(self.disk.read())[0], contract, memory)
            self.world.tally["snapshots"] += taken is not None
            self.kept = taken or self.kept

    def run(self, effects: Iterable[Effect]) -> None:
        """Carry out what the machine asks for."""
        try:
            for effect in effects:
                self._carry_out(effect)
        except DiskError as error:
            self._fail(str(error))

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Persist(data=data, upto=upto):
                self.disk.append(data)
                self._upto = upto
                self._sync()
            case Keep(data=data):
                self.disk.append(data)
            case Send(to, message):
                self.world.send(self.name, to + self.suffix, message)
            case Reply(caller, message):
                self.world.send(self.name, str(caller), message)
            case _:
                self.told(effect)

    def told(self, effect: FinalCheckpoint | Lagging | Found) -> None:
        """What is for the member itself."""

    def _sync(self) -> None:
        if self._is_syncing:
            return
        self._is_syncing = True
        life, length, upto = self.life, len(self.disk), self._upto

        def done() -> None:
            if self.life != life:
                return
            self._is_syncing = False
            try:
                self.disk.sync(length)
            except DiskError as error:
                self._fail(str(error))
                return
            self.run(self.machine.synced(upto))
            if self.is_up and self.life == life and self._upto > upto:
                self._sync()

        takes = self.world.chance.between(1, 15)
        if self.is_trapped:
            self.is_trapped = False
            self.world.tally["crashes while syncing"] += 1
            self.world.after(self.world.chance.between(0, takes), self.crash)
        self.world.after(takes, done)

    def _fail(self, why: str) -> None:
        self.world.tally["disk failures"] += 1
        for effect in self.machine.failed(why):
            if isinstance(effect, Reply):
                self.world.send(self.name, str(effect.caller), effect.message)
        self._down()

    def take(self, sender: str, message: Any) -> None:
        """A message has arrived; lost where the member is down."""


class SequencerMember(Member):
    """A member that runs the sequencer of an origin."""

    def __init__(self, world: World, name: str, make: Callable[[list[bytes], Kept[Any] | None], Sequencer]) -> None:
        super().__init__(world, name)
        self._make = make
        self.final: FinalCheckpoint | None = None
        self.start()
        world.every(TICK_MS, self._tick)

    @property
    def machine(self) -> Sequencer:
        """The sequencer that runs now."""
        return self._sequencer

    def build(self, records: list[bytes]) -> None:
        self._sequencer = self._make(records, self.kept)

    def _tick(self) -> None:
        if self.is_up:
            self.run(self.machine.tick(self.world.clock(self.name)))
            self.keep(self.machine.rules, self.machine.memory())

    def told(self, effect: FinalCheckpoint | Lagging | Found) -> None:
        match effect:
            case FinalCheckpoint():
                self.final = effect
            case Lagging(member, size):  # it holds less than what is in memory here: out of the journal
                self.world.tally["caught up"] += 1
                synced = whole_records(self.disk.read()[: self.disk.synced])[0]
                for _, block in blocks_in(synced):
                    if block.first >= size:
                        self.world.send(self.name, member + self.suffix, block)

    def take(self, sender: str, message: Any) -> None:
        if not self.is_up:
            return
        now = self.world.clock(self.name)
        match message:
            case Batch():
                self.run(self.machine.submit(message, sender, now))
            case Cosigned() | Declined() | Refuse():
                self.run(self.machine.receive(sender.partition("/")[0], message, now))


class MirrorMember(Member):
    """A member that mirrors an origin; `peers` are shown what it holds."""

    def __init__(self, world: World, name: str, make: Callable[[list[bytes], Kept[Any] | None], Mirror]) -> None:
        super().__init__(world, name)
        self._make = make
        self.peers: tuple[str, ...] = ()
        self.restarted: Callable[[MirrorMember], None] = lambda _: None
        self.start()
        world.every(GOSSIP_MS, self._gossip)

    @property
    def machine(self) -> Mirror:
        """The mirror that runs now."""
        return self._mirror

    def build(self, records: list[bytes]) -> None:
        self._mirror = self._make(records, self.kept)
        self.blocks = [record.block for record in map(_DECODER.decode, records) if isinstance(record, Taken)]
        self.log = MemoryLog(leaf_hash(entry) for block in self.blocks for entry in block.entries)
        if self.life:
            self.restarted(self)

    def _gossip(self) -> None:
        if self.is_up and self.machine.note and self.peers:
            message = FinalCheckpoint(self.machine.size, self.machine.note)
            self.world.send(self.name, self.world.chance.one_of(self.peers), message)

    def told(self, effect: FinalCheckpoint | Lagging | Found) -> None:
        if isinstance(effect, Found):
            self.world.tally["equivocations proved"] += 1
            for each in self.peers:
                self.world.send(self.name, each, effect)

    def take(self, sender: str, message: Any) -> None:
        if not self.is_up:
            return
        now = self.world.clock(self.name)
        match message:
            case Block():
                before = self.machine.size
                effects = self.machine.receive(message, sender, now)
                if self.machine.size > before:
                    self.blocks.append(message)
                    self.log.extend(map(leaf_hash, message.entries))
                self.run(effects)
                self.keep(self.machine.rules, self.machine.memory())
            case FinalCheckpoint(_, note):
                self.run(self.machine.compare(note, self.log.node))
            case Found():
                self.run(self.machine.learn(message))
            case Freeze():
                self.run(self.machine.freeze(sender))
                if self.machine.note:
                    entries = tuple(entry for block in self.blocks for entry in block.entries)
                    self.world.send(self.name, sender, Report(self.machine.note, entries))
            case Bring(to, size):
                for block in self.blocks:
                    if block.first >= size:
                        self.world.send(self.name, to, block)
            case End(text):
                self.run(self.machine.close(Checkpoint.parse(text), sender, now))


class Liar:
    """A mirror that keeps nothing and signs anything, or tells lies about what it holds, or is silent."""

    def __init__(self, world: World, name: str, origin: str, key: SignerKey) -> None:
        self.world, self.name, self.origin, self.key = world, name, origin, key
        self.manner = world.chance.one_of(("signs", "signs", "muddles", "silent"))
        self.note = b""
        world.nodes[name] = self

    def take(self, sender: str, message: Any) -> None:
        """Answer without looking."""
        chance = self.world.chance
        if self.manner == "silent" or (self.manner == "muddles" and chance.happens(300_000)):
            return
        match message:
            case Block():
                try:
                    note = SignedNote.parse(message.note)
                except LedgerError:
                    return
                self.note = message.note
                self.world.send(self.name, sender, self._answer(note))
            case Freeze() if self.note:
                self.world.send(self.name, sender, Report(self.note, ()))
            case End(text):
                self.world.send(self.name, sender, self._signed(text))

    def _answer(self, note: SignedNote) -> Cosigned | Declined:
        right = self._signed(note.text)
        if self.manner == "signs":
            return right
        match self.world.chance.below(4):
            case 0:
                return Cosigned(right.origin, right.size, right.line[:-9] + "AAAAAAA=\n")
            case 1:
                return Declined(
                    self.origin, 0, Refuse("block.gap", "it is said that nothing is held", "Send it all.", "0")
                )
            case 2:
                return Declined(self.origin, 2**62, Refuse("block.older", "it is said that all is held", "Send less."))
            case _:
                return right

    def _signed(self, text: str) -> Cosigned:
        checkpoint = Checkpoint.parse(text)
        line = cosign(text, self.key, self.world.clock(self.name) // 1000).line
        return Cosigned(checkpoint.origin, checkpoint.size, line)


_DECODER = msgspec.msgpack.Decoder(MirrorRecord)
