"""A device's reading as an EPCIS 2.0 document of one ObjectEvent with a sensorElementList: what the capture door takes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from tidewaiter.model.event_words import STEP, VOCABULARY
from tidewaiter.movement.readings import Reading, SealTold
from tidewaiter.movement.telling import ALARM
from tidewaiter.workflow.device_ports import Device

CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_MOMENT: Final = timedelta(milliseconds=1)  # the parcel was aboard when it was asked for, and is asked for again
HEARTBEAT: Final = VOCABULARY + "heartbeat"  # a reading that tells where the device is, and no more
_SEALS: Final = {
    SealTold.BOUND: STEP["seal_binding"],
    SealTold.OPENED: STEP["seal_opening"],
    SealTold.CLOSED: STEP["seal_closing"],
}

Json = dict[str, Any]


def event_id_of(device: Device, digest: bytes) -> str:
    """The id of the event of a reading (by the SHA-256 of its bytes): the same whenever it is made."""
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{device.uri}/{digest.hex()}')}"


def reading_document(device: Device, reading: Reading, event_id: str, at: datetime) -> bytes:
    """The document of one reading; a temperature outside the device's limits is an alarm, too."""
    metadata = {"time": _text(reading.at), "deviceID": device.uri}
    reports = list(_reports(device, reading)) or [{"type": HEARTBEAT, "booleanValue": True}]
    event: Json = {
        "type": "ObjectEvent", "eventID": event_id, "eventTime": _text(reading.at), "eventTimeZoneOffset": "+00:00",
        "epcList": [device.uri], "action": "OBSERVE",
        "bizStep": _SEALS[reading.seal] if reading.seal is not None else "sensor_reporting",
        "sensorElementList": [{"sensorMetadata": metadata, "sensorReport": reports}],
    }  # fmt: skip
    if reading.position:
        event["readPoint"] = {"id": reading.position}
    return document(event, at)


def alarm_document(device: Device, event_id: str, words: str, at: datetime) -> bytes:
    """The document of an alarm that is raised about a device, not by it: of what it carries or guards."""
    report = {"exception": ALARM, "stringValue": words[:200]}
    metadata = {"time": _text(at), "deviceID": device.uri}
    event = {
        "type": "ObjectEvent", "eventID": event_id, "eventTime": _text(at), "eventTimeZoneOffset": "+00:00",
        "epcList": [device.uri], "action": "OBSERVE", "bizStep": "sensor_reporting",
        "sensorElementList": [{"sensorMetadata": metadata, "sensorReport": [report]}],
    }  # fmt: skip
    return document(event, at)


def delivery_document(device: Device, parcel_uri: str, reading: Reading, at: datetime) -> bytes:
    """The document of a parcel handed to who receives it, by an aircraft at a point; from then on it is aboard no more.

    What the aircraft does afterwards, on its way back or on flights to come, is nothing to this parcel.
    """
    name = f"{device.uri}/{reading.counter}/{parcel_uri}"
    both = {"eventTimeZoneOffset": "+00:00", "readPoint": {"id": reading.position}}
    delivered = {
        "type": "ObjectEvent", "eventID": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}",
        "eventTime": _text(reading.at), "epcList": [parcel_uri], "action": "OBSERVE", "bizStep": STEP["delivering"],
    }  # fmt: skip
    unloaded = {
        "type": "AggregationEvent", "eventID": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name + '/unloaded')}",
        "eventTime": _text(reading.at + _MOMENT), "parentID": device.uri, "childEPCs": [parcel_uri], "action": "DELETE",
        "bizStep": "unloading",
    }  # fmt: skip
    return document(both | delivered, at, both | unloaded)


def document(event: Json, at: datetime, *more: Json) -> bytes:
    """An EPCIS document of one event, or of several."""
    whole = {
        "@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": _text(at),
        "epcisBody": {"eventList": [event, *more]},
    }  # fmt: skip
    return msgspec.json.encode(whole)


def alarm_of(device: Device, reading: Reading) -> str:
    """Why a reading is an alarm, in words; "" where it is none."""
    told = [reading.alarm] if reading.alarm else []
    celsius = reading.temperature_celsius
    if celsius is not None and device.celsius_max is not None and celsius > device.celsius_max:
        told.append(f"{celsius:f} °C, at most {device.celsius_max:f} °C")
    if celsius is not None and device.celsius_min is not None and celsius < device.celsius_min:
        told.append(f"{celsius:f} °C, at least {device.celsius_min:f} °C")
    return "; ".join(told)


def _reports(device: Device, reading: Reading) -> Iterator[Json]:
    if reading.temperature_celsius is not None:
        yield {"type": "Temperature", "value": float(reading.temperature_celsius), "uom": "CEL"}
    if words := alarm_of(device, reading):
        yield {"exception": ALARM, "stringValue": words}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
