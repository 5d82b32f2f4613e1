"""EPCIS 2.0 documents in JSON or JSON-LD read into events: what is wrong is told with its place, the rest goes on.

Read are an EPCISDocument, an EPCISQueryDocument, one event, and an array of events (GS1 EPCIS 2.0, section 10).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.messages.epcis import vocabulary as words
from tidewaiter.messages.epcis.fields import Fields, Place, Wrong
from tidewaiter.messages.epcis.master_data import MasterData, read_master_data
from tidewaiter.messages.epcis.writing import body_of
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.event import (
    Action,
    ErrorDeclaration,
    Event,
    EventType,
    Quantity,
    SensorElement,
    SensorReport,
    Typed,
)
from tidewaiter.model.event_words import DISPOSITION, STEP, VOCABULARY
from tidewaiter.model.finding import Finding, Severity

DOCUMENT_BYTES_MAX: Final = 16 * 1024 * 1024
EVENTS_MAX: Final = 10_000
DEPTH_MAX: Final = 64
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
PREFIXES_MAX: Final = 100
PREFIX_LENGTH_MAX: Final = 200  # written out, as it is for every name that has it
TWICE_MAX: Final = 100  # names that are told to stand twice
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")  # may be half a surrogate pair
_ZONE: Final = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_UOM: Final = re.compile(r"[A-Z0-9]{2,3}")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f])+")
_NUMBERS: Final = {
    "value": "value", "minValue": "min_value", "maxValue": "max_value", "meanValue": "mean_value", "sDev": "s_dev",
    "percRank": "perc_rank", "percValue": "perc_value",
}  # fmt: skip
_OTHER_REPORT_URIS: Final = (
    "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules", "microorganism", "chemicalSubstance",
    "coordinateReferenceSystem",
)  # fmt: skip
_OTHER_METADATA_URIS: Final = ("deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
_OF_ALL: Final = frozenset(
    [
        "@context",
        "type",
        "eventTime",
        "recordTime",
        "eventTimeZoneOffset",
        "eventID",
        "certificationInfo",
        "errorDeclaration",
        "bizStep",
        "disposition",
        "readPoint",
        "bizLocation",
        "bizTransactionList",
        "sourceList",
        "destinationList",
        "sensorElementList",
    ]
)
_OF_TYPE: Final = {
    EventType.OBJECT: frozenset(["action", "epcList", "quantityList", "persistentDisposition", "ilmd"]),
    EventType.AGGREGATION: frozenset(["action", "parentID", "childEPCs", "childQuantityList"]),
    EventType.ASSOCIATION: frozenset(["action", "parentID", "childEPCs", "childQuantityList"]),
    EventType.TRANSACTION: frozenset(["action", "parentID", "epcList", "quantityList"]),
    EventType.TRANSFORMATION: frozenset(
        [
            "inputEPCList",
            "inputQuantityList",
            "outputEPCList",
            "outputQuantityList",
            "transformationID",
            "persistentDisposition",
            "ilmd",
        ]
    ),
}


class Document(Struct, frozen=True):
    """What was read: events in their order, what was wrong with others, and what its header tells of places and elements."""

    events: tuple[Event, ...]
    findings: tuple[Finding, ...]
    master_data: MasterData = MasterData()


def read(data: bytes) -> Document:
    """The events of a document. Nothing it says raises: what cannot be read is a finding with its place."""
    findings: list[Finding] = []
    try:
        content = _json(data, findings)
    except Wrong as wrong:
        return Document((), (wrong.finding(),))
    try:
        found, place, prefixes, header = _event_list(content)
        master_data = read_master_data(header, prefixes)
    except Wrong as wrong:
        return Document((), (*findings, wrong.finding()))
    if len(found) > EVENTS_MAX:
        too_many = Wrong("too_many", place, f"a document has {EVENTS_MAX} events at most", "send several")
        return Document((), (too_many.finding(),))
    events = []
    for number, each in enumerate(found):
        where = (*place, number) if place or isinstance(content, list) else place
        try:
            events.append(read_event(each, prefixes, where))
        except Wrong as wrong:
            findings.append(wrong.finding())
    return Document(tuple(events), tuple(findings), master_data)


def _event_list(content: Any) -> tuple[list[Any], Place, dict[str, str], Any]:
    """The events in whatever they came in, where they stand, the prefixes that hold for all, and the header."""
    if isinstance(content, list):
        return content, (), _prefixes(None, ()), None
    if not isinstance(content, dict):
        raise Wrong("no_document", (), "this is neither an EPCIS document nor an event", "send a JSON object")
    prefixes = _prefixes(content.get("@context"), ())
    kind = content.get("type")
    if kind not in ("EPCISDocument", "EPCISQueryDocument"):
        return [content], (), prefixes, None
    body = content.get("epcisBody")
    place: Place = ("epcisBody", "eventList")
    results = body.get("queryResults") if isinstance(body, dict) else None
    if kind == "EPCISQueryDocument" and isinstance(results, dict):
        body, place = results.get("resultsBody"), (*place[:1], "queryResults", "resultsBody", "eventList")
    if isinstance(body, dict) and isinstance(body.get("event"), dict):
        return [body["event"]], (*place[:-1], "event"), prefixes, content.get("epcisHeader")
    if not isinstance(body, dict) or not isinstance(body.get("eventList"), list):
        raise Wrong("no_events", place, "there is no list of events", "a document has epcisBody.eventList")
    version = content.get("schemaVersion")
    if not isinstance(version, str | int | Decimal) or not str(version).startswith("2"):
        raise Wrong("version", ("schemaVersion",), f"schemaVersion is {version!r}", "documents of release 2.0 are read")
    return body["eventList"], place, prefixes, content.get("epcisHeader")


def _prefixes(context: Any, place: Place) -> dict[str, str]:
    """The prefixes that an `@context` at a place says. Raises Wrong for more or longer ones than anybody needs."""
    found = words.prefixes_of(context)
    longest = max(map(len, found.values()))
    if len(found) > PREFIXES_MAX or longest > PREFIX_LENGTH_MAX:
        said = f"{len(found)} prefixes, the longest written out in {longest} characters"
        hint = f"{PREFIXES_MAX} at most, of {PREFIX_LENGTH_MAX} characters"
        raise Wrong("context", (*place, "@context"), said, hint)
    return found


def read_event(content: Any, prefixes: Mapping[str, str], place: Place = ()) -> Event:
    """One event. Raises Wrong for the first thing that makes it none."""
    if not isinstance(content, dict):
        raise Wrong("no_event", place, "an event is a JSON object", "")
    own = {**prefixes, **_prefixes(content["@context"], place)} if "@context" in content else prefixes
    fields = Fields(content, place, own)
    type_ = _type(fields)
    known = _OF_ALL | _OF_TYPE[type_]
    is_action = type_ is not EventType.TRANSFORMATION
    event = Event(
        event_id=fields.uri("eventID"),
        type=type_,
        event_time=_event_time(fields),
        time_zone=fields.matching("eventTimeZoneOffset", _ZONE, "like +02:00"),
        action=fields.one_of("action", Action) if is_action else None,
        epcs=fields.uris("epcList"),
        parent_id=fields.uri("parentID"),
        child_epcs=fields.uris("childEPCs"),
        input_epcs=fields.uris("inputEPCList"),
        output_epcs=fields.uris("outputEPCList"),
        quantities=_quantities(fields, "childQuantityList" if "childQuantityList" in known else "quantityList"),
        input_quantities=_quantities(fields, "inputQuantityList"),
        output_quantities=_quantities(fields, "outputQuantityList"),
        transformation_id=fields.uri("transformationID"),
        biz_step=_ours(fields, "bizStep", fields.word("bizStep", words.BIZ_STEPS), STEP),
        disposition=_ours(fields, "disposition", fields.word("disposition", words.DISPOSITIONS), DISPOSITION),
        persistent_set=_persistent(fields, "set"),
        persistent_unset=_persistent(fields, "unset"),
        read_point=_located(fields, "readPoint"),
        biz_location=_located(fields, "bizLocation"),
        biz_transactions=_typed(fields, "bizTransactionList", "bizTransaction", words.TRANSACTION_TYPES),
        sources=_typed(fields, "sourceList", "source", words.SOURCE_TYPES),
        destinations=_typed(fields, "destinationList", "destination", words.SOURCE_TYPES),
        sensors=tuple(_sensor(each) for each in fields.objects("sensorElementList")),
        ilmd=fields.extension("ilmd"),
        certification_info=fields.uris_or_one("certificationInfo"),
        error_declaration=_error(fields),
        extensions=fields.extensions(known),
    )
    _check_whole(event, fields)
    event = event if event.event_id else replace(event, event_id=content_id(event))
    return replace(event, body=body_of(event))


def content_id(event: Event) -> str:
    """The id of an event that came without: the SHA-256 of what it says, so that the same one told twice is one.

    It has the form of the hash ids of CBV 2.0, section 8.9, without its mark `?ver=CBV2.0`: the text that is hashed is
    ours (the fields in canonical JSON), not the standard's.
    """
    said = replace(event, event_id="", body=b"", recorded_at=None)
    return f"ni:///sha-256;{hashlib.sha256(canonical_bytes(said)).hexdigest()}"


def _ours(fields: Fields, name: str, found: str, known: Mapping[str, str]) -> str:
    """A word as it was read. One below our vocabulary that is none of ours was misspelt: it would say nothing to anybody."""
    if found.startswith(VOCABULARY) and found not in known.values():
        hint = f"{VOCABULARY} and one of {', '.join(known)}"
        raise fields.wrong("word", name, f"{name} is “{found[:100]}”, which is none of ours", hint)
    return found


def _event_time(fields: Fields) -> datetime:
    found = fields.needed("eventTime", fields.time("eventTime"))
    if found < EARLIEST:
        raise fields.wrong("time", "eventTime", "eventTime is before 1970", "the record counts from then")
    return found


def _type(fields: Fields) -> EventType:
    text = fields.text("type")
    short = words.expanded(text, fields.prefixes).removeprefix(words.STANDARD_PREFIXES["epcis"])
    try:
        return EventType(short)
    except ValueError:
        wanted = ", ".join(EventType)
        raise fields.wrong(
            "type", "type", f"“{text[:60]}” is no type of event known here", f"one of {wanted}"
        ) from None


def _check_whole(event: Event, fields: Fields) -> None:
    """What an event of its type must be about; and a parent for children that are joined."""
    is_delete, reports = event.action is Action.DELETE, bool(event.sensors)
    things = bool(event.epcs or event.quantities or event.child_epcs)
    match event.type:
        case EventType.OBJECT:
            told = {"epcList", "quantityList"} & fields.names or reports
            _needs(fields, "epcList", is_there=bool(told), what="an object event names things, or has a sensor's word")
        case EventType.AGGREGATION | EventType.ASSOCIATION:
            _needs(fields, "childEPCs", is_there=things or is_delete, what="nothing is joined to the parent")
            is_open = event.type is EventType.AGGREGATION and event.action is Action.OBSERVE
            _needs(fields, "parentID", is_there=bool(event.parent_id) or is_open, what="there is no parent")
        case EventType.TRANSACTION:
            _needs(fields, "bizTransactionList", is_there=bool(event.biz_transactions), what="no transaction is named")
            told = {"epcList", "quantityList"} & fields.names or is_delete
            _needs(fields, "epcList", is_there=bool(told), what="nothing is part of the transaction")
        case EventType.TRANSFORMATION:
            came, left = event.input_epcs or event.input_quantities, event.output_epcs or event.output_quantities
            is_there = bool(came and left) or bool(event.transformation_id and (came or left))
            _needs(fields, "inputEPCList", is_there=is_there, what="something goes in and something comes out")


def _needs(fields: Fields, name: str, *, is_there: bool, what: str) -> None:
    if not is_there:
        raise fields.wrong("incomplete", name, what, f"{name} is missing or empty")


def _quantities(fields: Fields, name: str) -> tuple[Quantity, ...]:
    found = []
    for each in fields.objects(name):
        uom = each.matching("uom", _UOM, "a unit of UN/ECE Recommendation 20") if "uom" in each.names else ""
        each.only({"epcClass", "quantity", "uom"})
        found.append(Quantity(each.needed("epcClass", each.uri("epcClass")), each.number("quantity"), uom))
    return tuple(found)


def _persistent(fields: Fields, which: str) -> tuple[str, ...]:
    inner = fields.object("persistentDisposition")
    return inner.word_list(which, words.DISPOSITIONS) if inner is not None else ()


def _located(fields: Fields, name: str) -> str:
    inner = fields.object(name)
    return inner.needed("id", inner.uri("id")) if inner is not None else ""


def _typed(fields: Fields, name: str, which: str, known: frozenset[str]) -> tuple[Typed, ...]:
    found = []
    for each in fields.objects(name):
        each.only({"type", which})
        type_ = each.word("type", known)
        if which != "bizTransaction":
            each.needed("type", type_)
        found.append(Typed(type_, each.needed(which, each.uri(which))))
    return tuple(found)


def _sensor(fields: Fields) -> SensorElement:
    metadata = fields.object("sensorMetadata")
    reports = tuple(_report(each) for each in fields.objects("sensorReport"))
    if not reports:
        raise fields.wrong("incomplete", "sensorReport", "a sensor reports nothing", "sensorReport is missing or empty")
    extensions = fields.extensions({"sensorMetadata", "sensorReport"})
    if metadata is None:
        return SensorElement(reports=reports, extensions=extensions)
    known = {"time", "startTime", "endTime", "deviceID", *_OTHER_METADATA_URIS}
    others = {name: metadata.uri(name) for name in _OTHER_METADATA_URIS if name in metadata.names}
    return SensorElement(
        time=metadata.time("time"),
        start_time=metadata.time("startTime"),
        end_time=metadata.time("endTime"),
        device_id=metadata.uri("deviceID"),
        metadata=others | metadata.extensions(known),
        reports=reports,
        extensions=extensions,
    )


def _report(fields: Fields) -> SensorReport:
    known = {
        "type", "exception", "deviceID", "time", "uom", "component", "stringValue", "booleanValue", "hexBinaryValue",
        "uriValue", *_NUMBERS, *_OTHER_REPORT_URIS,
    }  # fmt: skip
    type_ = fields.word("type", words.MEASUREMENTS)
    alert = fields.word("exception", words.ALERTS)
    if not type_ and not alert:
        raise fields.wrong("incomplete", "type", "a report says neither what was measured nor why", "type is missing")
    others = {name: fields.uri(name) for name in _OTHER_REPORT_URIS if name in fields.names}
    return SensorReport(
        type=type_,
        exception=alert,
        device_id=fields.uri("deviceID"),
        time=fields.time("time"),
        uom=fields.text("uom"),
        component=fields.word("component", words.COMPONENTS),
        string_value=fields.text("stringValue"),
        boolean_value=fields.boolean("booleanValue"),
        hex_binary_value=fields.matching("hexBinaryValue", _HEX, "hexadecimal digits")
        if "hexBinaryValue" in fields.names
        else "",
        uri_value=fields.uri("uriValue"),
        others=others | fields.extensions(known),
        **{own: fields.number(name) for name, own in _NUMBERS.items()},
    )


def _error(fields: Fields) -> ErrorDeclaration | None:
    inner = fields.object("errorDeclaration")
    if inner is None:
        return None
    return ErrorDeclaration(
        declared_at=inner.needed("declarationTime", inner.time("declarationTime")),
        reason=inner.word("reason", words.ERROR_REASONS),
        corrective_event_ids=inner.uris("correctiveEventIDs"),
        extensions=inner.extensions({"declarationTime", "reason", "correctiveEventIDs"}),
    )


def offset_of(time_zone: str) -> timedelta:
    """The offset that an event's time zone is."""
    sign = -1 if time_zone.startswith("-") else 1
    return sign * timedelta(hours=int(time_zone[1:3]), minutes=int(time_zone[4:6]))


def _json(data: bytes, findings: list[Finding]) -> Any:
    """The value of a document. A name that stands twice in one object counts with its last value, and is a finding."""

    def named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            for name, _ in pairs:
                if name in seen and len(findings) < TWICE_MAX:
                    words = f"“{name[:60]}” stands twice in one object; the last one counts"
                    findings.append(Finding("epcis.twice", Severity.WARNING, "", words, hint="leave one of them out"))
                seen.add(name)
        return found

    if len(data) > DOCUMENT_BYTES_MAX:
        raise Wrong("too_large", (), f"a document has {DOCUMENT_BYTES_MAX} bytes at most", "send several")
    try:
        content = json.loads(
            data.decode("utf-8-sig"), parse_float=Decimal, object_pairs_hook=named, parse_constant=_refuse
        )
        _check_depth(content)
        if _HALF.search(data):
            json.dumps(content, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise Wrong(
            "not_json", (), f"this is not JSON: {str(error)[:200]}", "send EPCIS 2.0 in JSON, in UTF-8"
        ) from error
    return content


def _check_depth(content: Any) -> None:
    level, values = 0, [content]
    while values:
        level += 1
        if level > DEPTH_MAX:
            raise Wrong("too_deep", (), f"values are nested deeper than {DEPTH_MAX}", "flatten them")
        inner: list[Any] = []
        for each in values:
            inner += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        values = [each for each in inner if isinstance(each, dict | list)]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")
