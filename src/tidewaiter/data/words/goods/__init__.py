"""Names of goods and the subheadings of the Harmonized System they usually belong to, written for this project.

Each file holds rows of `codes,terms`: the codes are one subheading, followed by others that apply where a condition
holds ("420222 leather=420221"), or the name of a row in `families.csv` ("@handbag"); the terms are separated by
semicolons. `conditions.csv` says which words make a condition hold. `nomenclature.csv` is an index of single words
to the subheadings in whose text they stand, with points; it holds no sentence of the nomenclature.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from importlib import resources

NOT_TERMS = ("families", "conditions", "nomenclature")
OTHER_LANGUAGES = "languages"


def goods_terms() -> Iterator[tuple[str, list[str]]]:
    """(codes, terms) of every row, families put in. Reads package data at each call: callers keep it."""
    return _terms_without(NOT_TERMS)


def english_terms() -> Iterator[tuple[str, list[str]]]:
    """The same of the rows in English."""
    return _terms_without((*NOT_TERMS, OTHER_LANGUAGES))


def _terms_without(left_out: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    families = dict(_rows("families"))
    names = sorted(each.name for each in resources.files(__name__).iterdir() if each.name.endswith(".csv"))
    for name in names:
        stem = name.removesuffix(".csv")
        if stem not in left_out:
            for codes, terms in _rows(stem):
                yield families[codes[1:]] if codes.startswith("@") else codes, terms.split(";")


def conditions() -> list[tuple[str, list[str]]]:
    """Each condition with the words that make it hold."""
    return [(condition, words.split()) for condition, words in _rows("conditions")]


def nomenclature_words() -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Each word with (subheading, points) where it stands in the nomenclature."""
    for word, codes in _rows("nomenclature"):
        yield word, [(code[:6], int(code[7:])) for code in codes.split()]


def _rows(name: str) -> list[tuple[str, str]]:
    rows = csv.reader(resources.files(__name__).joinpath(f"{name}.csv").read_text("utf-8").splitlines())
    next(rows)  # the names of the columns
    return [(row[0], row[1]) for row in rows]
