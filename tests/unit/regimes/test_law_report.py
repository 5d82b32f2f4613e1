"""The page of the law says what is modelled, since when, by which source, and what is missing."""

from __future__ import annotations

from datetime import date

import pytest

from tidewaiter.regimes import load_regime
from tidewaiter.regimes.conditions import keys
from tidewaiter.regimes.documents import SchemeDocument
from tidewaiter.regimes.reading import codes, lawbook
from tidewaiter.regimes.report import Oracle, in_unit, known_gaps, open_questions, render_law, rows


def test_the_page_names_every_measure_gap_and_reason() -> None:
    oracles = {
        "GB": [
            Oracle("A notice", "HMRC", "https://example.org/n", 9, True),
            Oracle("Ours", "Us", "https://example.org/o", 1, False),
        ]
    }
    page = render_law(oracles, {"GB": "what the kingdom controls"})
    for code in codes():
        book = lawbook(code)
        assert book is not None
        assert f"({code})" in page
        for measure_id, document in book.documents.items():
            assert f"`{measure_id}`" in page
            assert document.sources[0].title in page
            assert document.is_confirmed or document.note in page
        assert all(gap in page for gap in book.jurisdiction.known_gaps)
    assert "*expected* ended" in page
    assert "9 worked amounts from outside and 1 made from the rules" in page
    assert "- [A notice](https://example.org/n), HMRC: 9\n" in page
    assert "- [Ours](https://example.org/o), Us: 1, made from the rules by ourselves\n" in page
    assert "Goods controls: what the kingdom controls." in page
    assert render_law(oracles, {"GB": "what the kingdom controls"}) == page


def test_what_is_open_is_told_with_its_reason() -> None:
    regime = load_regime("JP", date(2026, 10, 15))
    questions = {each.measure_id: each for each in open_questions(regime)}
    assert "The chart starts from whole yen." in questions["rounding.value"].why
    assert all(each.why and each.title for each in questions.values())
    assert questions.keys() == {name for name, citation in regime.law.citations.items() if not citation.confirmed}
    assert any("weekly rates" in gap for gap in known_gaps("JP"))
    assert set(known_gaps("EU")) < set(known_gaps("DK")), "those of the law it inherits, too"


def test_enough_law_is_modelled() -> None:
    books = [book for code in codes() if (book := lawbook(code)) is not None]
    regimes = [each for book in books for each in book.documents.values() if isinstance(each, SchemeDocument)]
    assert sum(not book.jurisdiction.is_basis for book in books) >= 20
    assert len(regimes) >= 45


def test_rows_show_value_and_source() -> None:
    shown = {row["measure"]: row for row in rows(load_regime("DK", date(2026, 11, 22)))}
    assert shown["vat.standard.rate"]["value"] == "25"
    assert shown["vat.standard.rate"]["confirmed"] == "yes"
    assert shown["exchange.valuation"]["value"] == "ECB reference rates of 2026-10-21"
    assert "relief.low_value.threshold" not in shown
    assert len({tuple(row) for row in shown.values()}) == 1


def test_conditions_say_what_they_ask() -> None:
    assert all(words.endswith(".") or ":" in words for words in keys().values())


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [("1", "years", "1 year"), ("3", "years", "3 years"), ("1", "GBP", "1 GBP"), ("20", "%", "20 %"), ("x", "", "x")],
)
def test_one_of_a_unit_is_not_several(value: str, unit: str, words: str) -> None:
    assert in_unit(value, unit) == words
