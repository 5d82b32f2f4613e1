"""Returned goods: refunded without a person when all is sure, a case when not, never more than was charged."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.model.declaration import Consignment, Declaration, Document, GoodsItem
from tidewaiter.model.money import Money
from tidewaiter.regimes import load_regime
from tidewaiter.revenue.returns import Imported, Outcome, ReturnClaim, ReturnedItem, decide_refund

D = Decimal
ON = date(2026, 3, 2)
REGIME = load_regime("DE", ON)


def item(line_no: int, price: str, quantity: int, sku: str) -> GoodsItem:
    return GoodsItem(
        line_no=line_no, description="T-shirt", commodity_code="610910", quantity=D(quantity), sku=sku,
        invoice_price=Money(D(price), "EUR"), additional_procedure_codes=("C07",),
    )  # fmt: skip


DECLARATION = Declaration(
    procedure_category="H7",
    invoice_id="O1",
    goods_items=(item(1, "30.00", 3, "A"), item(2, "20.00", 1, "B")),
    consignment=Consignment(transport_documents=(Document(document_id="CP000000040DK"),)),
)
IMPORTED = Imported(subject="S1", declaration=DECLARATION, assessment=assess(DECLARATION, REGIME))
CLAIM = ReturnClaim(
    return_id="R1", reason="returned to seller", claimed_on=date(2026, 4, 1), waybill="CP000000040DK", order_id="O1",
    evidence={"exit event": "E1", "return order": "O1"},
)  # fmt: skip


def decide(imported: Imported = IMPORTED, **changes: Any) -> Any:
    return decide_refund(replace(CLAIM, **changes), imported, REGIME)


def test_everything_back_refunds_everything() -> None:
    found = decide()
    assert found.outcome is Outcome.REFUND
    assert found.amounts == {"B00": D("9.50")}  # 19 % of 50
    assert "waybill" in found.reasons[0]


def test_a_part_refunds_its_share_rounded_down() -> None:
    found = decide(items=(ReturnedItem(quantity=D(1), sku="A"),))
    assert found.amounts == {"B00": D("1.90")}  # a third of 5.70
    assert found.quantities == {1: D(1)}


def test_a_guarantee_is_released_instead() -> None:
    assert decide(replace(IMPORTED, is_paid=False)).outcome is Outcome.GUARANTEE_RELEASE


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"evidence": {"return order": "O1"}}, "no proof: exit event"),
        ({"waybill": "OTHER", "order_id": ""}, "neither waybill nor order"),
        ({"items": (ReturnedItem(quantity=D(4), sku="A"),)}, "4 go back, and 3"),
        ({"items": (ReturnedItem(quantity=D(1), sku="C"),)}, "no line of the import is C"),
        ({"reason": "destroyed"}, "no rule is modelled"),
    ],
)
def test_what_is_not_sure_is_a_case(changes: dict[str, Any], words: str) -> None:
    found = decide(**changes)
    assert found.outcome is Outcome.CASE
    assert any(words in reason for reason in found.reasons)


def test_after_the_window_it_is_refused() -> None:
    found = decide(claimed_on=date(2027, 3, 3))
    assert found.outcome is Outcome.REFUSED
    assert "2027-03-02" in found.reasons[0]


def test_never_more_than_is_left() -> None:
    earlier = replace(IMPORTED, given_back={"B00": D("8.00")}, returned={1: D(3)})
    assert decide(earlier).amounts == {"B00": D("1.50")}
    again = replace(IMPORTED, given_back={"B00": D("9.50")}, returned={1: D(3), 2: D(1)})
    assert decide(again).outcome is Outcome.REFUSED


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.integers(1, 3)), max_size=6))
@settings(max_examples=60, deadline=None)
def test_many_returns_never_give_back_more_than_was_charged(returns: list[tuple[int, int]]) -> None:
    imported, total = IMPORTED, D(0)
    for number, (line_no, quantity) in enumerate(returns):
        found = decide(imported, return_id=f"R{number}", items=(ReturnedItem(quantity=D(quantity), line_no=line_no),))
        if found.outcome is not Outcome.REFUND:
            continue
        given_back = {code: imported.given_back.get(code, D(0)) + amount for code, amount in found.amounts.items()}
        returned = {line: imported.returned.get(line, D(0)) + count for line, count in found.quantities.items()}
        imported = replace(imported, given_back=given_back, returned=imported.returned | returned)
        total += sum(found.amounts.values(), D(0))
    assert total <= D("9.50")
