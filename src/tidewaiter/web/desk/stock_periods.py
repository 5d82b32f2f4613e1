"""A period of a stock account at the desk: its statement and its movements, in pages and for spreadsheets."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from litestar import Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from msgspec import Struct

from tidewaiter.stock.facts import INS, OUTS, Kind
from tidewaiter.stock.statement_csv import movements_csv, statement_csv
from tidewaiter.stock.statements import Statement, by_goods
from tidewaiter.web import words
from tidewaiter.web.desk.forms import AnyRequest
from tidewaiter.web.house import House, now
from tidewaiter.web.listing import PAGE_ROWS, index_asked, moment_asked
from tidewaiter.web.page import query, render, typed
from tidewaiter.web.problem import WebError

DAYS: Final = 30  # of a period that is not named
MILLISECOND: Final = 1_000  # in microseconds


class Days(Struct, frozen=True):
    """Whole days, both in it, as it was known at a moment; None: as it is known now."""

    first: date
    last: date
    known_at: datetime | None

    @property
    def starts_at(self) -> datetime:
        """The first moment in it."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def ends_at(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)

    def asked(self, **more: object) -> str:
        """The query string that asks for it."""
        return query({"first": self.first, "last": self.last, "known_at": typed(self.known_at), **more})


def _asked(first: FromQuery[str] = "", last: FromQuery[str] = "", known_at: FromQuery[str] = "") -> Days:
    """The days of a period; the last thirty if not given. Raises WebError."""
    try:
        to_day = date.fromisoformat(last) if last else now().date()
        from_day = date.fromisoformat(first) if first else to_day - timedelta(days=DAYS)
    except ValueError as error:
        raise WebError("request.invalid", words.text("stock.no_day"), place="query: first, last") from error
    if from_day > to_day or to_day.year >= date.max.year:
        raise WebError("request.invalid", words.text("stock.no_period"), place="query: last")
    return Days(from_day, to_day, moment_asked(known_at))


OF_DAYS: Final = {"days": Provide(_asked, sync_to_thread=False)}


@get("/stock/{account_no:int}/statement", sync_to_thread=True, dependencies=OF_DAYS)
def stock_statement(
    request: AnyRequest, house: NamedDependency[House], account_no: FromPath[int], days: NamedDependency[Days]
) -> Template:
    """What was there, what came, what left, what is there: by article and lot by lot, for whole days."""
    kept = house.store.stock.account(account_no)
    statement = _statement(house, account_no, days)
    return render(
        request,
        "stock_statement.html",
        section="stock",
        title=words.text("stock.statement_of", place=kept.place.place_name),
        kept=kept,
        statement=statement,
        goods=by_goods(statement),
        kinds=[kind for kind in Kind if any(kind in lot.by_kind for lot in statement.lots)],
        ins=INS,
        outs=OUTS,
        days=days,
        known_at=days.known_at,
    )


@get("/stock/{account_no:int}/statement.csv", sync_to_thread=True, dependencies=OF_DAYS)
def stock_statement_csv(
    house: NamedDependency[House], account_no: FromPath[int], days: NamedDependency[Days]
) -> Response[str]:
    """The same for a spreadsheet."""
    return _sheet(f"stock-{account_no}-{days.first}-{days.last}", statement_csv(_statement(house, account_no, days)))


@get("/stock/{account_no:int}/movements", sync_to_thread=True, dependencies=OF_DAYS)
def stock_movements(
    request: AnyRequest,
    house: NamedDependency[House],
    account_no: FromPath[int],
    days: NamedDependency[Days],
    after: FromQuery[str] = "",
) -> Template:
    """What took effect, in order and in pages, with what each movement came from. Nothing told in between moves a page."""
    kept = house.store.stock.account(account_no)
    start = index_asked(after)
    known_at = days.known_at or _next_millisecond(now())
    found = house.stock.movements(account_no, days.starts_at, days.ends_at, known_at=known_at)
    upto = start + PAGE_ROWS
    shown = found[start:upto]
    held = Days(days.first, days.last, known_at)
    return render(
        request,
        "stock_movements.html",
        section="stock",
        title=words.text("stock.movements_of", place=kept.place.place_name),
        kept=kept,
        movements=shown,
        origins=house.stock.origins(account_no, shown),
        start=start,
        count=len(found),
        days=days,
        known_at=days.known_at,
        before=held.asked(after=max(0, start - PAGE_ROWS)) if start else "",
        later=held.asked(after=upto) if upto < len(found) else "",
    )


@get("/stock/{account_no:int}/movements.csv", sync_to_thread=True, dependencies=OF_DAYS)
def stock_movements_csv(
    house: NamedDependency[House], account_no: FromPath[int], days: NamedDependency[Days]
) -> Response[str]:
    """The same, all of it, for a spreadsheet."""
    found = house.stock.movements(account_no, days.starts_at, days.ends_at, known_at=days.known_at)
    return _sheet(f"stock-{account_no}-movements-{days.first}-{days.last}", movements_csv(found))


HANDLERS: Final = (stock_statement, stock_statement_csv, stock_movements, stock_movements_csv)


def _next_millisecond(moment: datetime) -> datetime:
    """The whole millisecond at or after a moment: what a form's field can hold, and nothing told before it left out."""
    return moment + timedelta(microseconds=-moment.microsecond % MILLISECOND)


def _statement(house: House, account_no: int, days: Days) -> Statement:
    return house.stock.statement(account_no, days.starts_at, days.ends_at, known_at=days.known_at)


def _sheet(name: str, text: str) -> Response[str]:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
