"""A member that mirrors an origin's log: it keeps every block, replays the rules, and cosigns what is on its disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import Contract
from tidewaiter.ledger.contracts.statements import Statement
from tidewaiter.ledger.effects import (
    Block,
    Declined,
    FinalCheckpoint,
    Found,
    Keep,
    Lagging,
    Message,
    Persist,
    Send,
)
from tidewaiter.ledger.equivocation import Evidence, equivocation
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.merkle import leaf_hashes
from tidewaiter.ledger.mirror_records import Memory
from tidewaiter.ledger.mirroring import Mirror, Setup
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.resuming import Resumed
from tidewaiter.ledger.signing import check
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.agreeing import Agreements, undecided
from tidewaiter.network.charter import Charter
from tidewaiter.network.driving import REPLY_SECONDS_MAX, Driver, StoppedError, every, now_ms
from tidewaiter.network.files import Journal, Place
from tidewaiter.network.holding import FINAL, Holding
from tidewaiter.network.home import Origin
from tidewaiter.network.outbox import Sent
from tidewaiter.network.rules import named_in, unsigned
from tidewaiter.network.sequencer_side import Common, looked_at, settled_size
from tidewaiter.network.snapshots import Starting

FLUSH_SECONDS: Final = 1.0
EVIDENCE: Final = "evidence"
_LOG: Final = logging.getLogger(__name__)


class MirrorSide:
    """One origin's mirror, driven."""

    def __init__(self, origin: Origin, key: SignerKey, begin: Callable[[], Contract], common: Common) -> None:
        self.charter: Charter = origin.standing

        def make(
            holding: Holding, contract: Contract, records: Iterable[bytes], resumed: Resumed[Memory] | None
        ) -> Mirror:
            charter, submitters = self.charter, contract.state.submitters
            setup = Setup(
                origin=charter.origin, log=charter.log_key, key=key, submitters=submitters, numbers=charter.numbers
            )
            self._agreements = Agreements.begun(charter, contract.state)
            return Mirror.recovered(setup, contract, looked_at(holding, records, self._agreements, contract), resumed)

        begun = Starting(
            origin, self.charter, common.shelf, common.failpoints, begin, memory=Memory, make=make
        ).started()
        self.holding, self.contract, self.machine = begun.holding, begun.contract, begun.machine
        self._keeper = common.keeper(self.charter, begun)
        self.machine.setup.submitters = dict(self.contract.state.submitters)
        if self._adopt(max(self.holding.final_size, settled_size(self.holding))):
            origin.keep_standing(self.charter)
        self.driver = Driver(self.machine, Journal(origin.journal, common.failpoints), self)
        self._flushing: asyncio.Task[None] | None = None
        self._final_kept = self.holding.final

    def start(self) -> None:
        """Begin to see to time."""
        self._flushing = asyncio.get_running_loop().create_task(every(FLUSH_SECONDS, self._flush))

    async def stop(self) -> None:
        """Close what is open; what was appended is synced first."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)
        await self.driver.close()
        self._take_snapshot()
        await self._flush()

    async def receive(self, blocks: list[Sent]) -> list[Message]:
        """The answers to blocks, one for each, once what they rest on is on disk. Raises StoppedError."""
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[Message]] = []
        for each in blocks:
            block, statements = each.block, each.statements
            caller: asyncio.Future[Message] = loop.create_future()
            waiting.append(caller)
            if (statements or not self.holding.shelf.is_settled) and self._is_next(block):
                self._keep_named(block, statements)
                if (refuse := unsigned(self.contract, block.entries)) is not None:
                    caller.set_result(Declined(self.charter.origin, self.machine.size, refuse))
                    continue
            if self._agreements.waits_for:
                if each.settled:
                    await self._kept(waiting[:-1])
                    self.take_final(each.settled)
                if (size := self._agreements.waits_for) and block.first == size:
                    caller.set_result(Declined(self.charter.origin, self.machine.size, undecided(size)))
                    continue
            self.driver.carry_out(self.machine.receive(block, caller, now_ms()))
            self._look_at_statements()
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(REPLY_SECONDS_MAX):
                return await asyncio.gather(*waiting)
        except TimeoutError as error:
            raise StoppedError("the disk did not answer in time", hint="send the blocks again") from error

    @staticmethod
    async def _kept(answers: list[asyncio.Future[Message]]) -> None:
        """Return once what was taken before is answered, and so on the disk: only then is it known what a checkpoint is of."""
        if answers:
            await asyncio.wait(answers, timeout=REPLY_SECONDS_MAX)

    def _is_next(self, block: Block) -> bool:
        """Whether a block is the next one of the log, whole, and signed by it.

        Statements are kept for good, so not everybody's are taken; and everybody has some checkpoint that the log has signed.
        """
        if block.first != self.machine.size or not block.entries:
            return False
        try:
            note = SignedNote.parse(block.note)
            checkpoint = Checkpoint.parse(note.text)
            after = self.machine.frontier.extended(leaf_hashes(block.entries))
        except LedgerError:
            return False
        is_whole = (after.size, after.root) == (checkpoint.size, checkpoint.root)
        return is_whole and bool(check(note, (self.charter.log_key,)).verdict)

    def _keep_named(self, block: Block, statements: Sequence[bytes]) -> None:
        """Keep those statements that entries of a block stand for. Raises DiskError; LedgerError for what is none."""
        named = set(named_in(block.entries)) if statements else set[str]()
        for statement in statements:
            if Statement.parse(statement).commitment in named:
                self.holding.shelf.put(statement)

    async def freeze(self) -> Message:
        """How much is held, once nothing more of this origin will be cosigned."""
        return await self.driver.ask(self.machine.freeze)

    async def close(self, closing: Checkpoint, key: SignerKey) -> Message:
        """The cosignature on the end of the origin by one of the member's keys, or why there is none."""
        return await self.driver.ask(lambda caller: self.machine.close(closing, caller, now_ms(), key=key))

    def change(self, charter: Charter) -> None:
        """The members have agreed on something else: other keys, another quorum, one more member, one less."""
        self.charter = charter
        self._agreements.change(charter)

    def take_key(self, key: SignerKey) -> None:
        """Cosign with another key from now on."""
        self.machine.setup.key = key

    def take_final(self, note: bytes) -> bool:
        """Whether a checkpoint is final and of what is held here; it is kept then."""
        checkpoint = self._agreements.believed(note, self._root)
        if checkpoint is None:
            return False
        if checkpoint.size > self.holding.final_size:
            waited = self._agreements.waits_for
            if 0 < waited <= checkpoint.size:
                self.holding.settle(waited, note)
            self.holding.become_final(note)
            if self._adopt(checkpoint.size):
                self.holding.origin.keep_standing(self.charter)
        return True

    def _root(self, size: int) -> bytes | None:
        return self.holding.root(size) if size <= self.holding.size else None

    def _adopt(self, size: int) -> bool:
        """Whether something else counts now that the log is final up to a size."""
        adopted = self._agreements.become_final(size)
        if adopted is not None:
            self.charter = adopted.charter
        return adopted is not None

    def _look_at_statements(self) -> None:
        """Keys that a block has brought count for the blocks after it; members and quorum once that is final."""
        while self.holding.governing:
            self._agreements.decided(self.holding.governing.popleft(), self.contract.state)
            self.machine.setup.submitters = dict(self.contract.state.submitters)

    def take_evidence(self, data: bytes) -> bool:
        """Whether evidence shows that the log told two histories; it is kept then, and nothing more is cosigned."""
        evidence = Evidence.parse(data)
        if not equivocation(evidence.first, evidence.second, evidence.proof, self.charter.log_key):
            return False
        self.driver.carry_out(self.machine.learn(Found(data)))
        return True

    def wrote(self, written: Persist | Keep, upto: int, place: Place) -> None:
        """As `driving.Shown` has it."""
        self.holding.wrote(written, upto, place)

    def safe(self, upto: int) -> None:
        """As `driving.Shown` has it."""
        self.holding.safe(upto)

    def send(self, message: Send) -> None:
        """As `driving.Shown` has it: a mirror sends nothing of itself."""

    def show(self, shown: FinalCheckpoint | Lagging | Found) -> None:
        """As `driving.Shown` has it."""
        if isinstance(shown, Found):
            _LOG.error("the log of %s has signed two checkpoints that cannot both be", self.charter.origin)
            self.holding.origin.keep(EVIDENCE, shown.evidence)

    def _take_snapshot(self) -> None:
        if not self.machine.is_stopped and self._agreements.are_settled:
            self._keeper.take(self.contract, self.machine.memory())

    async def _flush(self) -> None:
        await asyncio.to_thread(self.holding.tiles.flushing())
        await self._keeper.write()
        if self._keeper.is_due:
            self._take_snapshot()
        if self.holding.final is not self._final_kept:
            self._final_kept = self.holding.final
            await asyncio.to_thread(self.holding.origin.keep, FINAL, self._final_kept)
