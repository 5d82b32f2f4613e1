"""What it means for an event to meet a condition of a query, value by value; and what an index knows an event by.

This is the meaning; a store narrows down by terms and moments first, and asks here of every event that is left.
"""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from msgspec import Struct

from tidewaiter.messages.epcis.fields import read_time
from tidewaiter.messages.epcis.keys import canonical, one_form, pattern_of
from tidewaiter.model.event import Event, SensorElement, SensorReport

Within = Callable[[str, str], bool]
"""Whether the first location is the second, or lies in it."""
Attributes = Callable[[str], Mapping[str, Collection[str | None]]]
"""What master data tells of an element: its attributes by name, with their values; None for one that is no text."""

NUMBERS_BY_UNIT: Final = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
"""What a sensor says in numbers; a parameter that asks for one names its unit, too."""


class Condition(Struct, frozen=True):
    """One parameter: how it compares (`EQ`, `GE`, `MATCH` …), of what, with which further names, and its values."""

    verb: str
    field: str
    values: tuple[Any, ...]
    names: tuple[str, ...] = ()


def nothing_told(_: str) -> Mapping[str, Collection[str | None]]:
    """The attributes of elements where there is no master data: none."""
    return {}


def meets(event: Event, condition: Condition, within: Within, attributes: Attributes = nothing_told) -> bool:
    """Whether an event meets one condition."""
    match condition.verb:
        case "MATCH":
            return any(
                matches(each, pattern) for each in list(_listed(event, condition.field)) for pattern in condition.values
            )
        case "WD":
            return any(within(each, value) for each in values_of(event, condition) for value in condition.values)
        case "EXISTS":
            is_there = any(True for _ in values_of(event, condition))
            return any(is_there is value for value in condition.values)
        case "HASATTR":
            return any(name in attributes(each) for each in elements_of(event, condition) for name in condition.values)
        case "EQATTR":
            told = (attributes(each).get(condition.names[-1], ()) for each in elements_of(event, condition))
            return any(value in each for each in told for value in condition.values)
        case "EQ":
            return any(_same(each, value) for each in values_of(event, condition) for value in condition.values)
    return any(
        _compares(condition.verb, each, value) for each in values_of(event, condition) for value in condition.values
    )


def matches(text: str, pattern: str) -> bool:
    """Whether an EPC or class matches: the same key, or one that a pattern with “*” takes (section 8.2.7.1.1)."""
    if one_form(text) == one_form(pattern):
        return True
    if "*" not in pattern:
        return False
    of_keys, key = pattern_of(pattern), canonical(text)
    if key and of_keys is not None and of_keys.fullmatch(key):
        return True
    written = pattern.replace(":idpat:", ":id:") if ":id:" in text else pattern
    return fnmatch.fnmatchcase(text, re.sub(r"([\[?])", r"[\1]", written))


def _listed(event: Event, field: str) -> Iterator[str]:
    """The EPCs or classes that a MATCH looks at."""
    plain = (*event.epcs, *event.child_epcs)
    parent = (event.parent_id,) if event.parent_id else ()
    classes, came, left = (
        tuple(each.epc_class for each in quantities)
        for quantities in (event.quantities, event.input_quantities, event.output_quantities)
    )
    yield from {
        "epc": plain,
        "parentID": parent,
        "inputEPC": event.input_epcs,
        "outputEPC": event.output_epcs,
        "anyEPC": (*plain, *parent, *event.input_epcs, *event.output_epcs),
        "epcClass": classes,
        "inputEPCClass": came,
        "outputEPCClass": left,
        "anyEPCClass": (*classes, *came, *left),
    }[field]


def values_of(event: Event, condition: Condition) -> Iterator[Any]:
    """The values in an event that a condition is about."""
    field = condition.field
    if condition.names and field not in ("bizTransaction", "source", "destination", *NUMBERS_BY_UNIT):
        yield from _own(event, field, condition.names[0])
    elif field in NUMBERS_BY_UNIT:
        yield from _numbers(event, field, condition.names[0])
    elif field in ("bizTransaction", "source", "destination"):
        lists = {"bizTransaction": event.biz_transactions, "source": event.sources, "destination": event.destinations}
        yield from (each.id for each in lists[field] if each.type == condition.names[0])
    else:
        yield from (each for each in _VALUES[field](event) if each is not None and each != "")


def elements_of(event: Event, condition: Condition) -> Iterator[str]:
    """The elements of vocabularies that HASATTR and EQATTR ask master data of: the URIs or words in one field."""
    own = condition.names if condition.verb == "HASATTR" else condition.names[:-1]
    if not own:
        yield from (each for each in ELEMENTS[condition.field](event) if each)
        return
    for value in _own(event, condition.field, own[0]):
        yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str))


def _own(event: Event, where: str, path: str) -> Iterator[Any]:
    """Fields of somebody's own under a name: at the top of their place, or anywhere below it (INNER)."""
    place = where.removeprefix("INNER").removeprefix("_")
    sensors, reports = event.sensors, [report for each in event.sensors for report in each.reports]
    error = event.error_declaration
    roots: list[dict[str, Any]] = {
        "": [event.extensions],
        "ILMD": [event.ilmd],
        "ERROR_DECLARATION": [error.extensions] if error is not None else [],
        "SENSORELEMENT": [each.extensions for each in sensors],
        "SENSORMETADATA": [each.metadata for each in sensors],
        "SENSORREPORT": [each.others for each in reports],
    }[place]
    if not where.startswith("INNER"):
        yield from (root[path] for root in roots if path in root)
        return
    waiting: list[Any] = [value for root in roots for value in root.values()]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if path in each:
                yield each[path]
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _numbers(event: Event, field: str, unit: str) -> Iterator[Decimal]:
    names = {
        "value": "value", "minValue": "min_value", "maxValue": "max_value", "meanValue": "mean_value", "sDev": "s_dev",
        "percRank": "perc_rank", "percValue": "perc_value",
    }  # fmt: skip
    for report in _reports(event):
        number = getattr(report, names[field])
        if report.uom == unit and number is not None:
            yield number


def _reports(event: Event) -> Iterator[SensorReport]:
    for element in event.sensors:
        yield from element.reports


def _both(
    event: Event, of_element: Callable[[SensorElement], Any], of_report: Callable[[SensorReport], Any]
) -> Iterator[Any]:
    for element in event.sensors:
        yield of_element(element)
        yield from (of_report(report) for report in element.reports)


def _told_by_both(name: str) -> Callable[[Event], Iterator[Any]]:
    return lambda event: _both(
        event, lambda element: element.metadata.get(name), lambda report: report.others.get(name)
    )


def _of_reports(name: str) -> Callable[[Event], Iterator[Any]]:
    return lambda event: (getattr(report, name) for report in _reports(event))


def _error_field(name: str) -> Callable[[Event], Iterable[Any]]:
    return lambda event: [getattr(event.error_declaration, name)] if event.error_declaration is not None else []


_VALUES: Final[dict[str, Callable[[Event], Iterable[Any]]]] = {
    "type": lambda event: [event.type.value],
    "action": lambda event: [event.action.value] if event.action else [],
    "bizStep": lambda event: [event.biz_step],
    "disposition": lambda event: [event.disposition],
    "set": lambda event: event.persistent_set,
    "unset": lambda event: event.persistent_unset,
    "readPoint": lambda event: [event.read_point],
    "bizLocation": lambda event: [event.biz_location],
    "transformationID": lambda event: [event.transformation_id],
    "eventID": lambda event: [event.event_id],
    "certificationInfo": lambda event: event.certification_info,
    "eventTime": lambda event: [event.event_time],
    "recordTime": lambda event: [event.recorded_at],
    "quantity": lambda event: (
        each.quantity for each in (*event.quantities, *event.input_quantities, *event.output_quantities)
    ),
    "errorDeclaration": lambda event: [event.error_declaration],
    "errorDeclarationTime": _error_field("declared_at"),
    "errorReason": _error_field("reason"),
    "correctiveEventID": lambda event: (
        event.error_declaration.corrective_event_ids if event.error_declaration is not None else ()
    ),
    "ilmd": lambda event: [event.ilmd or None],
    "startTime": lambda event: (each.start_time for each in event.sensors),
    "endTime": lambda event: (each.end_time for each in event.sensors),
    "time": lambda event: _both(event, lambda element: element.time, lambda report: report.time),
    "deviceID": lambda event: _both(event, lambda element: element.device_id, lambda report: report.device_id),
    "report.type": _of_reports("type"),
    "exception": _of_reports("exception"),
    "component": _of_reports("component"),
    "stringValue": _of_reports("string_value"),
    "hexBinaryValue": _of_reports("hex_binary_value"),
    "uriValue": _of_reports("uri_value"),
    "booleanValue": _of_reports("boolean_value"),
    **{
        name: _told_by_both(name)
        for name in (
            "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules", "microorganism", "chemicalSubstance",
            "coordinateReferenceSystem",
        )
    },
}  # fmt: skip


def _of_list(*names: str) -> Callable[[Event], Iterable[str]]:
    return lambda event: (each for name in names for each in _listed(event, name))


ELEMENTS: Final[dict[str, Callable[[Event], Iterable[str]]]] = {
    **{
        name: _VALUES[name]
        for name in (
            "bizStep",
            "disposition",
            "readPoint",
            "bizLocation",
            "transformationID",
            "errorReason",
            "deviceID",
        )
    },
    "persistentDisposition": lambda event: (*event.persistent_set, *event.persistent_unset),
    "bizTransaction": lambda event: (each.id for each in event.biz_transactions),
    "source": lambda event: (each.id for each in event.sources),
    "destination": lambda event: (each.id for each in event.destinations),
    "epcList": lambda event: event.epcs,
    "childEPCs": lambda event: event.child_epcs,
    "parentID": lambda event: [event.parent_id],
    "inputEPCList": lambda event: event.input_epcs,
    "outputEPCList": lambda event: event.output_epcs,
    "epcClass": _of_list("epcClass", "inputEPCClass", "outputEPCClass"),
}
"""The standard's fields whose values are elements of vocabularies, as they are called in documents."""


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, list):
        return any(_same(each, wanted) for each in found)
    if isinstance(found, bool) or isinstance(wanted, bool):
        return str(found).lower() == str(wanted).lower()
    if isinstance(found, int | Decimal) and not isinstance(wanted, Decimal):
        return str(found) == str(wanted) or _as_number(wanted) == Decimal(found)
    if isinstance(found, str) and isinstance(wanted, str):
        return one_form(found) == one_form(wanted)
    return bool(found == wanted)


def _as_number(text: Any) -> Decimal | None:
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return None


def _compares(verb: str, found: Any, wanted: Decimal | datetime) -> bool:
    if isinstance(found, list):
        return any(_compares(verb, each, wanted) for each in found)
    value: Any = found
    if isinstance(wanted, datetime) and isinstance(found, str):
        value = read_time(found)
    elif isinstance(wanted, Decimal):
        number = None if isinstance(found, bool) else _as_number(found)
        value = number if number is not None and number.is_finite() else None
    if value is None or type(value) is not type(wanted):
        return False
    return bool(_COMPARISONS[verb](value, wanted))


_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "GT": operator.gt, "GE": operator.ge, "LT": operator.lt, "LE": operator.le,
}  # fmt: skip


def terms_of(event: Event) -> list[str]:
    """What an index knows an event by: a field and a value each, for every value that may be asked for as equal.

    A GS1 key stands there as it was written (“=”) and in its one form (“~”). An event meets an equality only if it has one
    of the terms of `wanted_terms`; that it has one does not yet suffice.
    """
    found: set[str] = set()
    for field in (*_INDEXED, "type"):
        for each in _VALUES[field](event):
            if each is not None and each != "":
                found.update(_terms(field, str(each)))
    for field in ("epc", "parentID", "inputEPC", "outputEPC", "epcClass", "inputEPCClass", "outputEPCClass"):
        for each in _listed(event, field):
            found.update(_terms(field, each))
    for name, every in (
        ("bizTransaction", event.biz_transactions), ("source", event.sources), ("destination", event.destinations)
    ):  # fmt: skip
        for one in every:
            found.update(_terms(name, one.id, f"{one.type} "))
    return sorted(found)


def _terms(field: str, value: str, type_: str = "") -> list[str]:
    key = canonical(value)
    return [f"{field}={type_}{value}"] + ([f"{field}~{type_}{key}"] if key else [])


_INDEXED: Final = (
    "action", "bizStep", "disposition", "set", "unset", "readPoint", "bizLocation", "transformationID", "eventID",
    "errorReason", "correctiveEventID", "deviceID", "report.type", "exception",
)  # fmt: skip
_ANY: Final = {
    "anyEPC": ("epc", "parentID", "inputEPC", "outputEPC"),
    "anyEPCClass": ("epcClass", "inputEPCClass", "outputEPCClass"),
}


def wanted_terms(condition: Condition) -> list[str] | None:
    """The terms of which an event has one if it meets the condition; None where the index cannot tell."""
    fields: tuple[str, ...] = (condition.field,)
    type_ = ""
    if condition.verb == "MATCH":
        if any("*" in each for each in condition.values):
            return None
        fields = _ANY.get(condition.field, fields)
    elif condition.verb != "EQ":
        return None
    elif condition.field in ("bizTransaction", "source", "destination"):
        type_ = f"{condition.names[0]} "
    elif condition.names or condition.field not in (*_INDEXED, "type"):
        return None
    return [term for field in fields for each in condition.values for term in _terms(field, str(each), type_)]
