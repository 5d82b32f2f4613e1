"""What a comparison says: which change, on which line, what it moves; the same to the cent where nothing differs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import Basket, BasketItem
from tidewaiter.quotes.comparing import Aspect, Comparison, Declared, compare
from tidewaiter.quotes.matching import matched
from tidewaiter.regimes import load_regime
from tidewaiter.workflow.quoting import quote

SHIRT = BasketItem(description="Cotton T-shirts for men", commodity_code="610910", origin_country_code="CN", invoice_price=Money(Decimal(120), "EUR"))  # fmt: skip
WATCH = BasketItem(description="Wrist watch, quartz", commodity_code="910211", origin_country_code="JP", invoice_price=Money(Decimal(80), "EUR"))  # fmt: skip


def basket(*items: BasketItem, code: str = "DE", **more: Any) -> Basket:
    return Basket(jurisdiction_code=code, goods_items=items or (SHIRT, WATCH), freight=Money(Decimal(9), "EUR"), **more)


def compared(asked: Basket, on: date, later: date | None = None, **changes: Any) -> Comparison:
    """The quote beside its own declaration with some fields changed, perhaps on a later day."""
    given = quote(asked, on)
    declaration: Declaration = replace(given.declaration, **changes)
    law, there = load_regime(asked.jurisdiction_code, on), load_regime(asked.jurisdiction_code, later or on)
    found = compare(given, law, Declared(declaration, there, assess(declaration, there)))
    due = found.quoted_due.amount + sum((each.due for each in found.changes), Decimal(0))
    at_sale = found.quoted_at_sale.amount + sum((each.at_sale for each in found.changes), Decimal(0))
    assert (due, at_sale) == (found.declared_due.amount, found.declared_at_sale.amount)
    return found


def items(asked: Basket, on: date, **changes: Any) -> tuple[GoodsItem, ...]:
    """The quote's lines with the first one changed."""
    first, *others = quote(asked, on).declaration.goods_items
    return (replace(first, **changes), *others)


DAY = date(2026, 7, 14)


@pytest.mark.parametrize(
    ("changes", "aspect", "quoted", "declared"),
    [
        ({"invoice_price": Money(Decimal(150), "EUR")}, Aspect.PRICE, "120 EUR", "150 EUR"),
        ({"invoice_price": Money(Decimal(120), "USD")}, Aspect.CURRENCY, "120 EUR", "120 USD"),
        ({"commodity_code": "640411"}, Aspect.CODE, "610910", "640411"),
    ],
)
def test_a_changed_line_is_named(changes: dict[str, Any], aspect: Aspect, quoted: str, declared: str) -> None:
    (change,) = compared(basket(), DAY, goods_items=items(basket(), DAY, **changes)).changes
    assert (change.aspect, change.line_no, change.quoted, change.declared) == (aspect, 1, quoted, declared)
    assert change.due


def test_origin_is_told_even_where_it_moves_nothing() -> None:
    found = compared(basket(), DAY, goods_items=items(basket(), DAY, origin_country_code="VN"))
    assert [(each.aspect, each.due) for each in found.changes] == [(Aspect.ORIGIN, Decimal(0))]
    assert found.is_same


def test_lines_added_and_missing() -> None:
    given = quote(basket(), DAY).declaration
    extra = replace(given.goods_items[0], line_no=2, description="Leather belt", commodity_code="420330")
    found = compared(basket(), DAY, goods_items=(given.goods_items[0], extra))
    assert [each.aspect for each in found.changes] == [Aspect.LINE_MISSING, Aspect.LINE_ADDED]
    assert [(line.quoted_line_no, line.declared_line_no) for line in found.lines] == [(1, 1), (0, 2), (2, 0)]


def test_freight_changes_what_the_goods_count_as() -> None:
    (change,) = compared(basket(), DAY, freight=Money(Decimal(20), "EUR")).changes
    assert (change.aspect, change.quoted, change.declared) == (Aspect.FREIGHT, "9 EUR", "20 EUR")


def test_the_law_of_another_day_is_named_measure_by_measure() -> None:
    asked = basket(replace(SHIRT, invoice_price=Money(Decimal(40), "EUR")))
    found = compared(asked, date(2026, 6, 30), date(2026, 7, 1))
    (change,) = [each for each in found.changes if each.due]
    assert change.aspect is Aspect.LAW
    assert (change.quoted, change.declared) == ("2026-06-30", "2026-07-01")
    assert any("Temporary duty" in words for words in change.details)
    assert any("abolished" in words for words in change.details)


def test_rates_of_exchange_of_another_month() -> None:
    asked = basket(replace(SHIRT, invoice_price=Money(Decimal(400), "USD")))
    found = compared(asked, date(2026, 7, 14), date(2026, 8, 14))
    assert [each.aspect for each in found.changes] == [Aspect.EXCHANGE]
    assert "USD" in found.changes[0].quoted
    assert found.changes[0].quoted != found.changes[0].declared


def test_who_accounts_for_the_tax_moves_it_from_the_border_to_the_sale() -> None:
    asked = basket(replace(SHIRT, invoice_price=Money(Decimal(40), "EUR")))
    registered = quote(replace(asked, is_taxed_at_sale=True), DAY).declaration
    found = compared(
        asked, DAY, goods_items=registered.goods_items, fiscal_references=registered.fiscal_references,
        seller=registered.seller,
    )  # fmt: skip
    assert sum(each.due for each in found.changes) < 0 < sum(each.at_sale for each in found.changes)
    assert Aspect.REGISTRATION in [each.aspect for each in found.changes]


def test_another_dataset_is_a_difference_of_its_own() -> None:
    asked = basket(replace(SHIRT, invoice_price=Money(Decimal(40), "EUR")))
    found = compared(asked, DAY, procedure_category="H1")
    assert [each.aspect for each in found.changes] == [Aspect.DATASET]
    assert found.changes[0].declared == "H1"


def test_a_thousand_lines_are_taken_together() -> None:
    given = quote(basket(), DAY).declaration
    many = [replace(given.goods_items[0], line_no=place, description=f"Shirt {place}") for place in range(1, 1001)]
    found = compared(basket(), DAY, goods_items=tuple(many))
    assert len(found.changes) <= 5
    assert any(each.quoted.endswith("lines") or each.declared.endswith("lines") for each in found.changes)


def line(line_no: int, code: str, description: str) -> GoodsItem:
    return GoodsItem(line_no=line_no, commodity_code=code, description=description)


@pytest.mark.parametrize(
    ("declared", "pairs"),
    [
        ([line(1, "610910", "shirt"), line(2, "910211", "watch")], [(1, 1), (2, 2)]),
        ([line(1, "910211", "Watch"), line(2, "610910", "SHIRT")], [(2, 1), (1, 2)]),
        ([line(1, "61091000", "shirt"), line(2, "420330", "belt")], [(1, 1), (0, 2), (2, 0)]),
        ([line(1, "610910", "shirt"), line(2, "911430", "springs")], [(1, 1), (2, 2)]),
        ([line(7, "910211", "clock")], [(2, 7), (1, 0)]),
        ([], [(1, 0), (2, 0)]),
    ],
)
def test_lines_find_their_likest(declared: Sequence[GoodsItem], pairs: Sequence[tuple[int, int]]) -> None:
    quoted = [line(1, "610910", "shirt"), line(2, "910211", "watch")]
    found = [(old.line_no if old else 0, new.line_no if new else 0) for old, new in matched(quoted, declared)]
    assert found == list(pairs)
