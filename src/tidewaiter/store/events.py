"""What connectors told, on PostgreSQL: within the transaction of the writer that carries it out."""

from __future__ import annotations

from datetime import datetime

import psycopg

from tidewaiter.model.errors import ConflictError
from tidewaiter.workflow.ports import CarriedOut


class PostgresEvents:
    """See `workflow.ports.EventsBook`. Made by `PostgresWriting`, whose lock keeps two from telling the same at once."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def answered(self, connector_id: int, event_id: str) -> tuple[bytes, bytes] | None:
        """The digest and the answer of an event that was carried out; None where it was not."""
        row = self._connection.execute(
            "SELECT digest, answer::text FROM connector_event WHERE connector_id = %s AND event_id = %s",
            [connector_id, event_id],
        ).fetchone()
        return (row[0], row[1].encode()) if row else None

    def keep(self, event: CarriedOut) -> None:
        """Keep that an event was carried out."""
        self._connection.execute(
            "INSERT INTO connector_event (connector_id, event_id, digest, connector_message_id, line_no, declaration_id,"
            " answer, recorded_at) VALUES (%s, %s, %b, %s, %s, %s, %s::jsonb, %s)",
            [
                event.connector_id, event.event_id, event.digest, event.message_id, event.position,
                event.declaration_id, event.answer.decode(), event.recorded_at,
            ],
        )  # fmt: skip

    def register(self, connector_id: int, declaration_id: int, number: str, at: datetime) -> None:
        """Keep under which number a connector's system has a declaration. Raises ConflictError where another has it."""
        taken = self._connection.execute(
            "SELECT FROM connector_registration WHERE connector_id = %s AND number = %s AND declaration_id <> %s",
            [connector_id, number, declaration_id],
        ).fetchone()
        if taken is not None:
            raise ConflictError(f"another declaration is registered as {number!r}", hint="look which of them it is")
        self._connection.execute(
            "INSERT INTO connector_registration (connector_id, declaration_id, number, recorded_at)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (connector_id, declaration_id)"
            " DO UPDATE SET number = EXCLUDED.number, recorded_at = EXCLUDED.recorded_at",
            [connector_id, declaration_id, number, at],
        )
