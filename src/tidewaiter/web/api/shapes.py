"""What the interface for machines answers with. A declarant is never told the lane or why it was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from tidewaiter.model.assessment import Assessment
from tidewaiter.model.decision import Category, Hold, HoldKind, NoticeKind, State
from tidewaiter.model.finding import Finding, MappingNote
from tidewaiter.model.judgement import Judgement, Lane
from tidewaiter.model.money import Money
from tidewaiter.model.timing import Deadline, FilingMoment
from tidewaiter.quotes.comparing import Comparison
from tidewaiter.regimes.law import Content
from tidewaiter.web import words
from tidewaiter.web.principal import Principal
from tidewaiter.web.standing import open_holds, told
from tidewaiter.workflow.catalogue import Offered
from tidewaiter.workflow.ports import DecisionFile, DeclarationRow, KeptMessage, Notice, Outcome
from tidewaiter.workflow.quality_record import QualityShape
from tidewaiter.workflow.quoting import NamedQuote
from tidewaiter.workflow.records import Commitment, Receipt


class Amount(Struct, frozen=True):
    """Money: a decimal as text, so that no digit is lost, and its currency."""

    amount: Annotated[
        str, Meta(description="Major units as a decimal text", pattern=r"^-?\d+(\.\d+)?$", examples=["18.34"])
    ]
    currency: Annotated[str, Meta(description="ISO 4217", examples=["GBP"])]

    @classmethod
    def of(cls, money: Money | None) -> Amount | None:
        """The amount as it travels."""
        return None if money is None else cls(_plain(money.amount), money.currency)


class FindingShape(Struct, frozen=True):
    """One thing a check found."""

    rule_id: Annotated[str, Meta(description="The rule, as in the reference of rules", examples=["description.vague"])]
    severity: Annotated[str, Meta(description="error, warning or info", examples=["warning"])]
    pointer: Annotated[str, Meta(description="Where in the declaration", examples=["goods_items[2].description"])]
    place: Annotated[
        str, Meta(description="The same place in the sender's own message", examples=["/goods_items/1/description"])
    ]
    words: Annotated[str, Meta(description="What is the matter")]
    value: Annotated[str, Meta(description="What was seen, cut to 200 characters")] = ""
    hint: Annotated[str, Meta(description="What to do about it")] = ""

    @classmethod
    def of(cls, finding: Finding) -> FindingShape:
        """The finding as it travels."""
        return cls(
            finding.rule_id,
            finding.severity.value,
            finding.pointer,
            finding.place,
            finding.words,
            finding.value,
            finding.hint,
        )


class HoldShape(Struct, frozen=True):
    """Something that must happen before release."""

    kind: HoldKind
    words: Annotated[str, Meta(description="What it is and who can settle it")]
    reference: Annotated[str, Meta(description="The document or permit it is about")] = ""
    amount: Amount | None = None
    because: Annotated[
        list[str],
        Meta(description="Of a payment: why no guarantee or account that is named covers it, as it stands now"),
    ] = []

    @classmethod
    def of(cls, hold: Hold, asking: Principal, uncovered: Sequence[str] = ()) -> HoldShape:
        """The hold as it travels; a declarant is told less of it."""
        shown = hold if asking.is_officer else told(hold)
        because = list(uncovered) if shown.kind is HoldKind.PAYMENT else []
        return cls(shown.kind, shown.words, shown.reference, Amount.of(shown.amount), because)


class DeadlineShape(Struct, frozen=True, kw_only=True):
    """A legal deadline: until when the data had to be with customs, and whether they were."""

    moment: Annotated[FilingMoment, Meta(description="For which moment of the journey the data are asked")]
    time_limit: Annotated[str, Meta(description="As the law puts it: 4 hours before arrival")]
    article: Annotated[str, Meta(description="Where it stands")]
    is_confirmed: Annotated[bool, Meta(description="False where no source was found that confirms it")]
    lodged_at: datetime
    due_at: Annotated[datetime | None, Meta(description="null where the moment it is counted from is not stated")]
    is_met: Annotated[bool | None, Meta(description="null where it cannot be told")]
    late_by_seconds: Annotated[int, Meta(description="By how much it was missed, at least where only a day is stated")]

    @classmethod
    def of(cls, deadline: Deadline) -> DeadlineShape:
        """The deadline as it travels."""
        return cls(
            moment=deadline.moment,
            time_limit=deadline.words,
            article=deadline.article,
            is_confirmed=deadline.is_confirmed,
            lodged_at=deadline.lodged_at,
            due_at=deadline.due_at,
            is_met=deadline.is_met,
            late_by_seconds=deadline.late_by_seconds,
        )


class NoticeShape(Struct, frozen=True):
    """One thing customs told the sender."""

    notice_id: Annotated[int, Meta(description="Rises; the cursor of /notices")]
    declaration_id: int
    kind: NoticeKind
    words: Annotated[str, Meta(description="The kind in words")]
    reference: Annotated[str, Meta(description="The sender's own reference")]
    mrn: Annotated[str, Meta(description="The number customs gave")]
    version: int
    issued_at: datetime
    document: Annotated[str | UnsetType, Meta(description="The notice as a document, where a form was asked for")] = (
        UNSET
    )

    @classmethod
    def of(cls, notice: Notice, document: bytes | None = None) -> NoticeShape:
        """The notice as it travels, with its document where there is one."""
        return cls(
            notice.notice_id,
            notice.declaration_id,
            notice.kind,
            words.text(f"notice.{notice.kind.value}"),
            notice.functional_reference_id,
            notice.registered_id,
            notice.version,
            notice.issued_at,
            UNSET if document is None else document.decode(),
        )


class DeclarationShape(Struct, frozen=True, kw_only=True):
    """One declaration as lists show it."""

    declaration_id: int
    version: Annotated[int, Meta(description="1, and one more for each amendment")]
    reference: Annotated[str, Meta(description="The sender's own reference (LRN)", examples=["MP-2026-4450"])]
    mrn: Annotated[str, Meta(description="The number customs gave", examples=["26GB00000000000040"])]
    transport_document_id: Annotated[str, Meta(description="House waybill or postal item", examples=["CP000000040DK"])]
    message_id: int
    position: Annotated[int, Meta(description="Which record of the message, from 1")]
    form: str
    jurisdiction_code: Annotated[str, Meta(description="Whose customs, ISO 3166-1 alpha-2")]
    dataset: str
    state: State
    state_words: Annotated[str, Meta(description="The state in words")]
    category: Annotated[Category | None, Meta(description="Immediate Release Guidelines category")]
    lane: Annotated[Lane | UnsetType | None, Meta(description="For officers only")] = UNSET
    commodity_code: str
    description: str
    goods_item_count: int
    intrinsic_value: Amount | None
    due: Annotated[Amount | None, Meta(description="What must be paid or guaranteed at the border")]
    error_count: int
    warning_count: int
    legal_day: date
    is_arrived: bool
    received_at: datetime
    decided_at: datetime


class DeclarationDetail(DeclarationShape, frozen=True, kw_only=True):
    """One declaration with what its sender needs to know."""

    next_state: Annotated[State | None, Meta(description="What it becomes when arrival is confirmed")]
    holds: Annotated[list[HoldShape], Meta(description="What must happen first")]
    findings: list[FindingShape]
    deadlines: Annotated[list[DeadlineShape], Meta(description="Of the law on filing it, by moment of the journey")]
    collected_at_sale: Annotated[Amount | None, Meta(description="What a scheme collects elsewhere")]
    unresolved: Annotated[list[str], Meta(description="What could not be worked out: due is then not all that is owed")]
    notices: list[NoticeShape]
    notes: Annotated[list[MappingNote], Meta(description="What was kept of the message without being interpreted")]


class OfferedShape(Struct, frozen=True, kw_only=True):
    """A product of a seller's catalogue that a line of a declaration names."""

    line: Annotated[int, Meta(description="The line of the declaration, from 1")]
    product_id: Annotated[int, Meta(description="The number the product was taken in under: read it as a declaration")]
    source: Annotated[str, Meta(description="The sender who told of the product")]
    sku: str
    gtin: str
    title: str
    hs_code: str
    country_of_origin_code: str
    price: Amount | None
    product_url: str
    differs: Annotated[list[FindingShape], Meta(description="Where the line says otherwise")]

    @classmethod
    def of(cls, offered: Offered) -> OfferedShape:
        """A product as it travels, in a marketplace's words."""
        product = offered.product
        return cls(
            line=offered.line,
            product_id=offered.declaration_id,
            source=offered.source,
            sku=product.sku,
            gtin=product.gtin,
            title=product.description,
            hs_code=product.commodity_code,
            country_of_origin_code=product.origin_country_code,
            price=Amount.of(product.invoice_price),
            product_url=product.url,
            differs=[FindingShape.of(each) for each in offered.differs],
        )


class QualityPage(Struct, frozen=True, kw_only=True):
    """How good data was in a span of days, both included; shares in percent."""

    since: date
    until: date
    records: list[QualityShape]


class DeclarationPage(Struct, frozen=True):
    """Some declarations, newest first."""

    declarations: list[DeclarationShape]
    before: Annotated[int | None, Meta(description="Ask again with before=this for older ones; null at the end")]


class QuoteNamed(Struct, frozen=True):
    """The quote a declaration names, held against what was decided; not part of the decision itself."""

    quote_id: str
    findings: Annotated[list[FindingShape], Meta(description="Why nothing is compared, or what to bear in mind")]
    comparison: Annotated[
        Comparison | None, Meta(description="The differences, one by one; they add up to those of the totals")
    ]

    @classmethod
    def of(cls, named: NamedQuote | None) -> QuoteNamed | None:
        """The comparison as it travels; None where no quote is named."""
        if named is None:
            return None
        return cls(named.quote_id, [FindingShape.of(each) for each in named.findings], named.comparison)


class Explanation(Struct, frozen=True, kw_only=True):
    """How a decision came about: the law, the trace, the findings; for officers the reasons and the draw."""

    declaration: DeclarationDetail
    legal_day: date
    regime_digest: Annotated[str, Meta(description="SHA-256 of the law as it was used")]
    software_version: str
    assessment: Annotated[Assessment | None, Meta(description="Every charge with base, rate, rounding and citation")]
    judgement: Annotated[Judgement | UnsetType | None, Meta(description="Reasons and draw, for officers only")] = UNSET
    knowledge_digest: Annotated[str | UnsetType, Meta(description="SHA-256 of the lists used, for officers only")] = (
        UNSET
    )
    seed_id: Annotated[str | UnsetType, Meta(description="The seed of the draw, for officers only")] = UNSET
    quote: Annotated[QuoteNamed | None, Meta(description="The quote that the declaration names, compared")] = None


class NoticePage(Struct, frozen=True):
    """Some notices, oldest first."""

    notices: list[NoticeShape]
    after: Annotated[int, Meta(description="The cursor to ask with next; it stays the same until there is more")]


class MessageShape(Struct, frozen=True, kw_only=True):
    """A message as it was kept, and what came of it."""

    message_id: int
    digest: Annotated[str, Meta(description="SHA-256 of the bytes as received")]
    size_bytes: int
    form: str
    file_name: str
    idempotency_key: str
    legal_day: date
    received_at: datetime
    is_processed: Annotated[bool, Meta(description="false while a large message is being worked through")]
    record_count: int
    declaration_count: int
    findings: Annotated[list[FindingShape], Meta(description="On the message as a whole")]


class LineShape(Struct, frozen=True, kw_only=True):
    """What became of one record when the message was decided."""

    position: Annotated[int, Meta(description="Which record of the message, from 1")]
    declaration_id: int
    reference: str
    mrn: str
    state: State
    lane: Annotated[str | UnsetType, Meta(description="For officers only")] = UNSET
    error_count: int


class ReceiptShape(Struct, frozen=True, kw_only=True):
    """The answer to a submission. What it says is durable; sent again, the same bytes get the same answer."""

    message_id: Annotated[int, Meta(description="GET /messages/{message_id} says how far it is")]
    digest: Annotated[str, Meta(description="SHA-256 of the bytes as received", examples=["9f86d081884c7d65…"])]
    form: Annotated[str, Meta(description="The form that was recognised", examples=["json"])]
    is_repeat: Annotated[bool, Meta(description="true where the same bytes came before under the same key")]
    is_complete: Annotated[bool, Meta(description="true when the message was worked through to its end")]
    record_count: int
    counts: Annotated[dict[str, int], Meta(description="How many records went into each state")]
    lines: Annotated[list[LineShape], Meta(description="The first records, as they were decided")]
    findings: Annotated[
        list[FindingShape], Meta(description="The first findings; a place begins with the record's number")
    ]
    message_findings: Annotated[list[FindingShape], Meta(description="On the message as a whole: where it broke off")]
    declarations: Annotated[
        list[DeclarationDetail], Meta(description="For messages of few records: each declaration as it stands now")
    ]


class Law(Struct, frozen=True):
    """The law of one jurisdiction on one day."""

    digest: Annotated[str, Meta(description="SHA-256 of the content in its canonical form, as decisions cite it")]
    content: Content


class Draws(Struct, frozen=True):
    """What was committed to for each day, the latest first; the seeds of days that are over."""

    draws: tuple[Commitment, ...]


class Health(Struct, frozen=True):
    """Whether all is well, and the readings."""

    is_well: bool
    readings: dict[str, str]


def receipt(given: Receipt, declarations: list[DeclarationDetail], asking: Principal) -> ReceiptShape:
    """The receipt as it travels."""
    return ReceiptShape(
        message_id=given.message_id,
        digest=given.digest,
        form=given.form,
        is_repeat=given.is_repeat,
        is_complete=given.is_complete,
        record_count=given.record_count,
        counts=dict(given.counts),
        lines=[
            LineShape(
                position=line.position,
                declaration_id=line.declaration_id,
                reference=line.functional_reference_id,
                mrn=line.registered_id,
                state=line.state,
                lane=line.lane if asking.is_officer else UNSET,
                error_count=line.error_count,
            )
            for line in given.lines
        ],
        findings=[FindingShape.of(finding) for finding in given.findings],
        message_findings=[FindingShape.of(finding) for finding in given.message_findings],
        declarations=declarations,
    )


def message(kept: KeptMessage) -> MessageShape:
    """The message as it travels."""
    return MessageShape(
        message_id=kept.message_id,
        digest=kept.digest,
        size_bytes=kept.size_bytes,
        form=kept.form,
        file_name=kept.file_name,
        idempotency_key=kept.idempotency_key,
        legal_day=kept.legal_day,
        received_at=kept.received_at,
        is_processed=kept.is_processed,
        record_count=kept.record_count,
        declaration_count=kept.declaration_count,
        findings=[FindingShape.of(finding) for finding in kept.findings],
    )


def summary(row: DeclarationRow, asking: Principal) -> DeclarationShape:
    """The row as lists carry it."""
    return DeclarationShape(**_common(row, asking))


def detail(file: Outcome, asking: Principal, uncovered: Sequence[str] = ()) -> DeclarationDetail:
    """The declaration with findings, holds and notices; `uncovered` says why nothing it names covers what it owes."""
    evaluation = file.evaluation
    return DeclarationDetail(
        **_common(file.row, asking),
        next_state=None if file.row.is_arrived else evaluation.decision.on_arrival,
        holds=[HoldShape.of(hold, asking, uncovered) for hold in open_holds(file)],
        findings=[FindingShape.of(finding) for finding in evaluation.findings],
        deadlines=[DeadlineShape.of(deadline) for deadline in evaluation.deadlines],
        collected_at_sale=Amount.of(evaluation.assessment.collected_at_sale) if evaluation.assessment else None,
        unresolved=list(evaluation.assessment.unresolved) if evaluation.assessment else [],
        notices=[NoticeShape.of(notice) for notice in file.notices],
        notes=list(file.notes),
    )


def explanation(file: DecisionFile, asking: Principal, named: NamedQuote | None = None) -> Explanation:
    """The whole file, without the reasons where a declarant asks; with the quote it names."""
    is_officer = asking.is_officer
    return Explanation(
        declaration=detail(file, asking),
        legal_day=file.evaluation.legal_day,
        regime_digest=file.regime_digest,
        software_version=file.software_version,
        assessment=file.evaluation.assessment,
        judgement=file.evaluation.judgement if is_officer else UNSET,
        knowledge_digest=file.knowledge_digest if is_officer else UNSET,
        seed_id=file.seed_id if is_officer else UNSET,
        quote=QuoteNamed.of(named),
    )


def _common(row: DeclarationRow, asking: Principal) -> dict[str, Any]:
    return {
        "declaration_id": row.declaration_id,
        "version": row.version,
        "reference": row.functional_reference_id,
        "mrn": row.registered_id,
        "transport_document_id": row.transport_document_id,
        "message_id": row.message_id,
        "position": row.position,
        "form": row.form,
        "jurisdiction_code": row.jurisdiction_code,
        "dataset": row.dataset,
        "state": row.state,
        "state_words": words.text(f"state_meaning.{row.state.value}"),
        "category": row.category,
        "lane": row.lane if asking.is_officer else UNSET,
        "commodity_code": row.commodity_code,
        "description": row.description,
        "goods_item_count": row.goods_item_count,
        "intrinsic_value": Amount.of(row.intrinsic_value),
        "due": Amount.of(row.due),
        "error_count": row.error_count,
        "warning_count": row.warning_count,
        "legal_day": row.legal_day,
        "is_arrived": row.is_arrived,
        "received_at": row.received_at,
        "decided_at": row.decided_at,
    }


def _plain(value: Decimal) -> str:
    return f"{value:f}"
