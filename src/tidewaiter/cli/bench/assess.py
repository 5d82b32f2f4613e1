"""`bench assess`: consignments assessed with full trace for each second of processor time, and what of it is the trace."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.cli.bench import traders
from tidewaiter.model.assessment import Assessment, Charge, Step
from tidewaiter.model.declaration import Declaration
from tidewaiter.regimes import Regime

ROUNDS = 3
SEED = 11


class Report(Struct, frozen=True, kw_only=True):
    """What one process did; seconds are of processor time, the best of some rounds."""

    consignments: int
    jurisdictions: int
    charges: int
    steps: int
    seconds: float
    trace_seconds: float

    @property
    def a_second(self) -> float:
        """Consignments for each second of processor time."""
        return self.consignments / self.seconds

    @property
    def trace_share(self) -> float:
        """Which part of the time goes into words, steps and records of charges."""
        return self.trace_seconds / self.seconds


def run(count: int) -> Report:
    """Assess so many simulated consignments of one to two lines under the law of several jurisdictions."""
    stories = [story.happenings[0] for story in traders.stories(SEED, 0, count)]
    pairs = [(each.declaration, each.regime) for each in stories]
    found = [assess(*pair) for pair in pairs]  # once, so that law is compiled
    seconds = min(_timed(pairs) for _ in range(ROUNDS))
    trace = min(_trace_timed(found) for _ in range(ROUNDS))
    return Report(
        consignments=count,
        jurisdictions=len({each.jurisdiction_code for each in found}),
        charges=sum(len(each.charges) for each in found),
        steps=sum(len(each.steps) + sum(len(charge.steps) for charge in each.charges) for each in found),
        seconds=seconds,
        trace_seconds=trace,
    )


def row(report: Report) -> dict[str, str]:
    """What people are shown of a report."""
    return {
        "consignments": f"{report.consignments:,} under the law of {report.jurisdictions} jurisdictions",
        "charges and steps of the trace": f"{report.charges:,} and {report.steps:,}",
        "assessed with full trace": f"{report.a_second:,.0f} a second of processor time (aim: 10,000)",
        "one consignment": f"{report.seconds / report.consignments * 1e6:,.0f} us",
        "of it the trace": f"{report.trace_share:.0%} (its words and records made once more by themselves)",
    }


def _timed(pairs: Sequence[tuple[Declaration, Regime]]) -> float:
    began = time.process_time()
    for declaration, regime in pairs:
        assess(declaration, regime)
    return time.process_time() - began


def _trace_timed(found: Sequence[Assessment]) -> float:
    """How long it takes to make the words and records of the trace again from the figures."""
    began = time.process_time()
    for assessment in found:
        for step in assessment.steps:
            _again(step, assessment.customs_value.amount)
        for charge in assessment.charges:
            for step in charge.steps:
                _again(step, charge.base.amount)
            _copied(charge)
    return time.process_time() - began


def _again(step: Step, amount: Decimal) -> Step:
    return Step(f"{step.words} {amount!s}", f"{amount!s} EUR", step.measure_id)


def _copied(charge: Charge) -> Charge:
    return replace(charge, rate=f"{charge.unrounded!s} %")
