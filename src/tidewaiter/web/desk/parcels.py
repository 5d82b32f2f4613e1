"""The list of parcels, and one parcel."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.datastructures import State as AppState
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from msgspec import Struct

from tidewaiter.assessment.engine import NOT_ASSESSED
from tidewaiter.model.decision import Category, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TidewaiterError, TransitionError
from tidewaiter.model.judgement import Lane
from tidewaiter.movement import course
from tidewaiter.web import lookup, words
from tidewaiter.web.api.ledger import record_shape
from tidewaiter.web.desk import actions, parcel
from tidewaiter.web.desk.raw import Raw, download, suffix
from tidewaiter.web.house import House
from tidewaiter.web.listing import PAGE_ROWS, Given
from tidewaiter.web.page import query, render, word
from tidewaiter.web.public import classify, law
from tidewaiter.workflow.catalogue import offered
from tidewaiter.workflow.recording_opened import receipt
from tidewaiter.workflow.return_records import CaseFilter

ITEMS_SHOWN: Final = 100
MOVEMENT_SHOWN: Final = 100  # the last things told
FORM_BYTES_MAX: Final = 64 * 1024
RECOMPUTE: Final = """python3 - <<'END'
import hashlib, hmac
from decimal import Decimal, getcontext
getcontext().prec = 60
seed = open("seed.bin", "rb").read()
first = hmac.new(seed, {key!r}.encode(), hashlib.sha256).digest()[:7]
print(Decimal(int.from_bytes(first, "big") >> 4) / Decimal(2**52))
END"""
AnyRequest = Request[Any, Any, AppState]


class Chip(Struct, frozen=True):
    """One filter in force: what it is, and the address of the list without it."""

    label: str
    value: str
    without: str


class Extra(Struct, frozen=True):
    """What a visit adds to the page of a parcel: the raw bytes, what was just done, or why it was not."""

    is_raw_shown: bool = False
    done: str = ""
    refused: TidewaiterError | None = None


@get("/parcels", sync_to_thread=True)
def parcel_list(request: AnyRequest, house: NamedDependency[House]) -> Template:
    """Parcels, newest first, narrowed by what the address says."""
    given = Given.from_query(request.query_params)
    found = house.store.declarations(given.wanted(PAGE_ROWS + 1))
    shown = found[:PAGE_ROWS]
    older = {**given.without("before"), "before": shown[-1].declaration_id} if len(found) > PAGE_ROWS else None
    return render(
        request,
        "parcels.html",
        section="parcels",
        title=words.text("parcels.title"),
        given=given,
        shown=shown,
        chips=_chips(given),
        options=_options(house),
        is_first=not given.before,
        newest="/parcels" + query(given.without("before")),
        older="/parcels" + query(older) if older else "",
    )


@get("/parcels/{reference:str}", sync_to_thread=True)
def parcel_page(request: AnyRequest, house: NamedDependency[House], reference: FromPath[str]) -> Template | Redirect:
    """One parcel: everything known of it. An MRN or a sender's reference leads to the parcel's own address."""
    declaration_id = lookup.number(house.store, reference)
    if reference != str(declaration_id):
        return Redirect(f"/parcels/{declaration_id}" + query(dict(request.query_params)), status_code=303)
    visit = Extra(is_raw_shown=bool(request.query_params.get("raw")), done=request.query_params.get("done", ""))
    return _page(request, house, declaration_id, visit)


@post("/parcels/{declaration_id:int}/actions", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def parcel_act(
    request: AnyRequest, house: NamedDependency[House], declaration_id: FromPath[int]
) -> Redirect | Template:
    """Do what the officer asks, then show the parcel as it now stands; a refusal is said on the page."""
    form = await request.form()
    trigger = actions.chosen(str(form.get("action", "")))
    act = partial(house.desk.act, declaration_id, trigger, f"officer {request.user.name}", str(form.get("words", "")))
    try:
        await anyio.to_thread.run_sync(act)
    except TransitionError as refused:
        return await anyio.to_thread.run_sync(_page, request, house, declaration_id, Extra(refused=refused))
    return Redirect(f"/parcels/{declaration_id}" + query({"done": trigger.value}), status_code=303)


@get("/parcels/{declaration_id:int}/record", sync_to_thread=True)
def parcel_record(house: NamedDependency[House], declaration_id: FromPath[int]) -> Response[bytes]:
    """The bytes of this declaration's record as they were received, to keep."""
    row = house.store.decision(declaration_id).row
    return download(house.store.record(declaration_id), f"record-{declaration_id}.{suffix(row.form)}")


@get("/parcels/{declaration_id:int}/receipt", sync_to_thread=True)
def parcel_receipt(house: NamedDependency[House], declaration_id: FromPath[int]) -> Response[bytes]:
    """The receipt of a parcel with all its fields, to keep."""
    return download(receipt(house.store, declaration_id).text, f"receipt-{declaration_id}.json")


def _page(request: AnyRequest, house: House, declaration_id: int, extra: Extra) -> Template:
    file = house.store.decision(declaration_id)
    view = parcel.arrange(file, house.store.same_parcel(declaration_id))
    raw, raw_problem = _raw(house, declaration_id) if extra.is_raw_shown else (None, "")
    return render(
        request,
        "parcel.html",
        way=course(house.store.following.told([declaration_id])[declaration_id]),
        movement_findings=house.store.following.findings(declaration_id),
        movement_shown=MOVEMENT_SHOWN,
        section="parcels",
        title=words.text("parcel.title", reference=view.reference),
        status=409 if extra.refused else 200,
        view=view,
        named=house.quoting.named(file),
        is_assessed=file.evaluation.assessment is None or file.evaluation.assessment.scheme != NOT_ASSESSED,
        uncovered=house.uncovered(file),
        recorded=record_shape(house.store, declaration_id),
        titles=law.titles(house.store, file.regime_digest),
        has_quantities=any(item.quantity for item in file.declaration.goods_items) if file.declaration else False,
        checks=_checks(file.declaration),
        items=file.declaration.goods_items[:ITEMS_SHOWN] if file.declaration else (),
        offered=offered(house.store, file.declaration) if file.declaration else (),
        actions=actions.possible(file),
        address_lines=parcel.address_lines,
        recompute=RECOMPUTE.format(key=file.evaluation.judgement.draw.key) if file.evaluation.judgement else "",
        scores=house.store.kept(declaration_id).facts.scores,
        explained=house.rule_trials.explain(declaration_id),
        returns=house.store.returns.cases(CaseFilter(declaration_id=declaration_id)),
        raw=raw,
        raw_problem=raw_problem,
        refused=extra.refused,
        done=words.texts().get(f"action.{extra.done}", ""),
    )


def _checks(declaration: Declaration | None) -> dict[str, str]:
    """Where the words of a line are looked at, by the pointer that findings on them have."""
    return {
        f"goods_items[{place}].description": classify.address(item.description, item.commodity_code)
        for place, item in enumerate(declaration.goods_items[:ITEMS_SHOWN] if declaration else (), 1)
        if item.description
    }


def _raw(house: House, declaration_id: int) -> tuple[Raw | None, str]:
    """The record's bytes as text, or why they cannot be shown."""
    try:
        return Raw.of(house.store.record(declaration_id)), ""
    except TidewaiterError as error:
        return None, error.detail


def _options(house: House) -> dict[str, list[tuple[str, str]]]:
    return {
        "state": [(state.value, word(state, "state")) for state in State],
        "lane": [(lane.value, word(lane, "lane")) for lane in Lane],
        "sender": [(str(sender.sender_id), sender.name) for sender in house.senders.all()],
        "category": [(category.value, word(category, "category")) for category in Category],
    }


CHIPS: Final = {
    "text": ("parcels.reference", ""),
    "state": ("parcels.state", "state"),
    "lane": ("parcels.lane", "lane"),
    "category": ("parcels.category", ""),
    "jurisdiction": ("parcels.jurisdiction", ""),
    "commodity": ("parcels.commodity", ""),
    "message": ("parcels.message", ""),
    "sender": ("parcels.sender", ""),
    "received_from": ("parcels.received_from", ""),
    "received_to": ("parcels.received_to", ""),
}


def _chips(given: Given) -> list[Chip]:
    return [
        Chip(
            words.text(label), word(value, group) if group else value, "/parcels" + query(given.without(name, "before"))
        )
        for name, value in given.without("before").items()
        for label, group in [CHIPS[name]]
    ]
