"""Description and code: doubted only where words are plain, and never where any of them fits."""

from __future__ import annotations

import pytest

from tidewaiter.classification.agreement import disagreement, names_of


@pytest.mark.parametrize(
    ("text", "declared", "named"),
    [
        ("wireless earbuds", "6109", "851830"),
        ("human hair lace front wig", "9503", "670420"),
        ("acoustic guitar", "8517", "920290"),
        ("cordless drill driver 20V", "3304", "846721"),
    ],
)
def test_plain_words_of_other_goods_are_doubted(text: str, declared: str, named: str) -> None:
    found = disagreement(text, declared)
    assert found is not None
    assert found.hs_code == named
    assert found.words


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("wireless earbuds", "8518"),
        ("wireless earbuds", "8517"),  # the same chapter: not for words to decide
        ("women's cotton T-shirt, knitted, printed", "6109"),
        ("phone case, silicone, for smartphone", "3926"),
        ("phone case, silicone, for smartphone", "8517"),
        ("gift", "9503"),
        ("Ersatzteil", "8708"),
        ("zorgal fleem", "8708"),
        ("", "8708"),
    ],
)
def test_no_doubt_otherwise(text: str, declared: str) -> None:
    assert disagreement(text, declared) is None


def test_names_show_what_plain_words_for_a_code_are() -> None:
    assert names_of("8518300000")[0] == "wireless earbuds"
    assert names_of("851830") == names_of("8518300000")
    assert names_of("999999") == ()
    assert names_of("") == ()


def test_codes_that_a_material_decides_are_named_with_it() -> None:
    """Shirts of cotton are 6205 20 only for being of cotton; a single word is better than nothing."""
    assert any(name.endswith(", cotton") for name in names_of("62052000"))
    assert all(names_of(code) for code in ("420221", "711311", "610442"))
