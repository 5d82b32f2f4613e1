from __future__ import annotations

import unicodedata

import pytest

from tidewaiter.model.transliteration import latin


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Müller", "muller"),
        ("Nørregade 12, Århus", "norregade 12, arhus"),
        ("Дмитрий Иванович", "dmitriy ivanovich"),
        ("Ελλάδα", "ellada"),
        ("Straße", "strasse"),
        ("João", "joao"),
        ("PLAIN 12", "plain 12"),
        ("", ""),
    ],
)
def test_a_name_is_written_in_latin_letters(text: str, wanted: str) -> None:
    assert latin(text) == wanted


def test_characters_of_chinese_are_words() -> None:
    assert latin("王小明").split() == ["wang", "xiao", "ming"]


def test_how_accents_are_encoded_does_not_matter() -> None:
    for text in ("Дмитрий", "Århus", "Zoë"):
        assert latin(unicodedata.normalize("NFD", text)) == latin(text)
