from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.model.declaration import Address, Declaration, GoodsItem, Party
from tidewaiter.model.errors import LawDataError
from tidewaiter.model.money import Money
from tidewaiter.regimes import load_regime
from tidewaiter.risk.facts import feature_kinds
from tidewaiter.risk.history import definitions, happening_of
from tidewaiter.risk.history.definitions import read_definitions
from tidewaiter.risk.history.identities import Keys, household_text, phone_text, skeleton
from tidewaiter.risk.rules import Kind

SECRET = b"a secret"


def to(line: str, postcode: str = "2100", name: str = "Anna Sørensen", phone: str = "") -> Keys:
    address = Address(line=line, postcode=postcode, city="København", country_code="DK")
    return Keys(Declaration(jurisdiction_code="DK", consignee=Party(name=name, phone=phone, address=address)), SECRET)


def sent_by(name: str, party_id: str = "", country: str = "CN") -> Keys:
    party = Party(name=name, party_id=party_id, address=Address(country_code=country))
    return Keys(Declaration(jurisdiction_code="DK", consignor=party), SECRET)


@pytest.mark.parametrize(
    "line",
    [
        "Nørregade 12",
        "NØRREGADE 12",
        "Norregade 12",
        "Noerregade 12, st. tv.",
        "Nørreg. 12, 1. th",
        "Nørregade  012",
    ],
)
def test_a_home_is_one_however_its_address_is_written(line: str) -> None:
    assert to(line).household == to("Nørregade 12").household


@pytest.mark.parametrize(
    ("line", "postcode"), [("Nørregade 13", "2100"), ("Vestergade 12", "2100"), ("Nørregade 12", "8000")]
)
def test_other_numbers_streets_and_postcodes_are_other_homes(line: str, postcode: str) -> None:
    assert to(line, postcode).household != to("Nørregade 12").household


def test_a_cyrillic_address_is_that_of_its_transliteration() -> None:
    assert to("улица Ленина 5").household == to("ulitsa Lenina 5").household


@pytest.mark.parametrize("name", ["A. Sørensen", "Anna Sorensen", "ANNA SOERENSEN"])
def test_a_person_is_one_however_the_name_is_written(name: str) -> None:
    assert to("Nørregade 12", name=name).person == to("Nørregade 12").person
    assert to("Nørregade 12", name="Bo Hansen").person != to("Nørregade 12").person


@pytest.mark.parametrize("phone", ["+4520304050", "0045 20 30 40 50", "20304050", "+45 20-30-40-50"])
def test_a_phone_is_one_whatever_stands_before_it(phone: str) -> None:
    assert phone_text(phone) == "20304050"


def test_senders_are_told_by_country_and_name_or_by_number() -> None:
    assert sent_by("Bright Trading Co., Ltd.").consignor == sent_by("BRIGHT TRADING").consignor
    assert sent_by("Bright Trading").consignor != sent_by("Bright Trading", country="HK").consignor
    assert sent_by("", party_id="CN123").consignor is not None
    assert sent_by("").consignor is None


def test_what_is_missing_makes_no_key() -> None:
    keys = Keys(Declaration(), SECRET)
    assert (keys.household, keys.person, keys.phone, keys.consignor) == (None, None, None, None)
    assert to("Nørregade 12", postcode="").household is None
    assert phone_text("12") == ""


def test_keys_cannot_be_made_without_the_secret() -> None:
    declaration = Declaration(consignee=Party(phone="+4520304050"))
    assert Keys(declaration, b"one").phone != Keys(declaration, b"other").phone


@given(st.text(max_size=40), st.text(max_size=12))
def test_any_text_makes_a_key_and_always_the_same(line: str, postcode: str) -> None:
    address = Address(line=line, postcode=postcode)
    assert household_text(address) == household_text(address)
    assert skeleton(skeleton(line, 2), 2) == skeleton(line, 2)
    keys = to(line, postcode)
    assert keys.household is None or -(2**63) <= keys.household < 2**63


def test_a_happening_is_worth_what_the_law_of_the_day_says() -> None:
    regime = load_regime("DK", date(2026, 7, 1))
    item = GoodsItem(line_no=1, invoice_price=Money(Decimal("10.00"), "EUR"))
    happening = happening_of(Declaration(goods_items=(item,)), regime, date(2026, 7, 1), SECRET)
    worth = regime.worth(Declaration(goods_items=(item,)))
    assert worth is not None
    assert happening.cents == round(worth * 100)
    assert (
        happening_of(Declaration(goods_items=(GoodsItem(line_no=1),)), regime, date(2026, 7, 1), SECRET).cents is None
    )


def test_every_feature_is_known_to_rules() -> None:
    assert feature_kinds() == dict.fromkeys(definitions(), Kind.NUMBER)
    assert len(definitions()) >= 20


GOOD = "title: x\nfeatures:\n  a_b: {version: 1, key: household, days: 7, aggregate: parcels, words: W}\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("days: 7", "days: 31", "31 days"),
        ("a_b", "A-B", "small letters"),
        ("words: W", "words: ' '", "words"),
        ("version: 1", "version: 0", "version"),
        ("household, days: 7, aggregate: parcels", "consignor, days: 7, aggregate: persons", "very many"),
        ("aggregate: parcels", "aggregate: guesses", "guesses"),
        ("version: 1", "version: 1, colour: red", "colour"),
    ],
)
def test_a_definition_that_cannot_be_worked_out_is_refused_with_its_place(old: str, new: str, words: str) -> None:
    assert list(read_definitions(GOOD.encode(), "x.yaml")) == ["a_b"]
    with pytest.raises(LawDataError, match=words) as caught:
        read_definitions(GOOD.replace(old, new).encode(), "x.yaml")
    assert "x.yaml" in str(caught.value)
