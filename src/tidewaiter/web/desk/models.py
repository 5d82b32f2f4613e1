"""Models of scores at the desk: what decides and what is tried, one model with its card, and the second person's answer."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.risk.scoring.telling import known, looked_at
from tidewaiter.web import words
from tidewaiter.web.api.model_shapes import CONTENT_MAX
from tidewaiter.web.api.models import SAMPLE
from tidewaiter.web.desk.forms import AnyRequest, done, form_page
from tidewaiter.web.house import House
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.drifting import Between, risk_type_of
from tidewaiter.workflow.model_records import ModelState, ModelStep, ModelVersion
from tidewaiter.workflow.models import Model, Who
from tidewaiter.workflow.trying import Period

PATH: Final = "/models"
FORM_BYTES_MAX: Final = CONTENT_MAX + 1_000_000
LOOKED_AT: Final = 12
KNOWN: Final = 15
DRIFTED: Final = ("since", "until", "against_since", "against_until")
FIELDS: Final = ("name", "jurisdiction", "words")
STEPS: Final = {each.value: each for each in ModelStep if each not in (ModelStep.REGISTER, ModelStep.SUPERSEDE)}


@get(PATH, sync_to_thread=True)
def model_list(request: AnyRequest, house: NamedDependency[House], done: FromQuery[str] = "") -> Template:
    """Every model, what waits for an answer first, and the form to register one."""
    return _list(request, house, done=done)


@post(PATH, status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def model_register(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Keep a model until another officer approves it."""
    given = await request.form()
    fields = {name: str(given.get(name, "")).strip() for name in FIELDS}
    content, card = await _file(given.get("model")), await _file(given.get("card"))

    def register() -> None:
        if not content:
            raise WebError("request.invalid", words.text("model.no_file"), place="model")
        model = Model(name=fields["name"], content=content, card=card, jurisdiction_code=fields["jurisdiction"].upper())
        house.models.register(model, Who(request.user.name, fields["words"]))

    return await done(register, PATH, "registered", lambda refused: _list(request, house, refused, fields))


@get(PATH + "/{number:int}", sync_to_thread=True)
def model_page(
    request: AnyRequest, house: NamedDependency[House], number: FromPath[int], done: FromQuery[str] = ""
) -> Template:
    """One model: its card, what it asks for and knows, whether it still fits, and what was done with it."""
    return _page(request, house, number, done=done)


@post(PATH + "/{number:int}", status_code=200, request_max_body_size=64 * 1024)
async def model_act(request: AnyRequest, house: NamedDependency[House], number: FromPath[int]) -> Redirect | Template:
    """Take a step with a model, or hold two periods against it."""
    given = await request.form()
    action, why = str(given.get("action", "")), str(given.get("words", ""))[:500]
    days = {name: str(given.get(name, "")).strip() for name in DRIFTED}

    def act() -> None:
        who = Who(request.user.name, why)
        if action == "look":
            version = house.models.one(number)
            house.models.look(version, _between(days, version), who, SAMPLE)
        elif action in STEPS:
            house.models.take(number, STEPS[action], who)
        else:
            raise WebError("request.invalid", words.text("rules.no_step", text=action[:40]), place="action")

    address = f"{PATH}/{number}"
    return await done(act, address, action, lambda refused: _page(request, house, number, refused, days))


async def _file(given: Any) -> bytes:
    return await given.read() if isinstance(given, UploadFile) and given.filename else b""


def _list(
    request: AnyRequest,
    house: House,
    refused: TidewaiterError | None = None,
    fields: dict[str, str] | None = None,
    done: str = "",
) -> Template:
    versions = house.models.all()
    return form_page(
        request,
        "models.html",
        refused,
        section="rules",
        title=words.text("model.title"),
        waiting=[each for each in versions if each.state is ModelState.REGISTERED],
        versions=versions,
        done=words.texts().get(f"model.done_{done}", ""),
        fields=dict.fromkeys(FIELDS, "") | (fields or {}),
    )


def _page(
    request: AnyRequest,
    house: House,
    number: int,
    refused: TidewaiterError | None = None,
    days: dict[str, str] | None = None,
    done: str = "",
) -> Template:
    version = house.models.one(number)
    model, looks = house.models.model(version), house.models.looks(version)
    return form_page(
        request,
        "model.html",
        refused,
        section="rules",
        title=words.text("model.one_title", name=version.name, number=number),
        shown=version,
        card=house.models.card(version),
        base=model.base_rate / 1e6,
        looked_at=looked_at(model)[:LOOKED_AT],
        known=known(model, KNOWN),
        events=tuple(reversed(house.store.models.events(number))),
        look=looks[0] if looks else None,
        days=dict.fromkeys(DRIFTED, "") | (days or {}),
        done=words.texts().get(f"model.done_{done}", ""),
    )


def _between(days: dict[str, str], version: ModelVersion) -> Between:
    """The periods as the form says them. Raises WebError naming the day that is none."""
    found = {}
    for name, text in days.items():
        try:
            found[name] = date.fromisoformat(text)
        except ValueError as error:
            raise WebError("request.invalid", words.text("model.no_day", text=text[:20]), place=name) from error
    code = version.jurisdiction_code
    before = Period(found["against_since"], found["against_until"], code)
    after = Period(found["since"], found["until"], code)
    if after.until < after.since or before.until < before.since:
        raise WebError("request.invalid", words.text("model.no_period"), place="until")
    return Between(before, after, risk_type_of(version.name))
