"""Documents that are wrong in ways of their own: each is told, at its place, and none breaks what reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events import document, object_event
from tidewaiter.messages.epcis import writing
from tidewaiter.messages.epcis.master_data import Element
from tidewaiter.messages.epcis.reading import read
from tidewaiter.model.canonical import canonical_bytes

PLACE = "/epcisBody/eventList/0"


@pytest.mark.parametrize(
    ("fields", "code", "place"),
    [
        ({"bizStep": None}, "text", f"{PLACE}/bizStep"),
        ({"epcList": None}, "list", f"{PLACE}/epcList"),
        ({"epcList": ["urn:x:a\0"]}, "uri", f"{PLACE}/epcList/0"),
        ({"eventTimeZoneOffset": "+14:30"}, "format", f"{PLACE}/eventTimeZoneOffset"),
        ({"eventTime": "2026-02-30T00:00:00Z"}, "time", f"{PLACE}/eventTime"),
        ({"eventTime": "2026-02-20T00:00:00"}, "time", f"{PLACE}/eventTime"),
        ({"quantityList": [{"epcClass": "urn:x:c", "quantity": "3"}]}, "number", f"{PLACE}/quantityList/0/quantity"),
        ({"quantityList": [{"epcClass": "urn:x:c", "quantity": True}]}, "number", f"{PLACE}/quantityList/0/quantity"),
        ({"quantityList": [{"epcClass": "urn:x:c", "quantity": 10**50}]}, "number", f"{PLACE}/quantityList/0/quantity"),
        ({"sensorElementList": [{}]}, "incomplete", f"{PLACE}/sensorElementList/0/sensorReport"),
        ({"errorDeclaration": {}}, "incomplete", f"{PLACE}/errorDeclaration/declarationTime"),
        ({"childEPCs": ["urn:x:y"]}, "unknown", f"{PLACE}/childEPCs"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(fields: dict[str, Any], code: str, place: str) -> None:
    event = object_event() | fields
    found = read(document(event, object_event(eventID="urn:x:good")))
    assert [(each.rule_id, each.place) for each in found.findings] == [(f"epcis.{code}", place)]
    assert [each.event_id for each in found.events] == ["urn:x:good"]  # the other one goes on
    canonical_bytes(found.findings)  # and it can be kept what was wrong


@pytest.mark.parametrize("fields", [{"own:x": "\ud800"}, {"own:\ud800": 1}, {"bizStep": "\ud800"}, {"\ud800": 1}])
def test_half_a_character_makes_no_document(fields: dict[str, Any]) -> None:
    found = read(document(object_event() | fields))
    assert (found.events, [each.rule_id for each in found.findings]) == ((), ["epcis.not_json"])
    canonical_bytes(found.findings)


def test_places_that_are_none_lie_in_nothing() -> None:
    children = ["urn:x:\0", 7, "no uri", "urn:x:" + "a" * 3000, "urn:x:quay"]
    element = {"id": "urn:x:port", "children": children}
    header = {"epcisMasterData": {"vocabularyList": [{"vocabularyElementList": [element, {"children": children}]}]}}
    assert read(document(object_event(), epcisHeader=header)).master_data.within == (("urn:x:quay", "urn:x:port"),)


def test_attributes_of_elements_are_read_and_what_is_none_is_left_out() -> None:
    attributes = [
        {"id": "cbvmda:countryCode", "attribute": "SE"}, {"id": "own:dock", "attribute": 7},
        {"id": "own:names", "attribute": {"en": "quay"}}, {"id": "own:nothing", "attribute": None},
        {"id": "no uri", "attribute": "x"}, "nothing", {"id": "own:open", "attribute": [True, "late"]},
    ]  # fmt: skip
    elements = [
        {"id": "urn:x:quay", "attributes": attributes}, {"id": "cbv:BizStep-shipping", "attributes": []},
        {"id": "urn:x:none"}, {"id": 7, "attributes": attributes},
    ]  # fmt: skip
    header = {"epcisMasterData": {"vocabularyList": [{"vocabularyElementList": elements}]}}
    own = "https://halmstad.example/own/"
    assert read(document(object_event(), epcisHeader=header)).master_data.elements == (
        Element(
            "urn:x:quay",
            (
                ("urn:epcglobal:cbv:mda:countryCode", "SE"), (f"{own}dock", "7"), (f"{own}names", None),
                (f"{own}open", "true"), (f"{own}open", "late"),
            ),
        ),
        Element("shipping", ()),
    )  # fmt: skip


@pytest.mark.parametrize("number", ["3.50", "-0.0", "1e40", "123456789012345678901234567890", "0.1"])
def test_numbers_of_extensions_come_back_as_they_were(number: str) -> None:
    data = document(object_event(**{"own:x": 1})).replace(b'"own:x": 1', f'"own:x": {number}'.encode())
    (event,) = read(data).events
    (again,) = read(writing.document([event], event.event_time)).events
    assert again == event
    assert json.loads(event.body)["https://halmstad.example/own/x"] == json.loads(number)
