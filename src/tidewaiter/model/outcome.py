"""The outcome of an examination: what was done, what was found on which line, and what that comes to.

The codes of results are those of the European Union's transit and import messages. A1 to A3 as in guideline G0126 of the
UK's common transit specification, phase 6 (developer.service.hmrc.gov.uk, read 2026-11-27); that B1 is "not
satisfactory" is from the administrations' own manuals and not confirmed against the code list itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money

CLOCK_TOLERANCE: Final = timedelta(minutes=10)  # by which an examiner's clock may be off
WORDS_MAX: Final = 2_000
FIRST_YEAR: Final = 2000
AMOUNT_DIGITS_MAX: Final = 15  # before the point
AMOUNT_PLACES_MAX: Final = 6


class Result(StrEnum):
    """What the examination came to."""

    SATISFACTORY = "A1"
    CONSIDERED_SATISFACTORY = "A2"  # by documents alone
    SIMPLIFIED = "A3"  # without a control of this office
    NOT_SATISFACTORY = "B1"


class Control(StrEnum):
    """What was done to find out."""

    DOCUMENTARY = "documentary"
    NII = "nii"  # non-intrusive inspection: X-ray, scanner
    PHYSICAL = "physical"
    LABORATORY = "laboratory"
    OTHER_AGENCY = "other_agency"


class RiskType(StrEnum):
    """What was not in order. Scores are learnt one for each."""

    UNDERVALUATION = "undervaluation"
    MISDESCRIPTION = "misdescription"
    CLASSIFICATION = "classification"
    ORIGIN = "origin"
    QUANTITY = "quantity"
    SPLITTING = "splitting"
    GIFT = "gift"
    PROHIBITED = "prohibited"
    IPR = "ipr"
    SECURITY = "security"
    OTHER = "other"


class Found(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that was not in order: on one goods line (`line_no`) or the whole; what was found in place of what was
    declared."""

    risk_type: RiskType
    line_no: int | None = None
    value: Money | None = None
    commodity_code: str = ""
    origin_country_code: str = ""
    is_seized: bool = False
    words: str = ""


class ExaminationOutcome(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome as it was told. `examined_at` is the examiner's, aware; `reference` names the parcel as decisions do.

    Where something was not in order, `approved_by` is the chief, another than the examiner. `source` is the number that
    whoever told it knows it by.
    """

    reference: str
    result: Result
    examined_at: datetime
    examiner: str
    controls: tuple[Control, ...] = ()
    found: tuple[Found, ...] = ()
    approved_by: str = ""
    source: str = ""
    words: str = ""

    @property
    def is_in_order(self) -> bool:
        """Whether nothing was found."""
        return self.result is not Result.NOT_SATISFACTORY

    @property
    def is_seized(self) -> bool:
        """Whether anything was seized."""
        return any(each.is_seized for each in self.found)


def outcome_findings(outcome: ExaminationOutcome, at: datetime) -> tuple[Finding, ...]:
    """What is wrong with an outcome told at `at`, with pointers into it; none where it may be kept."""
    told: list[Finding] = []

    def wrong(rule: str, pointer: str, words: str, hint: str) -> None:
        told.append(Finding(f"outcome.{rule}", Severity.ERROR, pointer, words, hint=hint))

    if not outcome.reference.strip():
        wrong("reference", "reference", "No parcel is named.", "Give its number: MRN, reference or transport document.")
    if not outcome.examiner.strip():
        wrong("examiner", "examiner", "No examiner is named.", "Give the name or number of who examined it.")
    if len(outcome.words) > WORDS_MAX:
        wrong("words", "words", f"More than {WORDS_MAX} characters.", "Shorten it.")
    if outcome.examined_at.tzinfo is None:
        wrong("moment", "examined_at", "The moment has no time zone.", "Write it as 2026-07-14T10:00:00Z.")
    elif outcome.examined_at > at + CLOCK_TOLERANCE:
        wrong("future", "examined_at", "The examination lies in the future.", "Look at the clock and the time zone.")
    elif outcome.examined_at.year < FIRST_YEAR:
        wrong("moment", "examined_at", f"The examination lies before {FIRST_YEAR}.", "Look at the clock.")
    for index, found in enumerate(outcome.found, 1):
        if found.value is not None and not _is_amount(found.value.amount):
            wrong("amount", f"found[{index}].value", "The value found is no amount of money.", "Write it as 120.00.")
    if outcome.is_in_order and outcome.found:
        wrong("contradiction", "found", f"{outcome.result} says all is in order, but something was found.",
              "Use B1, or leave out what was found.")  # fmt: skip
    if not outcome.is_in_order and not outcome.found:
        wrong("nothing_found", "found", "B1 says something was not in order, but not what.", "Name the risk type.")
    if outcome.approved_by and outcome.approved_by.strip().casefold() == outcome.examiner.strip().casefold():
        wrong("same_person", "approved_by", "The examiner cannot approve it.", "A second person approves it.")
    return tuple(told)


def _is_amount(amount: Decimal) -> bool:
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int):  # no number
        return False
    return amount >= 0 and exponent >= -AMOUNT_PLACES_MAX and amount.adjusted() < AMOUNT_DIGITS_MAX


def before_lodgement(outcome: ExaminationOutcome, received_at: datetime) -> Finding | None:
    """That the parcel is said to have been examined before its declaration came; None where it was not."""
    if outcome.examined_at >= received_at - CLOCK_TOLERANCE:
        return None
    return Finding(
        "outcome.before_lodgement",
        Severity.ERROR,
        "examined_at",
        f"The parcel was examined before its declaration came ({received_at:%Y-%m-%d %H:%M} UTC).",
        value=outcome.examined_at.isoformat(),
        hint="Look at the clock, the time zone, and whether it is this parcel.",
    )
