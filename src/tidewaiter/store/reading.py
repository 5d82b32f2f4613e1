"""Queries behind lists and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, cast

import msgspec
import psycopg
import zstandard
from msgspec import Struct
from psycopg.rows import dict_row

from tidewaiter.model.decision import Category, Decision, Evaluation, NoticeKind, State
from tidewaiter.model.errors import NotFoundError
from tidewaiter.model.finding import Finding
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money
from tidewaiter.store import rows
from tidewaiter.store.opened import OpenedBlock, OpenedBlocks
from tidewaiter.workflow.evidence import Block, Ended
from tidewaiter.workflow.ports import DeclarationRow, Filter, KeptMessage, Notice, Outcome, Transition
from tidewaiter.workflow.records import REFERENCE_LENGTH_MAX, Kept, Span

NOTICES_A_ROW = 16  # a notice's number is 16 times its row's, plus its place there
LIST_LIMIT_MAX = 1_000
BLOCKS_AT_ONCE = 16  # of evidence, read in one query
_BLOCK = "SELECT block_id, message_id, first_position, content, bodies FROM evidence_block"
_FINDINGS = msgspec.json.Decoder(tuple[Finding, ...])
_EVALUATION = msgspec.json.Decoder(Evaluation)

_MESSAGE = """
SELECT message_id, sender_id, sender.name AS sender_name, idempotency_key, encode(digest, 'hex') AS digest, form, requested_form,
       file_name, transport, received_at, legal_day, is_day_given, size_bytes, processed_at IS NOT NULL AS is_processed,
       record_count, declaration_count, findings::text AS findings
FROM message JOIN sender USING (sender_id)
"""
_DECLARATION = """
SELECT d.*, s.name AS sender_name, m.form FROM declaration d
JOIN sender s ON s.sender_id = d.sender_id JOIN message m ON m.message_id = d.message_id
"""
# All of it in one query: it is what a sender waits for after each single declaration. The evidence of the first version
# is in the block that spans its record, that of later ones in the block that their row names.
_OUTCOME = """
SELECT d.*, s.name AS sender_name, m.form, lodged.content AS lodged_evidence,
       d.position - lodged.first_position AS lodged_index, latest.content AS latest_evidence,
       coalesce((SELECT min(decided_at) FROM declaration_version v WHERE v.declaration_id = d.declaration_id),
         d.decided_at) AS began_at,
       (SELECT json_agg(json_build_array(notice_no, kinds, n.version, issued_at) ORDER BY notice_no)::text
        FROM notice n WHERE n.declaration_id = d.declaration_id) AS notices,
       (SELECT json_agg(json_build_object('from_state', from_state, 'to_state', to_state, 'trigger', trigger,
          'actor', actor, 'recorded_at', recorded_at, 'words', words) ORDER BY transition_id)::text
        FROM transition t WHERE t.declaration_id = d.declaration_id) AS transitions
FROM declaration d
JOIN sender s ON s.sender_id = d.sender_id
JOIN message m ON m.message_id = d.message_id
JOIN LATERAL (SELECT content, first_position FROM evidence_block
              WHERE message_id = d.message_id AND first_position <= d.position
              ORDER BY first_position DESC LIMIT 1) lodged ON true
LEFT JOIN evidence_block latest ON latest.block_id = d.block_id
WHERE d.declaration_id = %s
"""


def read_message(connection: psycopg.Connection, message_id: int) -> KeptMessage:
    """One message. Raises NotFoundError."""
    for message in read_messages(connection, "message_id = %s", [message_id]):
        return message
    raise NotFoundError(f"no message {message_id} is kept")


def read_messages(connection: psycopg.Connection, condition: str, parameters: Sequence[Any]) -> list[KeptMessage]:
    """Messages that meet a condition, which may end in an order and a limit."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(f"{_MESSAGE} WHERE {condition}", parameters).fetchall()
    return [KeptMessage(**{**row, "findings": _FINDINGS.decode(row["findings"])}) for row in found]


def read_declarations(connection: psycopg.Connection, wanted: Filter) -> list[DeclarationRow]:
    """Rows, newest first."""
    conditions, parameters = _conditions(wanted)
    where = " AND ".join(conditions) or "true"
    limit = max(1, min(wanted.limit, LIST_LIMIT_MAX))
    return _declaration_rows(connection, f"WHERE {where} ORDER BY d.declaration_id DESC LIMIT {limit}", parameters)


def read_same_parcel(connection: psycopg.Connection, declaration_id: int) -> list[DeclarationRow]:
    """The declaration that one waits for because both are of one parcel, and those that wait for it, oldest first."""
    one = "SELECT duplicate_of FROM declaration WHERE declaration_id = %s"
    others = "SELECT declaration_id FROM declaration WHERE duplicate_of = %s AND duplicate_of IS NOT NULL"
    tail = f"WHERE d.declaration_id IN ({one} UNION {others}) ORDER BY d.declaration_id LIMIT {LIST_LIMIT_MAX}"
    return _declaration_rows(connection, tail, [declaration_id, declaration_id])


def read_declaration(connection: psycopg.Connection, declaration_id: int) -> DeclarationRow:
    """One row. Raises NotFoundError."""
    for row in _declaration_rows(connection, "WHERE d.declaration_id = %s", [declaration_id]):
        return row
    raise _unknown(declaration_id)


def _unknown(declaration_id: int) -> NotFoundError:
    return NotFoundError(f"no declaration {declaration_id} is kept")


def find_declaration(connection: psycopg.Connection, reference: str) -> int:
    """The newest declaration with this id, registered id or sender's reference; not rejected ones come first."""
    text = _searchable(reference)
    rank = "ORDER BY (state IN ('rejected', 'awaiting_original', 'applied')), declaration_id DESC LIMIT 1"
    for column in ("registered_id", "functional_reference_id", "transport_document_id"):
        row = connection.execute(
            f"SELECT declaration_id FROM declaration WHERE {column} = %s AND {column} <> '' {rank}", [text]
        ).fetchone()
        if row:
            return int(row[0])
    if text.isascii() and text.isdigit() and len(text) < 19:
        row = connection.execute(
            "SELECT declaration_id FROM declaration WHERE declaration_id = %s", [int(text)]
        ).fetchone()
        if row:
            return int(row[0])
    raise NotFoundError(f"no declaration is known by {reference[:60]!r}", hint="give its number, MRN or reference")


def read_notices(connection: psycopg.Connection, sender_id: int | None, after: int, limit: int) -> list[Notice]:
    """Notices with a larger number than `after`, oldest first."""
    conditions = ["n.notice_no >= %s"]
    parameters: list[Any] = [max(after, 0) // NOTICES_A_ROW]
    if sender_id is not None:
        conditions.append("n.sender_id = %s")
        parameters.append(sender_id)
    limit = max(1, min(limit, LIST_LIMIT_MAX))
    # One row more than asked for: of the first all notices may have been seen before.
    found = _notices(connection, f"{' AND '.join(conditions)} ORDER BY n.notice_no LIMIT {limit + 1}", parameters)
    return [notice for notice in found if notice.notice_id > after][:limit]


def read_notices_between(
    connection: psycopg.Connection, after: int, until_row: int, jurisdiction_code: str, datasets: Sequence[str]
) -> list[Notice]:
    """Notices with a larger number than `after`, up to a row, of one jurisdiction and datasets (none named: all)."""
    found = _notices(
        connection,
        "n.notice_no BETWEEN %s AND %s AND d.jurisdiction_code = %s AND (%s OR d.dataset = ANY (%s)) ORDER BY n.notice_no",
        [max(after, 0) // NOTICES_A_ROW, until_row, jurisdiction_code, not datasets, list(datasets)],
    )
    return [notice for notice in found if notice.notice_id > after]


def read_outcome(connection: psycopg.Connection, declaration_id: int) -> tuple[Outcome, Kept]:
    """How a declaration stands and why, and the decision as evidence has it. Raises NotFoundError."""
    with connection.cursor(row_factory=dict_row) as cursor:
        columns = cursor.execute(_OUTCOME, [declaration_id]).fetchone()
    if columns is None:
        raise _unknown(declaration_id)
    began_at, written, happened = (columns.pop(name) for name in ("began_at", "notices", "transitions"))
    lodged = rows.decode_evidence(columns.pop("lodged_evidence"))[columns.pop("lodged_index")]
    latest, index = columns.pop("latest_evidence"), columns["block_index"]
    kept = lodged if latest is None else rows.decode_evidence(latest)[index]
    row = _declaration_row(columns)
    evaluation = _EVALUATION.decode(kept.evaluation)
    first = (evaluation if kept is lodged else _EVALUATION.decode(lodged.evaluation)).decision
    outcome = Outcome(
        row=row,
        evaluation=evaluation,
        notices=tuple(each for notice in _WRITTEN.decode(written) for each in notice.notices(row)) if written else (),
        transitions=(beginning(row, first, began_at), *(_HAPPENED.decode(happened) if happened else ())),
        notes=kept.notes,
    )
    return outcome, kept


def beginning(row: DeclarationRow, first: Decision, began_at: datetime) -> Transition:
    """The first change of state, which is in the evidence: that of the declaration's first version."""
    return Transition(
        from_state=None,
        to_state=first.state,
        trigger="submission",
        actor=row.sender_name,
        recorded_at=began_at,
        words=first.words,
    )


class Written(Struct, frozen=True, array_like=True):
    """A row of `notice`."""

    notice_no: int
    kinds: tuple[NoticeKind, ...]
    version: int
    issued_at: datetime

    def notices(self, row: DeclarationRow) -> Iterator[Notice]:
        """What it tells, each with the number it is known by."""
        for place, kind in enumerate(self.kinds):
            yield Notice(
                notice_id=self.notice_no * NOTICES_A_ROW + place, declaration_id=row.declaration_id,
                functional_reference_id=row.functional_reference_id, registered_id=row.registered_id, kind=kind,
                version=self.version, issued_at=self.issued_at,
            )  # fmt: skip


_WRITTEN = msgspec.json.Decoder(tuple[Written, ...])
_HAPPENED = msgspec.json.Decoder(tuple[Transition, ...])


class Evidence(Struct, frozen=True):
    """One decision as evidence has it, and the record's own bytes where they are kept beside it."""

    kept: Kept
    body: bytes | None


def opened_evidence(opened: OpenedBlocks, pointer: Pointer) -> Evidence | None:
    """The decision a pointer leads to, where its block was opened before."""
    if pointer.block_id is not None and pointer.block_index is not None:
        block = opened.get(pointer.block_id)
        return None if block is None else _in_block(block, pointer.block_index)
    for block in opened.all():
        index = block.index(pointer.message_id, pointer.position)
        if index is not None:
            return _in_block(block, index)
    return None


def _in_block(block: OpenedBlock, index: int) -> Evidence:
    return Evidence(block.kept[index], block.bodies[index] if block.bodies else None)


def read_evidence(connection: psycopg.Connection, opened: OpenedBlocks, pointer: Pointer) -> Evidence:
    """The decision a pointer leads to. Raises NotFoundError."""
    found = opened_evidence(opened, pointer)
    if found is not None:
        return found
    if pointer.block_id is not None:
        condition, parameters = "block_id = %s", [pointer.block_id]
    else:
        condition = "message_id = %s AND first_position <= %s ORDER BY first_position DESC LIMIT 1"
        parameters = [pointer.message_id, pointer.position]
    row = connection.execute(f"{_BLOCK} WHERE {condition}", parameters).fetchone()
    if row is None:
        raise NotFoundError(f"no evidence is kept of record {pointer.position} of message {pointer.message_id}")
    block = _opened(opened, row)
    first_position = row[2]
    index = pointer.position - first_position if pointer.block_index is None else pointer.block_index
    return _in_block(block, index)


def read_decided(
    connection: psycopg.Connection, opened: OpenedBlocks, places: Sequence[tuple[int, int]]
) -> Iterator[Kept]:
    """The decisions at these places (block of evidence, place in it), block after block, each block opened once."""
    by_block: dict[int, list[int]] = {}
    for block_id, index in places:
        by_block.setdefault(block_id, []).append(index)
    held = {number: block for number in by_block if (block := opened.get(number)) is not None}
    wanted = sorted(by_block.keys() - held.keys())
    for number, block in held.items():
        yield from (block.kept[index] for index in by_block[number])
    for start in range(0, len(wanted), BLOCKS_AT_ONCE):
        part = wanted[start : start + BLOCKS_AT_ONCE]
        for row in connection.execute(f"{_BLOCK} WHERE block_id = ANY(%s)", [part]).fetchall():
            block = _opened(opened, row)
            yield from (block.kept[index] for index in by_block[row[0]])


def _opened(opened: OpenedBlocks, row: Sequence[Any]) -> OpenedBlock:
    block_id, message_id, first_position, content, bodies = row
    plain, plain_bodies = rows.decompress(content), rows.decompress(bodies) if bodies else b""
    block = OpenedBlock(
        block_id, message_id, first_position, rows.kept_of(plain), rows.bodies_of(plain_bodies) if bodies else None
    )
    opened.put(block_id, block, len(plain) + len(plain_bodies))
    return block


def read_blocks(connection: psycopg.Connection, after: int, limit: int) -> list[Block]:
    """Blocks of evidence with a larger number, in order, with the records' own bytes where they are kept."""
    found = connection.execute(
        "SELECT block_id, content, bodies FROM evidence_block WHERE block_id > %s ORDER BY block_id LIMIT %s",
        [after, limit],
    ).fetchall()
    return [_block(*row) for row in found]


def _block(block_id: int, content: bytes, bodies: bytes | None) -> Block:
    try:
        return Block(block_id, rows.decode_evidence(content), rows.decode_bodies(bodies) if bodies else None)
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError) as error:
        return Block(block_id, (), None, str(error))


def read_ended(connection: psycopg.Connection, after: int, limit: int) -> tuple[int, list[Ended]]:
    """Of the next changes of state in the order of commit, those by which a declaration came to nothing; and the last."""
    found = connection.execute(
        "SELECT transition_id, declaration_id, from_state, to_state, recorded_at FROM transition WHERE transition_id > %s"
        " ORDER BY transition_id LIMIT %s",
        [after, limit],
    ).fetchall()
    ended = [
        Ended(declaration_id, State(to_state), recorded_at.astimezone(UTC).date(), number)
        for number, declaration_id, from_state, to_state, recorded_at in found
        if to_state in ("refused", "invalidated", "rejected") and from_state != to_state
    ]
    return (found[-1][0] if found else after), ended


class Pointer(Struct, frozen=True):
    """Where the evidence of one version is: in a block, or in the block that spans the record."""

    message_id: int
    position: int
    block_id: int | None = None
    block_index: int | None = None


def read_pointers(connection: psycopg.Connection, row: DeclarationRow) -> dict[int, Pointer]:
    """Where the evidence of each version is: version → pointer, oldest first."""
    if row.version == 1:
        return {1: Pointer(row.message_id, row.position)}
    found = connection.execute(
        "SELECT version, block_id, block_index FROM declaration_version WHERE declaration_id = %(id)s"
        " UNION ALL SELECT version, block_id, block_index FROM declaration WHERE declaration_id = %(id)s ORDER BY 1",
        {"id": row.declaration_id},
    )
    return {version: Pointer(row.message_id, row.position, *block) for version, *block in found}


def _conditions(wanted: Filter) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    parameters: list[Any] = []
    plain: dict[str, Any] = {
        "d.state": wanted.state, "d.lane": wanted.lane, "d.category": wanted.category,
        "d.message_id": wanted.message_id, "d.sender_id": wanted.sender_id,
        "d.jurisdiction_code": wanted.jurisdiction_code or None, "d.dataset": wanted.dataset or None,
    }  # fmt: skip
    for column, value in plain.items():
        if value is not None:
            conditions.append(f"{column} = %s")
            parameters.append(value)
    bounds: tuple[tuple[str, Any], ...] = (
        ("d.received_at >= %s", wanted.received_from and datetime.combine(wanted.received_from, time(), UTC)),
        ("d.received_at < %s", wanted.received_to and datetime.combine(wanted.received_to, time(), UTC) + timedelta(1)),
        ("d.declaration_id < %s", wanted.before_id),
    )
    for condition, value in bounds:
        if value is not None:
            conditions.append(condition)
            parameters.append(value)
    if wanted.commodity_prefix:
        conditions.append("d.declaration_id IN (SELECT declaration_id FROM goods_item WHERE commodity_code LIKE %s)")
        parameters.append(_prefix(wanted.commodity_prefix))
    if wanted.references:
        conditions.append("d.functional_reference_id = ANY(%s) AND d.functional_reference_id <> ''")
        parameters.append([_searchable(reference) for reference in wanted.references])
    if wanted.text:
        columns = ("functional_reference_id", "registered_id", "transport_document_id")
        ways = [f"(d.{column} LIKE %s AND d.{column} <> '')" for column in columns]
        parameters += [_prefix(wanted.text)] * len(columns)
        if wanted.text.isascii() and wanted.text.isdigit() and len(wanted.text) < 19:
            ways.append("d.declaration_id = %s")
            parameters.append(int(wanted.text))
        conditions.append(f"({' OR '.join(ways)})")
    return conditions, parameters


def _prefix(text: str) -> str:
    text = _searchable(text)
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return text + "%"


def _searchable(text: str) -> str:
    return text.strip().replace("\x00", "")[:REFERENCE_LENGTH_MAX]


def _declaration_rows(connection: psycopg.Connection, tail: str, parameters: Sequence[Any]) -> list[DeclarationRow]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(f"{_DECLARATION} {tail}", parameters).fetchall()
    return [_declaration_row(row) for row in found]


def _declaration_row(columns: dict[str, Any]) -> DeclarationRow:
    currency, value, due = columns.pop("currency"), columns.pop("intrinsic_value"), columns.pop("due")
    for name in ("block_id", "block_index", "is_assessed", "standing", "order_id", "parcel_key"):
        del columns[name]
    lane, category = columns.pop("lane"), columns.pop("category")
    return DeclarationRow(
        state=State(columns.pop("state")),
        lane=Lane(lane) if lane else None,
        category=Category(category) if category else None,
        intrinsic_value=Money(value, currency) if value is not None and currency else None,
        due=Money(due, currency) if due is not None and currency else None,
        **columns,
    )


_OF_TEXT: Final[dict[str, Callable[[str], Any]]] = {
    **dict.fromkeys(
        ("declaration_id", "message_id", "position", "sender_id", "goods_item_count", "version", "error_count",
         "warning_count"), int),
    **dict.fromkeys(("decided_at", "received_at"), datetime.fromisoformat),
    **dict.fromkeys(("intrinsic_value", "due"), Decimal),
    "legal_day": date.fromisoformat,
    "is_arrived": "t".__eq__,
    "duplicate_of": int,
}  # fmt: skip


def row_of_texts(texts: dict[str, str | None], sender_name: str, form: str) -> DeclarationRow:
    """The row whose columns were written as these texts."""
    columns: dict[str, Any] = {**texts, "sender_name": sender_name, "form": form}
    for name, read in _OF_TEXT.items():
        text = texts[name]
        columns[name] = None if text is None else read(text)
    return _declaration_row(columns)


def _notices(connection: psycopg.Connection, tail: str, parameters: Sequence[Any]) -> list[Notice]:
    found = connection.execute(
        "SELECT n.notice_no, n.declaration_id, d.functional_reference_id, d.registered_id, n.kinds::text[], n.version,"
        f" n.issued_at FROM notice n JOIN declaration d USING (declaration_id) WHERE {tail}",
        parameters,
    ).fetchall()
    return [
        Notice(
            notice_id=notice_no * NOTICES_A_ROW + place, declaration_id=declaration_id,
            functional_reference_id=reference, registered_id=registered_id, kind=NoticeKind(kind), version=version,
            issued_at=issued_at,
        )
        for notice_no, declaration_id, reference, registered_id, kinds, version, issued_at in found
        for place, kind in enumerate(cast("list[str]", kinds))
    ]  # fmt: skip


def read_versions(connection: psycopg.Connection, declaration_ids: Sequence[int], until: int | None) -> dict[int, int]:
    """The present version of each declaration that stands; with `until`, of those decided up to that block."""
    found = connection.execute(
        "SELECT declaration_id, version FROM declaration WHERE declaration_id = ANY (%s)"
        " AND state NOT IN ('rejected', 'refused', 'invalidated')"
        " AND (%s::bigint IS NULL OR version = 1 OR block_id <= %s)",
        [list(declaration_ids), until, until],
    ).fetchall()
    return dict(found)


def read_spans(connection: psycopg.Connection, message_id: int | None) -> list[Span]:
    """The blocks of evidence of one message, or of what was decided at desks, in order."""
    found = connection.execute(
        "SELECT block_id, first_position, last_position FROM evidence_block"
        f" WHERE message_id {'IS NULL' if message_id is None else '= %s'} ORDER BY first_position, block_id".encode(),
        [] if message_id is None else [message_id],
    ).fetchall()
    return [Span(*row) for row in found]
