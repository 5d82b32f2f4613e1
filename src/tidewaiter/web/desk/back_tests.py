"""Back-tests and comparisons at the desk: run over a period, the figures, and the parcels themselves with why."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Final

import anyio.to_thread
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.web import listing, words
from tidewaiter.web.desk import rule_view
from tidewaiter.web.desk.forms import AnyRequest, form_page
from tidewaiter.web.house import House
from tidewaiter.web.page import query, render
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.backtesting import matrix
from tidewaiter.workflow.comparing import RuleChange
from tidewaiter.workflow.rule_set_records import Key, RuleSetError
from tidewaiter.workflow.trying import Period

PARCELS_SHOWN: Final = 20  # on one page: each is read and explained
COMPARED_SHOWN: Final = 100


@post("/rules/{name:str}/{number:int}/back-tests", status_code=200)
async def back_test_run(
    request: AnyRequest, house: NamedDependency[House], name: FromPath[str], number: FromPath[int]
) -> Redirect:
    """Run a version over the period that was typed, then show what came out."""
    given = await request.form()
    fields = {field: str(given.get(field, "")).strip() for field in ("since", "until")}
    run = partial(_run, house, (rule_view.key_of(name), number), fields, request.user.name)
    return Redirect(f"/back-tests/{await anyio.to_thread.run_sync(run)}", status_code=303)


@get("/back-tests/{number:int}", sync_to_thread=True)
def back_test_page(
    request: AnyRequest,
    house: NamedDependency[House],
    number: FromPath[int],
    rule: FromQuery[str] = "",
    after: FromQuery[int] = 0,
) -> Template:
    """The figures of a back-test, and its parcels page by page."""
    done, figures = house.rule_trials.one(number)
    wanted = listing.text("rule", rule)
    found = house.rule_trials.hits(done, wanted, after=max(0, after), limit=PARCELS_SHOWN + 1)
    shown = found[:PARCELS_SHOWN]
    names, rows = matrix(figures)
    next_after = shown[-1].hit.declaration_id if len(found) > PARCELS_SHOWN else None
    return render(
        request,
        "back_test.html",
        section="rules",
        title=words.text("rules.back_test_title", n=number, name=str(done.key)),
        done=done,
        figures=figures,
        address=rule_view.address(done.key),
        parcels=shown,
        names=names,
        rows=rows,
        rule=wanted,
        older=f"/back-tests/{number}" + query({"rule": wanted, "after": next_after}) + "#parcels" if next_after else "",
    )


@get("/rules/{name:str}/compare", sync_to_thread=True)
def comparison_page(request: AnyRequest, house: NamedDependency[House], name: FromPath[str]) -> Template:
    """Two versions: rules that differ, and the parcels of a period that come to another lane."""
    key, asked = rule_view.key_of(name), request.query_params
    versions = house.rule_sets.versions(key)
    old = house.rule_sets.version(key, _number("before", asked.get("before", str(versions[-1].version))))
    new = house.rule_sets.version(key, _number("after", asked.get("after", str(versions[0].version))))
    fields = {field: asked.get(field, "").strip() for field in ("since", "until")}
    refused: TidewaiterError | None = None
    rules: tuple[RuleChange, ...] = ()
    lanes, period = None, house.rule_trials.usual_period(key)
    try:
        rules = house.rule_trials.compare(old, new)
        if period is not None and any(fields.values()):
            period = _period(house, key, fields)
            lanes = house.rule_trials.lanes(old, new, period)
    except TidewaiterError as error:
        refused = error
    return form_page(
        request,
        "rule_compare.html",
        refused,
        section="rules",
        title=words.text("rules.compare_title", name=str(key), before=old.version, after=new.version),
        address=rule_view.address(key),
        key=key,
        versions=versions,
        old=old,
        new=new,
        rules=rules,
        lanes=lanes,
        period=period,
        limit=COMPARED_SHOWN,
    )


def _run(house: House, which: tuple[Key, int], fields: dict[str, str], by: str) -> int:
    version = house.rule_sets.version(*which)
    done, _ = house.rule_trials.back_test(version, _period(house, version.key, fields), by)
    return done.back_test_id


def _period(house: House, key: Key, fields: dict[str, str]) -> Period:
    """The period that was typed. Raises WebError for what is no day, RuleSetError for too much or nothing."""
    usual = house.rule_trials.usual_period(key)
    if usual is None:
        raise RuleSetError(words.text("rules.nothing_decided"))
    since, until = (_day(field, fields[field]) for field in ("since", "until"))
    period = Period(since or usual.since, until or usual.until, key.jurisdiction_code)
    house.rule_trials.refuse_long(period)
    return period


def _day(field: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise WebError("request.invalid", words.text("election.no_day", text=text[:40]), place=field) from error


def _number(field: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise WebError("request.invalid", words.text("rules.no_version", text=text[:40]), place=field)
    return int(text)
