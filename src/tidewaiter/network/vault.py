"""What a member alone may know: the keys and fields that open its entries, and the batches it handed in.

In a database server of the member's own. Forgetting a consignment's key erases it: nothing in the log opens after that. So
envelopes, which hold such keys for whoever has the member's own, are opened and not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import psycopg
from msgspec import Struct

from tidewaiter.ledger.batches import Batch, Promise
from tidewaiter.ledger.commitments import scope_id
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database

DATABASE: Final = "vault"
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS consignment (
  scope   text COLLATE "C" PRIMARY KEY,
  subject text NOT NULL,                 -- what the member calls it; empty: erased
  key     bytea CHECK (length(key) = 32) -- null: erased
);
CREATE TABLE IF NOT EXISTS opening (     -- what an entry was bound to; own ones, and those that were told
  scope  text COLLATE "C" NOT NULL REFERENCES consignment,
  label  text COLLATE "C" NOT NULL,
  entry  bytea NOT NULL,
  fields jsonb NOT NULL,
  PRIMARY KEY (scope, label)
);
DROP TABLE IF EXISTS envelope;           -- as earlier versions kept them, from which what was erased could be opened
UPDATE consignment SET subject = '' WHERE key IS NULL;
DO $$ BEGIN                             -- the server's own statistics keep samples of columns: none of what can be erased
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid IN ('consignment'::regclass, 'opening'::regclass)
      AND attname IN ('subject', 'key', 'label', 'fields') AND coalesce(attstattarget, -1) <> 0) THEN
    ALTER TABLE consignment ALTER COLUMN subject TYPE text, ALTER COLUMN subject SET STATISTICS 0,
      ALTER COLUMN key TYPE bytea, ALTER COLUMN key SET STATISTICS 0;
    ALTER TABLE opening ALTER COLUMN label TYPE text COLLATE "C", ALTER COLUMN label SET STATISTICS 0,
      ALTER COLUMN fields TYPE jsonb, ALTER COLUMN fields SET STATISTICS 0;
  END IF;
END $$;
CREATE TABLE IF NOT EXISTS relayed (     -- how far the record of the member's own house was handed on
  origin_id int PRIMARY KEY,
  entries   bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS handed_in (   -- a batch is written here before it is sent, so that its number is used once
  key     text COLLATE "C" NOT NULL,
  number  bigint NOT NULL,
  batch   bytea NOT NULL,
  promise bytea,                         -- null: not answered yet
  PRIMARY KEY (key, number)
);
"""
_T = TypeVar("_T")


class KeptError(TidewaiterError):
    """A consignment's key is not kept: what it is called has another one, or it was erased here."""

    code = "vault.kept"


class Opening(Struct, frozen=True):
    """What an entry was bound to: its label among all on the consignment, the entry, and the fields."""

    label: str
    entry: bytes
    fields: tuple[tuple[str, str], ...]


class Vault:
    """One member's own database. Everything here waits in a thread; one thing at a time."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedServer(folder)
        self._connection: psycopg.Connection[Any] | None = None
        self._one_at_a_time = asyncio.Lock()

    def open(self) -> None:
        """Start the server and have the tables there. Raises EmbeddedServerError."""
        self._server.open()
        ensure_database(self._server, DATABASE)
        self._connection = psycopg.connect(self._server.url(DATABASE), autocommit=True)
        self._connection.execute(SCHEMA)

    def close(self) -> None:
        """Leave the server; it stops where nobody else uses it."""
        if self._connection is not None:
            self._connection.close()
        self._server.close()

    async def keep_key(self, key: bytes, subject: str) -> str:
        """Keep a consignment's key under what the member calls it; its scope. Raises KeptError.

        A name has one key: with another one, entries would go where others look for them, or could open them.
        """
        scope = scope_id(key)
        await self._run(
            "INSERT INTO consignment (scope, subject, key) SELECT %s, %s, %b WHERE NOT EXISTS"
            " (SELECT 1 FROM consignment WHERE subject = %s AND key IS NOT NULL AND scope <> %s) ON CONFLICT DO NOTHING",
            scope, subject, key, subject, scope,
        )  # fmt: skip
        rows = await self._run("SELECT key IS NULL FROM consignment WHERE scope = %s", scope)
        if not rows:
            raise KeptError(f"“{subject[:200]}” has another key here", hint="call the other consignment something else")
        if rows[0][0]:
            raise KeptError("the consignment was erased here", hint="what was erased stays so; begin a new consignment")
        return scope

    async def key_of(self, subject: str) -> bytes | None:
        """The key of a consignment by what the member calls it; None where there is none, or no longer."""
        rows = await self._run("SELECT key FROM consignment WHERE subject = %s AND key IS NOT NULL", subject)
        return bytes(rows[0][0]) if rows else None

    async def scopes(self) -> dict[str, str]:
        """What the member calls each scope whose key it has."""
        rows = await self._run("SELECT scope, subject FROM consignment WHERE key IS NOT NULL ORDER BY subject")
        return dict(rows)

    async def erase(self, subject: str) -> int:
        """Forget the key, the fields and the name of a consignment; how many entries' fields were forgotten.

        That its scope was erased is kept, so that its key is not taken in again.
        """
        scopes = "SELECT scope FROM consignment WHERE subject = %s"
        rows = await self._run(f"DELETE FROM opening WHERE scope IN ({scopes}) RETURNING 1", subject)
        await self._run("UPDATE consignment SET key = NULL, subject = '' WHERE subject = %s", subject)
        # What held it stays in the tables' files until enough other rows were changed, which may be never.
        await self._run("VACUUM (INDEX_CLEANUP ON) opening, consignment")
        return len(rows)

    async def keep_opening(self, scope: str, opening: Opening) -> None:
        """Keep what an entry was bound to."""
        fields = msgspec.json.encode(opening.fields).decode()
        await self._run(
            "INSERT INTO opening (scope, label, entry, fields) VALUES (%s, %s, %b, %s) ON CONFLICT DO NOTHING",
            scope, opening.label, opening.entry, fields,
        )  # fmt: skip

    async def openings(self, scope: str) -> list[Opening]:
        """What is kept of entries in a scope."""
        rows = await self._run("SELECT label, entry, fields FROM opening WHERE scope = %s ORDER BY label", scope)
        return [Opening(label, bytes(entry), tuple(map(tuple, fields))) for label, entry, fields in rows]

    async def relayed(self, origin_id: int) -> int:
        """How many entries of a log of the member's own house were handed on."""
        rows = await self._run("SELECT entries FROM relayed WHERE origin_id = %s", origin_id)
        return int(rows[0][0]) if rows else 0

    async def all_relayed(self) -> int:
        """How many entries of all logs of the member's own house were handed on."""
        rows = await self._run("SELECT coalesce(sum(entries), 0) FROM relayed")
        return int(rows[0][0])

    async def keep_relayed(self, origin_id: int, entries: int) -> None:
        """Write down how far a log of the member's own house was handed on."""
        await self._run(
            "INSERT INTO relayed VALUES (%s, %s) ON CONFLICT (origin_id) DO UPDATE SET entries = excluded.entries",
            origin_id, entries,
        )  # fmt: skip

    async def hand_in(self, batch: Batch) -> None:
        """Write down a batch before it is sent."""
        await self._run(
            "INSERT INTO handed_in (key, number, batch) VALUES (%s, %s, %b)",
            batch.key, batch.number, msgspec.msgpack.encode(batch),
        )  # fmt: skip

    async def promised(self, promise: Promise) -> None:
        """Write down what was promised for a batch."""
        await self._run(
            "UPDATE handed_in SET promise = %b WHERE key = %s AND number = %s",
            msgspec.msgpack.encode(promise), promise.key, promise.number,
        )  # fmt: skip

    async def forget_promises(self, key: str, number: int) -> int:
        """The sequencer knows of no batch of a key from this number on: what was promised for those does not count; how many."""
        rows = await self._run(
            "UPDATE handed_in SET promise = NULL WHERE key = %s AND number >= %s AND promise IS NOT NULL RETURNING 1",
            key, number,
        )  # fmt: skip
        return len(rows)

    async def counted(self, batch: Batch) -> None:
        """A batch counts, and the promise for it never came."""
        await self._run(
            "UPDATE handed_in SET promise = '' WHERE key = %s AND number = %s AND promise IS NULL",
            batch.key,
            batch.number,
        )

    async def withdraw(self, batch: Batch) -> None:
        """A batch was refused as a whole: its number is free again."""
        await self._run(
            "DELETE FROM handed_in WHERE key = %s AND number = %s AND promise IS NULL", batch.key, batch.number
        )

    async def unanswered(self, key: str) -> list[Batch]:
        """The batches of a key that were not answered, in order."""
        rows = await self._run(
            "SELECT batch FROM handed_in WHERE key = %s AND promise IS NULL ORDER BY number", key
        )  # fmt: skip
        return [msgspec.msgpack.decode(batch, type=Batch) for (batch,) in rows]

    async def last_number(self, key: str) -> int:
        """The last number that a batch of this key was given; 0 before the first."""
        rows = await self._run("SELECT coalesce(max(number), 0) FROM handed_in WHERE key = %s", key)
        return int(rows[0][0])

    async def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._ran, statement, values)

    def _ran(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        assert self._connection is not None, "the vault is not open"
        cursor = self._connection.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []
