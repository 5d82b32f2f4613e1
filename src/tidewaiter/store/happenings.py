"""The same features of whole periods at once, by DuckDB over exported happenings: for training, back-tests and auditors.

It shares the definitions with PostgreSQL and nothing else: every feature is an aggregate over single parcels here, of a
sender, too, and what was known when is told from the numbers of changes. DuckDB comes with the extra `risk`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.risk.history import Key, definitions
from tidewaiter.risk.history.definitions import DAYS_MAX
from tidewaiter.risk.history.expressions import of_key, over_parcels

ROWS_AT_ONCE: Final = 10_000
_COLUMNS: Final = (
    "{'message_id': 'BIGINT', 'position': 'BIGINT', 'day': 'DATE', 'household': 'BIGINT', 'person': 'BIGINT',"
    " 'phone': 'BIGINT', 'consignor': 'BIGINT', 'cents': 'BIGINT', 'known': 'BIGINT', 'ended': 'BIGINT'}"
)


class NoDuckDBError(TidewaiterError):
    """The library that works out whole periods is not installed."""

    code = "history.no_duckdb"


class Row(Struct, frozen=True):
    """The features of one parcel, by name; what is not known is left out."""

    message_id: int
    position: int
    numbers: Mapping[str, Decimal]


def features(events: Path, at: int | None = None) -> Iterator[Row]:
    """The features of every parcel as they stood after the change of number `at` (the last one when None), in order.

    `events` is what `PostgresHistory.export` wrote. Raises NoDuckDBError, and TidewaiterError for a file of another kind.
    """
    duckdb = _duckdb()
    with duckdb.connect() as connection:
        try:
            connection.execute(
                f"CREATE TABLE every AS SELECT * FROM read_csv(?, header = true, columns = {_COLUMNS})", [str(events)]
            )
        except duckdb.Error as error:
            raise TidewaiterError(
                f"{events.name} holds no happenings: {error}", hint="tidewaiter history export writes such a file"
            ) from error
        connection.execute(
            "CREATE TABLE happening AS SELECT * FROM every WHERE $at IS NULL AND ended IS NULL"
            " OR known <= $at AND (ended IS NULL OR ended > $at)",
            {"at": at},
        )
        found = connection.execute(_query())
        names = [column[0] for column in found.description[2:]]
        while rows := found.fetchmany(ROWS_AT_ONCE):
            yield from (_row(names, row) for row in rows)


def _row(names: list[str], row: tuple[Any, ...]) -> Row:
    message_id, position, *values = row
    known = definitions()
    numbers = {name: known[name].number(value) for name, value in zip(names, values, strict=True) if value is not None}
    return Row(message_id, position, numbers)


def _query() -> str:
    parts, names = [], []
    for key in Key:
        wanted = of_key(definitions().values(), key)
        columns = ", ".join(f"{over_parcels(each)} AS {each.name}" for each in wanted)
        names += [f"{key}_.{each.name}" for each in wanted]
        parts.append(
            f"{key}_ AS (SELECT a.message_id, a.position, {columns} FROM happening a LEFT JOIN happening e"
            f" ON e.{key} = a.{key} AND e.day > a.day - {DAYS_MAX} AND e.day <= a.day"
            " AND NOT (e.message_id = a.message_id AND e.position = a.position)"
            f" WHERE a.{key} IS NOT NULL"
            f" GROUP BY a.message_id, a.position, a.day, a.household, a.person, a.phone, a.consignor)"
        )
    joins = " ".join(f"LEFT JOIN {key}_ USING (message_id, position)" for key in Key)
    return (
        f"WITH {', '.join(parts)} SELECT a.message_id, a.position, {', '.join(names)}"
        f" FROM happening a {joins} ORDER BY a.message_id, a.position"
    )


def _duckdb() -> Any:
    try:
        return importlib.import_module("duckdb")
    except ImportError as error:
        raise NoDuckDBError("DuckDB is not installed", hint="pip install tidewaiter[risk]") from error
