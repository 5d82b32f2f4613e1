"""What the books could not take in, on PostgreSQL: one open row for each subject until that is in the books."""

from __future__ import annotations

import psycopg

from tidewaiter.store.connections import Connections
from tidewaiter.workflow.set_aside import Change, SetAside

_SET = (
    "INSERT INTO set_aside (subject, source, position, place, code, words, hint, first_at, last_at)"
    " VALUES (%(subject)s, %(source)s, %(position)s, %(place)s, %(code)s, %(words)s, %(hint)s, %(at)s, %(at)s)"
    " ON CONFLICT (subject) WHERE ended_at IS NULL DO UPDATE SET source = EXCLUDED.source, position = EXCLUDED.position,"
    " place = EXCLUDED.place, code = EXCLUDED.code, words = EXCLUDED.words, hint = EXCLUDED.hint,"
    " tried = set_aside.tried + 1, last_at = greatest(set_aside.last_at, EXCLUDED.last_at)"
)
_END = "UPDATE set_aside SET ended_at = clock_timestamp() WHERE subject = ANY (%s) AND ended_at IS NULL"


class SetAsides:
    """Made by `Accounts`; see its `set_asides`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def open(self, limit: int | None = None) -> list[SetAside]:
        """What is set aside now, by source and place in it; at most so many where a limit is given."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT subject, source, position, place, code, words, hint, first_at, last_at, tried FROM set_aside"
                " WHERE ended_at IS NULL ORDER BY source, position, set_aside_id LIMIT %s",
                [limit],
            ).fetchall()
        return [
            SetAside(
                subject=row[0], source=row[1], position=row[2], place=row[3], code=row[4], words=row[5], hint=row[6],
                first_at=row[7], last_at=row[8], tried=row[9],
            )
            for row in rows
        ]  # fmt: skip

    def count(self) -> int:
        """How much is set aside now."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT count(*) FROM set_aside WHERE ended_at IS NULL").fetchone()
        return int(row[0]) if row else 0


def write(connection: psycopg.Connection, change: Change) -> None:
    """Write down what is set aside (again), and what is in the books by now, in the caller's transaction."""
    if change.ended:
        connection.execute(_END, [list(change.ended)])
    for each in change.added:
        connection.execute(
            _SET,
            {
                "subject": each.subject, "source": each.source, "position": each.position, "place": each.place,
                "code": each.code, "words": each.words, "hint": each.hint, "at": each.last_at,
            },
        )  # fmt: skip
