"""Writing postings and reading them back, within a transaction that somebody else opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Final

import psycopg

from tidewaiter.model.errors import ConflictError
from tidewaiter.revenue.guarantees import GuaranteeError
from tidewaiter.revenue.payments import BankStatement, Debt, payment_key
from tidewaiter.revenue.postings import Account, Entry, Posting, PostingError

BOOKS_LOCK: Final = 0x7469_6468  # shared by all who post, held alone by who must see every posting up to a number
_STAGE = (
    "CREATE TEMP TABLE IF NOT EXISTS staged_posting (posting_id bigint, posting_key text, digest bytea, kind text,"
    " subject text, booked_on date, due_on date, reverses text);"
    "CREATE TEMP TABLE IF NOT EXISTS staged_entry (posting_key text, entry_no smallint, account text, amount numeric,"
    " currency char(3), party text, scheme text, period text, type_code text, about text, rate text, base numeric,"
    " due_on date);"
    "TRUNCATE staged_posting, staged_entry"
)
_ENTRY_COLUMNS = "entry_no, account, amount, currency, party, scheme, period, type_code, about, rate, base, due_on"
_INSERT = (
    "INSERT INTO posting (posting_key, digest, kind, subject, booked_on, due_on, reverses)"
    " SELECT posting_key, digest, kind, subject, booked_on, due_on, reverses FROM staged_posting"
    " ON CONFLICT (posting_key) DO NOTHING RETURNING posting_id, posting_key"
)
_DEBTS = (
    "SELECT party, scheme, period, currency, owed, due_on FROM debt_balance WHERE owed > 0 AND {condition}"
    " ORDER BY due_on, period, party LIMIT %s"  # what is due on no day yet comes last
)
_DEBTS_OF_SUBJECT = (
    "WITH day AS (SELECT party, scheme, period, currency, coalesce(due_on, posting_due) AS due_on, sum(amount) AS amount FROM ("
    " SELECT entry.*, posting.due_on AS posting_due FROM posting JOIN entry USING (posting_id)"
    "  WHERE subject = %(subject)s AND about = '' UNION ALL"
    " SELECT entry.*, posting.due_on FROM posting JOIN entry USING (posting_id) WHERE about = %(subject)s) each"
    " WHERE account = 'receivable' GROUP BY 1, 2, 3, 4, 5),"
    " mine AS (SELECT party, scheme, period, currency, sum(amount) AS owed, min(due_on) FILTER (WHERE amount > 0) AS due_on"
    " FROM day GROUP BY 1, 2, 3, 4 HAVING sum(amount) > 0)"
    " SELECT party, scheme, period, currency, least(mine.owed, debt_balance.owed), mine.due_on FROM mine"
    " JOIN debt_balance USING (party, scheme, period, currency) ORDER BY mine.due_on, scheme"
)


_OPEN_SUBJECTS = (
    "WITH each AS (SELECT subject, entry.party, entry.scheme, entry.period, entry.currency, amount FROM posting JOIN entry"
    "  USING (posting_id) WHERE subject = ANY (%(subjects)s) AND about = '' AND account = 'receivable' UNION ALL"
    " SELECT about, party, scheme, period, currency, amount FROM entry WHERE about = ANY (%(subjects)s)"
    "  AND account = 'receivable'),"
    " mine AS (SELECT subject, party, scheme, period, currency FROM each GROUP BY 1, 2, 3, 4, 5 HAVING sum(amount) > 0)"
    " SELECT DISTINCT subject FROM mine JOIN debt_balance USING (party, scheme, period, currency) WHERE owed > 0"
)


def checked(postings: Sequence[Posting]) -> None:
    """Raises PostingError where one does not balance, or one key stands for two things."""
    seen: dict[str, Posting] = {}
    for posting in postings:
        if problem := posting.problem():
            raise PostingError(f"{posting.key}: {problem}")
        if seen.setdefault(posting.key, posting) != posting:
            raise PostingError(f"{posting.key} stands for two things", hint="each happening has a key of its own")


def write(connection: psycopg.Connection, postings: Sequence[Posting], source: str, position: int) -> Set[str]:
    """Write what is not there yet, and how far its source is posted; the keys of what was new. Raises ConflictError."""
    # Many may post at once; who must see all up to a number waits until they are done.
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s, 1)", [BOOKS_LOCK])
    made = _insert(connection, postings) if postings else frozenset[str]()
    if source:
        connection.execute(
            "INSERT INTO posting_cursor (source, position) VALUES (%s, %s)"
            " ON CONFLICT (source) DO UPDATE SET position = EXCLUDED.position",
            [source, position],
        )
    return made


def _insert(connection: psycopg.Connection, postings: Sequence[Posting]) -> Set[str]:
    connection.execute(_STAGE)
    _stage(connection, postings)
    new: dict[int, str] = dict(connection.execute(_INSERT).fetchall())
    if len(new) != len({posting.key for posting in postings}):
        _refuse_other_content(connection)
    _insert_entries(connection, new)
    return frozenset(new.values())


def _insert_entries(connection: psycopg.Connection, new: Mapping[int, str]) -> None:
    try:
        connection.execute(
            f"INSERT INTO entry (posting_id, {_ENTRY_COLUMNS}) SELECT posting.posting_id, entry_no, account, amount,"
            " currency, party, scheme, period, type_code, about, rate, base, staged_entry.due_on FROM staged_entry"
            " JOIN posting USING (posting_key) WHERE posting.posting_id = ANY (%s)".encode(),
            [list(new)],
        )
    except psycopg.errors.CheckViolation as error:
        if error.diag.constraint_name != "guarantee_covers":
            raise
        raise GuaranteeError(str(error.diag.message_primary)) from error


def read(connection: psycopg.Connection, condition: str, values: Sequence[Any]) -> list[Posting]:
    """Postings that meet a condition, in order, with the entries of theirs that do."""
    rows = connection.execute(
        (
            "SELECT posting_key, kind, subject, booked_on, posting.due_on, reverses, account, amount, currency, party,"
            " scheme, period, type_code, about, rate, base, entry.due_on FROM posting JOIN entry USING (posting_id)"
            f" WHERE {condition} ORDER BY posting_id, entry_no"
        ).encode(),
        values,
    ).fetchall()
    found: dict[str, tuple[Any, list[Entry]]] = {}
    for row in rows:
        _, entries = found.setdefault(row[0], (row, []))
        account, amount, currency, party, scheme, period, type_code, about, rate, base, due = row[6:]
        entries.append(
            Entry(
                account=Account(account), amount=amount, currency=currency, party=party, scheme=scheme, period=period,
                type_code=type_code, about=about, rate=rate, base=base, due=due,
            )
        )  # fmt: skip
    return [
        Posting(
            key=key, kind=head[1], subject=head[2], booked_on=head[3], due=head[4], reverses=head[5] or "",
            entries=tuple(entries),
        )
        for key, (head, entries) in found.items()
    ]  # fmt: skip


def payments(connection: psycopg.Connection, reference: str) -> list[Posting]:
    """Postings of payments under a bank's reference, whatever the account and day, and what takes them back."""
    key = payment_key(reference)
    begins = (f"{key}/", f"{key}0")  # what begins so: "0" follows "/", byte by byte
    return read(
        connection,
        "posting_key = %s OR posting_key >= %s AND posting_key < %s OR reverses = %s OR reverses >= %s AND reverses < %s",
        [key, *begins] * 2,
    )


def debts(
    connection: psycopg.Connection, condition: str, values: Sequence[Any], limit: int | None = None
) -> list[Debt]:
    """Open debts by party, scheme and period that meet a condition, the oldest due first."""
    rows = connection.execute(_DEBTS.format(condition=condition).encode(), [*values, limit]).fetchall()
    return [_debt(row) for row in rows]


def debts_of_subject(connection: psycopg.Connection, subject: str) -> list[Debt]:
    """What is open on one subject: no more than is open on the account it stands on, which may be paid as a whole."""
    rows = connection.execute(_DEBTS_OF_SUBJECT.encode(), {"subject": subject}).fetchall()
    return [_debt(row, subject) for row in rows if row[4] > 0]


def open_subjects(connection: psycopg.Connection, subjects: Sequence[str]) -> set[str]:
    """Those of these subjects on which something is open, and on the account it stands on as well."""
    rows = connection.execute(_OPEN_SUBJECTS.encode(), {"subjects": list(subjects)}).fetchall()
    return {str(row[0]) for row in rows}


def remember(connection: psycopg.Connection, statement: BankStatement, digest: bytes) -> None:
    """Note that a bank statement was read. Raises ConflictError for one that was."""
    row = connection.execute(
        "INSERT INTO bank_statement (account_id, statement_id, digest) VALUES (%s, %s, %b)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        [statement.account_id, statement.statement_id, digest],
    ).fetchone()
    if row is None:
        raise ConflictError(f"statement {statement.statement_id} of {statement.account_id} was read before")


def prefix(text: str) -> str:
    """The pattern of what begins so."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return text.replace("\x00", "") + "%"


def _debt(row: Any, about: str = "") -> Debt:
    return Debt(party=row[0], scheme=row[1], period=row[2], currency=row[3], owed=row[4], due=row[5], about=about)


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
                posting.key, bytes.fromhex(posting.digest), str(posting.kind), posting.subject, posting.booked_on,
                posting.due, posting.reverses or None,
            ))  # fmt: skip
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY staged_entry (posting_key, {_ENTRY_COLUMNS}) FROM STDIN".encode()) as copy,
    ):
        for posting in kept.values():
            for number, entry in enumerate(posting.entries, start=1):
                copy.write_row((
                    posting.key, number, str(entry.account), entry.amount, entry.currency, entry.party, entry.scheme,
                    entry.period, entry.type_code, entry.about, entry.rate, entry.base, entry.due,
                ))  # fmt: skip


def _refuse_other_content(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "SELECT posting_key FROM staged_posting JOIN posting USING (posting_key)"
        " WHERE staged_posting.digest <> posting.digest LIMIT 1"
    ).fetchone()
    if row is not None:
        raise ConflictError(f"{row[0]} was booked before with other content", hint="correct it by a reversal")
