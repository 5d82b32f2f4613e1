"""Connectors in PostgreSQL: what an administration's own system is handed, and what it tells."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Final

import msgspec
import psycopg
import zstandard
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from tidewaiter.model.decision import NoticeKind
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.store import reading, rows
from tidewaiter.store.connections import Connections
from tidewaiter.store.courses import COLUMNS, Kind, PostgresCourses, last_of_row
from tidewaiter.workflow.connector_events import EventError
from tidewaiter.workflow.connectors import Connector, NewConnector, NotWritten, Stretch
from tidewaiter.workflow.pushing import SECRET_BYTES
from tidewaiter.workflow.records import REFERENCE_LENGTH_MAX

STRETCH_ROWS: Final = 500  # of `notice` looked at together
_CONNECTORS: Final = Kind(
    noun="connector",
    record=Connector,
    select=(
        "SELECT connector_id, name, jurisdiction_code, kinds::text[] AS kinds, datasets, target, address, secret,"
        " (SELECT count(*) FROM connector_set_aside WHERE connector_set_aside.connector_id = connector.connector_id)"
        f" AS set_aside, {COLUMNS} FROM connector"
    ),
    lock=0x7469_6406,
    notices="true",
)


class PostgresConnectors(PostgresCourses[Connector]):
    """Made by `PostgresStore`; see its `connectors`, and `workflow.connectors.Connectors`."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, _CONNECTORS)

    def add(self, given: NewConnector) -> Connector:
        """A new connector. Raises ConflictError where the name was given before, or the folder is another's."""
        at = datetime.now(UTC)
        after = self.last_notice() if given.after is None else given.after
        with self._connections.lend() as connection:
            try:
                row = connection.execute(
                    "INSERT INTO connector (name, jurisdiction_code, kinds, datasets, target, address, secret, created_at,"
                    " taken, next_try_at) VALUES (%s, %s, %s::notice_kind[], %s, %s, %s, %b, %s, %s, %s)"
                    " RETURNING connector_id",
                    [
                        given.name, given.jurisdiction_code, [kind.value for kind in given.kinds],
                        list(given.datasets), given.target, given.address,
                        None if given.is_folder else secrets.token_bytes(SECRET_BYTES), at, after, at,
                    ],
                ).fetchone()  # fmt: skip
            except UniqueViolation as error:
                is_folder = error.diag.constraint_name == "connector_folder"
                what = "this folder is another connector's" if is_folder else f"{given.name!r} is or was a connector"
                raise ConflictError(what, hint="take another; tidewaiter connector list") from error
        assert row is not None
        return self.by_id(int(row[0]))

    def by_name(self, name: str) -> Connector:
        """One connector. Raises NotFoundError."""
        with self._connections.lend() as connection:
            for found in self._read(connection, "WHERE name = %s", [name]):
                return found
        raise NotFoundError(f"there is no connector {name!r}", hint="tidewaiter connector list")

    def _begin_again(self, connection: psycopg.Connection, course_id: int, after: int) -> None:
        """What was set aside since is tried again, too."""
        connection.execute(
            "DELETE FROM connector_set_aside WHERE connector_id = %s AND notice_id > %s", [course_id, after]
        )
        super()._begin_again(connection, course_id, after)

    def stretch(self, connector: Connector, after: int) -> Stretch | None:
        """The next notices after a number, and those of them that this connector asked for; None where there are none."""
        with self._connections.lend() as connection:
            until = connection.execute(
                "SELECT max(notice_no) FROM (SELECT notice_no FROM notice WHERE notice_no >= %(row)s"
                " AND notice_no * %(width)s + cardinality(kinds) - 1 > %(after)s ORDER BY notice_no LIMIT %(rows)s) AS next",
                {
                    "row": after // reading.NOTICES_A_ROW,
                    "width": reading.NOTICES_A_ROW,
                    "after": after,
                    "rows": STRETCH_ROWS,
                },
            ).fetchone()
            if until is None or until[0] is None:
                return None
            found = reading.read_notices_between(
                connection, after, until[0], connector.jurisdiction_code, connector.datasets
            )
        wanted = [notice for notice in found if notice.kind in connector.kinds]
        return Stretch(last_of_row(until[0]), wanted)

    def set_aside(self, given: NotWritten) -> None:
        """Keep that a document could not be written; done again it changes nothing."""
        columns = {name: getattr(given, name) for name in NotWritten.__struct_fields__}
        texts = {name: _keepable(value) for name, value in columns.items() if isinstance(value, str)}
        with self._connections.lend() as connection:
            connection.execute(
                f"INSERT INTO connector_set_aside ({', '.join(columns)})"
                f" VALUES ({', '.join(f'%({name})s' for name in columns)}) ON CONFLICT DO NOTHING",
                columns | texts,
            )

    def not_written(self, connector_id: int, after: int, limit: int) -> list[NotWritten]:
        """What could not be written with a larger notice_id than `after`, in order, at most so many."""
        with self._connections.lend() as connection, connection.cursor(row_factory=class_row(NotWritten)) as cursor:
            found = cursor.execute(
                f"SELECT {', '.join(NotWritten.__struct_fields__)} FROM connector_set_aside"
                " WHERE connector_id = %s AND notice_id > %s ORDER BY notice_id LIMIT %s",
                [connector_id, after, limit],
            ).fetchall()
        return [msgspec.structs.replace(each, kind=NoticeKind(each.kind)) for each in found]

    # --- what it tells -----------------------------------------------------------------------------------------

    def keep_message(self, connector_id: int, content: bytes, transport: str, at: datetime) -> int:
        """Keep what a connector sent as it came, and commit; its number."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "INSERT INTO connector_message (connector_id, content, digest, transport, received_at)"
                " VALUES (%s, %b, %b, %s, %s) RETURNING connector_message_id",
                [connector_id, zstandard.compress(content), hashlib.sha256(content).digest(), transport, at],
            ).fetchone()
        assert row is not None
        return int(row[0])

    def message(self, message_id: int) -> bytes:
        """What a connector sent, as it came. Raises NotFoundError."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "SELECT content FROM connector_message WHERE connector_message_id = %s", [message_id]
            ).fetchone()
        if row is None:
            raise NotFoundError(f"no message {message_id} of a connector is kept")
        return rows.decompress(row[0])

    def answer_message(self, message_id: int, answer: bytes) -> None:
        """Keep what was answered (JSON)."""
        with self._connections.lend() as connection:
            connection.execute(
                "UPDATE connector_message SET answer = %s::jsonb WHERE connector_message_id = %s",
                [answer.decode(), message_id],
            )

    def find(self, connector: Connector, reference: str) -> tuple[int, str]:
        """The declaration of the connector's jurisdiction and datasets that a reference names, and its number here.

        By the connector's own registration number, by the number here (MRN), or by the sender's reference where no
        other has that one. Raises NotFoundError, and EventError where several have it.
        """
        text = reference.strip()[:REFERENCE_LENGTH_MAX]
        ways = (
            "declaration_id IN (SELECT declaration_id FROM connector_registration"
            " WHERE connector_id = %(connector)s AND number = %(text)s)",
            "registered_id = %(text)s AND registered_id <> ''",
            "functional_reference_id = %(text)s AND functional_reference_id <> '' "
            " AND state NOT IN ('rejected', 'awaiting_original', 'applied')",
        )
        given = {
            "connector": connector.connector_id, "text": text, "jurisdiction": connector.jurisdiction_code,
            "is_any": not connector.datasets, "datasets": list(connector.datasets),
        }  # fmt: skip
        with self._connections.lend() as connection:
            for way in ways:
                found = connection.execute(
                    f"SELECT declaration_id, registered_id FROM declaration WHERE {way}"
                    " AND jurisdiction_code = %(jurisdiction)s AND (%(is_any)s OR dataset = ANY (%(datasets)s)) LIMIT 2",
                    given,
                ).fetchall()
                if len(found) > 1:
                    raise EventError(
                        f"several declarations are known by {text[:60]!r}",
                        hint="name it by its MRN",
                        place="declaration",
                    )
                if found:
                    return int(found[0][0]), str(found[0][1])
        raise NotFoundError(
            f"no declaration for {connector.jurisdiction_code} is known by {text[:60]!r}",
            hint="name it by its MRN, or by the registration number you told", place="declaration",
        )  # fmt: skip

    def _read(self, connection: psycopg.Connection, tail: str, parameters: list[object]) -> list[Connector]:
        return [
            msgspec.structs.replace(
                each, kinds=tuple(NoticeKind(kind) for kind in each.kinds), datasets=tuple(each.datasets)
            )
            for each in super()._read(connection, tail, parameters)
        ]


def _keepable(text: str) -> str:
    """The text without what PostgreSQL cannot hold: what a target says may be anything."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
