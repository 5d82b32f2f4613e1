"""Descriptions: which say something, and what is wrong with the others."""

from __future__ import annotations

import pytest

from tidewaiter.data.words import programmes as held_programmes
from tidewaiter.quality.wording import Fault, fault, refused_by


@pytest.mark.parametrize(
    "description",
    [
        "cotton T-shirts for men",
        "Glasses",
        "LED lamp 12V",
        "iPhone 15 case",
        "USB-C cable",
        "gift: wooden toy train",
        "plastic spoons",
        "spare wheel for bicycle",
        "Bremsbeläge",
        "chaussures en cuir",
        "uldtrøje",
        "手机壳",
        "茶",
        "book",
        "tea",
        "x" * 300,
    ],
)
def test_says_something(description: str) -> None:
    assert fault(description) is None


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("gift", Fault.VAGUE),
        ("GIFTS", Fault.VAGUE),
        ("Parts", Fault.VAGUE),
        ("spare parts", Fault.VAGUE),
        ("various goods, 3 pcs", Fault.VAGUE),
        ("Sample of merchandise", Fault.VAGUE),
        ("as per invoice", Fault.VAGUE),
        ("new clothes", Fault.VAGUE),
        ("diverse varer", Fault.VAGUE),
        ("Ersatzteile", Fault.VAGUE),
        ("Geschenk", Fault.VAGUE),
        ("pièces détachées", Fault.VAGUE),
        ("2 x cadeau", Fault.VAGUE),
        ("pcs", Fault.VAGUE),
        ("regalos", Fault.VAGUE),
        ("campioni vari", Fault.VAGUE),
        ("diverse goederen", Fault.VAGUE),
        ("części zamienne", Fault.VAGUE),
        ("peças e acessórios", Fault.VAGUE),
        ("reservdelar", Fault.VAGUE),
        ("náhradní díly", Fault.VAGUE),
        ("yedek parça", Fault.VAGUE),
        ("запасные части", Fault.VAGUE),
        ("礼品", Fault.VAGUE),
        ("雑貨", Fault.VAGUE),
        ("선물", Fault.VAGUE),
        ("black, size M", Fault.VAGUE),
        ("General cargo", Fault.VAGUE),
        ("mystery box", Fault.UNCLEAR),
        ("hey hey hey", Fault.REPEATED),
        ("aaaa", Fault.REPEATED),
        ("ab", Fault.SHORT),
        ("-", Fault.SHORT),
        ("12345678", Fault.CODE),
        ("B08N5WRWNW", Fault.CODE),
        ("SKU 12345-77", Fault.CODE),
        ("https://shop.example/item/1", Fault.CODE),
        ("www.shop.example", Fault.CODE),
    ],
)
def test_says_nothing(description: str, expected: Fault) -> None:
    assert fault(description) is expected


@pytest.mark.parametrize(
    ("description", "programmes"),
    [
        ("Accessories", ("ICS2", "ACAS", "PACT")),
        ("  freight  all kinds. ", ("ICS2", "PACT")),
        ("Daily necessities", ("ACAS",)),
        ("White goods", ("PACT",)),
        ("Miscellaneous", ("S&S GB",)),
        ("powder", ("ACAS",)),
        ("cotton T-shirts", ()),
    ],
)
def test_programmes_that_refuse_a_wording_are_named(description: str, programmes: tuple[str, ...]) -> None:
    assert refused_by(description) == programmes


def test_every_programme_and_language_is_held_with_its_words() -> None:
    assert {each.programme for each in held_programmes()} == {"ICS2", "ACAS", "PACT", "S&S GB"}
    assert all("" not in each.terms for each in held_programmes())
