"""Events told with one form of a GS1 key are found by the other, also those that an earlier release indexed."""

from __future__ import annotations

import zlib
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from litestar.testing import TestClient

from api.conftest import Who
from api.test_epcis import JSON, capture, found
from events import document, object_event
from tidewaiter.store import PostgresStore
from tidewaiter.web.api.epcis_answers import PREFIX
from tidewaiter.web.house import House

URN, LINK = "urn:epc:id:sgtin:4012345.012345.both-{}", "https://id.gs1.org/01/04012345123456/21/both-{}"
PLACE, PLACE_LINK = "urn:epc:id:sgln:4012345.00005.{}", "https://id.gs1.org/414/4012345000054/254/{}"


@pytest.mark.parametrize(
    ("parameter", "told", "asked"),
    [
        ("MATCH_epc", {"epcList": [URN]}, LINK),
        ("MATCH_anyEPC", {"epcList": [LINK]}, URN),
        ("MATCH_epc", {"epcList": ["https://shop.example/01/4012345123456/21/both-{}"]}, URN),
        ("MATCH_epc", {"epcList": [URN]}, LINK.replace("{}", "") + "*{}"),
        ("EQ_readPoint", {"readPoint": {"id": PLACE}}, PLACE_LINK),
        ("EQ_bizLocation", {"bizLocation": {"id": PLACE_LINK}}, PLACE),
        ("WD_bizLocation", {"bizLocation": {"id": PLACE_LINK}}, PLACE),
        ("EQ_source_location", {"sourceList": [{"type": "location", "source": PLACE}]}, PLACE_LINK),
        ("MATCH_epcClass", {"quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.{}"}]},
         "https://id.gs1.org/01/04012345123456/10/{}"),
    ],
)  # fmt: skip
def test_an_event_is_found_by_either_form(
    client: TestClient, who: Who, parameter: str, told: dict[str, Any], asked: str
) -> None:
    mark = f"{parameter}{zlib.crc32((str(told) + asked).encode()) % 10**6}".replace("_", "")
    filled = _filled(told, mark)
    name = f"urn:x:event:{mark}"
    capture(client, who.post, object_event(eventID=name, **filled))
    query = f"EQ_eventID={quote(name)}&{parameter}="
    assert len(found(client, who.post, query + quote(asked.format(mark), safe="*"))) == 1
    assert found(client, who.post, query + quote(asked.format(f"{mark}x"), safe="*")) == []


def _filled(value: Any, mark: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, mark) for name, each in value.items()}
    return [_filled(each, mark) for each in value] if isinstance(value, list) else value.format(mark)


def test_what_is_given_out_is_as_it_came(client: TestClient, who: Who) -> None:
    thing = URN.format("given")
    capture(client, who.post, object_event(epcList=[thing]))
    (event,) = found(client, who.post, f"MATCH_epc={quote(LINK.format('given'), safe='')}")
    assert event["epcList"] == [thing]
    path = f"{PREFIX}/epcs/{quote(LINK.format('given'), safe='')}/events"
    assert client.get(path, headers=who.post).status_code == 200
    for refused in ("Always_GS1_Digital_Link", "Always_EPC_URN"):
        assert client.get(f"{PREFIX}/events", headers=who.post | {"GS1-EPC-Format": refused}).status_code == 406


def test_master_data_of_one_form_tells_of_the_other(client: TestClient, who: Who) -> None:
    place = {"id": PLACE.format("md"), "attributes": [{"id": "cbvmda:countryCode", "attribute": "SE"}]}
    port = {"id": PLACE_LINK.format("port"), "children": [PLACE.format("md")]}
    header = {"epcisMasterData": {"vocabularyList": [{"vocabularyElementList": [place, port]}]}}
    event = object_event(epcList=[URN.format("md")], readPoint={"id": PLACE_LINK.format("md")})
    body = document(event, epcisHeader=header)
    assert client.post(f"{PREFIX}/capture", content=body, headers=who.post | JSON).status_code == 202
    assert len(found(client, who.post, "EQATTR_readPoint_cbvmda:countryCode=SE")) == 1
    assert len(found(client, who.post, f"WD_readPoint={PLACE.format('port')}")) == 1


def test_what_an_earlier_release_kept_is_indexed_again(client: TestClient, who: Who, house: House) -> None:
    capture(client, who.post, object_event(epcList=[URN.format("old")]))
    store = house.store
    assert isinstance(store, PostgresStore)
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute("UPDATE event SET terms = array(SELECT t FROM unnest(terms) t WHERE t NOT LIKE '%~%')")
    asked = f"MATCH_epc={quote(LINK.format('old'), safe='')}"
    assert found(client, who.post, asked) == []
    after = 0
    while (done := store.events.index_again(after, 3))[0]:
        after = done[1]
    assert len(found(client, who.post, asked)) == 1
