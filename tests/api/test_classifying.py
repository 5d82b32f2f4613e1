"""Descriptions asked about by machines and on the page: what is answered, what is refused, who is held up."""

from __future__ import annotations

import anyio
import httpx
import pytest
from litestar.testing import TestClient

from api import parcels
from api.conftest import BASE, Who
from tidewaiter.messages.limits import DESCRIPTION_BYTES_MAX, DESCRIPTIONS_MAX
from tidewaiter.web.app import create_app
from tidewaiter.web.house import House
from tidewaiter.web.serve import server
from tidewaiter.web.settings import WebSettings

CALL = "/api/v1/classifications"


def test_each_description_is_answered_in_its_place(client: TestClient) -> None:
    asked = [
        {"description": "gift", "commodity_code": "691200"},
        {"description": "ceramic mug", "commodity_code": "610910"},
    ]
    answer = client.post(CALL, json={"descriptions": asked})
    assert answer.status_code == 200
    vague, other = answer.json()["descriptions"]
    assert vague["is_vague"]
    assert "ICS2" in vague["refused_by"]
    assert vague["findings"][0]["rule_id"] == "description.vague"
    assert vague["better"][0] in vague["findings"][0]["hint"]
    assert other["agreement"] == "differs"
    assert other["candidates"][0]["hs_code"] == "691110"
    assert other["candidates"][0]["because_of"] == ["ceramic mug"]


def test_materials_that_stand_apart_choose_between_codes(client: TestClient) -> None:
    def first(details: str) -> str:
        asked = {"descriptions": [{"description": "handbag", "details": details}], "limit": 1}
        (said,) = client.post(CALL, json=asked).json()["descriptions"]
        return str(said["candidates"][0]["hs_code"])

    assert first("genuine leather") == "420221"
    assert first("") == "420222"


@pytest.mark.parametrize(
    "asked",
    [
        {"descriptions": []},
        {"descriptions": [{"description": ""}]},
        {"descriptions": [{"description": "x" * 513}]},
        {"descriptions": [{"description": "mug", "commodity_code": "69.11"}]},
        {"descriptions": [{"description": "mug", "colour": "red"}]},
        {"descriptions": [{"description": "mug"}] * (DESCRIPTIONS_MAX + 1)},
        {"descriptions": [{"description": "mug"}], "limit": 0},
        {},
    ],
)
def test_what_is_not_as_described_is_refused(client: TestClient, asked: object) -> None:
    answer = client.post(CALL, json=asked)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")


def test_too_much_at_once_is_refused(client: TestClient) -> None:
    answer = client.post(CALL, content=b" " * (DESCRIPTION_BYTES_MAX + 1), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "message.limit")


def test_strangers_are_held_up_at_both_doors_and_those_with_a_key_are_not(house: House, who: Who) -> None:
    paced = House(
        store=house.store, intake=house.intake, desk=house.desk, senders=house.senders, accounts=house.accounts,
        quality=house.quality, connectors=house.connectors,
        settings=WebSettings(secret=b"p" * 32, officers={"a": "b"}, descriptions_a_minute_max=2),
    )  # fmt: skip
    asked = {"descriptions": [{"description": "mug"}]}
    with TestClient(create_app(paced), base_url=BASE) as slow:
        assert slow.post(CALL, json=asked).status_code == 200
        statuses = [slow.get("/classify", params={"description": "mug"}).status_code for _ in range(5)]
        assert statuses.count(429) >= 2  # the minute may turn once
        assert slow.get("/classify").status_code == 200  # the form alone is no question
        assert {slow.post(CALL, json=asked, headers=who.post).status_code for _ in range(5)} == {200}


def test_the_sender_is_told_what_to_write(client: TestClient, who: Who) -> None:
    answer = client.post("/api/v1/messages", content=parcels.message(parcels.vague("CL-1")), headers=who.post)
    (finding,) = [each for each in answer.json()["findings"] if each["rule_id"] == "description.vague"]
    assert "Goods of 950300 are called, for example, “" in finding["hint"]


def test_the_page_answers_and_refuses_what_is_no_code(client: TestClient) -> None:
    told = client.get("/classify", params={"description": "ceramic mug", "code": "6109.10 00"})
    assert told.status_code == 200
    assert "No: the words plainly name goods of another chapter" in told.text
    refused = client.get("/classify", params={"description": "mug", "code": "<b>"})
    assert refused.status_code == 422
    assert "“&lt;b&gt;” is no commodity code" in refused.text


def test_texts_are_shown_and_never_obeyed(client: TestClient) -> None:
    page = client.get("/classify", params={"description": "<script>alert(1)</script> \u202egift"}).text
    assert "<script>alert" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize(("by", "held_up"), [("10.0.0.7", 0), ("10.0.0.8", 3)])
def test_who_asks_by_a_proxy_is_whom_a_proxy_of_ours_names(house: House, by: str, held_up: int) -> None:
    paced = House(
        store=house.store, intake=house.intake, desk=house.desk, senders=house.senders, accounts=house.accounts,
        quality=house.quality, connectors=house.connectors,
        settings=WebSettings(
            secret=b"p" * 32, officers={"a": "b"}, descriptions_a_minute_max=2, hosts=("pages.example",), proxies=("10.0.0.7",)
        ),
    )  # fmt: skip
    config = server(paced).config
    config.load()

    async def asked() -> list[int]:
        transport = httpx.ASGITransport(app=config.loaded_app, client=(by, 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://pages.example") as client:
            return [
                (
                    await client.get(
                        "/classify",
                        params={"description": "mug"},
                        headers={"x-forwarded-for": f"198.51.100.77, 192.0.2.{number}"},
                    )
                ).status_code
                for number in range(7)
            ]

    statuses = anyio.run(asked)
    assert held_up <= statuses.count(429) <= 2 * held_up  # the minute may turn once
