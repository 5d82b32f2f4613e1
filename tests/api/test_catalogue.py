"""Products told as a catalogue: officers see them beside the lines that name them, with what differs."""

from __future__ import annotations

import json
from typing import Any

from litestar.testing import TestClient

from api.conftest import Who

API = "/api/v1"
MARKETPLACE = {"party_id": "GB999999973"}


def product(sku: str, **line: object) -> dict[str, Any]:
    told = {"sku": sku, "title": "Cotton cushion cover, woven", "hs_code": "630492", "country_of_origin_code": "DK"}
    return {
        "message": "product", "marketplace": MARKETPLACE, "ships_to_country_code": "GB", "lines": [told | line],
    }  # fmt: skip


def order(order_id: str, *lines: dict[str, Any]) -> dict[str, Any]:
    return {
        "message": "declaration", "order_id": order_id, "tracking_id": f"T-{order_id}", "ships_to_country_code": "GB",
        "marketplace": MARKETPLACE, "lines": list(lines),
    }  # fmt: skip


def line(sku: str, hs_code: str, origin: str = "DK") -> dict[str, Any]:
    price = {"amount": "20.00", "currency": "GBP"}
    return {
        "sku": sku, "title": "Cushion", "hs_code": hs_code, "country_of_origin_code": origin, "quantity": "1",
        "price": price,
    }  # fmt: skip


def sent(client: TestClient, headers: dict[str, str], *messages: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post(f"{API}/messages", content=json.dumps(list(messages)).encode(), headers=headers)
    assert answer.status_code == 201, answer.text
    lines: list[dict[str, Any]] = answer.json()["lines"]
    return lines


def products(client: TestClient, headers: dict[str, str], declared: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.get(f"{API}/declarations/{declared['declaration_id']}/products", headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_a_product_is_shown_beside_the_lines_that_name_it(client: TestClient, who: Who) -> None:
    (told,) = sent(client, who.courier, product("C-1"))
    assert told["reference"] == "PRODUCT GB999999973 C-1"
    assert told["state"] == "received"
    (declared,) = sent(client, who.post, order("O-1", line("C-1", "6304920000"), line("C-1", "620520", "CN")))
    same, other = products(client, who.officer, declared)
    assert (same["line"], same["source"], same["title"]) == (1, "Kestrel Express", "Cotton cushion cover, woven")
    assert same["differs"] == []
    assert [(each["pointer"], each["value"]) for each in other["differs"]] == [
        ("goods_items[2].commodity_code", "620520"),
        ("goods_items[2].origin_country_code", "CN"),
    ]
    page = client.get(f"/parcels/{declared['declaration_id']}").text
    assert "In the seller&#39;s catalogue" in page
    assert f'href="/parcels/{told["declaration_id"]}"' in page


def test_senders_see_what_they_told_themselves(client: TestClient, who: Who) -> None:
    sent(client, who.courier, product("C-2"))
    (declared,) = sent(client, who.post, order("O-2", line("C-2", "630492")))
    assert products(client, who.post, declared) == []
    sent(client, who.post, product("C-2", title="Cushion cover of cotton"))
    assert [each["title"] for each in products(client, who.post, declared)] == ["Cushion cover of cotton"]
    assert len(products(client, who.officer, declared)) == 2


def test_the_last_word_on_a_product_counts_until_it_is_withdrawn(client: TestClient, who: Who) -> None:
    sent(client, who.post, product("C-3"))
    (declared,) = sent(client, who.post, order("O-3", line("C-3", "630492")))
    sent(client, who.post, product("C-3", hs_code="940490") | {"function": "amendment"})
    (changed,) = products(client, who.officer, declared)
    assert changed["hs_code"] == "940490"
    assert [each["pointer"] for each in changed["differs"]] == ["goods_items[1].commodity_code"]
    sent(client, who.post, product("C-3") | {"function": "cancellation"})
    assert products(client, who.officer, declared) == []


def test_another_marketplace_s_number_is_another_product(client: TestClient, who: Who) -> None:
    sent(client, who.post, product("C-4") | {"marketplace": {"party_id": "GB888888873"}})
    (declared,) = sent(client, who.post, order("O-4", line("C-4", "630492")))
    assert products(client, who.officer, declared) == []


def test_a_product_needs_a_number_and_a_name(client: TestClient, who: Who) -> None:
    (refused,) = sent(client, who.post, product("", title=""))
    assert refused["state"] == "rejected"
    answer = client.get(f"{API}/declarations/{refused['declaration_id']}", headers=who.post)
    places = {each["pointer"] for each in answer.json()["findings"] if each["severity"] == "error"}
    assert {"goods_items[1].sku", "goods_items[1].description"} <= places
