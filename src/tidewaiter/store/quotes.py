"""Quotes on PostgreSQL: kept as given, for a stated time, and the key they are numbered and signed with."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import zstandard

from tidewaiter.model.errors import NotFoundError
from tidewaiter.quotes.naming import KEY_BYTES
from tidewaiter.quotes.quote import Quote
from tidewaiter.store.connections import Connections
from tidewaiter.store.rows import decompress
from tidewaiter.store.settings import QUOTES_KEY_VARIABLE
from tidewaiter.workflow.quoting import KEPT_DAYS

COMPRESSION_LEVEL: Final = 9
FORGOTTEN_AT_ONCE: Final = 100  # quotes past their time that are deleted when a new one is kept


class Quotes:
    """Made by `PostgresStore`; see its `quotes`. Every method is one transaction."""

    def __init__(self, connections: Connections, environment: Mapping[str, str] | None = None) -> None:
        self._connections = connections
        self._environment = os.environ if environment is None else environment

    def key(self) -> bytes:
        """The key: made of the environment's where it is set, else of chance once and kept here. 32 bytes."""
        secret = self._environment.get(QUOTES_KEY_VARIABLE, "")
        if secret:
            return hashlib.sha256(secret.encode()).digest()
        with self._connections.lend() as connection:
            connection.execute(
                "INSERT INTO quote_key (key) VALUES (%b) ON CONFLICT DO NOTHING", [secrets.token_bytes(KEY_BYTES)]
            )
            row = connection.execute("SELECT key FROM quote_key").fetchone()
        assert row is not None
        return bytes(row[0])

    def keep(self, number: bytes, quote: Quote, content: bytes, law: bytes) -> datetime:
        """Keep a quote and the law it rests on; when it was first given. Those past their time are forgotten."""
        digest = bytes.fromhex(quote.regime_digest)
        until = datetime.now(UTC).date() + timedelta(days=KEPT_DAYS)
        with self._connections.lend() as connection, connection.transaction():
            connection.execute(
                "INSERT INTO knowledge (digest, kind, content, first_used_at)"
                " SELECT %b, 'regime', %b, clock_timestamp()"
                " WHERE NOT EXISTS (SELECT FROM knowledge WHERE digest = %b) ON CONFLICT DO NOTHING",
                [digest, zstandard.compress(law, COMPRESSION_LEVEL), digest],
            )
            connection.execute(
                "INSERT INTO quote (number, jurisdiction_code, legal_day, regime_digest, content, kept_until)"
                " VALUES (%b, %s, %s, %b, %b, %s) ON CONFLICT DO NOTHING",
                [
                    number, quote.basket.jurisdiction_code, quote.legal_day, digest,
                    zstandard.compress(content, COMPRESSION_LEVEL), until,
                ],
            )  # fmt: skip
            connection.execute(
                "DELETE FROM quote WHERE number IN (SELECT number FROM quote WHERE kept_until < current_date LIMIT %s)",
                [FORGOTTEN_AT_ONCE],
            )
            row = connection.execute("SELECT given_at FROM quote WHERE number = %b", [number]).fetchone()
        assert row is not None
        given_at: datetime = row[0]
        return given_at

    def content(self, number: bytes) -> tuple[bytes, datetime]:
        """The canonical bytes kept under a number, and when it was given. Raises NotFoundError."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT content, given_at FROM quote WHERE number = %b", [number]).fetchone()
        if row is None:
            raise NotFoundError("no quote is kept under this number")
        return decompress(row[0]), row[1]
