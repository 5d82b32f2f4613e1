"""Numbers that would make arithmetic explode never reach another rule."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidewaiter.model.declaration import Declaration, Packaging
from tidewaiter.model.finding import Severity
from tidewaiter.model.money import Money
from tidewaiter.quality import check
from tidewaiter.quality.numbers import is_all_sound, is_sound, sound
from unit.quality.declared import Dataset, Law, line, parcel

BAD = ("NaN", "sNaN", "Infinity", "-Infinity", "1E+999999", "1E-999999", "1E+12", "1000000000000", "1." + "1" * 28)
GOOD = ("0", "-5", "0.001", "999999999999", "12.50", "1E+3", "0E-6")


@pytest.mark.parametrize("text", BAD)
def test_unsound(text: str) -> None:
    assert not is_sound(Decimal(text))


@pytest.mark.parametrize("text", GOOD)
def test_sound(text: str) -> None:
    assert is_sound(Decimal(text))


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("name", ["quantity", "gross_mass_kg", "net_mass_kg"])
def test_a_bad_measure_is_one_error_and_is_not_also_missing(name: str, text: str) -> None:
    declaration = parcel(goods_items=(line(1, **{name: Decimal(text)}), line(2)))
    law = Law(dataset=Dataset(required=(f"goods_items[].{name}",)))
    findings = [finding for finding in check(declaration, regime=law) if "goods_items[1]" in finding.pointer]
    assert [(finding.rule_id, finding.severity) for finding in findings] == [("number.unusable", Severity.ERROR)]
    assert len(findings[0].value) <= 200


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("name", ["invoice_amount", "freight", "insurance", "discount", "amount_paid"])
def test_a_bad_amount_is_one_error(name: str, text: str) -> None:
    findings = check(parcel(**{name: Money(Decimal(text), "EUR")}), regime=Law())
    assert [(finding.rule_id, finding.pointer) for finding in findings] == [("number.unusable", name)]


@pytest.mark.parametrize("name", ["invoice_price", "customs_value", "statistical_value", "freight"])
def test_a_bad_amount_on_a_line_is_found(name: str) -> None:
    declaration = parcel(goods_items=(line(1), line(2, **{name: Money(Decimal("NaN"), "EUR")})), invoice_amount=None)
    assert [finding.pointer for finding in check(declaration, regime=Law())] == [f"goods_items[2].{name}"]


def test_counts_without_bound_are_found() -> None:
    declaration = parcel(
        goods_item_count=10**5000, goods_items=(line(1, packagings=(Packaging(count=10**9),)), line(2))
    )
    cleaned, findings = sound(declaration)
    assert {finding.pointer for finding in findings} == {"goods_item_count", "goods_items[1].packagings[1].count"}
    assert cleaned.goods_item_count is None
    assert is_all_sound(cleaned)


def test_what_is_sound_is_left_as_it_is() -> None:
    declaration = parcel()
    assert is_all_sound(declaration)
    assert sound(declaration) == (declaration, [])


def test_the_look_and_the_cleaning_agree_on_every_number() -> None:
    bad = Money(Decimal("Infinity"), "EUR")
    for name in ("invoice_amount", "freight", "insurance", "discount", "tax_collected_at_sale", "amount_paid"):
        declaration: Declaration = replace(parcel(), **{name: bad})
        assert not is_all_sound(declaration)
        assert [finding.pointer for finding in sound(declaration)[1]] == [name]
