"""The rows of messages as they came: who sent them, under which key, when, and how large they are."""

from __future__ import annotations

from typing import Any

import psycopg
from msgspec import Struct

from tidewaiter.workflow.records import Arriving


class Content(Struct, frozen=True, kw_only=True):
    """What a message's bytes come to, known when the last has arrived."""

    digest: bytes
    size_bytes: int
    chunk_count: int


def next_message_id(connection: psycopg.Connection) -> int:
    """A new message's id."""
    row = connection.execute("SELECT nextval(pg_get_serial_sequence('message', 'message_id'))").fetchone()
    assert row is not None
    return int(row[0])


def insert_message(connection: psycopg.Connection, message_id: int, arriving: Arriving, content: Content) -> bool:
    """Insert the row of a message. False when the sender used the key before; waits for whoever is using it now."""
    done = connection.execute(_INSERT_MESSAGE, {**_message_columns(arriving, content), "message_id": message_id})
    return done.rowcount == 1


_INSERT_MESSAGE = (
    "INSERT INTO message (message_id, sender_id, idempotency_key, digest, requested_form, form, file_name, transport,"
    " received_at, legal_day, is_day_given, size_bytes, chunk_count)"
    " VALUES (coalesce(%(message_id)s::bigint, nextval(pg_get_serial_sequence('message', 'message_id'))),"
    " %(sender_id)s, %(idempotency_key)s, %(digest)s, %(form)s, %(form)s, %(file_name)s, %(transport)s,"
    " %(received_at)s, %(legal_day)s, %(is_day_given)s, %(size_bytes)s, %(chunk_count)s)"
    " ON CONFLICT (sender_id, idempotency_key) DO NOTHING"
)


def _message_columns(arriving: Arriving, content: Content) -> dict[str, Any]:
    return {
        "sender_id": arriving.sender_id,
        "idempotency_key": arriving.idempotency_key or content.digest.hex(),
        "digest": content.digest,
        "form": arriving.requested_form,
        "file_name": arriving.file_name,
        "transport": arriving.transport,
        "received_at": arriving.received_at,
        "legal_day": arriving.legal_day,
        "is_day_given": arriving.is_day_given,
        "size_bytes": content.size_bytes,
        "chunk_count": content.chunk_count,
    }
