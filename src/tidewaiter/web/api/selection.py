"""Selection for machines: work beside budgets, and how much of all is not in order; for officers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from tidewaiter.web.api import selection_shapes as shapes
from tidewaiter.web.api.described import refusals
from tidewaiter.web.api.officers import ASKED, GUARDS, LISTING
from tidewaiter.web.house import House
from tidewaiter.web.principal import FOR_THE_KNOWN
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.budgets import loads
from tidewaiter.workflow.compliance import By, estimated
from tidewaiter.workflow.trying import Period

TAGS: Final = ["Selection"]
DAYS_MAX: Final = 93  # of work that is told at once

Since = Annotated[date, QueryParameter(name="since", description="The first day")]
Until = Annotated[date, QueryParameter(name="until", description="The last day")]


@get(
    "/selection/workload",
    sync_to_thread=True,
    guards=GUARDS,
    summary="What offices were sent to look at, beside their budgets",
    operation_id="readWorkload",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=LISTING,
)
def workload(
    house: NamedDependency[House],
    since: Since,
    until: Until,
    flights: Annotated[bool, QueryParameter(name="flights", description="Flight by flight")] = False,
) -> shapes.LoadPage:
    """Offices with a budget alone; days (UTC) of receipt. Chance and what is mandatory may come to more than a budget."""
    Period(since, until).refuse_reversed()
    if (until - since).days >= DAYS_MAX:
        words = f"The period is longer than {DAYS_MAX} days."
        raise WebError("request.invalid", words, hint="Ask for one part after another.", place="query: until")
    found = loads(house.store, since, until, are_flights_shown=flights)
    return shapes.LoadPage([shapes.LoadShape.of(each) for each in found])


@get(
    "/selection/estimate",
    sync_to_thread=True,
    guards=GUARDS,
    summary="How much of all is not in order",
    operation_id="estimateCompliance",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals(*ASKED, "risk.rule_set"),
)
def estimate(
    house: NamedDependency[House],
    since: Since,
    until: Until,
    by: Annotated[By, QueryParameter(name="by", description="What is put together")] = By.STREAM,
) -> shapes.EstimatePage:
    """From examinations, each weighed by the probability its decision keeps; legal days. Long periods: by command."""
    period = Period(since, until)
    house.rule_trials.refuse_long(period)
    return shapes.EstimatePage(
        [shapes.EstimateShape.of(each) for each in estimated(house.store, period, by, workers=1)]
    )
