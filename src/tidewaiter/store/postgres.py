"""The store on PostgreSQL: what `workflow.ports.Store` asks for."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import msgspec
import psycopg
import zstandard

from tidewaiter.model.errors import NotFoundError
from tidewaiter.quotes.quote import Quote
from tidewaiter.store import chain, reading, rows, together
from tidewaiter.store.connections import Connections
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.message_rows import Content, insert_message, next_message_id
from tidewaiter.store.migrate import migrate
from tidewaiter.store.opened import OpenedBlocks, OpenedMessages, small_record
from tidewaiter.store.rooms import Rooms
from tidewaiter.store.settings import Settings
from tidewaiter.store.writing import PostgresWriting, take_declaration_ids
from tidewaiter.workflow.evidence import Block, Ended
from tidewaiter.workflow.pieces import SMALL_BYTES, content, piece_at, sources_of
from tidewaiter.workflow.ports import (
    DecisionFile,
    DeclarationRow,
    Filter,
    KeptMessage,
    Notice,
    Outcome,
    Unkept,
)
from tidewaiter.workflow.records import (
    Arriving,
    Batch,
    Commitment,
    EncodedBatch,
    Entry,
    Kept,
    Place,
    Progress,
    Receipt,
    Seed,
    Span,
    WatchList,
)

_PROCESSING_LOCK = 0x7469_6465  # first half of the lock that claims a message; the second is the message's id
_COPY_CHUNKS = "COPY message_chunk (message_id, chunk_no, content) FROM STDIN (FORMAT binary)"
_CHUNKS_AT_ONCE = 8  # MiB fetched at a time when a message is read back


class PostgresStore(Rooms):
    """Implements `workflow.ports.Store`; safe in threads. `close` it, or use it in a `with`."""

    def __init__(self, url: str, server: EmbeddedServer | None = None) -> None:
        self.url = url
        self._server = server
        self._connections = Connections(url, server.revive if server else None)
        self._blocks = OpenedBlocks()
        self._messages = OpenedMessages()
        with self._connections.lend() as connection:
            self.schema_version = migrate(connection)
        super().__init__(self._connections, self._blocks)

    def __enter__(self) -> PostgresStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[PostgresStore], tuple[str]]:
        """Sent to another process, it opens connections of its own to the same database."""
        return PostgresStore, (self.url,)

    @property
    def settings(self) -> Settings:
        """By which another process opens the same store."""
        return Settings(data_folder=self._server.folder) if self._server else Settings(database_url=self.url)

    def close(self) -> None:
        """Give connections back, and the embedded server when nobody else uses it."""
        self._connections.close()
        if self._server is not None:
            self._server.close()

    # --- reading ---------------------------------------------------------------------------------------------

    def declarations(self, wanted: Filter) -> list[DeclarationRow]:
        """Rows, newest first, at most `wanted.limit` (and 1,000)."""
        with self._connections.lend() as connection:
            return reading.read_declarations(connection, wanted)

    def same_parcel(self, declaration_id: int) -> list[DeclarationRow]:
        """The declaration it waits for because both are of one parcel, and those that wait for it, oldest first."""
        with self._connections.lend() as connection:
            return reading.read_same_parcel(connection, declaration_id)

    def find(self, reference: str) -> int:
        """The declaration_id for a registered id (MRN), sender's reference, transport document or id."""
        with self._connections.lend() as connection:
            return reading.find_declaration(connection, reference)

    def decision(self, declaration_id: int) -> DecisionFile:
        """The latest version's decision with all that was kept. Raises NotFoundError."""
        with self._connections.lend() as connection, _snapshot(connection):
            outcome, kept = reading.read_outcome(connection, declaration_id)
            message = reading.read_message(connection, outcome.row.message_id)
        return DecisionFile(
            row=outcome.row,
            evaluation=outcome.evaluation,
            notices=outcome.notices,
            transitions=outcome.transitions,
            message=message,
            evaluation_bytes=kept.evaluation,
            regime_digest=kept.regime_digest,
            knowledge_digest=kept.knowledge_digest,
            seed_id=kept.seed_id,
            software_version=kept.software_version,
            notes=kept.notes,
            declaration=content(self, sources_of(kept), message),
        )

    def outcome(self, declaration_id: int) -> Outcome:
        """How it stands and why, in one query. Raises NotFoundError."""
        with self._connections.lend() as connection:
            return reading.read_outcome(connection, declaration_id)[0]

    def record(self, declaration_id: int) -> bytes:
        """The record by which the declaration was lodged, cut out of its message. Raises NotFoundError."""
        with self._connections.lend() as connection:
            row = reading.read_declaration(connection, declaration_id)
        return self.record_at(Place(row.message_id, row.position))[1]

    def record_at(self, place: Place, message: KeptMessage | None = None) -> tuple[str, bytes]:
        """The form and bytes of one record of a message (which may be at hand already). Raises NotFoundError."""
        pointer = reading.Pointer(place.message_id, place.position)
        found = reading.opened_evidence(self._blocks, pointer)
        if found is not None and found.body is not None:
            return found.kept.form, found.body
        message = message or self.message(place.message_id)
        if message.size_bytes <= SMALL_BYTES:
            piece = small_record(self, self._messages, message, place.position)
            return piece.form, piece.body
        with self._connections.lend() as connection:
            found = reading.read_evidence(connection, self._blocks, pointer)
        if found.body is not None:
            return found.kept.form, found.body
        piece = piece_at(self, message, place.position)
        return piece.form, piece.body

    def message(self, message_id: int) -> KeptMessage:
        """One message. Raises NotFoundError."""
        with self._connections.lend() as connection:
            return reading.read_message(connection, message_id)

    def messages(self, before_id: int | None, limit: int) -> list[KeptMessage]:
        """Messages, newest first."""
        limit = max(1, min(limit, reading.LIST_LIMIT_MAX))
        with self._connections.lend() as connection:
            condition = f"(%s::bigint IS NULL OR message_id < %s) ORDER BY message_id DESC LIMIT {limit}"
            return reading.read_messages(connection, condition, [before_id, before_id])

    def message_bytes(self, message_id: int) -> Iterator[bytes]:
        """The message as received, in chunks of about 1 MiB. Raises NotFoundError."""
        first, is_known = 0, False
        while True:
            with self._connections.lend() as connection:
                chunks = connection.execute(
                    "SELECT content FROM message_chunk WHERE message_id = %s AND chunk_no >= %s"
                    " ORDER BY chunk_no LIMIT %s",
                    [message_id, first, _CHUNKS_AT_ONCE],
                ).fetchall()
            if not chunks and not is_known:
                self.message(message_id)
            is_known = True
            for (chunk,) in chunks:
                yield rows.decompress(chunk)
            first += len(chunks)
            if len(chunks) < _CHUNKS_AT_ONCE:
                return

    def notices(self, sender_id: int | None, after: int, limit: int) -> Sequence[Notice]:
        """Notices with a larger notice_id than `after`, oldest first; of one sender or of all."""
        with self._connections.lend() as connection:
            return reading.read_notices(connection, sender_id, after, limit)

    def counts(self) -> dict[str, int]:
        """How many messages and declarations there are, by state ("state:released") and lane ("lane:red")."""
        with self._connections.lend() as connection:
            (messages,) = connection.execute("SELECT count(*) FROM message").fetchone() or (0,)
            by_both = connection.execute(
                "SELECT state, lane, count(*) FROM declaration GROUP BY state, lane"
            ).fetchall()
        counts = {"messages": messages, "declarations": sum(row[2] for row in by_both)}
        for state, lane, count in by_both:
            for key in (f"state:{state}", *([f"lane:{lane}"] if lane else [])):
                counts[key] = counts.get(key, 0) + count
        return counts

    def health(self) -> dict[str, str]:
        """What a health page shows: server version, schema version, size, last decision."""
        began = time.monotonic()
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database())),"
                " (SELECT max(recorded_at) FROM evidence_block),"
                " (SELECT count(*) FROM message WHERE processed_at IS NULL)"
            ).fetchone()
        assert row is not None
        return {
            "database": f"PostgreSQL {row[0]}" + (", embedded" if self._server else ""),
            "schema_version": str(self.schema_version),
            "size": row[1],
            "last_decision_at": row[2].astimezone(UTC).isoformat() if row[2] else "",
            "messages_in_work": str(row[3]),
            "answers_in_ms": f"{(time.monotonic() - began) * 1000:.1f}",
        }

    # --- writing ---------------------------------------------------------------------------------------------

    @property
    def encode(self) -> Callable[[Batch, Iterable[Entry]], EncodedBatch]:
        """Makes entries ready to be written."""
        return partial(rows.encode, actor=self.record_keeper.identity.actor)

    @contextmanager
    def writing(self, count: int = 1) -> Iterator[PostgresWriting]:
        """One transaction for `count` jobs, committed on leaving; waits for other writers."""
        with self._connections.lend() as connection:
            transaction = PostgresWriting(connection, self.record_keeper)
            if count > 1:
                transaction.begin()
            try:
                yield transaction
            except BaseException:
                transaction.roll_back()
                raise
            transaction.commit()

    def keep_small(self, arriving: Sequence[Arriving]) -> list[tuple[KeptMessage, int] | Unkept]:
        """Keep messages as they came, in one statement and hence one transaction; see `workflow.ports.Store`."""
        with self._connections.lend() as connection:
            return together.keep(connection, arriving)

    def keep_large(self, arriving: Arriving, chunks: Iterator[bytes]) -> tuple[KeptMessage | None, str]:
        """Keep a message of any size as it arrives, and commit: the message (None when the sender used the key
        before) and the digest of what came."""
        compressor = zstandard.ZstdCompressor(level=together.COMPRESSION_LEVEL)
        digest, size_bytes, chunk_count = hashlib.sha256(), 0, 0
        with self._connections.lend() as connection:
            message_id, is_new = next_message_id(connection), False
            with connection.transaction():
                with connection.cursor().copy(_COPY_CHUNKS) as copy:
                    copy.set_types(["int8", "int4", "bytea"])
                    for chunk in chunks:
                        digest.update(chunk)
                        copy.write_row((message_id, chunk_count, compressor.compress(chunk)))
                        size_bytes, chunk_count = size_bytes + len(chunk), chunk_count + 1
                arrived = Content(digest=digest.digest(), size_bytes=size_bytes, chunk_count=chunk_count)
                is_new = insert_message(connection, message_id, arriving, arrived)
                if not is_new:
                    raise psycopg.Rollback  # the chunks go, too
            return (reading.read_message(connection, message_id) if is_new else None), digest.hexdigest()

    def is_any_expired(self, at: datetime) -> bool:
        """Whether a change waited for its declaration until before this moment."""
        return bool(self._one("SELECT EXISTS (SELECT FROM awaited WHERE waits_until < %s)", at))

    def next_declaration_ids(self, count: int) -> Sequence[int]:
        """That many new ids, rising, outside any transaction; ids not used stay unused."""
        with self._connections.lend() as connection:
            return take_declaration_ids(connection, count)

    @contextmanager
    def processing(self, message_id: int) -> Iterator[bool]:
        """Claim a message for this process; False when another process has it."""
        with self._connections.lend() as connection:
            key = [_PROCESSING_LOCK, message_id % 2**31]
            (is_ours,) = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", key).fetchone() or (False,)
            try:
                yield bool(is_ours)
            finally:
                if is_ours and not connection.closed:
                    connection.execute("SELECT pg_advisory_unlock(%s, %s)", key)

    def message_by_key(self, sender_id: int, idempotency_key: str) -> KeptMessage:
        """The message a sender handed in under this key. Raises NotFoundError."""
        with self._connections.lend() as connection:
            condition = "sender_id = %s AND idempotency_key = %s"
            for message in reading.read_messages(connection, condition, [sender_id, idempotency_key]):
                return message
        raise NotFoundError(f"no message is kept under the key {idempotency_key[:80]!r}")

    def progress(self, message_id: int) -> Progress:
        """How far a message is written, and the receipt so far."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT record_count, receipt, processed_at IS NOT NULL FROM message WHERE message_id = %s",
                [message_id],
            ).fetchone()
        if row is None:
            raise NotFoundError(f"no message {message_id} is kept")
        receipt = msgspec.json.decode(row[1], type=Receipt) if row[1] is not None else None
        return Progress(record_count=row[0], receipt=receipt, is_processed=row[2])

    def receipt(self, message_id: int) -> Receipt | None:
        """The answer given for a message, None while it is not processed."""
        content = self._one(
            "SELECT CASE WHEN processed_at IS NOT NULL THEN receipt ELSE '' END FROM message WHERE message_id = %s",
            message_id,
        )
        return msgspec.json.decode(content, type=Receipt) if content else None

    def unprocessed(self) -> list[KeptMessage]:
        """Messages kept and not yet wholly processed, oldest first."""
        with self._connections.lend() as connection:
            return reading.read_messages(connection, "processed_at IS NULL ORDER BY message_id", [])

    # --- what decisions rest on ------------------------------------------------------------------------------

    def seed(self, on: date, proposal: bytes) -> Seed:
        """The seed of a day; `proposal` (32 bytes of chance) becomes it when there is none yet."""
        return self.draws.seed(on, proposal)

    def seed_by_id(self, seed_id: str) -> Seed:
        """A seed used before. Raises NotFoundError."""
        return self.draws.by_id(seed_id)

    def commitments(self, before: date, limit: int) -> list[Commitment]:
        """The commitments to days' seeds, the latest first; the seeds of those before a day with them."""
        return self.draws.commitments(before, limit)

    def watch_list(self) -> WatchList:
        """The watch list as it stands."""
        return self.senders.watch_list()

    def watch_list_version(self) -> int:
        """The version of the watch list as it stands."""
        return int(self._one("SELECT coalesce(max(version), 0) FROM watch_list_version"))

    def keep_knowledge(self, contents: Mapping[str, tuple[str, bytes]]) -> None:
        """Keep law and lists by digest: digest → (kind, content). What is there already stays."""
        with self._connections.lend() as connection, connection.transaction():
            for digest, (kind, content) in contents.items():
                connection.execute(
                    "INSERT INTO knowledge (digest, kind, content, first_used_at) VALUES (%s, %s, %b, %s)"
                    " ON CONFLICT DO NOTHING",
                    [bytes.fromhex(digest), kind, zstandard.compress(content, 9), datetime.now(UTC)],
                )

    def knowledge(self, digest: str) -> bytes:
        """The content kept under a digest. Raises NotFoundError."""
        return rows.decompress(self._one("SELECT content FROM knowledge WHERE digest = %s", bytes.fromhex(digest)))

    def quote_key(self) -> bytes:
        """The key that quotes are numbered and signed with: 32 bytes, made once."""
        return self.quotes.key()

    def keep_quote(self, number: bytes, quote: Quote, content: bytes, law: bytes) -> datetime:
        """Keep a quote and its law; when it was first given. One given before stays as it is."""
        return self.quotes.keep(number, quote, content, law)

    def quote_content(self, number: bytes) -> tuple[bytes, datetime]:
        """The bytes kept under a number, and when it was given. Raises NotFoundError."""
        return self.quotes.content(number)

    def spans(self, message_id: int | None) -> list[Span]:
        """The blocks of evidence of one message, or of what was decided at desks, in order."""
        with self._connections.lend() as connection:
            return reading.read_spans(connection, message_id)

    def block(self, block_id: int) -> tuple[Kept, ...]:
        """The decisions of one block. Raises NotFoundError."""
        return rows.decode_evidence(self._one("SELECT content FROM evidence_block WHERE block_id = %s", block_id))

    def setting(self, name: str) -> str:
        """What a setting of the server is, as it says."""
        return str(self._one("SELECT current_setting(%s)", name))

    @property
    def server_pid(self) -> int:
        """The process of the embedded server; 0 where the server is not ours."""
        return self._server.postmaster_pid() if self._server is not None else 0

    def last_block(self) -> int:
        """The number of the last block of evidence; 0 where there is none."""
        return int(self._one("SELECT coalesce(max(block_id), 0) FROM evidence_block"))

    def blocks(self, after: int, limit: int) -> list[Block]:
        """Blocks of evidence with a larger number, in order, as the accounts read them."""
        with self._connections.lend() as connection:
            return reading.read_blocks(connection, after, limit)

    def ended(self, after: int, limit: int) -> tuple[int, list[Ended]]:
        """Of the next changes of state, those by which a declaration came to nothing; and the number of the last."""
        with self._connections.lend() as connection:
            return reading.read_ended(connection, after, limit)

    def versions(self, declaration_ids: Sequence[int], until: int | None = None) -> dict[int, int]:
        """The present version of each declaration that stands; those that came to nothing are left out.

        With `until`, those decided anew in a later block of evidence, too.
        """
        with self._connections.lend() as connection:
            return reading.read_versions(connection, declaration_ids, until)

    def decision_count(self) -> int:
        """How many decisions evidence holds, all versions counted."""
        return int(self._one("SELECT coalesce(sum(last_position - first_position + 1), 0) FROM evidence_block"))

    def kept(self, declaration_id: int, version: int | None = None) -> Kept:
        """The evidence of one version (the latest when None). Raises NotFoundError."""
        with self._connections.lend() as connection:
            row = reading.read_declaration(connection, declaration_id)
            pointers = reading.read_pointers(connection, row)
            pointer = pointers.get(row.version if version is None else version)
            if pointer is None:
                raise NotFoundError(f"declaration {declaration_id} has no version {version}")
            return reading.read_evidence(connection, self._blocks, pointer).kept

    def decided(self, places: Sequence[tuple[int, int]]) -> list[Kept]:
        """The decisions at these places (block of evidence, place in it), in any order; a block is opened once."""
        with self._connections.lend() as connection:
            return list(reading.read_decided(connection, self._blocks, places))

    def broken_links(self) -> list[str]:
        """What is wrong with the chain of evidence, in words; empty when it is whole."""
        return chain.broken_links(self._connections)

    def _one(self, query: str, parameter: object = None) -> Any:
        with self._connections.lend() as connection:
            row = connection.execute(query.encode(), [] if parameter is None else [parameter]).fetchone()
        if row is None:
            raise NotFoundError(f"nothing is kept under {parameter!r}")
        return row[0]


@contextmanager
def _snapshot(connection: psycopg.Connection) -> Iterator[None]:
    """All that is read within is of one moment."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield
    finally:
        connection.execute("COMMIT")
