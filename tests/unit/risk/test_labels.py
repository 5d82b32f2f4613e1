"""What an examination tells of a kind of risk, and what it cannot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pytest

from tidewaiter.model.judgement import Lane
from tidewaiter.model.outcome import Control, ExaminationOutcome, Found, Result, RiskType
from tidewaiter.risk.scoring.labels import SHOWN_BY, label_of, lanes_showing


def outcome(result: Result, *controls: Control, found: RiskType | None = None) -> ExaminationOutcome:
    return ExaminationOutcome(
        reference="R", result=result, examined_at=datetime(2026, 7, 1, tzinfo=UTC), examiner="ann", controls=controls,
        found=(Found(risk_type=found),) if found is not None else (),
    )  # fmt: skip


A1, A2, A3, B1 = Result


@pytest.mark.parametrize(
    ("told", "risk_type", "label"),
    [
        (outcome(B1, Control.NII, found=RiskType.IPR), RiskType.IPR, True),  # however it was found
        (outcome(B1, Control.PHYSICAL, found=RiskType.IPR), RiskType.UNDERVALUATION, False),
        (outcome(B1, Control.PHYSICAL, found=RiskType.IPR), None, True),
        (outcome(A1, Control.DOCUMENTARY), RiskType.UNDERVALUATION, False),
        (outcome(A1, Control.DOCUMENTARY), RiskType.IPR, None),  # papers show no counterfeit
        (outcome(A1, Control.NII), RiskType.UNDERVALUATION, None),  # an X-ray shows no price
        (outcome(A1, Control.NII), RiskType.SECURITY, False),
        (outcome(A1, Control.DOCUMENTARY), None, None),
        (outcome(A1), RiskType.IPR, False),
        (outcome(A2), RiskType.IPR, None),  # considered satisfactory, by documents
        (outcome(A2), RiskType.GIFT, False),
        (outcome(A3, Control.PHYSICAL), RiskType.GIFT, None),  # no control of this office
    ],
)
def test_labels(told: ExaminationOutcome, risk_type: RiskType | None, label: Literal[True, False] | None) -> None:
    assert label_of(told, risk_type) is label


def test_every_kind_of_risk_is_shown_by_something() -> None:
    assert set(SHOWN_BY) == set(RiskType)
    assert all(SHOWN_BY.values())
    assert lanes_showing(RiskType.UNDERVALUATION) == {Lane.YELLOW, Lane.RED}
    assert lanes_showing(RiskType.IPR) == lanes_showing(None) == {Lane.RED}
