"""The answer to postal item data: released, held or not, what is owed, and what was decided on, as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from tidewaiter.messages.pointers import json_pointer, steps
from tidewaiter.messages.postal.form import item_id
from tidewaiter.messages.vocabulary import vocabulary
from tidewaiter.model.assessment import Assessment, Collection
from tidewaiter.model.decision import Evaluation, NoticeKind
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Finding
from tidewaiter.model.money import Money

_ENCODER = msgspec.json.Encoder(decimal_format="string")


class Outcome(StrEnum):
    """What the post does with the item."""

    RELEASE = "release"  # hand it over
    HOLD = "hold"  # keep it until what is named has happened
    REFUSE = "refuse"  # it may not come in
    REJECT = "reject"  # the data cannot be taken; send it again, corrected
    WITHDRAWN = "withdrawn"  # as was asked
    PENDING = "pending"  # nothing to do yet


_OUTCOMES: Final[Mapping[NoticeKind, Outcome]] = {
    NoticeKind.RELEASED: Outcome.RELEASE,
    NoticeKind.CLEARED: Outcome.RELEASE,
    NoticeKind.CONTROL: Outcome.HOLD,
    NoticeKind.DOCUMENTS: Outcome.HOLD,
    NoticeKind.REQUEST: Outcome.HOLD,
    NoticeKind.REFUSED: Outcome.REFUSE,
    NoticeKind.REJECTED: Outcome.REJECT,
    NoticeKind.INVALIDATED: Outcome.WITHDRAWN,
}


class HoldShape(Struct, frozen=True, omit_defaults=True):
    """One thing that must happen before the item can go."""

    kind: Annotated[str, Meta(description="examination, documents, permit or payment")]
    words: Annotated[str, Meta(description="What must happen")]
    amount: Annotated[Money | None, Meta(description="What must be paid")] = None


class ChargeShape(Struct, frozen=True, omit_defaults=True):
    """One amount of duty, tax or fee."""

    kind: Annotated[str, Meta(description="duty, tax or fee")]
    type_code: Annotated[str, Meta(description="Kind of charge: A00 duty, B00 tax …")]
    line_no: Annotated[int, Meta(description="Line of the contents; 0 for the whole item")]
    rate: Annotated[str, Meta(description="The rate, in words")]
    base: Annotated[Money, Meta(description="What it was worked out on")]
    amount: Annotated[Money, Meta(description="The amount")]
    collection: Annotated[str, Meta(description="border: by customs; sale: with the price; none: relieved, not owed")]


class ContentShape(Struct, frozen=True, omit_defaults=True):
    """One line as it was decided on: where it was amended, revised code and description."""

    line_no: Annotated[int, Meta(description="Line, from 1")]
    hs_code: Annotated[str, Meta(description="Code decided on")] = ""
    description: Annotated[str, Meta(description="Description decided on")] = ""


class RemarkShape(Struct, frozen=True, omit_defaults=True):
    """One thing found in the data, and what to do about it."""

    place: Annotated[
        str, Meta(description="Where, in the terms of the message: /contents/0/hs_code; row and column; segment")
    ]
    rule: Annotated[str, Meta(description="The rule, docs/reference/rules.md")]
    severity: Annotated[str, Meta(description="error: the data was rejected; warning; info")]
    words: Annotated[str, Meta(description="What is wrong")]
    value: Annotated[str, Meta(description="The value seen")] = ""
    hint: Annotated[str, Meta(description="What to send instead")] = ""


class PostalAnswer(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What customs answers about one postal item."""

    item_id: Annotated[str, Meta(description="Number of the postal item (UPU S10)")]
    outcome: Annotated[Outcome, Meta(description="What to do with the item")]
    notice: Annotated[str, Meta(description="What is told: released, control, tax_liability …")]
    reference_id: Annotated[str, Meta(description="Number of this answer")]
    functional_reference_id: Annotated[str, Meta(description="The sender's reference")] = ""
    registered_id: Annotated[str, Meta(description="Number given by customs (MRN)")]
    version: Annotated[int, Meta(description="Version of the data it is about, from 1")]
    issued_at: Annotated[datetime, Meta(description="When it was issued, UTC")]
    holds: Annotated[tuple[HoldShape, ...], Meta(description="What must happen first")] = ()
    due: Annotated[Money | None, Meta(description="What must be paid or guaranteed at the border")] = None
    collected_at_sale: Annotated[Money | None, Meta(description="What was collected with the price")] = None
    charges: Annotated[tuple[ChargeShape, ...], Meta(description="How that comes about")] = ()
    unresolved: Annotated[
        tuple[str, ...], Meta(description="What could not be worked out, and is owed all the same")
    ] = ()
    contents: Annotated[tuple[ContentShape, ...], Meta(description="The lines as decided on")] = ()
    remarks: Annotated[tuple[RemarkShape, ...], Meta(description="What was found in the data")] = ()


def write_answer(
    kind: NoticeKind,
    declaration: Declaration,
    evaluation: Evaluation,
    *,
    registered_id: str,
    issued_at: datetime,
    version: int = 1,
    reference_id: str = "",
) -> bytes:
    """The answer as JSON, the number of the item first. `issued_at` is aware and written in UTC."""
    assessment = evaluation.assessment
    holds = evaluation.decision.holds
    answer = PostalAnswer(
        item_id=item_id(declaration.consignment),
        outcome=_OUTCOMES.get(kind, Outcome.HOLD if holds else Outcome.PENDING),
        notice=kind.value,
        reference_id=reference_id,
        functional_reference_id=declaration.functional_reference_id,
        registered_id=registered_id,
        version=version,
        issued_at=issued_at.astimezone(UTC),
        holds=tuple(HoldShape(hold.kind.value, hold.words, hold.amount) for hold in holds),
        due=assessment.due if assessment else None,
        collected_at_sale=assessment.collected_at_sale if assessment else None,
        charges=_charges(assessment) if assessment else (),
        unresolved=assessment.unresolved if assessment else (),
        contents=tuple(
            ContentShape(item.line_no, item.commodity_code, item.description) for item in declaration.goods_items
        ),
        remarks=tuple(_remark(finding) for finding in evaluation.findings),
    )
    return _ENCODER.encode(answer)


def _charges(assessment: Assessment) -> tuple[ChargeShape, ...]:
    return tuple(
        ChargeShape(
            kind=charge.kind.value,
            type_code=charge.type_code,
            line_no=charge.line_no,
            rate=charge.rate,
            base=charge.base,
            amount=charge.result,
            collection=charge.collection.value,
        )
        for charge in assessment.charges
        if charge.collection is not Collection.NONE or charge.result.amount
    )


def _remark(finding: Finding) -> RemarkShape:
    return RemarkShape(
        place=finding.place or json_pointer(vocabulary("postal").own(steps(finding.pointer))),
        rule=finding.rule_id,
        severity=finding.severity.value,
        words=finding.words,
        value=finding.value,
        hint=finding.hint,
    )
