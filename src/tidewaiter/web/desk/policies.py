"""Policies at the desk: which decides, versions written and checked, and brought into force by a second officer."""

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
from tidewaiter.risk.policy import shipped_text
from tidewaiter.risk.rules import RuleError
from tidewaiter.web import words
from tidewaiter.web.desk.forms import AnyRequest, form_page
from tidewaiter.web.house import House
from tidewaiter.web.page import query
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.policies import Policies, policy_key
from tidewaiter.workflow.rule_set_records import MAY, Key, Step, Version, VersionState
from tidewaiter.workflow.rule_sets import Who

FORM_BYTES_MAX: Final = 900_000
LETTERS_TOLD: Final = 40
PATH: Final = "/policies"
STEPS: Final[dict[Step, Callable[[Policies, Key, int, Who], Any]]] = {
    Step.CHECK: Policies.check,
    Step.PROPOSE: Policies.propose,
    Step.APPROVE: Policies.approve,
    Step.PUBLISH: Policies.publish,
    Step.REFUSE: Policies.refuse,
    Step.RETIRE: Policies.retire,
}


@get(PATH, sync_to_thread=True)
def policy_list(request: AnyRequest, house: NamedDependency[House]) -> Template:
    """Which policies decide, every version, and the form to begin one."""
    return _list(request, house, {})


@post(PATH, status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def policy_begin(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Keep a text as a new version."""
    fields = await _fields(request)
    key = policy_key(fields.get("jurisdiction", ""))
    begin = partial(house.policies.begin, key, fields.get("text", ""), _who(request, fields))
    try:
        version = await anyio.to_thread.run_sync(begin)
    except TidewaiterError as refused:
        return await anyio.to_thread.run_sync(partial(_list, request, house, fields, refused))
    return Redirect(_address(version, done="begun"), status_code=303)


@get(PATH + "/{number:int}", sync_to_thread=True)
def policy_page(
    request: AnyRequest,
    house: NamedDependency[House],
    number: FromPath[int],
    jurisdiction: FromQuery[str] = "",
    done: FromQuery[str] = "",
) -> Template:
    """One version: its text, what is wrong with it, what was done with it and may be done."""
    return _version(request, house, house.policies.version(policy_key(jurisdiction), number), done=done)


@post(PATH + "/{number:int}", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def policy_act(
    request: AnyRequest, house: NamedDependency[House], number: FromPath[int], jurisdiction: FromQuery[str] = ""
) -> Redirect | Template:
    """Write the draft anew, or take a step with it; what is refused is said beside what was typed."""
    fields = await _fields(request)
    return await anyio.to_thread.run_sync(partial(_act, request, house, (jurisdiction, number), fields))


def _act(request: AnyRequest, house: House, which: tuple[str, int], fields: Mapping[str, str]) -> Redirect | Template:
    version = house.policies.version(policy_key(which[0]), which[1])
    action, who = fields.get("action", ""), _who(request, fields)
    try:
        if action in ("save_check", "save_as"):
            version = _saved(house, version, fields, who)
            house.policies.check(version.key, version.version, who)
        else:
            _step(house, version, action, who)
    except TidewaiterError as refused:
        again = house.policies.version(version.key, version.version)
        return _version(request, house, again, refused=refused, typed=fields.get("text"))
    return Redirect(_address(version, done=action), status_code=303)


def _saved(house: House, version: Version, fields: Mapping[str, str], who: Who) -> Version:
    """The version as it stands when what was typed is kept. Raises RuleSetError, DraftChangedError."""
    text = fields.get("text", "").replace("\r\n", "\n")
    if fields["action"] == "save_as":
        return house.policies.begin(version.key, text, who)
    revision = fields.get("revision", "")
    if not (revision.isascii() and revision.isdigit()) or len(revision) > 9:
        raise WebError("request.invalid", words.text("rules.no_revision"), place="revision")
    return house.policies.write(replace(version, revision=int(revision)), text, who)


def _step(house: House, version: Version, action: str, who: Who) -> None:
    try:
        take = STEPS[Step(action)]
    except (ValueError, KeyError) as error:
        detail = words.text("rules.no_step", text=action[:LETTERS_TOLD])
        raise WebError("request.invalid", detail, place="action") from error
    take(house.policies, version.key, version.version, who)


def _list(
    request: AnyRequest, house: House, fields: Mapping[str, str], refused: TidewaiterError | None = None
) -> Template:
    found = house.policies.all()
    codes = dict.fromkeys(["", *(version.key.jurisdiction_code for version, _ in found)])
    return form_page(
        request,
        "policies.html",
        refused,
        section="rules",
        title=words.text("policy.title"),
        deciding=[(code, *house.policies.deciding(code)) for code in codes],
        versions=[(version, event, _address(version)) for version, event in found],
        fields={"jurisdiction": "", "words": "", "text": shipped_text()} | dict(fields),
    )


def _version(
    request: AnyRequest,
    house: House,
    version: Version,
    *,
    done: str = "",
    refused: TidewaiterError | None = None,
    typed: str | None = None,
) -> Template:
    events = [each for each in house.policies.history(version.key) if each.version == version.version]
    was_published = any(each.step is Step.PUBLISH for each in events)
    return form_page(
        request,
        "policy.html",
        refused,
        section="rules",
        title=words.text(
            "policy.version_title",
            name=version.key.jurisdiction_code or words.text("rules.everywhere"),
            number=version.version,
        ),
        shown_version=version,
        address=_address(version),
        told=house.policies.examine(version.key, version.text),
        mistakes=refused.problems if isinstance(refused, RuleError) else (),
        events=tuple(reversed(events)),
        authors=tuple({each.actor for each in events if each.step in (Step.WRITE, Step.PROPOSE)}),
        steps=[step for step in STEPS if _may(version, step, was_published=was_published)],
        is_open=version.state in MAY[Step.WRITE],
        typed=version.text if typed is None else typed,
        done=words.texts().get(f"rules.done_{done}", ""),
    )


def _may(version: Version, step: Step, *, was_published: bool) -> bool:
    if version.state not in MAY[step]:
        return False
    return step is not Step.PROPOSE or version.state is not VersionState.RETIRED or was_published


def _address(version: Version, **more: str) -> str:
    code = version.key.jurisdiction_code
    return f"{PATH}/{version.version}" + query(({"jurisdiction": code} if code else {}) | more)


async def _fields(request: AnyRequest) -> dict[str, str]:
    given = await request.form()
    return {name: str(value) for name, value in given.items()}


def _who(request: AnyRequest, fields: Mapping[str, str]) -> Who:
    return Who(request.user.name, fields.get("words", "")[:500])
