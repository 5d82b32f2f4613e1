"""Returned goods at the desk: the list of cases, one return beside its import, and the officer's decision."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import anyio.to_thread
from litestar import Request, get, post
from litestar.datastructures import State as AppState
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from msgspec import Struct

from tidewaiter.model.assessment import Citation, Step
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import NotFoundError, TidewaiterError, TransitionError
from tidewaiter.revenue.lines import lines_of
from tidewaiter.revenue.returns import GIVING, Outcome, RefundDecision
from tidewaiter.web import words
from tidewaiter.web.house import House
from tidewaiter.web.listing import PAGE_ROWS, Given, text
from tidewaiter.web.lookup import ID_DIGITS_MAX
from tidewaiter.web.page import query, render, word
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.ports import DecisionFile
from tidewaiter.workflow.return_reading import decision_of
from tidewaiter.workflow.return_records import CaseFile, CaseFilter, KeptDecision
from tidewaiter.workflow.returning import Said

FORM_BYTES_MAX: Final = 64 * 1024
AnyRequest = Request[Any, Any, AppState]


class GoodsLine(Struct, frozen=True):
    """One line of the import, and how many of it go back."""

    line_no: int
    description: str
    sku: str
    price: Any
    declared: Any
    asked: Any
    taken: Any


class CaseView(Struct, frozen=True):
    """What the page of one case shows beside the case itself."""

    file: CaseFile
    decision: RefundDecision | None
    imported: DecisionFile | None
    goods: tuple[GoodsLine, ...]
    steps: tuple[tuple[Step, int], ...]  # with the number of its footnote, 0 for none
    sources: tuple[tuple[int, str, Citation], ...]
    may_decide: bool
    others: tuple[int, ...]  # cases of the same return
    history: tuple[tuple[KeptDecision, Outcome], ...]


@get("/returns", sync_to_thread=True)
def return_list(request: AnyRequest, house: NamedDependency[House]) -> Template:
    """Cases, newest first; narrowed by what they came to."""
    wanted = _filter(request)
    found = house.store.returns.cases(wanted)
    shown = found[:PAGE_ROWS]
    outcome = wanted.outcome.value if wanted.outcome else ""
    older = {"outcome": outcome, "text": wanted.text, "before": shown[-1].case_no} if len(found) > PAGE_ROWS else None
    return render(
        request,
        "returns.html",
        section="returns",
        title=words.text("returns.title"),
        shown=shown,
        outcome=outcome,
        text=wanted.text,
        options=[(each.value, word(each, "return_outcome")) for each in Outcome],
        is_first=wanted.before is None,
        older="/returns" + query(older) if older else "",
    )


def _filter(request: AnyRequest) -> CaseFilter:
    given = request.query_params.get("outcome", "")
    try:
        outcome = Outcome(given) if given else None
    except ValueError as error:
        raise WebError("request.invalid", f"There is no outcome {given[:40]!r}.", place="query: outcome") from error
    return CaseFilter(
        outcome=outcome,
        text=text("text", request.query_params.get("text", "").strip()),
        before=Given.from_query(request.query_params).wanted().before_id,
        limit=PAGE_ROWS + 1,
    )


@get("/returns/{reference:str}", sync_to_thread=True)
def return_page(request: AnyRequest, house: NamedDependency[House], reference: FromPath[str]) -> Template | Redirect:
    """One case: the return beside its import, and how what is given back was worked out.

    Digits are the number of a case; anything else is the sender's number of a return, and leads to its case.
    """
    if reference.isascii() and reference.isdigit() and len(reference) <= ID_DIGITS_MAX:
        return _page(request, house, int(reference))
    like = house.store.returns.cases(CaseFilter(text=text("reference", reference), limit=PAGE_ROWS))
    same = [row for row in like if row.return_id == reference]
    if not same:
        raise NotFoundError(words.text("returns.unknown", reference=reference), hint=words.text("returns.unknown_hint"))
    is_one = len({row.return_no for row in same}) == 1
    return Redirect(
        f"/returns/{same[0].case_no}" if is_one else "/returns" + query({"text": reference}), status_code=303
    )


@post("/returns/{case_no:int}/decide", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def return_decide(
    request: AnyRequest, house: NamedDependency[House], case_no: FromPath[int]
) -> Redirect | Template:
    """Grant or refuse as the officer says, then show the case as it now stands; a refusal is said on the page."""
    form = await request.form()
    verdict = str(form.get("verdict", ""))
    if verdict not in ("grant", "refuse"):
        raise WebError("request.invalid", "Say whether it is granted or refused.", place="verdict")
    said = Said(
        case_no=case_no,
        is_granted=verdict == "grant",
        officer=f"officer {request.user.name}",
        words=str(form.get("words", "")),
    )
    try:
        await anyio.to_thread.run_sync(house.returning.say, said)
    except TransitionError as refused:
        return await anyio.to_thread.run_sync(partial(_page, request, house, case_no, refused=refused))
    return Redirect(f"/returns/{case_no}?done={verdict}", status_code=303)


def _page(request: AnyRequest, house: House, case_no: int, *, refused: TidewaiterError | None = None) -> Template:
    view = arrange(house, house.store.returns.case(case_no))
    done = request.query_params.get("done", "")
    return render(
        request,
        "return.html",
        section="returns",
        title=words.text("returns.one", reference=view.file.row.return_id),
        status=409 if refused else 200,
        view=view,
        refused=refused,
        done=words.texts().get(f"returns.done_{done}", "") if not refused else "",
    )


def arrange(house: House, file: CaseFile) -> CaseView:
    """The case in reading order."""
    decision = decision_of(file.decisions[-1]) if file.decisions else None
    imported = house.store.decision(file.row.declaration_id) if file.row.declaration_id is not None else None
    numbers = {measure: place for place, measure in enumerate(_measures(decision) if decision else (), start=1)}
    same = house.store.returns.cases(CaseFilter(return_no=file.row.return_no, limit=PAGE_ROWS))
    return CaseView(
        file=file,
        decision=decision,
        imported=imported,
        goods=goods(file, decision, imported.declaration) if imported and imported.declaration else (),
        steps=tuple((step, numbers.get(step.measure_id, 0)) for step in decision.steps) if decision else (),
        sources=tuple((number, measure, decision.citations[measure]) for measure, number in numbers.items())
        if decision
        else (),
        may_decide=_may_decide(file),
        history=tuple((each, decision_of(each).outcome) for each in file.decisions),
        others=tuple(sorted(row.case_no for row in same if row.case_no != file.row.case_no)),
    )


def goods(file: CaseFile, decision: RefundDecision | None, declaration: Declaration) -> tuple[GoodsLine, ...]:
    """The lines of the import with what goes back of each."""
    taken = {each.line_no: each.quantity for each in decision.quantities} if decision else {}
    found = []
    for item in declaration.goods_items:
        named = [each for each in file.claim.items if item in lines_of(each, declaration)]
        asked = sum(each.quantity for each in named) if named else item.quantity or 1 if not file.claim.items else None
        found.append(
            GoodsLine(
                item.line_no, item.description, item.sku or item.gtin, item.invoice_price, item.quantity, asked,
                taken.get(item.line_no),
            )
        )  # fmt: skip
    return tuple(found)


def _measures(decision: RefundDecision) -> tuple[str, ...]:
    """The measures that have a source, as a reader meets them from the top."""
    met = [*(step.measure_id for step in decision.steps), *decision.citations]
    return tuple(dict.fromkeys(measure for measure in met if measure in decision.citations))


def _may_decide(file: CaseFile) -> bool:
    """Whether officers may still say something."""
    is_ended = file.row.outcome is None or file.row.outcome in GIVING or file.row.outcome is Outcome.BY_SELLER
    return not is_ended and file.decisions[-1].considered.verdict is None
