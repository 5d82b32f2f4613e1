"""Amendments applied: partial ones with pointers, whole ones without."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tidewaiter.messages.wco_dm import WcoDmForm, apply_amendment
from tidewaiter.model.declaration import (
    AdditionalInformation,
    Amendment,
    AmendmentPointer,
    Declaration,
    Document,
    Extra,
    GoodsItem,
    MessageFunction,
    Party,
)
from tidewaiter.model.money import Money

ITEM = "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem"


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def pointing(*steps: str) -> Amendment:
    """An amendment with one pointer: "68A/2" is class 68A at sequence 2, "79A/1/112" its element 112."""
    pointers = [step.split("/") for step in steps]
    return Amendment(
        reason_code="21",
        pointers=tuple(
            AmendmentPointer(section_code=code, sequence=int(sequence), tag_id=tag[0] if tag else "")
            for code, sequence, *tag in pointers
        ),
    )


def amending(*amendments: Amendment, **fields: object) -> Declaration:
    return Declaration(
        function=MessageFunction.AMENDMENT,
        function_code="13",
        type_code="COR",
        functional_reference_id="AMENDMENT-1",
        registered_id="26GB1",
        amendments=amendments,
        **fields,  # type: ignore[arg-type]
    )


ORIGINAL = Declaration(
    function_code="9",
    type_code="IMA",
    functional_reference_id="PARCEL-1",
    jurisdiction_code="GB",
    importer=Party(name="Ada Example", email="ada@example.org"),
    goods_items=tuple(
        GoodsItem(
            line_no=number,
            description=f"thing {number}",
            invoice_price=euros("10"),
            documents=(Document(type_code="N935", document_id="A"), Document(type_code="C400", document_id="B")),
        )
        for number in (1, 2, 3)
    ),
    extras=(Extra(f"{ITEM}[2]/Novelty", "two"), Extra(f"{ITEM}[3]/Novelty", "three"), Extra("/Declaration/Other", "x")),
)
HEADER = ("42A/1", "67A/1")


def test_a_value_is_changed_and_nothing_else() -> None:
    change = amending(
        pointing(*HEADER, "68A/2", "23A/1", "79A/1/112"), goods_items=(GoodsItem(line_no=2, invoice_price=euros("12")),)
    )
    result = apply_amendment(ORIGINAL, change)
    assert [item.invoice_price for item in result.goods_items] == [euros("10"), euros("12"), euros("10")]
    assert result.goods_items[1].description == "thing 2"
    assert (result.function, result.functional_reference_id, result.type_code) == (
        MessageFunction.ORIGINAL,
        "PARCEL-1",
        "IMA",
    )
    assert (result.registered_id, result.amendments) == ("26GB1", change.amendments)
    assert result.extras == ORIGINAL.extras


def test_an_item_is_added() -> None:
    new = GoodsItem(line_no=4, description="thing 4")
    result = apply_amendment(ORIGINAL, amending(pointing(*HEADER, "68A/4"), goods_items=(new,)))
    assert [item.line_no for item in result.goods_items] == [1, 2, 3, 4]
    assert result.goods_items[3] == new


def test_an_item_that_is_pointed_to_and_not_carried_is_removed_with_its_extras() -> None:
    result = apply_amendment(ORIGINAL, amending(pointing(*HEADER, "68A/2"), pointing("42A/1/228"), goods_item_count=2))
    assert [item.line_no for item in result.goods_items] == [1, 3]
    assert result.goods_item_count == 2
    assert result.extras == (Extra(f"{ITEM}[2]/Novelty", "three"), Extra("/Declaration/Other", "x"))


def test_an_item_pointed_to_as_a_whole_is_replaced() -> None:
    new = GoodsItem(line_no=2, description="another thing")
    result = apply_amendment(ORIGINAL, amending(pointing(*HEADER, "68A/2"), goods_items=(new,)))
    assert result.goods_items[1] == new


@pytest.mark.parametrize(
    ("pointers", "carried", "expected"),
    [
        (["02A/2/D005"], [Document(document_id="Z")], [("N935", "A"), ("C400", "Z")]),
        (["02A/2"], [Document(document_id="Z")], [("N935", "A"), ("", "Z")]),
        (["02A/3"], [Document(type_code="Y900", document_id="C")], [("N935", "A"), ("C400", "B"), ("Y900", "C")]),
        (["02A/1"], [], [("C400", "B")]),
        (["02A/2", "02A/1"], [Document(type_code="N380", document_id="Q")], [("N380", "Q")]),
    ],
)
def test_documents_of_an_item(pointers: list[str], carried: list[Document], expected: list[tuple[str, str]]) -> None:
    amendments = [pointing(*HEADER, "68A/1", pointer) for pointer in pointers]
    change = amending(*amendments, goods_items=(GoodsItem(line_no=1, documents=tuple(carried)),))
    found = apply_amendment(ORIGINAL, change).goods_items[0].documents
    assert [(document.type_code, document.document_id) for document in found] == expected


def test_part_of_a_party_is_changed() -> None:
    result = apply_amendment(ORIGINAL, amending(pointing(*HEADER, "74A/1/R037"), importer=Party(name="Eve Example")))
    assert result.importer == Party(name="Eve Example", email="ada@example.org")


def test_the_reasons_stay_with_the_amendment() -> None:
    reasons = (AdditionalInformation(statement="a slip", type_code="AES"),)
    result = apply_amendment(
        ORIGINAL, amending(pointing("42A/1/109"), invoice_amount=euros("30"), additional_information=reasons)
    )
    assert (result.invoice_amount, result.additional_information) == (euros("30"), ())


def test_without_pointers_the_whole_declaration_is_replaced() -> None:
    whole = amending(
        Amendment(reason_code="5", reason="wrong parcel"),
        goods_items=(GoodsItem(line_no=1, description="all there is"),),
    )
    result = apply_amendment(ORIGINAL, whole)
    assert result.goods_items == whole.goods_items
    assert result.importer is None
    assert (result.function, result.type_code, result.functional_reference_id) == (
        MessageFunction.ORIGINAL,
        "IMA",
        "PARCEL-1",
    )
    assert result.amendments == whole.amendments


def test_a_second_amendment_builds_on_the_first() -> None:
    first = apply_amendment(ORIGINAL, amending(pointing("42A/1/109"), invoice_amount=euros("1")))
    second = apply_amendment(first, amending(pointing("42A/1/109"), invoice_amount=euros("2")))
    assert second.invoice_amount == euros("2")
    assert len(second.amendments) == 2


def test_an_amended_declaration_can_be_written_and_read() -> None:
    form = WcoDmForm()
    result = apply_amendment(ORIGINAL, amending(pointing(*HEADER, "68A/2")))
    assert form.read(form.write([result])).declaration == result
