"""How orders, payments, transport documents and lists of China's cross-border e-commerce are to be filled in."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache

import pytest

from tidewaiter.model.declaration import Address, Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.identifiers import ResidentNumber
from tidewaiter.model.money import Money
from tidewaiter.quality import check
from tidewaiter.regimes import Regime, load_regime


@cache
def regime() -> Regime:
    return load_regime("CN", date(2026, 6, 15))


def rules(declaration: Declaration) -> list[str]:
    return [finding.rule_id for finding in check(declaration, regime=regime())]


def cny(amount: str) -> Money:
    return Money(Decimal(amount), "CNY")


@pytest.mark.parametrize(
    ("unit_price", "quantity", "price", "agrees"),
    [
        ("20", "100", "2000", True),
        ("20", "100", "20", False),
        ("0.33", "3", "1", True),  # a third of 1.00, written in cents
        ("0.33", "3", "1.03", False),
        ("3.33333", "3", "10", True),
        ("0", "2", "0", True),
        ("5", "0.5", "2.50", True),
    ],
)
def test_price_times_quantity(unit_price: str, quantity: str, price: str, *, agrees: bool) -> None:
    item = GoodsItem(line_no=1, unit_price=cny(unit_price), quantity=Decimal(quantity), invoice_price=cny(price))
    order = Declaration(jurisdiction_code="CN", procedure_category="ORDER", invoice_id="O-1", goods_items=(item,))
    assert ("amount.line_total" in rules(order)) is not agrees


@pytest.mark.parametrize("count", [0, 1, 6000])
@pytest.mark.parametrize("category", ["CBEC", "LOGISTICS", "CBEX", ""])
def test_one_package_a_parcel_where_retail_imports_are_declared(category: str, count: int) -> None:
    declared = Declaration(
        jurisdiction_code="CN", procedure_category=category, consignment=Consignment(package_count=count)
    )
    assert ("cbec.package_count" in rules(declared)) is (category in ("CBEC", "LOGISTICS") and count != 1)


@pytest.mark.parametrize(("paid", "agrees"), [("345", True), ("355", False), ("345.01", False)])
def test_the_sum_paid_is_goods_freight_and_tax_less_the_discount(paid: str, *, agrees: bool) -> None:
    order = Declaration(
        jurisdiction_code="CN", procedure_category="ORDER", invoice_id="O-1", invoice_amount=cny("300"),
        freight=cny("20"), tax_collected_at_sale=cny("30"), discount=cny("5"), amount_paid=cny(paid),
    )  # fmt: skip
    assert ("cbec.amount_paid" in rules(order)) is not agrees


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("110101199003070011", None),
        ("11010519491231002x", None),  # the example that is published of GB 11643, X in small letters
        ("110101199003070012", "its check digit does not agree"),
        ("130681136250023332", "its digits 7 to 14 are no day of birth"),
        ("11010119900307001", "it should be 17 digits and a digit or X"),
        ("G12345678", "it should be 17 digits and a digit or X"),
        ("", "it should be 17 digits and a digit or X"),
    ],
)
def test_numbers_of_identity_cards(number: str, problem: str | None) -> None:
    assert ResidentNumber.problem(number) == problem
    payment = Declaration(
        jurisdiction_code="CN", procedure_category="PAYMENT", invoice_id="O-1", amount_paid=cny("1"),
        payer=Party(party_id=number),
    )  # fmt: skip
    assert ("cbec.resident_number" in rules(payment)) is (problem is not None and number != "")


def test_an_address_to_deliver_to_is_enough_where_the_buyer_is_named() -> None:
    where = Party(address=Address(line="北京市海淀区"))
    assert "party.not_identified" not in rules(Declaration(consignee=where, buyer=Party(name="李小宝")))
    assert "party.not_identified" in rules(Declaration(consignee=where))
