"""Statements on PostgreSQL: issued once, read again, and the ledger read through in the order statements need it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from typing import Any

import msgspec
import psycopg
from msgspec.structs import replace

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.revenue.statements import Folding, Overtaken, Previous, Row, Statement, number_of
from tidewaiter.store.connections import Connections

ROWS_AT_ONCE = 5_000
_ROW = (
    "SELECT party, scheme, currency, posting_id, posting_key, kind, subject, booked_on,"
    " coalesce(entry.due_on, posting.due_on), account, period, type_code, rate, base, amount, about"
    " FROM entry JOIN posting USING (posting_id)"
)
_SHOWN = "period <> '' AND account IN ('receivable', 'memo.at_sale', 'refund', 'revenue', 'memo.at_sale_revenue')"
_COVERED = (
    "LEFT JOIN (SELECT DISTINCT ON (party, scheme, currency) party, scheme, currency, period AS covered_period,"
    " until_posting FROM statement WHERE period < %s ORDER BY party, scheme, currency, period DESC) covered"
    " USING (party, scheme, currency)"
)
_NOT_COVERED = " AND entry.period <= %s AND (covered_period IS NULL OR entry.period > covered_period OR posting_id > until_posting)"
_ORDER = "ORDER BY party, scheme, currency, posting_id, entry_no"
_PREVIOUS = (
    "SELECT period, until_posting, closing FROM statement WHERE party = %s AND scheme = %s AND currency = %s"
    " AND period < %s ORDER BY period DESC LIMIT 1"
)
_INSERT = (
    "INSERT INTO statement (party, scheme, currency, period, until_posting, previous_period, after_posting, opening,"
    " moved, closing, content, issued_on) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %b, %s)"
    " ON CONFLICT DO NOTHING RETURNING statement_no"
)
_NOT_BEFORE = (
    "SELECT statement_no, period FROM statement WHERE party = %s AND scheme = %s AND currency = %s AND period >= %s"
    " ORDER BY period LIMIT 1"
)


class Statements:
    """Made by `Accounts`; see its `statements`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @contextmanager
    def rows(self, *, party: str = "", scheme: str = "", until: int = 0, for_: str = "") -> Iterator[Iterator[Row]]:
        """Every entry that statements show, account by account, as a stream that holds a few thousand at a time.

        With `for_`, those alone that the statement of this period would show:
        no later period's, and none that an earlier statement covers.
        """
        condition = "(%s = '' OR party = %s) AND (%s = '' OR scheme = %s) AND (%s = 0 OR posting_id <= %s)"
        values: list[Any] = [party, party, scheme, scheme, until, until]
        if for_:
            condition += _NOT_COVERED
            values = [for_, *values, for_]
        query = f"{_ROW} {_COVERED if for_ else ''} WHERE {_SHOWN} AND {condition} {_ORDER}"
        with self._connections.lend() as connection, connection.transaction():
            connection.execute("SET LOCAL work_mem = '64MB'")
            with connection.cursor(name="rows") as cursor:
                cursor.itersize = ROWS_AT_ONCE
                cursor.execute(query.encode(), values)
                yield (Row(*row) for row in cursor)

    def issue(
        self, period: str, cut: int, on: date, *, party: str = "", scheme: str = ""
    ) -> Iterator[Statement | Overtaken]:
        """Issue the statement of a period for every account that moved; those issued before are left as they are.

        `cut` is the last posting they cover (`Accounts.last_posting`). An account that has a statement of a later period
        gets none, and why. Numbers follow on one another without a gap.
        """
        with (
            self.rows(party=party, scheme=scheme, until=cut, for_=period) as rows,
            self._connections.lend() as connection,
        ):
            for whose, entries in groupby(rows, key=lambda row: (row.party, row.scheme, row.currency)):
                previous = _previous(connection, whose, period)
                folding = Folding(whose, previous)
                for row in entries:
                    folding.add(row)
                statement = folding.statement(period, cut)
                if any(_is_alike(each, period) for each in folding.periods):
                    yield from _kept(connection, replace(statement, issued_on=on))

    @contextmanager
    def rows_of(self, statement: Statement) -> Iterator[Iterator[Row]]:
        """The entries that a statement shows, as a stream."""
        previous = Previous(statement.previous_period, statement.after_posting)
        with self.rows(party=statement.party, scheme=statement.scheme, until=statement.until_posting) as rows:
            yield (
                row
                for row in rows
                if row.currency == statement.currency and row.period <= statement.period and not previous.covers(row)
            )

    def one(self, statement_no: int, *, parties: Sequence[str] | None = None) -> Statement:
        """An issued statement by its running number, of these parties where named: another's is not there.

        Raises NotFoundError.
        """
        whose = None if parties is None else list(parties)
        for found in self._read(
            "statement_no = %s AND (%s::text[] IS NULL OR party = ANY (%s))", [statement_no, whose, whose]
        ):
            return found
        raise NotFoundError(f"there is no statement {number_of(statement_no)}", hint="tidewaiter accounts statements")

    def find(
        self, *, parties: Sequence[str] | None = None, scheme: str = "", period: str = "", limit: int = 200
    ) -> list[Statement]:
        """Issued statements, the newest first; of these parties, of one scheme, for one period where asked."""
        return self._read(
            "(%s::text[] IS NULL OR party = ANY (%s)) AND (%s = '' OR scheme = %s) AND (%s = '' OR period = %s)"
            " ORDER BY statement_no DESC LIMIT %s",
            [*[None if parties is None else list(parties)] * 2, scheme, scheme, period, period, limit],
        )

    @contextmanager
    def all(self) -> Iterator[Iterator[Statement]]:
        """Every issued statement by account and period, as a stream."""
        with self._connections.lend() as connection, connection.transaction(), connection.cursor(name="all") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(b"SELECT statement_no, content FROM statement ORDER BY party, scheme, currency, period")
            yield (_decoded(row) for row in cursor)

    def _read(self, condition: str, values: list[Any]) -> list[Statement]:
        with self._connections.lend() as connection:
            rows = connection.execute(
                f"SELECT statement_no, content FROM statement WHERE {condition}".encode(), values
            ).fetchall()
        return [_decoded(row) for row in rows]


def _is_alike(period: str, other: str) -> bool:
    """True of two months, quarters or years: no quarter's statement is issued for an account that goes by months."""
    return len(period) == len(other) and ("Q" in period) == ("Q" in other)


def _previous(connection: psycopg.Connection, whose: tuple[str, str, str], period: str) -> Previous:
    row = connection.execute(_PREVIOUS, [*whose, period]).fetchone()
    return Previous(row[0], row[1], row[2]) if row else Previous()


def _kept(connection: psycopg.Connection, statement: Statement) -> Iterator[Statement | Overtaken]:
    """The statement with its number; nothing where it was issued before; why not, where one after it was."""
    whose = (statement.party, statement.scheme, statement.currency)
    row = connection.execute(
        _INSERT,
        [
            *whose, statement.period, statement.until_posting, statement.previous_period, statement.after_posting,
            statement.opening, statement.moved, statement.closing, canonical_bytes(statement), statement.issued_on,
        ],
    ).fetchone()  # fmt: skip
    if row is not None:
        yield replace(statement, number=number_of(row[0]))
        return
    there = connection.execute(_NOT_BEFORE, [*whose, statement.period]).fetchone()
    if there is None:
        raise ConflictError(f"somebody else issues statements to {whose[0]} at this moment", hint="issue them again")
    if there[1] != statement.period:
        yield Overtaken(
            party=whose[0], scheme=whose[1], currency=whose[2], period=statement.period, later=number_of(there[0]),
            later_period=there[1],
        )  # fmt: skip


def _decoded(row: Any) -> Statement:
    return replace(msgspec.json.decode(row[1], type=Statement), number=number_of(row[0]))
