"""The seeds of days: one for each, made once, committed to before it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from tidewaiter.model.errors import NotFoundError
from tidewaiter.risk.selection.draw_records import Followed
from tidewaiter.store.connections import Connections
from tidewaiter.workflow.records import Commitment, Seed

# The last outcome of an examination that was not turned down or corrected; one that waits for approval was an examination.
_FOLLOWED = """
SELECT d.declaration_id, d.state::text, d.decided_at, d.is_arrived, o.examined_at, coalesce(o.result, '')
FROM declaration d
LEFT JOIN LATERAL (
  SELECT o.examined_at, convert_from(o.content, 'UTF8')::json ->> 'result' AS result
  FROM outcome_match m JOIN examination_outcome o USING (outcome_id) LEFT JOIN outcome_answer a USING (outcome_id)
  WHERE m.declaration_id = d.declaration_id AND a.is_approved IS NOT FALSE
    AND NOT EXISTS (SELECT FROM examination_outcome c WHERE c.corrects = o.outcome_id)
  ORDER BY o.outcome_id DESC LIMIT 1
) o ON true
WHERE d.declaration_id = ANY(%s)
"""


class PostgresDraws:
    """See `workflow.draws.Draws`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def seed(self, on: date, proposal: bytes) -> Seed:
        """The seed of a day; `proposal` (32 bytes of chance) becomes it when there is none yet."""
        with self._connections.lend() as connection:
            connection.execute(
                "INSERT INTO draw_seed (seed_id, drawn_for, seed, commitment, drawn_at)"
                " VALUES (%s, %s, %b, %b, %s) ON CONFLICT DO NOTHING",
                [f"day-{on.isoformat()}", on, proposal, hashlib.sha256(proposal).digest(), datetime.now(UTC)],
            )
        return self.by_id(f"day-{on.isoformat()}")

    def by_id(self, seed_id: str) -> Seed:
        """A seed used before. Raises NotFoundError."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT seed_id, drawn_for, seed FROM draw_seed WHERE seed_id = %s", [seed_id]
            ).fetchone()
        if row is None:
            raise NotFoundError(f"no seed {seed_id!r} is kept")
        return Seed(seed_id=row[0], drawn_for=row[1], seed=row[2])

    def commitments(self, before: date, limit: int) -> list[Commitment]:
        """The days' commitments, the latest first; the seeds of those before a day with them."""
        with self._connections.lend() as connection:
            found = connection.execute(
                "SELECT seed_id, drawn_for, encode(commitment, 'hex'), drawn_at,"
                " CASE WHEN drawn_for < %s THEN encode(seed, 'hex') ELSE '' END FROM draw_seed"
                " ORDER BY drawn_for DESC LIMIT %s",
                [before, limit],
            ).fetchall()
        return [
            Commitment(seed_id=seed_id, drawn_for=on, commitment=digest, committed_at=at, seed=seed)
            for seed_id, on, digest, at, seed in found
        ]

    def followed(self, declaration_ids: Sequence[int]) -> Mapping[int, Followed]:
        """How these declarations stand, and what examinations of them came to; those that are kept."""
        with self._connections.lend() as connection:
            found = connection.execute(_FOLLOWED, [list(declaration_ids)]).fetchall()
        return {
            number: Followed(state=state, since=since, is_arrived=is_arrived, examined_at=examined_at, result=result)
            for number, state, since, is_arrived, examined_at, result in found
        }
