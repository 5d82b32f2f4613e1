"""The reference of returns and exit events, made from the model: JSON Schemas, and element by element."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from tidewaiter.messages.plain_records import columns
from tidewaiter.messages.reference import spell_out_decimals
from tidewaiter.messages.shape import Element, Kind, elements
from tidewaiter.model.returned import ExitEvent, ReturnRecord

_INTRODUCTION = """\
<!-- made by `tidewaiter docs write` -->

# Returns and exit events

Goods that go back, and the proof that they have left. A message holds many: as JSON one, a list, `{"returns": [ … ]}`,
or one a line (JSON Lines: a line that is broken does not take the others with it); or as CSV in UTF-8, with comma,
semicolon or tab. Rows of CSV one after another with the same first column are one return; each has an article, a
document, or both. What is unknown or wrong in one record is a finding with its place, and the others are taken.

A return is matched to its import by `mrn`, else `waybill`, else `reference`, else `order_id`; only the sender's own
imports are looked through. An article may name an import of its own: then each import is decided apart. An exit event
is matched to its return by the waybill of the return consignment, whoever reports it, or by the claimant's `return_id`.

Schemas: [return.schema.json](return.schema.json), [exit-event.schema.json](exit-event.schema.json).
"""
_HEADING = "| JSON | CSV column | holds | required | meaning |\n|---|---|---|---|---|\n"


def return_schema() -> bytes:
    """The JSON Schema (2020-12) of a return, indented."""
    return _schema(ReturnRecord, "urn:tidewaiter:schema:return", "Tidewaiter return")


def exit_event_schema() -> bytes:
    """The JSON Schema (2020-12) of an exit event, indented."""
    return _schema(ExitEvent, "urn:tidewaiter:schema:exit-event", "Tidewaiter exit event")


def _schema(kind: type[Struct], schema_id: str, title: str) -> bytes:
    schema = msgspec.json.schema(kind)
    definitions: dict[str, Any] = schema["$defs"]
    for definition in definitions.values():
        spell_out_decimals(definition)
        if "properties" in definition:
            definition["additionalProperties"] = False
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_id,
        "title": title,
        **{key: value for key, value in schema.items() if key != "$defs"},
        "$defs": definitions,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)


def render_returns() -> str:
    """Every element as Markdown."""
    parts = [_INTRODUCTION]
    for title, kind in (("Return", ReturnRecord), ("Exit event", ExitEvent)):
        rows = "".join(_rows(kind))
        parts.append(f"## {title}\n\n{_HEADING}{rows}")
    return "\n".join(parts)


def _rows(kind: type[Struct]) -> list[str]:
    found = []
    for column in columns(kind).values():
        holder = elements(kind)[column.group] if column.group else None
        assert holder is None or holder.group is not None
        element = elements(holder.group if holder and holder.group else kind)[column.field]
        place = f"{column.group}{'[]' if column.is_list else ''}.{column.field}" if column.group else column.field
        found.append(
            f"| `{place}` | `{column.name}` | {_holds(element)} | {'yes' if element.is_required else ''} | {element.words} |\n"
        )
    return found


def _holds(element: Element) -> str:
    if element.kind is Kind.CHOICE:
        return " · ".join(f"`{choice}`" for choice in element.choices)
    return element.kind.value
