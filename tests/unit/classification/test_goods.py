"""The names of goods: each subheading exists, each family is used, and names and texts are folded alike."""

from __future__ import annotations

from datetime import date

import pytest

from tidewaiter.classification.goods import Codes, goods, goods_words, read, singular, votes
from tidewaiter.data.nomenclature import edition_on
from tidewaiter.data.words import goods as data
from tidewaiter.data.words.goods import conditions, goods_terms, nomenclature_words


def every_code(codes: Codes) -> set[str]:
    return {codes.default, *(code for _, code in codes.alternatives)}


def test_every_subheading_named_exists() -> None:
    edition = edition_on(date(2026, 6, 15))
    assert edition is not None
    named = {code for codes_text, _ in goods_terms() for code in every_code(Codes.parse(codes_text))}
    named |= {code for _, pointed in nomenclature_words() for code, _ in pointed}
    assert named - edition.subheadings == set()
    assert len(named) > 1_000


def test_every_condition_asked_for_is_one_that_words_can_make_hold() -> None:
    asked = {
        each for codes_text, _ in goods_terms() for needed, _ in Codes.parse(codes_text).alternatives for each in needed
    }
    assert asked - {condition for condition, _ in conditions()} == set()


def test_every_family_is_used() -> None:
    used = {
        row[0][1:]
        for name in ("basics", "fashion", "beauty_health", "home", "electronics", "hobby", "tools_vehicles_food")
        for row in data._rows(name)
        if row[0].startswith("@")
    }
    assert used == {name for name, _ in data._rows("families")}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("cases", "case"), ("batteries", "battery"), ("watches", "watch"), ("boxes", "box"), ("glass", "glass"),
        ("dress", "dress"), ("lens", "len"), ("bus", "bus"), ("ties", "tie"), ("led", "led"), ("s", "s"),
    ],
)  # fmt: skip
def test_plurals_are_folded(word: str, expected: str) -> None:
    assert singular(word) == expected


def test_words_of_names_and_texts_are_folded_alike() -> None:
    assert goods_words("Wireless Earbuds, Größe M") == ["wireless", "earbud", "grosse", "m"]
    assert read("iPhone 15 cases, 500ml") == ["iphone", "case"]
    assert read("18650 battery") == ["18650", "battery"]


def test_conditions_choose_between_subheadings_in_order() -> None:
    codes = Codes.parse("620463 men+knit=610343 men=620343 cotton=620462")
    assert codes.under(frozenset()) == "620463"
    assert codes.under(frozenset({"men", "knit", "cotton"})) == "610343"
    assert codes.under(frozenset({"cotton", "women"})) == "620462"


def test_a_rare_word_tells_more_than_a_common_one() -> None:
    weights = goods().weights
    assert weights["earbud"] > weights["case"] > 0
    assert all(points > 0 for pointed in votes().by_word.values() for _, points in pointed[:1])
