"""The revenue accounts on PostgreSQL: postings written whole and once, and what is read from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
from msgspec import Struct

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.revenue.payments import BankStatement, Draft
from tidewaiter.revenue.postings import Account, Entry, Posting, PostingError
from tidewaiter.store.connections import Connections

_STAGE_POSTING = (
    "CREATE TEMP TABLE IF NOT EXISTS staged_posting (posting_id bigint, posting_key text, digest bytea, kind text,"
    " subject text, booked_on date, due_on date, reverses text);"
    "CREATE TEMP TABLE IF NOT EXISTS staged_entry (posting_key text, entry_no smallint, account text, amount numeric,"
    " currency char(3), party text, scheme text, period text, type_code text);"
    "TRUNCATE staged_posting, staged_entry"
)
_INSERT = (
    "INSERT INTO posting (posting_key, digest, kind, subject, booked_on, due_on, reverses)"
    " SELECT posting_key, digest, kind, subject, booked_on, due_on, reverses FROM staged_posting"
    " ON CONFLICT (posting_key) DO NOTHING RETURNING posting_id, posting_key"
)


class Balance(Struct, frozen=True):
    """What stands on one account of one party, scheme and period."""

    account: str
    party: str
    scheme: str
    period: str
    type_code: str
    currency: str
    amount: Decimal
    count: int


class OpenDebt(Struct, frozen=True):
    """A debt not yet paid in full, the oldest due first."""

    party: str
    scheme: str
    period: str
    currency: str
    owed: Decimal
    due_on: date | None


class Accounts:
    """Made by `PostgresStore`; see its `accounts`. Every method is one transaction."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def post(self, postings: Sequence[Posting], *, source: str = "", position: int = 0) -> int:
        """Book postings, all or none; how many were new. One booked before under its key is left as it is.

        With `source`, records how far that source is posted in the same
        transaction. Raises PostingError for one that does not balance, and
        ConflictError for a key used before for other content.
        """
        seen: dict[str, Posting] = {}
        for posting in postings:
            if problem := posting.problem():
                raise PostingError(f"{posting.key}: {problem}")
            if seen.setdefault(posting.key, posting) != posting:
                raise PostingError(f"{posting.key} stands for two things", hint="each happening has a key of its own")
        with self._transaction() as connection:
            return _write(connection, postings, source, position)

    def position(self, source: str) -> int:
        """How far a source is posted; 0 before anything is."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT position FROM posting_cursor WHERE source = %s", [source]).fetchone()
        return int(row[0]) if row else 0

    def balances(self, *, source_like: str = "", by_party: bool = False) -> list[Balance]:
        """Sums by account, type and currency; by party, scheme and period too where asked. Keys beginning as given."""
        columns = "party, scheme, period" if by_party else "'' AS party, '' AS scheme, '' AS period"
        groups = "account, type_code, currency" + (", party, scheme, period" if by_party else "")
        query = (
            f"SELECT account, {columns}, type_code, currency, sum(amount), count(*) FROM entry JOIN posting"
            f" USING (posting_id) WHERE posting_key LIKE %s GROUP BY {groups} ORDER BY {groups}"
        )
        with self._connections.lend() as connection:
            rows = connection.execute(query.encode(), [f"%{source_like}%"]).fetchall()
        return [Balance(*row) for row in rows]

    def totals(self, source_like: str) -> dict[tuple[str, str, str], Decimal]:
        """What is charged by all postings whose key contains a text: by "revenue" or "memo", type and currency."""
        with self._connections.lend() as connection:
            connection.execute("ANALYZE posting, entry")  # after much was written at once, plans are made for little
            rows = connection.execute(
                "SELECT CASE account WHEN 'revenue' THEN 'revenue' ELSE 'memo' END, type_code, currency, -sum(amount)"
                " FROM entry JOIN posting USING (posting_id) WHERE posting_key LIKE %s"
                " AND account IN ('revenue', 'memo.at_sale_revenue') GROUP BY 1, 2, 3",
                [f"%{source_like}%"],
            ).fetchall()
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    def charged(self, subjects: Sequence[str]) -> dict[str, dict[str, Decimal]]:
        """What is charged on each subject now, by type, after reversals and refunds; amounts above zero."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT subject, type_code, -sum(amount) FROM posting JOIN entry USING (posting_id)"
                " WHERE subject = ANY (%s) AND account = 'revenue' GROUP BY 1, 2",
                [list(subjects)],
            ).fetchall()
        found: dict[str, dict[str, Decimal]] = {}
        for subject, type_code, amount in rows:
            found.setdefault(subject, {})[type_code] = amount
        return found

    def of_subjects(self, subjects: Sequence[str]) -> dict[str, list[Posting]]:
        """Every posting on these subjects, in order."""
        found: dict[str, list[Posting]] = {subject: [] for subject in subjects}
        with self._connections.lend() as connection:
            for posting in _read(connection, "posting.subject = ANY (%s)", [list(subjects)]):
                found[posting.subject].append(posting)
        return found

    def posting(self, key: str) -> Posting:
        """One posting. Raises NotFoundError."""
        with self._connections.lend() as connection:
            for found in _read(connection, "posting_key = %s", [key]):
                return found
        raise NotFoundError(f"there is no posting {key}")

    def statement(self, party: str, scheme: str, period: str) -> list[Posting]:
        """The postings of one party, scheme and period, with the entries that are theirs alone."""
        with self._connections.lend() as connection:
            return _read(connection, "party = %s AND scheme = %s AND period = %s", [party, scheme, period])

    def periods(self) -> list[tuple[str, str, str]]:
        """Every party, scheme and period there are entries of."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT DISTINCT party, scheme, period FROM entry WHERE period <> '' ORDER BY 1, 2, 3"
            ).fetchall()
        return [(row[0], row[1], row[2]) for row in rows]

    def party_of(self, number: str) -> str:
        """Who a declaration's number (MRN) belongs to by what it was charged; "" where that is not known."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT entry.party FROM declaration JOIN posting ON posting.subject = 'declaration:' || declaration_id"
                " JOIN entry USING (posting_id) WHERE registered_id = %s AND account = 'receivable' LIMIT 1",
                [number],
            ).fetchone()
        return str(row[0]) if row else ""

    def open_debts(self, party: str = "") -> list[OpenDebt]:
        """Debts not yet paid, of one party or all, the oldest due first."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT party, scheme, period, currency, sum(amount), min(due_on) FROM entry JOIN posting"
                " USING (posting_id) WHERE account = 'receivable' AND (%s = '' OR party = %s)"
                " GROUP BY party, scheme, period, currency HAVING sum(amount) > 0 ORDER BY min(due_on), period, party",
                [party, party],
            ).fetchall()
        return [OpenDebt(*row) for row in rows]

    def enter(self, draft: Draft, by: str) -> int:
        """Keep a payment that one person entered until another approves it. Raises ConflictError where it is known."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "INSERT INTO payment_draft (reference, content, entered_by) VALUES (%s, %s, %s)"
                " ON CONFLICT DO NOTHING RETURNING draft_id",
                [draft.reference, canonical_bytes(draft), by],
            ).fetchone()
        if row is None:
            raise ConflictError(f"a payment {draft.reference!r} was entered before")
        return int(row[0])

    def approve(self, draft_id: int, by: str) -> Draft:
        """Approve what another person entered. Raises NotFoundError, or PostingError for the same person."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT content, entered_by, approved_by FROM payment_draft WHERE draft_id = %s FOR UPDATE", [draft_id]
            ).fetchone()
            if row is None:
                raise NotFoundError(f"there is no payment {draft_id} to approve")
            if row[2] is not None:
                raise ConflictError(f"payment {draft_id} was approved by {row[2]} before")
            if row[1] == by:
                raise PostingError(f"{by} entered this payment", hint="a second person approves it")
            connection.execute(
                "UPDATE payment_draft SET approved_by = %s, approved_at = clock_timestamp() WHERE draft_id = %s",
                [by, draft_id],
            )
        return msgspec.json.decode(row[0], type=Draft)

    def remember(self, statement: BankStatement, digest: bytes) -> None:
        """Note that a bank statement was read. Raises ConflictError for one that was."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "INSERT INTO bank_statement (account_id, statement_id, digest) VALUES (%s, %s, %s)"
                " ON CONFLICT DO NOTHING RETURNING 1",
                [statement.account_id, statement.statement_id, digest],
            ).fetchone()
        if row is None:
            raise ConflictError(f"statement {statement.statement_id} of {statement.account_id} was read before")

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection]:
        with self._connections.lend() as connection, connection.transaction():
            yield connection


def read_postings(connection: psycopg.Connection, subject: str) -> list[Posting]:
    """Every posting on a subject, as a transaction of somebody else's sees it."""
    return _read(connection, "posting.subject = %s", [subject])


def write_postings(connection: psycopg.Connection, postings: Sequence[Posting]) -> int:
    """Book postings within a transaction of somebody else's; how many were new. Raises as `Accounts.post` does."""
    for posting in postings:
        if problem := posting.problem():
            raise PostingError(f"{posting.key}: {problem}")
    return _write(connection, postings, "", 0)


def _write(connection: psycopg.Connection, postings: Sequence[Posting], source: str, position: int) -> int:
    connection.execute(_STAGE_POSTING)
    _stage(connection, postings)
    new: dict[int, str] = dict(connection.execute(_INSERT).fetchall())
    if len(new) != len({posting.key for posting in postings}):
        _refuse_other_content(connection)
    connection.execute(
        "INSERT INTO entry (posting_id, entry_no, account, amount, currency, party, scheme, period, type_code)"
        " SELECT posting.posting_id, entry_no, account, amount, currency, party, scheme, period, type_code"
        " FROM staged_entry JOIN posting USING (posting_key) WHERE posting.posting_id = ANY (%s)",
        [list(new)],
    )
    if source:
        connection.execute(
            "INSERT INTO posting_cursor (source, position) VALUES (%s, %s)"
            " ON CONFLICT (source) DO UPDATE SET position = EXCLUDED.position",
            [source, position],
        )
    return len(new)


def _stage(connection: psycopg.Connection, postings: Iterable[Posting]) -> None:
    kept = {posting.key: posting for posting in postings}
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY staged_posting (posting_key, digest, kind, subject, booked_on, due_on, reverses) FROM STDIN"
        ) as copy,
    ):
        for posting in kept.values():
            copy.write_row((
                posting.key, bytes.fromhex(posting.digest), posting.kind, posting.subject, posting.booked_on, posting.due,
                posting.reverses or None,
            ))  # fmt: skip
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY staged_entry (posting_key, entry_no, account, amount, currency, party, scheme, period, type_code)"
            " FROM STDIN"
        ) as copy,
    ):
        for posting in kept.values():
            for number, entry in enumerate(posting.entries, start=1):
                copy.write_row((
                    posting.key, number, str(entry.account), entry.amount, entry.currency, entry.party, entry.scheme,
                    entry.period, entry.type_code,
                ))  # fmt: skip


def _refuse_other_content(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "SELECT posting_key FROM staged_posting JOIN posting USING (posting_key)"
        " WHERE staged_posting.digest <> posting.digest LIMIT 1"
    ).fetchone()
    if row is not None:
        raise ConflictError(f"{row[0]} was booked before with other content", hint="correct it by a reversal")


def _read(connection: psycopg.Connection, condition: str, values: list[Any]) -> list[Posting]:
    rows = connection.execute(
        (
            "SELECT posting_key, kind, subject, booked_on, due_on, reverses, account, amount, currency, party, scheme,"
            f" period, type_code FROM posting JOIN entry USING (posting_id) WHERE {condition} ORDER BY posting_id, entry_no"
        ).encode(),
        values,
    ).fetchall()
    found: dict[str, tuple[Any, list[Entry]]] = {}
    for row in rows:
        _, entries = found.setdefault(row[0], (row, []))
        account, amount, currency, party, scheme, period, type_code = row[6:]
        entries.append(
            Entry(
                account=Account(account), amount=amount, currency=currency, party=party, scheme=scheme, period=period,
                type_code=type_code,
            )
        )  # fmt: skip
    return [
        Posting(
            key=key, kind=head[1], subject=head[2], booked_on=head[3], due=head[4], reverses=head[5] or "",
            entries=tuple(entries),
        )
        for key, (head, entries) in found.items()
    ]  # fmt: skip
