"""The reference of the canonical declaration, made from the model: JSON Schema, element by element, and limits.

The ids beside the elements are facts of the WCO Data Model 3.6 (declaration),
of the EU Customs Data Model as the Danish H7 schema 1.9 annotates it, and of
the Universal Postal Union's selection from the former; `data/declaration/elements.csv`
holds them for each place in a declaration, as a consignor's name has another
id than an importer's.
"""

from __future__ import annotations

import csv
import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from tidewaiter.messages import limits
from tidewaiter.messages.csv_columns import ITEM, Column, columns, kind_words
from tidewaiter.messages.faults import MEANINGS
from tidewaiter.messages.shape import elements
from tidewaiter.model.declaration import Declaration, GoodsItem

SCHEMA_ID = "urn:tidewaiter:schema:declaration"
DECIMAL_PATTERN = rf"^-?[0-9]{{1,{limits.NUMBER_DIGITS_MAX}}}(\.[0-9]{{1,{limits.FRACTION_DIGITS_MAX}}})?$"

_MADE = "<!-- made by `tidewaiter docs write` -->\n\n"


class ElementFacts(Struct, frozen=True):
    """What the standards call the value of one CSV column. `upu` is "U" where the postal selection has it."""

    column: str
    wco_id: str
    wco_path: str
    eucdm: str
    upu: str


@cache
def element_facts() -> dict[str, ElementFacts]:
    """The standards' names for each column that has any."""
    text = files("tidewaiter.data").joinpath("declaration/elements.csv").read_text(encoding="utf-8")
    rows = (ElementFacts(**row) for row in csv.DictReader(text.splitlines()))
    return {row.column: row for row in rows}


# --- JSON Schema -------------------------------------------------------------------------------------------------


def json_schema() -> bytes:
    """The JSON Schema (2020-12) of a declaration, indented; amounts, masses and quantities are decimal texts."""
    schema = msgspec.json.schema(Declaration)
    definitions: dict[str, Any] = schema["$defs"]
    for definition in definitions.values():
        spell_out_decimals(definition)
    _add_role_ids(definitions["Declaration"]["properties"], Declaration, "")
    _add_role_ids(definitions["GoodsItem"]["properties"], GoodsItem, f"{ITEM}.")
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Tidewaiter declaration",
        **{key: value for key, value in schema.items() if key != "$defs"},
        "$defs": definitions,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)


def spell_out_decimals(node: Any) -> None:
    """Gives every decimal its pattern, in place."""
    if isinstance(node, dict):
        if node.get("format") == "decimal":
            del node["format"]
            node["pattern"] = DECIMAL_PATTERN
        for value in node.values():
            spell_out_decimals(value)
    elif isinstance(node, list):
        for value in node:
            spell_out_decimals(value)


def _add_role_ids(properties: dict[str, Any], record: type[Struct], prefix: str) -> None:
    """Says beside each group what its members are called in this place: a consignor's name is R020."""
    for element in elements(record).values():
        if element.group is None or element.name in ("goods_items", "extras"):
            continue
        start = f"{prefix}{element.name}."
        ids = {
            name.removeprefix(start): facts.wco_id
            for name, facts in element_facts().items()
            if name.startswith(start) and facts.wco_id
        }
        if ids:
            properties[element.name]["x-wco-ids"] = ids


# --- element by element ------------------------------------------------------------------------------------------

_INTRODUCTION = """\
# The declaration, element by element

Tidewaiter's own declaration, as JSON and as CSV. Every other form is read into it. No element is required by the
form itself except an item's `line_no` (counted when a CSV row has none) and both halves of an amount; what a
declaration must hold is a matter of its dataset and checked by the [rules](rules.md).

- **JSON**: one declaration a line (JSON Lines), a list, or `{"declarations": [ … ]}`, in UTF-8. Amounts, masses and
  quantities are decimal texts (`"12.50"`); JSON numbers are read exactly as written. Absent, `null` and empty are the
  same. The schema: [declaration.schema.json](declaration.schema.json).
- **CSV**: one row for each goods item, in UTF-8, with comma, semicolon or tab. Rows one after another with the same
  `functional_reference_id` are one declaration; what concerns the whole is repeated or left empty after its first row.
  Of what may repeat, the plain name is the first, `goods_item.documents[2].type_code` the second. Lists of codes stand
  in one cell, separated by `|`.
- What is unknown is kept, noted and written back; it is never dropped.

Ids: **WCO** of the WCO Data Model 3.6 declaration; **EUCDM** of the EU Customs Data Model as annotated in the Danish
H7 schema 1.9; **UPU** marks what the Universal Postal Union selected from the WCO Data Model.
"""
_TITLES = {
    "": "Declaration",
    "consignment": "Consignment",
    ITEM: "Goods item",
}
_HEADING = "| JSON | CSV column | holds | meaning | WCO | EUCDM | UPU |\n|---|---|---|---|---|---|---|\n"


def render_reference() -> str:
    """Every element as Markdown: JSON path, CSV column, kind, meaning, and its ids in the standards."""
    sections: dict[str, list[Column]] = {}
    for each in columns():
        sections.setdefault(_section(each), []).append(each)
    parts = [_MADE + _INTRODUCTION]
    for section, members in sections.items():
        rows = "".join(_row(each) for each in members)
        parts.append(f"## {_title(section)}\n\n{_HEADING}{rows}")
    parts.append(_render_faults())
    return "\n".join(parts)


def _section(each: Column) -> str:
    """Which table a column stands in: a group of the declaration, the goods item, or a group of it."""
    first = str(each.path[0])
    if each.is_item:
        return f"{ITEM}.{first}" if _is_party(GoodsItem, first) else ITEM
    group = elements(Declaration)[first].group
    return first if group and len(elements(group)) > 2 else ""


def _is_party(record: type[Struct], name: str) -> bool:
    group = elements(record)[name].group
    return group is not None and "party_id" in elements(group)


def _title(section: str) -> str:
    if section in _TITLES:
        return _TITLES[section]
    record: type[Struct] = GoodsItem if section.startswith(f"{ITEM}.") else Declaration
    element = elements(record)[section.removeprefix(f"{ITEM}.")]
    wco = f", WCO {element.wco_id}" if element.wco_id else ""
    return f"`{section}`: {element.words}{wco}"


def _row(each: Column) -> str:
    facts = element_facts().get(each.name)
    cells = [
        f"`{_json_path(each)}`",
        f"`{each.name}`",
        kind_words(each),
        _meaning(each),
        facts.wco_id if facts else "",
        facts.eucdm if facts else "",
        facts.upu if facts else "",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _json_path(each: Column) -> str:
    path = "goods_items[]" if each.is_item else ""
    for step in each.path:
        path += "[]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".") + ("[]" if each.is_joined else "")


def _meaning(each: Column) -> str:
    """The words of the model; an amount is named after what it is the amount of."""
    if each.element.words:
        return each.element.words
    *_, holder = _holders(each)
    part = {"amount": "", "currency": ", ISO 4217 currency"}.get(each.element.name, "")
    return f"{holder}{part}"


def _holders(each: Column) -> Iterator[str]:
    """The words of the elements on the way to a column's value."""
    record: type[Struct] | None = GoodsItem if each.is_item else Declaration
    for step in each.path:
        if isinstance(step, str) and record is not None:
            element = elements(record)[step]
            if element.words:
                yield element.words
            record = element.group


def _render_faults() -> str:
    rows = "".join(f"| `{code.value}` | {meaning} |\n" for code, meaning in MEANINGS.items())
    return (
        "## Findings on the form of a message\n\n"
        "A record that has any of these as an error is answered with them. Values that cannot be read are left out; the\n"
        "rest of the declaration is read, and so is every other declaration of the message.\n\n"
        f"| code | meaning |\n|---|---|\n{rows}"
    )


# --- limits ------------------------------------------------------------------------------------------------------

_LIMIT = re.compile(r"^([A-Z_]+): Final = .*?#\s*(.+)$", re.MULTILINE)


def render_limits() -> str:
    """The limits on what comes from outside, as Markdown."""
    rows = "".join(
        f"| `{name}` | {_quantity(name, getattr(limits, name))} | {words} |\n"
        for name, words in _LIMIT.findall(inspect.getsource(limits))
    )
    return (
        f"{_MADE}# Limits\n\nWhat comes from outside is taken up to these limits. Beyond them the answer is a finding or an\n"
        "error with the code `message.limit` or `xml.limit`; nothing is cut off silently.\n\n"
        f"| limit | value | of what |\n|---|---|---|\n{rows}"
    )


def _quantity(name: str, value: int) -> str:
    if "BYTES" in name:
        for unit, size in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
            if value % size == 0:
                return f"{value // size:,} {unit}"
    return f"{value:,}"
