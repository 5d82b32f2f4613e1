"""An administration's own system over REST: its key tells events and does nothing else; others' keys do not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from api import parcels
from api.conftest import Who
from tidewaiter.model.decision import NoticeKind
from tidewaiter.store.senders import KeyHolder
from tidewaiter.web.house import House
from tidewaiter.workflow.connectors import NewConnector

EVENTS = "/api/v1/connector/events"


def connected(house: House, name: str) -> tuple[int, dict[str, str]]:
    made = house.connectors.add(
        NewConnector(
            name=name, jurisdiction_code="GB", kinds=(NoticeKind.RELEASED,), datasets=(), target="asycuda-sad",
            address="https://customs.example/in", is_folder=False,
        )
    )  # fmt: skip
    holder = KeyHolder(name=name, role="administration", connector_id=made.connector_id)
    return made.connector_id, {"Authorization": f"Bearer {house.store.senders.issue_key(holder)}"}


@pytest.fixture(scope="module")
def system(house: House) -> dict[str, str]:
    return connected(house, "Old system")[1]


def hand_in(client: TestClient, who: Who, *declared: dict[str, Any]) -> None:
    answer = client.post("/api/v1/messages", content=parcels.message(*declared), headers=who.post)
    assert answer.status_code == 201, answer.text


def test_events_are_carried_out_and_each_is_answered(client: TestClient, who: Who, system: dict[str, str]) -> None:
    hand_in(client, who, parcels.knife("K-1"), parcels.announced("K-2"))
    mrn = client.get("/api/v1/declarations/K-1", headers=who.post).json()["mrn"]
    events = [
        {"event_id": "E-1", "declaration": mrn, "happened": "registered", "registration_number": "I 4711"},
        {"event_id": "E-2", "declaration": "I 4711", "happened": "examined_not_satisfactory", "officer": "M. Okafor"},
        {"event_id": "E-3", "declaration": "K-2", "happened": "cleared"},
        {"event_id": "E-4", "declaration": "K-2", "happened": "arrived"},
    ]
    body = "\n".join(json.dumps(each) for each in events)
    answer = client.post(EVENTS, content=body, headers=system)
    assert answer.status_code == 200, answer.text
    answers = answer.json()["answers"]
    assert [each["outcome"] for each in answers] == ["done", "done", "refused", "done"]
    assert answers[1]["state"] == "refused"
    assert {answers[2][name] for name in ("code", "hint")} == {
        "declaration.transition",
        "the goods have not arrived; confirm arrival first",
    }
    found = client.get("/api/v1/declarations/K-1", headers=who.post).json()
    assert found["state"] == "refused"
    page = client.get("/parcels/K-1").text
    assert "connector Old system, officer M. Okafor" in page
    again = client.post(EVENTS, content=body, headers=system).json()["answers"]
    assert [each["outcome"] for each in again] == ["repeated", "repeated", "refused", "repeated"]


def test_its_key_does_nothing_else(client: TestClient, system: dict[str, str], who: Who) -> None:
    hand_in(client, who, parcels.announced("K-3"))
    tried = 0
    described = client.get("/api/v1/openapi.json").json()["paths"]
    for path, methods in described.items():
        for method, said in methods.items():
            if path == EVENTS or said.get("security") == [] or "401" not in said["responses"]:
                continue
            filled = path.replace("{reference}", "K-3").replace("{form}", "json")
            for parameter in said.get("parameters", []):
                if parameter["in"] == "path" and parameter["schema"].get("type") == "integer":
                    filled = filled.replace("{" + parameter["name"] + "}", "1")
            answer = client.request(method.upper(), filled, headers=system, content=b"{}")
            assert answer.status_code == 403, (method, path, answer.text)
            assert answer.json()["code"] == "auth.forbidden"
            tried += 1
    assert tried > 15


@pytest.mark.parametrize("whose", ["post", "officer"])
def test_the_keys_of_others_tell_no_events(client: TestClient, who: Who, whose: str) -> None:
    answer = client.post(EVENTS, content=b"{}", headers=getattr(who, whose))
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden")
    assert client.post(EVENTS, content=b"{}").status_code == 401


def test_a_message_that_cannot_be_taken_is_a_problem(client: TestClient, system: dict[str, str]) -> None:
    answer = client.post(EVENTS, content=b"", headers=system)
    assert (answer.status_code, answer.json()["code"]) == (422, "message.unreadable")


def test_the_key_of_an_ended_connector_opens_nothing(client: TestClient, house: House) -> None:
    connector_id, key = connected(house, "Older system")
    house.connectors.end(connector_id, datetime.now(UTC))
    assert client.post(EVENTS, content=b"{}", headers=key).status_code == 401


def test_what_holds_reasons_of_risk_is_exported_for_officers_alone(client: TestClient, who: Who) -> None:
    hand_in(client, who, parcels.knife("K-4"))
    path = "/api/v1/declarations/K-4/document"
    for form in ("tidewaiter", "wco-response", "papyrus"):
        assert client.get(path, params={"form": form}, headers=who.post).status_code == 404, form
    assert client.get(path, params={"form": "wco-dm"}, headers=who.post).status_code == 200
    said = client.get(path, params={"form": "tidewaiter"}, headers=who.officer).json()
    assert said["evaluation"]["decision"]["lane"] == "red"
