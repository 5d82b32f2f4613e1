"""The worked example in the README is what the software says."""

from __future__ import annotations

import io
import re
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path

from tidewaiter.messages import forms
from tidewaiter.model.decision import Evaluation
from tidewaiter.regimes import load_regime
from tidewaiter.risk import draw, load_knowledge
from tidewaiter.workflow.evaluate import Circumstances, evaluate

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
DAY = date(2026, 6, 15)


def evaluated(reference: str) -> Evaluation:
    """The demonstration parcel with this reference, evaluated as arrived on the day the README names."""
    form = forms.by_name("json")
    source = resources.files("tidewaiter.data") / "samples" / "gb-marketplace" / "2026-06-15.jsonl"
    readings = (form.read(record.body) for record in form.split(io.BytesIO(source.read_bytes())))
    declaration = next(
        r.declaration for r in readings if r.declaration and r.declaration.functional_reference_id == reference
    )
    circumstances = Circumstances(
        legal_day=DAY,
        regime=load_regime("GB", DAY),
        knowledge=load_knowledge("GB", DAY),
        draw=draw(bytes(32), "test", reference, Decimal(0)),
        is_arrived=True,
    )
    return evaluate(declaration, circumstances)


def test_the_worked_example_is_true() -> None:
    evaluation = evaluated("HLM-0610")
    assessment = evaluation.assessment
    assert assessment is not None
    for charge in assessment.charges:
        row = f"| {charge.kind.value} {charge.type_code} | {charge.base} | {charge.rate} | {charge.rounding} | {charge.result} |"
        assert row in README
    for step in assessment.steps:
        assert step.words in README
        assert step.result in README or step.measure_id in README
    assert f"| **{assessment.due}** |" in README
    assert re.search(rf"lane {evaluation.decision.lane}, category {evaluation.decision.category}\b", README)
