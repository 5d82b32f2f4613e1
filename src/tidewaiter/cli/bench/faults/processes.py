"""Processes that drive a machine: a disk, a journal, syncing, snapshots, crashes and restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from tidewaiter.cli.bench.faults.disks import Disk, DiskError
from tidewaiter.cli.bench.faults.snapshots import Begun, Kept, kept, start
from tidewaiter.cli.bench.faults.world import Stated, World
from tidewaiter.ledger.batches import Rules
from tidewaiter.ledger.contracts import Contract
from tidewaiter.ledger.effects import (
    Block,
    Effect,
    FinalCheckpoint,
    Found,
    Keep,
    Lagging,
    Persist,
    Reply,
    Send,
)
from tidewaiter.ledger.journals import whole_records
from tidewaiter.ledger.resuming import Log
from tidewaiter.network.agreeing import Agreements
from tidewaiter.network.charter import Charter
from tidewaiter.network.rules import named_in
from tidewaiter.simulation.chance import Chance

RESTART_MS = 400


class Machine(Protocol):
    """What sequencer and mirror have in common for whoever drives them."""

    is_stopped: bool
    rules: Rules

    def memory(self) -> Any:
        """What it knows beside the state."""

    def synced(self, upto: int) -> list[Effect]:
        """The journal is synced."""

    def failed(self, why: str) -> list[Effect]:
        """It could not be."""


class Member:
    """A member's process: a disk, a machine made of what is on it, what the members have agreed on, and crashes."""

    def __init__(self, world: World, name: str, charter: Charter, agreeing: type[Agreements]) -> None:
        self.world, self.name = world, name
        self.standing, self._agreeing, self.agreements = charter, agreeing, agreeing(charter)
        self.disk = Disk(world.chance)
        self.kept: Kept[Any] | None = None
        self._snapshots = Chance("snapshots", name)
        self.is_up = False
        self.is_gone = False
        self.is_trapped = False
        """Whether it goes down while it syncs next."""
        self.suffix = ""
        self.life = 0
        self.rest = RESTART_MS
        """How long it is down at most, when it goes down next."""
        self.shelf: dict[str, bytes] = {}
        """Statements by their commitment, on its disk."""
        self.settled: dict[int, bytes] = {}
        """Checkpoints by which decisions on the quorum became final, by where their blocks end; on its disk too."""
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
        self.world.after(self.world.chance.between(20, self.rest), self.start)
        self.rest = RESTART_MS

    def is_between_blocks(self) -> bool:
        """Whether the machine stands just behind a block; brings it there where it can."""
        return True

    def keep(self) -> None:
        """Take a snapshot at times, where the machine stands just behind a block, and all that was decided is final."""
        contract = self.machine.rules
        if (
            not isinstance(contract, Contract)
            or not self.agreements.are_settled
            or not self._snapshots.happens(150_000)
        ):
            return
        if self.is_between_blocks() and self.is_up and not self.machine.is_stopped and self.agreements.are_settled:
            taken = kept(whole_records(self.disk.read())[0], contract, self.machine.memory())
            self.world.tally["snapshots"] += taken is not None
            self.kept = taken or self.kept

    def begun(self, rules: Callable[[dict[str, bytes]], Contract], records: list[bytes]) -> Begun[Any]:
        """Where the machine begins: behind a snapshot, if there is one that the records have, or with the first of them."""
        begun = start(lambda: rules(self.shelf), records, self.kept, Log(self.standing.origin, self.standing.log_key))
        self.world.tally["started from snapshots"] += len(begun.resumed)
        return begun

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

    def stated(self, block: Block) -> Block | Stated:
        """A block with what goes with it."""
        named, settled = named_in(block.entries), self.settled.get(block.first, b"")
        if not named and not settled:
            return block
        return Stated(block, tuple(self.shelf[each] for each in named if each in self.shelf), settled)

    def safe(self, upto: int) -> None:
        """What was written up to this `Persist` is on the disk."""

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
            self.safe(upto)
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
