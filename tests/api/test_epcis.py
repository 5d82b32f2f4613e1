"""EPCIS 2.0 over HTTP: every path of the standard, and what its parameters find."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from litestar.exceptions import WebSocketDisconnect
from litestar.testing import TestClient

from api import parcels
from api.conftest import Who
from events import document, object_event
from tidewaiter.messages.epcis.querying import PARAMETERS
from tidewaiter.web.api import epcis
from tidewaiter.web.api.epcis_answers import PREFIX
from tidewaiter.web.watching import watching
from tidewaiter.workflow.event_ports import Captor

JSON = {"Content-Type": "application/json"}


def capture(client: TestClient, who: dict[str, str], *events: dict[str, Any], **headers: str) -> dict[str, Any]:
    """What became of a capture."""
    answer = client.post(f"{PREFIX}/capture", content=document(*events), headers=who | JSON | headers)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = client.get(answer.headers["Location"], headers=who).json()
    return job


def found(client: TestClient, who: dict[str, str], query: str) -> list[dict[str, Any]]:
    """The events that a query finds."""
    answer = client.get(f"{PREFIX}/events?{query}", headers=who)
    assert answer.status_code == 200, answer.text
    assert answer.headers["GS1-EPCIS-Version"] == "2.0.0"
    listed: list[dict[str, Any]] = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return listed


def test_every_path_of_the_standard_is_served(samples: Path) -> None:
    described = json.loads((samples / "gs1-epcis2/REST Bindings/openapi.json").read_text())
    served = {
        "/" + "/".join("{}" if step is None else step for step in path.steps): {*path.handlers, "OPTIONS"}
        for path in epcis.PATHS
    }
    assert len(described["paths"]) == len(served) == 29
    for path, methods in described["paths"].items():
        template = "/".join("{}" if step.startswith("{") else step for step in path.split("/"))
        assert {each.upper() for each in methods if each != "parameters"} <= served[template], path


def test_every_parameter_of_the_standard_is_known(samples: Path) -> None:
    described = json.loads((samples / "gs1-epcis2/REST Bindings/openapi.json").read_text())
    parameters = described["components"]["parameters"]
    asked = described["paths"]["/events"]["get"]["parameters"]
    names = {
        parameters[each["$ref"].rsplit("/", 1)[1]]["name"]
        for each in asked
        if parameters[each["$ref"].rsplit("/", 1)[1]]["in"] == "query"
    }
    assert names - {"perPage", "nextPageToken"} <= set(PARAMETERS)


def test_what_is_captured_is_found_again(client: TestClient, who: Who) -> None:
    thing = "urn:epc:id:sgtin:4012345.011111.found"
    job = capture(client, who.post, object_event(epcList=[thing], bizStep="urn:epcglobal:cbv:bizstep:inspecting"))
    assert (job["success"], job["running"], len(job["eventIDs"])) == (True, False, 1)
    (event,) = found(client, who.post, f"MATCH_epc={quote(thing)}&EQ_bizStep=inspecting%7Cshipping")
    assert event["bizStep"] == "inspecting"
    assert event["eventID"] == job["eventIDs"][0]
    assert "recordTime" in event
    assert client.get(f"{PREFIX}/events/{quote(event['eventID'], safe='')}", headers=who.post).status_code == 200
    assert found(client, who.courier, f"MATCH_epc={quote(thing)}") == []
    assert len(found(client, who.officer, f"MATCH_epc={quote(thing)}")) == 1


def test_the_newest_comes_first_where_an_order_is_asked_for_and_no_direction(client: TestClient, who: Who) -> None:
    things = [f"urn:epc:id:sgtin:4012345.011111.order{number}" for number in range(3)]
    for number, thing in enumerate(things):
        capture(client, who.post, object_event(epcList=[thing], eventTime=f"2026-11-2{number}T08:00:00Z"))
    asked = "MATCH_epc=urn:epc:id:sgtin:4012345.011111.order*&orderBy=eventTime"
    assert [each["epcList"] for each in found(client, who.post, f"{asked}&eventCountLimit=1")] == [[things[2]]]
    assert next(each["epcList"] for each in found(client, who.post, f"{asked}&orderDirection=ASC")) == [things[0]]


@pytest.mark.parametrize(
    ("field", "word"),
    [("bizStep", "https://tidewaiter.example/voc/seal_alarm"), ("bizStep", "tidewaiter:bizStep/delivering"),
     ("disposition", "tidewaiter:broken"), ("bizStep", "delivering")],
)  # fmt: skip
def test_a_word_of_ours_that_is_misspelt_is_refused_with_those_there_are(
    client: TestClient, who: Who, field: str, word: str
) -> None:
    answer = client.post(f"{PREFIX}/events", content=json.dumps(object_event(**{field: word})), headers=who.post | JSON)
    assert (answer.status_code, answer.json()["detail"].endswith(f"(at /{field})")) == (400, True)
    assert "https://tidewaiter.example/voc/" in answer.json()["hint"]


def test_words_of_ours_are_read_with_the_prefix_that_answers_name(client: TestClient, who: Who) -> None:
    thing = "urn:epc:id:sgtin:4012345.011111.prefix"
    capture(client, who.post, object_event(epcList=[thing], bizStep="tidewaiter:delivering"))
    (event,) = found(client, who.post, f"MATCH_epc={thing}&EQ_bizStep=tidewaiter:delivering")
    assert event["bizStep"] == "https://tidewaiter.example/voc/delivering"


def test_what_is_not_done_at_a_path_names_what_is(client: TestClient, who: Who) -> None:
    answer = client.delete(f"{PREFIX}/events", headers=who.post)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "OPTIONS, GET, POST")


def test_the_same_event_twice_is_one_and_another_under_its_id_is_refused(client: TestClient, who: Who) -> None:
    name = "urn:uuid:fd338495-0e6d-41dd-afee-a862ecd32518"
    event = object_event(eventID=name, epcList=["urn:epc:id:sgtin:4012345.011111.once"])
    assert capture(client, who.post, event)["eventIDs"] == [name]
    assert capture(client, who.post, event)["eventIDs"] == [name]
    assert len(found(client, who.post, f"EQ_eventID={name}")) == 1
    answer = client.post(
        f"{PREFIX}/events", content=json.dumps(event | {"bizStep": "receiving"}), headers=who.post | JSON
    )
    assert (answer.status_code, answer.json()["type"]) == (409, "epcisException:ResourceAlreadyExistsException")


def test_an_event_in_error_stays_and_is_told_so(client: TestClient, who: Who) -> None:
    name = "urn:uuid:aa338495-0e6d-41dd-afee-a862ecd32518"
    event = object_event(eventID=name, epcList=["urn:epc:id:sgtin:4012345.011111.error"])
    capture(client, who.post, event)
    told = {"declarationTime": "2026-11-21T08:00:00Z", "reason": "did_not_occur"}
    assert capture(client, who.post, event | {"errorDeclaration": told})["success"]
    assert len(found(client, who.post, f"EQ_eventID={name}")) == 2
    assert len(found(client, who.post, f"EQ_eventID={name}&EXISTS_errorDeclaration=true")) == 1
    assert len(found(client, who.post, f"EQ_eventID={name}&EQ_errorReason=did_not_occur")) == 1


@pytest.mark.parametrize(("behaviour", "kept"), [("rollback", 0), ("proceed", 1)])
def test_one_bad_event_spoils_all_or_only_itself(client: TestClient, who: Who, behaviour: str, kept: int) -> None:
    thing = f"urn:epc:id:sgtin:4012345.011111.{behaviour}"
    good, bad = object_event(epcList=[thing]), object_event(epcList=[thing], bizStep="no_such_step")
    job = capture(client, who.post, good, bad, **{"GS1-Capture-Error-Behaviour": behaviour})
    assert (job["success"], job["errors"][0]["code"]) == (False, "epcis.word")
    assert job["errors"][0]["place"] == "/epcisBody/eventList/1/bizStep"
    assert len(found(client, who.post, f"MATCH_epc={thing}")) == kept


def test_pages_follow_one_another(client: TestClient, who: Who) -> None:
    things = [object_event(epcList=[f"urn:epc:id:sgtin:4012345.022222.{number}"]) for number in range(7)]
    capture(client, who.post, *things)
    path, seen = f"{PREFIX}/events?MATCH_epc=urn:epc:id:sgtin:4012345.022222.*&perPage=3&orderBy=eventTime", []
    while path:
        answer = client.get(path, headers=who.post)
        page = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        seen += [event["epcList"][0] for event in page]
        link = answer.headers.get("Link", "")
        path = link[1 : link.index(">")] if link else ""
    assert sorted(seen) == sorted(event["epcList"][0] for event in things)
    many = "MATCH_epc=urn:epc:id:sgtin:4012345.022222.*"
    assert len(found(client, who.post, f"{many}&orderBy=eventTime&eventCountLimit=4")) == 4
    answer = client.get(f"{PREFIX}/events?{many}&maxEventCount=6", headers=who.post)
    assert (answer.status_code, answer.json()["type"]) == (413, "epcisException:QueryTooLargeException")
    assert len(found(client, who.post, f"{many}&maxEventCount=7")) == 7


def test_resources_are_listed_and_lead_to_their_events(client: TestClient, who: Who) -> None:
    place = "https://id.gs1.org/414/4012345000054/254/quay"
    capture(client, who.post, object_event(epcList=["urn:epc:id:sgtin:4012345.033333.1"], bizLocation={"id": place}))
    assert client.get(PREFIX, headers=who.post).json()["member"][0] == "events"
    assert place in client.get(f"{PREFIX}/bizLocations?perPage=1000", headers=who.post).json()["member"]
    assert place not in client.get(f"{PREFIX}/bizLocations?perPage=1000", headers=who.courier).json()["member"]
    escaped = quote(place, safe="")
    assert client.get(f"{PREFIX}/bizLocations/{escaped}", headers=who.post).json()["member"] == ["events"]
    answer = client.get(f"{PREFIX}/bizLocations/{escaped}/events", headers=who.post)
    assert len(answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) == 1
    for path in ("bizLocations/urn:x:y", "bizSteps/no_step", "eventTypes/NoEvent", "events/urn:x:y", "nowhere"):
        assert client.get(f"{PREFIX}/{path}", headers=who.post).status_code == 404, path
    for path in ("eventTypes/ObjectEvent/events", "bizSteps/shipping/events", "epcs", "readPoints", "dispositions"):
        assert client.get(f"{PREFIX}/{path}", headers=who.post).status_code == 200, path


def test_a_location_lies_in_another_by_master_data(client: TestClient, who: Who) -> None:
    port, quay = "urn:epc:id:sgln:4012345.77777.0", "urn:epc:id:sgln:4012345.77777.1"
    header = {
        "epcisMasterData": {
            "vocabularyList": [
                {
                    "type": "urn:epcglobal:epcis:vtype:BusinessLocation",
                    "vocabularyElementList": [{"id": port, "children": [quay]}],
                }
            ]
        }
    }
    event = object_event(epcList=["urn:epc:id:sgtin:4012345.044444.1"], bizLocation={"id": quay})
    body = document(event, epcisHeader=header)
    assert client.post(f"{PREFIX}/capture", content=body, headers=who.post | JSON).status_code == 202
    assert len(found(client, who.post, f"WD_bizLocation={port}")) == 1
    assert found(client, who.post, f"EQ_bizLocation={port}") == []


def test_queries_have_names_and_subscribers(client: TestClient, who: Who, house: Any) -> None:
    query = {"name": "what ships", "query": {"EQ_bizStep": ["shipping"], "eventType": ["ObjectEvent"]}}
    made = client.post(f"{PREFIX}/queries", content=json.dumps(query), headers=who.post | JSON)
    assert made.status_code == 201
    where = made.headers["Location"]
    assert client.post(f"{PREFIX}/queries", content=json.dumps(query), headers=who.post | JSON).status_code == 409
    assert client.get(where, headers=who.post).json() == query
    assert client.get(where, headers=who.courier).status_code == 404
    assert client.get(f"{where}/events", headers=who.post).status_code == 200
    assert query in client.get(f"{PREFIX}/queries", headers=who.post).json()
    ask = {"dest": "http://127.0.0.1:9/told", "stream": True, "signatureToken": "between us"}
    refused = client.post(f"{where}/subscriptions", content=json.dumps(ask), headers=who.post | JSON)
    assert (refused.status_code, refused.json()["type"]) == (400, "epcisException:SubscriptionControlsException")
    house.store.webhooks.add(who.post_id, "http://127.0.0.1:9/notices", 0)
    for bad in ({"stream": False}, {"schedule": {"minute": "99"}}, {"stream": True, "schedule": {"hour": "1"}}):
        answer = client.post(
            f"{where}/subscriptions", content=json.dumps(ask | {"stream": None} | bad), headers=who.post | JSON
        )
        assert answer.status_code == 400, bad
    taken = client.post(f"{where}/subscriptions", content=json.dumps(ask), headers=who.post | JSON)
    assert taken.status_code == 201
    assert "between us" not in taken.text
    one = taken.headers["Location"]
    assert client.get(one, headers=who.post).json()["stream"] is True
    assert len(client.get(f"{where}/subscriptions", headers=who.post).json()) == 1
    assert client.delete(one, headers=who.post).status_code == 204
    assert client.get(one, headers=who.post).status_code == 404
    assert client.delete(where, headers=who.post).status_code == 204


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("EQ_nothing=1", 400, "QueryParameterException"),
        ("GE_eventTime=yesterday", 400, "QueryParameterException"),
        ("EQ_quantity=many", 400, "QueryParameterException"),
        ("eventType=NoEvent", 400, "QueryParameterException"),
        ("orderBy=bizStep", 400, "QueryParameterException"),
        ("eventCountLimit=0", 400, "QueryParameterException"),
        ("eventCountLimit=3", 400, "QueryParameterException"),
        ("eventCountLimit=3&maxEventCount=3", 400, "QueryParameterException"),
        ("perPage=x", 400, "QueryParameterException"),
        ("MATCH_epc=%00", 400, "QueryParameterException"),
        ("nextPageToken=nothing", 404, "NoSuchNameException"),
        ("HASATTR_action=urn:x:y", 400, "QueryParameterException"),
        ("EQATTR_readPoint=urn:x:y", 400, "QueryParameterException"),
    ],
)
def test_a_query_that_makes_no_sense_is_told_why(
    client: TestClient, who: Who, query: str, status: int, kind: str
) -> None:
    answer = client.get(f"{PREFIX}/events?{query}", headers=who.post)
    assert (answer.status_code, answer.json()["type"]) == (status, f"epcisException:{kind}")
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": "application/xml"}, 406),
        ({"GS1-EPCIS-Min": "2.1"}, 406),
        ({"GS1-CBV-Max": "1.2"}, 406),
        ({"GS1-EPC-Format": "Always_GS1_Digital_Link"}, 406),
        ({"GS1-EPC-Format": "No_Preference"}, 200),
        ({"GS1-EPCIS-Min": "two"}, 400),
    ],
)
def test_what_cannot_be_given_is_not_pretended(
    client: TestClient, who: Who, headers: dict[str, str], status: int
) -> None:
    assert client.get(f"{PREFIX}/events", headers=who.post | headers).status_code == status


def test_what_is_no_document_is_refused_and_kept(client: TestClient, who: Who) -> None:
    for body in (b"{", b"[1", b"7", b'{"type": "EPCISDocument"}', b"\xff\xfe"):
        answer = client.post(f"{PREFIX}/capture", content=body, headers=who.post | JSON)
        assert (answer.status_code, answer.json()["type"]) == (400, "epcisException:ValidationException"), body
    xml = client.post(f"{PREFIX}/capture", content=b"<a/>", headers=who.post | {"Content-Type": "application/xml"})
    assert xml.status_code == 415
    jobs = client.get(f"{PREFIX}/capture", headers=who.post).json()
    assert [job["success"] for job in jobs[:5]] == [False] * 5
    assert client.get(f"{PREFIX}/events").status_code == 401
    assert client.options(f"{PREFIX}/capture", headers=who.post).headers["Allow"] == "OPTIONS, GET, POST"
    assert client.put(f"{PREFIX}/capture", headers=who.post).status_code == 405


def test_a_web_socket_is_told_what_comes_and_of_ones_own(client: TestClient, who: Who) -> None:
    query = {"name": "listened to", "query": {"EQ_bizStep": ["departing"]}}
    assert client.post(f"{PREFIX}/queries", content=json.dumps(query), headers=who.post | JSON).status_code == 201
    path = f"{PREFIX}/queries/listened%20to/events?stream=true"
    with client.websocket_connect(path, headers=who.post) as socket:
        capture(client, who.courier, object_event(bizStep="departing", epcList=["urn:epc:id:sgtin:4012345.066666.1"]))
        capture(client, who.post, object_event(bizStep="departing", epcList=["urn:epc:id:sgtin:4012345.066666.2"]))
        told = json.loads(socket.receive_text(timeout=60))
    (event,) = told["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert event["epcList"] == ["urn:epc:id:sgtin:4012345.066666.2"]


@pytest.mark.parametrize(("name", "query"), [("listened%20to", "stream=false"), ("nothing", "stream=true")])
def test_a_web_socket_without_sense_is_closed(client: TestClient, who: Who, name: str, query: str) -> None:
    with (
        client.websocket_connect(f"{PREFIX}/queries/{name}/events?{query}", headers=who.post) as socket,
        pytest.raises(WebSocketDisconnect),
    ):
        socket.receive_text(timeout=60)


DEEP = b'{"name": "deep", "query": ' + b"[" * 100_000
ZEROS = "000000000001" + "0" * 5_000


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/queries", json.dumps({"name": "nul", "query": {"EQ_stringValue": ["\0"]}}).encode()),
        ("POST", "/queries", json.dumps({"name": "nul", "query": {"EQ_https://x.example/\0": ["1"]}}).encode()),
        ("POST", "/queries", DEEP),
        (
            "POST",
            "/queries/known/subscriptions",
            json.dumps({"dest": "http://127.0.0.1:9/\0", "stream": True}).encode(),
        ),
        (
            "POST",
            "/queries/known/subscriptions",
            json.dumps({"dest": "http://127.0.0.1:9/\n", "stream": True}).encode(),
        ),
        ("GET", f"/events?eventCountLimit={ZEROS}", b""),
        ("DELETE", "/nextPageToken/" + base64.urlsafe_b64encode(b'{"after": ' + b"[" * 3_000).decode(), b""),
    ],
)
def test_what_cannot_be_kept_is_refused_and_no_fault_of_ours(
    client: TestClient, who: Who, house: Any, method: str, path: str, body: bytes
) -> None:
    if not any(each.sender_id == who.post_id for each in house.store.webhooks.all()):
        house.store.webhooks.add(who.post_id, "http://127.0.0.1:9/notices", 0)
    known = json.dumps({"name": "known", "query": {"EQ_bizStep": ["shipping"]}})
    assert client.post(f"{PREFIX}/queries", content=known, headers=who.post | JSON).status_code in (201, 409)
    answer = client.request(method, PREFIX + path, content=body, headers=who.post | JSON)
    assert answer.status_code in (400, 404), answer.text[:300]
    assert answer.json()["type"].startswith("epcisException:")


def test_a_number_that_a_sender_chose_itself_shows_it_nobody_elses_events(client: TestClient, who: Who) -> None:
    """Whoever calls its declaration by a rival's article sees nothing of it."""
    thing = "urn:epc:id:sgtin:4012345.011111.rival"
    capture(client, who.post, object_event(epcList=[thing]))
    declared = parcels.arrived("4012345.011111.rival")
    taken = client.post("/api/v1/messages", content=parcels.message(declared), headers=who.courier)
    assert taken.status_code == 201
    assert found(client, who.courier, f"MATCH_epc={quote(thing)}") == []


def test_what_a_crash_left_unread_is_read_beside_the_server(client: TestClient, who: Who, house: Any) -> None:
    thing = "urn:epc:id:sgtin:4012345.011111.left"
    by, at = Captor("Meridian Post", who.post_id), datetime.now(UTC)
    being_read = house.capturing.receive(document(object_event(epcList=[f"{thing}.now"])), by, at)
    house.capturing.receive(document(object_event(epcList=[thing])), by, at - timedelta(hours=1))
    watching(house.store)()
    assert len(found(client, who.post, f"MATCH_epc={quote(thing)}")) == 1
    assert client.get(f"{PREFIX}/capture/{being_read.capture_id}", headers=who.post).json()["running"] is True


def test_nobody_takes_back_what_another_told(client: TestClient, who: Who) -> None:
    name = "urn:uuid:bb338495-0e6d-41dd-afee-a862ecd32518"
    event = object_event(eventID=name, epcList=["urn:epc:id:sgtin:4012345.011111.mine"])
    told = event | {"errorDeclaration": {"declarationTime": "2026-11-21T08:00:00Z"}}
    assert capture(client, who.post, event)["success"]
    job = capture(client, who.courier, told)
    assert (job["success"], job["errors"][0]["code"]) == (False, "epcis.not_yours")
    assert capture(client, who.post, told)["success"]
