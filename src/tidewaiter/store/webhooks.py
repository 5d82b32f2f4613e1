"""Webhooks in PostgreSQL: where senders are told, and how far they have taken what they are told."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Final

from psycopg.errors import UniqueViolation

from tidewaiter.model.errors import ConflictError
from tidewaiter.store.connections import Connections
from tidewaiter.store.courses import COLUMNS, Kind, PostgresCourses
from tidewaiter.workflow.pushing import SECRET_BYTES
from tidewaiter.workflow.webhooks import Webhook

_WEBHOOKS: Final = Kind(
    noun="webhook",
    record=Webhook,
    select=(
        f"SELECT webhook_id, sender_id, sender.name AS sender_name, url, secret, {COLUMNS}"
        " FROM webhook JOIN sender USING (sender_id)"
    ),
    lock=0x7469_6405,
    notices="notice.sender_id = webhook.sender_id",
)


class PostgresWebhooks(PostgresCourses[Webhook]):
    """Made by `PostgresStore`; see its `webhooks`."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, _WEBHOOKS)

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
        return self.by_id(int(row[0]))
