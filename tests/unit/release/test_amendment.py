"""Applying amendments: what is stated replaces, lines are matched by number, pointed-at lines go."""

from __future__ import annotations

from decimal import Decimal

from tidewaiter.model.declaration import (
    AdditionalInformation,
    Address,
    Amendment,
    AmendmentPointer,
    Consignment,
    Declaration,
    GoodsItem,
    MessageFunction,
    Party,
)
from tidewaiter.model.money import Money
from tidewaiter.release import amended


def money(amount: str, currency: str = "GBP") -> Money:
    return Money(Decimal(amount), currency)


ORIGINAL = Declaration(
    functional_reference_id="LRN-1",
    type_code="IMD",
    goods_item_count=2,
    importer=Party(name="Jo", address=Address(line="1 Road", city="York", country_code="GB")),
    consignment=Consignment(ucr="U1", package_count=3),
    goods_items=(
        GoodsItem(line_no=1, description="Socks", invoice_price=money("5")),
        GoodsItem(line_no=2, description="Hat", invoice_price=money("9")),
    ),
)


def amendment(**stated: object) -> Declaration:
    return Declaration(
        function=MessageFunction.AMENDMENT,
        function_code="13",
        type_code="COR",
        functional_reference_id="AMD-1",
        additional_information=(AdditionalInformation(statement="price was wrong"),),
        **stated,  # type: ignore[arg-type]
    )


def test_an_amendment_of_nothing_changes_nothing() -> None:
    assert amended(ORIGINAL, amendment()) == ORIGINAL


def test_one_price_changes_and_all_else_stays() -> None:
    changed = amended(ORIGINAL, amendment(goods_items=(GoodsItem(line_no=2, invoice_price=money("10", "EUR")),)))
    assert changed.goods_items == (
        ORIGINAL.goods_items[0],
        GoodsItem(line_no=2, description="Hat", invoice_price=money("10", "EUR")),
    )
    assert (changed.functional_reference_id, changed.type_code) == ("LRN-1", "IMD")


def test_records_are_completed_not_replaced() -> None:
    changed = amended(
        ORIGINAL, amendment(importer=Party(address=Address(city="Leeds")), consignment=Consignment(package_count=4))
    )
    assert changed.importer == Party(name="Jo", address=Address(line="1 Road", city="Leeds", country_code="GB"))
    assert changed.consignment == Consignment(ucr="U1", package_count=4)


def test_a_line_is_added() -> None:
    changed = amended(ORIGINAL, amendment(goods_item_count=3, goods_items=(GoodsItem(line_no=3, description="Scarf"),)))
    assert [item.description for item in changed.goods_items] == ["Socks", "Hat", "Scarf"]
    assert changed.goods_item_count == 3


def test_a_line_is_deleted_and_the_others_keep_their_numbers() -> None:
    pointers = (AmendmentPointer("42A"), AmendmentPointer("67A"), AmendmentPointer("68A", sequence=1))
    changed = amended(ORIGINAL, amendment(amendments=(Amendment(reason_code="30", pointers=pointers),)))
    assert [(item.line_no, item.description) for item in changed.goods_items] == [(2, "Hat")]


def test_a_pointer_at_a_line_that_is_stated_deletes_nothing() -> None:
    pointers = (AmendmentPointer("42A"), AmendmentPointer("67A"), AmendmentPointer("68A", sequence=1))
    changed = amended(
        ORIGINAL,
        amendment(
            amendments=(Amendment(pointers=pointers),), goods_items=(GoodsItem(line_no=1, description="Wool socks"),)
        ),
    )
    assert [item.description for item in changed.goods_items] == ["Wool socks", "Hat"]
