"""Stock accounts kept: what operators tell is kept as it came, filed, declared by the ordinary intake, and moves on release.

    keeper = StockKeeper(store, intake)
    receipt = keeper.submit(ArrivingStock(account_no=1, kind=MessageKind.ORDERS, body=b"…", …))

A message is kept and committed before it is read. Its records become filings in one transaction, which reserves what
they take; their declarations are then handed in together. Goods move when theirs is released; what is refused stays.
After a crash `resume` goes on: nothing is declared or moved twice.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import BinaryIO, Final, Protocol

import msgspec

from tidewaiter.messages.limits import RETURN_MESSAGE_BYTES_MAX
from tidewaiter.messages.plain_records import read_records
from tidewaiter.model.canonical import digest as digest_of
from tidewaiter.model.decision import State
from tidewaiter.model.errors import ConflictError, LimitExceededError, MessageError, TidewaiterError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.stock.account import Movement, StockAccount, derive
from tidewaiter.stock.counting import StockCount
from tidewaiter.stock.facts import Fact, Kind
from tidewaiter.stock.filings import BuyerReturn, Entry, Order, Taken
from tidewaiter.stock.law import Flow
from tidewaiter.stock.statements import Statement, state
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.records import Receipt
from tidewaiter.workflow.returning import Returning
from tidewaiter.workflow.stock_acts import take_count, take_return, taken_back
from tidewaiter.workflow.stock_filing import Arrival, file_entry, file_order, law_of, receipts, refuse_other_units
from tidewaiter.workflow.stock_origins import Origin, origins
from tidewaiter.workflow.stock_recording import keep_facts
from tidewaiter.workflow.stock_records import (
    LINES_KEPT,
    ArrivingStock,
    FilingState,
    KeptAccount,
    KeptFiling,
    MessageKind,
    NewFiling,
    Opening,
    Standing,
    StockError,
    StockLine,
    StockMessage,
    StockReceipt,
    StockStore,
    StockWriting,
    Taking,
)
from tidewaiter.workflow.stock_refunds import claim_back

AT_ONCE: Final = 500  # filings settled in one transaction
RELEASED: Final = (State.RELEASED, State.CLEARED)
FINDINGS_KEPT: Final = 200
TRANSPORT: Final = "stock"
NOT_SETTLED: Final = "stock.not_settled"
Told = Entry | Order | BuyerReturn | StockCount
SHAPES: Final[dict[MessageKind, type[Told]]] = {
    MessageKind.ENTRIES: Entry, MessageKind.ORDERS: Order, MessageKind.RETURNS: BuyerReturn, MessageKind.COUNT: StockCount,
}  # fmt: skip


class Lodging(Protocol):
    """The intake, as declarations made of filings are handed in to it."""

    def submit(
        self,
        stream: BinaryIO,
        *,
        sender_id: int,
        file_name: str,
        transport: str,
        form_name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Keep a message, decide what is in it, and give a receipt."""  # fmt: skip


class StockKeeper:
    """Keeps accounts; safe in threads."""

    def __init__(self, store: StockStore, intake: Lodging, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._intake = intake
        self._returning = Returning(store, clock=clock)
        self._clock = clock

    def open(self, opening: Opening, by: str) -> KeptAccount:
        """Open an account. Raises StockError where there is one, NotInForceError where no law is modelled for the place."""
        at = self._clock()
        with self._store.writing() as writing:
            number = writing.stock.open(opening, by, at)
            kept = writing.stock.account(number)
            law_of(kept, at)
        return kept

    def standing(self, account_no: int, *, known_at: datetime | None = None) -> Standing:
        """An account with all there is to see of it. Raises NotFoundError.

        With `known_at`, as it was known then; of filings then those that are open still.
        """
        book = self._store.stock
        kept = book.account(account_no)
        standing = Standing(
            kept=kept, account=self.account(kept, known_at=known_at),
            filings=tuple(book.filings(account_no, state=FilingState.OPEN)), counts=tuple(book.counts(account_no)),
            findings=tuple(book.findings(account_no)),
        )  # fmt: skip
        return standing if known_at is None else standing.known(known_at)

    def account(self, kept: KeptAccount, *, known_at: datetime | None = None) -> StockAccount:
        """Lots and movements of an account."""
        book = self._store.stock
        reservations = () if known_at is not None else book.reservations(kept.account_no)
        consumption = law_of(kept, known_at or self._clock()).consumption
        return derive(book.facts(kept.account_no), consumption, reservations, known_at=known_at)

    def movements(
        self, account_no: int, starts_at: datetime, ends_at: datetime, *, known_at: datetime | None = None
    ) -> list[Movement]:
        """What took effect from a moment until before another, in order. Raises NotFoundError."""
        known = self.account(self._store.stock.account(account_no), known_at=known_at).movements
        return [each for each in known if starts_at <= each.effective_at < ends_at]

    def origins(self, account_no: int, movements: Iterable[Movement]) -> dict[str, Origin]:
        """What movements came from, by their sources."""
        return origins(self._store.stock, account_no, movements)

    def statement(
        self, account_no: int, starts_at: datetime, ends_at: datetime, *, known_at: datetime | None = None
    ) -> Statement:
        """The statement of a period, as it is known now or was known at a moment. Raises NotFoundError."""
        return state(self.account(self._store.stock.account(account_no), known_at=known_at), starts_at, ends_at)

    def submit(self, arriving: ArrivingStock) -> StockReceipt:
        """Keep a message, work through it, and give a receipt once all of it is durable.

        The same key (by default the digest) with the same bytes gives the same receipt again; with other bytes
        ConflictError is raised. Raises LimitExceededError, NotFoundError.
        """
        if len(arriving.body) > RETURN_MESSAGE_BYTES_MAX:
            raise LimitExceededError(
                f"the message is larger than {RETURN_MESSAGE_BYTES_MAX // 1024**2} MiB", hint="split it"
            )
        self._store.stock.account(arriving.account_no)
        message = self._store.stock.keep(arriving)
        return self._repeated(arriving) if message is None else self._process(message)

    def resume(self) -> list[StockReceipt]:
        """Finish what was kept and not worked through, hand in what was not handed in, and settle."""
        done = [self._process(message) for message in self._store.stock.unprocessed()]
        self.lodge(self._store.stock.undeclared())
        self.settle()
        return done

    def settle(self, account_no: int | None = None) -> int:
        """Let the filings follow their declarations: goods released move, what came to nothing is free again. How many.

        What cannot be followed now stays as it is, with a finding, and is tried again by the next round.
        """
        count = 0
        failed: set[int] = set()
        while True:
            filings = [
                each
                for each in self._store.stock.settled(account_no, AT_ONCE + len(failed))
                if each.filing_no not in failed
            ]
            if not filings:
                return count
            at = self._clock()
            with self._store.writing() as writing:
                for filing in filings:
                    try:
                        self._settle(writing, filing, at)
                        count += 1
                    except TidewaiterError as error:
                        failed.add(filing.filing_no)
                        finding = Finding(NOT_SETTLED, Severity.ERROR, "", error.detail, filing.reference, error.hint)
                        writing.stock.find_out(filing.account_no, f"filing:{filing.filing_no}", finding, at)

    # --- messages --------------------------------------------------------------------------------------------

    def _repeated(self, arriving: ArrivingStock) -> StockReceipt:
        digest = digest_of(arriving.body)
        book = self._store.stock
        message = book.message_by_key(arriving.account_no, arriving.kind, arriving.idempotency_key or digest)
        if message.digest != digest:
            raise ConflictError(
                f"the key {message.idempotency_key[:80]!r} was used for other content on {message.received_at:%Y-%m-%d}",
                hint="give each message a key of its own",
            )
        receipt = book.receipt(message.message_no) or self._process(message)
        return msgspec.structs.replace(receipt, is_repeat=True)

    def _process(self, message: StockMessage) -> StockReceipt:
        """Take it in, unless another did meanwhile; hand in what it was made into; its receipt."""
        book = self._store.stock
        with self._store.writing() as writing:
            taking = writing.stock.taking(message.message_no)
            if taking is None:
                taking = self._take(writing, message)
                writing.stock.keep_taking(message.message_no, taking)
        self.lodge([each for each in book.undeclared(message.account_no) if each.message_no == message.message_no])
        self.settle(message.account_no)
        if message.kind is MessageKind.RETURNS:
            claim_back(self._store, self._returning, message)
        filings = {each.reference: each for each in book.filings(message_no=message.message_no, limit=10_000)}
        lines = [
            _line(position, reference, filings.get(reference)) for position, reference in taking.taken[:LINES_KEPT]
        ]
        receipt = StockReceipt(
            message_no=message.message_no, digest=message.digest, kind=message.kind, record_count=taking.record_count,
            taken_count=len(taking.taken), lines=tuple(lines), findings=taking.findings[:FINDINGS_KEPT],
        )  # fmt: skip
        book.finish(receipt)
        return receipt

    def _take(self, writing: StockWriting, message: StockMessage) -> Taking:
        """Keep what the records say, all in one transaction; what is wrong in one does not keep the others out."""
        try:
            reads = read_records(writing.stock.body(message.message_no), SHAPES[message.kind], message.kind.value)
        except MessageError as error:
            broken = Finding(error.code, Severity.ERROR, "", error.detail, hint=error.hint, place=error.place)
            return Taking(record_count=0, findings=(broken,))
        kept = writing.stock.account(message.account_no)
        desk = _Desk(self._store, writing, kept, message, self._clock())
        taken: list[tuple[int, str]] = []
        findings: list[Finding] = []
        for read in reads:
            findings += read.findings
            if read.record is None:
                continue
            try:
                taken.append((read.position, desk.take(read.record)))
            except TidewaiterError as error:
                place = f"record {read.position}"
                findings.append(Finding(error.code, Severity.ERROR, "", error.detail, hint=error.hint, place=place))
        return Taking(record_count=len(reads), taken=tuple(taken), findings=tuple(findings))

    def lodge(self, filings: Sequence[KeptFiling]) -> None:
        """Hand in the declarations that were made of filings: those of one message together, each once."""
        groups: dict[tuple[int, int | None], list[KeptFiling]] = {}
        for filing in filings:
            alone = None if filing.message_no is not None else filing.filing_no
            groups.setdefault((filing.message_no or 0, alone), []).append(filing)
        for (message_no, filing_no), group in groups.items():
            body = b"".join(filing.declared or b"" for filing in group)
            key = f"stock:{message_no}" if filing_no is None else f"stock filing:{filing_no}"
            receipt = self._intake.submit(
                io.BytesIO(body), sender_id=self._store.stock.account(group[0].account_no).sender_id,
                file_name=f"{key}.jsonl", transport=TRANSPORT, form_name="json", idempotency_key=key,
            )  # fmt: skip
            references = [filing.reference for filing in group]
            with self._store.writing() as writing:
                writing.stock.declared(group[0].message_no, references, receipt.message_id)

    # --- what declarations came to ---------------------------------------------------------------------------

    def _settle(self, writing: StockWriting, filing: KeptFiling, at: datetime) -> None:
        if filing.declared_state in RELEASED:
            keep_facts(writing, filing.account_no, self._moved(writing, filing, at))
            writing.stock.end(filing.filing_no, FilingState.DONE, at)
            return
        words = f"the declaration is {filing.declared_state.value if filing.declared_state else 'gone'}"
        if filing.state is FilingState.DONE:  # it had moved: taken back
            facts = [each for each in writing.stock.facts(filing.account_no) if _is_of(each, filing)]
            keep_facts(writing, filing.account_no, [taken_back(each, words, at) for each in facts])
        writing.stock.end(filing.filing_no, FilingState.LIFTED, at, words)

    def _moved(self, writing: StockWriting, filing: KeptFiling, at: datetime) -> list[Fact]:
        kept = writing.stock.account(filing.account_no)
        released_at = filing.declared_at or at
        if filing.flow is Flow.INWARD:
            entry = msgspec.json.decode(filing.told, type=Entry)
            arrived_at = entry.arrived_at or released_at
            arrival = Arrival(filing.registered_id or filing.reference, filing.reference, arrived_at, at)
            return receipts(self._store, kept, entry, arrival, writing.stock.facts(filing.account_no))
        return left(filing.flow, filing.reference, filing.taken, released_at, at)


class _Desk:
    """One message being taken in, in one transaction."""

    def __init__(
        self, store: StockStore, writing: StockWriting, kept: KeptAccount, message: StockMessage, at: datetime
    ) -> None:
        self._store, self._writing, self._kept, self._message, self._at = store, writing, kept, message, at
        self._facts = list(writing.stock.facts(kept.account_no))
        self._reservations = list(writing.stock.reservations(kept.account_no))
        self._promised: dict[str, Decimal] = {}  # by lot, to orders of this message
        self._account: StockAccount | None = None

    def take(self, record: Told) -> str:
        """Keep what a record says; the reference it is known by. Raises StockError, NotInForceError."""
        match record:
            case Entry():
                return self._entry(record)
            case Order():
                return self._order(record)
            case BuyerReturn():
                self._keep(take_return(self._writing, self._kept, record, self._facts, self._at))
                return record.return_id
            case StockCount():
                number = self._message.message_no
                return take_count(
                    self._writing, self._as_it_stands(), record, kept=self._kept, message_no=number, at=self._at
                )

    def _entry(self, entry: Entry) -> str:
        refuse_bad_entry(entry, self._facts)
        filing = file_entry(self._kept, entry, self._at)
        arrival = Arrival(filing.reference, filing.reference, entry.arrived_at or self._at, self._at)
        facts = receipts(
            self._store, self._kept, entry, arrival, self._facts
        )  # what cannot be worked out is refused here
        self._file(filing, entry.entry_id)
        if filing.declared is None:
            self._keep(facts)
        return filing.reference

    def _order(self, order: Order) -> str:
        filing = file_order(self._kept, order, self._as_it_stands(), self._promised, self._at)
        self._file(filing, order.order_id)
        if filing.declared is None:
            keep_facts(
                self._writing, self._kept.account_no,
                left(filing.flow, filing.reference, filing.taken, self._at, self._at),
            )  # fmt: skip
        for each in filing.taken:
            self._promised[each.lot_id] = self._promised.get(each.lot_id, Decimal(0)) + each.quantity
        return filing.reference

    def _file(self, filing: NewFiling, name: str) -> None:
        filing = msgspec.structs.replace(filing, message_no=self._message.message_no)
        if self._writing.stock.file(filing) is None:
            raise StockError(f"{name[:80]} was told before", hint="each has a number of its own")

    def _keep(self, facts: Sequence[Fact]) -> None:
        self._facts += keep_facts(self._writing, self._kept.account_no, facts)
        self._account = None

    def _as_it_stands(self) -> StockAccount:
        if self._account is None:
            self._account = derive(self._facts, law_of(self._kept, self._at).consumption, self._reservations)
        return self._account


def left(flow: Flow, reference: str, taken: Sequence[Taken], effective_at: datetime, at: datetime) -> list[Fact]:
    """The facts by which what an order took leaves."""
    kind = Kind.SOLD_LOCAL if flow is Flow.LOCAL else Kind.SOLD_ABROAD
    return [
        Fact(
            kind=kind, source=f"{reference}:{number}", goods_id=each.goods_id, lot_id=each.lot_id, quantity=each.quantity,
            effective_at=effective_at, recorded_at=at, document=reference,
        )
        for number, each in enumerate(taken, start=1)
    ]  # fmt: skip


def refuse_bad_entry(entry: Entry, facts: Sequence[Fact]) -> None:
    """Raises StockError where an entry has no goods, counts them otherwise than before, or names a lot that is there already."""
    if not entry.lines:
        raise StockError(f"entry {entry.entry_id[:60]} has no lines", hint="each kind of goods that comes in is one")
    if any(line.quantity <= 0 for line in entry.lines):
        raise StockError(f"entry {entry.entry_id[:60]}: a quantity is above nothing", hint="leave the line out")
    refuse_other_units(entry, facts)
    lots = {fact.lot_id for fact in facts if fact.terms is not None}
    named = [line.lot_id for line in entry.lines if line.lot_id]
    if taken := sorted(lots.intersection(named) | {name for name in named if named.count(name) > 1}):
        raise StockError(
            f"there is a lot called {taken[0][:60]}", hint="a lot is opened once; give it a name of its own"
        )


def _line(position: int, reference: str, filing: KeptFiling | None) -> StockLine:
    if filing is None:
        return StockLine(position=position, reference=reference)
    return StockLine(
        position=position, reference=reference, flow=filing.flow.value, declaration_id=filing.declaration_id,
        state=filing.state.value,
    )  # fmt: skip


def _is_of(fact: Fact, filing: KeptFiling) -> bool:
    return fact.document == filing.reference and fact.kind in (
        Kind.SOLD_LOCAL, Kind.SOLD_ABROAD, Kind.RECEIVED_ABROAD, Kind.RECEIVED_LOCAL,
    )  # fmt: skip
