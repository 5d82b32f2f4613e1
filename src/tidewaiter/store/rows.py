"""Decided records as rows: COPY text for the narrow tables, compressed blocks for the evidence.

Runs in worker processes, so it opens nothing and knows no connection.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec
import zstandard

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money
from tidewaiter.release import Standing
from tidewaiter.store.record import NOBODY, made_under_new_key
from tidewaiter.workflow.budgets import Worked, summed
from tidewaiter.workflow.recording import (
    DECIDED,
    DecisionTold,
    Recording,
    debt_of,
    decision_facts,
    decision_fields,
    decision_label,
    subject_of,
)
from tidewaiter.workflow.records import (
    REFERENCE_LENGTH_MAX,
    Batch,
    Decided,
    Effect,
    EncodedBatch,
    Entry,
    Kept,
)

DECLARATION_COLUMNS = (
    "declaration_id, message_id, decided_at, received_at, block_id,"
    " block_index, position, sender_id, legal_day, goods_item_count, state,"
    " lane, category, version, error_count, warning_count, is_arrived, is_assessed, functional_reference_id,"
    " registered_id, transport_document_id, commodity_code, jurisdiction_code, dataset, description,"
    " intrinsic_value, due, currency, standing, order_id, parcel_key, duplicate_of"
)
GOODS_ITEM_COLUMNS = (
    "declaration_id, line_no, commodity_code, origin_country_code, net_mass_kg, invoice_price, invoice_currency,"
    " description"
)
NOTICE_COLUMNS = "declaration_id, issued_at, sender_id, version, kinds"

NOT_ARRIVED = (State.RECEIVED, State.AWAITING_ORIGINAL)
DESCRIPTION_LENGTH_MAX = 80
CODE_LENGTH_MAX = 40
COMPRESSION_LEVEL = 1  # blocks are written far more often than read; level 3 saves 8 % of the space for twice the time
BLOCK_BYTES_MAX = 4 * 1024**3
_NULL = "\\N"
_INT4_MAX = 2**31 - 1
_INT2_MAX = 2**15 - 1

# What COPY text would take for a separator or an escape; NUL, which PostgreSQL cannot hold, is left out.
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": None})
_UNESCAPED = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}
_ESCAPED = re.compile(r"\\[\\tnr]")
_KEPT_ENCODER = msgspec.msgpack.Encoder(decimal_format="string")
_KEPT_DECODER = msgspec.msgpack.Decoder(tuple[Kept, ...])
_BODIES_DECODER = msgspec.msgpack.Decoder(tuple[bytes, ...])


def encode(batch: Batch, entries: Iterable[Entry], actor: str = NOBODY) -> EncodedBatch:
    """The entries as COPY text and compressed evidence; goes through them once and holds none.

    `actor` is the number of the key that answers for what the record is told of them.
    """
    common = _Common(
        batch.incoming.message_id,
        batch.incoming.sender_id,
        batch.decided_at.isoformat(),
        batch.incoming.received_at.isoformat(),
    )
    declarations: list[str] = []
    goods_items: list[str] = []
    notices: list[str] = []
    kept: list[Kept] = []
    bodies: list[bytes] = []
    worked: list[Worked] = []
    told: list[tuple[str, str]] = []
    recordings: list[Recording] = []
    for entry in entries:
        if entry.has_rows:
            _add_rows(entry, common, (declarations, goods_items, notices))
            worked += [entry.decided.worked] if entry.decided.worked is not None else []
        if entry.has_evidence:
            kept.append(_kept(entry, batch))
            if entry.has_rows and entry.version == 1:  # written at once: nobody knows of it, so it has no key yet
                told.append(made_under_new_key(_recording(entry, batch), actor))
            else:
                recordings.append(_recording(entry, batch))
            if batch.are_bodies_kept:
                bodies.append(entry.decided.body)
    return EncodedBatch(
        message_id=batch.incoming.message_id,
        sender_id=batch.incoming.sender_id,
        first_position=kept[0].position if kept else 0,
        last_position=kept[-1].position if kept else 0,
        declarations=_bytes(declarations),
        goods_items=_bytes(goods_items),
        notices=_bytes(notices),
        evidence=_compress(kept) if kept else b"",
        bodies=_compress(bodies) if bodies else None,
        recorded_at=batch.decided_at,
        worked=summed(worked),
        entries="".join([line for line, _ in told]).encode(),
        keys="".join([key for _, key in told]).encode(),
        recordings=tuple(recordings),
    )


def as_json(columns: str, content: bytes) -> str:
    """Rows of COPY text as a JSON list of objects: what a single statement takes in."""
    return msgspec.json.encode(texts_of(columns, content)).decode()


def texts_of(columns: str, content: bytes) -> list[dict[str, str | None]]:
    """Rows of COPY text taken apart: column → text, None for NULL."""
    names = columns.split(", ")
    lines = content.decode().split("\n")[:-1]
    return [dict(zip(names, map(_field, line.split("\t")), strict=True)) for line in lines]


def _field(field: str) -> str | None:
    if "\\" not in field:
        return field
    return None if field == "\\N" else _ESCAPED.sub(lambda found: _UNESCAPED[found[0]], field)


def decode_evidence(content: bytes) -> tuple[Kept, ...]:
    """The decisions of one block of evidence."""
    return kept_of(decompress(content))


def kept_of(plain: bytes) -> tuple[Kept, ...]:
    """The decisions of one block of evidence that was decompressed."""
    return _KEPT_DECODER.decode(plain)


def decode_bodies(content: bytes) -> tuple[bytes, ...]:
    """The records' bytes kept beside one block of evidence."""
    return bodies_of(decompress(content))


def bodies_of(plain: bytes) -> tuple[bytes, ...]:
    """The records' bytes of one block of evidence that were decompressed."""
    return _BODIES_DECODER.decode(plain)


def decompress(content: bytes) -> bytes:
    """One zstd frame that we wrote, opened."""
    return zstandard.ZstdDecompressor().decompress(content, max_output_size=BLOCK_BYTES_MAX)


def _compress(record: object) -> bytes:
    return zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(_KEPT_ENCODER.encode(record))


class _Common(NamedTuple):
    """What all rows of a batch share, written once."""

    message_id: int | None
    sender_id: int
    decided_at: str
    received_at: str


def _add_rows(entry: Entry, common: _Common, tables: tuple[list[str], list[str], list[str]]) -> None:
    declarations, goods_items, notices = tables
    declarations.append(_declaration_row(entry, common))
    decided, declaration_id = entry.decided, entry.declaration_id
    if decided.declaration is not None:
        for item in decided.declaration.goods_items:
            goods_items.append(_goods_item_row(declaration_id, item))
    kinds = decided.evaluation.decision.notices
    if kinds and entry.is_told:
        notices.append(
            f"{declaration_id}\t{common.decided_at}\t{common.sender_id}\t{entry.version}\t{{{','.join(kinds)}}}\n"
        )


def _recording(entry: Entry, batch: Batch) -> Recording:
    """What the record is told of a decision; its fields are found again in its evidence."""
    decided, evaluation = entry.decided, entry.decided.evaluation
    prior, due = decided.prior, evaluation.assessment.due if evaluation.assessment else None
    is_on_prior = prior is not None and prior.declaration_id == entry.declaration_id
    state = evaluation.decision.state
    told = DecisionTold(
        evaluation_sha256=hashlib.sha256(decided.evaluation_bytes).hexdigest(),
        version=entry.version,
        reference=prior.reference if is_on_prior and prior is not None else decided.reference,
        registered_id=entry.registered_id,
        due=due,
    )
    debt = debt_of(due.amount if due else None, decided.standing)
    message_id = batch.incoming.message_id
    return Recording(
        DECIDED,
        subject_of(entry.declaration_id),
        decision_label(message_id, decided.position, entry.version),
        decision_fields(told, decided.declaration),
        decision_facts(state, debt, is_assessed=evaluation.assessment is not None),
        batch.decided_at,
    )


def _kept(entry: Entry, batch: Batch) -> Kept:
    decided = entry.decided
    return Kept(
        declaration_id=entry.declaration_id,
        version=entry.version,
        message_id=batch.incoming.message_id,
        position=decided.position,
        form=decided.form,
        legal_day=decided.evaluation.legal_day,
        regime_digest=decided.regime_digest,
        knowledge_digest=decided.knowledge_digest,
        seed_id=decided.seed.seed_id,
        draw_key=decided.draw_key,
        selection_share=decided.selection_share,
        software_version=batch.software_version,
        evaluation=decided.evaluation_bytes,
        jurisdiction_code=decided.jurisdiction_code,
        law_absent=decided.law_absent,
        is_arrived=decided.is_arrived,
        trigger=decided.trigger,
        prior=decided.prior,
        sources=decided.sources,
        notes=decided.notes,
        rules_digest=decided.rules_digest,
        lodged_at=decided.lodged_at,
        declared_before=decided.declared_before,
        awaited_hours=decided.awaited_hours,
        facts=decided.facts,
        persons=decided.persons,
        claims=decided.claims or (),
    )


def _bytes(rows: list[str]) -> bytes:
    return "".join(rows).encode("utf-8", "replace")


def _declaration_row(entry: Entry, common: _Common) -> str:
    decided = entry.decided
    message_id, position, received_at = common.message_id, decided.position, common.received_at
    reference = decided.reference
    if decided.effect is Effect.VERSION and decided.prior is not None:  # stays where its first version came from
        message_id, position = decided.prior.place.message_id, decided.prior.place.position
        received_at, reference = decided.prior.received_at.isoformat(), decided.prior.reference
    declaration = decided.declaration or _NOTHING
    evaluation = decided.evaluation
    decision, assessment, standing = evaluation.decision, evaluation.assessment, decided.standing
    items = declaration.goods_items
    first = items[0] if items else _NO_ITEM
    errors, warnings = _severities(evaluation.findings) if evaluation.findings else (0, 0)
    value, due = (assessment.intrinsic_value, assessment.due) if assessment else (None, None)
    block, block_index = entry.block or (_NULL, _NULL)
    is_arrived = standing is not None and standing.state not in NOT_ARRIVED
    is_assessed = standing is not None and standing.is_assessed
    reference, document, code, jurisdiction, dataset, description, order = _texts(
        reference, _transport_document(declaration)[:REFERENCE_LENGTH_MAX], first.commodity_code[:CODE_LENGTH_MAX],
        declaration.jurisdiction_code[:CODE_LENGTH_MAX], decision.dataset, first.description[:DESCRIPTION_LENGTH_MAX],
        declaration.invoice_id[:REFERENCE_LENGTH_MAX],
    )  # fmt: skip
    return (
        f"{entry.declaration_id}\t{message_id}\t{common.decided_at}\t{received_at}"
        f"\t{block}\t{block_index}"
        f"\t{position}\t{common.sender_id}\t{evaluation.legal_day.isoformat()}\t{len(items)}"
        f"\t{decision.state}\t{decision.lane or _NULL}\t{decision.category or _NULL}"
        f"\t{entry.version}\t{errors}\t{warnings}"
        f"\t{'t' if is_arrived else 'f'}\t{'t' if is_assessed else 'f'}"
        f"\t{reference}\t{entry.registered_id}\t{document}\t{code}\t{jurisdiction}\t{dataset}\t{description}"
        f"\t{_amount(value)}\t{_amount(due)}\t{value.currency if value else _NULL}\t{_standing_text(standing)}"
        f"\t{order}\t{_number_or_null(decided.parcel_key)}\t{_number_or_null(_duplicate_of(decided))}\n"
    )


def _duplicate_of(decided: Decided) -> int | None:
    """The first declaration of the parcel, where this one is another."""
    if decided.parcel_key is None or not decided.declared_before:
        return None
    return decided.declared_before[0].declaration_id


def _number_or_null(number: int | None) -> int | str:
    return _NULL if number is None else number


def _severities(findings: tuple[Finding, ...]) -> tuple[int, int]:
    """How many are errors, how many warnings."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    warnings = sum(finding.severity is Severity.WARNING for finding in findings)
    return min(errors, _INT2_MAX), min(warnings, _INT2_MAX)


def written_standing(standing: Standing) -> str | None:
    """The standing as kept; None where the row's state and `is_assessed` say it all."""
    if standing == Standing(state=standing.state, is_assessed=standing.is_assessed):
        return None
    return canonical_bytes(standing).decode()


def read_standing(text: str | None, state: State, *, is_assessed: bool) -> Standing:
    """The standing that was kept so."""
    if text is None:
        return Standing(state=state, is_assessed=is_assessed)
    return msgspec.json.decode(text, type=Standing)


def _standing_text(standing: Standing | None) -> str:
    written = None if standing is None else written_standing(standing)
    return _NULL if written is None else written.translate(_ESCAPES)


def _goods_item_row(declaration_id: int, item: GoodsItem) -> str:
    price = item.invoice_price
    code, origin, description, currency = _texts(
        item.commodity_code[:CODE_LENGTH_MAX], item.origin_country_code[:CODE_LENGTH_MAX],
        item.description[:DESCRIPTION_LENGTH_MAX], price.currency[:CODE_LENGTH_MAX] if price else "",
    )  # fmt: skip
    return (
        f"{declaration_id}\t{max(-_INT4_MAX, min(item.line_no, _INT4_MAX))}\t{code}\t{origin}"
        f"\t{_number(item.net_mass_kg)}\t{_amount(price)}\t{currency if price else _NULL}\t{description}\n"
    )


def _transport_document(declaration: Declaration) -> str:
    """The house waybill or postal item number: of the whole, else of the first line."""
    for documents in (
        declaration.consignment.transport_documents,
        *(item.transport_documents for item in declaration.goods_items[:1]),
    ):
        if documents:
            return documents[0].document_id
    return ""


def _texts(*texts: str) -> Sequence[str]:
    """The texts as COPY takes them; most need no escapes, which one look at all of them tells."""
    joined = "".join(texts)
    return texts if "\\" not in joined and joined.isprintable() else [text.translate(_ESCAPES) for text in texts]


def _amount(money: Money | None) -> str:
    return _NULL if money is None else _number(money.amount)


def _number(number: Decimal | None) -> str:
    """A number as PostgreSQL reads it; what no parcel can have (NaN, 1E+999) stays in the evidence only."""
    if number is None or not number.is_finite() or abs(number.adjusted()) > 30:
        return _NULL
    return str(number)


_NOTHING = Declaration()
_NO_ITEM = GoodsItem(line_no=1)
