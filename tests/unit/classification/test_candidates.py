"""Candidates: what sellers write, and the subheading it belongs to."""

from __future__ import annotations

import pytest

from tidewaiter.classification.candidates import candidates


def first(text: str, details: str = "") -> str:
    found = candidates(text, details=details)
    return found[0].hs_code if found else ""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Wireless Earbuds with Charging Case, Bluetooth 5.3", "851830"),
        ("Silicone case for iPhone 15 Pro", "392690"),
        ("Women's cotton T-shirt", "610910"),
        ("Men's polyester running shorts", "620343"),
        ("Ladies' silk blouse", "620610"),
        ("Human hair lace front wig", "670420"),
        ("Cosplay wig, synthetic hair", "670411"),
        ("925 sterling silver stud earrings", "711311"),
        ("Stainless steel water bottle 500 ml", "961700"),
        ("Bicycle inner tube 28 inch", "401320"),
        ("Dog food, dried, 2 kg", "230910"),
        ("Building blocks for children, plastic", "950300"),
        ("Ceiling fan with light", "841451"),
        ("Brake pads for motorcycle", "871410"),
        ("Guitar strings", "920930"),
        ("Lithium battery 18650", "850760"),
        ("Lipstick, matte", "330410"),
        ("Olive oil, extra virgin", "150920"),
        ("Folding umbrella", "660191"),
        ("Fishing hooks, box of 100", "950720"),
    ],
)
def test_the_first_candidate(text: str, code: str) -> None:
    assert first(text) == code


def test_materials_and_wearers_choose() -> None:
    assert first("dress") == "620443"
    assert first("cotton dress") == "620442"
    assert first("knitted cotton dress") == "610442"
    assert first("dress", details="Material: 100% cotton") == "620442"
    assert first("belt") != first("canvas belt")
    assert first("trousers for men and women") == "620463"


def test_what_it_is_for_counts_less_than_what_it_is() -> None:
    assert first("strap for smart watch") == "911390"
    assert first("charger for laptop") == "850440"
    assert first("laptop") == "847130"


def test_reasons_are_the_words_of_the_text_that_are_names() -> None:
    found = candidates("wireless earbuds with charging case for iphone")
    assert found[0].words == ("wireless earbud",)  # "earbud" stands within it
    assert 0 < found[0].share_percent <= 100
    assert [each.hs_code for each in found] == [
        each.hs_code for each in candidates("WIRELESS EARBUDS, with charging case; for iPhone")
    ]


def test_the_category_of_a_marketplace_helps() -> None:
    assert candidates("KX-200 premium", category="Brooches")[0].hs_code == "711719"


@pytest.mark.parametrize("text", ["", "  ", "qwxz zzkv", "12345", "???", "\x00"])
def test_nothing_known_gives_no_candidate(text: str) -> None:
    assert candidates(text) == ()


def test_as_many_as_asked_for() -> None:
    assert len(candidates("stainless steel kitchen knife set", limit=5)) == 5
    assert len(candidates("stainless steel kitchen knife set", limit=1)) == 1
