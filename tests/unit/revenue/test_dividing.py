"""Goods of several imports in one return: each goes to the import that has it, filled in order."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.returned import ReturnedItem
from tidewaiter.revenue.dividing import Article, divided

D = Decimal


def imported(**counts: int) -> Declaration:
    items = enumerate(counts.items(), start=1)
    return Declaration(goods_items=tuple(GoodsItem(line_no=no, sku=sku, quantity=D(n)) for no, (sku, n) in items))


def back(sku: str, quantity: int) -> ReturnedItem:
    return ReturnedItem(quantity=D(quantity), sku=sku)


TWO = {1: imported(A=2, B=1), 2: imported(A=3, C=1)}


def test_each_article_goes_to_the_import_that_has_it() -> None:
    found = divided([Article(back("B", 1), (1, 2)), Article(back("C", 1), (1, 2))], TWO, {})
    assert found == {1: (back("B", 1),), 2: (back("C", 1),)}


def test_an_article_of_both_fills_the_first_and_what_went_back_before_counts() -> None:
    assert divided([Article(back("A", 4), (1, 2))], TWO, {}) == {1: (back("A", 2),), 2: (back("A", 2),)}
    assert divided([Article(back("A", 2), (1, 2))], TWO, {1: {1: D(2)}}) == {2: (back("A", 2),)}


def test_what_is_too_much_stays_with_the_last_and_what_none_has_with_the_first() -> None:
    assert divided([Article(back("A", 9), (1, 2))], TWO, {}) == {1: (back("A", 2),), 2: (back("A", 7),)}
    assert divided([Article(back("X", 1), (1, 2))], TWO, {}) == {1: (back("X", 1),)}
    assert divided([Article(back("A", 1), ())], TWO, {}) == {None: (back("A", 1),)}


@given(st.lists(st.tuples(st.sampled_from("ABCX"), st.integers(1, 6)), max_size=6))
def test_nothing_is_lost_or_added(wanted: list[tuple[str, int]]) -> None:
    articles = [Article(back(sku, quantity), (1, 2)) for sku, quantity in wanted]
    found = divided(articles, TWO, {})
    for sku in "ABCX":
        given_out = sum(item.quantity for items in found.values() for item in items if item.sku == sku)
        assert given_out == sum(quantity for name, quantity in wanted if name == sku)
