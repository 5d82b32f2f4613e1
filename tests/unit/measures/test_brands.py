"""Brands over time, on declarations of any origin."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from tidewaiter.measures.brands import BrandTrends, WatchedBrand
from tidewaiter.model.declaration import Address, Consignment, Declaration, GoodsItem, Party

BRAND = WatchedBrand("Velorano", ("420292",), ("same as picture",))


def bag(description: str, *, code: str = "420292", by_way_of: str = "CN", at: str = "") -> Declaration:
    return Declaration(
        marketplace=Party(name=at) if at else None,
        consignment=Consignment(export_country_code=by_way_of),
        goods_items=(
            GoodsItem(line_no=1, description=description, commodity_code=code, origin_country_code="CN"),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("description", "named", "veiled"),
    [
        ("VELORANO shoulder bag", 1, 0),
        ("bag “Vel0rano”", 0, 1),
        ("Velorrano bag", 0, 1),
        ("Velorno bag", 0, 1),
        ("Velorana bag", 0, 1),
        ("bag, same as picture", 0, 1),
    ],
)
def test_a_brand_is_named_or_veiled(description: str, named: int, veiled: int) -> None:
    measure = BrandTrends([BRAND])
    measure.add(date(2025, 1, 7), bag(description))
    (period,) = measure.periods()
    assert (period.named, period.veiled, period.in_10000) == (named, veiled, 10_000)


@pytest.mark.parametrize("description", ["shoulder bag", "Valerina bag", "velo bag", ""])
def test_other_words_are_not_the_brand(description: str) -> None:
    measure = BrandTrends([BRAND])
    measure.add(date(2025, 1, 7), bag(description))
    assert measure.periods() == []


def test_goods_that_it_is_not_copied_on_are_left_out() -> None:
    measure = BrandTrends([BRAND])
    measure.add(date(2025, 1, 7), bag("Velorano bicycle", code="871200"))
    assert measure.periods() == []


def test_routes_marketplaces_and_wordings_move() -> None:
    measure = BrandTrends([BRAND])
    for _ in range(4):
        measure.add(date(2025, 1, 7), bag("Velorano bag", at="Harbourmart"))
        measure.add(date(2025, 2, 7), bag("Velorrano style bag", by_way_of="AE", at="Quickfern"))
        measure.add(date(2025, 2, 7), bag("canvas bag"))
    january, february = measure.periods()
    assert (january.month, january.named, january.veiled, january.in_10000) == ("2025-01", 4, 0, 10_000)
    assert (february.month, february.named, february.veiled, february.in_10000) == ("2025-02", 0, 4, 5_000)
    assert january.routes == (("CN", 4),)
    assert february.routes == (("CN-AE", 4),)
    assert february.marketplaces == (("Quickfern", 4),)
    assert february.rising_words == ("style", "velorrano")


def test_where_no_marketplace_or_country_of_export_is_asked_for() -> None:
    measure = BrandTrends([BRAND])
    plain = bag("Velorano bag", by_way_of="")
    item = replace(plain.goods_items[0], origin_country_code="")
    sender = Party(name="Jade River", address=Address(country_code="HK"))
    measure.add(
        date(2025, 1, 7),
        replace(
            plain, goods_items=(item,), consignor=sender, fiscal_references=(Party(party_id="IM1", role_code="FR5"),)
        ),
    )
    (period,) = measure.periods()
    assert (period.routes, period.marketplaces) == ((("HK", 1),), (("IM1", 1),))
