"""EPCIS documents: what is wrong is told with code, place and hint, and the rest goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events import document, object_event
from tidewaiter.messages.epcis import vocabulary
from tidewaiter.messages.epcis.reading import DOCUMENT_BYTES_MAX, EVENTS_MAX, TWICE_MAX, read
from tidewaiter.model.event_words import DISPOSITIONS, NEAREST, STEPS


def told(*events: dict[str, Any]) -> tuple[str, str]:
    """Code and place of the one thing that is wrong."""
    (finding,) = read(document(*events)).findings
    assert finding.words
    return finding.rule_id.removeprefix("epcis."), finding.place.removeprefix("/epcisBody/eventList")


SENSOR = {"type": "Temperature", "value": 3}


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"type": "NoEvent"}, "type", "/0/type"),
        ({"type": None}, "type", "/0/type"),
        ({"eventTime": None}, "incomplete", "/0/eventTime"),
        ({"eventTime": "2026-11-20T08:00:00"}, "time", "/0/eventTime"),
        ({"eventTime": "2026-02-30T08:00:00Z"}, "time", "/0/eventTime"),
        ({"eventTime": 7}, "text", "/0/eventTime"),
        ({"eventTimeZoneOffset": "CET"}, "format", "/0/eventTimeZoneOffset"),
        ({"action": "MOVE"}, "word", "/0/action"),
        ({"action": None}, "incomplete", "/0/action"),
        ({"bizStep": "flying"}, "word", "/0/bizStep"),
        ({"disposition": "sold out"}, "word", "/0/disposition"),
        ({"epcList": "urn:epc:id:sgtin:1.2.3"}, "list", "/0/epcList"),
        ({"epcList": ["no uri"]}, "uri", "/0/epcList/0"),
        ({"epcList": None}, "incomplete", "/0/epcList"),
        ({"epcList": ["urn:a:b\u0000"]}, "uri", "/0/epcList/0"),
        ({"readPoint": "urn:epc:id:sgln:1.2.3"}, "object", "/0/readPoint"),
        ({"readPoint": {}}, "incomplete", "/0/readPoint/id"),
        ({"quantityList": [{"epcClass": "urn:a:b", "quantity": "3"}]}, "number", "/0/quantityList/0/quantity"),
        ({"quantityList": [{"epcClass": "urn:a:b", "quantity": True}]}, "number", "/0/quantityList/0/quantity"),
        ({"quantityList": [{"epcClass": "urn:a:b", "quantity": 1e60}]}, "number", "/0/quantityList/0/quantity"),
        ({"quantityList": [{"epcClass": "urn:a:b", "uom": "kilo"}]}, "format", "/0/quantityList/0/uom"),
        ({"quantityList": [{"epcClass": "urn:a:b", "weight": 1}]}, "unknown", "/0/quantityList/0/weight"),
        ({"sourceList": [{"source": "urn:a:b"}]}, "incomplete", "/0/sourceList/0/type"),
        (
            {"bizTransactionList": [{"type": "deal", "bizTransaction": "urn:a:b"}]},
            "word",
            "/0/bizTransactionList/0/type",
        ),
        ({"sensorElementList": [{}]}, "incomplete", "/0/sensorElementList/0/sensorReport"),
        (
            {"sensorElementList": [{"sensorReport": [{"value": 3}]}]},
            "incomplete",
            "/0/sensorElementList/0/sensorReport/0/type",
        ),
        (
            {"sensorElementList": [{"sensorReport": [SENSOR | {"booleanValue": "yes"}]}]},
            "boolean",
            "/0/sensorElementList/0/sensorReport/0/booleanValue",
        ),
        ({"errorDeclaration": {"reason": "incorrect_data"}}, "incomplete", "/0/errorDeclaration/declarationTime"),
        ({"notAField": 1}, "unknown", "/0/notAField"),
        ({"parentID": "urn:a:b"}, "unknown", "/0/parentID"),
    ],
)
def test_an_event_that_is_none_is_told_where(change: dict[str, Any], code: str, place: str) -> None:
    good = object_event(epcList=["urn:epc:id:sgtin:4012345.011111.9"])
    assert told(object_event(**change)) == (code, place)
    found = read(document(object_event(**change), good))
    assert [event.epcs for event in found.events] == [("urn:epc:id:sgtin:4012345.011111.9",)]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "AggregationEvent", "childEPCs": ["urn:a:b"], "action": "ADD"}, "incomplete"),
        ({"type": "AssociationEvent", "parentID": "urn:a:b", "action": "ADD"}, "incomplete"),
        ({"type": "TransactionEvent", "epcList": ["urn:a:b"], "action": "ADD"}, "incomplete"),
        ({"type": "TransformationEvent", "inputEPCList": ["urn:a:b"]}, "incomplete"),
    ],
)
def test_each_type_says_what_it_is_about(event: dict[str, Any], code: str) -> None:
    common = {"eventTime": "2026-11-20T08:00:00Z", "eventTimeZoneOffset": "+00:00"}
    assert told(common | event)[0] == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"7", "no_document"),
        (b'{"type": "EPCISDocument", "schemaVersion": "2.0"}', "no_events"),
        (b'{"type": "EPCISDocument", "schemaVersion": "1.2", "epcisBody": {"eventList": []}}', "version"),
        (b" " * (DOCUMENT_BYTES_MAX + 1), "too_large"),
        (json.dumps([{}] * (EVENTS_MAX + 1)).encode(), "too_many"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "too_deep"),
    ],
)
def test_what_is_no_document_is_told(body: bytes, code: str) -> None:
    found = read(body)
    assert found.events == ()
    assert [finding.rule_id for finding in found.findings] == [f"epcis.{code}"]


def test_a_name_that_stands_twice_counts_at_last_and_is_told_within_bounds() -> None:
    one = json.dumps(object_event()).encode()
    found = read(one[:-1] + b', "bizStep": "receiving"}')
    assert [event.biz_step for event in found.events] == ["receiving"]
    assert [finding.rule_id for finding in found.findings] == ["epcis.twice"]
    assert len(read(b"{" + b'"a":1,' * 10_000 + b'"b":1}').findings) == TWICE_MAX + 1  # and that it is no event


def test_words_have_one_writing_however_they_came() -> None:
    for written in ("shipping", "urn:epcglobal:cbv:bizstep:shipping", "https://ref.gs1.org/cbv/BizStep-shipping"):
        (event,) = read(document(object_event(bizStep=written))).events
        assert event.biz_step == "shipping"
    (event,) = read(document(object_event(**{"own:note": {"own:deep": [1]}}))).events
    base = "https://halmstad.example/own/"
    assert event.extensions == {f"{base}note": {f"{base}deep": [1]}}


def test_our_words_lie_next_to_words_of_cbv() -> None:
    assert {word.nearest for word in STEPS} <= vocabulary.BIZ_STEPS
    assert {word.nearest for word in DISPOSITIONS} <= vocabulary.DISPOSITIONS
    assert len(NEAREST) == len(STEPS) + len(DISPOSITIONS)
