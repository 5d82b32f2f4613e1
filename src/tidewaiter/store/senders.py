"""Senders, their API keys, and the watch list: what an administrator keeps."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.store.connections import Connections
from tidewaiter.workflow.ports import Sender
from tidewaiter.workflow.records import WatchList

KEY_PREFIX = "tw_"  # so that leaked keys are recognised by scanners
_LISTING_LOCK = 0x7469_6465_0003


class KeyHolder(Struct, frozen=True, kw_only=True):
    """Whose key it is: a declarant's is bound to a sender, an administration's to a connector, an officer's need not be."""

    name: str
    role: str  # "declarant", "officer" or "administration"
    sender_id: int | None = None
    connector_id: int | None = None


class Senders:
    """Made by `PostgresStore`; see its `senders`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, name: str) -> Sender:
        """A new sender. Raises ConflictError when the name is taken."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "INSERT INTO sender (name, created_at) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING sender_id",
                [name, datetime.now(UTC)],
            ).fetchone()
        if row is None:
            raise ConflictError(f"there is already a sender {name!r}")
        return Sender(row[0], name)

    def ensure(self, name: str) -> Sender:
        """The sender of this name, made if absent."""
        try:
            return self.by_name(name)
        except NotFoundError:
            try:
                return self.add(name)
            except ConflictError:
                return self.by_name(name)

    def by_name(self, name: str) -> Sender:
        """One sender. Raises NotFoundError."""
        for sender in self._read("WHERE name = %s", [name]):
            return sender
        raise NotFoundError(f"there is no sender {name!r}", hint="tidewaiter sender list")

    def by_id(self, sender_id: int) -> Sender:
        """One sender. Raises NotFoundError."""
        for sender in self._read("WHERE sender_id = %s", [sender_id]):
            return sender
        raise NotFoundError(f"there is no sender {sender_id}")

    def all(self) -> list[Sender]:
        """Every sender, by name."""
        return self._read("ORDER BY name", [])

    def entrust(self, sender_id: int, *, tells_of_all: bool) -> None:
        """Say whether what a sender tells of movement moves others' parcels, too. Raises NotFoundError."""
        with self._connections.lend() as connection:
            done = connection.execute(
                "UPDATE sender SET tells_of_all = %s WHERE sender_id = %s", [tells_of_all, sender_id]
            )
        if done.rowcount != 1:
            raise NotFoundError(f"there is no sender {sender_id}")

    def set_active(self, sender_id: int, *, is_active: bool) -> None:
        """Let a sender hand in messages, or no longer. Raises NotFoundError."""
        with self._connections.lend() as connection:
            done = connection.execute("UPDATE sender SET is_active = %s WHERE sender_id = %s", [is_active, sender_id])
        if done.rowcount != 1:
            raise NotFoundError(f"there is no sender {sender_id}")

    def issue_key(self, holder: KeyHolder) -> str:
        """A new API key: 256 random bits, returned this once; only their SHA-256 is kept."""
        key = KEY_PREFIX + secrets.token_urlsafe(32)
        with self._connections.lend() as connection:
            connection.execute(
                "INSERT INTO api_key (key_digest, name, role, sender_id, connector_id, created_at)"
                " VALUES (%b, %s, %s, %s, %s, %s)",
                [key_digest(key), holder.name, holder.role, holder.sender_id, holder.connector_id, datetime.now(UTC)],
            )
        return key

    def holder_of(self, key: str) -> KeyHolder | None:
        """Whose key this is; None where it is nobody's, was revoked, or its sender or connector is no longer active."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT k.name, k.role, k.sender_id, k.connector_id FROM api_key k LEFT JOIN sender s USING (sender_id)"
                " LEFT JOIN connector c USING (connector_id) WHERE key_digest = %b AND revoked_at IS NULL"
                " AND (s.is_active OR k.sender_id IS NULL) AND (c.ended_at IS NULL OR k.connector_id IS NULL)",
                [key_digest(key)],
            ).fetchone()
        return KeyHolder(name=row[0], role=row[1], sender_id=row[2], connector_id=row[3]) if row else None

    def revoke_keys(self, name: str) -> int:
        """End all keys of this name; how many there were."""
        with self._connections.lend() as connection:
            return connection.execute(
                "UPDATE api_key SET revoked_at = %s WHERE name = %s AND revoked_at IS NULL", [datetime.now(UTC), name]
            ).rowcount

    # --- watch list ------------------------------------------------------------------------------------------

    def watch_list(self) -> WatchList:
        """The watch list as it stands."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT coalesce((SELECT max(version) FROM watch_list_version), 0),"
                " coalesce((SELECT jsonb_agg(content ORDER BY entry_id) FROM watch_list_entry"
                " WHERE removed_in IS NULL), '[]')::text"
            ).fetchone()
        assert row is not None
        return WatchList(version=row[0], entries=row[1].encode())

    def change_watch_list(self, put: Sequence[bytes], removed: Sequence[str], *, actor: str, words: str) -> int:
        """Put entries (JSON with `entry_id`; an old one of that id is replaced) and remove others: the new version.

        Entries are never overwritten: each is kept with the versions it was valid for. Raises NotFoundError
        where an entry to remove is not on the list.
        """
        entries = {str(msgspec.json.decode(entry)["entry_id"]): entry for entry in put}
        now = datetime.now(UTC)
        with self._connections.lend() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LISTING_LOCK])
            row = connection.execute("SELECT coalesce(max(version), 0) + 1 FROM watch_list_version").fetchone()
            assert row is not None
            connection.execute("INSERT INTO watch_list_version VALUES (%s, %s, %s, %s)", [row[0], now, actor, words])
            ended = connection.execute(
                "UPDATE watch_list_entry SET removed_in = %s WHERE removed_in IS NULL AND entry_id = ANY(%s)"
                " RETURNING entry_id",
                [row[0], [*entries, *removed]],
            ).fetchall()
            if missing := set(removed) - {entry_id for (entry_id,) in ended}:
                raise NotFoundError(f"not on the watch list: {', '.join(sorted(missing))}")
            for entry_id, content in entries.items():
                connection.execute(
                    "INSERT INTO watch_list_entry (entry_id, added_in, content) VALUES (%s, %s, %s)",
                    [entry_id, row[0], content.decode()],
                )
        return int(row[0])

    def _read(self, tail: str, parameters: list[object]) -> list[Sender]:
        with self._connections.lend() as connection:
            found = connection.execute(f"SELECT sender_id, name, is_active FROM sender {tail}", parameters).fetchall()
        return [Sender(*row) for row in found]


def key_digest(key: str) -> bytes:
    """What is kept of an API key."""
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
