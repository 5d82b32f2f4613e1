"""What operators elect between alternatives of the law: what is offered, what was proposed, and a second officer's answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.regimes.report import offers
from tidewaiter.web import words
from tidewaiter.web.desk.forms import AnyRequest, done, form_page
from tidewaiter.web.house import House
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.records import Proposal

FORM_BYTES_MAX: Final = 64 * 1024
FIELDS: Final = ("offer", "operator", "starts_on")
OFFER_PARTS: Final = 3  # jurisdiction, election, option: none of them has a space


@get("/elections", sync_to_thread=True)
def election_list(request: AnyRequest, house: NamedDependency[House], done: FromQuery[str] = "") -> Template:
    """Every proposal with what became of it, what may be elected, and the form to propose it."""
    return _page(request, house, done=done)


@post("/elections", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def election_propose(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Keep a proposal until another officer answers it."""
    given = await request.form()
    fields = {name: str(given.get(name, "")).strip() for name in FIELDS}

    def propose() -> None:
        house.elections.propose(_proposal(fields, request.user.name))

    return await _done(request, house, propose, "proposed", fields)


@post("/elections/{number:int}", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def election_answer(
    request: AnyRequest, house: NamedDependency[House], number: FromPath[int]
) -> Redirect | Template:
    """Approve what another officer proposed, or refuse it."""
    given = await request.form()
    is_approved = given.get("answer") == "approve"
    answer = partial(house.elections.answer, number, is_approved=is_approved, by=request.user.name)
    return await _done(request, house, answer, "approved" if is_approved else "refused", {})


async def _done(
    request: AnyRequest, house: House, act: Callable[[], Any], what: str, fields: dict[str, str]
) -> Redirect | Template:
    return await done(act, "/elections", what, lambda refused: _page(request, house, refused=refused, fields=fields))


def _page(
    request: AnyRequest,
    house: House,
    *,
    done: str = "",
    refused: TidewaiterError | None = None,
    fields: dict[str, str] | None = None,
) -> Template:
    found = house.elections.all()
    return form_page(
        request,
        "elections.html",
        refused,
        section="law",
        title=words.text("election.title"),
        waiting=[each for each in found if each.is_approved is None],
        answered=[each for each in found if each.is_approved is not None],
        choices=[
            (
                f"{each.jurisdiction_code} {each.measure_id} {option}",
                f"{each.jurisdiction_code}: {each.title}: {option}",
            )
            for each in house.elections.offered()
            for option in each.options
        ],
        offers=offers(),
        done=words.texts().get(f"election.done_{done}", ""),
        fields=dict.fromkeys(FIELDS, "") | (fields or {}),
    )


def _proposal(fields: dict[str, str], by: str) -> Proposal:
    """What the form says. Raises WebError naming the field that cannot be understood."""
    parts = fields["offer"].split(" ")
    if len(parts) != OFFER_PARTS:
        raise WebError("request.invalid", words.text("election.no_offer"), place="offer")
    try:
        starts_on = date.fromisoformat(fields["starts_on"])
    except ValueError as error:
        detail = words.text("election.no_day", text=fields["starts_on"][:40])
        raise WebError("request.invalid", detail, place="starts_on") from error
    jurisdiction_code, measure_id, option = parts
    return Proposal(
        jurisdiction_code=jurisdiction_code,
        measure_id=measure_id,
        operator_id=fields["operator"],
        option=option,
        starts_on=starts_on,
        proposed_by=by,
    )
