"""Versions of lists in PostgreSQL: what is approved is put in use in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import zstandard

from tidewaiter.model.errors import NotFoundError
from tidewaiter.risk import PartKind
from tidewaiter.store.connections import Connections
from tidewaiter.store.parts import change_parts, hold_parts
from tidewaiter.workflow.lists import ListAnswerError, ListVersion, ListWaitsError, NewVersion
from tidewaiter.workflow.targeting import Change

_COLUMNS = (
    "version_id, name, jurisdiction_code, coalesce(encode(digest, 'hex'), ''), entry_count, words, proposed_by,"
    " proposed_at, answered_by, answered_at, is_approved"
)


class PostgresLists:
    """See `workflow.lists.ListVersions`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def propose(self, new: NewVersion, content: bytes | None) -> ListVersion:
        """Keep a version and its content. Raises ListWaitsError where another waits for an answer."""
        digest = bytes.fromhex(new.digest) if content is not None else None
        with self._connections.lend() as connection, connection.transaction():
            if content is not None:
                connection.execute(
                    "INSERT INTO knowledge (digest, kind, content, first_used_at) VALUES (%s, %s, %b, %s)"
                    " ON CONFLICT DO NOTHING",
                    [digest, PartKind.LIST, zstandard.compress(content, 9), datetime.now(UTC)],
                )
            try:
                row = connection.execute(
                    "INSERT INTO list_version (name, jurisdiction_code, digest, entry_count, words, proposed_by,"
                    f" proposed_at) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}".encode(),
                    [
                        new.name, new.jurisdiction_code, digest, new.entry_count, new.words, new.proposed_by,
                        new.proposed_at,
                    ],
                ).fetchone()  # fmt: skip
            except psycopg.errors.UniqueViolation as error:
                raise ListWaitsError(
                    f"a version of {new.name!r} waits for an answer already", hint="approve or refuse it first"
                ) from error
        assert row is not None
        return _version(row)

    def answer(
        self, version_id: int, by: str, at: datetime, *, is_approved: bool, refuse: Callable[[str], None] | None = None
    ) -> ListVersion:
        """Answer it; what is approved is in use from the same transaction on. See `workflow.lists.ListVersions`."""
        with self._connections.lend() as connection, connection.transaction():
            row = connection.execute(
                "UPDATE list_version SET answered_by = %s, answered_at = %s, is_approved = %s WHERE version_id = %s"
                f" AND is_approved IS NULL RETURNING {_COLUMNS}".encode(),
                [by, at, is_approved, version_id],
            ).fetchone()
            if row is None:
                self._refuse(connection, version_id)
            assert row is not None
            found = _version(row)
            if is_approved:
                if not found.digest and refuse is not None:
                    hold_parts(connection)
                    refuse(found.name)
                change = Change(
                    kind=PartKind.LIST, name=found.name, digest=found.digest or None,
                    jurisdiction_code=found.jurisdiction_code,
                )  # fmt: skip
                words = f"{found.words} (proposed by {found.proposed_by})"
                change_parts(connection, (change,), (by, words, at))
        return found

    def versions(self, name: str = "") -> list[ListVersion]:
        """Every version, the latest first; of one list or of all."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM list_version WHERE name = %s OR %s = '' ORDER BY version_id DESC".encode(),
                [name, name],
            ).fetchall()
        return [_version(row) for row in rows]

    def _refuse(self, connection: psycopg.Connection, version_id: int) -> None:
        if connection.execute("SELECT 1 FROM list_version WHERE version_id = %s", [version_id]).fetchone() is None:
            raise NotFoundError(f"there is no version {version_id} of a list")
        raise ListAnswerError("it was answered already", hint="look at the list again")


def _version(row: tuple[Any, ...]) -> ListVersion:
    names = (
        "version_id", "name", "jurisdiction_code", "digest", "entry_count", "words", "proposed_by", "proposed_at",
        "answered_by", "answered_at", "is_approved",
    )  # fmt: skip
    return ListVersion(**dict(zip(names, row, strict=True)))
