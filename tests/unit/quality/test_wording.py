"""Descriptions: which say something, and what is wrong with the others."""

from __future__ import annotations

import pytest

from tidewaiter.quality.wording import Fault, fault


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
        ("hey hey hey", Fault.REPEATED),
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
