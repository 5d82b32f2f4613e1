"""A declaration held against claims: by which numbers they find one another, and what is told."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.model.claim import Claim, ClaimKind
from tidewaiter.model.declaration import Consignment, Declaration, Document, GoodsItem, Party
from tidewaiter.model.money import Money
from tidewaiter.quality.matching import DIFFERS, MISSING, concerns, match


def item(line_no: int, sku: str, price: str) -> GoodsItem:
    return GoodsItem(line_no=line_no, sku=sku, quantity=Decimal(1), invoice_price=Money(Decimal(price), "CNY"))


def stated(*items: GoodsItem) -> Declaration:
    return Declaration(invoice_id="O-1", goods_items=items)


def claim(kind: ClaimKind, content: Declaration) -> Claim:
    return Claim(kind=kind, declaration_id=7, source="A platform", stated=content)


def test_lines_are_paired_by_product_number_whatever_their_order() -> None:
    ours = stated(item(1, "A", "10"), item(2, "B", "20"))
    theirs = claim(ClaimKind.ORDER, stated(item(1, "B", "20"), item(2, "A", "10")))
    assert match(ours, [theirs], ()) == []


def test_without_product_numbers_lines_are_paired_by_number() -> None:
    ours = stated(item(1, "", "10"), item(2, "", "20"))
    theirs = claim(ClaimKind.ORDER, stated(item(1, "B", "10"), item(2, "A", "21")))
    assert [each.pointer for each in match(ours, [theirs], ())] == ["invoice_amount", "goods_items[2].invoice_price"]


def test_the_same_product_on_two_lines_is_paired_twice() -> None:
    ours = stated(item(1, "A", "10"), item(2, "A", "12"))
    theirs = claim(ClaimKind.ORDER, stated(item(1, "A", "10"), item(2, "A", "12")))
    assert match(ours, [theirs], ()) == []


def test_goods_that_only_one_side_has_are_told() -> None:
    ours = stated(item(1, "A", "10"), item(2, "C", "20"))
    theirs = claim(ClaimKind.ORDER, stated(item(1, "A", "10"), item(2, "B", "20")))
    found = match(ours, [theirs], ())
    assert [(each.rule_id, each.pointer) for each in found] == [(DIFFERS, "goods_items"), (DIFFERS, "goods_items[2]")]


def test_claims_are_compared_with_one_another_where_the_declaration_is_silent() -> None:
    order = claim(ClaimKind.ORDER, replace(stated(), amount_paid=Money(Decimal(50), "CNY")))
    payment = claim(ClaimKind.PAYMENT, replace(stated(), amount_paid=Money(Decimal(49), "CNY")))
    (found,) = match(stated(), [payment, order], (ClaimKind.ORDER, ClaimKind.PAYMENT))
    assert (found.rule_id, found.pointer, found.value) == (DIFFERS, "amount_paid", "50 CNY")
    assert found.words.startswith("The payment (from A platform) says “49 CNY” for amount paid; the order")


def test_names_are_compared_by_letters_and_digits() -> None:
    ours = replace(stated(), buyer=Party(party_id="1101-0119", name="LI  Wei"))
    theirs = claim(ClaimKind.ORDER, replace(stated(), buyer=Party(party_id="11010119", name="Li Wei")))
    assert match(ours, [theirs], ()) == []


def test_a_missing_claim_says_by_which_number_it_was_looked_for() -> None:
    (found,) = match(Declaration(), [], (ClaimKind.LOGISTICS,))
    assert (found.rule_id, found.pointer) == (MISSING, "consignment.transport_documents")
    assert "names no number" in found.words
    (found,) = match(stated(), [], (ClaimKind.PAYMENT,))
    assert "“O-1”" in found.words


def test_transport_is_found_by_any_of_its_documents() -> None:
    ours = Declaration(
        consignment=Consignment(transport_documents=(Document(document_id="L-1"), Document(document_id="L-2")))
    )
    theirs = Declaration(consignment=Consignment(transport_documents=(Document(document_id="L-2"),)))
    assert concerns(claim(ClaimKind.LOGISTICS, theirs), ours)
    assert not concerns(claim(ClaimKind.LOGISTICS, Declaration()), ours)
    assert not concerns(claim(ClaimKind.ORDER, theirs), ours)


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.decimals("0.01", "99", places=2)), min_size=1, max_size=5))
def test_a_declaration_agrees_with_itself(lines: list[tuple[str, Decimal]]) -> None:
    ours = stated(*(item(at, sku, str(price)) for at, (sku, price) in enumerate(lines, start=1)))
    claims = [claim(kind, ours) for kind in ClaimKind if kind is not ClaimKind.LOGISTICS]
    assert match(ours, claims, (ClaimKind.ORDER, ClaimKind.PAYMENT)) == []
