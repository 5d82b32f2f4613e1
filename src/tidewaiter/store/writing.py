"""The one writer's transaction: batches of decided records, changes of state, small messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any

import psycopg
from msgspec import Struct, to_builtins
from msgspec.structs import replace
from psycopg.rows import dict_row

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import MessageFunction
from tidewaiter.model.errors import NotFoundError, TransitionError
from tidewaiter.model.parcel import DeclaredBefore
from tidewaiter.store import chain, rows, together
from tidewaiter.store.events import PostgresEvents
from tidewaiter.store.following import PostgresFollowing
from tidewaiter.store.history import PostgresHistory
from tidewaiter.store.movements import PostgresEventBook
from tidewaiter.store.outcomes import PostgresOutcomes
from tidewaiter.store.persons import PostgresPersons
from tidewaiter.store.record import ENTRY_TEXT_COLUMNS, KEY_COLUMNS, RecordKeeper
from tidewaiter.store.stock import PostgresStock
from tidewaiter.store.workload import count_work
from tidewaiter.workflow.claims import TOLD_MAX, Told
from tidewaiter.workflow.parcels import FOUND_MAX, MONTHS, Declaring
from tidewaiter.workflow.ports import Declared, Outcome
from tidewaiter.workflow.recording import change_recording
from tidewaiter.workflow.records import (
    Awaited,
    ChangeOfState,
    EncodedBatch,
    Place,
    Prior,
    Receipt,
    ReplacedVersion,
    Sought,
    Wanted,
)

SMALL_ROWS = 12  # up to here all goes in one statement, beyond by COPY
WRITER_LOCK = 0x7469_6465_0002  # any number nobody else uses; held by whoever writes, until commit

_AWAITED = "declaration_id, sender_id, reference, function, stated_at, waits_until"
NO_DECLARATION = "ARRAY['rejected', 'awaiting_original', 'applied']::state[]"
_PRIOR = (
    "declaration_id, version, state, is_arrived, is_assessed, legal_day, functional_reference_id AS reference,"
    " registered_id, message_id, position, received_at, standing"
)


class PostgresWriting:
    """See `workflow.ports.Writing`. Made by `PostgresStore.writing`, which begins and commits."""

    def __init__(self, connection: psycopg.Connection, keeper: RecordKeeper) -> None:
        self._lent = connection
        self._has_begun = False
        self._transition_id = 0  # of the last that was written
        self.record = keeper.within(lambda: self._connection)

    @property
    def _connection(self) -> psycopg.Connection:
        """The connection, in a transaction that holds the writer's lock from the first time it is asked for."""
        if not self._has_begun:
            self.begin()
        return self._lent

    @property
    def persons(self) -> PostgresPersons:
        """What is kept of persons: counters they drew on, alternatives they elected."""
        return PostgresPersons(lambda: self._connection)

    elections = persons

    @property
    def history(self) -> PostgresHistory:
        """What happened before, by the people behind it."""
        return PostgresHistory(lambda: nullcontext(self._connection))

    @property
    def outcomes(self) -> PostgresOutcomes:
        """What examinations found."""
        return PostgresOutcomes(lambda: nullcontext(self._connection))

    @property
    def stock(self) -> PostgresStock:
        """What is kept of goods in free zones and warehouses."""
        return PostgresStock(lambda: nullcontext(self._connection))

    @property
    def following(self) -> PostgresFollowing:
        """What events told of declarations, and what followed."""
        return PostgresFollowing(lambda: nullcontext(self._connection), self)

    @property
    def movements(self) -> PostgresEventBook:
        """The events of movement that are kept."""
        return PostgresEventBook(lambda: self._connection)

    @property
    def events(self) -> PostgresEvents:
        """What connectors told and was carried out."""
        return PostgresEvents(self._connection)

    def begin(self) -> None:
        """Begin, and wait until nobody else writes: commits then come in the order of the numbers they take."""
        self._has_begun = True
        # Whoever writes looks up a few rows by index. A plan made while a table was small would read all of it for ever.
        self._lent.execute(
            f"BEGIN; SET LOCAL enable_seqscan = off; SELECT pg_advisory_xact_lock({WRITER_LOCK})".encode()  # one trip
        )

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """While in the `with`: what is raised undoes what was written in it, and nothing else of the transaction."""
        mark, transition_id = self.record.mark(), self._transition_id
        try:
            with self._connection.transaction():  # a savepoint, for a transaction is under way
                yield
        except BaseException:
            self.record.go_back(mark)
            self._transition_id = transition_id
            raise

    def commit(self) -> None:
        """Make what was written durable."""
        self.record.flush()
        if self._has_begun:
            self._lent.commit()
            self.record.committed()

    def roll_back(self) -> None:
        """Forget what was written."""
        if self._has_begun and not self._lent.closed:
            self._lent.rollback()

    def priors(self, sender_id: int, references: Sequence[str], registered_ids: Sequence[str]) -> list[Prior]:
        """Declarations not rejected that this sender lodged under one of these references or numbers."""
        found: list[Prior] = []
        for column, values in (("functional_reference_id", references), ("registered_id", registered_ids)):
            wanted = _wanted(values)
            if wanted:
                condition = (
                    f"{column} = ANY(%s) AND {column} <> '' AND sender_id = %s AND state <> ALL({NO_DECLARATION})"
                )
                found += self._priors(condition, [wanted, sender_id])
        return list({prior.declaration_id: prior for prior in found}.values())

    def keep_awaited(self, awaited: Awaited) -> None:
        """Keep that a change waits for its declaration."""
        self._connection.execute(
            f"INSERT INTO awaited ({_AWAITED}) VALUES (%(declaration_id)s, %(sender_id)s, %(reference)s, %(function)s,"
            " %(stated_at)s, %(waits_until)s)",
            _columns(replace(awaited, reference=awaited.reference.replace("\x00", ""))),
        )

    def take_awaited(self, sender_id: int, references: Sequence[str]) -> list[Awaited]:
        """The changes that wait for declarations of these references; see `workflow.ports.Writing`."""
        condition = "reference = ANY(%s) AND sender_id = %s ORDER BY stated_at, declaration_id"
        return self._taken(condition, [_wanted(references), sender_id])

    def take_expired(self, at: datetime, limit: int) -> list[Awaited]:
        """The first changes that waited until before this moment; see `workflow.ports.Writing`."""
        return self._taken("waits_until < %s ORDER BY waits_until LIMIT %s", [at, limit])

    def _taken(self, condition: str, parameters: list[Any]) -> list[Awaited]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(f"SELECT {_AWAITED} FROM awaited WHERE {condition}", parameters).fetchall()
        taken = [Awaited(**{**columns, "function": MessageFunction(columns["function"])}) for columns in found]
        if taken:
            ids = [each.declaration_id for each in taken]
            self._connection.execute("DELETE FROM awaited WHERE declaration_id = ANY(%s)", [ids])
        return taken

    def told(self, wanted: Wanted) -> list[Told]:
        """Claims or declarations that stand, by order or transport document; see `workflow.ports.Writing`."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(
                f"SELECT {_PRIOR}, dataset, sender.name AS source, order_id, transport_document_id"
                " FROM declaration".encode()
                + b" JOIN sender USING (sender_id) WHERE jurisdiction_code = %(jurisdiction_code)s"
                b" AND dataset = ANY(%(datasets)s) AND state NOT IN ('rejected', 'refused', 'invalidated')"
                b" AND ((order_id = ANY(%(order_ids)s) AND order_id <> '')"
                b" OR (transport_document_id = ANY(%(documents)s) AND transport_document_id <> ''))"
                + f" ORDER BY declaration_id LIMIT {TOLD_MAX}".encode(),
                {
                    "jurisdiction_code": wanted.jurisdiction_code, "datasets": list(wanted.datasets),
                    "order_ids": list(wanted.order_ids), "documents": list(wanted.transport_document_ids),
                },
            ).fetchall()  # fmt: skip
        names = ("dataset", "source", "order_id", "transport_document_id")
        return [Told(**{name: columns.pop(name) for name in names}, prior=_prior(**columns)) for columns in found]

    def declared_before(self, declaring: Declaring) -> list[DeclaredBefore]:
        """The other declarations of a parcel that stand; see `workflow.ports.Writing`."""
        found = self._connection.execute(
            "SELECT declaration_id, (received_at AT TIME ZONE 'UTC')::date, sender_id = %(sender_id)s,"
            " functional_reference_id, registered_id FROM declaration"
            " WHERE parcel_key = %(parcel_key)s AND parcel_key IS NOT NULL"
            " AND state NOT IN ('rejected', 'refused', 'invalidated')"
            f" AND received_at > %(received_at)s - interval '{MONTHS} months'"
            # What is held because of this one does not hold it in turn.
            " AND (%(declaration_id)s::bigint IS NULL"
            "   OR (declaration_id <> %(declaration_id)s AND duplicate_of IS DISTINCT FROM %(declaration_id)s))"
            f" ORDER BY declaration_id LIMIT {FOUND_MAX}",
            _columns(declaring),
        ).fetchall()
        return [
            DeclaredBefore(
                declaration_id=declaration_id,
                declared_on=declared_on,
                is_of_same_sender=is_own,
                reference=reference if is_own else "",
                registered_id=registered_id if is_own else "",
            )
            for declaration_id, declared_on, is_own, reference, registered_id in found
        ]

    def held_for(self, declaration_ids: Sequence[int]) -> list[Prior]:
        """Those held because of declarations that stand in their way no more; see `workflow.ports.Writing`."""
        condition = (
            "declaration_id IN (SELECT held.declaration_id FROM declaration held"
            " JOIN declaration first ON first.declaration_id = held.duplicate_of"
            " WHERE held.duplicate_of = ANY(%s) AND held.duplicate_of IS NOT NULL"
            " AND (first.state IN ('rejected', 'refused', 'invalidated')"
            " OR first.parcel_key IS DISTINCT FROM held.parcel_key))"
        )
        return self._priors(condition, [list(declaration_ids)])

    def prior(self, declaration_id: int) -> Prior:
        """One declaration as it stands. Raises NotFoundError."""
        for prior in self._priors("declaration_id = %s", [declaration_id]):
            return prior
        raise NotFoundError(f"no declaration {declaration_id} is kept")

    def priors_of(self, declaration_ids: Sequence[int]) -> list[Prior]:
        """Declarations as they stand, by their ids."""
        return self._priors("declaration_id = ANY(%s)", [list(declaration_ids)])

    def sender_of(self, declaration_id: int) -> int:
        """Who lodged a declaration. Raises NotFoundError."""
        row = self._connection.execute(
            "SELECT sender_id FROM declaration WHERE declaration_id = %s", [declaration_id]
        ).fetchone()
        if row is None:
            raise NotFoundError(f"no declaration {declaration_id} is kept")
        return int(row[0])

    def declaration_ids(self, count: int) -> Sequence[int]:
        """That many new ids, rising."""
        return take_declaration_ids(self._connection, count)

    def append_new(self, batch: EncodedBatch, sought: Sought, expected: int, receipt: Receipt) -> bool:
        """Write a batch of new declarations and carry its message on; see `workflow.ports.Writing`."""
        if any(self.told(wanted) for wanted in sought.claimed):
            return False
        if not sought.claimed and not batch.worked and _row_count(batch) <= SMALL_ROWS:
            return self._append_small(batch, sought, expected, receipt)
        references, keys = _sought(sought)
        if (references or keys) and self._fetch(
            "SELECT are_known(%s, %s, %s::bigint[])", [batch.sender_id, references, keys]
        ):
            return False
        self.advance(receipt.message_id, expected, receipt)
        self.append(batch)
        return True

    def append_together(self, declared: Sequence[Declared]) -> list[Outcome | None]:
        """All in one statement, whatever their number; see `workflow.ports.Writing`."""
        for each in declared[-1:]:
            self.record.open_year(each.encoded.recorded_at)
        return together.append(self._lent, declared, WRITER_LOCK)

    def append(self, batch: EncodedBatch) -> None:
        """Write the rows and notices of one batch, and its evidence unless it is empty."""
        with self._connection.cursor() as cursor:
            for table, columns, content in (
                ("declaration", rows.DECLARATION_COLUMNS, batch.declarations),
                ("goods_item", rows.GOODS_ITEM_COLUMNS, batch.goods_items),
                ("notice", rows.NOTICE_COLUMNS, batch.notices),
            ):
                if content:
                    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                        copy.write(content)
            count_work(self._connection, batch.worked)
            if batch.evidence:
                cursor.execute(
                    "SELECT append_evidence(%s, %s, %s, %b, %b, %b, %s, %s)",
                    [batch.message_id, *_evidence(batch)],
                )
        self.record.append_made(batch.entries, batch.keys, batch.recorded_at)
        self.record.append_kept(batch.recordings)

    def _append_small(self, batch: EncodedBatch, sought: Sought, expected: int, receipt: Receipt) -> bool:
        """All in one statement, which is a transaction by itself unless one was begun."""
        self.record.open_year(batch.recorded_at)
        outcome = self._lent.execute(
            "SELECT append_new(%s, %s, %s, %s::bigint[], %s, %s, %s, %s, %b, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %b, %b, %b, %s, %s)",
            [
                WRITER_LOCK, batch.sender_id, *_sought(sought), receipt.message_id, expected, *_progress(receipt),
                rows.as_json(rows.DECLARATION_COLUMNS, batch.declarations),
                rows.as_json(rows.GOODS_ITEM_COLUMNS, batch.goods_items),
                rows.as_json(rows.NOTICE_COLUMNS, batch.notices),
                rows.as_json(ENTRY_TEXT_COLUMNS, batch.entries),
                rows.as_json(KEY_COLUMNS, batch.keys),
                *_evidence(batch),
            ],
        ).fetchone()  # fmt: skip
        assert outcome is not None
        if outcome[0] == "overtaken":
            raise _overtaken(receipt.message_id, expected)
        return bool(outcome[0] == "written")

    def next_block_id(self) -> int:
        """The number that the next block of evidence gets."""
        row = self._connection.execute("SELECT coalesce(max(block_id), 0) + 1 FROM evidence_block").fetchone()
        assert row is not None
        return int(row[0])

    def replace_version(self, replaced: ReplacedVersion) -> None:
        """Move the rows of the present version of a declaration aside; the next `append` brings the new ones."""
        moved = self._connection.execute(
            "WITH old AS (DELETE FROM declaration WHERE declaration_id = %(id)s AND version = %(version)s"
            " RETURNING declaration_id, version, block_id, block_index, state, legal_day, decided_at)"
            " INSERT INTO declaration_version SELECT old.*, %(at)s FROM old",
            {"id": replaced.declaration_id, "version": replaced.version, "at": replaced.replaced_at},
        )
        if moved.rowcount != 1:
            raise TransitionError(f"declaration {replaced.declaration_id} has no version {replaced.version} any more")
        self._connection.execute("DELETE FROM goods_item WHERE declaration_id = %s", [replaced.declaration_id])

    def change_state(self, change: ChangeOfState) -> None:
        """Write a change of state with its transitions and notices."""
        row = self._connection.execute(
            "UPDATE declaration SET state = %s, standing = CASE WHEN %s THEN %s ELSE standing END"
            " WHERE declaration_id = %s AND state = %s RETURNING sender_id, version, due, is_assessed, standing",
            [
                change.passed[-1][1], change.standing is not None,
                rows.written_standing(change.standing) if change.standing else None,
                change.declaration_id, change.from_state,
            ],
        ).fetchone()  # fmt: skip
        if row is None:
            raise TransitionError(
                f"declaration {change.declaration_id} is no longer {change.from_state}", hint="look at it again"
            )
        sender_id, version, due, is_assessed, standing = row
        self.add_transitions(change)
        standing = change.standing or rows.read_standing(standing, change.passed[-1][1], is_assessed=is_assessed)
        self.record.append([change_recording(change, self._transition_id, version, due, standing)])
        if change.notices:
            kinds = [kind.value for kind in change.notices]
            self._connection.execute(
                f"INSERT INTO notice ({rows.NOTICE_COLUMNS}) VALUES (%s, %s, %s, %s, %s::notice_kind[])",
                [change.declaration_id, change.recorded_at, sender_id, version, kinds],
            )

    def add_transitions(self, change: ChangeOfState) -> None:
        """Record the changes of state alone: of a declaration whose rows come by `append`."""
        state = change.from_state
        for trigger, to_state in change.passed:
            self._transition_id = self._fetch(
                "INSERT INTO transition (declaration_id, from_state, to_state, trigger, actor, recorded_at, words,"
                " message_id, position) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING transition_id",
                [
                    change.declaration_id, state, to_state, trigger, change.actor, change.recorded_at,
                    change.words, change.message_id, change.position,
                ],
            )  # fmt: skip
            state = to_state

    def open_amendment(self, declaration_id: int) -> Place | None:
        """The record of the last amendment that waits for an officer's answer."""
        row = self._connection.execute(
            "SELECT message_id, position, trigger FROM transition WHERE declaration_id = %s AND trigger IN"
            " ('amended', 'amendment_granted', 'request_refused') ORDER BY transition_id DESC LIMIT 1",
            [declaration_id],
        ).fetchone()
        return Place(row[0], row[1]) if row and row[2] == "amended" and row[0] is not None else None

    def record_count(self, message_id: int) -> int:
        """How many records of a message are written."""
        row = self._connection.execute(
            "SELECT record_count FROM message WHERE message_id = %s", [message_id]
        ).fetchone()
        return int(row[0]) if row else 0

    def advance(self, message_id: int, expected: int, receipt: Receipt) -> None:
        """Record how far a message is written. Raises TransitionError unless it stood at `expected` records."""
        arguments = [message_id, expected, *_progress(receipt)]
        if not self._fetch("SELECT advance_message(%s, %s, %s, %s, %b, %s, %s, %s)", arguments):
            raise _overtaken(message_id, expected)

    def _fetch(self, query: str, parameters: Sequence[Any]) -> Any:
        row = self._connection.execute(query.encode(), parameters).fetchone()
        assert row is not None
        return row[0]

    def _priors(self, condition: str, parameters: list[Any]) -> list[Prior]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(
                f"SELECT {_PRIOR} FROM declaration WHERE {condition} ORDER BY declaration_id", parameters
            ).fetchall()
        return [_prior(**columns) for columns in found]


def _row_count(batch: EncodedBatch) -> int:
    return batch.declarations.count(b"\n") + batch.goods_items.count(b"\n") + batch.notices.count(b"\n")


def _wanted(references: Sequence[str]) -> list[str]:
    """References as they are kept: what PostgreSQL cannot hold is left out."""
    return [reference.replace("\x00", "") for reference in references if reference]


def _columns(record: Struct) -> Any:
    return to_builtins(record, builtin_types=[datetime])


def _sought(sought: Sought) -> tuple[list[str], list[int]]:
    return _wanted(sought.references), list(sought.parcel_keys)


def _progress(receipt: Receipt) -> list[Any]:
    """What `advance_message` takes of a receipt."""
    return [
        receipt.record_count,
        sum(receipt.counts.values()),
        canonical_bytes(receipt),
        canonical_bytes(receipt.message_findings).decode(),
        receipt.form,
        receipt.is_complete,
    ]


def _evidence(batch: EncodedBatch) -> list[Any]:
    """What `append_evidence` takes of a batch beside the message."""
    return [
        batch.first_position,
        batch.last_position,
        batch.evidence,
        batch.bodies,
        chain.content_digest(batch.evidence, batch.bodies),
        chain.place(batch.message_id, batch.first_position, batch.last_position),
        batch.recorded_at,
    ]


def _overtaken(message_id: int, expected: int) -> TransitionError:
    return TransitionError(f"message {message_id} no longer stands at record {expected}")


def take_declaration_ids(connection: psycopg.Connection, count: int) -> Sequence[int]:
    """That many new ids, rising."""
    taken = connection.execute("SELECT nextval('declaration_number') FROM generate_series(1, %s)", [count])
    return sorted(row[0] for row in taken)


def _prior(**columns: Any) -> Prior:
    state, is_assessed = State(columns.pop("state")), columns.pop("is_assessed")
    standing = rows.read_standing(columns.pop("standing"), state, is_assessed=is_assessed)
    place = Place(columns.pop("message_id"), columns.pop("position"))
    return Prior(state=state, place=place, standing=standing, **columns)
