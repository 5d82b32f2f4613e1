"""Tariff editions on PostgreSQL: content by digest, and an append-only list of what was imported when and by whom."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import zstandard

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.errors import NotFoundError
from tidewaiter.store import rows
from tidewaiter.store.connections import Connections
from tidewaiter.workflow.tariffs import KIND, Edition, NewEdition, SourceReport

_COLUMNS = "edition_id, jurisdiction_code, in_force_from, encode(digest, 'hex'), imported_at, imported_by, sources::text, gap_count"
_LOCK = 0x7469_6465_0006  # held while an edition is added, so that the same one is not added twice


class TariffEditions:
    """Made by `PostgresStore`; see its `tariffs`. Implements `workflow.tariffs.Editions`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, new: NewEdition) -> Edition:
        """Keep an edition and its content in one transaction; the one there is where the last for that day is the same."""
        tariff = new.tariff
        digest = bytes.fromhex(tariff.digest)
        with self._connections.lend() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            last = connection.execute(
                f"SELECT {_COLUMNS} FROM tariff_edition WHERE jurisdiction_code = %s AND in_force_from = %s"
                " ORDER BY edition_id DESC LIMIT 1".encode(),
                [tariff.jurisdiction_code, tariff.in_force_from],
            ).fetchone()
            if last is not None and last[3] == tariff.digest:
                return _edition(last)
            connection.execute(
                "INSERT INTO knowledge (digest, kind, content, first_used_at) VALUES (%s, %s, %b, %s) ON CONFLICT DO NOTHING",
                [digest, KIND, zstandard.compress(tariff.content, 9), datetime.now(UTC)],
            )
            row = connection.execute(
                "INSERT INTO tariff_edition (jurisdiction_code, in_force_from, digest, imported_at, imported_by, sources,"
                f" gap_count) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}".encode(),
                [
                    tariff.jurisdiction_code,
                    tariff.in_force_from,
                    digest,
                    new.imported_at,
                    new.imported_by,
                    canonical_bytes(new.sources).decode(),
                    len(tariff.held.gaps),
                ],
            ).fetchone()
        assert row is not None
        return _edition(row)

    def all(self) -> tuple[Edition, ...]:
        """Every edition, the earliest first."""
        with self._connections.lend() as connection:
            found = connection.execute(f"SELECT {_COLUMNS} FROM tariff_edition ORDER BY edition_id".encode()).fetchall()
        return tuple(_edition(row) for row in found)

    def version(self) -> int:
        """The number of the last edition; 0 where none is imported."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT coalesce(max(edition_id), 0) FROM tariff_edition").fetchone()
        return int(row[0]) if row else 0

    def content(self, digest: str) -> bytes:
        """The content of an edition. Raises NotFoundError."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT content FROM knowledge WHERE digest = %s AND kind = %s", [bytes.fromhex(digest), KIND]
            ).fetchone()
        if row is None:
            raise NotFoundError(f"no tariff is kept under {digest}")
        return rows.decompress(row[0])


def _edition(row: Any) -> Edition:
    number, code, begins, digest, at, by, sources, gaps = row
    return Edition(
        edition_id=number,
        jurisdiction_code=code,
        in_force_from=begins,
        digest=digest,
        imported_at=at,
        imported_by=by,
        sources=msgspec.json.decode(sources, type=tuple[SourceReport, ...]),
        gap_count=gaps,
    )
