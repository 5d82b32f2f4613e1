"""Returns in, refunds out: kept before they are read, decided by the law of their import, booked in the same transaction.

    returning = Returning(store)
    receipt = returning.submit(Handed(body=b"…", sender_id=1, transport="cli"))

A message is kept as it came and committed. Each return in it is then kept with a case for each import it undoes, and
each case is decided in a transaction of its own. After a crash `resume` goes on: nothing is lost or given back twice.
Exit events may come later: the cases that wait for them are decided again, by themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.messages.limits import RETURN_MESSAGE_BYTES_MAX
from tidewaiter.messages.plain_records import Read, read_records
from tidewaiter.model.canonical import digest as digest_of
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import (
    ConflictError,
    LimitExceededError,
    MessageError,
    TransitionError,
)
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.returned import ExitEvent, ReturnedItem, ReturnRecord
from tidewaiter.revenue.dividing import Article, divided
from tidewaiter.revenue.returns import GIVING, Outcome, Policy, ReturnClaim, Verdict
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.return_deciding import Cases, shipped_policy
from tidewaiter.workflow.return_reading import decision_of
from tidewaiter.workflow.return_records import (
    EXIT_EVENTS,
    RETURNS,
    ArrivingReturns,
    CaseFile,
    CaseFilter,
    CaseLine,
    CaseRow,
    KeptReturns,
    KeptVerdict,
    ReturnLine,
    ReturnReceipt,
)
from tidewaiter.workflow.set_aside import PASSING, words_of

LINES_KEPT = 100  # of a receipt; the rest is read as cases
FINDINGS_KEPT = 200
WORDS_LENGTH_MAX = 2_000
NAME_LENGTH_MAX = 255
LOOK_UP = {  # a name of an import, the strongest first, and where it is looked up
    "mrn": "registered_id",
    "waybill": "transport_document_id",
    "reference": "functional_reference_id",
    "order_id": "order_id",
}


class Handed(Struct, frozen=True, kw_only=True):
    """A message as somebody hands it in; `is_of_officer`: then the imports of all senders are looked through."""

    body: bytes
    sender_id: int
    transport: str
    file_name: str = ""
    idempotency_key: str = ""
    received_on: date | None = None  # None: the day on which it is received
    is_of_officer: bool = False


class Said(Struct, frozen=True, kw_only=True):
    """What an officer says of a case."""

    case_no: int
    is_granted: bool
    officer: str
    words: str


class Returning:
    """Takes in returns and exit events, and carries out what officers say of cases; safe in threads."""

    def __init__(self, store: Store, *, policy: Policy | None = None, clock: Callable[[], datetime] = now) -> None:
        self._returns = store.returns
        self._cases = Cases(store, policy or shipped_policy())
        self._clock = clock

    def submit(self, handed: Handed) -> ReturnReceipt:
        """Keep returns, decide each, and give a receipt once all of it is durable.

        The same key (by default the digest) with the same bytes gives the same receipt again; with other bytes
        ConflictError is raised. Raises MessageError where no record can be told, LimitExceededError.
        """
        return self._take(handed, RETURNS)

    def submit_events(self, handed: Handed) -> ReturnReceipt:
        """Keep exit events, and decide again the cases that waited for them; see `submit`."""
        return self._take(handed, EXIT_EVENTS)

    def resume(self) -> list[ReturnReceipt]:
        """Finish the messages that were kept and not wholly worked through, oldest first."""
        return [self._process(message) for message in self._returns.unprocessed()]

    def say(self, said: Said) -> CaseFile:
        """Grant or refuse a case. Where two officers are needed, the first one's word waits for the second's.

        Raises TransitionError where the case does not allow it, NotFoundError.
        """
        words = said.words.strip()[:WORDS_LENGTH_MAX]
        if not words:
            raise TransitionError("a decision needs words", hint="say why: the sender reads it")
        with self._returns.deciding(said.case_no) as transaction:
            file = transaction.case()
            _refuse_ended(file)
            if said.is_granted and file.row.declaration_id is None:
                raise TransitionError("no import is known that could be given back on", hint="refuse it")
            needs_second = said.is_granted and decision_of(file.decisions[-1]).needs_second
            others = [
                each.officer
                for each in file.verdicts
                if each.version == file.row.version and each.is_granted and each.officer != said.officer
            ]
            at = self._clock()
            verdict = KeptVerdict(
                version=file.row.version, is_granted=said.is_granted, officer=said.officer, words=words, recorded_at=at
            )
            is_waiting = needs_second and not others
            transaction.say(verdict, said.officer if is_waiting else None)
            if not is_waiting:
                officers = (*dict.fromkeys(others if needs_second else ()), said.officer)
                agreed = Verdict(is_granted=said.is_granted, officers=officers, words=words)
                self._cases.decide(transaction, file, at, agreed)
        return self._returns.case(said.case_no)

    # --- messages --------------------------------------------------------------------------------------------

    def _take(self, handed: Handed, kind: str) -> ReturnReceipt:
        if len(handed.body) > RETURN_MESSAGE_BYTES_MAX:
            raise LimitExceededError(
                f"the message is larger than {RETURN_MESSAGE_BYTES_MAX // 1024**2} MiB", hint="split it"
            )
        at = self._clock()
        arriving = ArrivingReturns(
            sender_id=handed.sender_id, kind=kind, file_name=_clean(handed.file_name), transport=handed.transport,
            idempotency_key=_clean(handed.idempotency_key), is_of_officer=handed.is_of_officer, received_at=at,
            received_on=handed.received_on or at.date(), body=handed.body,
        )  # fmt: skip
        kept = self._returns.keep(arriving)
        return self._repeated(arriving) if kept is None else self._process(kept)

    def _repeated(self, arriving: ArrivingReturns) -> ReturnReceipt:
        digest = digest_of(arriving.body)
        message = self._returns.message_by_key(arriving.sender_id, arriving.kind, arriving.idempotency_key or digest)
        if message.digest != digest:
            raise ConflictError(
                f"the key {message.idempotency_key[:80]!r} was used for other content on {message.received_at:%Y-%m-%d}",
                hint="give each message a key of its own",
            )
        return replace(self._returns.receipt(message.return_message_id) or self._process(message), is_repeat=True)

    def _process(self, message: KeptReturns) -> ReturnReceipt:
        body = self._returns.body(message.return_message_id)
        receipt = ReturnReceipt(return_message_id=message.return_message_id, digest=message.digest, kind=message.kind)
        try:
            if message.kind == RETURNS:
                lines, findings, count = self._all_returns(message, body)
            else:
                lines, findings, count = self._all_events(message, body)
        except MessageError as error:
            problem = Finding(error.code, Severity.ERROR, "", error.detail, hint=error.hint, place=error.place)
            lines, findings, count = [], [problem], 0
        receipt = replace(
            receipt,
            record_count=count,
            counts=dict(Counter(case.outcome.value for line in lines for case in line.cases)),
            lines=tuple(lines[:LINES_KEPT]),
            findings=tuple(findings[:FINDINGS_KEPT]),
            is_complete=True,
        )
        self._returns.finish(receipt)
        return receipt

    # --- returns ---------------------------------------------------------------------------------------------

    def _all_returns(self, message: KeptReturns, body: bytes) -> tuple[list[ReturnLine], list[Finding], int]:
        lines: list[ReturnLine] = []
        findings: list[Finding] = []
        reads = read_records(body, ReturnRecord, "returns", message.file_name)
        for read in reads:
            findings += read.findings
            if read.record is None:
                continue
            event = read.record.exit_event
            if event is not None and event.happened_at > message.received_at:
                findings.append(replace(_in_future(event), place=f"record {read.position}, exit_event"))
                continue
            try:
                lines.append(self._one_return(message, read.position, read.record))
            except ConflictError as error:
                findings.append(_finding(error, read, read.record.return_id))
        return lines, findings, len(reads)

    def _one_return(self, message: KeptReturns, position: int, record: ReturnRecord) -> ReturnLine:
        """Keep one return, and decide every case of it that is not decided yet."""
        if record.exit_event is not None:
            event = record.exit_event
            if not event.return_id and not event.waybill:  # it stands in the return, so that is what it is about
                event = replace(event, return_id=record.return_id)
            self._returns.add_event(message, position, event)
        return_no = self._returns.returned_at(message.return_message_id, position)
        if return_no is None:
            claims = self._claims(message, record)
            return_no = self._returns.add_return(message, position, record, claims)
        for case_no in self._returns.undecided(return_no):
            self._decide(case_no)
        return ReturnLine(position, record.return_id, return_no, self._case_lines(return_no))

    def _claims(self, message: KeptReturns, record: ReturnRecord) -> list[tuple[int | None, ReturnClaim]]:
        """What is claimed on each import, in the order of imports; on none where none is found."""
        sender_id = None if message.is_of_officer else message.sender_id
        own = self._imports(_names_of(record), sender_id)
        claim = _claim(record, message.received_on)
        if not record.items:
            return [(number, claim) for number in own] or [(None, claim)]
        articles = [Article(item, self._imports(_names_of(item), sender_id) or own) for item in record.items]
        numbers = {number for article in articles for number in article.candidates}
        declarations = self._declarations(numbers)
        articles = [
            Article(each.item, tuple(number for number in each.candidates if number in declarations))
            for each in articles
        ]
        returned = {number: self._returns.given_back(number).quantities for number in declarations}
        found = divided(articles, declarations, returned)
        numbers_in_order = sorted(found, key=lambda number: (number is None, number or 0))
        return [(number, _claim_on(claim, found[number])) for number in numbers_in_order]

    def _declarations(self, numbers: Iterable[int]) -> Mapping[int, Declaration]:
        found = {number: self._cases.declaration(number) for number in sorted(numbers)}
        return {number: declaration for number, declaration in found.items() if declaration is not None}

    def _imports(self, names: dict[str, str], sender_id: int | None) -> tuple[int, ...]:
        """The imports that the first of these names which is known leads to."""
        for field, value in names.items():
            if value and (found := self._returns.imports(LOOK_UP[field], value, sender_id)):
                return tuple(found)
        return ()

    def _case_lines(self, return_no: int) -> tuple[CaseLine, ...]:
        rows = self._returns.cases(CaseFilter(return_no=return_no, limit=1_000))
        return tuple(_case_line(row) for row in reversed(rows))

    def _decide(self, case_no: int) -> None:
        try:
            with self._returns.deciding(case_no) as transaction:
                if _is_open((file := transaction.case()).row):
                    self._cases.decide(transaction, file, self._clock())
        except PASSING:
            raise
        except Exception as error:  # whatever it is, officers see it: one that cannot be decided holds up no other
            with self._returns.deciding(case_no) as transaction:
                if _is_open((file := transaction.case()).row):
                    self._cases.leave(transaction, file, self._clock(), words_of(error))

    # --- exit events -----------------------------------------------------------------------------------------

    def _all_events(self, message: KeptReturns, body: bytes) -> tuple[list[ReturnLine], list[Finding], int]:
        lines: list[ReturnLine] = []
        findings: list[Finding] = []
        reads = read_records(body, ExitEvent, "exit_events", message.file_name)
        for read in reads:
            findings += read.findings
            if read.record is None:
                continue
            if problem := self._problem(read.record, message):
                findings.append(replace(problem, place=f"record {read.position}"))
                continue
            try:
                event_no, _ = self._returns.add_event(message, read.position, read.record)
            except ConflictError as error:
                findings.append(_finding(error, read, read.record.event_id))
                continue
            cases = self._returns.waiting_for(event_no)
            for case_no in cases:
                self._decide(case_no)
            told = tuple(_case_line(self._returns.case(case_no).row) for case_no in cases)
            lines.append(ReturnLine(read.position, read.record.event_id, 0, told))
        return lines, findings, len(reads)

    @staticmethod
    def _problem(event: ExitEvent, message: KeptReturns) -> Finding | None:
        if not event.waybill and not event.return_id:
            words = "the event does not say which return it is about"
            hint = "Name the waybill of the return consignment, or your return_id."
            return Finding("exit.about_nothing", Severity.ERROR, "waybill", words, event.event_id, hint)
        if event.happened_at > message.received_at:
            words = f"the event lies in the future: {event.happened_at.isoformat()}"
            return Finding(
                "exit.in_future", Severity.ERROR, "happened_at", words, event.event_id, "Report what has happened."
            )
        return None


def _case_line(row: CaseRow) -> CaseLine:
    assert row.outcome is not None  # all are decided by now
    return CaseLine(
        row.case_no, row.declaration_id, row.outcome, row.amount or Decimal(0), row.currency or "", row.sender_id
    )


def _is_open(row: CaseRow) -> bool:
    return row.outcome is None or row.outcome in (Outcome.CASE, Outcome.WAITING)


def _in_future(event: ExitEvent) -> Finding:
    words = f"the event lies in the future: {event.happened_at.isoformat()}"
    return Finding("exit.in_future", Severity.ERROR, "happened_at", words, event.event_id, "Report what has happened.")


def _names_of(named: ReturnRecord | ReturnedItem) -> dict[str, str]:
    return {field: getattr(named, field) for field in LOOK_UP}


def _claim(record: ReturnRecord, received_on: date) -> ReturnClaim:
    return ReturnClaim(
        return_id=record.return_id, reason=record.reason, claimed_on=received_on, mrn=record.mrn, waybill=record.waybill,
        reference=record.reference, order_id=record.order_id, return_waybill=record.return_waybill,
        recipient=record.recipient, items=record.items, documents=record.documents,
    )  # fmt: skip


def _claim_on(claim: ReturnClaim, items: tuple[ReturnedItem, ...]) -> ReturnClaim:
    """The claim for these articles; where all of them name an import of their own, by those names."""
    own = {field: {getattr(item, field) for item in items} for field in LOOK_UP}
    if not all(any(getattr(item, field) for field in LOOK_UP) for item in items):
        return replace(claim, items=items)
    names = {field: next(iter(values)) if len(values) == 1 else "" for field, values in own.items()}
    return replace(claim, items=items, **names)


def _refuse_ended(file: CaseFile) -> None:
    outcome = file.row.outcome
    if outcome is None:
        raise TransitionError("the case is not decided yet", hint="it is being worked through; try again")
    if outcome in GIVING:
        raise TransitionError(
            f"case {file.row.case_no} ended with a {outcome.value}", hint="what is given back stays so"
        )
    if file.decisions and file.decisions[-1].considered.verdict is not None:
        raise TransitionError(f"case {file.row.case_no} was decided by officers before")


def _finding(error: ConflictError, read: Read[ReturnRecord] | Read[ExitEvent], name: str) -> Finding:
    return Finding(error.code, Severity.ERROR, "", error.detail, name, error.hint, f"record {read.position}")


def _clean(text: str) -> str:
    """A name or key without what no database or terminal should see."""
    return "".join(character for character in text if character.isprintable())[:NAME_LENGTH_MAX]
