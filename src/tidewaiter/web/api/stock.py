"""Stock for machines: an operator its own accounts, an officer all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Struct

from tidewaiter.messages.limits import RETURN_MESSAGE_BYTES_MAX
from tidewaiter.model.errors import NotFoundError
from tidewaiter.stock.filings import Place
from tidewaiter.stock.statement_csv import statement_csv
from tidewaiter.web.api import stock_shapes as shapes
from tidewaiter.web.api.described import RawStock, refusals
from tidewaiter.web.api.officers import GUARDS
from tidewaiter.web.api.submission import IdempotencyKey
from tidewaiter.web.house import House, now
from tidewaiter.web.listing import ID_MAX, PAGE_ROWS, PAGE_ROWS_MAX
from tidewaiter.web.principal import FOR_THE_KNOWN, Principal
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.stock_acts import Removal, Transfer
from tidewaiter.workflow.stock_records import ArrivingStock, FilingState, KeptAccount, MessageKind, Opening

AnyRequest = Request[Principal, Any, State]
TAGS: Final = ["Stock"]
READING: Final = refusals("request.invalid", "auth.required", "not_found")
ACTING: Final = refusals("request.invalid", "auth.required", "auth.forbidden", "not_found", "stock.refused")
TAKING: Final = refusals(
    "request.invalid", "auth.required", "auth.forbidden", "not_found", "submission.conflict", "message.limit",
    "message.unreadable", "store.database",
)  # fmt: skip
AGAIN: Final = {
    200: ResponseSpec(
        shapes.StockReceiptShape, description="Received before under this key: the answer given then",
        generate_examples=False,
    )
}  # fmt: skip
DAYS: Final = 30  # of a statement that names no period

AccountNo = Annotated[int, PathParameter(ge=1, le=2**31 - 1, description="The account's number")]
From = Annotated[
    datetime | None, QueryParameter(name="from", description="From this moment on; 30 days back if not given")
]
Until = Annotated[
    datetime | None, QueryParameter(name="until", description="Until before this moment; now if not given")
]
KnownAt = Annotated[
    datetime | None, QueryParameter(name="known_at", description="As it was known at this moment; now if not given")
]


class Period(Struct, frozen=True):
    """From `first` until before `last`, as it was known at `known_at`, or is now."""

    first: datetime
    last: datetime
    known_at: datetime | None


def _asked(starts_at: From = None, ends_at: Until = None, known_at: KnownAt = None) -> Period:
    last = _aware(ends_at, "until") or now()
    first = _aware(starts_at, "from") or last - timedelta(days=DAYS)
    if first > last:
        raise WebError("request.invalid", "The period ends before it starts.", place="query: until")
    return Period(first, last, _aware(known_at, "known_at"))


OF_A_PERIOD: Final = {"period": Provide(_asked, sync_to_thread=False)}

What = Annotated[MessageKind, PathParameter(description="What the message has: entries, orders, returns or count")]


@get(
    "/stock", sync_to_thread=True, summary="Stock accounts", operation_id="listStock", opt=FOR_THE_KNOWN, tags=TAGS,
    responses=refusals("auth.required"),
)  # fmt: skip
def accounts(request: AnyRequest, house: NamedDependency[House]) -> shapes.AccountsShape:
    """Accounts of goods in free zones and warehouses."""
    sender_id = None if request.user.is_officer else request.user.sender_id
    return shapes.AccountsShape([shapes.account(each) for each in house.store.stock.accounts(sender_id)])


@post(
    "/stock", sync_to_thread=True, guards=GUARDS, status_code=201, summary="Open a stock account",
    operation_id="openStock", opt=FOR_THE_KNOWN, tags=TAGS, responses=ACTING,
)  # fmt: skip
def open_account(
    request: AnyRequest, house: NamedDependency[House], data: JSONBody[shapes.OpeningShape]
) -> shapes.AccountShape:
    """An account of one operator at one place, under the law of where it lies."""
    names = {sender.sender_id: sender.name for sender in house.senders.all()}
    if data.sender_id not in names:
        raise WebError("not_found", f"There is no sender {data.sender_id}.", place="sender_id")
    place = Place(
        place_id=data.place_id, place_name=data.place_name, jurisdiction_code=data.jurisdiction_code,
        operator_id=data.operator_id, operator_name=names[data.sender_id], authorisation_id=data.authorisation_id,
    )  # fmt: skip
    opening = Opening(
        sender_id=data.sender_id, place=place, place_kind=data.place_kind, locations=tuple(data.locations),
        guarantee_id=data.guarantee_id,
    )  # fmt: skip
    return shapes.account(house.stock.open(opening, f"officer {request.user.name}"))


@get(
    "/stock/{account_no:int}", sync_to_thread=True, summary="A stock account as it stands", operation_id="readStock",
    opt=FOR_THE_KNOWN, tags=TAGS, responses=READING,
)  # fmt: skip
def standing(
    request: AnyRequest, house: NamedDependency[House], account_no: AccountNo, known_at: KnownAt = None
) -> shapes.StandingShape:
    """Lots with what is there, reserved and suspended; stock-takings and findings."""
    _visible(house, account_no, request.user)
    return shapes.standing(house.stock.standing(account_no, known_at=_aware(known_at, "known_at")))


@get(
    "/stock/{account_no:int}/movements", sync_to_thread=True, summary="Movements of a stock account",
    operation_id="listStockMovements", opt=FOR_THE_KNOWN, tags=TAGS, responses=READING, dependencies=OF_A_PERIOD,
)  # fmt: skip
def movements(
    request: AnyRequest,
    house: NamedDependency[House],
    account_no: AccountNo,
    period: NamedDependency[Period],
    after: Annotated[
        int, QueryParameter(name="after", ge=0, le=ID_MAX, description="Page on: `next_after` of the page before")
    ] = 0,
    limit: Annotated[
        int, QueryParameter(name="limit", ge=1, le=PAGE_ROWS_MAX, description="At most so many")
    ] = PAGE_ROWS,
) -> shapes.MovementPage:
    """What took effect in a period, in order. Ask for the next page with the same `from`, and with `until` and
    `known_at` as the page before has them: what is told in between then moves no page."""
    _visible(house, account_no, request.user)
    known_at = period.known_at or now()
    found = house.stock.movements(account_no, period.first, period.last, known_at=known_at)
    upto = after + limit
    page = found[after:upto]
    came_from = house.stock.origins(account_no, page)
    return shapes.MovementPage(
        movements=[shapes.movement(each, came_from[each.source]) for each in page], from_=period.first,
        until=period.last, known_at=known_at, next_after=upto if upto < len(found) else None,
    )  # fmt: skip


@get(
    "/stock/{account_no:int}/filings", sync_to_thread=True, summary="What was declared of stock",
    operation_id="listStockFilings", opt=FOR_THE_KNOWN, tags=TAGS, responses=READING,
)  # fmt: skip
def filings(
    request: AnyRequest,
    house: NamedDependency[House],
    account_no: AccountNo,
    standing_so: Annotated[
        FilingState | None, QueryParameter(name="state", description="Only those that stand so")
    ] = None,
    before: Annotated[
        int | None, QueryParameter(name="before", ge=1, le=ID_MAX, description="Page on: those with a smaller number")
    ] = None,
    limit: Annotated[
        int, QueryParameter(name="limit", ge=1, le=PAGE_ROWS_MAX, description="At most so many")
    ] = PAGE_ROWS,
) -> shapes.FilingPage:
    """Entries, orders and shortages, with the state of their declarations."""
    _visible(house, account_no, request.user)
    rows = house.store.stock.filings(account_no, state=standing_so, before=before, limit=limit)
    return shapes.FilingPage([shapes.filing(row) for row in rows], rows[-1].filing_no if len(rows) == limit else None)


@get(
    "/stock/{account_no:int}/statement", sync_to_thread=True, summary="A statement of stock that balances",
    operation_id="readStockStatement", opt=FOR_THE_KNOWN, tags=TAGS, responses=READING, dependencies=OF_A_PERIOD,
)  # fmt: skip
def statement(
    request: AnyRequest, house: NamedDependency[House], account_no: AccountNo, period: NamedDependency[Period]
) -> shapes.StatementShape:
    """Opening and what came in, less what left, come to closing: lot by lot, quantity, value and suspended charges."""
    _visible(house, account_no, request.user)
    return shapes.statement(house.stock.statement(account_no, period.first, period.last, known_at=period.known_at))


@get(
    "/stock/{account_no:int}/statement/csv", sync_to_thread=True, summary="A statement of stock as CSV",
    operation_id="exportStockStatement", opt=FOR_THE_KNOWN, tags=TAGS, responses=READING, media_type="text/csv",
    dependencies=OF_A_PERIOD,
)  # fmt: skip
def statement_as_csv(
    request: AnyRequest, house: NamedDependency[House], account_no: AccountNo, period: NamedDependency[Period]
) -> Response[str]:
    """The same, a line for opening, each kind of movement, and closing."""
    _visible(house, account_no, request.user)
    text = statement_csv(house.stock.statement(account_no, period.first, period.last, known_at=period.known_at))
    return Response(text, media_type="text/csv; charset=utf-8")


@post(
    "/stock/{account_no:int}/{what:str}", status_code=201, summary="Tell entries, orders, returns or a stock-taking",
    description="JSON: one, a list, or one a line. Each entry and order is declared by itself; goods move when "
    "their declaration is released. What is wrong in one record is a finding; the others are taken.",
    operation_class=RawStock, operation_id="tellStock", opt=FOR_THE_KNOWN, tags=TAGS, responses=AGAIN | TAKING,
    request_max_body_size=RETURN_MESSAGE_BYTES_MAX,
)  # fmt: skip
async def tell(
    request: AnyRequest,
    house: NamedDependency[House],
    account_no: AccountNo,
    what: What,
    idempotency_key: IdempotencyKey = None,
) -> Response[shapes.StockReceiptShape]:
    """The receipt of a message."""
    body = await request.body()
    asking = request.user

    def take() -> Any:
        _visible(house, account_no, asking)
        return house.stock.submit(
            ArrivingStock(
                account_no=account_no, kind=what, body=body, idempotency_key=idempotency_key or "",
                told_by=asking.name, received_at=now(),
            )
        )  # fmt: skip

    found = await anyio.to_thread.run_sync(take, limiter=house.submissions)
    if not found.record_count and found.findings:
        problem = found.findings[0]
        kept = f"It is kept as message {found.message_no}."
        raise WebError("message.unreadable", f"{problem.words}. {kept}", hint=problem.hint, place=problem.place)
    return Response(shapes.receipt(found), status_code=HTTP_200_OK if found.is_repeat else HTTP_201_CREATED)


@post(
    "/stock-acts/{account_no:int}/removals", sync_to_thread=True, guards=GUARDS, status_code=201,
    summary="Goods are destroyed, or a sample is taken", operation_id="removeStock", opt=FOR_THE_KNOWN, tags=TAGS,
    responses=ACTING,
)  # fmt: skip
def remove(
    request: AnyRequest, house: NamedDependency[House], account_no: AccountNo, data: JSONBody[shapes.RemovalShape]
) -> shapes.FactsShape:
    """Under an officer's eyes: nothing is due on what is destroyed."""
    removal = Removal(
        account_no=account_no, removal_id=data.removal_id, kind=data.kind, goods_id=data.goods_id,
        quantity=data.quantity, by=f"officer {request.user.name}", lot_id=data.lot_id, at=_aware(data.at, "at"),
        reason=data.reason,
    )  # fmt: skip
    return shapes.FactsShape([fact.source for fact in house.stock_acts.remove(removal)])


@post(
    "/stock-acts/{account_no:int}/transfers", sync_to_thread=True, guards=GUARDS, status_code=201,
    summary="Goods go to another account under suspension", operation_id="transferStock", opt=FOR_THE_KNOWN, tags=TAGS,
    responses=ACTING,
)  # fmt: skip
def transfer(
    request: AnyRequest, house: NamedDependency[House], account_no: AccountNo, data: JSONBody[shapes.TransferShape]
) -> shapes.FactsShape:
    """Lot by lot, with value and what is suspended."""
    moved = Transfer(
        account_no=account_no, to_account_no=data.to_account_no, transfer_id=data.transfer_id, goods_id=data.goods_id,
        quantity=data.quantity, by=f"officer {request.user.name}", lot_id=data.lot_id, at=_aware(data.at, "at"),
    )  # fmt: skip
    return shapes.FactsShape([fact.source for fact in house.stock_acts.transfer(moved)])


@post(
    "/stock-acts/{account_no:int}/corrections", sync_to_thread=True, guards=GUARDS, status_code=201,
    summary="Take back a fact, whole", operation_id="correctStock", opt=FOR_THE_KNOWN, tags=TAGS, responses=ACTING,
)  # fmt: skip
def correct(
    request: AnyRequest, house: NamedDependency[House], account_no: AccountNo, data: JSONBody[shapes.CorrectionShape]
) -> shapes.FactsShape:
    """The fact stays readable; from now on the account is as if it had not been told."""
    fact = house.stock_acts.correct(account_no, data.source, f"officer {request.user.name}", data.reason)
    return shapes.FactsShape([fact.source])


@post(
    "/stock-acts/counts/{count_no:int}", sync_to_thread=True, guards=GUARDS, status_code=200,
    summary="Answer for a stock-taking", operation_id="bookStockCount", opt=FOR_THE_KNOWN, tags=TAGS, responses=ACTING,
)  # fmt: skip
def book_count(
    request: AnyRequest,
    house: NamedDependency[House],
    count_no: Annotated[int, PathParameter(ge=1, le=ID_MAX, description="Number of the stock-taking")],
    data: JSONBody[shapes.BookingShape],
) -> shapes.CountShape:
    """What is missing leaves the account as lost, and is declared for the debt on it."""
    found = house.stock_acts.book_count(count_no, f"officer {request.user.name}", data.words)
    house.stock.resume()
    return shapes.count(found)


HANDLERS: Final[tuple[Callable[..., Any], ...]] = (
    accounts, open_account, standing, movements, filings, statement, statement_as_csv, tell, remove, transfer, correct,
    book_count,
)  # fmt: skip


def _visible(house: House, account_no: int, asking: Principal) -> KeptAccount:
    """The account; another's is, to an operator, not there. Raises NotFoundError."""
    kept = house.store.stock.account(account_no)
    if not asking.is_officer and kept.sender_id != asking.sender_id:
        raise NotFoundError(f"there is no stock account {account_no}")
    return kept


def _aware(moment: datetime | None, name: str) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise WebError("request.invalid", "A moment has a time zone.", hint="write 2026-07-01T00:00:00Z", place=name)
    return moment
