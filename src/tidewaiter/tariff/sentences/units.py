"""Units of tariffs (data/tariff/units.yaml): their spellings, and which convert into which."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct
from ruamel.yaml import YAML

from tidewaiter.model.errors import LawDataError

FILE = "tariff/units.yaml"
STYLES = ("taric", "us")


class Unit(Struct, frozen=True, gc=False):
    """One unit: `code` is `unit` and `qualifier` joined; `size` how many of the measure's base unit it holds."""

    code: str
    unit: str
    qualifier: str
    measure: str
    size: Decimal
    asked: str  # what to ask a person for: "drained net weight in kilograms"
    product_of: tuple[str, ...]
    texts: dict[str, tuple[str, ...]]  # spellings by style, the first is written back
    usitc_codes: tuple[str, ...]


class StatisticalPart(Struct, frozen=True, gc=False):
    """A USITC statistical unit that counts a part of the goods; `of` "content" means whichever part the rate names."""

    unit: str
    of: str


class UnitTable:
    """All units, by code, by spelling and by measure."""

    __slots__ = ("_by_text", "_declared", "_siblings", "parts", "patterns", "units")

    def __init__(self, fields: dict[str, Any]) -> None:
        measures = fields["measures"]
        self.units = {code: _unit(code, row, measures) for code, row in fields["units"].items()}
        self._declared = dict(fields["declared"])
        self.parts = {code: StatisticalPart(**row) for code, row in fields["usitc_parts"].items()}
        self._by_text = {style: _by_text(self.units, style) for style in STYLES}
        self.patterns = {style: _pattern(self.units, style) for style in STYLES}
        self._siblings = {
            code: tuple((each.code, each.size) for each in self.units.values() if each.measure == unit.measure)
            for code, unit in self.units.items()
        }

    def spelled(self, text: str, style: str) -> Unit:
        """The unit that a text matched by `patterns[style]` names."""
        return self._by_text[style][_squeezed(text)]

    def declared(self, code: str) -> str:
        """The unit that a declaration means by a code, of TARIC or of UN/ECE Recommendation 20; "" where it is none."""
        return code if code in self.units else self._declared.get(code, "")

    def siblings(self, code: str) -> tuple[tuple[str, Decimal], ...]:
        """Codes and sizes of the units that convert into `code`, itself included."""
        return self._siblings[code]

    def texts(self, style: str) -> tuple[str, ...]:
        """Every spelling of the style, for hints."""
        return tuple(text for unit in self.units.values() for text in unit.texts[style])


@cache
def unit_table() -> UnitTable:
    """The packaged table, read once. Raises LawDataError where the file contradicts itself."""
    file = resources.files("tidewaiter.data").joinpath(FILE)
    return UnitTable(YAML(typ="safe", pure=True).load(file.read_text("utf-8")))


def _unit(code: str, row: dict[str, Any], measures: dict[str, dict[str, str]]) -> Unit:
    unknown = set(row) - {"measure", "size", "taric", "us", "usitc", "product_of"}
    if unknown or row.get("measure") not in measures:
        raise LawDataError(f"{FILE}: {code}: unknown key or measure", hint="use the keys named above it", place=FILE)
    measure = measures[row["measure"]]
    return Unit(
        code=code,
        unit=code[:3],
        qualifier=code[3:],
        measure=row["measure"],
        size=Decimal(row["size"]),
        asked=f"{measure['words']} in {measure['base']}",
        product_of=tuple(row.get("product_of", ())),
        texts={style: tuple(map(str, row.get(style, ()))) for style in STYLES},
        usitc_codes=tuple(row.get("usitc", ())),
    )


def _by_text(units: dict[str, Unit], style: str) -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    for unit in units.values():
        for text in _spellings(unit, style):
            if found.setdefault(_squeezed(text), unit) is not unit:
                raise LawDataError(f"{FILE}: {text} spells two units", place=FILE)
    return found


def _spellings(unit: Unit, style: str) -> tuple[str, ...]:
    codes = (f"{unit.unit} {unit.qualifier}".strip(),) if style == "taric" else ()
    return (*unit.texts[style], *codes)


def _pattern(units: dict[str, Unit], style: str) -> str:
    """A regular expression that matches any spelling, the longest first."""
    texts = sorted((text for unit in units.values() for text in _spellings(unit, style)), key=len, reverse=True)
    return "(?:" + "|".join(dict.fromkeys(map(_text_pattern, texts))) + ")"


def _text_pattern(text: str) -> str:
    pieces = [re.sub(r"(?<=\d)000$", "[, ]?000", re.escape(piece)) for piece in text.split()]
    end = r"(?![A-Za-z0-9])" if text[-1].isalnum() else ""
    return r"\s*".join(pieces) + end


def _squeezed(text: str) -> str:
    return re.sub(r"[\s,]", "", text).casefold()
