"""What rules saw on parcels' ways: all that somebody is still to look at, and the officer's answer to each."""

from __future__ import annotations

from typing import Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.web import words
from tidewaiter.web.desk.forms import AnyRequest, done, form_page
from tidewaiter.web.house import House, now
from tidewaiter.web.problem import WebError

FORM_BYTES_MAX: Final = 64 * 1024
LISTED: Final = 200
WORDS_MAX: Final = 2_000
PATH: Final = "/movement"


@get(PATH, sync_to_thread=True)
def movement_list(request: AnyRequest, house: NamedDependency[House], done: FromQuery[str] = "") -> Template:
    """What is open, what holds goods first, then the oldest."""
    return _page(request, house, done=done)


@post(PATH + "/{declaration_id:int}", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def movement_answer(
    request: AnyRequest, house: NamedDependency[House], declaration_id: FromPath[int]
) -> Redirect | Template:
    """Answer one finding: it is closed, and a parcel that has not arrived is taken off the alarm."""
    form = await request.form()
    rule_id, event_id, said = (str(form.get(name, "")).strip() for name in ("rule_id", "event_id", "words"))

    def answer() -> None:
        if not said or len(said) > WORDS_MAX:
            raise WebError("request.invalid", words.text("way.words_wanted", n=WORDS_MAX), place="words")
        jurisdiction_code = house.store.decision(declaration_id).row.jurisdiction_code
        house.store.following.answer((declaration_id, rule_id, event_id), request.user.name, said, now())
        with house.store.writing() as transaction:
            house.following.renew_alarm(transaction, jurisdiction_code)

    address = f"/parcels/{declaration_id}" if form.get("from") == "parcel" else PATH
    return await done(answer, address, "finding_answered", lambda refused: _page(request, house, refused=refused))


def _page(request: AnyRequest, house: House, *, done: str = "", refused: TidewaiterError | None = None) -> Template:
    found = house.store.following.open_findings(LISTED + 1)
    return form_page(
        request,
        "movement.html",
        refused,
        section="parcels",
        title=words.text("way.open_title"),
        shown=found[:LISTED],
        is_more=len(found) > LISTED,
        limit=LISTED,
        done=words.texts().get(f"action.{done}", ""),
    )
