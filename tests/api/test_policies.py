"""Policies by REST and at the pages: written by one officer, approved by another who is signed in or known by a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from api.conftest import BASE, PASSWORD, Who
from api.test_accounts_doors import Person, send
from tidewaiter import __version__
from tidewaiter.store.senders import KeyHolder
from tidewaiter.web.app import create_app
from tidewaiter.web.house import House
from tidewaiter.web.settings import WebSettings, hash_password

TEXT = """\
title: A policy of our own
selection_share: "0.03"
selection_lane: red
quality_lane: blue
quality_rules: []
"""


@pytest.fixture(scope="module")
def bo(house: House) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.senders.issue_key(KeyHolder(name='bo', role='officer'))}"}


@pytest.fixture(scope="module")
def officers(house: House) -> Iterator[dict[str, Person]]:
    """Two officers, each signed in."""
    settings = WebSettings(secret=b"x" * 32, officers={name: hash_password(PASSWORD) for name in ("cleo", "dora")})
    own = House(store=house.store, intake=house.intake, desk=house.desk, senders=house.senders,
                accounts=house.accounts, quality=house.quality, connectors=house.connectors, settings=settings)  # fmt: skip
    with TestClient(create_app(own), base_url=BASE, raise_server_exceptions=False) as opened:
        yield {name: Person(opened, name) for name in settings.officers}


def step(client: TestClient, number: int, name: str, headers: dict[str, str]) -> Any:
    return client.post(f"/api/v1/policies/versions/{number}/steps", json={"step": name}, headers=headers)


def test_by_rest_two_keys_bring_a_policy_into_force(client: TestClient, who: Who, bo: dict[str, str]) -> None:
    begun = client.post("/api/v1/policies/versions", json={"text": "title: T\n", "words": "try"}, headers=who.officer)
    assert begun.status_code == 201, begun.text
    number = begun.json()["version"]["version"]
    assert not begun.json()["problems"][0]["is_warning"]
    assert step(client, number, "propose", who.officer).json()["code"] == "risk.rule_set"
    path = f"/api/v1/policies/versions/{number}"
    written = client.put(path, json={"text": TEXT, "revision": 1}, headers=who.officer)
    assert (written.status_code, written.json()["problems"]) == (200, [])
    again = client.put(path, json={"text": TEXT, "revision": 1}, headers=bo)
    assert (again.status_code, again.json()["code"]) == (409, "risk.draft_changed")
    for name in ("check", "propose"):
        assert step(client, number, name, who.officer).status_code == 200
    refused = step(client, number, "approve", who.officer)
    assert (refused.status_code, refused.json()["code"]) == (409, "risk.second_person")
    for name in ("approve", "publish"):
        assert step(client, number, name, bo).status_code == 200
    assert client.get(path, headers=bo).json()["version"]["state"] == "published"
    told = client.get("/api/v1/policies/history", headers=bo).json()
    assert [each["by"] for each in told["steps"]][-3:] == ["anna", "bo", "bo"]
    assert client.get("/api/v1/policies", headers=bo).json()["versions"][0]["name"] == "policy"
    page = client.get("/policies").text
    assert "A policy of our own" in page
    assert step(client, number, "trial", bo).status_code == 400


def test_it_is_for_officers(client: TestClient, who: Who) -> None:
    assert client.get("/api/v1/policies").status_code == 401
    assert client.get("/api/v1/policies", headers=who.post).status_code == 403
    assert client.get("/api/v1/policies/versions/99", headers=who.officer).status_code == 404


def test_at_the_pages_one_officer_writes_and_another_approves(house: House, officers: dict[str, Person]) -> None:
    cleo, dora = officers["cleo"], officers["dora"]
    assert "selection_share" in cleo.get("/policies").text  # one begins with the policy that ships
    without = cleo.get("/selection").text
    assert "No policy in use has a budget" in without
    assert "docs/how-to/select.md" in without
    begun = send(cleo, "/policies", "/policies", text="title: T", jurisdiction="dk", words="a try")
    path = begun.headers["location"].split("&done")[0]
    assert path == "/policies/1?jurisdiction=DK"
    assert "missing required field" in cleo.get(path).text
    stale = send(cleo, path, path, action="save_check", text=TEXT, revision="7")
    assert (stale.status_code, TEXT.splitlines()[0] in stale.text) == (409, True)
    send(cleo, path, path, action="save_check", text=TEXT, revision="1")
    assert "Nothing is wrong with it." in cleo.get(path).text
    send(cleo, path, path, action="propose", words="winter volumes")
    assert f"Tidewaiter {__version__}" in cleo.get(path).text
    assert "Policy (DK), version 1" in cleo.get(path).text
    assert 'value="approve"' not in cleo.get(path).text
    assert 'value="approve"' in dora.get(path).text
    assert send(cleo, path, path, action="approve").status_code == 409
    send(dora, path, path, action="approve")
    send(cleo, path, path, action="publish")
    assert house.policies.deciding("DK")[0].title == "A policy of our own"
    assert "winter volumes" in dora.get(path).text
    refused = send(dora, path, path, action="trial")
    assert refused.status_code == 400
