"""What the interface for machines says of returns."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from tidewaiter.model.assessment import Citation, Step
from tidewaiter.model.money import Money
from tidewaiter.revenue.returns import Bearing, Outcome, RefundDecision
from tidewaiter.web.api.shapes import Amount, FindingShape
from tidewaiter.web.principal import Principal
from tidewaiter.workflow.return_reading import decision_of
from tidewaiter.workflow.return_records import (
    RETURNS,
    CaseFile,
    CaseLine,
    CaseRow,
    KeptEvent,
    ReturnLine,
    ReturnReceipt,
)


class CaseShape(Struct, frozen=True, kw_only=True):
    """What belongs to one import, and what became of it."""

    case_no: Annotated[int, Meta(description="Its number")]
    return_id: Annotated[str, Meta(description="The sender's own number of the return", examples=["R-2026-0710"])]
    declaration_id: Annotated[int | None, Meta(description="The import; null where none was found")]
    reason: Annotated[str, Meta(description="Why the goods go back", examples=["returned to seller"])]
    outcome: Annotated[Outcome | None, Meta(description="null while it is being worked through")]
    amount: Annotated[Amount | None, Meta(description="What is, or would be, given back")]
    received_on: Annotated[date, Meta(description="The day that counts for time limits")]
    decided_at: datetime | None


class ReasonShape(Struct, frozen=True):
    """Why a claim goes the way it does."""

    code: Annotated[str, Meta(description="For programs", examples=["no_exit"])]
    bearing: Annotated[Bearing, Meta(description="Nothing (note), waits, an officer looks, or the law says no (bar)")]
    words: str
    measure_id: Annotated[str, Meta(description="The figure or measure of law it rests on")]


class LineShape(Struct, frozen=True, kw_only=True):
    """What is given back of the charges of one type on one line."""

    line_no: Annotated[int, Meta(description="0 for what was charged on the whole")]
    type_code: str
    charged: str
    share: Annotated[str, Meta(description="What went back in all", examples=["1 of 3"])]
    entitled: Annotated[str, Meta(description="Due on all that went back so far")]
    before: Annotated[str, Meta(description="Given back earlier")]
    amount: Annotated[str, Meta(description="Given back now")]


class EventShape(Struct, frozen=True):
    """What is known of the goods' leaving."""

    event_id: str
    kind: str
    happened_at: datetime
    place: str
    reported_by: str


class CaseDetail(CaseShape, frozen=True, kw_only=True):
    """One case with how it was worked out."""

    version: Annotated[int, Meta(description="How often it was decided: again when an event or an officer comes to it")]
    reasons: list[ReasonShape]
    steps: list[Step]
    lines: list[LineShape]
    paid_out: Amount | None
    remitted: Annotated[Amount | None, Meta(description="Taken off what is owed")]
    released: Annotated[Amount | None, Meta(description="Let go of guarantees")]
    recipients: Annotated[list[str], Meta(description="Who gets it back: who paid or owes the charges")]
    claim_by: Annotated[date | None, Meta(description="Last day of the law's time")]
    citations: dict[str, Citation]


class ReturnShape(Struct, frozen=True):
    """One return with a case for each import it undoes."""

    return_id: str
    received_at: datetime
    exit_events: list[EventShape]
    cases: list[CaseDetail]


class CasePage(Struct, frozen=True):
    """Some cases, newest first."""

    cases: list[CaseShape]
    before: Annotated[int | None, Meta(description="Ask again with before=this for older ones; null at the end")]


class CaseLineShape(Struct, frozen=True):
    """One case as it stood when the message was worked through."""

    case_no: int
    declaration_id: int | None
    outcome: Outcome
    amount: Amount | None

    @classmethod
    def of(cls, line: CaseLine) -> CaseLineShape:
        """The line as it travels."""
        return cls(line.case_no, line.declaration_id, line.outcome, _amount(line.amount, line.currency))


class ReturnLineShape(Struct, frozen=True):
    """What became of one record."""

    position: Annotated[int, Meta(description="Which record of the message, from 1")]
    name: Annotated[str, Meta(description="Its return_id or event_id")]
    cases: Annotated[
        list[CaseLineShape], Meta(description="Your own: who reports an event is not told of others' money")
    ]
    case_count: Annotated[int, Meta(description="How many cases were decided, others' counted")]


class ReturnReceiptShape(Struct, frozen=True, kw_only=True):
    """The answer to a message with returns or exit events. What it says is durable; sent again, it is the same."""

    return_message_id: int
    digest: Annotated[str, Meta(description="SHA-256 of the bytes as received")]
    is_repeat: bool
    record_count: int
    counts: Annotated[dict[str, int], Meta(description="How many cases came to each outcome")]
    lines: Annotated[list[ReturnLineShape], Meta(description="The first records")]
    findings: Annotated[list[FindingShape], Meta(description="What could not be taken, and where; the rest was")]


def receipt(given: ReturnReceipt, asking: Principal) -> ReturnReceiptShape:
    """The receipt as it travels: to a declarant, with its own cases."""
    lines = [_line(line, asking) for line in given.lines]
    counts = Counter(case.outcome.value for line in lines for case in line.cases)
    return ReturnReceiptShape(
        return_message_id=given.return_message_id,
        digest=given.digest,
        is_repeat=given.is_repeat,
        record_count=given.record_count,
        counts=dict(given.counts if asking.is_officer or given.kind == RETURNS else counts),
        lines=lines,
        findings=[FindingShape.of(finding) for finding in given.findings],
    )


def _line(line: ReturnLine, asking: Principal) -> ReturnLineShape:
    own = [case for case in line.cases if asking.is_officer or case.sender_id == asking.sender_id]
    return ReturnLineShape(line.position, line.name, [CaseLineShape.of(case) for case in own], len(line.cases))


def case(row: CaseRow) -> CaseShape:
    """The row as it travels."""
    return CaseShape(
        case_no=row.case_no, return_id=row.return_id, declaration_id=row.declaration_id, reason=row.reason,
        outcome=row.outcome, amount=_amount(row.amount, row.currency or ""), received_on=row.received_on,
        decided_at=row.decided_at,
    )  # fmt: skip


def detail(file: CaseFile) -> CaseDetail:
    """The case with its last decision."""
    found = (
        decision_of(file.decisions[-1])
        if file.decisions
        else RefundDecision(outcome=Outcome.CASE, currency="", reasons=())
    )
    row, zero = file.row, Decimal(0)
    return CaseDetail(
        case_no=row.case_no, return_id=row.return_id, declaration_id=row.declaration_id, reason=row.reason,
        outcome=row.outcome, amount=_amount(row.amount, row.currency or ""), received_on=row.received_on,
        decided_at=row.decided_at,
        version=row.version,
        reasons=[ReasonShape(each.code, each.bearing, each.words, each.measure_id) for each in found.reasons],
        steps=list(found.steps),
        lines=[
            LineShape(
                line_no=each.line_no, type_code=each.type_code, charged=f"{each.charged:f}", share=each.share,
                entitled=f"{each.entitled:f}", before=f"{each.before:f}", amount=f"{each.amount:f}",
            )
            for each in found.lines
        ],
        paid_out=_amount(sum((each.paid_out for each in found.settled), zero), found.currency),
        remitted=_amount(sum((each.remitted for each in found.settled), zero), found.currency),
        released=_amount(sum((each.amount for each in found.released), zero), found.currency),
        recipients=[each.party for each in found.settled],
        claim_by=found.window_ends_on,
        citations=dict(found.citations),
    )  # fmt: skip


def of_files(files: list[CaseFile]) -> ReturnShape:
    """A return of which these are the cases."""
    kept = files[0].kept
    return ReturnShape(
        return_id=kept.record.return_id,
        received_at=kept.received_at,
        exit_events=[_event(each) for each in files[0].events],
        cases=[detail(file) for file in files],
    )


def _event(kept: KeptEvent) -> EventShape:
    event = kept.event
    return EventShape(event.event_id, event.kind.value, event.happened_at, event.place, event.reported_by)


def _amount(amount: Decimal | None, currency: str) -> Amount | None:
    return Amount.of(Money(amount, currency)) if amount and currency else None
