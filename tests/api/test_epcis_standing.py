"""How much one sender may have standing of the EPCIS interface, that others keep their places, and how it is listed."""

from __future__ import annotations

import json
from contextlib import ExitStack
from queue import Empty
from typing import Any

import pytest
from litestar.exceptions import WebSocketDisconnect
from litestar.testing import TestClient

from api.conftest import Who
from api.test_epcis import JSON
from tidewaiter.web.api.epcis_answers import PREFIX
from tidewaiter.web.api.epcis_socket import BUSY
from tidewaiter.web.house import House
from tidewaiter.web.listeners import SOCKETS_MAX, SOCKETS_OF_ONE_MAX
from tidewaiter.workflow.event_ports import QUERIES_MAX, SUBSCRIPTIONS_MAX

CODE = "epcis.standing_limit"


def name(client: TestClient, who: dict[str, str], called: str) -> Any:
    query = {"name": called, "query": {"EQ_bizStep": ["departing"]}}
    return client.post(f"{PREFIX}/queries", content=json.dumps(query), headers=who | JSON)


def test_a_sender_has_so_many_queries_and_others_still_have_theirs(client: TestClient, who: Who) -> None:
    kept = len(client.get(f"{PREFIX}/queries?perPage=1000", headers=who.post).json())
    made = [f"many {number}" for number in range(QUERIES_MAX - kept)]
    assert {name(client, who.post, each).status_code for each in made} == {201}
    refused = name(client, who.post, "one more")
    assert (refused.status_code, refused.json()["code"]) == (403, CODE)
    assert refused.json()["hint"]
    assert name(client, who.courier, "one more").status_code == 201
    assert client.delete(f"{PREFIX}/queries/{made.pop()}", headers=who.post).status_code == 204
    assert name(client, who.post, "one more").status_code == 201
    for each in ("one more", *made):
        client.delete(f"{PREFIX}/queries/{each}", headers=who.post)
    client.delete(f"{PREFIX}/queries/one more", headers=who.courier)


def test_a_sender_has_so_many_subscriptions_and_they_are_listed_in_pages(
    client: TestClient, who: Who, house: House
) -> None:
    house.store.webhooks.add(who.post_id, "http://127.0.0.1:9/standing", 0)
    ask = json.dumps({"dest": "http://127.0.0.1:9/standing", "schedule": {"hour": "1"}})
    made: list[str] = []
    for called in ("first", "second"):
        assert name(client, who.post, called).status_code == 201
    for number in range(SUBSCRIPTIONS_MAX):
        path = f"{PREFIX}/queries/{'second' if number >= 7 else 'first'}/subscriptions"
        answer = client.post(path, content=ask, headers=who.post | JSON)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["subscriptionID"])
    for called in ("first", "second"):
        refused = client.post(f"{PREFIX}/queries/{called}/subscriptions", content=ask, headers=who.post | JSON)
        assert (refused.status_code, refused.json()["code"]) == (403, CODE)
    path, seen = f"{PREFIX}/queries/first/subscriptions?perPage=3", []
    while path:
        page = client.get(path, headers=who.post)
        assert len(page.json()) <= 3
        seen += [each["subscriptionID"] for each in page.json()]
        link = page.headers.get("Link", "")
        path = link[1 : link.index(">")] if link else ""
    assert seen == made[:7]
    for called in ("first", "second"):
        assert client.delete(f"{PREFIX}/queries/{called}", headers=who.post).status_code == 204
    assert name(client, who.post, "first").status_code == 201
    again = client.post(f"{PREFIX}/queries/first/subscriptions", content=ask, headers=who.post | JSON)
    assert again.status_code == 201
    assert client.delete(f"{PREFIX}/queries/first", headers=who.post).status_code == 204


def test_a_sender_has_so_many_web_sockets_and_others_still_have_theirs(client: TestClient, who: Who) -> None:
    assert SOCKETS_OF_ONE_MAX * 2 <= SOCKETS_MAX
    for one in (who.post, who.courier):
        assert name(client, one, "sockets").status_code == 201
    path = f"{PREFIX}/queries/sockets/events?stream=true"
    with ExitStack() as leaving:
        for _ in range(SOCKETS_OF_ONE_MAX):
            leaving.enter_context(client.websocket_connect(path, headers=who.post))
        with (
            client.websocket_connect(path, headers=who.post) as refused,
            pytest.raises(WebSocketDisconnect) as closed,
        ):
            refused.receive_text(timeout=60)
        assert (closed.value.code, closed.value.detail.partition(":")[0]) == (BUSY, CODE)
        with (
            client.websocket_connect(path, headers=who.courier) as taken,
            pytest.raises(Empty),  # nothing is said: it stands
        ):
            taken.receive_text(timeout=1)
    for one in (who.post, who.courier):
        client.delete(f"{PREFIX}/queries/sockets", headers=one)
