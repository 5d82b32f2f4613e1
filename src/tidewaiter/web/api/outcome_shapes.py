"""Outcomes of examinations and alerts as they travel."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tidewaiter.model.money import Money
from tidewaiter.model.outcome import WORDS_MAX, Control, ExaminationOutcome, Found, Result, RiskType
from tidewaiter.web.api.list_shapes import ListName
from tidewaiter.web.api.officers import Code, Why
from tidewaiter.workflow.outcome_records import Alert, AlertKind, KeptOutcome
from tidewaiter.workflow.seized_lists import Draft

Words = Annotated[str, Meta(max_length=WORDS_MAX, description="More, in words")]
Name = Annotated[str, Meta(min_length=1, max_length=200, description="Who examined the goods", examples=["ann"])]
ResultCode = Annotated[Result, Meta(description="A1, A2, A3: in order; B1: not", examples=["A1"])]
LINES_MAX = 9_999


class FoundShape(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that was not in order."""

    risk_type: Annotated[RiskType, Meta(description="What kind of thing")]
    line_no: Annotated[int, Meta(ge=1, le=LINES_MAX, description="The goods line; none: the whole")] | None = None
    value: Annotated[Money | None, Meta(description="The value found")] = None
    commodity_code: Annotated[str, Meta(pattern="^[0-9]{0,22}$", description="The commodity code found")] = ""
    origin_country_code: Annotated[str, Meta(pattern="^([A-Z]{2})?$", description="The origin found")] = ""
    is_seized: Annotated[bool, Meta(description="Whether these goods were seized")] = False
    words: Words = ""

    @classmethod
    def of(cls, found: Found) -> FoundShape:
        """The same, as it travels."""
        return cls(
            found.risk_type, found.line_no, found.value, found.commodity_code, found.origin_country_code, found.is_seized,
            found.words,
        )  # fmt: skip

    @property
    def found(self) -> Found:
        """The same, as it is kept."""
        return Found(
            risk_type=self.risk_type, line_no=self.line_no, value=self.value, commodity_code=self.commodity_code,
            origin_country_code=self.origin_country_code, is_seized=self.is_seized, words=self.words,
        )  # fmt: skip


class OutcomeWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An outcome to be recorded."""

    result: ResultCode
    examined_at: Annotated[
        datetime, Meta(tz=True, description="When, by the examiner's clock", examples=["2026-07-14T10:00:00Z"])
    ]
    examiner: Name
    controls: Annotated[tuple[Control, ...], Meta(max_length=5, description="What was done")] = ()
    found: Annotated[tuple[FoundShape, ...], Meta(max_length=100, description="What was not in order")] = ()
    source: Annotated[str, Meta(max_length=200, description="The number under which you know it")] = ""
    words: Words = ""
    corrects: Annotated[int, Meta(ge=1, le=2**63 - 1, description="The outcome in whose place it stands")] | None = None
    is_released: Annotated[bool, Meta(description="End the control in the same act; only where all was in order")] = (
        False
    )

    def outcome(self, reference: str) -> ExaminationOutcome:
        """The same, of the parcel of this name."""
        return ExaminationOutcome(
            reference=reference, result=self.result, examined_at=self.examined_at, examiner=self.examiner,
            controls=self.controls, found=tuple(each.found for each in self.found), source=self.source, words=self.words,
        )  # fmt: skip


class AnswerWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """A second person's answer to what was not in order."""

    is_approved: Annotated[bool, Meta(description="Whether it takes effect")]
    words: Words = ""
    is_refused: Annotated[bool, Meta(description="Refuse the goods in the same act; only where it is approved")] = False


class ListProposalWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """A list for which a seizure's identities are proposed."""

    name: ListName
    words: Why = ""
    jurisdiction_code: Code = ""
    kinds: Annotated[
        tuple[Literal["seller", "identifier", "address", "phone"], ...],
        Meta(max_length=4, description="Which sorts of identities; all where none is named"),
    ] = ()

    def draft(self, by: str) -> Draft:
        """The same, as it is proposed."""
        return Draft(
            name=self.name, by=by, words=self.words, jurisdiction_code=self.jurisdiction_code, kinds=self.kinds
        )


class OutcomeShape(Struct, frozen=True, kw_only=True):
    """An outcome as it stands."""

    outcome_id: Annotated[int, Meta(description="Its number")]
    reference: Annotated[str, Meta(description="The parcel, as it was named")]
    declaration_id: Annotated[int | None, Meta(description="The declaration; none while none has come")]
    result: ResultCode
    examined_at: Annotated[datetime, Meta(description="When, by the examiner's clock")]
    recorded_at: Annotated[datetime, Meta(description="When it was recorded here")]
    examiner: Annotated[str, Meta(description="Who examined the goods")]
    recorded_by: Annotated[str, Meta(description="Who recorded it")]
    answered_by: Annotated[str, Meta(description="Who approved or refused it; empty where nobody did")]
    standing: Annotated[str, Meta(description="in effect, waits, refused, corrected or unmatched")]
    controls: Annotated[tuple[Control, ...], Meta(description="What was done")]
    found: Annotated[tuple[FoundShape, ...], Meta(description="What was not in order")]
    words: Annotated[str, Meta(description="More, in words")]
    corrects: Annotated[int | None, Meta(description="The outcome in whose place it stands")]

    @classmethod
    def of(cls, kept: KeptOutcome) -> OutcomeShape:
        """An outcome as it travels."""
        told = kept.outcome
        return cls(
            outcome_id=kept.outcome_id, reference=told.reference, declaration_id=kept.declaration_id, result=told.result,
            examined_at=told.examined_at, recorded_at=kept.recorded_at, examiner=told.examiner,
            recorded_by=kept.recorded_by, answered_by=kept.answered_by, standing=kept.standing, controls=told.controls,
            found=tuple(FoundShape.of(each) for each in told.found), words=told.words, corrects=kept.corrects,
        )  # fmt: skip


class OutcomePage(Struct, frozen=True):
    """Outcomes."""

    outcomes: Annotated[list[OutcomeShape], Meta(description="Outcomes, in order")]


class AlertShape(Struct, frozen=True, kw_only=True):
    """A parcel that is tied to a seizure, and what was done with it."""

    outcome_id: Annotated[int, Meta(description="The seizure's outcome")]
    declaration_id: Annotated[int, Meta(description="The parcel's declaration")]
    strength: Annotated[int, Meta(description="What the tie is worth, 0 to 100")]
    words: Annotated[str, Meta(description="How it is tied")]
    done: Annotated[AlertKind, Meta(description="What was done")]
    done_words: Annotated[str, Meta(description="The same in words")]
    told_at: Annotated[datetime, Meta(description="When")]

    @classmethod
    def of(cls, alert: Alert) -> AlertShape:
        """An alert as it travels."""
        return cls(
            outcome_id=alert.outcome_id, declaration_id=alert.declaration_id, strength=alert.strength, words=alert.words,
            done=alert.done, done_words=alert.done_words, told_at=alert.told_at,
        )  # fmt: skip


class AlertPage(Struct, frozen=True):
    """Alerts."""

    alerts: Annotated[list[AlertShape], Meta(description="The last seizure first, the strongest tie first")]
