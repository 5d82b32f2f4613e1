"""Free zones and warehouses at the desk: accounts, one account with its flows, and officers' acts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.money import Money
from tidewaiter.stock.facts import INS, OUTS, Kind
from tidewaiter.stock.statements import FLOWS, Statement, by_goods, state, totals
from tidewaiter.web import words
from tidewaiter.web.desk.forms import AnyRequest, done, form_page
from tidewaiter.web.house import House, now
from tidewaiter.web.listing import moment_asked
from tidewaiter.web.page import render
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.stock_filing import law_of
from tidewaiter.workflow.stock_records import Standing

FORM_BYTES_MAX: Final = 64 * 1024
MOVEMENTS_SHOWN: Final = 50
FILINGS_SHOWN: Final = 25
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
TIP: Final = 12  # how long the head of an arrow is
NARROWEST, WIDEST = 2, 18  # of an arrow in the picture, in its units
# Where the ends of the flows stand in the picture, and on which side of the place: x, y of the arrow's outer end.
ENDS: Final[Mapping[Kind, tuple[int, int]]] = {
    Kind.RECEIVED_ABROAD: (172, 70),
    Kind.SOLD_ABROAD: (172, 130),
    Kind.RECEIVED_LOCAL: (628, 55),
    Kind.SOLD_LOCAL: (628, 95),
    Kind.RETURNED: (628, 135),
    Kind.TRANSFERRED_IN: (330, 230),
    Kind.TRANSFERRED_OUT: (370, 230),
    Kind.DESTROYED: (430, 230),
    Kind.SAMPLE: (470, 230),
    Kind.LOSS: (510, 230),
}
PLACE_LEFT, PLACE_RIGHT, PLACE_BOTTOM = 308, 492, 167  # of the box that is the place


class Arrow(Struct, frozen=True):
    """One flow in the picture: from where to where, how wide, and what is written on it."""

    kind: Kind
    x1: int
    y1: int
    x2: int
    y2: int
    width: int
    quantity: Decimal

    @property
    def tip(self) -> str:
        """The points of its head, wider than its shaft."""
        dx, dy = (self.x2 > self.x1) - (self.x2 < self.x1), (self.y2 > self.y1) - (self.y2 < self.y1)
        half = self.width // 2 + TIP // 2
        back_x, back_y = self.x2 - dx * TIP, self.y2 - dy * TIP
        return (
            f"{self.x2},{self.y2} {back_x + dy * half},{back_y + dx * half} {back_x - dy * half},{back_y - dx * half}"
        )

    @property
    def shaft(self) -> tuple[int, int]:
        """Where the shaft ends: within the head."""
        dx, dy = (self.x2 > self.x1) - (self.x2 < self.x1), (self.y2 > self.y1) - (self.y2 < self.y1)
        return self.x2 - dx * (TIP - 1), self.y2 - dy * (TIP - 1)


class Discharged(Struct, frozen=True):
    """What was suspended and left by one way: what became of it, and on which law that rests."""

    kind: Kind
    quantity: Decimal
    suspended: Money
    debt: str
    words: str
    sources: tuple[Any, ...]


@get("/stock", sync_to_thread=True)
def stock_list(request: AnyRequest, house: NamedDependency[House]) -> Template:
    """Every account, with what is suspended in it."""
    found = [house.stock.standing(kept.account_no) for kept in house.store.stock.accounts()]
    return render(request, "stock_list.html", section="stock", title=words.text("stock.title"), shown=found)


@get("/stock/{account_no:int}", sync_to_thread=True)
def stock_page(
    request: AnyRequest,
    house: NamedDependency[House],
    account_no: FromPath[int],
    done: FromQuery[str] = "",
    known_at: FromQuery[str] = "",
) -> Template:
    """One account: what is there by article and lot, the flows, what is suspended, what was found; also as it was known."""
    return _page(request, house, account_no, done=done, known_at=moment_asked(known_at))


@post("/stock/{account_no:int}/counts/{count_no:int}", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def stock_book_count(
    request: AnyRequest, house: NamedDependency[House], account_no: FromPath[int], count_no: FromPath[int]
) -> Redirect | Template:
    """Answer for a stock-taking: what is missing leaves as lost, and its debt is declared."""
    said = str((await request.form()).get("words", "")).strip()

    def book() -> None:
        if not said:
            raise WebError("request.invalid", words.text("stock.words_wanted"), place="words")
        house.stock_acts.book_count(count_no, f"officer {request.user.name}", said)
        house.stock.resume()

    page = partial(_refused, request, house, account_no)
    return await _done(book, account_no, "booked", page)


@post("/stock/{account_no:int}/correct", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def stock_correct(
    request: AnyRequest, house: NamedDependency[House], account_no: FromPath[int]
) -> Redirect | Template:
    """Take back one fact, whole, with a reason."""
    form = await request.form()
    source, reason = str(form.get("source", "")), str(form.get("reason", ""))
    act = partial(house.stock_acts.correct, account_no, source, f"officer {request.user.name}", reason)
    return await _done(act, account_no, "corrected", partial(_refused, request, house, account_no))


HANDLERS: Final = (stock_list, stock_page, stock_book_count, stock_correct)


def arrows(moved: Mapping[Kind, Decimal]) -> list[Arrow]:
    """The flows of a picture: as wide as they are large, none too thin to be seen."""
    largest = max(moved.values(), default=Decimal(1))
    found = []
    for kind, quantity in moved.items():
        x, y = ENDS[kind]
        width = max(NARROWEST, int(WIDEST * quantity / largest))
        side = PLACE_LEFT if x < PLACE_LEFT else PLACE_RIGHT
        inner = (x, PLACE_BOTTOM) if y > PLACE_BOTTOM else (side, y)
        (x1, y1), (x2, y2) = ((x, y), inner) if kind in INS else (inner, (x, y))
        found.append(Arrow(kind, x1, y1, x2, y2, width, quantity))
    return found


def discharged(standing: Standing, whole: Statement) -> list[Discharged]:
    """What left by each way, with what became of the charges suspended on it."""
    law = law_of(standing.kept, now())
    found: list[Discharged] = []
    for kind in OUTS:
        figures = [lot.by_kind[kind] for lot in whole.lots if kind in lot.by_kind]
        if not figures:
            continue
        total = sum(figures[1:], start=figures[0])
        rule = law.discharge[kind]
        found.append(
            Discharged(kind, total.quantity, total.suspended, rule.debt.value, rule.words, law.citations[kind.value])
        )
    return found


def _page(
    request: AnyRequest,
    house: House,
    account_no: int,
    *,
    done: str = "",
    known_at: datetime | None = None,
    refused: TidewaiterError | None = None,
) -> Template:
    standing = house.stock.standing(account_no, known_at=known_at)
    whole = state(standing.account, BEGINNING, now() + timedelta(days=1))
    moved = totals(whole)
    movements = list(reversed(standing.account.movements))[:MOVEMENTS_SHOWN]
    return form_page(
        request,
        "stock.html",
        refused,
        section="stock",
        title=standing.kept.place.place_name,
        view=standing,
        arrows=arrows(moved),
        flows=[(kind, moved[kind], FLOWS[kind]) for kind in moved],
        discharged=discharged(standing, whole),
        balance=sum((lot.balance for lot in standing.account.lots), Decimal(0)),
        goods=by_goods(whole),
        movements=movements,
        origins=house.stock.origins(account_no, movements),
        movement_count=len(standing.account.movements),
        filings=standing.filings[:FILINGS_SHOWN],
        open_findings={each.finding_no for each in standing.open_findings},
        known_at=known_at,
        done=words.texts().get(f"stock.done_{done}", "") if done else "",
    )


def _refused(request: AnyRequest, house: House, account_no: int, refused: TidewaiterError) -> Template:
    return _page(request, house, account_no, refused=refused)


async def _done(act: Any, account_no: int, what: str, page: Any) -> Redirect | Template:
    return await done(act, f"/stock/{account_no}", what, page)
