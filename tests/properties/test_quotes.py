"""A quote and the declaration of the same basket give the same cents; differences add up exactly, whatever they are."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.model.assessment import Assessment
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import Basket, BasketItem, Trade
from tidewaiter.quotes.comparing import Comparison, Declared, compare
from tidewaiter.quotes.quote import Quote, QuoteImpossibleError
from tidewaiter.regimes import jurisdictions, load_regime
from tidewaiter.workflow.quoting import quote

DAYS = (date(2025, 9, 2), date(2026, 2, 28), date(2026, 6, 30), date(2026, 7, 1), date(2026, 11, 16))
LAST_RATES_ON = date(2026, 10, 20)
CODES = ("610910", "851830", "910211", "640411", "950300", "330300", "090121")


def the_assessment(declaration: Declaration, jurisdiction_code: str, on: date) -> Assessment:
    return assess(declaration, load_regime(jurisdiction_code, on))


def plainly_declared(basket: Basket, asked: Declaration) -> Declaration:
    """The basket as its seller declares it: with names, references and masses of its own."""
    return replace(
        asked,
        functional_reference_id="LRN-1",
        consignor=Party(name="Kestrel Trading", party_id=""),
        importer=Party(name="Jo Doe"),
        buyer=Party(name="Jo Doe"),
        consignment=replace(asked.consignment, gross_mass_kg=Decimal("2.5")),
        goods_items=tuple(replace(item, gross_mass_kg=Decimal("0.5")) for item in asked.goods_items),
    )


def quoted(basket: Basket, on: date) -> Quote | None:
    """The quote; None on a day so late that a law with amounts in another currency has no rates yet."""
    try:
        return quote(basket, on)
    except QuoteImpossibleError as error:
        if on <= LAST_RATES_ON or "law.not_in_force" not in {each.rule_id for each in error.findings}:
            raise
        return None


def held(given_quote: Quote, declaration: Declaration, on: date) -> Comparison:
    code = given_quote.basket.jurisdiction_code
    quoted, there = load_regime(code, given_quote.legal_day), load_regime(code, on)
    return compare(given_quote, quoted, Declared(declaration, there, assess(declaration, there)))


def adds_up(comparison: Comparison) -> bool:
    """The differences are the difference, at the border and at the sale."""
    due = comparison.quoted_due.amount + sum((each.due for each in comparison.changes), Decimal(0))
    at_sale = comparison.quoted_at_sale.amount + sum((each.at_sale for each in comparison.changes), Decimal(0))
    return due == comparison.declared_due.amount and at_sale == comparison.declared_at_sale.amount


def basket_of(code: str, currency: str, **more: Any) -> Basket:
    return Basket(
        jurisdiction_code=code,
        export_country_code="CN",
        freight=Money(Decimal("7.20"), currency),
        goods_items=(
            BasketItem(
                description="Cotton T-shirts for men", commodity_code="610910", origin_country_code="CN",
                invoice_price=Money(Decimal("41.35"), currency), quantity=Decimal(3), net_mass_kg=Decimal("0.4"),
            ),
            BasketItem(
                description="Wrist watch, quartz, steel case", commodity_code="910211", origin_country_code="JP",
                invoice_price=Money(Decimal("58.99"), currency),
            ),
        ),
        **more,
    )  # fmt: skip


@pytest.mark.parametrize("code", jurisdictions())
def test_what_is_quoted_is_what_is_declared(code: str) -> None:
    asked = 0
    for on in DAYS:
        try:
            currency = load_regime(code, on).currency
        except NotInForceError:
            continue
        for trade in Trade:
            for is_taxed_at_sale in (False, True):
                basket = basket_of(code, currency, trade=trade, is_taxed_at_sale=is_taxed_at_sale)
                found = quoted(basket, on)
                if found is None:
                    continue
                declaration = plainly_declared(basket, found.declaration)
                assessment = the_assessment(declaration, code, on)
                assert assessment.charges == found.assessment.charges
                assert (assessment.due, assessment.unresolved) == (found.assessment.due, found.assessment.unresolved)
                comparison = held(found, declaration, on)
                assert comparison.is_same
                assert not any(each.due or each.at_sale for each in comparison.changes)
                asked += 1
    assert asked


prices = st.decimals(min_value=0, max_value=3000, places=2)
items = st.builds(
    GoodsItem,
    line_no=st.just(1),
    description=st.sampled_from(("Cotton T-shirts for men", "Headphones, wireless", "Wrist watch, quartz, steel case")),
    commodity_code=st.sampled_from(CODES),
    origin_country_code=st.sampled_from(("CN", "JP", "DE", "US")),
    invoice_price=st.builds(Money, prices, st.sampled_from(("EUR", "USD", "GBP"))),
    quantity=st.none() | st.integers(1, 20).map(Decimal),
    additional_procedure_codes=st.sampled_from(((), ("C07",), ("C08",), ("F48",))),
)
declarations = st.builds(
    Declaration,
    procedure_category=st.sampled_from(("", "H1", "H7", "I1")),
    freight=st.none() | st.builds(Money, prices, st.sampled_from(("EUR", "USD"))),
    discount=st.none() | st.builds(Money, prices, st.just("EUR")),
    seller=st.sampled_from((None, Party(party_id="GB123456789"), Party(party_id="VOEC2024567"))),
    consignment=st.sampled_from((Consignment(), Consignment(export_country_code="US"))),
    goods_items=st.lists(items, min_size=1, max_size=4).map(
        lambda found: tuple(replace(item, line_no=place) for place, item in enumerate(found, 1))
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    code=st.sampled_from(("GB", "DK", "DE", "FR", "AU", "NO", "CA", "BR", "US", "CH", "KR")),
    quoted_on=st.sampled_from([day for day in DAYS if day <= LAST_RATES_ON]),
    days_later=st.integers(0, 200),
    declaration=declarations,
)
def test_differences_add_up_exactly(code: str, quoted_on: date, days_later: int, declaration: Declaration) -> None:
    found = quote(basket_of(code, "EUR"), quoted_on)
    on = min(quoted_on + timedelta(days=days_later), LAST_RATES_ON)
    comparison = held(found, replace(declaration, jurisdiction_code=code), on)
    assert adds_up(comparison)
    declared_lines = [line.declared_line_no for line in comparison.lines if line.declared_line_no]
    quoted_lines = [line.quoted_line_no for line in comparison.lines if line.quoted_line_no]
    assert sorted(declared_lines) == [item.line_no for item in declaration.goods_items]
    assert sorted(quoted_lines) == [1, 2]
    border_and_sale = comparison.declared_due.amount + comparison.declared_at_sale.amount
    assert sum((line.declared.amount for line in comparison.lines), Decimal(0)) == border_and_sale
