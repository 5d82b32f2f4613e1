"""Events on PostgreSQL: kept once, found by terms and moments, asked of one by one; and who subscribes to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
import psycopg
import zstandard

from tidewaiter.messages.epcis.conditions import Condition, terms_of, wanted_terms
from tidewaiter.messages.epcis.master_data import MasterData
from tidewaiter.messages.epcis.querying import Query
from tidewaiter.model.canonical import canonical_bytes, digest
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.model.event import Event
from tidewaiter.model.finding import Finding
from tidewaiter.store.connections import Connections
from tidewaiter.store.master_data import AttributesTold, index_places_again, keep_master_data, within_of
from tidewaiter.workflow.capturing import digest_of
from tidewaiter.workflow.event_ports import (
    QUERIES_MAX,
    SUBSCRIPTIONS_MAX,
    Captor,
    Capture,
    Kept,
    NamedQuery,
    Scope,
    StandingLimitError,
    Subscription,
)

ROWS_AT_ONCE: Final = 200
TELLING_LENGTH: Final = 8
"""Characters from which on a number tells whose parcel an event is about: S10 has 13, an air waybill 11."""
SERVING_LOCK: Final = 0x7469_6430
STANDING_LOCK: Final = 0x7469_6431
FIELDS: Final = {
    "eventTypes": "type", "epcs": "epc", "bizSteps": "bizStep", "bizLocations": "bizLocation", "readPoints": "readPoint",
    "dispositions": "disposition",
}  # fmt: skip
"""What the lists of resources are called, and the field whose values each one shows."""
_OF_EPCS: Final = ("epc", "parentID", "inputEPC", "outputEPC", "epcClass", "inputEPCClass", "outputEPCClass")
_CAPTURE: Final = (
    "capture_no, capture_id, captor, sender_id, behaviour, received_at, finished_at, is_success, event_ids, known_ids,"
    " findings::text, EXISTS (SELECT FROM movement_waiting waiting WHERE waiting.capture_id = event_capture.capture_id)"
    " OR EXISTS (SELECT FROM movement_waiting waiting WHERE waiting.event_id = ANY(known_ids))"
)
_EVENT: Final = msgspec.json.Decoder(Event, float_hook=Decimal)
_EVENT_BYTES: Final = msgspec.json.Encoder(
    order="deterministic", decimal_format="number"
)  # in extensions a number stays one
_FINDINGS: Final = msgspec.json.Decoder(tuple[Finding, ...])
# A sender sees what it told, and what is about parcels that it declared: by the numbers of their carriage and their
# registration, not by its own references, which it may call as a rival calls its goods, nor by numbers so short that they
# stand at the end of many a URI.
_VISIBLE: Final = (
    " AND (sender_id = %(sender)s OR things && (SELECT coalesce(array_agg(DISTINCT number), '{}') FROM"
    " (SELECT unnest(ARRAY[transport_document_id, registered_id]) FROM declaration"
    f" WHERE declaration.sender_id = %(sender)s) AS each(number) WHERE length(number) >= {TELLING_LENGTH}))"
)


class PostgresEventBook:
    """See `workflow.event_ports.EventBook`; `connect` gives the writer's connection, in its transaction."""

    def __init__(self, connect: Callable[[], psycopg.Connection]) -> None:
        self._connect = connect

    def known(self, events: Sequence[Event]) -> Mapping[str, bytes]:
        """The digests of those that are kept under the ids of these."""
        found = self._connect().execute(
            "SELECT event_id, is_void, digest FROM event WHERE event_id = ANY(%s)", [[each.event_id for each in events]]
        )
        return {f"{event_id} {'void' if is_void else 'told'}": kept for event_id, is_void, kept in found}

    def tellers(self, events: Sequence[Event]) -> Mapping[str, int | None]:
        """Which sender told the events that are kept under the ids of these."""
        found = self._connect().execute(
            "SELECT event_id, sender_id FROM event WHERE event_id = ANY(%s) AND NOT is_void",
            [[each.event_id for each in events]],
        )
        return dict(found.fetchall())

    def add(self, events: Sequence[Event], capture_id: str, captor: Captor) -> None:
        """Keep events that are new, in this order."""
        connection = self._connect()
        row = connection.execute("SELECT coalesce(max(event_no), 0) FROM event").fetchone()
        assert row is not None
        values: set[tuple[str, str]] = set()
        with connection.cursor() as cursor:
            with cursor.copy(
                "COPY event (event_no, event_id, is_void, digest, event_time, recorded_at, sender_id, capture_id, terms,"
                " things, content) FROM STDIN"
            ) as copy:
                for number, event in enumerate(events, row[0] + 1):
                    terms = terms_of(event)
                    values |= {_value(term) for term in terms if _is_listed(term)}
                    copy.write_row((
                        number, event.event_id, event.error_declaration is not None, digest_of(event), event.event_time,
                        event.recorded_at, captor.sender_id, capture_id, terms, numbers_in(event),
                        zstandard.compress(_EVENT_BYTES.encode(event)),
                    ))  # fmt: skip
            cursor.executemany(
                "INSERT INTO event_value (field, value) VALUES (%s, %s) ON CONFLICT DO NOTHING", sorted(values)
            )

    def know(self, told: MasterData, captor: Captor) -> None:
        """Keep what somebody tells of places and elements."""
        keep_master_data(self._connect(), told, captor.sender_id)

    def finish(self, capture: Capture) -> None:
        """Keep what became of a capture."""
        self._connect().execute(
            "UPDATE event_capture SET finished_at = %s, is_success = %s, event_ids = %s, known_ids = %s,"
            " findings = %s::jsonb WHERE capture_id = %s AND finished_at IS NULL",
            [
                capture.finished_at, capture.is_success, list(capture.event_ids), list(capture.known_ids),
                canonical_bytes(capture.findings).decode().replace("\\u0000", ""), capture.capture_id,
            ],
        )  # fmt: skip


class PostgresEvents:
    """See `workflow.event_ports.Events`. Made by `PostgresStore`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    # --- captures ----------------------------------------------------------------------------------------------

    def receive(self, capture: Capture, content: bytes) -> None:
        """Keep what was handed in, as it came."""
        with self._connections.lend() as connection:
            connection.execute(
                "INSERT INTO event_capture (capture_id, captor, sender_id, behaviour, content, digest, received_at)"
                " VALUES (%s, %s, %s, %s, %b, %b, %s)",
                [
                    capture.capture_id, capture.captor.name, capture.captor.sender_id,
                    "rollback" if capture.is_all_or_nothing else "proceed", zstandard.compress(content),
                    bytes.fromhex(digest(content)), capture.received_at,
                ],
            )  # fmt: skip

    def content(self, capture_id: str) -> bytes:
        """What was handed in. Raises NotFoundError."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT content FROM event_capture WHERE capture_id = %s", [capture_id]).fetchone()
        if row is None:
            raise NotFoundError(f"no capture {capture_id} is kept")
        return zstandard.decompress(row[0])

    def capture(self, capture_id: str, scope: Scope) -> Capture:
        """One capture. Raises NotFoundError, also for somebody else's."""
        with self._connections.lend() as connection:
            row = connection.execute(
                f"SELECT {_CAPTURE} FROM event_capture WHERE capture_id = %s"
                " AND (%s::int IS NULL OR sender_id = %s)".encode(),
                [capture_id.replace("\x00", ""), scope.sender_id, scope.sender_id],
            ).fetchone()
        if row is None:
            raise NotFoundError(f"no capture {capture_id[:60]} is kept")
        return _capture(row)

    def captures(self, scope: Scope, before: int | None, limit: int) -> list[tuple[int, Capture]]:
        """Captures with their numbers, newest first."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                f"SELECT {_CAPTURE} FROM event_capture WHERE (%s::int IS NULL OR sender_id = %s)"
                " AND (%s::bigint IS NULL OR capture_no < %s) ORDER BY capture_no DESC LIMIT %s".encode(),
                [scope.sender_id, scope.sender_id, before, before, limit],
            ).fetchall()
        return [(row[0], _capture(row)) for row in rows]

    def unfinished(self, before: datetime) -> list[str]:
        """Captures that were kept before a moment and not read, oldest first."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT capture_id FROM event_capture WHERE finished_at IS NULL AND received_at < %s ORDER BY capture_no",
                [before],
            ).fetchall()
        return [row[0] for row in rows]

    # --- events ------------------------------------------------------------------------------------------------

    def select(self, query: Query, scope: Scope, after: int | None = None) -> Iterator[Kept]:
        """Events that meet a query, in its order; with `after`, behind the event of that number in this order."""
        if query.order_by not in _ORDERS:
            yield from self._select_by_own_field(query, scope, after)
            return
        column = _ORDERS[query.order_by]
        direction, beyond = ("DESC", "<") if query.is_descending else ("ASC", ">")
        within = within_of(self._connections, scope)
        attributes = AttributesTold(self._connections, scope, query.conditions)
        condition, values = _narrowed(query.conditions, scope, attributes.terms)
        order = f" ORDER BY {column} {direction}, event_no {direction} LIMIT {ROWS_AT_ONCE}"
        place = ""
        if after is not None:
            place = (
                f" AND ({column}, event_no) {beyond} (SELECT {column}, event_no FROM event WHERE event_no = %(after)s)"
            )
        while True:
            with self._connections.lend() as connection:
                rows = connection.execute(
                    f"SELECT event_no, content FROM event WHERE {condition}{place}{order}".encode(),
                    values | {"after": after},
                ).fetchall()
            for kept in map(_kept, rows):
                if query.takes(kept.event, within, attributes):
                    yield kept
            if len(rows) < ROWS_AT_ONCE:
                return
            after = rows[-1][0]
            place = (
                f" AND ({column}, event_no) {beyond} (SELECT {column}, event_no FROM event WHERE event_no = %(after)s)"
            )

    def _select_by_own_field(self, query: Query, scope: Scope, after: int | None) -> Iterator[Kept]:
        """In the order of a field of somebody's own: all that meet the query are looked at first."""
        by_time = msgspec.structs.replace(query, order_by="recordTime", is_descending=False)
        found = sorted(self.select(by_time, scope), key=lambda kept: query.key(kept.event), reverse=query.is_descending)
        numbers = [kept.number for kept in found]
        yield from found[numbers.index(after) + 1 if after in numbers else 0 :]

    def newer(self, query: Query, scope: Scope, seen: int, limit: int) -> tuple[list[Kept], int]:
        """Events that meet a query with larger numbers, in the order of numbers, and how far was looked."""
        condition, values = _narrowed(query.conditions, scope)
        within = within_of(self._connections, scope)
        attributes = AttributesTold(self._connections, scope, query.conditions)
        last = self.last_number()  # before they are read: what comes meanwhile is looked at the next time
        with self._connections.lend() as connection:
            rows = connection.execute(
                f"SELECT event_no, content FROM event WHERE {condition} AND event_no > %(seen)s AND event_no <= %(last)s"
                " ORDER BY event_no LIMIT %(limit)s".encode(),
                values | {"seen": seen, "limit": limit, "last": last},
            ).fetchall()
        found = [kept for kept in map(_kept, rows) if query.takes(kept.event, within, attributes)]
        return found, rows[-1][0] if len(rows) == limit else max(last, seen)

    def index_again(self, after: int, limit: int) -> tuple[int, int]:
        """Index events behind a number anew, as an earlier release did not know all they are found by; how many, and the last."""
        with self._connections.lend() as connection, connection.transaction():
            rows = connection.execute(
                "SELECT event_no, content FROM event WHERE event_no > %s ORDER BY event_no LIMIT %s", [after, limit]
            ).fetchall()
            with connection.cursor() as cursor:
                cursor.executemany(
                    "UPDATE event SET terms = %s WHERE event_no = %s",
                    [(terms_of(kept.event), kept.number) for kept in map(_kept, rows)],
                )
            if after == 0:
                index_places_again(connection)
        return len(rows), rows[-1][0] if rows else after

    def last_number(self) -> int:
        """The largest number of an event; 0 where there is none."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT coalesce(max(event_no), 0) FROM event").fetchone()
        assert row is not None
        return int(row[0])

    def values(self, field: str, scope: Scope, after: str, limit: int) -> list[str]:
        """The words or numbers of one field that events were told with, in order, behind one of them."""
        fields = list(_OF_EPCS) if field == "epc" else [field]
        query = "SELECT DISTINCT value FROM event_value WHERE field = ANY(%(fields)s) AND value > %(after)s"
        if scope.sender_id is not None:
            query += (
                " AND EXISTS (SELECT FROM event WHERE terms && (SELECT array_agg(f || '=' || value) FROM"
                f" unnest(%(fields)s::text[]) f){_VISIBLE})"
            )
        with self._connections.lend() as connection:
            rows = connection.execute(
                f"{query} ORDER BY value LIMIT %(limit)s".encode(),
                {"fields": fields, "after": after, "limit": limit, "sender": scope.sender_id},
            ).fetchall()
        return [row[0] for row in rows]

    # --- named queries and subscriptions -----------------------------------------------------------------------

    def name_query(self, name: str, scope: Scope, parameters: dict[str, Any], at: datetime) -> NamedQuery:
        """Keep a query under a name. Raises ConflictError where the name is taken, StandingLimitError for one too many."""
        with self._connections.lend() as connection, connection.transaction():
            counted = "SELECT count(*) FROM event_query WHERE sender_id IS NOT DISTINCT FROM %s"
            if _count(connection, counted, scope.sender_id) >= QUERIES_MAX:
                words, hint = f"{QUERIES_MAX} queries have names already", "end one that is not asked any more"
                raise StandingLimitError(words, hint=hint)
            row = connection.execute(
                "INSERT INTO event_query (sender_id, name, parameters, created_at) VALUES (%s, %s, %s::jsonb, %s)"
                " ON CONFLICT DO NOTHING RETURNING query_id",
                [scope.sender_id, name, msgspec.json.encode(parameters).decode(), at],
            ).fetchone()
            if row is None:
                raise ConflictError(f"a query is called {name!r} already", hint="take another name")
        return NamedQuery(query_id=row[0], name=name, sender_id=scope.sender_id, parameters=parameters, created_at=at)

    def query(self, name: str, scope: Scope) -> NamedQuery:
        """A named query. Raises NotFoundError."""
        found = self._queries("name = %(name)s", {"name": name.replace("\x00", "")}, scope)
        if not found:
            raise NotFoundError(f"no query is called {name[:60]!r}")
        return found[0]

    def queries(self, scope: Scope, after: str, limit: int) -> list[NamedQuery]:
        """Named queries by name, behind one of them."""
        return self._queries("name > %(after)s ORDER BY name LIMIT %(limit)s", {"after": after, "limit": limit}, scope)

    def _queries(self, condition: str, values: dict[str, Any], scope: Scope) -> list[NamedQuery]:
        with self._connections.lend() as connection:
            rows = connection.execute(
                f"SELECT {_QUERY} FROM event_query WHERE sender_id IS NOT DISTINCT FROM %(sender)s AND {condition}".encode(),
                values | {"sender": scope.sender_id},
            ).fetchall()
        return [_query(row) for row in rows]

    def forget_query(self, query: NamedQuery) -> None:
        """End a named query and its subscriptions."""
        with self._connections.lend() as connection:
            connection.execute("DELETE FROM event_query WHERE query_id = %s", [query.query_id])

    def subscribe(self, subscription: Subscription) -> None:
        """Keep a subscription. Raises StandingLimitError where its owner has as many as one may have."""
        with self._connections.lend() as connection, connection.transaction():
            counted = (
                "SELECT count(*) FROM event_subscription JOIN event_query USING (query_id)"
                " WHERE sender_id IS NOT DISTINCT FROM %s"
            )
            if _count(connection, counted, subscription.query.sender_id) >= SUBSCRIPTIONS_MAX:
                words, hint = (
                    f"{SUBSCRIPTIONS_MAX} subscriptions stand already",
                    "end one, or ask for more in one query",
                )
                raise StandingLimitError(words, hint=hint)
            connection.execute(
                "INSERT INTO event_subscription (subscription_id, query_id, dest, secret, schedule, is_empty_reported,"
                " initial_at, created_at, seen, next_at) VALUES (%s, %s, %s, %b, %s::jsonb, %s, %s, %s, %s, %s)",
                [
                    subscription.subscription_id, subscription.query.query_id, subscription.dest, subscription.secret,
                    None if subscription.schedule is None else msgspec.json.encode(subscription.schedule).decode(),
                    subscription.is_empty_reported, subscription.initial_at, subscription.created_at,
                    subscription.seen, subscription.next_at,
                ],
            )  # fmt: skip

    def subscriptions(
        self, query: NamedQuery, after: tuple[datetime, str] | None = None, limit: int = SUBSCRIPTIONS_MAX
    ) -> list[Subscription]:
        """The subscriptions to a query, oldest first, behind one of a moment and id."""
        behind = "" if after is None else " AND (event_subscription.created_at, subscription_id) > (%s, %s)"
        return self._subscriptions(
            f"query_id = %s{behind} ORDER BY event_subscription.created_at, subscription_id LIMIT %s",
            [query.query_id, *(after or ()), limit],
        )

    def subscription(self, query: NamedQuery, subscription_id: str) -> Subscription:
        """One subscription to a query. Raises NotFoundError."""
        wanted = [query.query_id, subscription_id.replace("\x00", "")]
        found = self._subscriptions("query_id = %s AND subscription_id = %s", wanted)
        if not found:
            raise NotFoundError(f"there is no subscription {subscription_id[:60]}")
        return found[0]

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""
        with self._connections.lend() as connection:
            connection.execute(
                "DELETE FROM event_subscription WHERE subscription_id = %s", [subscription.subscription_id]
            )

    def due(self, at: datetime, limit: int) -> list[Subscription]:
        """Subscriptions that are to be looked at now."""
        return self._subscriptions("next_at <= %s ORDER BY next_at LIMIT %s", [at, limit])

    def told(self, subscription: Subscription) -> None:
        """Keep how far a subscription has come, and when it is looked at next."""
        with self._connections.lend() as connection:
            connection.execute(
                "UPDATE event_subscription SET seen = %s, next_at = %s, failures = %s, last_failure = %s,"
                " notified_at = %s WHERE subscription_id = %s",
                [
                    subscription.seen, subscription.next_at, subscription.failures, subscription.last_failure,
                    subscription.notified_at, subscription.subscription_id,
                ],
            )  # fmt: skip

    def _subscriptions(self, condition: str, values: Sequence[Any]) -> list[Subscription]:
        with self._connections.lend() as connection:
            rows = connection.execute(
                f"SELECT subscription_id, dest, secret, schedule::text, is_empty_reported, initial_at,"
                f" event_subscription.created_at, seen, next_at, failures, last_failure, notified_at, {_QUERY}"
                f" FROM event_subscription JOIN event_query USING (query_id) WHERE {condition}".encode(),
                values,
            ).fetchall()
        return [
            Subscription(
                subscription_id=row[0], dest=row[1], secret=row[2],
                schedule=None if row[3] is None else msgspec.json.decode(row[3], type=dict[str, str]),
                is_empty_reported=row[4], initial_at=row[5], created_at=row[6], seen=row[7], next_at=row[8],
                failures=row[9], last_failure=row[10], notified_at=row[11], query=_query(row[12:]),
            )
            for row in rows
        ]  # fmt: skip

    @contextmanager
    def serving(self) -> Iterator[bool]:
        """Claim the subscriptions for this process; False when another one serves them."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT pg_try_advisory_lock(%s, 0)", [SERVING_LOCK]).fetchone()
            is_ours = bool(row and row[0])
            try:
                yield is_ours
            finally:
                if is_ours:
                    connection.execute("SELECT pg_advisory_unlock(%s, 0)", [SERVING_LOCK])


_ORDERS: Final = {"recordTime": "recorded_at", "eventTime": "event_time"}
_QUERY: Final = "query_id, name, event_query.sender_id, parameters::text, event_query.created_at"
_MOMENTS: Final = {
    ("GE", "eventTime"): "event_time >= ", ("LT", "eventTime"): "event_time < ", ("GE", "recordTime"): "recorded_at >= ",
    ("LT", "recordTime"): "recorded_at < ",
}  # fmt: skip


def _narrowed(
    conditions: Sequence[Condition], scope: Scope, wanted: Callable[[Condition], list[str] | None] = wanted_terms
) -> tuple[str, dict[str, Any]]:
    """SQL that lets through every event that meets the conditions, and not many more."""
    parts = ["true"]
    values: dict[str, Any] = {"sender": scope.sender_id}
    for number, condition in enumerate(conditions):
        column = _MOMENTS.get((condition.verb, condition.field))
        if column and len(condition.values) == 1:
            parts.append(f"{column}%(value{number})s")
            values[f"value{number}"] = condition.values[0]
        elif (terms := wanted(condition)) is not None:
            parts.append(f"terms && %(value{number})s::text[]")
            values[f"value{number}"] = [term.replace("\x00", "") for term in terms]
    return " AND ".join(parts) + (_VISIBLE if scope.sender_id is not None else ""), values


def _count(connection: psycopg.Connection, counted: str, sender_id: int | None) -> int:
    """How many of something a sender (None: officers) has; till the transaction ends nobody else counts the same one's."""
    connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", [STANDING_LOCK, sender_id or 0])
    row = connection.execute(counted.encode(), [sender_id]).fetchone()
    return int(row[0]) if row else 0


def numbers_in(event: Event) -> list[str]:
    """The numbers by which a parcel may be found in an event: URIs of things and transactions, and what stands at their end."""
    uris = {*event.things, *(each.id for each in event.biz_transactions)}
    return sorted(uris | {uri.replace("/", ":").rsplit(":", 1)[-1] for uri in uris})


def _is_listed(term: str) -> bool:
    return term.partition("=")[0] in (*_OF_EPCS, *FIELDS.values())


def _value(term: str) -> tuple[str, str]:
    field, _, value = term.partition("=")
    return field, value


def event_in(content: bytes) -> Event:
    """The event that a row's content is."""
    return _EVENT.decode(zstandard.decompress(content))


def _kept(row: tuple[Any, ...]) -> Kept:
    return Kept(row[0], event_in(row[1]))


def _capture(row: tuple[Any, ...]) -> Capture:
    return Capture(
        capture_id=row[1], captor=Captor(row[2], row[3]), is_all_or_nothing=row[4] == "rollback", received_at=row[5],
        finished_at=row[6], is_success=row[7] is not False, event_ids=tuple(row[8]), known_ids=tuple(row[9]),
        findings=_FINDINGS.decode(row[10]), is_waiting=row[11],
    )  # fmt: skip


def _query(row: tuple[Any, ...]) -> NamedQuery:
    return NamedQuery(
        query_id=row[0], name=row[1], sender_id=row[2], parameters=msgspec.json.decode(row[3]), created_at=row[4]
    )
