"""Work beside budgets, and the share not in order: by REST and at the page, for officers."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from api import parcels
from api.conftest import Who
from tidewaiter.risk import PartKind
from tidewaiter.risk.budgets import Work
from tidewaiter.store.workload import count_work
from tidewaiter.web.house import House
from tidewaiter.workflow.budgets import Where, Worked
from tidewaiter.workflow.targeting import Change

TODAY = datetime.now(UTC).date()
DAYS = {"since": TODAY.isoformat(), "until": TODAY.isoformat()}
POLICY = b"""\
title: Ten a day
selection_share: "0.02"
selection_lane: red
quality_lane: blue
quality_rules: []
budgets: {GB000060: {parcels: 10, flight_parcels: 5}}
"""


@pytest.fixture(scope="module", autouse=True)
def worked(house: House, client: TestClient, who: Who) -> None:
    """A policy with a budget, work of a day on two flights, and a night of parcels that were examined."""
    store: Any = house.store
    digest = hashlib.sha256(POLICY).hexdigest()
    store.keep_knowledge({digest: (PartKind.POLICY, POLICY)})
    change = Change(kind=PartKind.POLICY, name="policy", digest=digest)
    store.parts.change((change,), actor="ann", words="a test", at=datetime.now(UTC))
    told = (("SK1", Work(parcels=50, mandatory=2, chance=1, rules=3)), ("", Work(parcels=9, mandatory=6)))
    with store._connections.lend() as connection:
        count_work(connection, [Worked(Where(TODAY, "GB000060", flight), work) for flight, work in told])
    client.post("/api/v1/messages", content=parcels.night(6101), headers=who.post)


def test_work_is_told_beside_the_budget_by_day_and_by_flight(client: TestClient, who: Who) -> None:
    (load,) = client.get("/api/v1/selection/workload", params=DAYS, headers=who.officer).json()["loads"]
    assert load == {
        "day": TODAY.isoformat(), "office_id": "GB000060", "flight": "", "parcels": 59, "mandatory": 8, "chance": 1,
        "rules": 3, "score": 0, "looked_at": 12, "budget": 10,
    }  # fmt: skip
    params = DAYS | {"flights": "true"}
    loads = client.get("/api/v1/selection/workload", params=params, headers=who.officer).json()["loads"]
    assert [(each["flight"], each["looked_at"], each["budget"]) for each in loads] == [("", 6, None), ("SK1", 6, 5)]
    long = {"since": "2020-01-01", "until": TODAY.isoformat()}
    refused = client.get("/api/v1/selection/workload", params=long, headers=who.officer)
    assert (refused.status_code, refused.json()["place"]) == (400, "query: until")


def test_the_page_shows_both(client: TestClient) -> None:
    page = client.get("/selection").text
    assert "GB000060" in page
    assert "2 more than the budget" in page
    assert '<a href="/rules" aria-current="page">' in client.get("/draws").text
    estimated = client.get("/selection", params={"since": "2000-01-01", "until": TODAY.isoformat(), "by": "all"}).text
    assert "all together" in estimated
    assert 'id="found"' in estimated
    refused = client.get("/selection", params={"since": "soon", "until": "later"})
    assert "This is no day." in refused.text
    reversed_days = client.get("/selection", params={"since": "2026-07-14", "until": "2026-07-01"})
    assert "the period ends on 2026-07-01, before it begins" in reversed_days.text


def test_the_estimate_says_what_it_rests_on(client: TestClient, who: Who) -> None:
    params = {"since": "2000-01-01", "until": TODAY.isoformat(), "by": "all"}
    answer = client.get("/api/v1/selection/estimate", params=params, headers=who.officer)
    assert answer.status_code == 200, answer.text
    for found in answer.json()["estimates"]:
        assert found["name"] == "all"
        assert found["parcels"] > 0
        assert found["to_look_at"] == found["examined"] + found["missing"]
        assert 0 <= found["low"] <= found["high"] <= 1


@pytest.mark.parametrize("path", ["workload", "estimate"])
def test_a_period_that_ends_before_it_begins_is_refused(client: TestClient, who: Who, path: str) -> None:
    params = {"since": "2026-07-14", "until": "2026-07-01"}
    answer = client.get(f"/api/v1/selection/{path}", params=params, headers=who.officer)
    told = answer.json()
    assert (answer.status_code, told["code"], told["place"]) == (400, "request.invalid", "until"), answer.text
    assert "before it begins" in told["detail"]


@pytest.mark.parametrize("path", ["workload", "estimate"])
def test_it_is_for_officers(client: TestClient, who: Who, path: str) -> None:
    address = f"/api/v1/selection/{path}"
    assert client.get(address, params=DAYS).status_code == 401
    assert client.get(address, params=DAYS, headers=who.post).status_code == 403
    assert client.get(address, params={"since": "x", "until": "y"}, headers=who.officer).status_code == 400
    assert client.get(address, params=DAYS | {"by": "luck"}, headers=who.officer).status_code in (200, 400)
