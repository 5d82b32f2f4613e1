"""What an outcome may say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tidewaiter.model.money import Money
from tidewaiter.model.outcome import (
    CLOCK_TOLERANCE,
    ExaminationOutcome,
    Found,
    Result,
    RiskType,
    before_lodgement,
    outcome_findings,
)

AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
GOOD = ExaminationOutcome(reference="R1", result=Result.SATISFACTORY, examined_at=AT, examiner="ann")
FOUND = (Found(risk_type=RiskType.ORIGIN),)


def found(amount: str) -> tuple[Found, ...]:
    return (Found(risk_type=RiskType.UNDERVALUATION, value=Money(Decimal(amount), "EUR")),)


def test_a_good_one_has_no_findings() -> None:
    assert outcome_findings(GOOD, AT) == ()
    assert outcome_findings(replace(GOOD, result=Result.NOT_SATISFACTORY, found=FOUND), AT) == ()
    assert outcome_findings(replace(GOOD, examined_at=AT + CLOCK_TOLERANCE), AT) == ()


@pytest.mark.parametrize(
    ("change", "rule", "pointer"),
    [
        ({"reference": " "}, "reference", "reference"),
        ({"examiner": ""}, "examiner", "examiner"),
        ({"words": "x" * 2_001}, "words", "words"),
        ({"examined_at": AT.replace(tzinfo=None)}, "moment", "examined_at"),
        ({"examined_at": AT + CLOCK_TOLERANCE + timedelta(seconds=1)}, "future", "examined_at"),
        ({"found": FOUND}, "contradiction", "found"),
        ({"result": Result.NOT_SATISFACTORY}, "nothing_found", "found"),
        ({"examined_at": AT.replace(year=1999)}, "moment", "examined_at"),
        ({"result": Result.NOT_SATISFACTORY, "found": found("NaN")}, "amount", "found[1].value"),
        ({"result": Result.NOT_SATISFACTORY, "found": found("1E+999999")}, "amount", "found[1].value"),
        ({"result": Result.NOT_SATISFACTORY, "found": found("-1")}, "amount", "found[1].value"),
        ({"approved_by": "ann"}, "same_person", "approved_by"),
    ],
)
def test_what_is_wrong_is_told_with_place_and_hint(change: dict[str, Any], rule: str, pointer: str) -> None:
    (finding,) = outcome_findings(replace(GOOD, **change), AT)
    assert (finding.rule_id, finding.pointer) == (f"outcome.{rule}", pointer)
    assert finding.words
    assert finding.hint


def test_an_examination_before_the_declaration_came_is_told() -> None:
    assert before_lodgement(GOOD, AT + CLOCK_TOLERANCE) is None
    found = before_lodgement(GOOD, AT + CLOCK_TOLERANCE + timedelta(seconds=1))
    assert found is not None
    assert found.rule_id == "outcome.before_lodgement"
