"""The decisions of a period, block of evidence by block, as back-tests go through them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
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
  AND d.declaration_id > %s AND d.state::text <> ALL(%s)
ORDER BY d.declaration_id LIMIT %s
"""
_SAMPLE = """
WITH placed AS (
  SELECT d.declaration_id, coalesce(d.block_id, b.block_id) AS block_id,
         coalesce(d.block_index, d.position - b.first_position) AS block_index
  FROM declaration d
  LEFT JOIN LATERAL (SELECT block_id, first_position FROM evidence_block
                     WHERE message_id = d.message_id AND first_position <= d.position
                     ORDER BY first_position DESC LIMIT 1) b ON d.block_id IS NULL
  WHERE d.legal_day BETWEEN %(since)s AND %(until)s AND d.lane IS NOT NULL
    AND (%(code)s = '' OR d.jurisdiction_code = %(code)s)
), ranked AS (
  SELECT block_id, count(*) AS places, row_number() OVER (ORDER BY block_id) - 1 AS rank, count(*) OVER () AS blocks
  FROM placed WHERE block_id IS NOT NULL GROUP BY block_id
), chosen AS (
  SELECT block_id, places, sum(places) OVER () AS most FROM ranked
  WHERE blocks <= %(blocks)s OR rank = 0 OR rank * %(blocks)s / blocks > (rank - 1) * %(blocks)s / blocks
), shared AS (
  SELECT block_id, places,
         CASE WHEN most <= %(most)s THEN places ELSE greatest(1, trunc(places * %(most)s / most)::bigint) END AS share
  FROM chosen
), numbered AS (
  SELECT p.block_id, p.declaration_id, p.block_index, s.places, s.share,
         row_number() OVER (PARTITION BY p.block_id ORDER BY p.declaration_id) - 1 AS rank
  FROM placed p JOIN shared s ON s.block_id = p.block_id
)
SELECT block_id, declaration_id, block_index FROM numbered
WHERE rank = 0 OR rank * share / places > (rank - 1) * share / places
ORDER BY block_id, declaration_id
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

    def blocks(self, period: Period, without: Collection[State] = ()) -> Iterator[DecidedBlock]:
        """The decisions of the period as they stand, by the block of evidence that holds them; each once."""
        states = [state.value for state in without]
        after = 0
        while True:
            with self._connections.lend() as connection:
                found = connection.execute(_BLOCKS, [*_values(period), after, states, PAGE]).fetchall()
            if not found:
                return
            by_block: dict[int, list[tuple[int, int]]] = {}
            for declaration_id, block_id, index in found:
                if block_id is not None:
                    by_block.setdefault(block_id, []).append((declaration_id, index))
            for block_id, places in by_block.items():
                yield DecidedBlock(block_id, tuple(places))
            after = found[-1][0]

    def sample(self, period: Period, blocks: int, most: int) -> list[DecidedBlock]:
        """Blocks evenly spread over the period, and decisions evenly spread over each; chosen where they are kept."""
        wanted = {
            "since": period.since, "until": period.until, "code": period.jurisdiction_code, "blocks": blocks, "most": most,
        }  # fmt: skip
        with self._connections.lend() as connection:
            found = connection.execute(_SAMPLE, wanted).fetchall()
        return [
            DecidedBlock(block_id, tuple((number, index) for _, number, index in rows))
            for block_id, rows in groupby(found, key=itemgetter(0))
        ]


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
