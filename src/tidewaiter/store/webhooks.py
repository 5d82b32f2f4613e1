"""Webhooks in PostgreSQL: where senders are told, and how far they have taken what they are told."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import psycopg
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.store.connections import Connections
from tidewaiter.store.reading import NOTICES_A_ROW
from tidewaiter.workflow.webhooks import RESTS_AFTER, SECRET_BYTES, Webhook

_LOCK: Final = 0x7469_6405  # the first of two keys; the second is the webhook's number
_SELECT = (
    "SELECT webhook_id, sender_id, sender.name AS sender_name, url, secret, taken, failures, failing_since, next_try_at,"
    " last_error, taken_at, ended_at FROM webhook JOIN sender USING (sender_id)"
)


class PostgresWebhooks:
    """Made by `PostgresStore`; see its `webhooks`, and `workflow.webhooks.Webhooks`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, sender_id: int, url: str, after: int) -> Webhook:
        """A new webhook that is told what comes after a notice. Raises ConflictError where the sender has that one."""
        at = datetime.now(UTC)
        with self._connections.lend() as connection:
            try:
                row = connection.execute(
                    "INSERT INTO webhook (sender_id, url, secret, created_at, taken, next_try_at)"
                    " VALUES (%s, %s, %b, %s, %s, %s) RETURNING webhook_id",
                    [sender_id, url, secrets.token_bytes(SECRET_BYTES), at, after, at],
                ).fetchone()
            except UniqueViolation as error:
                raise ConflictError(
                    "this sender is told there already", hint="end that webhook first, or replay it"
                ) from error
            assert row is not None
            return _one(connection, int(row[0]))

    def last_notice(self) -> int:
        """A number that no notice so far is above, and every later one is."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT coalesce(max(notice_no), 0) FROM notice").fetchone()
        assert row is not None
        return int(row[0]) * NOTICES_A_ROW + NOTICES_A_ROW - 1

    def all(self) -> list[Webhook]:
        """Every webhook, the ended ones last."""
        with self._connections.lend() as connection, connection.cursor(row_factory=class_row(Webhook)) as cursor:
            return cursor.execute(f"{_SELECT} ORDER BY ended_at NULLS FIRST, webhook_id".encode()).fetchall()

    def due(self, at: datetime) -> Sequence[int]:
        """The webhooks that have something to send and may be tried now."""
        with self._connections.lend() as connection:
            found = connection.execute(
                "SELECT webhook_id FROM webhook WHERE ended_at IS NULL AND next_try_at <= %s"
                " AND (failing_since IS NULL OR failing_since > %s) AND EXISTS (SELECT FROM notice"
                " WHERE notice.sender_id = webhook.sender_id AND notice_no >= taken / %s"
                " AND notice_no * %s + cardinality(kinds) - 1 > taken) ORDER BY next_try_at",
                [at, at - RESTS_AFTER, NOTICES_A_ROW, NOTICES_A_ROW],
            ).fetchall()
        return [row[0] for row in found]

    @contextmanager
    def held(self, webhook_id: int) -> Iterator[Webhook | None]:
        """One webhook, held against other processes while in the `with`; None while another holds it."""
        key = [_LOCK, webhook_id]
        with self._connections.lend() as connection:
            (is_ours,) = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", key).fetchone() or (False,)
            try:
                yield _one(connection, webhook_id) if is_ours else None
            finally:
                if is_ours and not connection.closed:
                    connection.execute("SELECT pg_advisory_unlock(%s, %s)", key)

    def advance(self, webhook: Webhook, notice_id: int, at: datetime) -> bool:
        """Keep that it took notices up to this one; False where somebody ended it or asked for a replay meanwhile."""
        return self._change_as_read(
            webhook, "taken = %s, taken_at = %s, failures = 0, failing_since = NULL, last_error = ''", [notice_id, at]
        )

    def fail(self, webhook: Webhook, words: str, at: datetime, next_try_at: datetime) -> None:
        """Keep that an attempt failed, unless somebody ended it or asked for a replay meanwhile."""
        self._change_as_read(
            webhook,
            "failures = failures + 1, failing_since = coalesce(failing_since, %s), next_try_at = %s, last_error = %s",
            [at, next_try_at, words.replace("\x00", "")],
        )

    def end(self, webhook_id: int, at: datetime) -> None:
        """Send nothing to it any more. Raises NotFoundError."""
        self._change(webhook_id, "ended_at = coalesce(ended_at, %s)", [at])

    def replay(self, webhook_id: int, after: int) -> Webhook:
        """Send what comes after a notice again, and try at once, however often it failed.

        Raises NotFoundError, and ConflictError where it has ended.
        """
        with self._connections.lend() as connection:
            if _one(connection, webhook_id).ended_at is not None:
                raise ConflictError(f"webhook {webhook_id} has ended", hint="tidewaiter webhook add makes a new one")
        self._change(
            webhook_id,
            "taken = %s, failures = 0, failing_since = NULL, last_error = '', next_try_at = %s",
            [after, datetime.now(UTC)],
        )
        with self._connections.lend() as connection:
            return _one(connection, webhook_id)

    def _change_as_read(self, webhook: Webhook, what: str, values: list[object]) -> bool:
        """Change what nobody else changed since it was read; whether that is so."""
        with self._connections.lend() as connection:
            done = connection.execute(
                f"UPDATE webhook SET {what} WHERE webhook_id = %s AND taken = %s AND ended_at IS NULL".encode(),
                [*values, webhook.webhook_id, webhook.taken],
            )
        return done.rowcount == 1

    def _change(self, webhook_id: int, what: str, values: list[object]) -> None:
        with self._connections.lend() as connection:
            done = connection.execute(
                f"UPDATE webhook SET {what} WHERE webhook_id = %s".encode(), [*values, webhook_id]
            )
        if done.rowcount != 1:
            raise NotFoundError(f"there is no webhook {webhook_id}", hint="tidewaiter webhook list")


def _one(connection: psycopg.Connection, webhook_id: int) -> Webhook:
    with connection.cursor(row_factory=class_row(Webhook)) as cursor:
        found = cursor.execute(f"{_SELECT} WHERE webhook_id = %s".encode(), [webhook_id]).fetchone()
    if found is None:
        raise NotFoundError(f"there is no webhook {webhook_id}", hint="tidewaiter webhook list")
    return found
