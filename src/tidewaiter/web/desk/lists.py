"""Lists: what is looked for, what was proposed, a second officer's answer, and whom a name is like."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.judgement import Lane
from tidewaiter.risk.lists import ListKind, PublishedList
from tidewaiter.risk.lists.files import read_entries
from tidewaiter.risk.lists.published import WATCHING
from tidewaiter.risk.lists.screened import SCREENED, whom
from tidewaiter.web import words
from tidewaiter.web.desk.forms import AnyRequest, done, form_page
from tidewaiter.web.house import House, now
from tidewaiter.web.page import render
from tidewaiter.web.problem import WebError

FORM_BYTES_MAX: Final = 4 * 1024 * 1024
NAME_LENGTH_MAX: Final = 300
ENTRIES_SHOWN: Final = 500
VERSIONS_SHOWN: Final = 50
FIELDS: Final = ("name", "kind", "title", "source", "lane", "lifts", "entries", "why")


@get("/lists", sync_to_thread=True)
def list_list(request: AnyRequest, house: NamedDependency[House], done: FromQuery[str] = "") -> Template:
    """Every list in use, the versions that wait for an answer, and the form to propose one."""
    return _page(request, house, done=done)


@post("/lists", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def list_propose(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Keep a version until another officer answers it."""
    given = await request.form()
    fields = {name: str(given.get(name, "")).strip() for name in FIELDS}

    def propose() -> None:
        house.lists.propose(_listed(fields), "", request.user.name, fields["why"])

    return await _done(request, house, propose, "proposed", fields)


@post("/lists/versions/{number:int}", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def list_answer(request: AnyRequest, house: NamedDependency[House], number: FromPath[int]) -> Redirect | Template:
    """Approve what another officer proposed, or refuse it."""
    given = await request.form()
    is_approved = given.get("answer") == "approve"
    answer = partial(house.lists.answer, number, request.user.name, is_approved=is_approved)
    return await _done(request, house, answer, "approved" if is_approved else "refused", {})


@get("/lists/{name:str}", sync_to_thread=True)
def list_page(
    request: AnyRequest, house: NamedDependency[House], name: FromPath[str], text: FromQuery[str] = ""
) -> Template:
    """One list in use: its entries, and whom a name is like."""
    found = house.lists.content(name)
    today = now().date()
    matches = whom(found, text[:NAME_LENGTH_MAX], today) if text.strip() and found.kind in SCREENED else []
    return render(
        request,
        "list.html",
        section="rules",
        title=found.title,
        listed=found,
        in_force=len([each for each in found.entries if each.is_in_force(today)]),
        shown=found.entries[:ENTRIES_SHOWN],
        versions=house.store.lists.versions(name)[:VERSIONS_SHOWN],
        text=text,
        matches=matches,
        today=today,
        is_screened=found.kind in SCREENED,
        is_watching=found.kind in WATCHING,
    )


@get("/lists/versions/{number:int}", sync_to_thread=True)
def list_version_page(request: AnyRequest, house: NamedDependency[House], number: FromPath[int]) -> Template:
    """What a version holds and would change, for whoever answers it."""
    version = house.lists.version(number)
    proposed = house.lists.proposed(version)
    entries = proposed.entries if proposed is not None else ()
    return render(
        request,
        "list_version.html",
        section="rules",
        title=words.text("list.version_of", n=number, name=version.name),
        version=version,
        listed=proposed,
        changes=house.lists.changes(version),
        shown=entries[:ENTRIES_SHOWN],
        entry_count=len(entries),
    )


async def _done(
    request: AnyRequest, house: House, act: Callable[[], Any], what: str, fields: dict[str, str]
) -> Redirect | Template:
    return await done(act, "/lists", what, lambda refused: _page(request, house, refused=refused, fields=fields))


def _page(
    request: AnyRequest,
    house: House,
    *,
    done: str = "",
    refused: TidewaiterError | None = None,
    fields: dict[str, str] | None = None,
) -> Template:
    versions, today = house.store.lists.versions(), now().date()
    return form_page(
        request,
        "lists.html",
        refused,
        section="rules",
        title=words.text("list.title"),
        lists=house.lists.in_use(),
        in_force=lambda listed: sum(each.is_in_force(today) for each in listed.entries),
        waiting=[each for each in versions if each.is_approved is None],
        kinds=[(kind.value, words.text(f"list_kind.{kind.value}")) for kind in ListKind],
        lanes=[(lane.value, words.text(f"lane.{lane.value}")) for lane in Lane if lane is not Lane.GREEN],
        problems=[str(each) for each in getattr(refused, "problems", ())][:VERSIONS_SHOWN],
        done=words.texts().get(f"list.done_{done}", ""),
        fields=dict.fromkeys(FIELDS, "") | {"kind": "parties", "lane": "yellow"} | (fields or {}),
    )


def _listed(fields: dict[str, str]) -> PublishedList:
    """What the form says. Raises ListFileError with every line that is wrong, WebError for a choice that is none."""
    try:
        kind, lane = ListKind(fields["kind"] or "parties"), Lane(fields["lane"] or "yellow")
    except ValueError as error:
        raise WebError("request.invalid", str(error), place="kind") from error
    return PublishedList(
        name=fields["name"],
        kind=kind,
        title=fields["title"],
        source=fields["source"],
        entries=read_entries(fields["entries"].replace("\r\n", "\n") + "\n", kind),
        lane=lane,
        lifts=tuple(part.strip() for part in fields["lifts"].split(",") if part.strip()),
    )
