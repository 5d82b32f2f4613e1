"""Outcomes by REST: recorded by one officer's key, approved by another's, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from api import parcels
from api.conftest import Who


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
    assert (answer.status_code, answer.json()["code"]) == (409, "submission.conflict")


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        (told(result="B1"), 422, "found"),
        (told(examined_at="2999-01-01T00:00:00Z"), 422, "examined_at"),
        (told(examined_at="2001-01-01T00:00:00Z"), 422, "examined_at"),
        (told(result="B1", found=[{"risk_type": "ipr", "line_no": 999}]), 422, "found[1].line_no"),
        (told(result="Z9"), 400, ""),
    ],
)
def test_what_cannot_be_kept_is_told(
    client: TestClient, who: Who, reference: str, body: dict[str, Any], status: int, place: str
) -> None:
    answer = client.post(f"/api/v1/declarations/{reference}/outcomes", json=body, headers=who.officer)
    assert answer.status_code == status, answer.text
    if place:
        assert answer.json()["place"] == place


def test_it_is_for_officers(client: TestClient, who: Who, reference: str) -> None:
    for path in (f"declarations/{reference}/outcomes", "outcomes/unmatched", "link-alerts"):
        assert client.get(f"/api/v1/{path}", headers=who.post).status_code == 403
        assert client.get(f"/api/v1/{path}", headers=who.officer).status_code == 200
