"""Returns on PostgreSQL: messages, cases, decisions; see `workflow.return_records` for what each promises."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
import zstandard
from psycopg.rows import dict_row

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.model.returned import ExitEvent, ReturnRecord
from tidewaiter.revenue.postings import Account, Posting, PostingError
from tidewaiter.revenue.refunding import Place
from tidewaiter.revenue.returns import GIVING, Outcome, RefundDecision, ReturnClaim
from tidewaiter.store.accounts import read_postings, write_postings
from tidewaiter.store.connections import Connections
from tidewaiter.store.gone_back import earlier_of
from tidewaiter.store.persons import PostgresPersons
from tidewaiter.store.record import RecordKeeper
from tidewaiter.store.rows import decompress
from tidewaiter.store.writing import WRITER_LOCK
from tidewaiter.workflow.return_records import (
    ArrivingReturns,
    CaseFile,
    CaseFilter,
    CaseRow,
    Considered,
    Earlier,
    KeptDecision,
    KeptEvent,
    KeptReturn,
    KeptReturns,
    KeptVerdict,
    NewDecision,
    ReturnReceipt,
)

_SUBJECT_LOCK = 0x7265_7431  # first half of a lock; the second is a number made of what is locked
_EVENT_LOCK = 0x7265_7432
_ACCOUNT_LOCK = 0x7265_7433
LIST_LIMIT_MAX = 1_000
IMPORTS_MAX = 50  # of one name: an order in more parcels than this is looked at by a person
LOOK_UPS = ("registered_id", "transport_document_id", "functional_reference_id", "order_id")
ENDED = [*(outcome.value for outcome in GIVING), Outcome.REFUSED.value, Outcome.BY_SELLER.value]

_MESSAGE = (
    "SELECT return_message_id, sender_id, sender.name AS sender_name, kind, idempotency_key,"
    " encode(digest, 'hex') AS digest, file_name, transport, is_of_officer, received_at, received_on"
    " FROM return_message JOIN sender USING (sender_id)"
)
_CASE = (
    "SELECT c.case_no, c.return_no, r.return_id, r.sender_id, s.name AS sender_name, c.declaration_id, c.outcome,"
    " c.version, c.amount, c.currency, c.proposed_by, m.received_on, c.decided_at, c.claim"
    " FROM return_case c JOIN goods_return r USING (return_no) JOIN return_message m USING (return_message_id)"
    " JOIN sender s ON s.sender_id = r.sender_id"
)
_EVENTS_OF_RETURN = (
    "SELECT e.event_no, e.sender_id, e.content FROM exit_event e JOIN goods_return r ON"
    " (e.waybill <> '' AND e.waybill = r.return_waybill) OR (e.return_id = r.return_id AND e.sender_id = r.sender_id)"
    " WHERE r.return_no = %s ORDER BY e.event_no"
)


class Returns:
    """Made by `PostgresStore`; see its `returns`. Every method is one transaction."""

    def __init__(self, connections: Connections, keeper: RecordKeeper) -> None:
        self._connections = connections
        self._keeper = keeper

    # --- messages --------------------------------------------------------------------------------------------

    def keep(self, arriving: ArrivingReturns) -> KeptReturns | None:
        """Keep a message's bytes and commit; None when the sender used the key before."""
        digest = hashlib.sha256(arriving.body)
        with self._connections.lend() as connection:
            row = connection.execute(
                "INSERT INTO return_message (sender_id, kind, idempotency_key, digest, file_name, transport,"
                " is_of_officer, received_at, received_on, content) VALUES (%s, %s, %s, %b, %s, %s, %s, %s, %s, %b)"
                " ON CONFLICT DO NOTHING RETURNING return_message_id",
                [
                    arriving.sender_id, arriving.kind, arriving.idempotency_key or digest.hexdigest(), digest.digest(),
                    arriving.file_name, arriving.transport, arriving.is_of_officer, arriving.received_at,
                    arriving.received_on, zstandard.compress(arriving.body, 3),
                ],
            ).fetchone()  # fmt: skip
        return None if row is None else self._messages("return_message_id = %s", [row[0]])[0]

    def message_by_key(self, sender_id: int, kind: str, key: str) -> KeptReturns:
        """The message handed in under a key. Raises NotFoundError."""
        condition = "sender_id = %s AND kind = %s AND idempotency_key = %s"
        for message in self._messages(condition, [sender_id, kind, key]):
            return message
        raise NotFoundError(f"no message is kept under the key {key[:80]!r}")

    def unprocessed(self) -> list[KeptReturns]:
        """Messages kept and not wholly worked through, oldest first."""
        return self._messages("receipt IS NULL ORDER BY return_message_id", [])

    def body(self, return_message_id: int) -> bytes:
        """The bytes as received. Raises NotFoundError."""
        return decompress(
            self._one("SELECT content FROM return_message WHERE return_message_id = %s", return_message_id)
        )

    def receipt(self, return_message_id: int) -> ReturnReceipt | None:
        """The answer given; None while the message is not worked through."""
        found = self._one("SELECT receipt FROM return_message WHERE return_message_id = %s", return_message_id)
        return None if found is None else msgspec.json.decode(found, type=ReturnReceipt)

    def finish(self, receipt: ReturnReceipt) -> None:
        """Keep the answer: the message is worked through."""
        with self._connections.lend() as connection:
            connection.execute(
                "UPDATE return_message SET receipt = %b WHERE return_message_id = %s AND receipt IS NULL",
                [canonical_bytes(receipt), receipt.return_message_id],
            )

    def returned_at(self, return_message_id: int, position: int) -> int | None:
        """The number of the return that a record became; None where it did not yet."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT return_no FROM goods_return WHERE return_message_id = %s AND position = %s",
                [return_message_id, position],
            ).fetchone()
        return int(row[0]) if row else None

    # --- returns and events ----------------------------------------------------------------------------------

    def add_return(
        self,
        message: KeptReturns,
        position: int,
        record: ReturnRecord,
        claims: Sequence[tuple[int | None, ReturnClaim]],
    ) -> int:
        """Keep a return with a case for each import. Raises ConflictError where its return_id was used before."""
        content = canonical_bytes(record)
        with self._connections.lend() as connection, connection.transaction():
            row = connection.execute(
                "INSERT INTO goods_return (return_message_id, position, sender_id, return_id, return_waybill, content)"
                " VALUES (%s, %s, %s, %s, %s, %b) ON CONFLICT DO NOTHING RETURNING return_no",
                [
                    message.return_message_id,
                    position,
                    message.sender_id,
                    record.return_id,
                    record.return_waybill,
                    content,
                ],
            ).fetchone()
            if row is None:
                return self._known(connection, message, record)
            for declaration_id, claim in claims:
                connection.execute(
                    "INSERT INTO return_case (return_no, declaration_id, claim) VALUES (%s, %s, %b)",
                    [row[0], declaration_id, canonical_bytes(claim)],
                )
        return int(row[0])

    def _known(self, connection: psycopg.Connection, message: KeptReturns, record: ReturnRecord) -> int:
        """The return of that name, where all that was said of it is the same."""
        row = connection.execute(
            "SELECT return_no, content FROM goods_return WHERE sender_id = %s AND return_id = %s",
            [message.sender_id, record.return_id],
        ).fetchone()
        if row is None or row[1] != canonical_bytes(record):
            raise ConflictError(
                f"return {record.return_id[:80]} was handed in before and said something else",
                hint="give each return a number of its own; what is handed in is not changed",
            )
        return int(row[0])

    def add_event(self, message: KeptReturns, position: int, event: ExitEvent) -> tuple[int, bool]:
        """Keep an event; its number, and whether it is new. Raises ConflictError for other content under its id."""
        content = canonical_bytes(event)
        with self._connections.lend() as connection, connection.transaction():
            row = connection.execute(
                "INSERT INTO exit_event (return_message_id, position, sender_id, event_id, waybill, return_id, content)"
                " VALUES (%s, %s, %s, %s, %s, %s, %b) ON CONFLICT DO NOTHING RETURNING event_no",
                [
                    message.return_message_id, position, message.sender_id, event.event_id, event.waybill,
                    event.return_id, content,
                ],
            ).fetchone()  # fmt: skip
            if row is not None:
                return int(row[0]), True
            known = connection.execute(
                "SELECT event_no, content FROM exit_event WHERE sender_id = %s AND event_id = %s",
                [message.sender_id, event.event_id],
            ).fetchone()
        if known is None or known[1] != content:
            raise ConflictError(
                f"exit event {event.event_id[:80]} was handed in before and said something else",
                hint="give each event a number of its own",
            )
        return int(known[0]), False

    def imports(self, column: str, value: str, sender_id: int | None) -> list[int]:
        """Declarations that stand, by one of their names; of one sender or of all."""
        assert column in LOOK_UPS
        with self._connections.lend() as connection, connection.transaction():
            connection.execute("SET LOCAL enable_seqscan = off")  # a plan made while the table was small stays
            rows = connection.execute(
                f"SELECT declaration_id FROM declaration WHERE {column} = %s AND {column} <> ''"
                " AND (%s::int IS NULL OR sender_id = %s) AND state NOT IN ('rejected', 'refused', 'invalidated',"
                " 'awaiting_original', 'applied')"
                f" ORDER BY declaration_id LIMIT {IMPORTS_MAX}".encode(),
                [value.replace("\x00", ""), sender_id, sender_id],
            ).fetchall()
        return [int(row[0]) for row in rows]

    def given_back(self, declaration_id: int) -> Earlier:
        """What was given back on an import so far."""
        with self._connections.lend() as connection:
            return earlier_of(connection, declaration_id, None)

    def totals(self, declaration_ids: Sequence[int]) -> dict[int, dict[tuple[str, str, str], Decimal]]:
        """What decisions gave back on each, by "revenue", type of charge and currency: to hold the accounts against."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT declaration_id, decision FROM return_decision WHERE is_giving AND declaration_id = ANY (%s)",
                [list(declaration_ids)],
            ).fetchall()
        found: dict[int, dict[tuple[str, str, str], Decimal]] = {}
        for declaration_id, content in rows:
            decision = msgspec.json.decode(content, type=RefundDecision)
            of_import = found.setdefault(declaration_id, {})
            for code, amount in decision.amounts.items():
                key = ("revenue", code, decision.currency)
                of_import[key] = of_import.get(key, Decimal(0)) + amount
        return found

    def undecided(self, return_no: int) -> list[int]:
        """Cases of a return that are not decided yet."""
        return self._numbers(
            "SELECT case_no FROM return_case WHERE return_no = %s AND outcome IS NULL ORDER BY 1", [return_no]
        )

    def waiting_for(self, event_no: int) -> list[int]:
        """Cases, not ended, of the returns that an event says something of."""
        return self._numbers(
            "SELECT c.case_no FROM exit_event e JOIN goods_return r ON (e.waybill <> '' AND e.waybill = r.return_waybill)"
            " OR (e.return_id = r.return_id AND e.sender_id = r.sender_id) JOIN return_case c USING (return_no)"
            " WHERE e.event_no = %s AND (c.outcome IS NULL OR c.outcome <> ALL (%s)) ORDER BY 1",
            [event_no, ENDED],
        )

    # --- reading ---------------------------------------------------------------------------------------------

    def cases(self, wanted: CaseFilter) -> list[CaseRow]:
        """Rows, newest first."""
        conditions = ["true"]
        parameters: list[Any] = []
        plain: dict[str, Any] = {
            "c.outcome = %s": wanted.outcome, "r.sender_id = %s": wanted.sender_id, "c.return_no = %s": wanted.return_no,
            "c.declaration_id = %s": wanted.declaration_id, "c.case_no < %s": wanted.before,
            "starts_with(r.return_id, %s)": wanted.text.replace("\x00", "") or None,
        }  # fmt: skip
        for condition, value in plain.items():
            if value is not None:
                conditions.append(condition)
                parameters.append(str(value) if isinstance(value, Outcome) else value)
        limit = max(1, min(wanted.limit, LIST_LIMIT_MAX))
        with self._connections.lend() as connection:
            return _rows(connection, f"{' AND '.join(conditions)} ORDER BY c.case_no DESC LIMIT {limit}", parameters)

    def case(self, case_no: int) -> CaseFile:
        """One case. Raises NotFoundError."""
        with self._connections.lend() as connection, connection.transaction():
            return _file(connection, case_no)

    def event(self, event_no: int) -> KeptEvent:
        """One exit event. Raises NotFoundError."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT event_no, sender_id, content FROM exit_event WHERE event_no = %s", [event_no]
            ).fetchone()
        if row is None:
            raise NotFoundError(f"there is no exit event {event_no}")
        return _event(row)

    @contextmanager
    def deciding(self, case_no: int) -> Iterator[PostgresDeciding]:
        """One transaction on one case, committed on leaving."""
        with self._connections.lend() as connection, _refused(), connection.transaction():
            row = connection.execute("SELECT declaration_id FROM return_case WHERE case_no = %s", [case_no]).fetchone()
            if row is None:
                raise _no_case(case_no)
            # Order of locks: the import, the writer (where persons are counted), the exit event, the accounts. Nobody holds two of one kind but the last, sorted.
            # What is booked comes after them all, in one statement: it locks balances and guarantees, in order. The record's numbers are the very last.
            _lock(connection, _SUBJECT_LOCK, f"declaration:{row[0]}" if row[0] is not None else f"case:{case_no}")
            deciding = PostgresDeciding(connection, case_no, self._keeper)
            yield deciding
            deciding.record.flush()

    def _messages(self, condition: str, parameters: list[Any]) -> list[KeptReturns]:
        with self._connections.lend() as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(f"{_MESSAGE} WHERE {condition}".encode(), parameters).fetchall()
        return [KeptReturns(**row) for row in found]

    def _numbers(self, query: str, parameters: list[Any]) -> list[int]:
        with self._connections.lend() as connection:
            return [int(row[0]) for row in connection.execute(query.encode(), parameters).fetchall()]

    def _one(self, query: str, parameter: object) -> Any:
        with self._connections.lend() as connection:
            row = connection.execute(query.encode(), [parameter]).fetchone()
        if row is None:
            raise NotFoundError(f"nothing is kept under {parameter!r}")
        return row[0]


class PostgresDeciding:
    """See `workflow.return_records.Deciding`. Made by `Returns.deciding`, which locks and commits."""

    def __init__(self, connection: psycopg.Connection, case_no: int, keeper: RecordKeeper) -> None:
        self._connection = connection
        self._case_no = case_no
        self.record = keeper.within(lambda: connection)
        self._postings: list[Posting] = []

    def case(self) -> CaseFile:
        """The case as it stands."""
        return _file(self._connection, self._case_no)

    def earlier(self, declaration_id: int, before: Sequence[int] | None = None) -> Earlier:
        """What was given back on an import; with `before`, by these decisions only."""
        return earlier_of(self._connection, declaration_id, before)

    def postings(self, subject: str) -> list[Posting]:
        """Every posting on a subject."""
        return read_postings(self._connection, subject)

    def book(self, postings: Sequence[Posting]) -> None:
        """Book postings with the decision: in one statement, once every other lock is held."""
        self._postings += postings

    def persons(self) -> PostgresPersons:
        """What is kept of persons. From now on until this ends no declaration is decided."""
        self._connection.execute("SELECT pg_advisory_xact_lock(%s)", [WRITER_LOCK])
        return PostgresPersons(lambda: self._connection)

    def used_by(self, event_no: int, return_no: int) -> str:
        """Which other return an exit event is the proof of already; "" for none. Whoever asks for the same waits."""
        _lock(self._connection, _EVENT_LOCK, str(event_no))
        row = self._connection.execute(
            "SELECT r.return_id FROM return_decision d JOIN return_case USING (case_no) JOIN goods_return r USING (return_no)"
            " WHERE d.event_no = %s AND d.is_giving AND r.return_no <> %s LIMIT 1",
            [event_no, return_no],
        ).fetchone()
        return str(row[0]) if row else ""

    def owed(self, places: Sequence[Place], currency: str) -> dict[Place, Decimal]:
        """What each account owes still, with what is booked here. Whoever decides on the same accounts waits."""
        found: dict[Place, Decimal] = {}
        for place in sorted(set(places)):
            _lock(self._connection, _ACCOUNT_LOCK, "\x1f".join(place))
            row = self._connection.execute(
                "SELECT owed FROM debt_balance WHERE party = %s AND scheme = %s AND period = %s AND currency = %s",
                [*place, currency],
            ).fetchone()
            found[place] = row[0] if row else Decimal(0)
        for entry in (each for posting in self._postings for each in posting.entries):
            place = (entry.party, entry.scheme, entry.period)
            if entry.account is Account.RECEIVABLE and entry.currency == currency and place in found:
                found[place] += entry.amount
        return found

    def say(self, verdict: KeptVerdict, proposed_by: str | None) -> None:
        """Keep what an officer said; `proposed_by` where it waits for a second one."""
        self._connection.execute(
            "INSERT INTO return_verdict (case_no, version, is_granted, officer, words, recorded_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [self._case_no, verdict.version, verdict.is_granted, verdict.officer, verdict.words, verdict.recorded_at],
        )
        self._connection.execute(
            "UPDATE return_case SET proposed_by = %s WHERE case_no = %s", [proposed_by, self._case_no]
        )

    def decide(self, new: NewDecision) -> None:
        """Keep a decision, book its postings, and carry the case's row on."""
        considered, decision = canonical_bytes(new.considered), canonical_bytes(new.decision)
        if postings := [*self._postings, *new.postings]:
            write_postings(self._connection, postings)
        self._connection.execute(
            "INSERT INTO return_decision (case_no, version, declaration_id, is_giving, event_no, actor, decided_at,"
            " considered, decision, digest) VALUES (%s, %s, %s, %s, %s, %s, %s, %b, %b, %b)",
            [
                new.case_no, new.version, new.considered.declaration_id, new.decision.outcome in GIVING,
                new.considered.event_no, new.actor, new.decided_at, considered, decision,
                hashlib.sha256(considered + decision).digest(),
            ],
        )  # fmt: skip
        self._connection.execute(
            "UPDATE return_case SET outcome = %s, version = %s, amount = %s, currency = %s, proposed_by = NULL,"
            " decided_at = %s WHERE case_no = %s",
            [
                str(new.decision.outcome), new.version, new.decision.total, new.decision.currency, new.decided_at,
                new.case_no,
            ],
        )  # fmt: skip


@contextmanager
def _refused() -> Iterator[None]:
    """What the database itself refuses of postings is an error like ours."""
    try:
        yield
    except psycopg.errors.CheckViolation as error:
        raise PostingError(f"the accounts refuse it: {error.diag.message_primary}") from error


def _lock(connection: psycopg.Connection, kind: int, name: str) -> None:
    """Wait until nobody else holds this name; until commit."""
    second = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big", signed=True)
    connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", [kind, second])


def _rows(connection: psycopg.Connection, condition: str, parameters: list[Any]) -> list[CaseRow]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(f"{_CASE} WHERE {condition}".encode(), parameters).fetchall()
    return [_row(columns) for columns in found]


def _row(columns: dict[str, Any]) -> CaseRow:
    claim = msgspec.json.decode(columns.pop("claim"), type=ReturnClaim)
    outcome = columns.pop("outcome")
    return CaseRow(reason=claim.reason.value, outcome=Outcome(outcome) if outcome else None, **columns)


def _file(connection: psycopg.Connection, case_no: int) -> CaseFile:
    with connection.cursor(row_factory=dict_row) as cursor:
        columns = cursor.execute(f"{_CASE} WHERE c.case_no = %s".encode(), [case_no]).fetchone()
    if columns is None:
        raise _no_case(case_no)
    claim = msgspec.json.decode(columns["claim"], type=ReturnClaim)
    row = _row(columns)
    decisions = connection.execute(
        "SELECT decision_no, version, actor, decided_at, considered, decision FROM return_decision WHERE case_no = %s"
        " ORDER BY version",
        [case_no],
    ).fetchall()
    verdicts = connection.execute(
        "SELECT version, is_granted, officer, words, recorded_at FROM return_verdict WHERE case_no = %s ORDER BY verdict_no",
        [case_no],
    ).fetchall()
    events = connection.execute(_EVENTS_OF_RETURN, [row.return_no]).fetchall()
    return CaseFile(
        row=row,
        kept=_return(connection, row.return_no),
        claim=claim,
        decisions=tuple(
            KeptDecision(
                decision_no=each[0], case_no=case_no, version=each[1], actor=each[2], decided_at=each[3],
                considered=msgspec.json.decode(each[4], type=Considered), decision_bytes=each[5],
            )
            for each in decisions
        ),
        verdicts=tuple(
            KeptVerdict(version=each[0], is_granted=each[1], officer=each[2], words=each[3], recorded_at=each[4])
            for each in verdicts
        ),
        events=tuple(_event(each) for each in events),
    )  # fmt: skip


def _return(connection: psycopg.Connection, return_no: int) -> KeptReturn:
    row = connection.execute(
        "SELECT r.return_message_id, r.position, r.sender_id, s.name, r.content, m.received_on, m.received_at"
        " FROM goods_return r JOIN return_message m USING (return_message_id) JOIN sender s ON s.sender_id = r.sender_id"
        " WHERE return_no = %s",
        [return_no],
    ).fetchone()
    assert row is not None
    return KeptReturn(
        return_no=return_no, return_message_id=row[0], position=row[1], sender_id=row[2], sender_name=row[3],
        record=msgspec.json.decode(row[4], type=ReturnRecord), received_on=row[5], received_at=row[6],
    )  # fmt: skip


def _event(row: Sequence[Any]) -> KeptEvent:
    return KeptEvent(event_no=row[0], sender_id=row[1], event=msgspec.json.decode(row[2], type=ExitEvent))


def _no_case(case_no: int) -> NotFoundError:
    return NotFoundError(f"there is no return case {case_no}", hint="tidewaiter return list shows those there are")
