"""The member that runs an origin's log: batches in, promises out, blocks to mirrors, checkpoints to witnesses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from tidewaiter.ledger.batches import Batch
from tidewaiter.ledger.contracts import Contract
from tidewaiter.ledger.contracts.statements import KeyRotated, Statement, read_key
from tidewaiter.ledger.effects import (
    Block,
    Cosigned,
    Declined,
    FinalCheckpoint,
    Found,
    Keep,
    Lagging,
    Message,
    Persist,
    Refuse,
    Send,
)
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import key_number
from tidewaiter.ledger.resuming import Resumed
from tidewaiter.ledger.sequencing import Limits, Memory, Sequencer, Setup, Start
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.agreeing import Agreements, signed_together
from tidewaiter.network.charter import Charter
from tidewaiter.network.client import AddressError, Peer, PeerError, check_address
from tidewaiter.network.driving import Driver, every, now_ms
from tidewaiter.network.failing import Failpoints
from tidewaiter.network.files import SEGMENT_BYTES, Journal, Place
from tidewaiter.network.holding import Holding
from tidewaiter.network.home import Origin
from tidewaiter.network.outbox import GROUP_MAX, Announcer, Outbox, WitnessFeed, post_blocks
from tidewaiter.network.rules import Shelf
from tidewaiter.network.snapshots import Begun, Keeper, SnapshotFolder, Starting

TICK_SECONDS: Final = 0.02
FLUSH_SECONDS: Final = 1.0
FINAL_PATH: Final = "/record/final"
EVIDENCE_PATH: Final = "/record/evidence"
_ENCODE: Final = msgspec.msgpack.Encoder().encode
_LOG: Final = logging.getLogger(__name__)


class Common(NamedTuple):
    """What all parts of one member share."""

    shelf: Shelf
    failpoints: Failpoints
    limits: Limits
    label: str
    snapshot_bytes: int = SEGMENT_BYTES
    """How much of a journal lies between two snapshots."""

    def keeper(self, charter: Charter, begun: Begun[Any]) -> Keeper:
        """Who takes this member's snapshots of an origin."""
        holding = begun.holding
        labels = [name for name, member in charter.members.items() if member.part != "witness"]
        turn = labels.index(self.label) if self.label in labels else 0
        folder = SnapshotFolder(holding.origin.snapshots, self.failpoints)
        return Keeper(folder, holding, begun.snapshot, (turn, max(1, len(labels))), self.snapshot_bytes)


def _begins(entry: bytes) -> bool:
    """Whether an entry is the one with which an origin begins that follows another."""
    return entry.endswith(b'"type":"epoch_closed"}')


def looked_at(
    holding: Holding, records: Iterable[bytes], agreements: Agreements, contract: Contract
) -> Iterator[bytes]:
    """The records of what is held, for a machine to be made of: what each has decided is seen where the contract stands just behind it."""
    for record in records:
        yield record
        while holding.governing:
            agreements.decided(holding.governing.popleft(), contract.state)


def settled_size(holding: Holding) -> int:
    """Up to where decisions on the quorum are known to be final; 0 where there was none."""
    settled = holding.last_settled
    return settled.size if settled is not None else 0


class SequencerSide:
    """One origin's sequencer, driven."""

    def __init__(self, origin: Origin, key: SignerKey, begin: Callable[[], Contract], common: Common) -> None:
        self.charter: Charter = origin.standing

        def make(
            holding: Holding, contract: Contract, records: Iterable[bytes], resumed: Resumed[Memory] | None
        ) -> Sequencer:
            charter = self.charter
            setup = Setup(
                origin=charter.origin, key=key, policy=charter.read_policy, mirrors=tuple(charter.of_part("mirror")),
                submitters=contract.state.submitters, limits=common.limits,
                start=Start(charter.numbers, contract.state.realm.clock),
            )  # fmt: skip
            self._agreements = Agreements.begun(charter, contract.state)
            return Sequencer.recovered(
                setup, contract, looked_at(holding, records, self._agreements, contract), resumed
            )

        begun = Starting(
            origin, self.charter, common.shelf, common.failpoints, begin, memory=Memory, make=make
        ).started()
        self.holding, self.contract, self.machine = begun.holding, begun.contract, begun.machine
        self.holding.final = self.machine.final.note if self.machine.final else self.holding.final
        self._keeper = common.keeper(self.charter, begun)
        self._recover()
        self.driver = Driver(self.machine, Journal(origin.journal, common.failpoints), self)
        self.outboxes: dict[str, Outbox] = {}
        self._feeds: dict[str, WitnessFeed] = {}
        self._announcers: dict[str, tuple[Announcer, Announcer]] = {}
        self._catching_up: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._note = b""
        self._last_sent: tuple[Block, msgspec.Raw] | None = None
        self._rotations: set[str] = set()
        self.machine.setup.submitters = dict(self.contract.state.submitters)

    def _recover(self) -> None:
        """Go on by what was decided and is final, as it was before; and wait where a decision is not."""
        if (settled := self.holding.last_settled) is not None:
            self.machine.resume(settled)
            if self.holding.final_size < settled.size:
                self.holding.become_final(settled.note)
        adopted = self._agreements.become_final(self.machine.final_size)
        if adopted is not None and adopted.charter.policy != self.charter.policy:
            self.charter = adopted.charter
            self.holding.origin.keep_standing(self.charter)
            self.machine.change(self.charter.read_policy, self.charter.of_part("mirror"))
        self.machine.wait_for(self._agreements.waits_for)

    def start(self) -> None:
        """Begin to send, and to see to time."""
        for name in self.charter.members:
            self._reach(name)
        self._run(every(TICK_SECONDS, self._tick))
        self._run(every(FLUSH_SECONDS, self._flush))
        self._tell_rotations()
        self._feed_witnesses()

    async def stop(self) -> None:
        """Send nothing more, and close what is open; what was appended is synced first."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._take_snapshot()
        await self.driver.close()
        await self._flush()

    async def submit(self, batch: Batch) -> Message:
        """The promise for a batch, or why it is refused.

        Until it is told how the origin before ended nothing else is taken: its entries would be refused for good.
        """
        if self.contract.state.realm.previous is not None and not any(map(_begins, batch.entries)):
            why = f"“{self.charter.origin}” has not begun: how the log before it ended is still to be told"
            return Refuse("sequencer.beginning", why, "Hand in the same again in a second.")
        return await self.driver.ask(lambda caller: self.machine.submit(batch, caller, now_ms()))

    def take_statement(self, statement: Statement) -> None:
        """Keep a statement before its entry is handed in, with the signatures that hold of all that were handed in so far."""
        shelf, commitment = self.holding.shelf, statement.commitment
        if not shelf.is_held(commitment):
            shelf.put(signed_together(statement, shelf.get(commitment), self.contract.state, now_ms() // 1000))

    def change(self, charter: Charter) -> None:
        """The members have agreed on something else: other keys, another quorum, one more member, one less."""
        before, self.charter = self.charter, charter
        self._agreements.change(charter)
        for name, member in charter.members.items():
            known = before.members.get(name)
            if known is None or known.url != member.url or known.part != member.part:
                self._reach(name)
        self.driver.carry_out(self.machine.change(charter.read_policy, charter.of_part("mirror")))

    def wrote(self, written: Persist | Keep, upto: int, place: Place) -> None:
        """As `driving.Shown` has it."""
        self.holding.wrote(written, upto, place)
        self._look_at_statements()

    def safe(self, upto: int) -> None:
        """As `driving.Shown` has it."""
        self.holding.safe(upto)
        if self.holding.note is not self._note:
            self._note = self.holding.note
            self._feed_witnesses()

    def send(self, message: Send) -> None:
        """As `driving.Shown` has it."""
        outbox = self.outboxes.get(message.to)
        match message.message:
            case Block() if outbox is not None:
                outbox.put(self._sent(message.message))
            case Refuse(code, why):
                _LOG.warning("%s is told %s: %s", message.to, code, why)
            case _:
                pass

    def show(self, shown: FinalCheckpoint | Lagging | Found) -> None:
        """As `driving.Shown` has it."""
        match shown:
            case FinalCheckpoint(note=note):
                self.holding.become_final(note)
                self._adopt(shown)
                for final, _ in self._announcers.values():
                    final.put(note)
            case Lagging(member, size):
                if member not in self._catching_up and member in self.outboxes:
                    self._catching_up.add(member)
                    self._run(self._catch_up(self.outboxes[member], size))
            case Found(evidence):
                for _, found in self._announcers.values():
                    found.put(evidence)

    def _look_at_statements(self) -> None:
        """What a block just sealed has changed counts once it is final; the contract stands just behind that block now."""
        while self.holding.governing:
            self._agreements.decided(self.holding.governing.popleft(), self.contract.state)
            self.machine.wait_for(self._agreements.waits_for)

    def _adopt(self, final: FinalCheckpoint) -> None:
        waited = self._agreements.waits_for
        if 0 < waited <= final.size:
            self.holding.settle(waited, final.note)
        before = self.charter
        adopted = self._agreements.become_final(final.size)
        if adopted is not None:
            self.machine.setup.submitters = adopted.submitters
            self.holding.origin.keep_standing(adopted.charter)
            self.change(adopted.charter)
            self._tell_rotations()
            for feed in self._feeds.values() if adopted.charter.policy != before.policy else ():
                feed.state(self.holding.statement_of(adopted.charter.policy))
            self._feed_witnesses()

    def _tell_rotations(self) -> None:
        """Show witnesses, which replay nothing, the statements by which keys were followed by others: each behind the one it goes on from."""
        found: dict[str, tuple[str, bytes]] = {}
        for each in self.holding.shelf.in_log("key_rotated"):
            body = each.said
            if isinstance(body, KeyRotated) and body.new and body.origin == self.charter.origin:
                found[key_number(read_key(body.new))] = body.old, each.data

        def steps(number: str) -> int:
            return 1 + steps(found[number][0]) if number in found else 0

        for number in sorted(found.keys() - self._rotations, key=steps):
            self._rotations.add(number)
            for feed in self._feeds.values():
                feed.state(found[number][1])

    def _sent(self, block: Block) -> msgspec.Raw:
        """The block with its statements, encoded once for all mirrors."""
        if self._last_sent is None or self._last_sent[0] is not block:
            self._last_sent = block, msgspec.Raw(_ENCODE(self.holding.sent(block)))
        return self._last_sent[1]

    def _heard(self, name: str, answer: Cosigned | Declined | Refuse) -> None:
        if isinstance(answer, Declined):
            _LOG.debug("%s declines: %s", name, answer.refuse.why)
        self.driver.carry_out(self.machine.receive(name, answer, now_ms()))

    def _cosigned(self, name: str, size: int, line: str) -> None:
        self.driver.carry_out(self.machine.cosignature(name, size, line))

    def _reach(self, name: str) -> None:
        member = self.charter.members[name]
        if name == self.charter.sequencer:
            return
        try:
            check_address(member.url)
        except AddressError as error:  # as the members have decided it: nobody is to stop the log by a wrong address
            _LOG.warning("%s is not reached: %s", name, error.detail)
            return
        final, found = Announcer(Peer(member.url), FINAL_PATH), Announcer(Peer(member.url), EVIDENCE_PATH)
        if self.holding.final:
            final.put(self.holding.final)
        self._announcers[name] = final, found
        for announcer in self._announcers[name]:
            self._run(announcer.run())
        if member.part == "mirror":
            self.outboxes[name] = Outbox(name, Peer(member.url), self._heard)
            self._run(self.outboxes[name].run())
        else:
            self._feeds[name] = WitnessFeed(name, Peer(member.url), self._cosigned)
            self._run(self._feeds[name].run())

    def _feed_witnesses(self) -> None:
        for feed in self._feeds.values():
            if self.holding.note:
                feed.put(self.holding.note, self.holding.tiles.nodes)

    async def _catch_up(self, outbox: Outbox, size: int) -> None:
        """Send a mirror old blocks out of the journal until it is where new ones are in memory."""
        try:
            while size < self.holding.size:
                blocks = await asyncio.to_thread(self.holding.blocks, size, GROUP_MAX)
                for answer in await post_blocks(outbox.peer, blocks):
                    self._heard(outbox.name, answer)
                    if isinstance(answer, Refuse) or (isinstance(answer, Declined) and answer.size <= size):
                        return
                    size = max(size, answer.size)
                if outbox.is_busy:
                    return
        except (PeerError, LedgerError) as error:
            _LOG.warning("%s does not catch up: %s", outbox.name, error.detail)
        finally:
            self._catching_up.discard(outbox.name)

    async def _tick(self) -> None:
        self.driver.carry_out(self.machine.tick(now_ms()))

    def _take_snapshot(self) -> None:
        """Just behind a block: what is open is sealed first, as it soon would be. Not while something decided is not final."""
        if self._agreements.are_settled:
            self.driver.carry_out(self.machine.seal())
        if not self.machine.is_stopped and self._agreements.are_settled and self.machine.is_between_blocks:
            self._keeper.take(self.contract, self.machine.memory())

    async def _flush(self) -> None:
        await asyncio.to_thread(self.holding.tiles.flushing())
        await self._keeper.write()
        if self._keeper.is_due:
            self._take_snapshot()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
