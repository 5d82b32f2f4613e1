"""`bench assess`: consignments assessed with full trace for each second of processor time, and what of it is the trace."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.cli.bench import traders
from tidewaiter.model.assessment import Assessment, Charge, Citation, Step
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.money import Money
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
        "of it the trace": f"{report.trace_share:.0%}: steps, charges and citations made again from known figures",
    }


def _timed(pairs: Sequence[tuple[Declaration, Regime]]) -> float:
    began = time.process_time()
    for declaration, regime in pairs:
        assess(declaration, regime)
    return time.process_time() - began


def _trace_timed(found: Sequence[Assessment]) -> float:
    """How long it takes to make the trace of these assessments again, all of it and nothing else.

    Every step with its words, every charge with base, rate, exact product and rounding, the measures used
    gathered and their citations looked up: the work that an engine giving amounts alone would not do. The
    figures are taken as they were worked out; what it costs to come by them is not in it.
    """
    known: dict[frozenset[str], dict[str, Citation]] = {}  # as the engine keeps them: most assessments rest on the same
    began = time.process_time()
    for assessment in found:
        used = {assessment.scheme}
        steps = [_again(step, assessment.customs_value.amount, used) for step in assessment.steps]
        charges = [_charge_again(charge, used) for charge in assessment.charges]
        citations = known.setdefault(frozenset(used), assessment.citations)
        replace(assessment, steps=tuple(steps), charges=tuple(charges), citations=citations)
    return time.process_time() - began


def _again(step: Step, amount: Decimal, used: set[str]) -> Step:
    used.add(step.measure_id)
    return Step(f"{step.words[:-4]} {amount!s}", f"{amount!s} EUR", step.measure_id)


def _charge_again(charge: Charge, used: set[str]) -> Charge:
    used.add(charge.measure_id)
    base = charge.base.amount
    return Charge(
        kind=charge.kind,
        type_code=charge.type_code,
        line_no=charge.line_no,
        base=Money(base, charge.base.currency),
        rate=f"{charge.rate[:-2]} %",
        unrounded=charge.unrounded,
        rounding=charge.rounding,
        result=charge.result,
        collection=charge.collection,
        measure_id=charge.measure_id,
        steps=tuple([_again(step, base, used) for step in charge.steps]),
        relief=charge.relief,
    )
