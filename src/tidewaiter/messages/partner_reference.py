"""The reference of the forms with names of their own, made from their tables: element by element, and JSON Schemas."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tidewaiter.messages.edifact.draft import table
from tidewaiter.messages.pointers import Path, canonical
from tidewaiter.messages.postal.answers import PostalAnswer
from tidewaiter.messages.postal.form import categories
from tidewaiter.messages.reference import json_schema, spell_out_decimals
from tidewaiter.messages.vocabulary import Name, Vocabulary, vocabulary

_MADE = "<!-- made by `tidewaiter docs write` -->\n\n"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_POSTAL = """\
# Postal item data

One record is one postal item: the fields of the customs declarations CN 22 and CN 23, with the item, receptacle and
despatch they belong to. The names follow the elements of the WCO Data Model 3.6 that the Universal Postal Union selected
from it. It is a profile of our own: the UPU's message standards are not published, and conformance with them is not claimed.

- **JSON**: one object, a list, `{"declarations": [ … ]}`, or one object a line. Schema:
  [postal.schema.json](postal.schema.json).
- **CSV**: one row for each content; rows one after another with the same `item_id` are one item. Columns are the names
  below with a point between them (`sender.address.city`, `contents.value.amount`).
- Whatever is not named here goes by its name in [declaration.md](declaration.md), in the same message: `function`,
  `documents`, `jurisdiction_code`, `insurance` …
- **Licences, certificates, invoices**: numbers of licences and certificates are `documents` with the `name` “licence” or
  “certificate”; the invoice's is `invoice_id`.
- **What goes without saying**: the item moves by post (mode 5) under its number as transport document N750; the number is
  the reference where `functional_reference_id` gives none; the country of destination is whose customs it is for, where
  `jurisdiction_code` gives none; lines of a gift are declared as one (C08) where they name no additional procedure.

"""
_CATEGORIES = """
## Category of item

`category_of_item` is one of the words below, or a code. The codes are unconfirmed: the UPU's list is not published.
What is neither is kept as it came.

| word | code |
|---|---|
"""
_ANSWER = """
## The answer

`GET /api/v1/notices/N/document` gives each notice on a postal item as one JSON object, the item's number first; `GET
/api/v1/notices?form=own` all of them after a cursor. Schema: [postal-answer.schema.json](postal-answer.schema.json).
`outcome` says what to do with the item: `release`, `hold` (until what `holds` names has happened), `refuse`, `reject` (the
data cannot be taken), `withdrawn`, `pending`. `contents` are codes and descriptions as decided on: where they were amended,
the revised ones. `remarks` say what was found in the data, where, and what to send instead.

| name | meaning |
|---|---|
"""
_MARKETPLACE = """\
# Marketplace messages

What a marketplace knows of an order, in its own words: a profile of our own, as JSON (schema:
[marketplace.schema.json](marketplace.schema.json)) or CSV, laid out like [postal item data](postal.md). Whatever is not named
here goes by its name in [declaration.md](declaration.md): `marketplace`, `seller`, `buyer`, `payer`, `sku`, `gtin` …

- `message` is `product`, `order`, `payment` or `declaration`, or a dataset's own name (`H7`, `CBEC`). An order is a claim (what the
  marketplace says was bought) until it names its transport: with `tracking_id` it is a declaration. `ORDER`, in capitals, is
  a claim in any case. A payment is a claim, and so is a product. Without `message`, it is a declaration.
- The reference is `functional_reference_id`, or else made from what the message is of: `ORDER` and marketplace and order,
  `PAYMENT` and marketplace and payment, `PRODUCT` and marketplace and `sku` (else `gtin`), or the order's number.
- **Roles**: `ioss_id` is a fiscal reference with the role FR5. `marketplace.role_code`, also `deemed_seller`, says in the
  marketplace's words that it owes the tax as if it had sold; it is kept and shown. Who collects is told by the registration
  numbers, as the law has it.
- **Products** are told in the lines that sell them: `sku`, `gtin` (its check digit is verified), `title`, `hs_code`, origin,
  `product_url`. Attributes and pictures are kept as they came and noted. A product can also be told by itself, once for each
  country it is sold to (`ships_to_country_code`): a message `product` with one line. It is changed and withdrawn like any
  claim (`"function": "amendment"`, `"cancellation"`). Officers see it beside each line that names its number, with what
  differs; what a line does not say is not filled in from it, and no decision rests on it.

"""
_EDIFACT = """\
# EDIFACT interchanges

Interchanges of customs messages are read by the table below: segments, qualifiers and codes of the UN/EDIFACT directory D.00A
as its messages CUSCAR, CUSDEC and CUSEXP use them. Each consignment (`CNI`) is a declaration; a message without any is one.

**Limits.** The UPU's messages (ITMATT and those to customs) are restricted documents; that one of them has an implementation
on the directory D.00A is what is public of them (CEN/TR 17536:2021, scope). What posts hand over is read as far as it uses these segments and codes; conformance with a UPU standard is not claimed, and no interchange of a post was at hand to test on.
Other kinds of message and other directories are read the same way, and a note says so. Answers (CONTRL, CUSRES …) are
refused. Interchanges are not written; answers to them are the JSON of [postal item data](postal.md).

**Syntax** (ISO 9735): separators from `UNA` or those of the standard; the release character; several messages and interchanges
in one file; groups (`UNG`) are passed over. A message whose segments are not as many as `UNT` counts is refused as a whole; a
wrong count or reference in `UNZ` ends the file after the messages before it. Segments are counted from `UNH`, and every finding
names segment and element. Times without a zone are taken as UTC. The repertoire is the one that `UNB` names; UTF-8 under level A
or B is read and noted; so is a level that is not known (UNOX, with the code extensions of ISO 2022, is one). Numbers may have a
point or a comma.

**What is not understood** — a segment or qualifier that is not below, a second value for one place — is kept with the
declaration, noted with its segment, and not interpreted.

| segment | code | in the consignment | in a goods item |
|---|---|---|---|
"""
_SEGMENTS: Mapping[str, str] = {
    "parties": "NAD 3035",
    "references": "RFF 1153",
    "dates": "DTM 2005",
    "places": "LOC 3227",
    "amounts": "MOA 5025",
    "measures": "MEA 6313",
}
_OTHERS = """
Besides: `BGM` (function 1225; the number is the reference where there are no consignments), `CNI` (transport document), `CTA` and
`COM` after a party, `CUX` (currency of amounts that name none), `TDT` (mode and means), `PAC` and `GID` (packages), `CST` (code of the
goods, then additional codes), `FTX` AAA and `IMD` (description), `QTY` (quantity), `DOC` (documents). `LIN`, `GID` and `CST` begin
a goods item.
"""


def render_postal() -> str:
    """Postal item data element by element, and the answer, as Markdown."""
    codes = "".join(f"| `{word}` | {code} |\n" for word, code in categories().items())
    members = msgspec.json.schema(PostalAnswer)["$defs"]["PostalAnswer"]["properties"]
    answer = "".join(f"| `{name}` | {member.get('description', '')} |\n" for name, member in members.items())
    return _MADE + _POSTAL + _names("postal") + _CATEGORIES + codes + _ANSWER + answer


def render_marketplace() -> str:
    """Marketplace messages element by element as Markdown."""
    return _MADE + _MARKETPLACE + _names("marketplace")


def render_edifact() -> str:
    """What is read of interchanges, as Markdown."""
    return _MADE + _EDIFACT + "".join(_segments()) + _OTHERS


def _names(form: str) -> str:
    words = vocabulary(form)
    rows = [_row(each, each.name, "") for each in words.whole.values()]
    rows += [_row(each, f"{words.items_name}[].{each.name}", "goods_items[].") for each in words.item.values()]
    return "| name | meaning | in the declaration |\n|---|---|---|\n" + "".join(rows)


def _row(each: Name, name: str, prefix: str) -> str:
    return f"| `{name}` | {each.words} | `{prefix}{canonical(each.path)}` |\n"


def _segments() -> Iterator[str]:
    known = table()
    for part, segment in _SEGMENTS.items():
        whole: dict[str, str] = known[part].get("whole", known[part] if part == "parties" else {})
        item: dict[str, str] = known[part].get("item", {})
        for code in dict.fromkeys([*whole, *item]):
            cells = (f"`{each[code]}`" if code in each else "" for each in (whole, item))
            yield f"| {segment} | {code} | {' | '.join(cells)} |\n"


# --- JSON Schemas --------------------------------------------------------------------------------------------------


def postal_schema() -> bytes:
    """The JSON Schema (2020-12) of a postal item, indented."""
    return _schema(vocabulary("postal"), "urn:tidewaiter:schema:postal", "Tidewaiter postal item")


def marketplace_schema() -> bytes:
    """The JSON Schema (2020-12) of a marketplace message, indented."""
    return _schema(vocabulary("marketplace"), "urn:tidewaiter:schema:marketplace", "Tidewaiter marketplace message")


def postal_answer_schema() -> bytes:
    """The JSON Schema (2020-12) of the answer to a postal item, indented."""
    schema = msgspec.json.schema(PostalAnswer)
    for definition in schema["$defs"].values():
        spell_out_decimals(definition)
    return _indented(schema, "urn:tidewaiter:schema:postal-answer", "Tidewaiter answer to a postal item")


def _indented(schema: Mapping[str, Any], schema_id: str, title: str) -> bytes:
    rest = {key: value for key, value in schema.items() if key not in ("$schema", "$id", "title")}
    return msgspec.json.format(
        msgspec.json.encode({"$schema": _DIALECT, "$id": schema_id, "title": title, **rest}), indent=2
    )


def _schema(words: Vocabulary, schema_id: str, title: str) -> bytes:
    """The declaration's schema with the vocabulary's names beside its own; only the list of items is renamed."""
    schema: dict[str, Any] = msgspec.json.decode(json_schema())
    definitions = schema["$defs"]
    whole, item = (definitions[name]["properties"] for name in ("Declaration", "GoodsItem"))
    named = {each.name: _described(definitions, "Declaration", each) for each in words.whole.values()}
    named[words.items_name] = whole.pop("goods_items")
    definitions["Declaration"]["properties"] = named | whole
    lines = {each.name: _described(definitions, "GoodsItem", each) for each in words.item.values()}
    definitions["GoodsItem"]["properties"] = lines | item
    definitions["GoodsItem"].pop("required", None)  # lines are counted
    return _indented(schema, schema_id, title)


def _described(definitions: Mapping[str, Any], name: str, each: Name) -> dict[str, Any]:
    found = copy.deepcopy(_at(definitions, definitions[name], each.path))
    found.pop("default", None)
    return found | {"description": each.words}


def _at(definitions: Mapping[str, Any], node: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The schema of what a path leads to."""
    if not path:
        return dict(node)
    node = _resolved(definitions, node)
    inner = node["items"] if isinstance(path[0], int) else node["properties"][path[0]]
    return _at(definitions, inner, path[1:])


def _resolved(definitions: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    for option in (node, *node.get("anyOf", ())):
        if "$ref" in option:
            found: Mapping[str, Any] = definitions[option["$ref"].rpartition("/")[2]]
            return found
    return node
