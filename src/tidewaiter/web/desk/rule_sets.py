"""Rule sets at the desk: what there is, one set with its history, one version written, checked and brought into force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import anyio.to_thread
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from msgspec.structs import replace

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.risk.rules import RuleError
from tidewaiter.web import words
from tidewaiter.web.desk import rule_view
from tidewaiter.web.desk.forms import AnyRequest, form_page
from tidewaiter.web.house import House
from tidewaiter.web.page import query, render
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.rule_set_records import DraftChangedError, Key, Step, Version
from tidewaiter.workflow.rule_sets import RuleSets, Who

FORM_BYTES_MAX: Final = 9_000_000
LETTERS_TOLD: Final = 40
STEPS: Final[dict[Step, Callable[[RuleSets, Key, int, Who], Any]]] = {
    Step.CHECK: RuleSets.check,
    Step.TRY: RuleSets.start_trial,
    Step.END_TRIAL: RuleSets.end_trial,
    Step.PROPOSE: RuleSets.propose,
    Step.APPROVE: RuleSets.approve,
    Step.REFUSE: RuleSets.refuse,
    Step.PUBLISH: RuleSets.publish,
    Step.RETIRE: RuleSets.retire,
}


@get("/rules", sync_to_thread=True)
def rule_list(request: AnyRequest, house: NamedDependency[House]) -> Template:
    """Every rule set with its versions, and the form to begin one."""
    return _list(request, house, {})


@post("/rules", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def rule_begin(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Keep a text as a new version of a rule set."""
    fields = await _fields(request)
    key = Key(fields.get("name", ""), fields.get("jurisdiction", "").upper())
    begin = partial(house.rule_sets.begin, key, fields.get("text", ""), _who(request, fields))
    try:
        version = await anyio.to_thread.run_sync(begin)
    except TidewaiterError as refused:
        return await anyio.to_thread.run_sync(partial(_list, request, house, fields, refused))
    return Redirect(f"{rule_view.address(key)}/{version.version}?done=begun", status_code=303)


@get("/rules/{name:str}", sync_to_thread=True)
def rule_set_page(request: AnyRequest, house: NamedDependency[House], name: FromPath[str]) -> Template:
    """One rule set: its versions, every step, its back-tests."""
    key = rule_view.key_of(name)
    versions = house.rule_sets.versions(key)
    return render(
        request,
        "rule_set.html",
        section="rules",
        title=str(key),
        key=key,
        address=rule_view.address(key),
        versions=versions,
        events=tuple(reversed(house.rule_sets.history(key))),
        back_tests=house.store.rule_sets.back_tests(key),
        in_use=[each for each in house.store.parts.in_use() if each.part.name == key.name],
    )


@get("/rules/{name:str}/{number:int}", sync_to_thread=True)
def version_page(
    request: AnyRequest,
    house: NamedDependency[House],
    name: FromPath[str],
    number: FromPath[int],
    view: FromQuery[str] = "text",
    done: FromQuery[str] = "",
) -> Template:
    """One version: its text with every mistake beside its line, as forms and as tables, and what may be done with it."""
    version = house.rule_sets.version(rule_view.key_of(name), number)
    return _version(request, house, version, view=view, done=done)


@post("/rules/{name:str}/{number:int}", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def version_act(
    request: AnyRequest, house: NamedDependency[House], name: FromPath[str], number: FromPath[int]
) -> Redirect | Template:
    """Write the draft anew, or take a step with it; what is refused is said beside what was typed."""
    fields = await _fields(request)
    return await anyio.to_thread.run_sync(partial(_act, request, house, (name, number), fields))


def _act(request: AnyRequest, house: House, which: tuple[str, int], fields: Mapping[str, str]) -> Redirect | Template:
    version = house.rule_sets.version(rule_view.key_of(which[0]), which[1])
    action, who = fields.get("action", ""), _who(request, fields)
    view = fields.get("view", "text")
    try:
        if action in ("save", "save_check", "save_as", "save_form", "save_table"):
            version = _saved(house, version, fields, who)
            if action == "save_check":
                house.rule_sets.check(version.key, version.version, who)
        else:
            _step(house, version, action, who)
    except TidewaiterError as refused:
        again = house.rule_sets.version(version.key, version.version)
        typed = fields.get("text") if action.startswith("save") else None
        return _version(request, house, again, view=view, refused=refused, typed=typed)
    said = query({"done": action, **({"view": view} if view != "text" else {})})
    return Redirect(f"{rule_view.address(version.key)}/{version.version}{said}", status_code=303)


def _saved(house: House, version: Version, fields: Mapping[str, str], who: Who) -> Version:
    """The version as it stands when what was typed is kept. Raises RuleError, RuleSetError, DraftChangedError."""
    action, revision = fields["action"], fields.get("revision", "")
    if not (revision.isascii() and revision.isdigit()) or len(revision) > 9:
        raise WebError("request.invalid", words.text("rules.no_revision"), place="revision")
    seen = replace(version, revision=int(revision))
    text = fields.get("text", "").replace("\r\n", "\n")
    if action in ("save_form", "save_table"):
        if seen.revision != version.revision:
            raise DraftChangedError(f"{version} was written anew meanwhile", hint=words.text("rules.read_again"))
        view = rule_view.arrange(version, house.rule_sets.examine(version.key, version.text), ())
        if view.told.mistakes:
            raise RuleError(view.told.mistakes)
        changed = rule_view.changed_forms if action == "save_form" else rule_view.changed_table
        text = changed(view, fields)
    if action == "save_as":
        return house.rule_sets.begin(version.key, text, who)
    return house.rule_sets.write(seen, text, who)


def _step(house: House, version: Version, action: str, who: Who) -> None:
    try:
        step = Step(action)
        take = STEPS[step]
    except (ValueError, KeyError) as error:
        detail = words.text("rules.no_step", text=action[:LETTERS_TOLD])
        raise WebError("request.invalid", detail, place="action") from error
    take(house.rule_sets, version.key, version.version, who)


def _list(
    request: AnyRequest, house: House, fields: Mapping[str, str], refused: TidewaiterError | None = None
) -> Template:
    found = house.rule_sets.all()
    by_set: dict[Key, list[Any]] = {}
    for version, event in found:
        by_set.setdefault(version.key, []).append((version, event))
    return form_page(
        request,
        "rules.html",
        refused,
        section="rules",
        title=words.text("rules.title"),
        sets=by_set,
        address=rule_view.address,
        fields=dict.fromkeys(("name", "jurisdiction", "text", "words"), "") | dict(fields),
    )


def _version(
    request: AnyRequest,
    house: House,
    version: Version,
    *,
    view: str = "text",
    done: str = "",
    refused: TidewaiterError | None = None,
    typed: str | None = None,
) -> Template:
    key = version.key
    told = house.rule_sets.examine(key, version.text)
    arranged = rule_view.arrange(version, told, tuple(house.rule_sets.history(key)))
    return form_page(
        request,
        "rule_version.html",
        refused,
        section="rules",
        title=words.text("rules.version_title", name=str(key), number=version.version),
        address=rule_view.address(key),
        view=arranged,
        mistakes=refused.problems if isinstance(refused, RuleError) else (),
        shown=view if view in rule_view.VIEWS else "text",
        views=rule_view.VIEWS,
        typed=version.text if typed is None else typed,
        period=house.rule_trials.usual_period(key),
        others=[each for each in house.rule_sets.versions(key) if each.version != version.version],
        done=words.texts().get(f"rules.done_{done}", ""),
    )


async def _fields(request: AnyRequest) -> dict[str, str]:
    given = await request.form()
    return {name: str(value) for name, value in given.items()}


def _who(request: AnyRequest, fields: Mapping[str, str]) -> Who:
    return Who(request.user.name, fields.get("words", "")[:500])
