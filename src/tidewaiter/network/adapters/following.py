"""A sequencer fed by an intake: whoever follows the same intake makes the same log, byte for byte.

The sequencer is the pure machine of `tidewaiter.ledger.sequencing`. Here it is told nothing but what the intake tells
everybody: batches in their order, each at the moment at which it was stored; and each batch is a block of its own. So
several may follow, each with its own copy; one that stops can be replaced by any other; and two that both think that they
lead sign the same checkpoints.

The position in the intake is written in the same unit as what the machine wrote, so that no crash comes between.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, structs

from tidewaiter.ledger.batches import Promise
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import Contract
from tidewaiter.ledger.contracts.statements import QuorumChanged, Statement
from tidewaiter.ledger.effects import Effect, Keep, Persist, Refuse, Reply
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.journals import whole_records
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.sequencing import Admitted, Limits, Record, Sealed, Sequencer, Setup
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.network.adapters.batches import Stated, stated_of, unfit
from tidewaiter.network.adapters.intake import Delivered
from tidewaiter.network.adapters.journal import Journal
from tidewaiter.network.agreeing import signed_together
from tidewaiter.network.home import FOLLOWED
from tidewaiter.network.rules import named_in

CHECKPOINTS_KEPT: Final = 10_000
_LIMITS: Final = Limits(seal_ms=0, unfinal_max=2**62)  # the intake holds back what is too much, not the machine


class _Step(Struct, frozen=True, omit_defaults=True):
    """One batch in the journal: its position, the moment, what the machine wrote, and the statements that came with it, with
    the signatures that hold of all that came so far."""

    position: int
    now: int
    written: bytes
    statements: tuple[bytes, ...] = ()


class Taken(Struct, frozen=True):
    """What became of a batch of the intake: the log's promise, or why none of it is in the log."""

    position: int
    answer: Promise | Refuse


class FollowedLog:
    """The log of one follower, in a journal of its own; `contract` is as it stands before the first entry.

    Statements are in the same unit of the journal as the batch that they came with, and are not looked for anywhere else: so a
    follower that replays a batch knows what it knew when it took it first, and never signatures that came later.
    """

    def __init__(self, folder: Path, setup: Setup, contract: Contract) -> None:
        self._journal = Journal(folder / FOLLOWED)
        self.position = 0
        self._now = 0
        self._notes: dict[int, SignedNote] = {}
        self._positions: dict[int, int] = {}
        self._ends: list[int] = []
        self._places: list[int] = []
        self._origin = setup.origin
        self.latest: SignedNote | None = None
        setup = structs.replace(setup, limits=_LIMITS, mirrors=())
        self._statements: dict[str, bytes] = {}
        self._stood_for: set[str] = set()
        self._stands_at: dict[str, int] = {}
        self._contract = contract
        contract.statements = self._statements
        self._machine = Sequencer.recovered(setup, contract, self._replayed())
        self._machine.setup.submitters = contract.state.submitters

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self._machine.size

    def take(self, delivered: Sequence[Delivered]) -> list[Taken]:
        """What became of batches that stand behind the last one taken, once the disk has it.

        Raises LedgerError where they do not stand right behind it; or UnavailableError where they cannot be written: then this log is of no more use, and is opened again.
        """
        for expected, each in enumerate(delivered, start=self.position + 1):
            if each.position != expected:
                raise LedgerError(
                    f"the intake gives the batch at {each.position} where the one at {expected} follows",
                    hint="what is missing was forgotten there: begin with the folder of another follower",
                )
        steps, answers, upto, now = [], [], 0, self._now
        for each in delivered:
            now = max(now, each.stored_at)
            effects, statements = self._effects(each, now)
            upto = max([upto, *(effect.upto for effect in effects if isinstance(effect, Persist))])
            written = b"".join(effect.data for effect in effects if isinstance(effect, Persist | Keep))
            self._look_at_statements(written)
            steps.append(_Step(each.position, now, written, statements))
            answers += [effect for effect in effects if isinstance(effect, Reply)]
        try:
            places = self._journal.append([msgspec.msgpack.encode(step) for step in steps])
        except TidewaiterError as error:
            self._machine.failed(error.detail)
            raise
        for step, place in zip(steps, places, strict=True):
            self._go_on(step, place)
        answers += [effect for effect in self._machine.synced(upto) if isinstance(effect, Reply)]
        told = {answer.caller: answer.message for answer in answers}
        return [Taken(step.position, _answer(told.get(step.position))) for step in steps]

    def learn(self, note: bytes) -> bool:
        """Take note that a checkpoint is final, as another follower tells it; whether it is, by the policy.

        Without being told the machine would wait for cosignatures of every checkpoint it ever signed.
        """
        policy = self._machine.setup.policy
        believed = policy.believed(note)
        if not believed.verdict or believed.checkpoint is None:
            return False
        signed = {signature.name: signature.line for signature in SignedNote.parse(note).signatures}
        for name, witness in policy.witnesses.items():
            if witness.key.name in signed:
                self._machine.cosignature(name, believed.checkpoint.size, signed[witness.key.name])
        return True

    @property
    def final_size(self) -> int:
        """The size of the last checkpoint that is known to be final; 0 before the first."""
        return self._machine.final_size

    @property
    def final(self) -> bytes:
        """The last checkpoint that is known to be final, with its cosignatures; empty before the first."""
        return self._machine.final.note if self._machine.final else b""

    def note_at(self, size: int) -> SignedNote | None:
        """The checkpoint that was signed at a size, of the last ones; None where there was none."""
        return self._notes.get(size)

    @property
    def final_position(self) -> int:
        """The position up to which nothing waits to become final: what a batch left no block of waits for nothing."""
        size = self.final_size
        latest = Checkpoint.parse(self.latest.text).size if self.latest else 0
        return self.position if size >= latest else self._positions.get(size, 0)

    def entries_between(self, first: int, end: int) -> list[bytes]:
        """The entries from one up to another, read from the file; raises LedgerError where it is damaged."""
        found: list[bytes] = []
        at = bisect_right(self._ends, first)
        start = self._ends[at - 1] if at else 0
        while start + len(found) < end:
            step = msgspec.msgpack.decode(self._journal.read(self._places[at]), type=_Step)
            for record in whole_records(step.written)[0]:
                found += _entries_of(_RECORD.decode(record))
            at += 1
        return found[first - start : end - start]

    @property
    def submitters(self) -> Mapping[str, bytes]:
        """The public keys that the log knows, by their number."""
        return self._machine.setup.submitters

    def statements(self, size: int) -> dict[str, bytes]:
        """The statements that the first `size` entries stand for, by their commitment."""
        return {each: self._statements[each] for each, at in self._stands_at.items() if at <= size}

    def records(self) -> Iterator[Record]:
        """What the sequencer admitted and sealed, in order."""
        for _, step in self._steps():
            for record in whole_records(step.written)[0]:
                yield _RECORD.decode(record)

    def entries(self) -> Iterator[bytes]:
        """The entries of the log, in order."""
        for record in self.records():
            yield from _entries_of(record)

    def close(self) -> None:
        """Let go of the file."""
        self._journal.close()

    def _effects(self, delivered: Delivered, now: int) -> tuple[list[Effect], tuple[bytes, ...]]:
        """What comes of a batch, and its statements as they are kept."""
        try:
            stated = stated_of(delivered.batch)
        except LedgerError as error:
            refuse = Refuse("batch.malformed", error.detail, "It was put into the intake round its door.")
            return [Reply(delivered.position, refuse)], ()
        statements = self._kept(stated, now)
        return [*self._machine.submit(stated.batch, delivered.position, now), *self._machine.tick(now)], statements

    def _kept(self, stated: Stated, now: int) -> tuple[bytes, ...]:
        """The statements of a batch that count here, kept before it is taken. `now` is in milliseconds.

        An entry whose statement is not kept is refused by the contract. So is one on another quorum: which of two suffices for a
        checkpoint follows from what was final then, and that is not the same for all who follow.
        """
        kept: list[bytes] = []
        entries = Entries.of(stated.batch.entries) if stated.statements else None
        for data in stated.statements:
            if entries is None or unfit(data, entries, self.submitters):
                continue
            statement = Statement.parse(data)
            commitment = statement.commitment
            if isinstance(statement.said, QuorumChanged) or commitment in self._stood_for:
                continue
            known = self._statements.get(commitment)
            together = signed_together(statement, known, self._contract.state, now // 1000)
            self._statements[commitment] = together
            kept.append(together)
        return tuple(kept)

    def _look_at_statements(self, written: bytes) -> None:
        """Statements that entries stand for from now on stay as they are, and the keys that they bring may hand in."""
        found: list[str] = []
        for data in whole_records(written)[0]:
            record = _RECORD.decode(data)
            if isinstance(record, Admitted):
                found += named_in(record.entries)
        if found:
            self._stood_for.update(found)
            self._machine.setup.submitters = self._contract.state.submitters

    def _go_on(self, step: _Step, place: int) -> None:
        self.position, self._now = step.position, step.now
        before = size = self._ends[-1] if self._ends else 0
        for data in whole_records(step.written)[0]:
            record = _RECORD.decode(data)
            size += len(_entries_of(record))
            if isinstance(record, Admitted):
                named = named_in(record.entries)
                self._stood_for.update(named)
                self._stands_at.update(dict.fromkeys(named, size))
            if isinstance(record, Sealed):
                self.latest = SignedNote.parse(record.note)
                self._notes[size], self._positions[size] = self.latest, step.position
                if len(self._notes) > CHECKPOINTS_KEPT:
                    del self._notes[oldest := next(iter(self._notes))]
                    del self._positions[oldest]
        if size > before:
            self._ends.append(size)
            self._places.append(place)

    def _replayed(self) -> Iterator[bytes]:
        for place, step in self._steps():
            self._statements.update({Statement.parse(each).commitment: each for each in step.statements})
            for data in whole_records(step.written)[0]:
                self._refuse_other(_RECORD.decode(data))
                yield data
            self._go_on(step, place)

    def _refuse_other(self, record: Record) -> None:
        """Raises LedgerError for a checkpoint of another origin: this folder is another log's."""
        if isinstance(record, Sealed):
            origin = Checkpoint.parse(SignedNote.parse(record.note).text).origin
            if origin != self._origin:
                raise LedgerError(
                    f"the folder holds the log “{origin}”, and not “{self._origin}”",
                    hint="name the folder of this log, or begin with an empty one",
                    place=str(self._journal.path),
                )

    def _steps(self) -> Iterator[tuple[int, _Step]]:
        for place in self._journal.places():
            yield place, msgspec.msgpack.decode(self._journal.read(place), type=_Step)


def _entries_of(record: Record) -> tuple[bytes, ...]:
    if isinstance(record, Admitted):
        return tuple(record.entries)
    return (record.entry,) if isinstance(record, Sealed) else ()


def _answer(message: object) -> Promise | Refuse:
    if isinstance(message, Promise | Refuse):
        return message
    raise LedgerError("the sequencer did not answer a batch that it was given")


_RECORD: Final = msgspec.msgpack.Decoder(Record)
