"""No jurisdiction is named in engine code: what one country's law says is data, whoever's it is.

Read in the source itself: string literals (docstrings, which cite the standards a module follows, left out) and identifiers
of the rooms that decide. A literal that is the code of a country, a text that speaks of one, a name made of one: each is
an offence unless it stands below with the reason why it is none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pycountry
import pytest

from tidewaiter.regimes import jurisdictions, load_regime

SOURCE = Path(__file__).resolve().parents[3] / "src" / "tidewaiter"
ROOMS = ("model", "regimes", "tariff", "assessment", "release", "revenue", "risk", "stock", "workflow")

# file → what in it is no country, or is one for a reason
ALLOWED = {
    "model/identifiers.py": {  # the registry of identifiers by country: shapes and check digits are each country's own
        "BE", "DK", "FI", "GB", "GR", "HR", "NL", "PT", "SE", "SI", "XI", "EU",
        "its check digit does not agree, so no such Danish number exists",
    },
    "regimes/conditions.py": {"PR"},  # a pair, as a unit of quantity (UN/ECE Recommendation 20)
    "tariff/sentences/building.py": {"AD", "MAR", "UsBuilder"},  # agricultural duty; March; see below
    # The two manners of writing rates that files come in, called after whose tables are so written.
    "tariff/sentences/reading.py": {"US", "UsBuilder"},
    "tariff/sentences/writing.py": {
        "US", "the US style has no seasons", "the US style has no agricultural components", "write it in the US style",
        "the US style has dollars, not ",
    },
}  # fmt: skip
# Readers of files that one administration publishes are called after it, and speak of it.
READERS = ("tariff/importing",)

CODES = {country.alpha_2 for country in pycountry.countries} | {country.alpha_3 for country in pycountry.countries}
CODES |= {"EU", "UK", "XI"} | set(jurisdictions())
NAMES = {country.name for country in pycountry.countries} | set(jurisdictions().values())
NAMES |= {getattr(country, "common_name", country.name) for country in pycountry.countries}
NAMES |= {"Britain", "European Union", "Turkey", "Korea", "Vietnam", "Russia", "Emirates", "America", "Taiwan"}
ADJECTIVES = {
    "British",
    "American",
    "Chinese",
    "Danish",
    "European",
    "Japanese",
    "Swiss",
    "Norwegian",
    "Brazilian",
    "Indian",
}
WORDS = {name.casefold() for name in NAMES | ADJECTIVES if " " not in name}
SPOKEN_OF = re.compile(
    "|".join(rf"\b{re.escape(name)}\b" for name in sorted(NAMES | ADJECTIVES, key=len, reverse=True))
)
ENGLISH = {"AT", "BE", "ID", "IN", "IT", "MY", "NO"}  # codes that are words: told apart only where they stand alone
CODE_IN_TEXT = re.compile(rf"\b(?:{'|'.join(sorted({'EU', 'UK', 'US', 'USA'} | set(jurisdictions()) - ENGLISH))})\b")


LISTED = {  # what the law lists codes of one customs union's own for: they are the law's, as the rules that list them say
    code
    for jurisdiction in jurisdictions()
    for measure_id, value in load_regime(jurisdiction, date(2026, 11, 1)).law.rules.items()
    if measure_id.startswith("security.")
    for code in value.split()
}


def modules() -> list[Path]:
    found = [path for room in ROOMS for path in (SOURCE / room).rglob("*.py")]
    return sorted(path for path in found if not name(path).startswith(READERS))


def name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def literals(tree: ast.AST) -> Iterator[str]:
    """Every text in the code but docstrings; the parts of formatted ones, too."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    attributes = {  # a text right after an assignment documents what is assigned
        id(after.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef)
        for before, after in zip(node.body, node.body[1:], strict=False)
        if isinstance(before, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | attributes:
            yield node.value


def identifiers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text) | ast.keyword(arg=str(text)):
                yield text
            case ast.FunctionDef(name=text) | ast.AsyncFunctionDef(name=text) | ast.ClassDef(name=text):
                yield text
            case ast.alias(name=text, asname=shown):
                yield from (text, shown or "")


def is_named_in(identifier: str) -> bool:
    """`UsBuilder`, `rate_of_china`, `GB_LIMIT`: a name with a country among its words."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)
    codes = ({"EU", "UK", "US", "USA"} | set(jurisdictions())) - ENGLISH
    return any(part.casefold() in WORDS or part in codes or part == "Us" for part in parts)


def offences(source: str) -> set[str]:
    tree = ast.parse(source)
    texts = {
        text for text in literals(tree) if text in CODES | LISTED or SPOKEN_OF.search(text) or CODE_IN_TEXT.search(text)
    }
    return texts | {each for each in identifiers(tree) if is_named_in(each)}


@pytest.mark.parametrize("path", modules(), ids=name)
def test_no_jurisdiction_is_named(path: Path) -> None:
    found = offences(path.read_text()) - ALLOWED.get(name(path), set())
    assert not found, f"{name(path)} names {sorted(found)}: what one country's law says belongs into data"


def test_what_is_allowed_is_still_there() -> None:
    for file, texts in ALLOWED.items():
        assert texts <= offences((SOURCE / file).read_text()), file


@pytest.mark.parametrize(
    "source",
    [
        'if code == "CN": pass',
        'LIMIT = {"DK": 1}',
        'words = f"the law of {code} in Great Britain"',
        'words = "as in the EU"',
        "def rate_of_china(): pass",
        "GB_LIMIT = 1",
        "from x import UsBuilder",
        'raise ValueError("a Danish number")',
        'x = ("NOR", 1)',
        "class JapanRegime: pass",
        'SECURITY = {"CGU", "XYZ"}',
        'if document.type_code == "C506": pass',
    ],
)
def test_the_test_sees_them(source: str) -> None:
    assert offences(source)


@pytest.mark.parametrize(
    "source", ['"""Follows the law of the United Kingdom."""', 'x = "it is no duty"', "is_in = at_no", 'y = "in force"']
)
def test_the_test_sees_no_ghosts(source: str) -> None:
    assert not offences(source)
