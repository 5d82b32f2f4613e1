"""One message's records: sliced, decided here or by worker processes, written in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.errors import MessageError, TransitionError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.workflow.batching import Slice, Tally, carried_on
from tidewaiter.workflow.budgets import Leases, limiting
from tidewaiter.workflow.crew import AHEAD, Crew
from tidewaiter.workflow.grouping import GroupWriter
from tidewaiter.workflow.happenings import Heard, Told
from tidewaiter.workflow.history import Teller
from tidewaiter.workflow.pieces import SMALL_BYTES, Piece
from tidewaiter.workflow.ports import Store, Writing
from tidewaiter.workflow.records import Incoming, Receipt
from tidewaiter.workflow.sequel import Sequel
from tidewaiter.workflow.shelf import Shelf
from tidewaiter.workflow.slices import Result, Telling, decide_slice, decider

SLICE_RECORDS = 256
REMEMBERED_AT_ONCE = 2048  # records that history is told of in one transaction
SLICE_BYTES = 2 * 1024 * 1024
ALONE_SLICES = 4  # as many slices are decided in this process; more make worker processes worth their start


class OvertakenError(TransitionError):
    """Somebody else has gone on with this message; nothing of ours was written twice."""

    code = "intake.overtaken"


class Means(Struct, frozen=True, kw_only=True):
    """What processing a message needs beside it."""

    store: Store
    writer: GroupWriter[Writing]
    shelf: Shelf
    workers: int


class Processing:
    """Decides and writes the records of one message behind those that `receipt` counts."""

    def __init__(self, means: Means, incoming: Incoming, receipt: Receipt, size_bytes: int) -> None:
        self._means = means
        self._incoming = incoming
        self._receipt = receipt
        self._are_bodies_kept = size_bytes > SMALL_BYTES
        self._broken: tuple[Finding, ...] = ()
        self._first_id: int | None = None
        self._leases: Leases | None = None  # where slices are decided at the same time
        self._told: Told = []  # and not remembered yet
        self._is_proven = bytearray()  # by position, as far as is known: see `happenings.Heard`

    def run(self, source: Callable[[], Iterator[Piece]], first_id: int | None = None) -> Receipt:
        """The finished receipt; `source` goes through the records, `first_id` is an id set aside for the first declaration.

        Raises OvertakenError when somebody else has gone on with the message.
        """
        self._first_id = first_id
        slices = self._marked(self._slices(source()))
        first = list(islice(slices, ALONE_SLICES + 1))
        if len(first) <= ALONE_SLICES or self._means.workers < 2:
            self._remember_here(source)
            for part in chain(first, slices):
                self._write_here(part)
        else:
            with Crew[Slice | Telling, Result | Heard](self._means.workers, decider) as crew:
                if self._means.shelf.wants_history:
                    self._remember_first(first[0])  # loads the law, which they need not read from its files
                    self._begin(crew)
                    self._remember_with(crew, source)
                    self._write_with(crew, chain(first, slices))
                else:
                    self._write_here(first[0])  # while they start; loads the law, too
                    self._begin(crew)
                    self._write_with(crew, chain(first[1:], slices))
        if not self._receipt.is_complete:
            self._means.writer.run(self._finish)
        return self._receipt

    @staticmethod
    def _marked(slices: Iterator[Slice]) -> Iterator[Slice]:
        """The same slices, the last marked as such, so that its transaction can close the message."""
        held = next(slices, None)
        for part in slices:
            assert held is not None
            yield held
            held = part
        if held is not None:
            yield replace(held, is_last=True)

    def _slices(self, source: Iterator[Piece], after: int | None = None) -> Iterator[Slice]:
        """The records not written yet (or those after one), in slices. Why a message breaks off becomes a finding."""
        after = self._receipt.record_count if after is None else after
        held: list[Piece] = []
        size = 0
        try:
            for piece in source:
                if piece.position <= after:
                    continue
                held.append(piece)
                size += len(piece.body)
                if len(held) == SLICE_RECORDS or size >= SLICE_BYTES:
                    yield self._slice(held)
                    held, size = [], 0
        except MessageError as error:
            self._broken = (Finding(error.code, Severity.ERROR, "", error.detail, hint=error.hint, place=error.place),)
        if held:
            yield self._slice(held)

    def _slice(self, held: list[Piece]) -> Slice:
        return Slice(incoming=self._incoming, pieces=tuple(held), are_bodies_kept=self._are_bodies_kept)

    # --- history ---------------------------------------------------------------------------------------------

    def _remember_here(self, source: Callable[[], Iterator[Piece]]) -> None:
        """Have history know of all records before the first is decided: those of one message see each other."""
        if self._means.shelf.wants_history:
            teller = Teller(self._means.shelf, self._means.store.history.secret())
            self._remember_all((part, teller.heard(part.pieces, part.incoming)) for part in self._untold(source))

    def _remember_first(self, part: Slice) -> None:
        """The same of the first slice, unless history knows of this message."""
        history = self._means.store.history
        if not history.remembered(self._receipt.message_id):
            teller = Teller(self._means.shelf, history.secret())
            telling = Telling(part.incoming, part.pieces)
            self._remember_all([(telling, teller.heard(part.pieces, part.incoming))])

    def _remember_with(
        self, crew: Crew[Slice | Telling, Result | Heard], source: Callable[[], Iterator[Piece]]
    ) -> None:
        """The same, told by worker processes."""
        self._remember_all(crew.results(self._untold(source)))

    def _untold(self, source: Callable[[], Iterator[Piece]]) -> Iterator[Telling]:
        known = self._means.store.history.remembered(self._receipt.message_id)
        for part in self._slices(source(), after=known):
            yield Telling(self._incoming, part.pieces)

    def _remember_all(self, heard: Iterable[tuple[Slice | Telling, Result | Heard]]) -> None:
        """Have history know of what records told, of many at once, and keep in mind which can simply be read again."""
        for part, each in heard:
            assert isinstance(each, Heard)
            first, end = part.pieces[0].position, part.pieces[-1].position + 1
            self._is_proven.extend(bytes(max(end - len(self._is_proven), 0)))
            self._is_proven[first:end] = each.is_proven
            self._told += each.told
            if len(self._told) >= REMEMBERED_AT_ONCE:
                self._remember()
        self._remember()

    def _remember(self) -> None:
        told, self._told = self._told, []
        self._means.writer.run(lambda transaction: transaction.history.remember(self._receipt.message_id, told))

    def _known(self, part: Slice) -> Slice:
        """The slice with what history knows beside its records."""
        if not self._means.shelf.wants_history:
            return part
        first, last = part.pieces[0].position, part.last_position
        return replace(
            part,
            looked_up=self._means.store.history.of_records(self._receipt.message_id, first, last),
            is_proven=bytes(self._is_proven[first : last + 1]) if last < len(self._is_proven) else b"",
        )

    # --- deciding --------------------------------------------------------------------------------------------

    def _write_here(self, part: Slice) -> None:
        part = self._numbered(part)
        self._write_result(part, decide_slice(part, self._means.shelf, self._means.store.encode))

    def _begin(self, crew: Crew[Slice | Telling, Result | Heard]) -> None:
        secret = self._means.store.history.secret() if self._means.shelf.wants_history else b""
        crew.begin(self._means.shelf.sent(), self._means.store.encode, secret)

    def _write_with(self, crew: Crew[Slice | Telling, Result | Heard], slices: Iterator[Slice]) -> None:
        self._leases = Leases(self._means.shelf.budgets, AHEAD * self._means.workers)
        for part, result in crew.results(self._numbered(each) for each in slices):
            assert isinstance(part, Slice)
            assert isinstance(result, Result)
            self._write_result(part, result)

    def _numbered(self, part: Slice) -> Slice:
        part = self._known(part)
        if self._means.shelf.budgets:
            counted = self._means.store.workloads.counted(
                part.incoming.seed.drawn_for, limiting(self._means.shelf.budgets)
            )
            part = replace(part, counted=self._leases.lend(part.last_position, counted) if self._leases else counted)
        first_id, self._first_id = self._first_id, None
        ids = (first_id,) if first_id is not None and len(part.pieces) == 1 else None
        return replace(part, declaration_ids=ids or tuple(self._means.store.next_declaration_ids(len(part.pieces))))

    def _write_result(self, part: Slice, result: Result) -> None:
        if result.contents:
            self._means.store.keep_knowledge(result.contents)

        def job(transaction: Writing) -> Receipt:
            if result.encoded is not None and result.tally is not None:
                receipt = self._carried_on(part, result.tally)
                if self._appended(transaction, result, receipt):
                    return receipt
            receipt = self._carried_on(part, self._sequel(transaction, part))
            return self._record(transaction, receipt)

        self._receipt = self._means.writer.run(job)
        if self._leases is not None:
            self._leases.give_back(part.last_position)

    # --- writing ---------------------------------------------------------------------------------------------

    def _appended(self, transaction: Writing, result: Result, receipt: Receipt) -> bool:
        """Write what stands alone. False, with nothing written, when a reference or a parcel turns out to be declared before."""
        assert result.encoded is not None
        with _overtaking():
            is_written = transaction.append_new(result.encoded, result.sought, self._receipt.record_count, receipt)
        if is_written and result.rejected and self._means.shelf.wants_history:
            transaction.history.forget(self._receipt.message_id, result.rejected)
        return is_written

    def _sequel(self, transaction: Writing, part: Slice) -> Tally:
        if transaction.record_count(self._receipt.message_id) != self._receipt.record_count:
            raise OvertakenError(f"message {self._receipt.message_id} was taken further by another")
        return Sequel(self._means.store, transaction, part, self._means.shelf).write()

    def _carried_on(self, part: Slice, tally: Tally) -> Receipt:
        last = part.pieces[-1]
        receipt = carried_on(self._receipt, tally, last.position, last.form)
        return replace(receipt, message_findings=self._broken, is_complete=True) if part.is_last else receipt

    def _finish(self, transaction: Writing) -> None:
        """Close a message of which no record was left to write."""
        problems = self._broken or (() if self._receipt.record_count else (_EMPTY,))
        receipt = replace(self._receipt, message_findings=problems, is_complete=True)
        self._receipt = self._record(transaction, receipt)

    def _record(self, transaction: Writing, receipt: Receipt) -> Receipt:
        with _overtaking():
            transaction.advance(receipt.message_id, self._receipt.record_count, receipt)
        return receipt


@contextmanager
def _overtaking() -> Iterator[None]:
    """A message found further than expected was taken on by another."""
    try:
        yield
    except TransitionError as error:
        raise OvertakenError(error.detail) from error


_EMPTY = Finding(
    "message.empty",
    Severity.ERROR,
    "",
    "There is no declaration in this message.",
    hint="Check that the right file was sent, and in one of the forms that are read.",
)
