"""Which published rules, lists and models are in use: nothing is overwritten, each keeps the changes it stood between."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import psycopg

from tidewaiter.model.errors import NotFoundError
from tidewaiter.risk.knowledge import Part, PartKind
from tidewaiter.store.connections import Connections
from tidewaiter.workflow.targeting import Change, PartInUse

_LOCK = 0x7469_6465_0009  # any number nobody else uses; held while changing


class Parts:
    """`workflow.targeting.Parts` in PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def version(self) -> int:
        """The number of the last change; 0 where there was none."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT coalesce(max(change_id), 0) FROM part_change").fetchone()
        return int(row[0]) if row else 0

    def in_use(self) -> tuple[PartInUse, ...]:
        """Every part in use, by jurisdiction, kind and name."""
        with self._connections.lend() as connection:
            found = connection.execute(
                "SELECT p.kind, p.name, encode(p.digest, 'hex'), p.is_shadow, p.jurisdiction_code, c.changed_at, c.actor,"
                " c.words FROM part_in_use p JOIN part_change c ON c.change_id = p.put_in WHERE p.taken_in IS NULL"
                " ORDER BY p.jurisdiction_code, p.kind, p.name, p.is_shadow"
            ).fetchall()
        return tuple(
            PartInUse(
                part=Part(PartKind(kind), name, digest, is_shadow),
                jurisdiction_code=code,
                since=at,
                actor=actor,
                words=words,
            )
            for kind, name, digest, is_shadow, code, at, actor, words in found
        )

    def change(self, changes: Sequence[Change], *, actor: str, words: str, at: datetime) -> int:
        """Make these changes together; the number of the last change now. Raises NotFoundError for a content not kept."""
        with self._connections.lend() as connection, connection.transaction():
            return change_parts(connection, changes, (actor, words, at))


def change_parts(connection: psycopg.Connection, changes: Sequence[Change], said: tuple[str, str, datetime]) -> int:
    """The same within a transaction of somebody else's; `said` is who, why and when."""
    actor, words, at = said
    hold_parts(connection)
    row = connection.execute(
        "INSERT INTO part_change (changed_at, actor, words) VALUES (%s, %s, %s) RETURNING change_id", [at, actor, words]
    ).fetchone()
    assert row is not None
    for each in changes:
        key = [each.kind.value, each.name, each.jurisdiction_code, each.is_shadow]
        connection.execute(
            "UPDATE part_in_use SET taken_in = %s WHERE taken_in IS NULL AND kind = %s AND name = %s"
            " AND jurisdiction_code = %s AND is_shadow = %s",
            [row[0], *key],
        )
        if each.digest is None:
            continue
        digest = bytes.fromhex(each.digest)
        if connection.execute("SELECT 1 FROM knowledge WHERE digest = %s", [digest]).fetchone() is None:
            raise NotFoundError(f"no content is kept under {each.digest[:12]}", hint="keep it before it is put in use")
        connection.execute(
            "INSERT INTO part_in_use (kind, name, jurisdiction_code, is_shadow, digest, put_in)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [*key, digest, row[0]],
        )
    return int(row[0])


def hold_parts(connection: psycopg.Connection) -> None:
    """Until the transaction ends nobody else changes what is in use: what is looked at now still is so when it is changed."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
