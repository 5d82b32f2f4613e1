"""HASATTR and EQATTR over HTTP: what master data tells of elements, and whose word counts for whom."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from litestar.testing import TestClient

from api.conftest import Who
from api.test_epcis import JSON, found
from events import document, object_event
from tidewaiter.store import master_data
from tidewaiter.web.api.epcis_answers import PREFIX

COUNTRY = "urn:epcglobal:cbv:mda:countryCode"


def tell(client: TestClient, who: dict[str, str], elements: list[dict[str, Any]], *events: dict[str, Any]) -> None:
    """A document whose header has master data."""
    header = {"epcisMasterData": {"vocabularyList": [{"type": "urn:x:any", "vocabularyElementList": elements}]}}
    answer = client.post(f"{PREFIX}/capture", content=document(*events, epcisHeader=header), headers=who | JSON)
    assert answer.status_code == 202, answer.text


def with_country(name: str, country: Any) -> dict[str, Any]:
    return {"id": name, "attributes": [{"id": "cbvmda:countryCode", "attribute": country}]}


@pytest.mark.parametrize("bound", ["", "TERMS_MAX", "REMEMBERED_MAX"])
@pytest.mark.parametrize(
    ("field", "event", "element"),
    [
        ("bizLocation", {"bizLocation": {"id": "urn:x:port:1"}}, "urn:x:port:1"),
        (
            "readPoint",
            {"readPoint": {"id": "https://id.gs1.org/414/4012345000054/254/7"}},
            "urn:epc:id:sgln:4012345.00005.7",
        ),
        ("bizStep", {"bizStep": "cbv:BizStep-loading"}, "urn:epcglobal:cbv:bizstep:loading"),
        ("epcClass", {"quantityList": [{"epcClass": "urn:x:class:1"}]}, "urn:x:class:1"),
        ("source", {"sourceList": [{"type": "location", "source": "urn:x:port:2"}]}, "urn:x:port:2"),
        ("own:where_to", {"own:where_to": "urn:x:port:3"}, "urn:x:port:3"),
        ("INNER_own:place", {"own:route": [{"own:place": "urn:x:port:4"}]}, "urn:x:port:4"),
    ],
)
def test_events_are_found_by_what_master_data_tells(
    client: TestClient,
    who: Who,
    field: str,
    event: dict[str, Any],
    element: str,
    bound: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where it is told of more elements than the index is asked by, or are read at once."""
    if bound:
        monkeypatch.setattr(master_data, bound, 0)
    thing = f"urn:epc:id:sgtin:4012345.088888.{field.replace(':', '')}"
    tell(client, who.post, [with_country(element, "SE")], object_event(epcList=[thing], **event))
    mine = f"MATCH_epc={quote(thing)}&"
    headers = who.post | {"GS1-Extensions": "own=https://halmstad.example/own/"}
    asked = quote(field, safe="")
    for query, count in (
        (f"HASATTR_{asked}={COUNTRY}", 1),
        (f"HASATTR_{asked}=cbvmda:countryCode%7Curn:x:other", 1),
        (f"HASATTR_{asked}=urn:x:other", 0),
        (f"EQATTR_{asked}_cbvmda:countryCode=SE", 1),
        (f"EQATTR_{asked}_{COUNTRY}=NO%7CSE", 1),
        (f"EQATTR_{asked}_{COUNTRY}=NO", 0),
        ("HASATTR_disposition=cbvmda:countryCode", 0),
    ):
        assert len(found(client, headers, mine + query)) == count, query


def test_the_last_word_of_a_sender_counts_and_for_itself_alone(client: TestClient, who: Who) -> None:
    place, thing = "urn:x:port:scope", "urn:epc:id:sgtin:4012345.099999.1"
    told = f"MATCH_epc={thing}&EQATTR_readPoint_{COUNTRY}="
    event = object_event(epcList=[thing], readPoint={"id": place})
    tell(client, who.post, [with_country(place, "SE")], event)
    tell(client, who.courier, [with_country(place, "NO")])  # no event: master data alone
    assert [len(found(client, who.post, told + each)) for each in ("SE", "NO")] == [1, 0]
    assert [len(found(client, who.officer, told + each)) for each in ("SE", "NO")] == [1, 1]
    tell(client, who.post, [with_country(place, "DK")])
    assert [len(found(client, who.post, told + each)) for each in ("SE", "DK")] == [0, 1]
    tell(client, who.post, [{"id": place, "attributes": []}])
    assert found(client, who.post, told + "DK") == []
    tell(client, who.officer, [with_country(place, "FI")])  # the word of customs counts for all
    assert len(found(client, who.post, told + "FI")) == 1


def test_where_places_lie_is_each_senders_own_word(client: TestClient, who: Who) -> None:
    port, quay, thing = "urn:x:port:wd", "urn:x:quay:wd", "urn:epc:id:sgtin:4012345.099999.2"
    asked = f"MATCH_epc={thing}&WD_readPoint={port}"
    tell(client, who.courier, [{"id": port, "children": [quay]}])
    tell(client, who.post, [], object_event(epcList=[thing], readPoint={"id": quay}))
    assert (len(found(client, who.post, asked)), len(found(client, who.officer, asked))) == (0, 1)
    tell(client, who.officer, [{"id": port, "children": [quay]}])
    assert len(found(client, who.post, asked)) == 1


def test_master_data_of_a_document_that_is_refused_is_not_kept(client: TestClient, who: Who) -> None:
    place, thing = "urn:x:port:refused", "urn:epc:id:sgtin:4012345.099999.3"
    tell(client, who.post, [], object_event(epcList=[thing], readPoint={"id": place}))
    tell(client, who.post, [with_country(place, "SE")], object_event(bizStep="no_such_step"))
    assert found(client, who.post, f"MATCH_epc={thing}&HASATTR_readPoint={COUNTRY}") == []
