"""What a parcel's decision says for it when a flight's examinations are shared."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tidewaiter.model.judgement import Draw, Judgement, Lane
from tidewaiter.model.money import Money
from tidewaiter.risk.facts import Facts, Score
from tidewaiter.workflow.allocating import candidate_of

JUDGEMENT = Judgement(
    lane=Lane.GREEN, reasons=(), draw=Draw("d", "k", "0.5", "0.02", is_selected=False), lists_digest=""
)


@pytest.mark.parametrize(
    ("probability", "expected", "promise"),
    [("0.2", "60", "60"), ("0.4", "50", "50"), ("0.3", None, "0.3")],
)
def test_a_promise_is_what_is_expected_and_likelihood_counts_once(
    probability: str, expected: str | None, promise: str
) -> None:
    """A score's expectation is probability times amount: the likelier does not go before what promises more."""
    told = Money(Decimal(expected), "EUR") if expected is not None else None
    score = Score(name="undervaluation", model_digest="", probability=Decimal(probability), expected=told)
    assert candidate_of(7, JUDGEMENT, Facts(scores=(score,))).promise == Decimal(promise)
