"""The lists that classification and quality start from: commodity codes by day, words that say nothing."""

from __future__ import annotations

from datetime import date

import pytest

from tidewaiter.data.nomenclature import edition_on
from tidewaiter.data.words import vague_words


@pytest.mark.parametrize("code", ["010121", "610910", "900150", "854370", "970690"])
def test_subheadings_of_2022_exist(code: str) -> None:
    edition = edition_on(date(2026, 6, 15))
    assert edition is not None
    assert code in edition.subheadings


@pytest.mark.parametrize("code", ["970200", "999999", "610999", "000000"])
def test_other_codes_do_not(code: str) -> None:
    """970200 was split in HS 2022; 999999 is no subheading of the HS."""
    edition = edition_on(date(2026, 6, 15))
    assert edition is not None
    assert code not in edition.subheadings


def test_the_edition_has_its_days_and_its_number_of_codes() -> None:
    edition = edition_on(date(2022, 1, 1))
    assert edition is not None
    assert edition is edition_on(date(2027, 12, 31))
    assert len(edition.subheadings) == 5612
    assert edition.under("6109") == ("610910", "610990")


@pytest.mark.parametrize("day", [date(2021, 12, 31), date(2028, 1, 1)])
def test_for_other_days_nothing_is_held(day: date) -> None:
    assert edition_on(day) is None


def test_vague_words_are_single_and_folded() -> None:
    lists = vague_words()
    assert len(lists.words) > 150
    assert all(word == word.casefold() and " " not in word for word in lists.words)
    assert not lists.words & lists.fillers
    assert "varer" in lists.words
    assert "as per invoice" in lists.phrases
