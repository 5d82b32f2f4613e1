"""Events for tests: documents as partners send them, and random ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"own": "https://halmstad.example/own/"}]


def object_event(**fields: Any) -> dict[str, Any]:
    """An object event; None takes a field away."""
    event = {
        "type": "ObjectEvent", "eventTime": "2026-11-20T08:00:00.000+01:00", "eventTimeZoneOffset": "+01:00",
        "action": "OBSERVE", "bizStep": "shipping", "epcList": ["urn:epc:id:sgtin:4012345.011111.1"],
    } | fields  # fmt: skip
    return {name: value for name, value in event.items() if value is not None}


def document(*events: dict[str, Any], **fields: Any) -> bytes:
    """A document with events."""
    return json.dumps(
        {
            "@context": CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-11-20T08:00:00Z",
            "epcisBody": {"eventList": list(events)},
        } | fields
    ).encode()  # fmt: skip


EPCS = [f"urn:epc:id:sgtin:4012345.011111.{number}" for number in range(4)] + ["urn:epc:id:sscc:4012345.0000000001"]
PLACES = [f"urn:epc:id:sgln:4012345.0000{number}.0" for number in range(3)]
STEPS = ["shipping", "receiving", "inspecting", "https://tidewaiter.example/voc/releasing"]
DISPOSITIONS = ["in_transit", "available", "https://tidewaiter.example/voc/held"]
CLASSES = ["urn:epc:class:lgtin:4012345.012345.A", "urn:epc:idpat:sgtin:4012345.098765.*"]
DEVICES = ["urn:epc:id:giai:4000001.111", "urn:epc:id:giai:4000001.112"]
IDS = [f"urn:uuid:00000000-0000-4000-8000-00000000000{number}" for number in range(6)]


def _moments() -> st.SearchStrategy[str]:
    return st.integers(0, 20).map(lambda hours: datetime(2026, 11, 20, hours, tzinfo=UTC).isoformat())


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _lists(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, min_size=1, max_size=3, unique_by=str)


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


QUANTITIES = _lists(
    st.fixed_dictionaries(
        {"epcClass": st.sampled_from(CLASSES)}, optional={"quantity": st.integers(0, 9), "uom": st.just("KGM")}
    )
)
REPORTS = _lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Temperature", "RelativeHumidity"])},
        optional={
            "value": st.integers(-5, 5), "minValue": st.integers(-5, 0), "maxValue": st.integers(0, 5),
            "meanValue": st.integers(-2, 2), "sDev": st.integers(0, 2), "percRank": st.integers(50, 60),
            "percValue": st.integers(0, 9), "uom": st.sampled_from(["CEL", "P1"]), "time": _moments(),
            "deviceID": st.sampled_from(DEVICES), "stringValue": st.sampled_from(["a", "b"]), "booleanValue": st.booleans(),
            "hexBinaryValue": st.sampled_from(["f0", "0f"]), "uriValue": st.sampled_from(DEVICES),
            "exception": st.just("ALARM_CONDITION"), "microorganism": st.sampled_from(DEVICES),
            "chemicalSubstance": st.sampled_from(DEVICES), "dataProcessingMethod": st.sampled_from(PLACES),
            "bizRules": st.sampled_from(PLACES),
        },
    )
)  # fmt: skip
SENSORS = _lists(
    st.fixed_dictionaries(
        {"sensorReport": REPORTS},
        optional={
            "sensorMetadata": st.fixed_dictionaries(
                {},
                optional={
                    "time": _moments(), "startTime": _moments(), "endTime": _moments(),
                    "deviceID": st.sampled_from(DEVICES), "bizRules": st.sampled_from(PLACES),
                    "dataProcessingMethod": st.sampled_from(PLACES),
                },
            )
        },
    )
)  # fmt: skip
TRANSACTIONS = _lists(
    st.fixed_dictionaries(
        {"bizTransaction": st.sampled_from(["urn:epcglobal:cbv:bt:1:a", "urn:epcglobal:cbv:bt:1:b"])},
        optional={"type": st.sampled_from(["po", "inv"])},
    )
)
ENDS = st.sampled_from(["possessing_party", "location"])


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """An event of any type with fields of few values, so that queries find some of them."""
    kind = draw(st.sampled_from(["Object", "Aggregation", "Association", "Transaction", "Transformation"]))
    common = {
        "type": f"{kind}Event", "eventTime": draw(_moments()), "eventTimeZoneOffset": "+00:00",
        "bizStep": draw(_maybe(st.sampled_from(STEPS))), "disposition": draw(_maybe(st.sampled_from(DISPOSITIONS))),
        "readPoint": draw(_maybe(st.sampled_from(PLACES).map(lambda place: {"id": place}))),
        "bizLocation": draw(_maybe(st.sampled_from(PLACES).map(lambda place: {"id": place}))),
        "bizTransactionList": draw(TRANSACTIONS if kind == "Transaction" else _maybe(TRANSACTIONS)),
        "sourceList": draw(_maybe(_lists(st.fixed_dictionaries({"type": ENDS, "source": st.sampled_from(PLACES)})))),
        "destinationList": draw(
            _maybe(_lists(st.fixed_dictionaries({"type": ENDS, "destination": st.sampled_from(PLACES)})))
        ),
        "sensorElementList": draw(_maybe(SENSORS)),
        "https://halmstad.example/own/note": draw(_maybe(st.sampled_from(["x", "y", 3, 4]))),
        "https://halmstad.example/own/deep": draw(
            _maybe(st.just({"https://halmstad.example/own/inner": [{"https://halmstad.example/own/core": 5}]}))
        ),
        "errorDeclaration": draw(
            _maybe(
                st.fixed_dictionaries(
                    {"declarationTime": _moments()},
                    optional={"reason": st.just("incorrect_data"), "correctiveEventIDs": _lists(st.sampled_from(IDS))},
                )
            )
        ),
    }  # fmt: skip
    if kind != "Transformation":
        common["action"] = draw(st.sampled_from(["ADD", "OBSERVE", "DELETE"]))
    return _without_none(common | draw(_of_type(kind)))


def _of_type(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    things = _lists(st.sampled_from(EPCS))
    if kind == "Object":
        persistent = st.fixed_dictionaries({"set": _lists(st.sampled_from(DISPOSITIONS))}) | st.fixed_dictionaries(
            {"unset": _lists(st.sampled_from(DISPOSITIONS))}
        )
        ilmd = st.fixed_dictionaries({"https://halmstad.example/own/lot": st.sampled_from(["1", "2"])})
        return st.fixed_dictionaries(
            {"epcList": things},
            optional={"quantityList": QUANTITIES, "persistentDisposition": persistent, "ilmd": ilmd},
        )
    if kind in ("Aggregation", "Association"):
        return st.fixed_dictionaries(
            {"parentID": st.sampled_from(EPCS), "childEPCs": things}, optional={"childQuantityList": QUANTITIES}
        )
    if kind == "Transaction":
        return st.fixed_dictionaries(
            {"epcList": things}, optional={"parentID": st.sampled_from(EPCS), "quantityList": QUANTITIES}
        )
    return st.fixed_dictionaries(
        {"inputEPCList": things, "outputEPCList": things},
        optional={
            "inputQuantityList": QUANTITIES, "outputQuantityList": QUANTITIES,
            "transformationID": st.sampled_from(["urn:epc:id:gdti:0614141.12345.400", "urn:epc:id:gdti:0614141.12345.401"]),
        },
    )  # fmt: skip
