"""What offices were sent to look at beside what they can, and what examinations say of all parcels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from litestar import get
from litestar.di import NamedDependency
from litestar.response import Template

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.web import words
from tidewaiter.web.desk.forms import AnyRequest
from tidewaiter.web.house import House, now
from tidewaiter.web.page import render
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.budgets import budgets_in_use, loads
from tidewaiter.workflow.compliance import By, Estimate, estimated
from tidewaiter.workflow.trying import Period

DAYS_SHOWN: Final = 14


@get("/selection", sync_to_thread=True)
def selection_page(request: AnyRequest, house: NamedDependency[House]) -> Template:
    """The work of the last two weeks; and, where a period is typed, the share not in order by stream."""
    today = now().date()
    asked = request.query_params
    fields = {name: asked.get(name, "").strip() for name in ("since", "until", "by")}
    found: Sequence[Estimate] | None = None
    refused: TidewaiterError | None = None
    by = By.STREAM
    try:
        by = _by(fields["by"])
        if fields["since"] or fields["until"]:
            period = Period(_day("since", fields["since"]), _day("until", fields["until"]))
            house.rule_trials.refuse_long(period)
            found = estimated(house.store, period, by, workers=1)
    except TidewaiterError as error:
        refused = error
    return render(
        request,
        "selection.html",
        section="rules",
        title=words.text("selection.title"),
        has_budgets=bool(budgets_in_use(house.store)),
        loads=loads(house.store, today - timedelta(DAYS_SHOWN - 1), today),
        estimates=found,
        refused=refused,
        fields={
            "since": fields["since"] or (today - timedelta(DAYS_SHOWN)).isoformat(),
            "until": fields["until"] or today.isoformat(),
        },
        by=by,
        choices=tuple(By),
    )


def _by(text: str) -> By:
    try:
        return By(text or By.STREAM)
    except ValueError as error:
        raise WebError("request.invalid", "Parcels cannot be put together by this.", place="by") from error


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        hint = words.text("selection.day_hint")
        raise WebError("request.invalid", words.text("selection.no_day"), hint=hint, place=name) from error
