"""Lots, counts, statements, law and CSV of stock, case by case."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.money import Money
from tidewaiter.stock.account import Consumption, derive, shortfall
from tidewaiter.stock.counting import CountedLine, CountScope, Discrepancy, StockCount, reconcile
from tidewaiter.stock.facts import OUTS, Fact, Kind, LotTerms, Reservation
from tidewaiter.stock.law import Debt, Filing, Flow, PlaceKind, stock_law
from tidewaiter.stock.report import render_stock_law
from tidewaiter.stock.statement_csv import movements_csv, statement_csv
from tidewaiter.stock.statements import by_goods, state

START = datetime(2026, 6, 1, tzinfo=UTC)


def terms(value: str = "100", suspended: str = "10") -> LotTerms:
    return LotTerms(
        description="=T-shirts", commodity_code="610910", origin_country_code="CN", unit="C62", entry_document="E-1",
        value=Money(Decimal(value), "AED"), suspended=Money(Decimal(suspended), "AED"),
    )  # fmt: skip


def fact(kind: Kind, hour: int, quantity: int, lot_id: str = "", **more: object) -> Fact:
    moment = START + timedelta(hours=hour)
    plain = {
        "kind": kind, "source": f"{kind.value}:{hour}:{lot_id}", "goods_id": "TEE", "quantity": Decimal(quantity),
        "effective_at": moment, "recorded_at": moment, "lot_id": lot_id,
        "terms": terms() if kind is Kind.RECEIVED_ABROAD else None,
    }  # fmt: skip
    return Fact(**{**plain, **more})


def test_first_in_goes_first_and_leaves_what_is_named_later() -> None:
    facts = [
        fact(Kind.RECEIVED_ABROAD, 0, 10, "A"), fact(Kind.RECEIVED_ABROAD, 1, 10, "B"),
        fact(Kind.DESTROYED, 2, 12), fact(Kind.SOLD_LOCAL, 3, 4, "A"),
    ]  # fmt: skip
    account = derive(facts)
    assert [(m.lot_id, m.quantity) for m in account.movements[2:]] == [("A", -6), ("B", -6), ("A", -4)]
    assert account.uncovered == ()


def test_where_lots_must_be_named_nothing_else_leaves() -> None:
    account = derive([fact(Kind.RECEIVED_ABROAD, 0, 10, "A"), fact(Kind.DESTROYED, 2, 3)], Consumption.NAMED)
    assert [(each.fact.kind, each.quantity) for each in account.uncovered] == [(Kind.DESTROYED, 3)]
    assert account.lots[0].balance == 10


def test_thirds_of_a_lot_come_to_the_whole() -> None:
    facts = [fact(Kind.RECEIVED_ABROAD, 0, 3, "A"), *(fact(Kind.SOLD_LOCAL, hour, 1, "A") for hour in (1, 2, 3))]
    account = derive(facts)
    assert [str(m.value.amount) for m in account.movements] == ["100.00", "-33.33", "-33.34", "-33.33"]
    assert sum(m.value.amount for m in account.movements) == 0


def test_what_is_missing_for_orders_is_told_by_goods() -> None:
    account = derive(
        [fact(Kind.RECEIVED_ABROAD, 0, 10, "A")],
        reservations=[Reservation(lot_id="A", quantity=Decimal(4), source="o")],
    )
    assert shortfall(account, [("TEE", Decimal(5)), ("TEE", Decimal(2)), ("HAT", Decimal(1))]) == {"TEE": 1, "HAT": 1}
    assert shortfall(account, [("TEE", Decimal(6))]) == {}


def counted(quantity: int, hour: int = 5, scope: CountScope = CountScope.LISTED, lot_id: str = "") -> StockCount:
    line = CountedLine(goods_id="TEE", quantity=Decimal(quantity), lot_id=lot_id)
    return StockCount(count_id="C", counted_at=START + timedelta(hours=hour), lines=(line,), scope=scope)


def test_a_count_is_held_against_its_own_moment() -> None:
    account = derive(
        [
            fact(Kind.RECEIVED_ABROAD, 0, 10, "A"),
            fact(Kind.RECEIVED_ABROAD, 1, 10, "B"),
            fact(Kind.SOLD_LOCAL, 6, 5, "A"),
        ]
    )
    assert reconcile(account, counted(20)) == ()  # what left later was still there
    (short,) = reconcile(account, counted(7))
    assert (short.what, short.quantity, short.parts) == (Discrepancy.SHORTAGE, 13, (("A", 10), ("B", 3)))
    assert short.suspended == Money(Decimal("13.00"), "AED")
    (over,) = reconcile(account, counted(22))
    assert (over.what, over.quantity, over.parts) == (Discrepancy.EXCESS, 2, ())
    (of_lot,) = reconcile(account, counted(8, lot_id="B"))
    assert (of_lot.quantity, of_lot.parts) == (2, (("B", 2),))
    (unlisted,) = reconcile(account, counted(10, scope=CountScope.EVERYTHING, lot_id="A"))
    assert (unlisted.lot_id, unlisted.booked, unlisted.counted) == ("B", 10, 0)


def test_an_article_is_stated_over_all_its_lots_and_comes_to_what_is_there() -> None:
    facts = [
        fact(Kind.RECEIVED_ABROAD, 0, 10, "A"), fact(Kind.RECEIVED_ABROAD, 1, 5, "B"),
        fact(Kind.RECEIVED_ABROAD, 1, 8, "C", goods_id="CAP"),
        fact(Kind.SOLD_LOCAL, 2, 7, "A"), fact(Kind.SOLD_ABROAD, 3, 2, "B"), fact(Kind.RETURNED, 4, 3, "A"),
        fact(Kind.DESTROYED, 5, 1, "A"), fact(Kind.SAMPLE, 6, 1, "B"), fact(Kind.LOSS, 7, 1, "A"),
    ]  # fmt: skip
    account = derive(facts)

    def stated(first_hour: int) -> list[tuple[str, ...]]:
        statement = state(account, START + timedelta(hours=first_hour), START + timedelta(days=1))
        return [
            (each.goods_id, *(f"{part:f}" for part in (
                each.opening, each.received, each.returned, each.sold, each.destroyed, each.otherwise, each.closing,
            )))
            for each in by_goods(statement)
        ]  # fmt: skip

    assert stated(0) == [("TEE", "0", "15", "3", "9", "1", "2", "6"), ("CAP", "0", "8", "0", "0", "0", "0", "8")]
    assert stated(3) == [("TEE", "8", "0", "3", "2", "1", "2", "6"), ("CAP", "8", "0", "0", "0", "0", "0", "8")]


def test_csv_shows_what_a_spreadsheet_would_work_out() -> None:
    account = derive([fact(Kind.RECEIVED_ABROAD, 0, 10, "A"), fact(Kind.DESTROYED, 1, 1)])
    rows = list(csv.DictReader(io.StringIO(statement_csv(state(account, START, START + timedelta(days=1))))))
    assert [row["line"] for row in rows] == ["opening", "received from abroad", "destroyed", "closing"]
    assert {row["description"] for row in rows} == {"'=T-shirts"}
    assert [row["quantity"] for row in rows] == ["0", "10", "-1", "9"]
    assert [row["balance"] for row in csv.DictReader(io.StringIO(movements_csv(account.movements)))] == ["10", "9"]


def test_law_is_that_of_the_day_and_of_the_nearest_who_says_something() -> None:
    emirates = stock_law("AE", PlaceKind.FREE_ZONE, date(2026, 11, 28))
    assert emirates.flows[Flow.INWARD].procedure_category == "ZONE"
    german = stock_law("DE", PlaceKind.FREE_ZONE, date(2026, 11, 28))
    assert german.flows[Flow.INWARD].filing is Filing.RECORD
    assert german.flows[Flow.ABROAD].procedure_category == "A3"
    assert stock_law("DE", PlaceKind.WAREHOUSE, date(2026, 11, 28)).flows[Flow.INWARD].procedure_category == "H2"
    assert {german.discharge[kind].debt for kind in OUTS} == set(Debt)
    assert all(german.citations[kind.value] for kind in OUTS)
    with pytest.raises(NotInForceError, match="no order of consumption is known for 1999-01-01"):
        stock_law("AE", PlaceKind.FREE_ZONE, date(1999, 1, 1))


def test_the_reference_tells_every_source_and_which_were_not_confirmed() -> None:
    text = render_stock_law()
    assert "### COMMON:" in text
    assert "### EU:" in text
    assert "article 79" in text
    assert "(not confirmed)" in text
