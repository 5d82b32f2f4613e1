"""Small messages, several at a time: kept by one statement, and their declarations written by one.

A statement costs the same trip, planning and commit whether it brings one row
or sixty, so all that is given travels as one JSON document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

import msgspec
import psycopg
import zstandard
from msgspec import Raw, Struct

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.store import chain, reading, rows
from tidewaiter.store.record import ENTRY_TEXT_COLUMNS, KEY_COLUMNS
from tidewaiter.workflow.ports import Declared, KeptMessage, Outcome, Unkept
from tidewaiter.workflow.records import Arriving

COMPRESSION_LEVEL = 3  # of messages as received: written once, kept for years


class _Message(Struct, frozen=True, kw_only=True):
    """What `keep_together` takes of a message; bytes become base64."""

    place: int
    sender_id: int
    idempotency_key: str
    digest: str
    requested_form: str
    file_name: str
    transport: str
    received_at: datetime
    legal_day: date
    is_day_given: bool
    size_bytes: int
    chunk: bytes
    key_digest: str


class _Declaration(Struct, frozen=True, kw_only=True):
    """What `append_together` takes of a declaration; bytes become base64."""

    sender_id: int
    reference: list[str]
    parcel_keys: list[int]
    message_id: int
    receipt: bytes
    findings: str
    form: str
    declarations: Raw
    goods_items: Raw
    notices: Raw
    entries: Raw
    keys: Raw
    evidence: bytes
    content_digest: bytes
    place: str
    recorded_at: datetime


def keep(connection: psycopg.Connection, arriving: Sequence[Arriving]) -> list[tuple[KeptMessage, int] | Unkept]:
    """See `workflow.ports.Store.keep_small`."""
    messages: dict[tuple[int, str], _Message] = {}
    repeated: list[int] = []  # places of those whose key stands in the list before: kept in a statement of their own
    for place, each in enumerate(arriving):
        message = _message(place, each)
        if messages.setdefault((message.sender_id, message.idempotency_key), message) is not message:
            repeated.append(place)
    found = connection.execute(
        "SELECT place, message_id, sender_name, declaration_id, is_let_in FROM keep_together(%s::json)",
        [msgspec.json.encode(list(messages.values())).decode()],
    ).fetchall()
    by_place = {message.place: message for message in messages.values()}
    kept: list[tuple[KeptMessage, int] | Unkept] = [Unkept.USED_BEFORE] * len(arriving)
    for place, message_id, sender_name, declaration_id, is_let_in in found:
        if message_id is not None:
            kept[place] = (_kept(message_id, sender_name, by_place[place]), declaration_id)
        elif not is_let_in:
            kept[place] = Unkept.NOT_LET_IN
    if repeated:
        for place, again in zip(repeated, keep(connection, [arriving[place] for place in repeated]), strict=True):
            kept[place] = again
    return kept


def append(connection: psycopg.Connection, declared: Sequence[Declared], lock: int) -> list[Outcome | None]:
    """See `workflow.ports.Writing.append_together`; `lock` is the writer's."""
    found = connection.execute(
        "SELECT outcome, notice_no FROM append_together(%s, %s::json)",
        [lock, msgspec.json.encode([_declaration(each) for each in declared]).decode()],
    ).fetchall()
    return [
        _outcome(each, notice_no) if outcome == "written" else None
        for each, (outcome, notice_no) in zip(declared, found, strict=True)
    ]


def _message(place: int, arriving: Arriving) -> _Message:
    digest = hashlib.sha256(arriving.body).hexdigest()
    return _Message(
        place=place,
        sender_id=arriving.sender_id,
        idempotency_key=arriving.idempotency_key or digest,
        digest=digest,
        requested_form=arriving.requested_form,
        file_name=arriving.file_name,
        transport=arriving.transport,
        received_at=arriving.received_at,
        legal_day=arriving.legal_day,
        is_day_given=arriving.is_day_given,
        size_bytes=len(arriving.body),
        chunk=zstandard.compress(arriving.body, COMPRESSION_LEVEL),
        key_digest=arriving.api_key_digest,
    )


def _kept(message_id: int, sender_name: str, message: _Message) -> KeptMessage:
    return KeptMessage(
        message_id=message_id,
        sender_id=message.sender_id,
        sender_name=sender_name,
        idempotency_key=message.idempotency_key,
        digest=message.digest,
        form=message.requested_form,
        file_name=message.file_name,
        transport=message.transport,
        received_at=message.received_at,
        legal_day=message.legal_day,
        is_day_given=message.is_day_given,
        size_bytes=message.size_bytes,
        is_processed=False,
        record_count=0,
        declaration_count=0,
        requested_form=message.requested_form,
    )


def _declaration(declared: Declared) -> _Declaration:
    encoded, receipt, decided = declared.encoded, declared.receipt, declared.entry.decided
    message_id = declared.message.message_id
    return _Declaration(
        sender_id=encoded.sender_id,
        reference=[wanted] if (wanted := decided.reference.replace("\x00", "")) else [],
        parcel_keys=[] if decided.parcel_key is None else [decided.parcel_key],
        message_id=message_id,
        receipt=canonical_bytes(receipt),
        findings=canonical_bytes(receipt.message_findings).decode(),
        form=receipt.form,
        declarations=_raw(rows.DECLARATION_COLUMNS, encoded.declarations),
        goods_items=_raw(rows.GOODS_ITEM_COLUMNS, encoded.goods_items),
        notices=_raw(rows.NOTICE_COLUMNS, encoded.notices),
        entries=_raw(ENTRY_TEXT_COLUMNS, encoded.entries),
        keys=_raw(KEY_COLUMNS, encoded.keys),
        evidence=encoded.evidence,
        content_digest=chain.content_digest(encoded.evidence, encoded.bodies),
        place=chain.place(message_id, encoded.first_position, encoded.last_position),
        recorded_at=encoded.recorded_at,
    )


def _raw(columns: str, content: bytes) -> Raw:
    return Raw(rows.as_json(columns, content).encode())


def _outcome(declared: Declared, notice_no: int | None) -> Outcome:
    """How a declaration stands that was written this moment: what `reading.read_outcome` would find."""
    (columns,) = rows.texts_of(rows.DECLARATION_COLUMNS, declared.encoded.declarations)
    row = reading.row_of_texts(columns, declared.message.sender_name, declared.receipt.form)
    evaluation = declared.entry.decided.evaluation
    written = None
    if notice_no is not None:
        written = reading.Written(notice_no, evaluation.decision.notices, row.version, row.decided_at)
    return Outcome(
        row=row,
        evaluation=evaluation,
        notices=tuple(written.notices(row)) if written else (),
        transitions=(reading.beginning(row, evaluation.decision, row.decided_at),),
        notes=declared.entry.decided.notes,
    )
