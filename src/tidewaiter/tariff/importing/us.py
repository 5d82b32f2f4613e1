"""The Harmonized Tariff Schedule of the United States: USITC's annual list of 8-digit rates, and its own export.

Column 1 general rates are third-country duty for all countries but those of column 2 (General Note 3); special rates
are preferences of the programmes named in brackets, whose members these files do not say. A blank rate is inherited
from the line above, as the tree does by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tidewaiter.tariff.codes import problem
from tidewaiter.tariff.importing.parts import SHOWN, Parts, Placed
from tidewaiter.tariff.importing.tables import Table, rows
from tidewaiter.tariff.kinds import shipped
from tidewaiter.tariff.records import ERGA_OMNES, Area, Kind, Line, Measure, Member
from tidewaiter.tariff.sentences import Style

RATES = frozenset({"hts8", "mfn_text_rate", "begin", "end"})
EXPORT_NAMES = {
    "htsno": "HTS Number",
    "indent": "Indent",
    "description": "Description",
    "units": "Unit of Quantity",
    "general": "General Rate of Duty",
    "special": "Special Rate of Duty",
    "other": "Column 2 Rate of Duty",
    "additionalDuties": "Additional Duties",
}
EXPORT = frozenset(EXPORT_NAMES.values()) - {"Additional Duties"}
EXPORT_FIELDS = frozenset({"htsno", "indent", "description", "general"})
LAST_GOODS_CHAPTER = "97"
THIRD_COUNTRY = "103"  # TARIC's types, for what it does is the same
PREFERENCE = "142"
_SPECIAL = re.compile(r"([^()]+?)\s*\(([A-Z][A-Z0-9+*]*(?:\s*,\s*[A-Z][A-Z0-9+*]*)*)\)")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,60}>")
_FOOTNOTE = re.compile(r"\s*\d{1,2}/\s*$")


def read_rates(found: Table, parts: Parts) -> None:
    """USITC's annual database: 8-digit lines with general rate, units of quantity and days."""
    _column_two(parts)
    for at, row in rows(found, parts):
        text = row["hts8"].strip()
        code = parts.code(text, at)
        begins, ends = parts.days(row["begin"], row["end"], at)
        if not code:
            continue
        if len(text) != 8:
            parts.fault(at, f"code {text[:SHOWN]} does not have eight digits")
        units = tuple(filter(None, (row.get("quantity1", "").strip(), row.get("quantity2", "").strip())))
        line = Line(code=code, depth=3, digits=8, valid_from=begins, valid_to=ends, units=units)
        parts.lines.append(Placed(line, parts.place(at)))
        duty = parts.duty(row["mfn_text_rate"], Style.US, at)
        parts.measures.append(
            Measure(
                type_code=THIRD_COUNTRY,
                kind=Kind.THIRD_COUNTRY,
                code=code,
                area=ERGA_OMNES,
                excluded=(_area().code,),
                duty=duty,
                valid_from=begins,
                valid_to=ends,
            )
        )


class Row(NamedTuple):
    """One row of USITC's export."""

    at: int
    code: str  # as published, dots taken out; "" on lines that only gather
    indent: int
    fields: dict[str, Any]


def read_export_table(found: Table, parts: Parts) -> None:
    """USITC's export as CSV."""
    fields: Iterator[tuple[int, Any]] = (
        (at, {name: row.get(column, "") for name, column in EXPORT_NAMES.items()}) for at, row in rows(found, parts)
    )
    _read_export(fields, parts)


def read_export_json(records: list[Any], parts: Parts) -> None:
    """USITC's export as JSON: a list of records."""
    _read_export(((at, record) for at, record in enumerate(records, 1)), parts)


def _read_export(fields: Iterator[tuple[int, Any]], parts: Parts) -> None:
    parts.is_complete = True
    _column_two(parts)
    found = list(_rows(fields, parts))
    gathered: dict[str, int] = {}
    for index, row in enumerate(found):
        if row.code:
            _coded(row, parts)
            continue
        below = next((each.code for each in found[index + 1 :] if each.code), "")
        if not below:
            continue  # nothing stands below it
        code = below.ljust(10, "0")
        gathered[code] = gathered.get(code, 9) + 1
        line = Line(
            code=code, suffix=f"{gathered[code]:02d}", depth=row.indent + 1, description=_text(row, "description")
        )
        parts.lines.append(Placed(line, parts.place(row.at)))
    _merge_levels(parts)


def _rows(fields: Iterator[tuple[int, Any]], parts: Parts) -> Iterator[Row]:
    previous = ""
    for at, record in fields:
        if not isinstance(record, dict):
            parts.fault(at, "an entry of the list is no object")
            continue
        code = str(record.get("htsno") or "").replace(".", "").replace(" ", "")
        if code and (words := problem(code)):
            parts.fault(at, f"{code[:SHOWN]!r} is no commodity code: {words}")
            continue
        indent = str(record.get("indent") or "0").strip()
        if not indent.isdecimal() or len(indent) > 2:
            parts.fault(at, f"indent {indent[:SHOWN]!r} is no small whole number")
            continue
        if code and code.ljust(10, "0") < previous:
            parts.gap(at, f"line {code} stands out of the order of codes; the tree follows the codes")
        previous = max(previous, code.ljust(10, "0") if code else "")
        yield Row(at, code, int(indent), record)


def _coded(row: Row, parts: Parts) -> None:
    code, at = row.code.ljust(10, "0"), row.at
    line = Line(
        code=code,
        depth=0 if len(row.code) == 2 else row.indent + 1,
        digits=len(row.code),
        description=_text(row, "description"),
        units=_units(row.fields.get("units")),
    )
    parts.lines.append(Placed(line, parts.place(at)))
    is_goods = row.code[:2] <= LAST_GOODS_CHAPTER
    general, special, other = (_text(row, name) for name in ("general", "special", "other"))
    if general:
        parts.measures.append(_measure(code, parts.duty(general, Style.US, at), ERGA_OMNES, (_area().code,)))
    if other:
        parts.measures.append(_measure(code, parts.duty(other, Style.US, at), _area().code, ()))
    if special:
        _preferences(special, row, parts)
    if is_goods and (more := _text(row, "additionalDuties")):
        parts.gap(at, f"additional duties on {row.code} are named and not modelled: {more[:SHOWN]!r}")
    for words in _footnotes(row.fields.get("footnotes")):
        if "99" in words:
            parts.gap(at, f"{row.code} refers to provisions of chapter 99, which are not applied: {words[:SHOWN]!r}")


def _preferences(special: str, row: Row, parts: Parts) -> None:
    """One preference for each rate with its programmes in brackets."""
    rest = _SPECIAL.sub("", special).strip(" ,;")
    if rest:
        parts.gap(row.at, f"special rate {rest[:SHOWN]!r} of {row.code} names no programme that can be told")
    for rate, programmes in _SPECIAL.findall(special):
        area = ",".join(each.strip() for each in programmes.split(","))
        parts.group(area, f"special programmes {area}", ())
        duty = parts.duty(_FOOTNOTE.sub("", rate).strip(" ,;"), Style.US, row.at)
        parts.measures.append(
            Measure(type_code=PREFERENCE, kind=Kind.PREFERENCE, code=row.code.ljust(10, "0"), area=area, duty=duty)
        )


def _measure(code: str, duty: str, area: str, excluded: tuple[str, ...]) -> Measure:
    return Measure(type_code=THIRD_COUNTRY, kind=Kind.THIRD_COUNTRY, code=code, area=area, excluded=excluded, duty=duty)


def _merge_levels(parts: Parts) -> None:
    """A line published again two digits longer, with zeros and nothing else (0101.30.00 and 0101.30.00.00), is one."""
    kept: dict[tuple[str, str], int] = {}
    lines: list[Placed] = []
    for placed in parts.lines:
        line = placed.line
        known = kept.get((line.code, line.suffix))
        if known is not None and line.digits > lines[known].line.digits and line.depth > lines[known].line.depth:
            above = lines[known]
            joined = Line(
                code=line.code, suffix=line.suffix, depth=above.line.depth, digits=line.digits,
                description=above.line.description or line.description, units=line.units or above.line.units,
            )  # fmt: skip
            lines[known] = Placed(joined, above.place)
            continue
        kept[line.code, line.suffix] = len(lines)
        lines.append(placed)
    parts.lines = lines


def _column_two(parts: Parts) -> None:
    parts.areas[_area().code] = _area()


def _area() -> Area:
    """The countries of column 2, which the schedule's General Note 3 names and its files do not."""
    table = shipped("areas.yaml")["us_column_2"]
    members = tuple(Member(each["code"], each.get("from"), each.get("to")) for each in table["members"])
    return Area(code=table["area"], title=table["title"], members=members)


def _text(row: Row, name: str) -> str:
    value = row.fields.get(name)
    return " ".join(_TAG.sub("", value).split()) if isinstance(value, str) else ""


def _units(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(each) for each in value if each)
    return tuple(each.strip(' "') for each in str(value or "").strip("[]").split(",") if each.strip(' "'))


def _footnotes(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict) and isinstance(each.get("value"), str):
            yield each["value"]
