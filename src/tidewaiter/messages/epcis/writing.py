"""Events written as EPCIS 2.0 documents in JSON-LD. Names stand written out, so that no context but the standard's is needed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw

from tidewaiter.messages.epcis.vocabulary import CONTEXT
from tidewaiter.model.event import ErrorDeclaration, Event, EventType, Quantity, SensorElement, SensorReport, Typed


def event_bytes(event: Event) -> bytes:
    """One event in JSON, with the moment of its capture."""
    return _ENCODER.encode({"@context": [CONTEXT]} | _told(event))


def document(events: Sequence[Event], created_at: datetime) -> bytes:
    """An EPCISDocument: what can be captured elsewhere."""
    return _document("EPCISDocument", {"eventList": [_told(each) for each in events]}, created_at)


def query_document(events: Sequence[Event], created_at: datetime, query_name: str, subscription_id: str = "") -> bytes:
    """An EPCISQueryDocument: the answer to a query, or what a subscriber is sent."""
    results: dict[str, Any] = {"queryName": query_name, "resultsBody": {"eventList": [_told(each) for each in events]}}
    if subscription_id:
        results["subscriptionID"] = subscription_id
    return _document("EPCISQueryDocument", {"queryResults": results}, created_at)


def collection(members: Sequence[str]) -> bytes:
    """A list of names or resources."""
    return _ENCODER.encode({"@context": [CONTEXT], "type": "Collection", "member": list(members)})


def _document(kind: str, body: dict[str, Any], created_at: datetime) -> bytes:
    return _ENCODER.encode({
        "@context": [CONTEXT], "type": kind, "schemaVersion": "2.0", "creationDate": moment(created_at), "epcisBody": body,
    })  # fmt: skip


def moment(at: datetime) -> str:
    """A moment in UTC as documents have it."""
    return at.isoformat().replace("+00:00", "Z")


def body_of(event: Event) -> bytes:
    """The event in JSON, in one writing, without the moment of its capture: what `Event.body` holds."""
    return _ENCODER.encode(told(event))


def told(event: Event) -> dict[str, Any]:
    """The fields of an event as documents have them, those that are empty left out."""
    is_parent = event.type in (EventType.AGGREGATION, EventType.ASSOCIATION)
    fields = {
        "type": event.type.value,
        "eventID": event.event_id,
        "eventTime": moment(event.event_time),
        "eventTimeZoneOffset": event.time_zone,
        "action": event.action.value if event.action else "",
        "epcList": event.epcs,
        "parentID": event.parent_id,
        "childEPCs": event.child_epcs,
        "inputEPCList": event.input_epcs,
        "outputEPCList": event.output_epcs,
        "childQuantityList" if is_parent else "quantityList": _quantities(event.quantities),
        "inputQuantityList": _quantities(event.input_quantities),
        "outputQuantityList": _quantities(event.output_quantities),
        "transformationID": event.transformation_id,
        "bizStep": event.biz_step,
        "disposition": event.disposition,
        "persistentDisposition": _without_empty({"set": event.persistent_set, "unset": event.persistent_unset}),
        "readPoint": _without_empty({"id": event.read_point}),
        "bizLocation": _without_empty({"id": event.biz_location}),
        "bizTransactionList": _typed(event.biz_transactions, "bizTransaction"),
        "sourceList": _typed(event.sources, "source"),
        "destinationList": _typed(event.destinations, "destination"),
        "sensorElementList": [_sensor(each) for each in event.sensors],
        "ilmd": event.ilmd,
        "certificationInfo": event.certification_info,
        "errorDeclaration": _error(event.error_declaration),
    }
    names_nothing: dict[str, Any] = {"epcList": []} if _names_nothing(event) else {}
    return _without_empty(fields) | names_nothing | event.extensions


def _names_nothing(event: Event) -> bool:
    """Whether an event that has to name things names none: it says so by an empty list."""
    names = event.type in (EventType.OBJECT, EventType.TRANSACTION)
    return names and not event.epcs and not event.quantities and not event.sensors


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", None, (), [], {})}


def _quantities(quantities: Sequence[Quantity]) -> list[dict[str, Any]]:
    return [
        _without_empty({"epcClass": each.epc_class, "quantity": each.quantity, "uom": each.uom}) for each in quantities
    ]


def _typed(every: Sequence[Typed], name: str) -> list[dict[str, Any]]:
    return [_without_empty({"type": each.type, name: each.id}) for each in every]


def _sensor(element: SensorElement) -> dict[str, Any]:
    metadata = _without_empty({
        "time": _moment(element.time), "startTime": _moment(element.start_time), "endTime": _moment(element.end_time),
        "deviceID": element.device_id,
    }) | element.metadata  # fmt: skip
    reports = [_report(each) for each in element.reports]
    return _without_empty({"sensorMetadata": metadata, "sensorReport": reports}) | element.extensions


def _report(report: SensorReport) -> dict[str, Any]:
    return _without_empty({
        "type": report.type, "exception": report.exception, "deviceID": report.device_id, "time": _moment(report.time),
        "value": report.value, "minValue": report.min_value, "maxValue": report.max_value,
        "meanValue": report.mean_value, "sDev": report.s_dev, "percRank": report.perc_rank,
        "percValue": report.perc_value, "uom": report.uom, "component": report.component,
        "stringValue": report.string_value, "booleanValue": report.boolean_value,
        "hexBinaryValue": report.hex_binary_value, "uriValue": report.uri_value,
    }) | report.others  # fmt: skip


def _error(error: ErrorDeclaration | None) -> dict[str, Any]:
    if error is None:
        return {}
    return _without_empty({
        "declarationTime": moment(error.declared_at), "reason": error.reason,
        "correctiveEventIDs": error.corrective_event_ids,
    }) | error.extensions  # fmt: skip


def _moment(at: datetime | None) -> str:
    return moment(at) if at is not None else ""


def _told(event: Event) -> dict[str, Raw | str]:
    body: dict[str, Raw | str] = dict(_DECODER.decode(event.body))
    if event.recorded_at is not None:
        body["recordTime"] = moment(event.recorded_at)
    return body


_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="number")
_DECODER = msgspec.json.Decoder(dict[str, Raw])
