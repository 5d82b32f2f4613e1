"""Outcomes by REST: recorded by one officer's key, approved by another's, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from api import parcels
from api.conftest import BASE, PASSWORD, Who
from api.test_accounts_doors import Person, send
from tidewaiter.web.app import create_app
from tidewaiter.web.house import House
from tidewaiter.web.settings import WebSettings, hash_password


@pytest.fixture(scope="module")
def reference(client: TestClient, who: Who) -> str:
    client.post("/api/v1/messages", content=parcels.night(6001), headers=who.post)
    found = client.get("/api/v1/declarations", params={"limit": 1}, headers=who.officer).json()
    return str(found["declarations"][0]["declaration_id"])


def told(**more: Any) -> dict[str, Any]:
    return {"result": "A1", "examined_at": datetime.now(UTC).isoformat(), "examiner": "ann", **more}


def test_an_outcome_is_recorded_and_kept_once(client: TestClient, who: Who, reference: str) -> None:
    body = told(controls=["physical"])
    path = f"/api/v1/declarations/{reference}/outcomes"
    first = client.post(path, json=body, headers=who.officer)
    assert first.status_code == 201, first.text
    assert first.json()["standing"] == "in effect"
    assert client.post(path, json=body, headers=who.officer).json()["outcome_id"] == first.json()["outcome_id"]
    listed = client.get(path, headers=who.officer).json()["outcomes"]
    assert [each["outcome_id"] for each in listed].count(first.json()["outcome_id"]) == 1


def test_who_recorded_it_cannot_approve_it(client: TestClient, who: Who, reference: str) -> None:
    found = [{"risk_type": "undervaluation", "value": {"amount": "12.50", "currency": "EUR"}}]
    path = f"/api/v1/declarations/{reference}/outcomes"
    kept = client.post(path, json=told(result="B1", found=found), headers=who.officer).json()
    assert kept["standing"] == "waits"
    answer = client.post(
        f"/api/v1/outcomes/{kept['outcome_id']}/answer", json={"is_approved": True}, headers=who.officer
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "risk.second_person")


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        ({"result": "B1"}, 422, "found"),
        ({"examined_at": "2999-01-01T00:00:00Z"}, 422, "examined_at"),
        ({"examined_at": "2001-01-01T00:00:00Z"}, 422, "examined_at"),
        ({"result": "B1", "found": [{"risk_type": "ipr", "line_no": 999}]}, 422, "found[1].line_no"),
        ({"result": "Z9"}, 400, ""),
    ],
)
def test_what_cannot_be_kept_is_told(
    client: TestClient, who: Who, reference: str, body: dict[str, Any], status: int, place: str
) -> None:
    path = f"/api/v1/declarations/{reference}/outcomes"
    answer = client.post(path, json=told(**body), headers=who.officer)
    assert answer.status_code == status, answer.text
    if place:
        assert answer.json()["place"] == place


def test_it_is_for_officers(client: TestClient, who: Who, reference: str) -> None:
    for path in (f"declarations/{reference}/outcomes", "outcomes/unmatched", "link-alerts"):
        assert client.get(f"/api/v1/{path}", headers=who.post).status_code == 403
        assert client.get(f"/api/v1/{path}", headers=who.officer).status_code == 200


@pytest.fixture(scope="module")
def officers(house: House) -> Iterator[dict[str, Person]]:
    """Two officers, each signed in."""
    settings = WebSettings(secret=b"x" * 32, officers={name: hash_password(PASSWORD) for name in ("anna", "boris")})
    own = House(store=house.store, intake=house.intake, desk=house.desk, senders=house.senders,
                accounts=house.accounts, quality=house.quality, connectors=house.connectors, settings=settings)  # fmt: skip
    with TestClient(create_app(own), base_url=BASE, raise_server_exceptions=False) as opened:
        yield {name: Person(opened, name) for name in settings.officers}


def test_one_officer_records_and_another_approves_at_the_pages(
    house: House, officers: dict[str, Person], reference: str
) -> None:
    anna, boris = officers["anna"], officers["boris"]
    fields = {"reference": reference, "result": "B1", "control": "physical", "risk_type": "ipr", "is_seized": "1"}
    answer = send(anna, "/examinations", "/examinations", **fields)
    assert answer.headers["location"] == "/examinations?done=recorded", answer.text
    kept = house.store.outcomes.latest(1)[0]
    assert (kept.outcome.examiner, kept.standing) == ("anna", "waits")
    assert "You examined or recorded this" in anna.get("/examinations").text
    path = f"/examinations/{kept.outcome_id}"
    assert send(anna, "/examinations", path, answer="approve").status_code == 409
    assert send(boris, "/examinations", path, answer="approve").headers["location"] == "/examinations?done=approved"
    assert house.store.outcomes.one(kept.outcome_id).standing == "in effect"
    assert house.store.outcomes.seizures_to_follow() == []
    assert "Counterfeit" in boris.get("/examinations").text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"reference": "1", "result": ""}, "Choose the result."),
        ({"reference": "1", "result": "B1", "risk_type": "ipr", "line_no": "x"}, "not the number of a goods line"),
        ({"reference": "1", "result": "B1"}, "but not what"),
    ],
)
def test_what_the_form_says_wrongly_is_told(officers: dict[str, Person], fields: dict[str, str], words: str) -> None:
    answer = send(officers["anna"], "/examinations", "/examinations", **fields)
    assert answer.status_code in (400, 422)
    assert words in answer.text


def test_what_a_seizure_proposes_goes_to_a_list_by_two_officers(
    client: TestClient, who: Who, house: House, officers: dict[str, Person], reference: str
) -> None:
    anna, boris = officers["anna"], officers["boris"]
    fields = {"reference": reference, "result": "B1", "control": "physical", "risk_type": "ipr", "is_seized": "1"}
    send(anna, "/examinations", "/examinations", **fields, words="for the list")
    number = house.store.outcomes.latest(1)[0].outcome_id
    waiting = client.post(f"/api/v1/outcomes/{number}/list-proposal", json={"name": "seized_rest"}, headers=who.officer)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "list.refused")  # not in effect yet
    send(boris, "/examinations", f"/examinations/{number}", answer="approve")
    assert "Propose for the list" in boris.get("/examinations").text
    path = f"/examinations/{number}/list"
    done = send(boris, "/examinations", path, name="seized", seller="1", address="1", words="again")
    assert done.headers["location"] == "/examinations?done=listed", done.text
    version = house.store.lists.versions("seized")[0]
    assert (version.proposed_by, version.words, version.entry_count) == ("boris", "again", 1)
    proposed = house.lists.proposed(version)
    assert proposed is not None
    (entry,) = proposed.entries
    assert entry.source.startswith(f"outcome {number}, ")
    assert {value.partition(":")[0] for value in entry.values} <= {"seller", "address"}
    assert send(boris, "/examinations", path, name="seized").status_code == 409  # one waits
    shown = anna.get(f"/lists/versions/{version.version_id}").text
    assert f"outcome-{number}" in shown
    assert "Entries that come" in shown
    own = send(boris, "/lists", f"/lists/versions/{version.version_id}", answer="approve")
    assert (own.status_code, "somebody else" in own.text) == (409, True)
    send(anna, "/lists", f"/lists/versions/{version.version_id}", answer="approve")
    assert "seller:" in boris.get("/lists/seized").text
    rest = client.post(
        f"/api/v1/outcomes/{number}/list-proposal",
        json={"name": "seized_rest", "kinds": ["seller"]},
        headers=who.officer,
    )
    assert (rest.status_code, rest.json()["entries"], rest.json()["name"]) == (201, 1, "seized_rest"), rest.text
    for body, status in (({"name": "No list"}, 400), ({"name": "seized_x", "kinds": ["colour"]}, 400)):
        answer = client.post(f"/api/v1/outcomes/{number}/list-proposal", json=body, headers=who.officer)
        assert answer.status_code == status
    assert (
        client.post("/api/v1/outcomes/9999/list-proposal", json={"name": "seized"}, headers=who.officer).status_code
        == 404
    )
