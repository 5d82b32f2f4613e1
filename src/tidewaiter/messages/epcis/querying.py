"""What may be asked of events: the parameters of SimpleEventQuery (GS1 EPCIS 2.0, section 8.2.7.1), read and applied.

    query = Query.parse({"EQ_bizStep": ["shipping"], "GE_eventTime": ["2026-01-01T00:00:00Z"]}, prefixes)
    found = [event for event in events if query.takes(event, within)]

Conditions hold together: an event has to meet every one. Values of one condition are alternatives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from msgspec import Struct

from tidewaiter.messages.epcis import vocabulary as words
from tidewaiter.messages.epcis.conditions import (
    ELEMENTS,
    NUMBERS_BY_UNIT,
    Attributes,
    Condition,
    Within,
    meets,
    nothing_told,
)
from tidewaiter.messages.epcis.fields import Wrong, read_time
from tidewaiter.model.event import Action, Event, EventType

VALUES_MAX: Final = 1_000
"""Values of one parameter."""
PER_PAGE_DEFAULT: Final = 30
PER_PAGE_MAX: Final = 1_000


class Query(Struct, frozen=True):
    """What is asked: conditions, an order, and how many."""

    conditions: tuple[Condition, ...] = ()
    order_by: str = "recordTime"
    is_descending: bool = False
    limit: int | None = None
    maximum: int | None = None

    @classmethod
    def parse(cls, parameters: Mapping[str, Any], prefixes: Mapping[str, str] = words.STANDARD_PREFIXES) -> Query:
        """The query that parameters make: texts as in an address, or JSON as in a named query. Raises Wrong."""
        conditions: list[Condition] = []
        settings: dict[str, Any] = {}
        for name, given in parameters.items():
            values = list(given) if isinstance(given, list | tuple) else [given]
            if not values or len(values) > VALUES_MAX:
                raise Wrong("query", (name,), f"{name} has {len(values)} values; 1 to {VALUES_MAX} are taken", "")
            if name in _SETTINGS:
                settings |= _SETTINGS[name](name, [_value_written_out(name, each, prefixes) for each in values])
            else:
                conditions.append(_condition(name, values, prefixes))
        if settings.get("limit") is not None and settings.get("maximum") is not None:
            raise Wrong("query", ("maxEventCount",), "eventCountLimit and maxEventCount exclude each other", "take one")
        if settings.get("limit") is not None and "order_by" not in settings:
            words = "eventCountLimit says how many of the first, and orderBy is missing, which says the first by what"
            raise Wrong("query", ("eventCountLimit",), words, "add orderBy=eventTime, or ask for perPage")
        if "order_by" in settings:
            settings.setdefault("is_descending", True)  # the standard's, where orderDirection is not said
        return cls(tuple(conditions), **settings)

    def takes(self, event: Event, within: Within, attributes: Attributes = nothing_told) -> bool:
        """Whether an event meets every condition."""
        return all(meets(event, condition, within, attributes) for condition in self.conditions)

    def key(self, event: Event) -> tuple[bool, Any]:
        """What events are put in order by; those that lack the field come last."""
        if self.order_by == "eventTime":
            return False, event.event_time
        if self.order_by == "recordTime":
            return False, event.recorded_at
        value = event.extensions.get(self.order_by)
        return value is None, str(value)


def written_out(parameters: Mapping[str, Any], prefixes: Mapping[str, str]) -> dict[str, Any]:
    """The same parameters with all names in them written out: they mean the same wherever other prefixes hold."""
    return {
        _name_written_out(name, prefixes): _value_written_out(name, each, prefixes) for name, each in parameters.items()
    }


def _name_written_out(name: str, prefixes: Mapping[str, str]) -> str:
    if name in _FIXED or name in _SETTINGS:
        return name
    for start in _WITH_TYPE:
        if name.startswith(start):
            return start + words.expanded(name.removeprefix(start), prefixes)
    match = _FLEXIBLE.fullmatch(name)
    if match is None:
        return name
    start, field, attribute = name[: match.start("field")], match["field"], ""
    if match["verb"] == "EQATTR":
        field, attribute = _with_attribute(field)
    written = words.expanded(field, prefixes)
    return f"{start}{written}_{words.expanded(attribute, prefixes)}" if attribute else start + written


def _value_written_out(name: str, value: Any, prefixes: Mapping[str, str]) -> Any:
    """URIs and words are written out; texts, and what a field of somebody's own is compared with, stay as they are."""
    is_text = name in _FIXED and _FIXED[name][2] is _text
    is_flexible = name not in _FIXED and name not in _SETTINGS and not name.startswith(tuple(_WITH_TYPE))
    if is_text or is_flexible:
        return value
    if isinstance(value, list):
        return [_value_written_out(name, each, prefixes) for each in value]
    return words.expanded(value, prefixes) if isinstance(value, str) else value


def _uri(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    if not isinstance(value, str) or not words.is_uri(value):
        raise Wrong("query", (name,), f"{name} takes URIs", "like urn:epc:id:… or https://…", str(value))
    return words.expanded(value, prefixes)


def _text(name: str, value: Any, _: Mapping[str, str]) -> str:
    if not isinstance(value, str):
        raise Wrong("query", (name,), f"{name} takes texts", "", str(value))
    return value


def _any_name(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    return words.expanded(_text(name, value, prefixes), prefixes)


def _moment(name: str, value: Any, _: Mapping[str, str]) -> datetime:
    found = read_time(value) if isinstance(value, str) else None
    if found is None:
        raise Wrong("query", (name,), f"{name} takes a moment with its offset", "2026-11-28T09:30:00Z", str(value))
    return found


def _number(name: str, value: Any, _: Mapping[str, str]) -> Decimal:
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise Wrong("query", (name,), f"{name} takes a number", "", str(value))
    return number


def _boolean(name: str, value: Any, _: Mapping[str, str]) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise Wrong("query", (name,), f"{name} is true or false", "", str(value))


def _word(known: frozenset[str]) -> Callable[[str, Any, Mapping[str, str]], str]:
    def read(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
        found = words.word(value, known, prefixes) if isinstance(value, str) else ""
        if not found:
            raise Wrong("query", (name,), f"{name} takes words of CBV 2.0 and URIs", "", str(value))
        return found

    return read


def _one_of(*known: str) -> Callable[[str, Any, Mapping[str, str]], str]:
    def read(name: str, value: Any, _: Mapping[str, str]) -> str:
        if value not in known:
            raise Wrong("query", (name,), f"{name} takes {', '.join(known)}", "", str(value))
        return str(value)

    return read


Reader = Callable[[str, Any, Mapping[str, str]], Any]
_FIXED: Final[dict[str, tuple[str, str, Reader]]] = {
    "eventType": ("EQ", "type", _one_of(*EventType)),
    "EQ_action": ("EQ", "action", _one_of(*Action)),
    "EQ_bizStep": ("EQ", "bizStep", _word(words.BIZ_STEPS)),
    "EQ_disposition": ("EQ", "disposition", _word(words.DISPOSITIONS)),
    "EQ_persistentDisposition_set": ("EQ", "set", _word(words.DISPOSITIONS)),
    "EQ_persistentDisposition_unset": ("EQ", "unset", _word(words.DISPOSITIONS)),
    "WD_readPoint": ("WD", "readPoint", _uri),
    "WD_bizLocation": ("WD", "bizLocation", _uri),
    "EQ_type": ("EQ", "report.type", _word(words.MEASUREMENTS)),
    "EQ_errorReason": ("EQ", "errorReason", _word(words.ERROR_REASONS)),
    "EXISTS_errorDeclaration": ("EXISTS", "errorDeclaration", _boolean),
    "EXISTS_ilmd": ("EXISTS", "ilmd", _boolean),
    "EQ_booleanValue": ("EQ", "booleanValue", _boolean),
    "EQ_stringValue": ("EQ", "stringValue", _text),
    "EQ_hexBinaryValue": ("EQ", "hexBinaryValue", _text),
    "EQ_transformationID": ("EQ", "transformationID", _any_name),
    "EQ_exception": ("EQ", "exception", _word(words.ALERTS)),
    "EQ_component": ("EQ", "component", _word(words.COMPONENTS)),
    **{f"EQ_{name}": ("EQ", name, _uri) for name in ("readPoint", "bizLocation", "eventID", "correctiveEventID")},
    **{
        f"EQ_{name}": ("EQ", name, _uri)
        for name in (
            "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "microorganism", "chemicalSubstance",
            "bizRules", "uriValue", "coordinateReferenceSystem", "certificationInfo",
        )
    },
    **{
        f"{verb}_{name}": (verb, name, _moment)
        for verb in ("GE", "LT")
        for name in ("eventTime", "recordTime", "errorDeclarationTime", "startTime", "endTime", "time")
    },
    **{f"{verb}_quantity": (verb, "quantity", _number) for verb in ("EQ", "GT", "GE", "LT", "LE")},
    **{
        f"MATCH_{name}": ("MATCH", name, _uri)
        for name in (
            "epc", "parentID", "inputEPC", "outputEPC", "anyEPC", "epcClass", "inputEPCClass", "outputEPCClass",
            "anyEPCClass",
        )
    },
}  # fmt: skip
_WITH_TYPE: Final = {
    "EQ_bizTransaction_": ("bizTransaction", words.TRANSACTION_TYPES),
    "EQ_source_": ("source", words.SOURCE_TYPES),
    "EQ_destination_": ("destination", words.SOURCE_TYPES),
}
_FLEXIBLE: Final = re.compile(
    r"(?P<verb>EQ|GT|GE|LT|LE|EXISTS|HASATTR|EQATTR)_(?P<where>INNER_ILMD_|ILMD_|INNER_ERROR_DECLARATION_|ERROR_DECLARATION_"
    r"|INNER_SENSORELEMENT_|SENSORELEMENT_|SENSORMETADATA_|SENSORREPORT_|INNER_SENSORMETADATA_|INNER_SENSORREPORT_"
    r"|INNER_|)(?P<field>.+)"
)


_TWO_URIS: Final = re.compile(r"(?P<field>\S+?)_(?P<attribute>[A-Za-z][A-Za-z0-9+.-]*:\S+)")


def _condition(name: str, values: Sequence[Any], prefixes: Mapping[str, str]) -> Condition:
    if name in _FIXED:
        verb, field, read = _FIXED[name]
        return Condition(verb, field, tuple(read(name, each, prefixes) for each in values))
    for start, (field, known) in _WITH_TYPE.items():
        if name.startswith(start):
            type_ = words.word(name.removeprefix(start), known, prefixes)
            if not type_:
                raise Wrong("query", (name,), f"{name} names no type of {field}", "a word of CBV 2.0, or a URI")
            return Condition("EQ", field, tuple(_uri(name, each, prefixes) for each in values), (type_,))
    match = _FLEXIBLE.fullmatch(name)
    if match is None:
        raise Wrong("query", (name,), f"“{name[:80]}” is no parameter of a query", "see section 8.2.7.1 of EPCIS 2.0")
    verb, where, field = match["verb"], match["where"].rstrip("_"), match["field"]
    by_unit = _by_unit(verb, where, field)
    if by_unit is not None:
        return Condition(verb, by_unit[0], tuple(_number(name, each, prefixes) for each in values), by_unit[1:])
    return _flexible(name, verb, where, field, values=values, prefixes=prefixes)


def _by_unit(verb: str, where: str, field: str) -> tuple[str, str] | None:
    """A sensor's number with the unit that the parameter names ("EQ_value_CEL"); None for another parameter."""
    number, _, unit = field.partition("_")
    if where or verb not in ("EQ", "GT", "GE", "LT", "LE") or number not in NUMBERS_BY_UNIT or not unit:
        return None
    return number, unit


def _flexible(
    name: str, verb: str, where: str, field: str, *, values: Sequence[Any], prefixes: Mapping[str, str]
) -> Condition:
    """A parameter that names a field of somebody's own, wherever it may stand."""
    if verb in ("HASATTR", "EQATTR"):
        return _of_master_data(name, verb, where, field, values=values, prefixes=prefixes)
    path = words.expanded(field, prefixes)
    if not words.is_uri(path):
        raise Wrong(
            "query", (name,), f"“{name[:80]}” is no parameter of a query", "fields of your own are told as URIs"
        )
    if verb == "EXISTS":
        return Condition(verb, where, tuple(_boolean(name, each, prefixes) for each in values), (path,))
    if verb == "EQ":
        return Condition(verb, where, tuple(str(each) for each in values), (path,))
    return Condition(verb, where, tuple(_comparable(name, each) for each in values), (path,))


def _with_attribute(field: str) -> tuple[str, str]:
    """What an EQATTR parameter names: a field and an attribute. Which "_" parts them is told by what stands on both sides."""
    first, _, rest = field.partition("_")
    if first in ELEMENTS:
        return first, rest
    match = _TWO_URIS.fullmatch(field)
    if match is not None:
        return match["field"], match["attribute"]
    field, _, attribute = field.rpartition("_")
    return field, attribute


def _of_master_data(
    name: str, verb: str, where: str, field: str, *, values: Sequence[Any], prefixes: Mapping[str, str]
) -> Condition:
    """A parameter about the attributes that master data tells of the elements in a field."""
    attribute = ""
    if verb == "EQATTR":
        field, attribute = _with_attribute(field)
        if not attribute:
            raise Wrong("query", (name,), f"“{name[:80]}” names no attribute", "like EQATTR_bizLocation_cbvmda:country")
    path = words.expanded(field, prefixes)
    is_standard = not where and field in ELEMENTS
    if not is_standard and not words.is_uri(path):
        hint = f"fields of your own as URIs, and {', '.join(sorted(ELEMENTS))}"
        raise Wrong("query", (name,), f"“{field[:80]}” has no elements of vocabularies", hint)
    names = () if is_standard else (path,)
    if verb == "HASATTR":
        told = tuple(_any_name(name, each, prefixes) for each in values)
    else:
        names, told = (*names, words.expanded(attribute, prefixes)), tuple(str(each) for each in values)
    return Condition(verb, field if is_standard else where, told, names)


def _comparable(name: str, value: Any) -> Decimal | datetime:
    moment = read_time(value) if isinstance(value, str) else None
    return moment if moment is not None else _number(name, value, {})


def _whole(name: str, values: Sequence[Any]) -> int:
    text = str(values[0])
    if len(values) != 1 or not text.isascii() or not text.isdigit() or len(text) > 9 or not int(text):
        raise Wrong("query", (name,), f"{name} takes one whole number above 0", "", text)
    return int(text)


def _order(name: str, values: Sequence[Any]) -> dict[str, Any]:
    field = str(values[0])
    if len(values) != 1 or (field not in ("eventTime", "recordTime") and not words.is_uri(field)):
        raise Wrong("query", (name,), f"{name} takes eventTime, recordTime or a field of your own", "", field)
    return {"order_by": field}


def _direction(name: str, values: Sequence[Any]) -> dict[str, Any]:
    return {"is_descending": _one_of("ASC", "DESC")(name, values[0], {}) == "DESC"}


_SETTINGS: Final[dict[str, Callable[[str, Sequence[Any]], dict[str, Any]]]] = {
    "orderBy": _order,
    "orderDirection": _direction,
    "eventCountLimit": lambda name, values: {"limit": _whole(name, values)},
    "maxEventCount": lambda name, values: {"maximum": _whole(name, values)},
}

PARAMETERS: Final = (*_FIXED, *_SETTINGS)
"""Every parameter whose name is fixed."""
