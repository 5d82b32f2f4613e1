"""The revenue accounts on PostgreSQL: postings written whole and once, and what is read from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import psycopg
from msgspec import Struct

from tidewaiter.model.errors import NotFoundError
from tidewaiter.revenue.interest import Movement
from tidewaiter.revenue.payments import Allocation, BankStatement, Debt, Draft
from tidewaiter.revenue.postings import Posting, PostingError, shown
from tidewaiter.revenue.statements import NUMBER_PREFIX
from tidewaiter.store import ledger, proposals, set_asides
from tidewaiter.store.connections import Connections
from tidewaiter.store.guarantees import Guarantees
from tidewaiter.store.record import RecordKeeper
from tidewaiter.store.statements import Statements
from tidewaiter.workflow.recording_money import posting_recording
from tidewaiter.workflow.set_aside import NOTHING, Change

BOOKKEEPING: Final = 0x7469_6466  # held by the one process that posts decisions
MATCHING: Final = 0x7469_6467  # held by whoever lays payments onto debts


_UNTRUE_ACCOUNTS: Final = (
    b"SELECT party, scheme, currency, kept.balance, summed.balance FROM account_balance kept"
    b" FULL JOIN account_summed summed USING (party, scheme, currency) WHERE (kept.balance, kept.postings,"
    b" kept.last_booked_on) IS DISTINCT FROM (summed.balance, summed.postings, summed.last_booked_on) ORDER BY 1, 2, 3"
)
_UNTRUE_DEBTS: Final = (
    b"SELECT party, scheme, period, currency, kept.owed, summed.owed FROM debt_balance kept"
    b" FULL JOIN debt_summed summed USING (party, scheme, period, currency)"
    b" WHERE (kept.owed, kept.due_on) IS DISTINCT FROM (summed.owed, summed.due_on) ORDER BY 1, 2, 3, 4"
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


class AccountRow(Struct, frozen=True):
    """One account of a party under a scheme: what stands on it, how many postings moved it, and when the last did."""

    party: str
    scheme: str
    currency: str
    balance: Decimal
    postings: int
    last_booked_on: date


class Accounts:
    """Made by `PostgresStore`; see its `accounts`. Every method is one transaction."""

    def __init__(self, connections: Connections, keeper: RecordKeeper) -> None:
        self._connections = connections
        self._keeper = keeper
        self.proposals = proposals.Proposals(connections)
        self.guarantees = Guarantees(connections, self.proposals)
        self.statements = Statements(connections)
        self.set_asides = set_asides.SetAsides(connections)

    def post(
        self,
        postings: Sequence[Posting],
        *,
        source: str = "",
        position: int = 0,
        statements: Sequence[tuple[BankStatement, bytes]] = (),
        aside: Change = NOTHING,
    ) -> int:
        """Book postings, all or none; how many were new. One booked before under its key is left as it is.

        With `source`, records in the same transaction how far that source is
        posted; with `statements` that these bank statements (each with the
        digest of its message) were read; with `aside` what is set aside of the
        source and what is not any more. Raises PostingError for a posting that
        does not balance, ConflictError for a key used before for other content
        and for a bank statement read before, GuaranteeError where a guarantee
        does not cover what would be reserved.
        """
        ledger.checked(postings)
        with self._transaction() as connection:
            for statement, digest in statements:
                ledger.remember(connection, statement, digest)
            set_asides.write(connection, aside)
            new = ledger.write(connection, postings, source, position)
            self._record(connection, [each for each in postings if each.key in new])
            return len(new)

    def approve(self, proposal_id: int, by: str, book: Callable[[Draft | Allocation], Sequence[Posting]]) -> int:
        """Approve a payment or an allocation and book what `book` makes of it, both or neither; how many were new.

        Raises what `proposals.approve` does, and what `post` does.
        """
        with self._transaction() as connection:
            content = proposals.approve(connection, proposal_id, by).content
            if not isinstance(content, Draft | Allocation):
                raise PostingError(f"{proposal_id} is no payment", hint="tidewaiter accounts waiting")
            postings = book(content)
            ledger.checked(postings)
            new = ledger.write(connection, postings, "", 0)
            self._record(connection, [each for each in postings if each.key in new])
            return len(new)

    @contextmanager
    def alone(self, lock: int, *, waits: bool = True) -> Iterator[bool]:
        """Hold a lock of the books (`BOOKKEEPING`, `MATCHING`) while in the `with`; False where it is taken.

        With `waits` it is waited for. It goes with the connection: a process that dies lets go of it.
        """
        with self._connections.lend() as connection:
            query = "SELECT pg_advisory_lock(%s, 0) IS NOT NULL" if waits else "SELECT pg_try_advisory_lock(%s, 0)"
            (is_ours,) = connection.execute(query, [lock]).fetchone() or (False,)
            try:
                yield bool(is_ours)
            finally:
                if is_ours and not connection.closed:
                    connection.execute("SELECT pg_advisory_unlock(%s, 0)", [lock])

    def last_posting(self) -> int:
        """The number of the last posting, with none smaller that is still being written."""
        with self._transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s, 1)", [ledger.BOOKS_LOCK])
            row = connection.execute("SELECT coalesce(max(posting_id), 0) FROM posting").fetchone()
        return int(row[0]) if row else 0

    def position(self, source: str) -> int:
        """How far a source is posted; 0 before anything is."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT position FROM posting_cursor WHERE source = %s", [source]).fetchone()
        return int(row[0]) if row else 0

    def balances(self, *, by_party: bool = False) -> list[Balance]:
        """Sums by account, type and currency; by party, scheme and period too where asked."""
        columns = "party, scheme, period" if by_party else "'' AS party, '' AS scheme, '' AS period"
        groups = "account, type_code, currency" + (", party, scheme, period" if by_party else "")
        query = (
            f"SELECT account, {columns}, type_code, currency, sum(amount), count(*) FROM entry"
            f" GROUP BY {groups} ORDER BY {groups}"
        )
        with self._connections.lend() as connection:
            rows = connection.execute(query.encode()).fetchall()
        return [Balance(*row) for row in rows]

    def totals(self, subject_prefix: str) -> dict[tuple[str, str, str], Decimal]:
        """What is charged by all postings on subjects that begin so: by "revenue" or "memo", type and currency."""
        return self._sums("true", subject_prefix)

    def _sums(self, condition: str, subject_prefix: str) -> dict[tuple[str, str, str], Decimal]:
        with self._connections.lend() as connection:
            rows = connection.execute(
                (
                    "SELECT CASE account WHEN 'revenue' THEN 'revenue' ELSE 'memo' END, type_code, currency, -sum(amount)"
                    f" FROM entry JOIN posting USING (posting_id) WHERE {condition} AND subject LIKE %s"
                    " AND account IN ('revenue', 'memo.at_sale_revenue') GROUP BY 1, 2, 3"
                ).encode(),
                [ledger.prefix(subject_prefix)],
            ).fetchall()
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    def analyze(self) -> None:
        """Let the database count anew what is in the books: after much was written at once, plans are made for little."""
        with self._connections.lend() as connection:
            connection.execute("ANALYZE posting, entry")

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
            for posting in ledger.read(connection, "posting.subject = ANY (%s)", [list(subjects)]):
                found[posting.subject].append(posting)
        return found

    def payments(self, reference: str) -> list[Posting]:
        """Every posting of payments under a bank's reference, by hand and on any account, and what takes them back."""
        with self._connections.lend() as connection:
            return ledger.payments(connection, reference)

    def posting(self, key: str) -> Posting:
        """One posting. Raises NotFoundError."""
        with self._connections.lend() as connection:
            for found in ledger.read(connection, "posting_key = %s", [key]):
                return found
        raise NotFoundError(f"there is no posting {key}")

    def accounts(
        self, *, parties: Sequence[str] | None = None, party_like: str = "", limit: int = 200
    ) -> list[AccountRow]:
        """Accounts with what stands on them, the largest debt first: of these parties, or of those that begin so."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT party, scheme, currency, balance, postings, last_booked_on FROM account_balance"
                " WHERE (%s::text[] IS NULL OR party = ANY (%s)) AND party LIKE %s"
                " ORDER BY balance DESC, party, scheme, currency LIMIT %s",
                [*[None if parties is None else list(parties)] * 2, ledger.prefix(party_like), limit],
            ).fetchall()
        return [AccountRow(*row) for row in rows]

    def of_account(self, whose: tuple[str, str, str], before: int, limit: int) -> list[Posting]:
        """Postings of one party, scheme and currency, the newest first, before a posting's number (0: from the newest)."""
        with self._connections.lend() as connection:
            return ledger.read(
                connection,
                "posting_id IN (SELECT DISTINCT posting_id FROM entry WHERE party = %s AND scheme = %s AND currency = %s"
                " AND (%s = 0 OR posting_id < %s) ORDER BY posting_id DESC LIMIT %s)",
                [*whose, before, before, limit],
            )[::-1]

    def debts_named(self, number: str) -> list[Debt]:
        """What is open on a declaration by its registered number (MRN), or on a statement's account by its number."""
        with self._connections.lend() as connection:
            if number.startswith(NUMBER_PREFIX):
                return ledger.debts(
                    connection,
                    "EXISTS (SELECT FROM statement WHERE statement_no = %s AND statement.party = debt_balance.party"
                    " AND statement.scheme = debt_balance.scheme AND statement.currency = debt_balance.currency"
                    " AND debt_balance.period <= statement.period)",
                    [int(number.removeprefix(NUMBER_PREFIX))],
                )
            row = connection.execute(
                "SELECT declaration_id FROM declaration WHERE registered_id = %s AND registered_id <> ''"
                " ORDER BY (state = 'rejected'), declaration_id DESC LIMIT 1",
                [number],
            ).fetchone()
            return ledger.debts_of_subject(connection, f"declaration:{row[0]}") if row else []

    def debts_of(self, subject: str) -> list[Debt]:
        """What is open on one subject, "declaration:42"; nothing where the account it stands on is paid."""
        with self._connections.lend() as connection:
            return ledger.debts_of_subject(connection, subject)

    def still_open(self, subjects: Sequence[str]) -> set[str]:
        """Those of these subjects on which something is open."""
        with self._connections.lend() as connection:
            return ledger.open_subjects(connection, subjects)

    def open_debts(
        self, party: str = "", *, parties: Sequence[str] | None = None, limit: int | None = None
    ) -> list[Debt]:
        """Debts not yet paid by scheme and period, of one party, of these or of all, the oldest due first."""
        wanted = [party] if party else None if parties is None else list(parties)
        with self._connections.lend() as connection:
            return ledger.debts(connection, "(%s::text[] IS NULL OR party = ANY (%s))", [wanted, wanted], limit)

    def untrue(self) -> list[str]:
        """Where what is kept of an account or debt is not what its entries come to, in words; empty when all is right."""
        with self._connections.lend() as connection:
            accounts = connection.execute(_UNTRUE_ACCOUNTS).fetchall()
            debts = connection.execute(_UNTRUE_DEBTS).fetchall()
        return [
            f"{', '.join(whose)}: {_stands(kept)} is kept, its entries come to {_stands(summed)}"
            for *whose, kept, summed in (*accounts, *debts)
        ]

    def suspense(self) -> list[Balance]:
        """Money that no debt was found for: by payment (as `period` is none, its key stands there) and party."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT account, party, '', coalesce(nullif(about, ''), subject), '', currency, -sum(amount), count(*)"
                " FROM entry JOIN posting USING (posting_id) WHERE account = 'suspense' GROUP BY 1, 2, 4, 6"
                " HAVING sum(amount) <> 0 ORDER BY 4, 2"
            ).fetchall()
        return [Balance(*row) for row in rows]

    def in_suspense(self, payment: str) -> Decimal:
        """What of a payment (its reference) no debt was found for, less what was allocated since; 0 where it is none."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT coalesce(-sum(amount), 0) FROM posting JOIN entry USING (posting_id) WHERE subject = %s"
                " AND account = 'suspense'",
                [f"payment:{payment}"],
            ).fetchone()
        return row[0] if row else Decimal(0)

    def paid_between(self, after: int, until: int) -> list[tuple[Debt, str]]:
        """Which debts payments and allocations in a run of postings were laid onto, with the payment's key."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT DISTINCT party, scheme, period, currency, about, posting_key FROM posting JOIN entry"
                " USING (posting_id) WHERE kind IN ('payment', 'allocation') AND account = 'receivable' AND amount < 0"
                " AND posting_id > %s AND posting_id <= %s",
                [after, until],
            ).fetchall()
        return [
            (Debt(party=row[0], scheme=row[1], period=row[2], currency=row[3], about=row[4], owed=Decimal(0)), row[5])
            for row in rows
        ]

    def subjects_of(self, debt: Debt) -> list[str]:
        """The declarations charged on one account for one period that are secured, or whose goods may wait for payment."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT DISTINCT subject FROM entry JOIN posting USING (posting_id) WHERE party = %s AND scheme = %s"
                " AND period = %s AND currency = %s AND account = 'receivable' AND kind IN ('charge', 'deferred')"
                " AND subject LIKE 'declaration:%%' AND (EXISTS (SELECT FROM posting other WHERE other.subject ="
                " posting.subject AND other.kind = 'guarantee reserve') OR EXISTS (SELECT FROM declaration WHERE"
                " declaration_id = substr(subject, 13)::bigint AND state NOT IN ('cleared', 'released', 'rejected',"
                " 'refused', 'invalidated'))) ORDER BY 1",
                [debt.party, debt.scheme, debt.period, debt.currency],
            ).fetchall()
        return [str(row[0]) for row in rows]

    def movements(self, debt: Debt, types: Sequence[str]) -> list[Movement]:
        """What changed one debt and from which day on it counts for interest; of some types of charge where named.

        What was announced and has not arrived is not late, and interest bears none. Payments count against what bears
        interest first.
        """
        where = [debt.party, debt.scheme, debt.period, debt.currency]
        here = "party = %s AND scheme = %s AND period = %s AND currency = %s"
        charges = (
            "account = 'revenue' AND type_code = ANY (%s)" if types else "account = 'receivable' AND type_code <> 'INT'"
        )
        with self._connections.lend() as connection:
            rows = connection.execute(
                f"SELECT coalesce(entry.due_on, posting.due_on) + 1, sum(CASE account WHEN 'revenue' THEN -amount ELSE amount END) FROM entry JOIN posting"
                f" USING (posting_id) WHERE {here} AND {charges} AND coalesce(entry.due_on, posting.due_on) IS NOT NULL AND NOT EXISTS (SELECT FROM"
                " declaration WHERE 'declaration:' || declaration_id = subject AND state = 'received') GROUP BY 1"
                f" UNION ALL SELECT booked_on, sum(amount) FROM entry JOIN posting USING (posting_id) WHERE {here}"
                " AND account = 'receivable' AND coalesce(entry.due_on, posting.due_on) IS NULL GROUP BY 1".encode(),
                [*where, *([list(types)] if types else []), *where],
            ).fetchall()
        return [Movement(*row) for row in rows]

    def interest_until(self, debt: Debt) -> date | None:
        """The last day interest was charged for on a debt; None where it never was."""
        subject = f"debt:{debt.party}:{debt.scheme}:{debt.period}:{debt.currency}"
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT max(booked_on) FROM posting WHERE subject = %s AND kind = 'interest'", [subject]
            ).fetchone()
        return row[0] if row else None

    def let_see(self, sender_id: int, party: str, by: str) -> None:
        """Let a sender see a party's accounts as its own."""
        with self._connections.lend() as connection:
            connection.execute(
                "INSERT INTO sender_operator (sender_id, party, granted_by) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                [sender_id, party, by],
            )

    def seen_by(self, sender_id: int) -> list[str]:
        """The parties whose accounts a sender may see."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT party FROM sender_operator WHERE sender_id = %s ORDER BY party", [sender_id]
            ).fetchall()
        return [str(row[0]) for row in rows]

    def _record(self, connection: psycopg.Connection, postings: Sequence[Posting]) -> None:
        """Tell the record of payments and guarantees among postings, in their own transaction."""
        told = [each for posting in postings if (each := posting_recording(posting, datetime.now(UTC))) is not None]
        if told:
            record = self._keeper.within(lambda: connection)
            record.append(told)
            record.flush()

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection]:
        with self._connections.lend() as connection, connection.transaction():
            yield connection


def _stands(amount: Decimal | None) -> str:
    return "nothing" if amount is None else str(shown(amount))


def read_postings(connection: psycopg.Connection, subject: str) -> list[Posting]:
    """Every posting on a subject, as a transaction of somebody else's sees it."""
    return ledger.read(connection, "posting.subject = %s", [subject])


def write_postings(connection: psycopg.Connection, postings: Sequence[Posting]) -> int:
    """Book postings within a transaction of somebody else's; how many were new. Raises as `Accounts.post` does."""
    ledger.checked(postings)
    return len(ledger.write(connection, postings, "", 0))
