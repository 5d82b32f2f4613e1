"""Follow a parcel: what was decided, who says so, and the proof of it, checked in the page. Nobody has to sign in.

Who asks gives the parcel's number and the code that its sender gave the buyer. Without the right code nothing is said,
not even whether there is such a parcel. With it no person is named: what is told is what the number itself tells, and which carrier says so.
"""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.response import Template
from msgspec import Struct

from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.movement import Moved, course
from tidewaiter.movement.steps import LEADS_TO
from tidewaiter.movement.steps import Step as MovementStep
from tidewaiter.web import lookup, words
from tidewaiter.web.desk.raw import download
from tidewaiter.web.house import House
from tidewaiter.web.pace import keep_pace
from tidewaiter.web.page import render
from tidewaiter.workflow.following_ports import Teller, Telling
from tidewaiter.workflow.ports import DeclarationRow, Filter
from tidewaiter.workflow.recording import subject_of
from tidewaiter.workflow.recording_logs import policy_of
from tidewaiter.workflow.recording_opened import ErasedError, receipt
from tidewaiter.workflow.recording_receipts import ParcelReceipt, Shown, verify

AnyRequest = Request[Any, Any, State]
FOLLOWED_A_MINUTE: Final = 30
NUMBER_MAX: Final = 200
RECEIPT_MAX: Final = 256 * 1024
FORM_MAX: Final = 2 * RECEIPT_MAX
CANDIDATES_MAX: Final = 50
TOLD: Final = ("reference", "registered_id", "transport_document", "due", "version", "state")
"""Fields that whoever holds number and code is told: never a name, an address, a telephone number or what the goods are."""

STEPS_MAX: Final = 30
PLACE_MAX: Final = 60
TOLD_STEPS: Final = frozenset(LEADS_TO)
"""Steps that move goods; who saw them in between, and what seals said, is not told."""
AT_A_DOOR: Final = frozenset((MovementStep.DELIVERED, MovementStep.HANDED_OVER, MovementStep.RETURNED))
"""Steps whose place may be where somebody lives."""
CUSTOMS: Final = Teller(Telling.CUSTOMS)

_NO_CODE: Final = re.compile(r"[^A-Z2-7]")


class Step(Struct, frozen=True):
    """One entry as the page tells it."""

    state: str
    type: str
    at: datetime
    log: str
    index: int
    size: int
    is_shown: bool
    why_not: str
    fields: tuple[tuple[str, str], ...]


class Passed(Struct, frozen=True):
    """One step of a parcel's way as anybody who has its code is told it."""

    step: str
    at: datetime
    place: str
    by: Teller


class Followed(Struct, frozen=True):
    """A parcel that was found, with its receipt where something is sealed already."""

    number: str
    code: str
    row: DeclarationRow
    steps: list[Step]
    receipt: str
    policy: str
    waiting: int  # entries that are not sealed yet
    is_erased: bool  # what opens its entries
    why_none: str  # why there is no receipt, where what is kept was altered
    recorded: str  # the state that its last entry says; another one than its row has where that was altered
    standing: str  # where its goods are by what was told
    way: list[Passed]


@get("/track", sync_to_thread=False)
def track_page(request: AnyRequest) -> Template:
    """The form to follow a parcel, and the one to check a receipt."""
    return _page(request)


@post("/track", status_code=200, request_max_body_size=FORM_MAX)
async def track(request: AnyRequest, house: NamedDependency[House]) -> Template:
    """How a parcel stands, by its number and code."""
    form = await request.form()
    return await anyio.to_thread.run_sync(
        _followed, request, house, str(form.get("number", "")), str(form.get("code", ""))
    )


@post("/track/receipt", status_code=200, request_max_body_size=FORM_MAX)
async def track_receipt(request: AnyRequest, house: NamedDependency[House]) -> Response[bytes] | Template:
    """The receipt of a parcel to keep, by its number and code."""
    form = await request.form()
    number, code = str(form.get("number", "")), str(form.get("code", ""))
    keep_pace(request, house.track_pace, FOLLOWED_A_MINUTE, words.text("track.pace"))
    found = await anyio.to_thread.run_sync(_found, house, number, code)
    if found is None:
        return _page(request, number=number, missing=True)
    issued = await anyio.to_thread.run_sync(_receipt, house, found.declaration_id)
    return download(issued.text, f"receipt-{found.declaration_id}.json")


@post("/track/verify", status_code=200, request_max_body_size=FORM_MAX)
async def track_verify(request: AnyRequest, house: NamedDependency[House]) -> Template:
    """What a receipt shows, as this server reads it; a browser with scripts tells it by itself, without asking."""
    form = await request.form()
    keep_pace(request, house.track_pace, FOLLOWED_A_MINUTE, words.text("track.pace"))
    text = str(form.get("receipt", ""))[:RECEIPT_MAX]
    return await anyio.to_thread.run_sync(_verified, request, house, text)


def _verified(request: AnyRequest, house: House, text: str) -> Template:
    policy = policy_of(house.store.logs)
    try:
        steps = [_step(each) for each in verify(text.encode(errors="replace"), policy)]
    except LedgerError as error:
        return _page(request, given=text, problem=error.detail, policy=policy.text.decode())
    return _page(request, given=text, checked=steps, policy=policy.text.decode())


def _followed(request: AnyRequest, house: House, number: str, code: str) -> Template:
    keep_pace(request, house.track_pace, FOLLOWED_A_MINUTE, words.text("track.pace"))
    row = _found(house, number, code)
    if row is None:
        return _page(request, number=number, missing=True)
    followed = _standing(house, row, number, code)
    if followed.recorded != followed.row.state.value:  # decided anew while this was read, or altered
        followed = _standing(house, house.store.outcome(row.declaration_id).row, number, code)
    return _page(request, number=number, followed=followed, policy=followed.policy)


def _standing(house: House, row: DeclarationRow, number: str, code: str) -> Followed:
    logs, policy = house.store.logs, policy_of(house.store.logs)
    entries = logs.of_subject(subject_of(row.declaration_id))
    sealed = {log.origin_id: log.sealed_size for log in logs.logs()}
    text, steps, is_erased, why = b"", list[Step](), False, ""
    try:
        text = _receipt(house, row.declaration_id).text
        steps = [_step(each) for each in verify(text, policy)]
    except ErasedError:
        is_erased = True
    except NotFoundError:
        pass
    except (ConflictError, LedgerError):
        why = words.text("track.altered")
    states = [str(state) for each in entries if (state := Leaf.parse(each.entry).facts.get("state"))]
    return Followed(
        number=number, code=code, row=row, steps=steps, receipt=text.decode(), policy=policy.text.decode(),
        waiting=sum(each.index >= sealed[each.origin_id] for each in entries), is_erased=is_erased, why_none=why,
        recorded=states[-1] if states else row.state.value, **_way(house, row.declaration_id),
    )  # fmt: skip


def _way(house: House, declaration_id: int) -> dict[str, Any]:
    """Where the goods are, and the last steps that brought them there, by what was told and stands."""
    way = course(house.store.following.told([declaration_id])[declaration_id])
    named = {place: name for place, _, name in house.store.following.places() if name}
    steps = [each.moved for each in way.passed if each.after is not None and each.moved.step in TOLD_STEPS][-STEPS_MAX:]
    tellers = house.store.following.tellers([each.event_id for each in steps])
    passed = [
        Passed(
            each.step.value,
            each.happened_at,
            named.get(each.place) or _place(each),
            tellers.get(each.event_id, CUSTOMS),
        )
        for each in steps
    ]
    return {"standing": way.state.value if passed else "", "way": passed}


def _place(moved: Moved) -> str:
    """What a place is called by its own URI; nothing where that is a point on the map, which may be somebody's door."""
    if moved.point is not None or moved.place.startswith("geo:") or moved.step in AT_A_DOOR:
        return ""
    last = unquote(moved.place.rstrip("/").replace("/", ":").rsplit(":", 1)[-1])
    name = re.sub(r"[-_]+", " ", last)[:PLACE_MAX]
    return name[:1].upper() + name[1:]


def _found(house: House, number: str, code: str) -> DeclarationRow | None:
    """The declaration of this number whose code this is; several may have the number, and one the code."""
    wanted, said = number.strip()[:NUMBER_MAX], _NO_CODE.sub("", code.upper())
    if not wanted or not said:
        return None
    names = dict.fromkeys((wanted, wanted.replace(" ", ""), wanted.replace(" ", "").upper()))
    called = [
        row
        for name in names
        for row in house.store.declarations(Filter(text=name, limit=CANDIDATES_MAX))
        if name in lookup.names(row)
    ]
    # Asked for where there is nobody, too: how long an answer takes tells no stranger whether there is such a parcel.
    codes = house.store.logs.codes([subject_of(row.declaration_id) for row in called])
    for row in called:
        right = codes.get(subject_of(row.declaration_id), "").replace("-", "")
        if right and hmac.compare_digest(right, said):
            return row
    return None


def _receipt(house: House, declaration_id: int) -> ParcelReceipt:
    return receipt(house.store, declaration_id, names=TOLD)


def _step(shown: Shown) -> Step:
    leaf = shown.leaf or Leaf(actor="0" * 32, at=0, commitment="0" * 64, facts={}, scope="0" * 32, type="none")
    return Step(
        state=str(leaf.facts.get("state", "")),
        type=leaf.type,
        at=datetime.fromtimestamp(leaf.at, UTC),
        log=shown.log,
        index=shown.index,
        size=shown.size,
        is_shown=bool(shown.verdict),
        why_not=shown.verdict.reason,
        fields=tuple(each for each in shown.fields if each[1]),
    )


def _page(
    request: AnyRequest,
    *,
    number: str = "",
    missing: bool = False,
    followed: Followed | None = None,
    given: str = "",
    checked: list[Step] | None = None,
    problem: str = "",
    policy: str = "",
) -> Template:
    return render(
        request,
        "track.html",
        section="track",
        title=words.text("track.title"),
        number=number,
        is_missing=missing,
        followed=followed,
        given=given,
        checked=checked,
        problem=problem,
        policy=policy,
    )
