"""Outside lists of descriptions under `descriptions/`: vague ones, references with codes, products of marketplaces.

Told by their content, whatever their names: a JSON object of texts to codes (tariff search terms), a CSV with a column
of descriptions and one of codes (references from shops and carriers), JSON lines with `product_name` and `hs_code`
(products). Plain lists of vague terms have nothing to be told by but the word "vague" in their names.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from tidewaiter.classification.learning import group_of
from tidewaiter.model.errors import TidewaiterError

FOLDER = "descriptions"
DESCRIPTION = "Goods Description"
CODE = "Commodity Code"
CATEGORIES = ("cate_lv5_desc", "cate_lv4_desc", "cate_lv3_desc", "cate_lv2_desc")
TELLING = ("material", "fabric", "gender", "knit", "weaving", "fiber")  # attributes that decide between subheadings
NOT_OF_THE_THING = ("sole", "lining", "sub", "pattern", "filling", "strap", "handle")


class Part(StrEnum):
    """What was known of a product while the names of goods were written: all with one ten-digit code are in one part."""

    SEEN = "looked at before names were written"
    MISSED = "misses looked at once"
    UNSEEN = "never looked at"


class Product(NamedTuple):
    """A product of a marketplace with the code experts gave it."""

    title: str
    details: str
    category: str
    code: str  # ten digits
    part: Part


class Texts(NamedTuple):
    """Short texts by where they come from, normalised, without those that one list calls vague and another codes."""

    vague: list[str]
    search_terms: list[tuple[str, str]]
    references: list[tuple[str, str]]
    contradicted: int


def root_of(folder: Path) -> Path:
    """The folder of descriptions within a folder of samples, or the folder itself."""
    return folder / FOLDER if (folder / FOLDER).is_dir() else folder


def texts(folder: Path) -> Texts:
    """All short texts."""
    root = root_of(folder)
    vague = {text for path in sorted(root.rglob("*vague*.txt")) if "pattern" not in path.name for text in _lines(path)}
    search: dict[str, str] = {}
    for path in sorted(root.rglob("*.json")):
        content = json.loads(path.read_text("utf-8"))
        if isinstance(content, dict):
            search |= {_plain(text): code for text, code in content.items() if isinstance(code, str) and code.isdigit()}
    references: dict[str, str] = {}
    for path in sorted(root.rglob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if {DESCRIPTION, CODE} <= set(reader.fieldnames or ()):
                references |= {_plain(row[DESCRIPTION]): row[CODE] for row in reader}
    both = vague & (search.keys() | references.keys())
    return Texts(
        vague=sorted(vague - both),
        search_terms=sorted((text, code) for text, code in search.items() if text not in both),
        references=sorted((text, code) for text, code in references.items() if text not in both),
        contradicted=len(both),
    )


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_text("utf-8").splitlines():
        if text := _plain(line):
            yield text


def _plain(text: str) -> str:
    return " ".join(text.strip().strip('"').casefold().split())


def products(folder: Path) -> list[Product]:
    """All products, each in the part its ten-digit code falls into: a code is never in two."""
    found = []
    for path in sorted(root_of(folder).rglob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise TidewaiterError(f"not JSON: {error}", place=f"{path.name} line {number}") from error
            if isinstance(row, dict) and row.get("product_name") and row.get("hs_code"):
                found.append(_product(row))
    return found


def _product(row: dict[str, Any]) -> Product:
    code = str(row["hs_code"]).zfill(10)
    category = next((each for name in CATEGORIES if (each := row.get(name)) and each.isascii()), "")
    return Product(row["product_name"], f"{_details(row)} {category}".strip(), category, code, _part(code))


def _details(row: dict[str, Any]) -> str:
    try:
        attributes = json.loads(row.get("product_attributes") or "{}")
    except ValueError:
        return ""
    return " ".join(
        str(value)
        for name, value in attributes.items()
        if any(word in name.casefold() for word in TELLING)
        and not any(word in name.casefold() for word in NOT_OF_THE_THING)
    )


def _part(code: str) -> Part:
    first, second = hashlib.sha256(code.encode()).digest()[:2]
    if first % 2 == 0:
        return Part.SEEN
    return Part.UNSEEN if second % 2 else Part.MISSED


def is_held_out(group: str) -> bool:
    """Half of all groups, chosen by their digest, so that nobody chooses."""
    return bool(hashlib.sha256(group.encode()).digest()[0] % 2)


def held_out(of: Iterable[str]) -> list[str]:
    """The texts whose group the model has not seen: everything that begins with the same word is in one group."""
    return [text for text in of if is_held_out(group_of(text))]


def learned_from(of: Iterable[str]) -> list[str]:
    """The texts of the other half."""
    return [text for text in of if not is_held_out(group_of(text))]
