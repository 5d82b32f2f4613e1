"""Who sees an event, and who may take it back."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from litestar.testing import TestClient

from api.conftest import Who
from api.parcels import item, message, parcel
from api.test_epcis import JSON, capture, found
from events import document, object_event
from tidewaiter.web.api.epcis_answers import PREFIX
from tidewaiter.web.house import House

GOODS = item(1, "Cotton shirts", "6205200000", "40.00")


def declare(client: TestClient, who: dict[str, str], reference: str, waybill: str) -> None:
    content = parcel(reference, GOODS)
    content["consignment"]["transport_documents"] = [{"type_code": "N740", "document_id": waybill}]
    answer = client.post("/api/v1/messages", content=message(content), headers=who)
    assert answer.status_code == 201, answer.text


def told_of(client: TestClient, who: dict[str, str], thing: str) -> int:
    return len(found(client, who, f"MATCH_epc={quote(thing, safe='')}"))


def test_a_sender_sees_what_others_tell_of_a_parcel_it_declared(client: TestClient, who: Who) -> None:
    thing = "https://tidewaiter.example/voc/ref/s10/RR473124829SE"
    capture(client, who.post, object_event(epcList=[thing]))
    assert told_of(client, who.courier, thing) == 0
    declare(client, who.courier, "RIGHTS-1", "RR473124829SE")
    assert told_of(client, who.courier, thing) == 1


def test_a_number_that_a_sender_makes_up_opens_nothing(client: TestClient, who: Who) -> None:
    short = "https://id.gs1.org/01/09521141111116/21/7"
    own = "https://id.gs1.org/01/09521141111116/21/RIGHTS-2-AND-LONG"
    capture(client, who.post, object_event(epcList=[short]), object_event(epcList=[own]))
    declare(client, who.courier, "RIGHTS-2-AND-LONG", "7")
    assert told_of(client, who.courier, short) == 0
    assert told_of(client, who.courier, own) == 0


def test_an_event_is_taken_back_by_whoever_told_of_it_or_by_an_officer(client: TestClient, who: Who) -> None:
    thing, name = "urn:epc:id:sgtin:4012345.066666.1", "urn:uuid:5d338495-0e6d-41dd-afee-a862ecd32518"
    event = object_event(epcList=[thing], eventID=name)
    void = event | {"errorDeclaration": {"declarationTime": "2026-11-21T08:00:00Z", "reason": "did_not_occur"}}
    capture(client, who.post, event)
    job = capture(client, who.courier, void)
    assert (job["success"], job["errors"][0]["code"]) == (False, "epcis.not_yours")
    assert told_of(client, who.officer, thing) == 1
    assert capture(client, who.officer, void)["success"]
    assert told_of(client, who.officer, thing) == 2
    other = "urn:uuid:6d338495-0e6d-41dd-afee-a862ecd32518"
    assert capture(client, who.post, event | {"eventID": other}, void | {"eventID": other})["success"]


def test_numbers_of_extensions_are_kept_as_numbers(client: TestClient, who: Who, house: House) -> None:
    thing, name = "urn:epc:id:sgtin:4012345.077777.1", "https://halmstad.example/own/weight"
    content = document(object_event(epcList=[thing], **{name: 1})).replace(
        f'"{name}": 1'.encode(), f'"{name}": 3.50'.encode()
    )
    assert client.post(f"{PREFIX}/capture", content=content, headers=who.post | JSON).status_code == 202
    asked = quote(name, safe="")
    for query, count in (
        (f"EQ_{asked}=3.5", 1),
        (f"EQ_{asked}=3.500", 1),
        (f"GT_{asked}=3.4", 1),
        (f"LT_{asked}=3.5", 0),
    ):
        assert len(found(client, who.post, f"MATCH_epc={thing}&{query}")) == count, query


def test_half_a_character_is_refused_and_breaks_nothing(client: TestClient, who: Who) -> None:
    for fields in ({"own:x": "\ud800"}, {"bizStep": "\ud800"}, {"\ud800": 1}):
        answer = client.post(f"{PREFIX}/capture", content=document(object_event(**fields)), headers=who.post | JSON)
        assert answer.status_code == 400, fields
        job = client.get(f"{PREFIX}/capture?perPage=1", headers=who.post).json()[0]
        assert (job["running"], job["success"], len(job["errors"])) == (False, False, 1)


def test_a_named_query_means_the_same_to_whoever_carries_it_out(client: TestClient, who: Who, house: House) -> None:
    extensions = {"GS1-Extensions": "own=https://halmstad.example/own/"}
    query: dict[str, Any] = {"name": "by our colour", "query": {"EQ_own:colour": ["red"], "EQ_bizStep": ["own:dyeing"]}}
    made = client.post(f"{PREFIX}/queries", content=json.dumps(query), headers=who.post | JSON | extensions)
    assert made.status_code == 201
    capture(client, who.post, object_event(**{"own:colour": "red", "bizStep": "own:dyeing"}))
    for headers in ({}, extensions, {"GS1-Extensions": "own=https://elsewhere.example/"}):
        answer = client.get(f"{made.headers['Location']}/events", headers=who.post | headers)
        assert len(answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) == 1, headers
