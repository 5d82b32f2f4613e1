"""What examinations found: recorded by one officer, approved by another, and the parcels that are tied to a seizure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.outcome import Control, ExaminationOutcome, Found, Result, RiskType
from tidewaiter.release import Trigger
from tidewaiter.risk.lists.identities import KINDS
from tidewaiter.web import words
from tidewaiter.web.desk.forms import AnyRequest, done, form_page
from tidewaiter.web.house import House, now
from tidewaiter.web.problem import WebError
from tidewaiter.workflow import examining_first
from tidewaiter.workflow.linking import Linking
from tidewaiter.workflow.outcome_returns import proposed_entries
from tidewaiter.workflow.seized_lists import Draft, propose_seized

FORM_BYTES_MAX: Final = 64 * 1024
LISTED: Final = 200
QUEUE_SHOWN: Final = 25
LINE_DIGITS_MAX: Final = 4
SEIZURES_SHOWN: Final = 20  # of which what they propose for lists is read from their declarations
WORDS_MAX: Final = 300
FIELDS: Final = ("reference", "result", "control", "risk_type", "line_no", "is_seized", "words", "ends_control")
PATH: Final = "/examinations"


@get(PATH, sync_to_thread=True)
def examination_list(request: AnyRequest, house: NamedDependency[House], done: FromQuery[str] = "") -> Template:
    """What waits for approval, what is tied to a seizure, what waits for its declaration, and the form to record."""
    return _page(request, house, done=done)


@post(PATH, status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def examination_record(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Record what the officer who is signed in found."""
    given = await request.form()
    fields = {name: str(given.get(name, "")).strip() for name in FIELDS}

    def record() -> None:
        then = Trigger.EXAMINED_SATISFACTORY if fields["ends_control"] else None
        house.examinations.record(_outcome(fields, request.user.name), request.user.name, then=then)

    return await _done(request, house, record, "recorded", fields)


@post(PATH + "/{number:int}", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def examination_answer(
    request: AnyRequest, house: NamedDependency[House], number: FromPath[int]
) -> Redirect | Template:
    """Approve what another officer found, with or without refusing the goods; or refuse to approve it."""
    answer = str((await request.form()).get("answer", ""))

    def approve() -> None:
        then = Trigger.EXAMINED_NOT_SATISFACTORY if answer == "refuse_goods" else None
        if house.examinations.approve(number, request.user.name, then=then).outcome.is_seized:
            Linking(house.store).follow_up()

    refuse = partial(house.examinations.refuse, number, request.user.name, "")
    is_approved = answer in ("approve", "refuse_goods")
    return await _done(request, house, approve if is_approved else refuse, "approved" if is_approved else "refused", {})


@post(PATH + "/{number:int}/list", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def examination_list_seized(
    request: AnyRequest, house: NamedDependency[House], number: FromPath[int]
) -> Redirect | Template:
    """Propose what a seizure tells for a list: another officer approves it at the lists' page."""
    given = await request.form()
    draft = Draft(
        name=str(given.get("name", "")).strip(),
        by=request.user.name,
        words=str(given.get("words", "")).strip()[:WORDS_MAX],
        kinds=tuple(kind for kind in KINDS if given.get(kind)),
    )
    return await _done(request, house, partial(propose_seized, house.store, number, draft, now), "listed", {})


async def _done(
    request: AnyRequest, house: House, act: Callable[[], Any], what: str, fields: dict[str, str]
) -> Redirect | Template:
    return await done(act, PATH, what, lambda refused: _page(request, house, refused=refused, fields=fields))


def _page(
    request: AnyRequest,
    house: House,
    *,
    done: str = "",
    refused: TidewaiterError | None = None,
    fields: dict[str, str] | None = None,
) -> Template:
    latest, queue = house.store.outcomes.latest(LISTED), examining_first.waiting(house.store)
    seizures = [each for each in latest if each.standing == "in effect" and each.outcome.is_seized][:SEIZURES_SHOWN]
    return form_page(
        request,
        "examinations.html",
        refused,
        section="rules",
        title=words.text("examination.title"),
        waiting=[each for each in latest if each.standing == "waits"],
        latest=latest,
        queue=queue.parcels[:QUEUE_SHOWN],
        queue_more=len(queue.parcels[QUEUE_SHOWN:]) + queue.unread,
        queue_unread=queue.unread,
        alerts=house.store.links.alerts(LISTED),
        proposals=[(each, found) for each in seizures if (found := proposed_entries(house.store, each))],
        unmatched=house.store.outcomes.unmatched(LISTED),
        results=[(each.value, words.text(f"examination.result_{each.value}")) for each in Result],
        controls=[(each.value, words.text(f"examination.control_{each.value}")) for each in Control],
        risk_types=[(each.value, words.text(f"examination.risk_{each.value}")) for each in RiskType],
        done=words.texts().get(f"examination.done_{done}", ""),
        fields=dict.fromkeys(FIELDS, "") | (fields or {}),
    )


def _outcome(fields: dict[str, str], by: str) -> ExaminationOutcome:
    """What the form says. Raises WebError naming the field that cannot be understood."""
    line = fields["line_no"]
    if line and not (line.isascii() and line.isdigit() and len(line) <= LINE_DIGITS_MAX):
        raise WebError("request.invalid", words.text("examination.no_line", text=line[:40]), place="line_no")
    try:
        found = (
            (
                Found(
                    risk_type=RiskType(fields["risk_type"]),
                    line_no=int(line) if line else None,
                    is_seized=bool(fields["is_seized"]),
                ),
            )
            if fields["risk_type"]
            else ()
        )
        return ExaminationOutcome(
            reference=fields["reference"],
            result=Result(fields["result"]),
            examined_at=datetime.now(UTC),
            examiner=by,
            controls=(Control(fields["control"]),) if fields["control"] else (),
            found=found,
            words=fields["words"],
        )
    except ValueError as error:
        raise WebError("request.invalid", words.text("examination.no_choice"), place="result") from error
