"""The record's logs on PostgreSQL: sealed into tiles under signed checkpoints, read, opened and erased.

Tiles that are full are kept; partial ones, and the bundles of entries, are made of what is kept when they are asked
for. So nothing has to be put in order after a crash: what is not sealed is sealed by the next round.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import psycopg

from tidewaiter.ledger.appending import TileWriter, Written
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import VerifierKey
from tidewaiter.ledger.merkle import EMPTY_ROOT
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.signing import sign
from tidewaiter.ledger.tiles import ENTRIES, TILE_HEIGHT, TILE_WIDTH, Tile, bundle_of, hashes_in, top_of
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import NotFoundError
from tidewaiter.store import reading
from tidewaiter.store.connections import Connections
from tidewaiter.store.opened import OpenedBlocks
from tidewaiter.store.record import RecordKeeper, entries_of, hashes_at, hashes_of
from tidewaiter.store.rows import decompress
from tidewaiter.workflow.recording_logs import Log, Recorded, Sealed
from tidewaiter.workflow.records import Kept, Place

SEALING: Final = 0x7469_646A  # first half of a lock, held by whoever seals
SEALED_AT_ONCE: Final = 16_384  # entries under one checkpoint, so that a long backlog is sealed step by step

CODE_LENGTH: Final = 12

_CODE: Final = b"tidewaiter follow v1"
_FIELDS: Final = msgspec.json.Decoder(tuple[tuple[str, str], ...])
_LOGS: Final = (
    "SELECT o.origin_id, o.origin, o.year, coalesce(o.size, (SELECT coalesce(max(leaf_index) + 1, 0) FROM record_entry e"
    " WHERE e.origin_id = o.origin_id)) AS size, o.size IS NOT NULL AS is_closed, coalesce(c.size, 0) AS sealed_size,"
    " coalesce(c.root, %b) AS root, coalesce(c.note, '') AS note, c.sealed_at"
    " FROM record_origin o LEFT JOIN record_checkpoint c USING (origin_id)"
)
_MISSING: Final = """
WITH since AS (SELECT min(opened_at) AS at FROM record_origin),
block AS (SELECT b.* FROM evidence_block b, since WHERE b.recorded_at >= since.at),
said AS (SELECT declaration_id, version, block_id FROM declaration
         UNION ALL SELECT declaration_id, version, block_id FROM declaration_version)
(SELECT 'record:' || message_id || ':' || position
   FROM block, generate_series(first_position, last_position) AS position WHERE message_id IS NOT NULL
 UNION ALL SELECT 'declaration:' || declaration_id || ' decision:' || version
   FROM said JOIN block USING (block_id) WHERE message_id IS NULL)
EXCEPT SELECT CASE WHEN label LIKE 'decision:%' THEN subject || ' ' || label ELSE label END FROM record_entry
ORDER BY 1
"""
_OTHERWISE: Final = """
SELECT declaration_id, d.state, recorded.state
  FROM declaration d CROSS JOIN LATERAL (
    SELECT substring(encode(entry, 'escape') FROM '"state":"([a-z_]+)"') AS state FROM record_entry
     WHERE subject = 'declaration:' || declaration_id AND encode(entry, 'escape') LIKE '%"state":"%'
     ORDER BY origin_id DESC, leaf_index DESC LIMIT 1) AS recorded
 WHERE recorded.state IS DISTINCT FROM d.state::text ORDER BY declaration_id
"""
_ENTRIES: Final = "SELECT origin_id, leaf_index, subject, label, entry FROM record_entry"


class PostgresLogs:
    """See `workflow.recording_logs.RecordLogs`. Made by `PostgresStore`; see its `logs`."""

    def __init__(self, connections: Connections, keeper: RecordKeeper, opened: OpenedBlocks) -> None:
        self._connections = connections
        self._keeper = keeper
        self._opened = opened

    # --- sealing ---------------------------------------------------------------------------------------------

    def seal(self, at: datetime | None = None) -> Sealed:
        """Put all committed entries under signed checkpoints; nothing where another process is at it."""
        entries = checkpoints = 0
        if all(log.sealed_size == log.size for log in self.logs()):
            return Sealed()
        with self._alone() as is_ours:
            if is_ours:
                for log in self.logs():
                    size = log.sealed_size
                    while size < log.size:
                        done = self._seal_some(log, size, at or datetime.now(UTC))
                        entries, checkpoints, size = entries + done, checkpoints + 1, size + done
        return Sealed(entries, checkpoints)

    def _seal_some(self, log: Log, size: int, at: datetime) -> int:
        with self._connections.lend() as connection, connection.transaction():
            writer = _resumed(connection, log.origin_id, size)
            added = entries_of(connection, log.origin_id, size, min(log.size, size + SEALED_AT_ONCE))
            _keep(connection, log.origin_id, writer.add(added))
            edge = writer.frontier
            checkpoint = Checkpoint(log.origin, edge.size, edge.root)
            note = SignedNote(checkpoint.text, (sign(checkpoint.text, self._keeper.identity.key(log.origin)),))
            connection.execute(
                "INSERT INTO record_checkpoint (origin_id, size, root, note, sealed_at) VALUES (%s, %s, %b, %b, %s)"
                " ON CONFLICT (origin_id) DO UPDATE SET size = excluded.size, root = excluded.root,"
                " note = excluded.note, sealed_at = excluded.sealed_at",
                [log.origin_id, edge.size, edge.root, note.data, at],
            )
        return len(added)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        with self._connections.lend() as connection:
            (is_ours,) = connection.execute("SELECT pg_try_advisory_lock(%s, 0)", [SEALING]).fetchone() or (False,)
            try:
                yield bool(is_ours)
            finally:
                if is_ours and not connection.closed:
                    connection.execute("SELECT pg_advisory_unlock(%s, 0)", [SEALING])

    # --- reading ---------------------------------------------------------------------------------------------

    def logs(self) -> list[Log]:
        """Every log, the oldest first."""
        return self._logs("ORDER BY o.origin_id", [])

    def log(self, origin: str) -> Log:
        """The log of this name, or of this year. Raises NotFoundError."""
        for found in self._logs("WHERE o.origin = %s OR o.year::text = %s", [origin, origin]):
            return found
        raise NotFoundError(f"the record has no log {origin[:80]!r}", hint="tidewaiter ledger status shows them")

    def file(self, log: Log, path: str) -> bytes | None:
        """The tile or bundle at a path below a log's address, of its sealed part; None where there is none."""
        try:
            tile = Tile.parse(path)
        except LedgerError:
            return None
        taken = log.sealed_size >> TILE_HEIGHT * max(tile.level, 0)
        first = tile.index * TILE_WIDTH
        if first + tile.width > taken:
            return None
        with self._connections.lend() as connection:
            if tile.level == ENTRIES:
                return bundle_of(entries_of(connection, log.origin_id, first, first + tile.width))
            if not tile.is_partial:
                return _tile(connection, log.origin_id, tile)
            return b"".join(hashes_of(connection, log.origin_id, tile.level, (first, first + tile.width)))

    def of_subject(self, subject: str) -> list[Recorded]:
        """The entries on a subject, the oldest first."""
        return self._entries("WHERE subject = %s ORDER BY origin_id, leaf_index", [subject])

    def after(self, origin_id: int, index: int, limit: int) -> list[Recorded]:
        """Entries of a log from a number on."""
        condition = "WHERE origin_id = %s AND leaf_index >= %s ORDER BY leaf_index LIMIT %s"
        return self._entries(condition, [origin_id, index, limit])

    def key(self, subject: str) -> bytes | None:
        """The key that opens the entries on a subject; None where there is none, or it was erased."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT key FROM record_key WHERE subject = %s", [subject]).fetchone()
        return bytes(row[0]) if row and row[0] is not None else None

    def code(self, subject: str) -> str:
        """By which a buyer follows a parcel, made of the key; "" where there is none."""
        return self.codes([subject]).get(subject, "")

    def codes(self, subjects: Sequence[str]) -> dict[str, str]:
        """The codes of those subjects that have one, in one question whatever their number."""
        query = "SELECT subject, key FROM record_key WHERE subject = ANY(%s) AND key IS NOT NULL"
        with self._connections.lend() as connection:
            found = connection.execute(query, [list(subjects)]).fetchall()
        return {subject: follow_code(bytes(key)) for subject, key in found}

    def payload(self, subject: str, label: str) -> tuple[tuple[str, str], ...] | None:
        """The fields that were kept with an entry; None where they are in evidence, or were erased."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT content FROM record_payload WHERE subject = %s AND label = %s", [subject, label]
            ).fetchone()
        return _FIELDS.decode(decompress(row[0])) if row else None

    def decided(self, place: Place) -> Kept:
        """The decision on a record of a message. Raises NotFoundError."""
        with self._connections.lend() as connection:
            return reading.read_evidence(
                connection, self._opened, reading.Pointer(place.message_id, place.position)
            ).kept

    def unrecorded(self, limit: int) -> list[int]:
        """Declarations, the oldest first, that no entry was ever made on: decided before there was a record."""
        with self._connections.lend() as connection:
            found = connection.execute(
                "SELECT declaration_id FROM declaration d WHERE NOT EXISTS (SELECT FROM record_key k"
                " WHERE k.subject = 'declaration:' || d.declaration_id) ORDER BY declaration_id LIMIT %s",
                [limit],
            ).fetchall()
        return [number for (number,) in found]

    def missing(self) -> list[str]:
        """Decisions made since there is a record that have no entry, in words; empty when all is well."""
        with self._connections.lend() as connection:
            found = connection.execute(_MISSING.encode()).fetchall()
        return [f"no entry is made of the decision {label}" for (label,) in found]

    def otherwise(self) -> list[str]:
        """Declarations that are kept in another state than their last entry says, in words; empty when all is well."""
        with self._connections.lend() as connection:
            found = connection.execute(_OTHERWISE.encode()).fetchall()
        return [
            f"declaration:{number} is kept as {kept}, and its last entry says {recorded}"
            for number, kept, recorded in found
        ]

    def verifier(self, origin: str) -> VerifierKey:
        """The key that signs a log's checkpoints."""
        return self._keeper.identity.key(origin).verifier

    # --- erasing ---------------------------------------------------------------------------------------------

    def forget(self, subject: str, by: str, words: str, at: datetime) -> bool:
        """Erase what opens the entries on a subject, and on returns of it; False where there was nothing to erase.

        The rows that held it are cleaned out of the tables' files at once: they would stay until so many others were changed.
        """
        with self._connections.lend() as connection:
            with connection.transaction():
                subjects = [subject, *_returns_of(connection, subject)]
                done = connection.execute(
                    "UPDATE record_key SET key = NULL WHERE subject = ANY(%s) AND key IS NOT NULL RETURNING subject",
                    [subjects],
                ).fetchall()
                connection.execute("DELETE FROM record_payload WHERE subject = ANY(%s)", [subjects])
                for (each,) in done:
                    connection.execute(
                        "INSERT INTO record_erasure (subject, actor, words, erased_at) VALUES (%s, %s, %s, %s)",
                        [each, by, words, at],
                    )
            connection.execute("VACUUM record_key, record_payload")
        return bool(done)

    def _logs(self, condition: str, parameters: list[Any]) -> list[Log]:
        with self._connections.lend() as connection:
            found = connection.execute(f"{_LOGS} {condition}".encode(), [EMPTY_ROOT, *parameters]).fetchall()
        names = Log.__struct_fields__
        return [Log(**dict(zip(names, row, strict=True))) for row in found]

    def _entries(self, condition: str, parameters: list[Any]) -> list[Recorded]:
        with self._connections.lend() as connection:
            found = connection.execute(f"{_ENTRIES} {condition}".encode(), parameters).fetchall()
        return [
            Recorded(origin_id=origin_id, index=index, subject=subject, label=label, entry=entry)
            for origin_id, index, subject, label, entry in found
        ]


def _returns_of(connection: psycopg.Connection, subject: str) -> list[str]:
    """The subjects of the returns of a declaration."""
    kind, _, number = subject.partition(":")
    if kind != "declaration":
        return []
    query = "SELECT 'return:' || case_no FROM return_case WHERE declaration_id = %s ORDER BY case_no"
    return [each for (each,) in connection.execute(query, [int(number)]).fetchall()]


def follow_code(key: bytes) -> str:
    """Twelve letters and digits, sixty bits, made of a subject's key: nobody guesses them, and they go with it."""
    written = base64.b32encode(hmac.digest(key, _CODE, "sha256")[:8]).decode().rstrip("=")[:CODE_LENGTH]
    return "-".join(written[place : place + 4] for place in range(0, CODE_LENGTH, 4))


def _tile(connection: psycopg.Connection, origin_id: int, tile: Tile) -> bytes | None:
    row = connection.execute(
        "SELECT content FROM record_tile WHERE origin_id = %s AND level = %s AND tile_index = %s",
        [origin_id, tile.level, tile.index],
    ).fetchone()
    return bytes(row[0]) if row else None


def _resumed(connection: psycopg.Connection, origin_id: int, size: int) -> TileWriter:
    """The right edge of the sealed part of a log."""
    entries = entries_of(connection, origin_id, size - size % TILE_WIDTH, size)
    return TileWriter.resumed(size, entries, hashes_at(connection, origin_id, size))


def _keep(connection: psycopg.Connection, origin_id: int, written: list[Written]) -> None:
    tiles = [(tile, content) for tile, content in written if tile.level != ENTRIES]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO record_tile (origin_id, level, tile_index, content, top) VALUES (%s, %s, %s, %b, %b)",
            [
                (origin_id, tile.level, tile.index, content, top_of(hashes_in(content, TILE_WIDTH)))
                for tile, content in tiles
            ],
        )
