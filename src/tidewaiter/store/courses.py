"""Courses in PostgreSQL: how far each receiver has taken what it is sent, whatever is sent and to whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

import psycopg
from msgspec import Struct
from psycopg.rows import class_row

from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.store.connections import Connections
from tidewaiter.store.reading import NOTICES_A_ROW
from tidewaiter.workflow.pushing import RESTS_AFTER, Course

COLUMNS: Final = "taken, failures, failing_since, next_try_at, last_error, taken_at, ended_at"

C = TypeVar("C", bound=Course)


class Kind(Struct, Generic[C], frozen=True, kw_only=True):
    """One kind of course: its table, what it is called, and what makes it due."""

    noun: str  # of the table; its key is the noun with `_id`
    record: type[C]
    select: str  # the query that gives a record, without WHERE
    lock: int  # the first of two keys; the second is the course's number
    notices: str  # which rows of `notice` it is sent, in SQL; TRUE for all


class PostgresCourses(Generic[C]):
    """Implements `workflow.pushing.Courses`; what it is sent is numbered as notices are."""

    def __init__(self, connections: Connections, kind: Kind[C]) -> None:
        self._connections = connections
        self._kind = kind

    def last_notice(self) -> int:
        """A number that no notice so far is above, and every later one is."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT coalesce(max(notice_no), 0) FROM notice").fetchone()
        assert row is not None
        return last_of_row(int(row[0]))

    def all(self) -> list[C]:
        """Every one, the ended ones last."""
        with self._connections.lend() as connection:
            return self._read(connection, f"ORDER BY ended_at NULLS FIRST, {self._kind.noun}_id", [])

    def by_id(self, course_id: int) -> C:
        """One of them. Raises NotFoundError."""
        with self._connections.lend() as connection:
            return self._one(connection, course_id)

    def due(self, at: datetime) -> Sequence[int]:
        """Those that have something to send and may be tried now."""
        noun = self._kind.noun
        with self._connections.lend() as connection:
            found = connection.execute(
                f"SELECT {noun}_id FROM {noun} WHERE ended_at IS NULL AND next_try_at <= %s"
                " AND (failing_since IS NULL OR failing_since > %s) AND EXISTS (SELECT FROM notice"
                f" WHERE {self._kind.notices} AND notice_no >= taken / %s"
                " AND notice_no * %s + cardinality(kinds) - 1 > taken) ORDER BY next_try_at".encode(),
                [at, at - RESTS_AFTER, NOTICES_A_ROW, NOTICES_A_ROW],
            ).fetchall()
        return [row[0] for row in found]

    @contextmanager
    def held(self, course_id: int) -> Iterator[C | None]:
        """One of them, held against other processes while in the `with`; None while another holds it."""
        key = [self._kind.lock, course_id]
        with self._connections.lend() as connection:
            (is_ours,) = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", key).fetchone() or (False,)
            try:
                yield self._one(connection, course_id) if is_ours else None
            finally:
                if is_ours and not connection.closed:
                    connection.execute("SELECT pg_advisory_unlock(%s, %s)", key)

    def advance(self, course_id: int, since: int, number: int, at: datetime) -> bool:
        """Keep that it took everything up to this number; False where somebody ended it or asked for a replay meanwhile."""
        return self._change_as_read(
            course_id,
            since,
            "taken = %s, taken_at = %s, failures = 0, failing_since = NULL, last_error = ''",
            [number, at],
        )

    def fail(self, course_id: int, since: int, words: str, at: datetime, *, next_try_at: datetime) -> None:
        """Keep that an attempt failed, unless somebody ended it or asked for a replay meanwhile."""
        self._change_as_read(
            course_id,
            since,
            "failures = failures + 1, failing_since = coalesce(failing_since, %s), next_try_at = %s, last_error = %s",
            [at, next_try_at, words.replace("\x00", "")],
        )

    def end(self, course_id: int, at: datetime) -> None:
        """Send nothing to it any more. Raises NotFoundError."""
        self._change(course_id, "ended_at = coalesce(ended_at, %s)", [at])

    def replay(self, course_id: int, after: int) -> C:
        """Send what comes after a notice again, and try at once, however often it failed.

        It does not wait for a round that sends meanwhile: that stops at what it is about to keep. Raises NotFoundError,
        and ConflictError where it has ended.
        """
        noun = self._kind.noun
        if self.by_id(course_id).ended_at is not None:
            raise ConflictError(f"{noun} {course_id} has ended", hint=f"tidewaiter {noun} add makes a new one")
        with self._connections.lend() as connection:
            self._begin_again(connection, course_id, after)
        return self.by_id(course_id)

    def _begin_again(self, connection: psycopg.Connection, course_id: int, after: int) -> None:
        noun = self._kind.noun
        connection.execute(
            f"UPDATE {noun} SET taken = %s, failures = 0, failing_since = NULL, last_error = '', next_try_at = %s"
            f" WHERE {noun}_id = %s".encode(),
            [after, datetime.now(UTC), course_id],
        )

    def _change_as_read(self, course_id: int, since: int, what: str, values: list[object]) -> bool:
        """Change what nobody else changed since it was read; whether that is so."""
        noun = self._kind.noun
        with self._connections.lend() as connection:
            done = connection.execute(
                f"UPDATE {noun} SET {what} WHERE {noun}_id = %s AND taken = %s AND ended_at IS NULL".encode(),
                [*values, course_id, since],
            )
        return done.rowcount == 1

    def _change(self, course_id: int, what: str, values: list[object]) -> None:
        noun = self._kind.noun
        with self._connections.lend() as connection:
            done = connection.execute(f"UPDATE {noun} SET {what} WHERE {noun}_id = %s".encode(), [*values, course_id])
        if done.rowcount != 1:
            raise self._unknown(course_id)

    def _one(self, connection: psycopg.Connection, course_id: int) -> C:
        for found in self._read(connection, f"WHERE {self._kind.noun}_id = %s", [course_id]):
            return found
        raise self._unknown(course_id)

    def _read(self, connection: psycopg.Connection, tail: str, parameters: list[object]) -> list[C]:
        with connection.cursor(row_factory=class_row(self._kind.record)) as cursor:
            return cursor.execute(f"{self._kind.select} {tail}".encode(), parameters).fetchall()

    def _unknown(self, course_id: int) -> NotFoundError:
        noun = self._kind.noun
        return NotFoundError(f"there is no {noun} {course_id}", hint=f"tidewaiter {noun} list")


def last_of_row(notice_no: int) -> int:
    """The largest number that a notice of this row can have."""
    return notice_no * NOTICES_A_ROW + NOTICES_A_ROW - 1
