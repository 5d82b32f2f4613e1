"""Handing in returns and exit events, and reading what became of them: a declarant its own, an officer all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Final

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from tidewaiter.messages import return_reference
from tidewaiter.messages.limits import RETURN_MESSAGE_BYTES_MAX
from tidewaiter.model.errors import NotFoundError
from tidewaiter.revenue.returns import Outcome
from tidewaiter.web.api import return_shapes as shapes
from tidewaiter.web.api.described import RawReturns, refusals
from tidewaiter.web.api.submission import Asked, FileName, IdempotencyKey, SenderId, on_behalf
from tidewaiter.web.house import House
from tidewaiter.web.listing import ID_MAX, PAGE_ROWS, PAGE_ROWS_MAX
from tidewaiter.web.principal import FOR_THE_KNOWN, Principal
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.return_records import CaseFilter, CaseRow, ReturnReceipt
from tidewaiter.workflow.returning import Handed

AnyRequest = Request[Principal, Any, State]
TAGS: Final = ["Returns"]
ID_DIGITS_MAX: Final = 18
REFUSALS: Final = (
    "request.invalid", "auth.required", "auth.forbidden", "not_found", "submission.conflict", "message.limit",
    "message.unreadable", "store.database",
)  # fmt: skip
AGAIN: Final = {
    200: ResponseSpec(
        shapes.ReturnReceiptShape,
        description="Received before under this key: the answer given then",
        generate_examples=False,
    )
}
ReceivedOn = Annotated[
    date | None,
    QueryParameter(name="received_on", description="The day on which it counts as received; for officers only"),
]


@post(
    "/returns",
    status_code=201,
    summary="Hand in returned goods",
    description="Returns as JSON (one, a list, or one a line) or CSV. Each is matched to its imports by number, waybill, "
    "reference or order, and by article; what the law gives back is booked before the answer is given, without a person "
    "where the evidence is there. A return without proof of exit waits for it. What is wrong in one record is a finding; "
    "the others are taken.",
    operation_class=RawReturns,
    operation_id="submitReturns",
    responses=AGAIN | refusals(*REFUSALS),
    opt=FOR_THE_KNOWN,
    request_max_body_size=RETURN_MESSAGE_BYTES_MAX,
    tags=TAGS,
)
async def submit_returns(
    request: AnyRequest,
    house: NamedDependency[House],
    idempotency_key: IdempotencyKey = None,
    received_on: ReceivedOn = None,
    sender: SenderId = None,
    file_name: FileName = "",
) -> Response[shapes.ReturnReceiptShape]:
    """The receipt of returns."""
    asked = Asked("", idempotency_key, received_on, sender, file_name, "")
    return await _take(request, house, asked, house.returning.submit)


@post(
    "/exit-events",
    status_code=201,
    summary="Hand in proof that returned goods have left",
    description="Exit events as JSON (one, a list, or one a line) or CSV, from whoever saw them: carrier, post or customs "
    "office. Cases that wait for one are decided before the answer is given.",
    operation_class=RawReturns,
    operation_id="submitExitEvents",
    responses=AGAIN | refusals(*REFUSALS),
    opt=FOR_THE_KNOWN,
    request_max_body_size=RETURN_MESSAGE_BYTES_MAX,
    tags=TAGS,
)
async def submit_exit_events(
    request: AnyRequest,
    house: NamedDependency[House],
    idempotency_key: IdempotencyKey = None,
    received_on: ReceivedOn = None,
    sender: SenderId = None,
    file_name: FileName = "",
) -> Response[shapes.ReturnReceiptShape]:
    """The receipt of exit events."""
    asked = Asked("", idempotency_key, received_on, sender, file_name, "")
    return await _take(request, house, asked, house.returning.submit_events)


async def _take(
    request: AnyRequest, house: House, asked: Asked, way: Callable[[Handed], ReturnReceipt]
) -> Response[shapes.ReturnReceiptShape]:
    asking = request.user
    sender_id = await on_behalf(house, asking, asked)
    handed = Handed(
        body=await request.body(), sender_id=sender_id, transport="rest", file_name=asked.file_name,
        idempotency_key=asked.key or "", received_on=asked.legal_day, is_of_officer=asking.is_officer,
    )  # fmt: skip
    found = await anyio.to_thread.run_sync(way, handed, limiter=house.submissions)
    if not found.record_count and found.findings:
        problem = found.findings[0]
        kept = f"It is kept as message {found.return_message_id}."
        raise WebError("message.unreadable", f"{problem.words}. {kept}", hint=problem.hint, place=problem.place)
    status = HTTP_200_OK if found.is_repeat else HTTP_201_CREATED
    return Response(shapes.receipt(found, asking), status_code=status)


@get(
    "/returns",
    sync_to_thread=True,
    summary="Cases of returned goods, newest first",
    operation_id="listReturns",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals("request.invalid", "auth.required"),
)
def returns(
    request: AnyRequest,
    house: NamedDependency[House],
    outcome: Annotated[
        Outcome | None, QueryParameter(name="outcome", description="Only cases that came to this")
    ] = None,
    declaration: Annotated[
        int | None, QueryParameter(name="declaration", ge=1, le=ID_MAX, description="Of one import")
    ] = None,
    before: Annotated[
        int | None, QueryParameter(name="before", ge=1, le=ID_MAX, description="Page on: cases with a smaller number")
    ] = None,
    limit: Annotated[
        int, QueryParameter(name="limit", ge=1, le=PAGE_ROWS_MAX, description="At most so many")
    ] = PAGE_ROWS,
) -> shapes.CasePage:
    """Some cases; ask again with before for older ones."""
    sender_id = None if request.user.is_officer else request.user.sender_id
    wanted = CaseFilter(outcome=outcome, declaration_id=declaration, sender_id=sender_id, before=before, limit=limit)
    rows = house.store.returns.cases(wanted)
    return shapes.CasePage([shapes.case(row) for row in rows], rows[-1].case_no if len(rows) == limit else None)


@get(
    "/returns/{return_id:str}",
    sync_to_thread=True,
    summary="One return",
    operation_id="readReturn",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals("request.invalid", "auth.required", "not_found"),
)
def one_return(
    request: AnyRequest,
    house: NamedDependency[House],
    return_id: Annotated[
        str, PathParameter(max_length=200, min_length=1, description="The sender's own number, or the number of a case")
    ],
) -> shapes.ReturnShape:
    """What became of it, import by import, with every reason and step."""
    rows = _rows(house, return_id, request.user)
    return shapes.of_files([house.store.returns.case(row.case_no) for row in rows])


def _rows(house: House, return_id: str, asking: Principal) -> list[CaseRow]:
    """The cases of a return. What is another's is, to a declarant, not there. Raises NotFoundError."""
    sender_id = None if asking.is_officer else asking.sender_id
    named = house.store.returns.cases(CaseFilter(text=return_id, sender_id=sender_id, limit=PAGE_ROWS_MAX))
    found = [row for row in named if row.return_id == return_id]
    if not found and return_id.isascii() and return_id.isdigit() and len(return_id) <= ID_DIGITS_MAX:
        of_number = house.store.returns.cases(CaseFilter(before=int(return_id) + 1, sender_id=sender_id, limit=1))
        found = [row for row in of_number if row.case_no == int(return_id)]
    if not found:
        raise NotFoundError(f"No return is kept under {return_id[:60]}.")
    return_no = max(row.return_no for row in found)  # two senders may use the same number: the last one handed in
    return sorted((row for row in found if row.return_no == return_no), key=lambda row: row.case_no)


@get(
    "/schema/return",
    sync_to_thread=True,
    summary="A return as JSON Schema",
    operation_id="readReturnSchema",
    security=[{}],
    tags=["Service"],
    media_type="application/schema+json",
)
def return_schema() -> Response[dict[str, Any]]:
    """What a return in JSON may hold."""
    return _schema(return_reference.return_schema())


@get(
    "/schema/exit-event",
    sync_to_thread=True,
    summary="An exit event as JSON Schema",
    operation_id="readExitEventSchema",
    security=[{}],
    tags=["Service"],
    media_type="application/schema+json",
)
def exit_event_schema() -> Response[dict[str, Any]]:
    """What an exit event in JSON may hold."""
    return _schema(return_reference.exit_event_schema())


def _schema(content: bytes) -> Response[dict[str, Any]]:
    return Response(msgspec.json.decode(content), media_type="application/schema+json")
