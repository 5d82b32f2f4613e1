"""Members that run a sequencer or a mirror, and what the members agree on, as the product's do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from tidewaiter.cli.bench.faults.asking import Adopted, Bring, End, Freeze, Report, Told
from tidewaiter.cli.bench.faults.processes import Member
from tidewaiter.cli.bench.faults.snapshots import Begun, blocks_in
from tidewaiter.cli.bench.faults.world import Stated, World
from tidewaiter.ledger.batches import Batch
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import Contract
from tidewaiter.ledger.contracts.statements import Statement
from tidewaiter.ledger.effects import (
    Block,
    Cosigned,
    Declined,
    Effect,
    FinalCheckpoint,
    Found,
    Lagging,
    Persist,
    Refuse,
    Send,
)
from tidewaiter.ledger.journals import whole_records
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.merkle import MemoryLog, leaf_hash, range_hash
from tidewaiter.ledger.mirror_records import Record as MirrorRecord
from tidewaiter.ledger.mirror_records import Taken
from tidewaiter.ledger.mirroring import Mirror
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.sequencing import Admitted, Sealed, Sequencer
from tidewaiter.ledger.sequencing import Record as SequencerRecord
from tidewaiter.ledger.signing import check
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.agreeing import Agreements, signed_together, undecided
from tidewaiter.network.charter import Charter
from tidewaiter.network.holding import checkpoint_of
from tidewaiter.network.rules import named_in, unsigned

TICK_MS = 50
GOSSIP_MS = 400
TOLD_MS = 300
"""How often members are told what is final."""


class SequencerMember(Member):
    """A member that runs the sequencer of an origin. What the members agree on counts for it as for `network.sequencer_side`."""

    def __init__(
        self,
        world: World,
        name: str,
        charter: Charter,
        make: Callable[[SequencerMember, Begun[Any], Iterable[bytes]], Sequencer],
        rules: Callable[[dict[str, bytes]], Contract],
        *,
        agreements: type[Agreements] = Agreements,
    ) -> None:
        super().__init__(world, name, charter, agreements)
        self._make, self._rules = make, rules
        self.final: FinalCheckpoint | None = None
        self.finals: list[FinalCheckpoint] = []
        self._told_at = 0
        self.start()
        world.every(TICK_MS, self._tick)

    @property
    def machine(self) -> Sequencer:
        """The sequencer that runs now."""
        return self._sequencer

    def build(self, records: list[bytes]) -> None:
        begun = self.begun(self._rules, records)
        self.contract, self.agreements = begun.contract, self._agreeing.begun(self.standing, begun.contract.state)
        self._is_named, self._held, self._size = False, set[str](), begun.size
        for _, block in blocks_in(records[: begun.passed]):
            self._held.update(named_in(block.entries))
        self._sequencer = self._make(self, begun, self._looked_at(begun.records))
        self._sequencer.setup.submitters = dict(self.contract.state.submitters)
        if self.settled:
            note = self.settled[max(self.settled)]
            self._sequencer.resume(FinalCheckpoint(checkpoint_of(note).size, note))
        self.agreements.become_final(self._sequencer.final_size)
        self._sequencer.wait_for(self.agreements.waits_for)

    def _looked_at(self, records: Iterable[bytes]) -> Iterator[bytes]:
        for record in records:
            yield record
            self._look_at(_SEQUENCER_RECORDS.decode(record))

    def _look_at(self, record: Any) -> None:
        """Whether a record has brought a statement, and what members have agreed on where it closes a block that did."""
        match record:
            case Admitted(entries=entries):
                named = named_in(entries)
                self._held.update(named)
                self._is_named, self._size = self._is_named or bool(named), self._size + len(entries)
            case Sealed():
                self._size += 1
                if self._is_named:
                    self.agreements.decided(self._size, self.contract.state)
                    if self.is_up:
                        self._sequencer.wait_for(self.agreements.waits_for)
                self._is_named = False

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Persist):
            self._look_at(effect.record)
        if isinstance(effect, Send) and isinstance(effect.message, Block):
            self.world.send(self.name, effect.to + self.suffix, self.stated(effect.message))
            return
        super()._carry_out(effect)

    def is_between_blocks(self) -> bool:
        if self.machine.size:
            self.run(self.machine.seal())
        return self.machine.is_between_blocks

    def _tick(self) -> None:
        if not self.is_up:
            return
        self.run(self.machine.tick(self.world.clock(self.name)))
        self.keep()
        if self.final is not None and self.world.now - self._told_at >= TOLD_MS:
            self._told_at = self.world.now
            for each in self.standing.of_part("mirror"):
                self.world.send(self.name, each + self.suffix, Told(self.final.note))

    def told(self, effect: FinalCheckpoint | Lagging | Found) -> None:
        match effect:
            case FinalCheckpoint():
                self._become_final(effect)
            case Lagging(member, size):  # it holds less than what is in memory here: out of the journal
                self.world.tally["caught up"] += 1
                synced = whole_records(self.disk.read()[: self.disk.synced])[0]
                for _, block in blocks_in(synced):
                    if block.first >= size:
                        self.world.send(self.name, member + self.suffix, self.stated(block))

    def _become_final(self, effect: FinalCheckpoint) -> None:
        self.final = effect
        self.finals.append(effect)
        if 0 < self.agreements.waits_for <= effect.size:
            self.settled[self.agreements.waits_for] = effect.note
        adopted = self.agreements.become_final(effect.size)
        if adopted is not None:
            self.machine.setup.submitters = adopted.submitters
            self.standing = adopted.charter
            self.run(self.machine.change(adopted.charter.read_policy, tuple(adopted.charter.of_part("mirror"))))

    def take(self, sender: str, message: Any) -> None:
        if not self.is_up:
            return
        now = self.world.clock(self.name)
        match message:
            case Stated(carried, statements):
                for each in statements:
                    self._shelve(each, now)
                self.take(sender, carried)
            case Batch():
                self.run(self.machine.submit(message, sender, now))
            case Cosigned() | Declined() | Refuse():
                self.run(self.machine.receive(sender.partition("/")[0], message, now))

    def _shelve(self, data: bytes, now: int) -> None:
        statement = Statement.parse(data)
        if statement.commitment not in self._held:
            known = self.shelf.get(statement.commitment)
            self.shelf[statement.commitment] = signed_together(statement, known, self.contract.state, now // 1000)


class MirrorMember(Member):
    """A member that mirrors an origin; `peers` are shown what it holds. What the members agree on counts for it as for
    `network.mirror_side`; `keys` are those that it cosigns with, one after another."""

    def __init__(
        self,
        world: World,
        name: str,
        charter: Charter,
        make: Callable[[MirrorMember, Begun[Any], Iterable[bytes]], Mirror],
        rules: Callable[[dict[str, bytes]], Contract],
        *,
        keys: Sequence[SignerKey],
        agreements: type[Agreements] = Agreements,
    ) -> None:
        super().__init__(world, name, charter, agreements)
        self._make, self._rules = make, rules
        self._keys = keys
        self.peers: tuple[str, ...] = ()
        self.restarted: Callable[[MirrorMember], None] = lambda _: None
        self.took: Callable[[MirrorMember, Block], None] = lambda *_: None
        """Told of each block with a statement, whose end the contract stands at."""
        self.adopted: list[Adopted] = []
        self.has_ended = False
        """Whether people have asked it to cosign the end of the origin."""
        self.start()
        world.every(GOSSIP_MS, self._gossip)

    @property
    def machine(self) -> Mirror:
        """The mirror that runs now."""
        return self._mirror

    @property
    def label(self) -> str:
        """The member's name in the policy."""
        return self.name.partition("/")[0]

    @property
    def key(self) -> SignerKey:
        """The key that the members count, as this one knows; the first of its own where they count none."""
        party = self.standing.read_policy.witnesses.get(self.label)
        return next((each for each in self._keys if party is not None and each.verifier == party.key), self._keys[0])

    def build(self, records: list[bytes]) -> None:
        begun = self.begun(self._rules, records)
        self.contract, self.agreements = begun.contract, self._agreeing.begun(self.standing, begun.contract.state)
        self.blocks: list[Block] = []
        self.log = MemoryLog(())
        self._held = set[str]()
        self._waiting: list[tuple[int, int]] = []
        self.safe_size = 0
        for _, block in blocks_in(records[: begun.passed]):
            self._hold(block)
        self._mirror = self._make(self, begun, self._looked_at(begun.records))
        self.safe_size = self.log.size
        self.final_size = max((checkpoint_of(each).size for each in self.settled.values()), default=0)
        self.agreements.become_final(self.final_size)
        self._mirror.setup.submitters = dict(self.contract.state.submitters)
        if self.life:
            self.restarted(self)

    def _looked_at(self, records: Iterable[bytes]) -> Iterator[bytes]:
        for record in records:
            yield record
            self._look_at(_MIRROR_RECORDS.decode(record))

    def _look_at(self, record: Any) -> None:
        if not isinstance(record, Taken):
            return
        if self._hold(record.block):
            self.agreements.decided(self.log.size, self.contract.state)

    def _hold(self, block: Block) -> bool:
        """Take in a block of the journal; whether it has brought a statement."""
        self.blocks.append(block)
        self.log.extend(map(leaf_hash, block.entries))
        named = named_in(block.entries)
        self._held.update(named)
        return bool(named)

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Persist):
            self._look_at(effect.record)
            self._waiting.append((effect.upto, self.log.size))
        super()._carry_out(effect)

    def safe(self, upto: int) -> None:
        while self._waiting and self._waiting[0][0] <= upto:
            self.safe_size = self._waiting.pop(0)[1]

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
            case Stated(Block() as block, statements, settled):
                self._receive(block, statements, settled, sender=sender)
            case Block():
                self._receive(message, (), b"", sender=sender)
            case Told(note):
                self._take_final(note)
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
                        self.world.send(self.name, to, self.stated(block))
            case End(text):
                self.has_ended = self.has_ended or sender == "people"
                self._end(Checkpoint.parse(text), sender, now)

    def _receive(self, block: Block, statements: Sequence[bytes], settled: bytes, *, sender: str) -> None:
        if (statements or not self._held.issuperset(self.shelf)) and self._is_by_the_log(block):
            self._shelve(statements)
            is_next = block.first == self.machine.size and block.entries
            if is_next and (refuse := unsigned(self.contract, block.entries)) is not None:
                self.world.send(self.name, sender, Declined(self.standing.origin, self.machine.size, refuse))
                return
        if settled and self.agreements.waits_for:
            self._take_final(settled)
        if block.first and block.first == (size := self.agreements.waits_for):
            self.world.send(self.name, sender, Declined(self.standing.origin, self.machine.size, undecided(size)))
            return
        before = self.machine.size
        effects = self.machine.receive(block, sender, self.world.clock(self.name))
        if self.machine.size > before and named_in(block.entries):
            self.machine.setup.submitters = dict(self.contract.state.submitters)
            self.took(self, block)
        self.run(effects)
        self.keep()

    def _end(self, closing: Checkpoint, sender: str, now: int) -> None:
        """Cosign the end of the origin; with each key that may count, where it ends at a decision on that."""
        policies = {self.standing.policy, self.contract.state.realm.policy}
        for each in self._keys:
            if each is self.machine.setup.key or any(each.verifier.text in policy for policy in policies):
                self.run(self.machine.close(closing, sender, now, key=each))

    def _is_by_the_log(self, block: Block) -> bool:
        try:
            return bool(check(SignedNote.parse(block.note), (self.machine.setup.log,)).verdict)
        except LedgerError:
            return False

    def _shelve(self, statements: Iterable[bytes]) -> None:
        for data in statements:
            commitment = Statement.parse(data).commitment
            if commitment not in self._held:
                self.shelf[commitment] = data

    def _take_final(self, note: bytes) -> None:
        checkpoint = self.agreements.believed(note, self._root)
        if checkpoint is None or checkpoint.size <= self.final_size:
            return
        if 0 < self.agreements.waits_for <= checkpoint.size:
            self.settled[self.agreements.waits_for] = note
        self.final_size = checkpoint.size
        adopted = self.agreements.become_final(checkpoint.size)
        if adopted is not None:
            self.standing = adopted.charter
            self.machine.setup.key = self.key
            self.adopted.append(Adopted(adopted.size, adopted.charter.policy, note))

    def _root(self, size: int) -> bytes | None:
        return range_hash(self.log.node, 0, size) if size <= self.safe_size else None


_MIRROR_RECORDS = msgspec.msgpack.Decoder(MirrorRecord)
_SEQUENCER_RECORDS = msgspec.msgpack.Decoder(SequencerRecord)
