"""The decisions of a period, block of evidence by block, as back-tests go through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from tidewaiter.model.decision import State
from tidewaiter.store.connections import Connections
from tidewaiter.workflow.compliance import Standing
from tidewaiter.workflow.trying import DecidedBlock, Period

PAGE = 4_000  # declarations looked up at once
_BLOCKS = """
SELECT d.declaration_id, coalesce(d.block_id, b.block_id), coalesce(d.block_index, d.position - b.first_position)
FROM declaration d
LEFT JOIN LATERAL (SELECT block_id, first_position FROM evidence_block
                   WHERE message_id = d.message_id AND first_position <= d.position
                   ORDER BY first_position DESC LIMIT 1) b ON d.block_id IS NULL
WHERE d.legal_day BETWEEN %s AND %s AND d.lane IS NOT NULL AND (%s = '' OR d.jurisdiction_code = %s)
  AND d.declaration_id > %s
ORDER BY d.declaration_id LIMIT %s
"""
_COUNT = """
SELECT count(*) FROM declaration
WHERE legal_day BETWEEN %s AND %s AND lane IS NOT NULL AND (%s = '' OR jurisdiction_code = %s)
"""


class Periods:
    """`workflow.trying.Decisions` in PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def count(self, period: Period) -> int:
        """How many declarations of the period were judged, as they stand."""
        with self._connections.lend() as connection:
            row = connection.execute(_COUNT, _values(period)).fetchone()
        return int(row[0]) if row else 0

    def span(self) -> tuple[date, date] | None:
        """The first and the last legal day there is; None where nothing was judged."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT min(legal_day), max(legal_day) FROM declaration WHERE lane IS NOT NULL"
            ).fetchone()
        return (row[0], row[1]) if row and row[0] else None

    def blocks(self, period: Period) -> Iterator[DecidedBlock]:
        """The decisions of the period as they stand, by the block of evidence that holds them; each once."""
        after = 0
        while True:
            with self._connections.lend() as connection:
                found = connection.execute(_BLOCKS, [*_values(period), after, PAGE]).fetchall()
            if not found:
                return
            by_block: dict[int, list[tuple[int, int]]] = {}
            for declaration_id, block_id, index in found:
                if block_id is not None:
                    by_block.setdefault(block_id, []).append((declaration_id, index))
            for block_id, places in by_block.items():
                yield DecidedBlock(block_id, tuple(places))
            after = found[-1][0]


class StreamRows:
    """`workflow.compliance.Streams` in PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def standing(self, declaration_ids: Sequence[int], by: str) -> Mapping[int, Standing]:
        """How these stand, with their stream, sender, chapter or day."""
        with self._connections.lend() as connection:
            found = connection.execute(
                f"SELECT declaration_id, {_NAMES[by]}, state::text FROM declaration JOIN sender USING (sender_id)"
                " WHERE declaration_id = ANY(%s)".encode(),
                [list(declaration_ids)],
            ).fetchall()
        return {number: Standing(name, State(state)) for number, name, state in found}


_NAMES: Final = {
    "stream": "concat_ws(' ', nullif(jurisdiction_code, ''), nullif(dataset, ''))",
    "sender": "sender.name",
    "chapter": "left(commodity_code, 2)",
    "day": "legal_day::text",
    "all": "'all'",
}


def _values(period: Period) -> list[Any]:
    return [period.since, period.until, period.jurisdiction_code, period.jurisdiction_code]
