"""History in PostgreSQL: happenings that begin and end and never change, and what is counted of them for a parcel.

Everything is written by the one writer, so that changes come to be seen in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import IO, Any, Final

import psycopg

from tidewaiter.risk.history import Happening, Key, counted, definitions
from tidewaiter.risk.history.definitions import DAYS_MAX
from tidewaiter.risk.history.expressions import of_key, over_days, over_parcels
from tidewaiter.workflow.happenings import LookedUp
from tidewaiter.workflow.records import Place

_NULL: Final = "\\N"
Lend = Callable[[], AbstractContextManager[psycopg.Connection]]
_COLUMNS: Final = "message_id, position, day, household, person, phone, consignor, cents"
_INSERT: Final = f"INSERT INTO happening ({_COLUMNS}, known) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
_NUMBER: Final = "UPDATE history_change SET known = known + 1 RETURNING known"
_WINDOW: Final = f"e.day > a.day - {DAYS_MAX} AND e.day <= a.day"
# The days of each sender once for all parcels that ask: of few senders come many, and the row of a sender's present day
# is one of the latest of a long row of versions while a message is being remembered.
_SENDERS: Final = (
    "sender AS MATERIALIZED (SELECT a.consignor, a.day, array_agg(e.day) AS days, array_agg(e.parcels) AS parcels,"
    " array_agg(e.cents) AS cents FROM (SELECT DISTINCT consignor, day FROM asked WHERE consignor IS NOT NULL) a"
    f" JOIN consignor_day e ON e.consignor = a.consignor AND {_WINDOW} GROUP BY a.consignor, a.day)"
)


class PostgresHistory:
    """See `workflow.history.History`; `lend` gives a connection, the writer's own within its transaction."""

    def __init__(self, lend: Lend) -> None:
        self._lend = lend

    def secret(self) -> bytes:
        """What keys of people are made under."""
        with self._lend() as connection:
            row = connection.execute("SELECT secret FROM person_secret").fetchone()
        assert row is not None
        return bytes(row[0])

    def remembered(self, message_id: int) -> int:
        """The last record of a message that history knows of; 0 where it knows of none."""
        with self._lend() as connection:
            row = connection.execute(
                "SELECT coalesce(max(position), 0) FROM happening WHERE message_id = %s", [message_id]
            ).fetchone()
        return int(row[0]) if row else 0

    def remember(self, message_id: int, told: Sequence[tuple[int, Happening]]) -> None:
        """Keep what happened by records (by position) of a message, which history does not know of yet."""
        if not told:
            return
        with self._lend() as connection:
            known = _next(connection)
            if len(told) > 1:
                with (
                    connection.cursor() as cursor,
                    cursor.copy(f"COPY happening ({_COLUMNS}, known) FROM STDIN".encode()) as copy,
                ):
                    copy.write("".join([_line(message_id, position, each, known) for position, each in told]))
            else:
                ((position, each),) = told
                connection.execute(_INSERT.encode(), [message_id, position, *_values(each), known])
            _count(connection, [each for _, each in told], 1)

    def restate(self, place: Place, happening: Happening) -> None:
        """Say anew what happened by a record: what was said before ends. What is the same already stays."""
        with self._lend() as connection:
            found = _current(connection, place.message_id, [place.position])
            if [each for _, each in found] == [happening]:
                return
            known = _next(connection)
            _end(connection, place.message_id, found, known)
            connection.execute(_INSERT.encode(), [place.message_id, place.position, *_values(happening), known])
            _count(connection, [happening], 1)

    def forget(self, message_id: int, positions: Sequence[int]) -> None:
        """What happened by these records came to nothing."""
        if not positions:
            return
        with self._lend() as connection:
            found = _current(connection, message_id, positions)
            if found:
                _end(connection, message_id, found, _next(connection))

    def of_records(self, message_id: int, first: int, last: int) -> dict[int, LookedUp]:
        """The features of a message's records that history knows of, by position."""
        asked = (
            f"SELECT {_COLUMNS}, day AS own_day, consignor AS own_consignor, cents AS own_cents FROM happening"
            " WHERE message_id = %s AND position BETWEEN %s AND %s AND ended IS NULL"
        )
        return {row[0]: _looked_up(row) for row in self._asked(asked, [message_id, first, last])}

    def of(self, happening: Happening, place: Place | None) -> LookedUp:
        """The features of what happened by a record, as it is now said to have; `place` is where it is kept already."""
        message_id, position = (place.message_id, place.position) if place is not None else (0, 0)
        asked = (
            "SELECT a.*, o.day AS own_day, o.consignor AS own_consignor, o.cents AS own_cents FROM"
            f" (VALUES (%s::bigint, %s::bigint, %s::date, %s::bigint, %s::bigint, %s::bigint, %s::bigint, %s::bigint)) AS a ({_COLUMNS})"
            " LEFT JOIN happening o ON o.message_id = a.message_id AND o.position = a.position AND o.ended IS NULL"
        )
        (row,) = self._asked(asked, [message_id, position, *_values(happening)])
        return _looked_up(row)

    def export(self, stream: IO[bytes]) -> None:
        """Everything that was ever known, as CSV with a header: for executors over whole periods, and for auditors."""
        with self._lend() as connection, connection.cursor() as cursor:
            query = (
                f"COPY (SELECT {_COLUMNS}, known, ended FROM happening ORDER BY known, message_id, position) TO STDOUT"
            )
            with cursor.copy(f"{query} (FORMAT csv, HEADER)".encode()) as copy:
                for data in copy:
                    stream.write(data)

    def _asked(self, asked: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._lend() as connection, connection.transaction():
            # A few rows by index: a plan made while the tables were small would read all of them for ever.
            connection.execute("SET LOCAL enable_seqscan = off")
            return connection.execute(
                f"WITH asked AS ({asked}), {_SENDERS} {_query()}".encode(), list(parameters)
            ).fetchall()


def _next(connection: psycopg.Connection) -> int:
    row = connection.execute(_NUMBER.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _values(each: Happening) -> tuple[Any, ...]:
    return each.day, each.household, each.person, each.phone, each.consignor, each.cents


def _line(message_id: int, position: int, each: Happening, known: int) -> str:
    """One row as COPY reads it: none of its columns holds a text."""
    keys = [
        _NULL if key is None else key for key in (each.household, each.person, each.phone, each.consignor, each.cents)
    ]
    return f"{message_id}\t{position}\t{each.day}\t{keys[0]}\t{keys[1]}\t{keys[2]}\t{keys[3]}\t{keys[4]}\t{known}\n"


def _current(connection: psycopg.Connection, message_id: int, positions: Sequence[int]) -> list[tuple[int, Happening]]:
    found = connection.execute(
        "SELECT position, day, household, person, phone, consignor, cents FROM happening"
        " WHERE message_id = %s AND position = ANY (%s) AND ended IS NULL",
        [message_id, list(positions)],
    ).fetchall()
    return [(position, Happening(*values)) for position, *values in found]


def _end(connection: psycopg.Connection, message_id: int, found: Sequence[tuple[int, Happening]], known: int) -> None:
    connection.execute(
        "UPDATE happening SET ended = %s WHERE message_id = %s AND position = ANY (%s) AND ended IS NULL",
        [known, message_id, [position for position, _ in found]],
    )
    _count(connection, [each for _, each in found], -1)


def _count(connection: psycopg.Connection, told: Iterable[Happening], sign: int) -> None:
    """Add to, or take off, the days of senders; in one order always, so that nobody waits for another in a circle."""
    sums: dict[tuple[int, Any], tuple[int, int]] = {}
    for each in told:
        if each.consignor is not None:
            parcels, cents = sums.get((each.consignor, each.day), (0, 0))
            sums[each.consignor, each.day] = (parcels + sign, cents + sign * (each.cents or 0))
    if not sums:
        return
    keys = sorted(sums)
    connection.execute(
        "INSERT INTO consignor_day (consignor, day, parcels, cents)"
        " SELECT * FROM unnest(%s::bigint[], %s::date[], %s::int[], %s::bigint[])"
        " ON CONFLICT (consignor, day) DO UPDATE SET parcels = consignor_day.parcels + excluded.parcels,"
        " cents = consignor_day.cents + excluded.cents",
        [
            [consignor for consignor, _ in keys],
            [day for _, day in keys],
            [sums[key][0] for key in keys],
            [sums[key][1] for key in keys],
        ],
    )


@cache
def _query() -> str:
    """One row for each that asks: its position, the number of the last change, then the features."""
    parts = []
    for key in (Key.HOUSEHOLD, Key.PHONE):
        columns = ", ".join(f"{over_parcels(each)} AS {each.name}" for each in of_key(definitions().values(), key))
        parts.append(
            f" LEFT JOIN LATERAL (SELECT {columns} FROM happening e WHERE e.{key} = a.{key} AND e.ended IS NULL"
            f" AND {_WINDOW} AND NOT (e.message_id = a.message_id AND e.position = a.position)) {key}"
            f" ON a.{key} IS NOT NULL"
        )
    columns = ", ".join(f"{over_days(each)} AS {each.name}" for each in of_key(definitions().values(), Key.CONSIGNOR))
    parts.append(" LEFT JOIN sender s ON s.consignor = a.consignor AND s.day = a.day")
    is_own = "e.day = a.own_day AND a.consignor = a.own_consignor"
    parts.append(
        f" LEFT JOIN LATERAL (SELECT {columns} FROM (SELECT e.day,"
        f" e.parcels - CASE WHEN {is_own} THEN 1 ELSE 0 END AS parcels,"
        f" e.cents - CASE WHEN {is_own} THEN coalesce(a.own_cents, 0) ELSE 0 END AS cents"
        " FROM unnest(s.days, s.parcels, s.cents) AS e(day, parcels, cents)) e) consignor ON a.consignor IS NOT NULL"
    )
    names = ", ".join(each.name for each in counted())
    return f"SELECT a.position, (SELECT known FROM history_change), {names} FROM asked a{''.join(parts)}"


def _looked_up(row: tuple[Any, ...]) -> LookedUp:
    _, known, *found = row  # PostgreSQL adds up whole numbers to such as may have a fraction
    return LookedUp(known, tuple([each if each is None or each.__class__ is int else int(each) for each in found]))
