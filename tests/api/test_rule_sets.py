"""Rule sets at the doors: two officers at the pages, the same by REST, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from api import parcels
from api.conftest import BASE, PASSWORD, Who
from api.test_accounts_doors import Person, send
from tidewaiter.web.app import create_app
from tidewaiter.web.house import House
from tidewaiter.web.settings import WebSettings, hash_password

TEXT = """\
rule any.goods
    title: Any goods
    words: Something is declared. Look at it.
    lane: yellow
    when:
        item.invoice_price > money("0.01 GBP") && has(item.description)
"""
MORE = (
    TEXT
    + """
rule dear
    title: Dear goods
    words: Dear goods. Look at them.
    lane: red
    when:
        item.invoice_price > money("90000 GBP") && has(item.description)
"""
)
BAD = TEXT.replace("invoice_price", "invoice_prize")


@pytest.fixture(scope="module")
def officers(house: House) -> Iterator[dict[str, Person]]:
    """Two officers, each signed in."""
    settings = WebSettings(secret=b"r" * 32, officers={name: hash_password(PASSWORD) for name in ("anna", "boris")})
    own = House(store=house.store, intake=house.intake, desk=house.desk, senders=house.senders,
                accounts=house.accounts, quality=house.quality, connectors=house.connectors, settings=settings)  # fmt: skip
    with TestClient(create_app(own), base_url=BASE, raise_server_exceptions=False) as opened:
        yield {name: Person(opened, name) for name in settings.officers}


def act(officer: Person, path: str, action: str, **fields: str) -> Any:
    return send(officer, path, path, action=action, **fields)


def began(officer: Person, name: str, text: str = TEXT) -> str:
    answer = send(officer, "/rules", "/rules", name=name, text=text, words="a trial of the pages")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).partition("?")[0]


def test_two_officers_bring_a_rule_set_into_force_and_it_explains_a_parcel(
    client: TestClient, who: Who, officers: dict[str, Person]
) -> None:
    anna, boris = officers["anna"], officers["boris"]
    path = began(anna, "pages")
    assert act(anna, path, "check").headers["location"] == f"{path}?done=check"
    assert act(anna, path, "trial").status_code == 303
    assert act(anna, path, "propose").status_code == 303
    page = anna.get(path).text
    assert "You wrote or proposed it" in page
    assert 'value="approve"' not in page
    own = act(anna, path, "approve")
    assert (own.status_code, "a second person approves it" in own.text) == (409, True)
    assert 'value="approve"' in boris.get(path).text
    assert act(boris, path, "approve").status_code == 303
    assert act(anna, path, "publish").status_code == 303
    shown = boris.get("/rules/pages").text
    assert "Decides" in shown
    assert "Published" in shown
    sent = client.post("/api/v1/messages", content=parcels.night(6001), headers=who.post)
    assert sent.status_code == 201, sent.text
    rows = client.get("/api/v1/declarations?limit=1", headers=who.officer).json()["declarations"]
    number = rows[0]["declaration_id"]
    told = client.get(f"/api/v1/declarations/{number}/rules", headers=who.officer).json()["rule_sets"]
    assert [each["name"] for each in told] == ["pages"]
    page = client.get(f"/parcels/{number}").text
    assert "Why rules pointed at it" in page
    assert client.get(f"/api/v1/declarations/{number}/rules", headers=who.post).status_code == 403
    assert act(anna, path, "retire").status_code == 303


def test_mistakes_stand_beside_their_line_and_a_step_is_refused(officers: dict[str, Person]) -> None:
    anna = officers["anna"]
    path = began(anna, "wrong", BAD)
    page = anna.get(path).text
    assert 'id="L6" class="has-mistake"' in page
    assert "did you mean item.invoice_price" in page
    refused = act(anna, path, "trial")
    assert (refused.status_code, "check it first" in refused.text) == (409, True)
    assert act(anna, path, "fly").status_code == 400
    saved = act(anna, path, "save_check", revision="1", text=TEXT)
    assert saved.status_code == 303
    assert "No mistake, nothing to look at." in anna.get(path).text


def test_the_second_who_saves_a_draft_is_told_and_keeps_what_was_typed(officers: dict[str, Person]) -> None:
    anna, boris = officers["anna"], officers["boris"]
    path = began(anna, "shared")
    assert act(boris, path, "save", revision="1", text=TEXT.replace("0.01", "0.02")).status_code == 303
    refused = act(anna, path, "save", revision="1", text=TEXT.replace("0.01", "0.03"))
    assert refused.status_code == 409
    assert "boris wrote version 1 of shared" in refused.text
    assert "0.03" in refused.text
    assert "0.02" in refused.text
    assert act(anna, path, "save", text=TEXT).status_code == 400


def test_forms_and_tables_write_the_same_text(officers: dict[str, Person]) -> None:
    anna = officers["anna"]
    path = began(anna, "views", MORE)
    forms = anna.get(f"{path}?view=form").text
    assert 'name="form-dear-1"' in forms
    saved = act(anna, path, "save_form", revision="1", view="form", **{"form-dear-1": 'money("500 GBP")'})
    assert saved.status_code == 303, saved.text
    table = anna.get(f"{path}?view=table").text
    assert "500.00 GBP" in table or "500 GBP" in table
    saved = act(anna, path, "save_table", revision="2", view="table", table="1", **{"cell-2-1": 'money("700 GBP")'})
    assert saved.status_code == 303, saved.text
    assert "700 GBP" in anna.get(path).text
    odd = act(anna, path, "save_table", revision="3", view="table", table="1", **{"cell-2-1": "much"})
    assert odd.status_code == 422
    assert act(anna, path, "save_table", revision="3", view="table", table="9").status_code == 404


def test_a_back_test_and_a_comparison_are_shown(client: TestClient, who: Who, officers: dict[str, Person]) -> None:
    anna = officers["anna"]
    client.post("/api/v1/messages", content=parcels.night(6002), headers=who.post)
    path = began(anna, "tried")
    answer = send(anna, path, f"{path}/back-tests", since="", until="")
    assert answer.status_code == 303, answer.text
    page = anna.get(answer.headers["location"]).text
    assert "any.goods" in page
    assert "item.invoice_price in GBP &gt; 0.01" in page
    second = began(anna, "tried", MORE)
    assert second.endswith("/2")
    compared = anna.get("/rules/tried/compare?before=1&after=2&since=2026-01-01").text
    assert "+ rule dear" in compared
    assert "of " in compared
    assert send(anna, path, f"{path}/back-tests", since="soon").status_code == 400
    assert anna.get("/rules/tried/compare?before=x").status_code == 400
    assert anna.get("/back-tests/99999").status_code == 404


def test_by_rest_from_a_draft_to_a_back_test(client: TestClient, who: Who) -> None:
    made = client.post("/api/v1/rule-sets/rest/versions", json={"text": BAD}, headers=who.officer)
    assert made.status_code == 201
    assert [(each["line"], each["is_warning"]) for each in made.json()["problems"]] == [(6, False)]
    path = "/api/v1/rule-sets/rest/versions/1"
    rewritten = client.put(path, json={"text": MORE, "revision": 1}, headers=who.officer)
    assert (rewritten.status_code, rewritten.json()["version"]["revision"]) == (200, 2)
    late = client.put(path, json={"text": TEXT, "revision": 1}, headers=who.officer)
    assert (late.status_code, late.json()["code"]) == (409, "risk.draft_changed")
    checked = client.post(f"{path}/steps", json={"step": "check"}, headers=who.officer)
    assert checked.json()["version"]["state"] == "checked"
    client.post(f"{path}/steps", json={"step": "propose"}, headers=who.officer)
    own = client.post(f"{path}/steps", json={"step": "approve"}, headers=who.officer)
    assert (own.status_code, own.json()["code"]) == (409, "risk.second_person")
    client.post("/api/v1/messages", content=parcels.night(6003), headers=who.post)
    tested = client.post(f"{path}/back-tests", json={}, headers=who.officer)
    assert tested.status_code == 201, tested.text
    assert tested.json()["decided"] > 0
    number = tested.json()["back_test_id"]
    found = client.get(f"/api/v1/back-tests/{number}/parcels?limit=2", headers=who.officer).json()
    assert found["parcels"][0]["explanation"]["hits"][0]["held"]
    assert client.get("/api/v1/rule-sets", headers=who.post).status_code == 403
    assert client.get("/api/v1/rule-sets").status_code == 401
    assert client.get("/api/v1/rule-sets/nothing", headers=who.officer).status_code == 404
