"""A description by itself: the same findings as in a declaration, codes with their words, and how it stands to its code."""

from __future__ import annotations

import pytest

from tidewaiter.quality.describing import Agreement, EmptyWord, describe


@pytest.mark.parametrize(
    ("description", "code", "rule_ids"),
    [
        ("Cotton T-shirts for men", "610910", []),
        ("gift", "610910", ["description.vague"]),
        ("Christmas present for mum", "", ["description.unclear"]),
        ("B08N5WRWNW", "", ["description.code"]),
        ("ceramic mug", "61091000", ["description.other_goods"]),
        ("x" * 513, "", ["description.too_long"]),
        ("", "", []),
    ],
)
def test_the_rules_say_what_they_say_of_a_declared_line(description: str, code: str, rule_ids: list[str]) -> None:
    said = describe(description, code)
    assert [each.rule_id for each in said.findings] == rule_ids
    assert all(each.pointer == "goods_items[1].description" for each in said.findings)


def test_better_words_come_from_the_code() -> None:
    said = describe("Geschenk", "6912000000")
    assert said.is_vague
    assert said.better
    assert all(f"“{name}”" in said.findings[0].hint for name in said.better)
    assert describe("Geschenk").better == ()


def test_words_that_name_nothing_are_told_with_their_languages() -> None:
    assert describe("Geschenk").empty_words == (EmptyWord("geschenk", ("de", "nl")),)
    assert describe("ceramic mug").empty_words == ()


def test_programmes_that_refuse_the_wording_are_named() -> None:
    assert describe("Accessories").refused_by == ("ICS2", "ACAS", "PACT")


@pytest.mark.parametrize(
    ("description", "code", "agreement"),
    [
        ("ceramic mug", "691110", Agreement.AGREES),
        ("ceramic mug", "610910", Agreement.DIFFERS),
        ("gift", "610910", Agreement.OPEN),
        ("ceramic mug", "", Agreement.NOT_ASKED),
        ("ceramic mug", "69", Agreement.NOT_ASKED),
        ("ceramic mug", "99990000", Agreement.NOT_ASKED),  # a national chapter
    ],
)
def test_how_words_stand_to_a_code(description: str, code: str, agreement: Agreement) -> None:
    said = describe(description, code)
    assert said.agreement is agreement
    assert (said.chapter_percent is None) == (agreement is Agreement.NOT_ASKED)


def test_proposals_carry_the_words_they_rest_on() -> None:
    first, *_ = describe("wireless earbuds with charging case", limit=5).proposals
    assert (first.hs_code, first.because_of) == ("851830", ("wireless earbud",))
    assert first.such_as
    assert len(describe("wireless earbuds with charging case", limit=1).proposals) == 1


def test_long_texts_are_read_to_their_limit() -> None:
    assert describe("ceramic mug " + "x" * 5_000).proposals == describe("ceramic mug " + "x" * 100_000).proposals
