"""Commodities and areas as the UK Trade Tariff API gives them: JSON:API documents, or the same already nested.

https://api.trade-tariff.service.gov.uk: `/commodities/{code}` with import and export measures, `/geographical_areas`.
"""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from typing import Any

from tidewaiter.tariff.controls import DOCUMENT_TEXT
from tidewaiter.tariff.importing.parts import SHOWN, Parts, Placed
from tidewaiter.tariff.kinds import code_of_action, effect_of, is_known, kind_of
from tidewaiter.tariff.records import ERGA_OMNES, Condition, Direction, Line, Measure, Threshold
from tidewaiter.tariff.sentences import SentenceError, Style, canonical, from_components

DEPTH_MAX = 8  # of relations within relations
COUNTRY_LETTERS = 2
_TAG = re.compile(r"<[^<>]{0,200}>")

Fields = dict[str, Any]


def nested(document: Any) -> Any:
    """A JSON:API document with its relations in place of their references; anything else as it is."""
    if not isinstance(document, dict) or "data" not in document or "import_measures" in document:
        return document
    listed = document.get("included")
    included = {_reference(each): each for each in listed if isinstance(each, dict)} if isinstance(listed, list) else {}
    resolver = _Resolver(included)
    data = document["data"]
    return [resolver.resolved(each, 0) for each in data] if isinstance(data, list) else resolver.resolved(data, 0)


class _Resolver:
    """Puts records in place of their references. Each is made once for each depth, however often it is named."""

    def __init__(self, included: dict[tuple[str, str], Fields]) -> None:
        self._included = included
        self._made: dict[tuple[tuple[str, str], int], Fields] = {}

    def resolved(self, reference: Any, depth: int) -> Any:
        if not isinstance(reference, dict) or depth > DEPTH_MAX:
            return reference
        name = _reference(reference)
        record = self._included.get(name)
        if record is None:
            return self._nested(reference, depth)
        found = self._made.get((name, depth))
        if found is None:
            found = self._made[name, depth] = self._nested(record, depth)
        return found

    def _nested(self, record: Fields, depth: int) -> Fields:
        found = {"id": record.get("id"), **_of(record, "attributes")}
        for name, relation in _of(record, "relationships").items():
            data = relation.get("data") if isinstance(relation, dict) else None
            if isinstance(data, list):
                found[name] = [self.resolved(each, depth + 1) for each in data]
            else:
                found[name] = self.resolved(data, depth + 1)
        return found


def _reference(record: Fields) -> tuple[str, str]:
    return (str(record.get("type")), str(record.get("id")))


def is_commodity(document: Any) -> bool:
    """Whether a document is a commodity with its measures."""
    return isinstance(document, dict) and "goods_nomenclature_item_id" in document and "import_measures" in document


def is_areas(document: Any) -> bool:
    """Whether a document is a list of areas, or one."""
    first = document[0] if isinstance(document, list) and document else document
    return isinstance(first, dict) and "geographical_area_id" in first


def read_areas(document: Any, parts: Parts) -> None:
    """Groups of countries with their members; countries stand for themselves."""
    for each in document if isinstance(document, list) else [document]:
        if not isinstance(each, dict) or not isinstance(each.get("geographical_area_id"), str):
            parts.fault("geographical areas", "an entry has no geographical_area_id")
            continue
        _group(each, parts)


def read_commodity(document: Fields, parts: Parts) -> None:
    """One commodity, the lines above it, and its measures."""
    own = _line(document, parts, "the commodity")
    for name in ("chapter", "heading"):
        if isinstance(document.get(name), dict):
            _line(document[name], parts, name)
    for each in _records(document, "ancestors", parts):
        _line(each, parts, "ancestors")
    if own is None:
        return
    unknown: Counter[tuple[str, str]] = Counter()
    for name, direction in (("import_measures", Direction.IMPORT), ("export_measures", Direction.EXPORT)):
        for number, fields in enumerate(_records(document, name, parts), 1):
            at = f"{name} {number}"
            measure = _measure(fields, own.code, direction, at, parts)
            if not is_known(measure.type_code, _series(fields)):
                unknown[measure.type_code, _text(_of(fields, "measure_type"), "description")] += 1
            parts.measures.append(measure)
    for (type_code, title), count in unknown.items():
        parts.gap(f"measure type {type_code}", f"type {type_code} ({title[:SHOWN]}) is not known: kept, {count} times")


def _line(fields: Fields, parts: Parts, at: str) -> Line | None:
    code = parts.code(_text(fields, "goods_nomenclature_item_id"), at)
    if not code:
        return None
    indent = fields.get("number_indents")
    is_chapter = code[2:] == "00000000"
    is_heading = code[4:] == "000000"
    depth = 0 if is_chapter else indent + 1 if isinstance(indent, int) and 0 <= indent < 100 else 1
    line = Line(
        code=code,
        suffix=_text(fields, "producline_suffix") or "80",
        depth=depth,
        digits=2 if is_chapter else 4 if is_heading and "producline_suffix" not in fields else 10,
        description=" ".join((_text(fields, "description_plain") or _text(fields, "description")).split()),
    )
    parts.lines.append(Placed(line, parts.place(at)))
    return line


def _measure(fields: Fields, code: str, direction: Direction, at: str, parts: Parts) -> Measure:
    kind, area = _of(fields, "measure_type"), _of(fields, "geographical_area")
    type_code, series = _text(kind, "id"), _series(fields)
    if not type_code or not _text(area, "id"):
        parts.fault(at, f"the measure has no {'type' if not type_code else 'area'}")
    excluded = _records(fields, "excluded_countries", parts)
    for each in (area, *excluded):
        _group(each, parts)
    begins, ends = parts.days(_text(fields, "effective_start_date"), _text(fields, "effective_end_date"), at)
    acts = _records(fields, "legal_acts", parts)
    additional = _of(fields, "additional_code")
    if _text(additional, "code"):
        parts.texts[_text(additional, "code")] = _text(additional, "description")
    notes = _records(fields, "footnotes", parts)
    for each in notes:
        parts.texts[_text(each, "code")] = _text(each, "description")
    does = kind_of(type_code, series)
    parts.type_title(type_code, does, _text(kind, "description"))
    return Measure(
        measure_id=str(fields.get("id") or ""),
        type_code=type_code,
        kind=does,
        code=code,
        area=_text(area, "id"),
        duty=_duty(fields, at, parts),
        valid_from=begins,
        valid_to=ends,
        excluded=tuple(_text(each, "id") for each in excluded),
        regulation=", ".join(_text(each, "regulation_code") for each in acts),
        additional_code=_text(additional, "code"),
        order_number=_text(_of(fields, "order_number"), "number"),
        reduction=str(fields.get("reduction_indicator") or ""),
        conditions=tuple(_condition(each, at, parts) for each in _records(fields, "measure_conditions", parts)),
        footnotes=tuple(filter(None, (_text(each, "code") for each in notes))),
        direction=direction,
    )


def _duty(fields: Fields, at: str, parts: Parts) -> str:
    """The measure's sentence; its components, where they are given, say it typed."""
    base = " ".join(_text(_of(fields, "duty_expression"), "base").split())
    components = _records(fields, "measure_components", parts)
    if not components:
        return parts.duty(base, Style.TARIC, at)
    try:
        typed = canonical(from_components(components))
    except SentenceError as error:
        parts.gap(at, f"the duty {base[:SHOWN]!r} is not understood: {error.detail}")
        return base or "components that are not understood"
    name = base or "by components"
    if parts.duties.get(name, typed) != typed:
        name = f"{name} (measure {fields.get('id')})"
    parts.duties[name] = typed
    return name


def _condition(fields: Fields, at: str, parts: Parts) -> Condition:
    action, words = _text(fields, "action_code"), _text(fields, "action")
    action = action or code_of_action(words)
    if effect_of(action) is None:
        parts.gap(at, f"what a condition leads to is not known: {(words or action)[:SHOWN]!r}")
    amount = fields.get("condition_duty_amount")
    threshold = None
    if amount is not None:
        threshold = Threshold(
            amount=_decimal(amount, at, parts),
            currency=_text(fields, "condition_monetary_unit_code"),
            unit=_text(fields, "condition_measurement_unit_code"),
            qualifier=_text(fields, "condition_measurement_unit_qualifier_code"),
        )
    document = _text(fields, "document_code")
    if document:
        _, _, words = _text(fields, "requirement").partition(": ")
        parts.texts[DOCUMENT_TEXT.format(document)] = _TAG.sub("", words)[:SHOWN]
    return Condition(
        condition_code=_text(fields, "condition_code"),
        action_code=action,
        action=words,
        document_code=document,
        threshold=threshold,
        duty=_condition_duty(fields, at, parts),
    )


def _condition_duty(fields: Fields, at: str, parts: Parts) -> str:
    components = _records(fields, "measure_condition_components", parts)
    base = {"base": _TAG.sub("", _text(fields, "duty_expression"))}
    return _duty({"id": f"condition of {at}", "duty_expression": base, "measure_components": components}, at, parts)


def _decimal(value: Any, at: str, parts: Parts) -> Decimal:
    """A number of the document, which is read with decimals; zero with a fault where it is none."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    parts.fault(at, f"{str(value)[:SHOWN]!r} is no amount")
    return Decimal(0)


def _group(area: Fields, parts: Parts) -> None:
    code = _text(area, "id") or _text(area, "geographical_area_id")
    if not code or len(code) == COUNTRY_LETTERS or code == ERGA_OMNES:
        return
    children = _records(area, "children_geographical_areas", parts)
    members = [_text(each, "id") or _text(each, "geographical_area_id") for each in children]
    parts.group(code, _text(area, "description"), filter(None, members))


def _series(fields: Fields) -> str:
    return _text(_of(fields, "measure_type"), "measure_type_series_id")


def _records(fields: Fields, name: str, parts: Parts) -> list[Fields]:
    """A list of records; none where there is nothing, and a fault where there is something else."""
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        parts.fault(name, "it is no list of records")
        return []
    return value


def _of(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return value.strip() if isinstance(value, str) else ""
