"""Models at the doors: registered by one officer, approved by another, by pages and by REST, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from api import parcels
from api.conftest import BASE, PASSWORD, Who
from api.test_accounts_doors import TOKEN, Person, send
from tidewaiter.risk.scoring import Chain, Level, Recipe, ScoreModel, digest_of, model_bytes
from tidewaiter.risk.scoring.card import Card
from tidewaiter.risk.scoring.model import Amount, Tree
from tidewaiter.store.senders import KeyHolder
from tidewaiter.web.app import create_app
from tidewaiter.web.house import House
from tidewaiter.web.settings import WebSettings, hash_password


def model(column: str = "commodity_code", base: int = 200_000) -> ScoreModel:
    chain = Chain("goods", (Level(((column, 4),)), Level(((column, 2),))))
    tree = Tree((0, 1), (300_000, 50_000_000), (1, -2), (-1, -3), (-1000, 0, 1000))
    tables = ({"6109": (700_000, 44)}, {"61": (600_000, 60), "85": (100_000, 80)})
    steps = ((-1000, 50_000), (0, 400_000), (1000, 800_000))
    recipe = Recipe("label", (chain,), ("price",))
    return ScoreModel(recipe, base, (tables,), (tree,), steps, amount=Amount("GBP", 1250, 9000))


def card(known: ScoreModel) -> str:
    found = Card(
        digest_of(known), "d" * 64, 1234, "0.200000", ("goods", "price"), 0.71, (0.68, 0.74), 0.499, ("Only a limit: see `score drift`.",),
        source="examinations of a test", effective_rows=900, plain_rate="0.410000", left_out={"not drawn": 7},
    )  # fmt: skip
    return msgspec.json.encode(found).decode()


@pytest.fixture(scope="module")
def officers(house: House) -> Iterator[dict[str, Person]]:
    """Two officers, each signed in."""
    settings = WebSettings(secret=b"r" * 32, officers={name: hash_password(PASSWORD) for name in ("anna", "boris")})
    own = House(store=house.store, intake=house.intake, desk=house.desk, senders=house.senders,
                accounts=house.accounts, quality=house.quality, connectors=house.connectors, settings=settings)  # fmt: skip
    with TestClient(create_app(own), base_url=BASE, raise_server_exceptions=False) as opened:
        yield {name: Person(opened, name) for name in settings.officers}


@pytest.fixture(scope="module")
def second(house: House) -> dict[str, str]:
    """Another officer's key."""
    return {"Authorization": f"Bearer {house.store.senders.issue_key(KeyHolder(name='boris', role='officer'))}"}


def registered(client: TestClient, who: Who, **more: Any) -> Any:
    known = model()
    body = {
        "name": "undervaluation",
        "content": model_bytes(known).decode(),
        "card": card(known),
        "words": "a test",
    } | more
    return client.post("/api/v1/models", json=body, headers=who.officer)


def test_one_registers_and_another_approves_by_rest(client: TestClient, who: Who, second: dict[str, str]) -> None:
    answer = registered(client, who)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    number = told["model"]["number"]
    assert (told["model"]["state"], told["card"]["rows"]) == ("registered", 1234)
    assert told["looks_at"] == [
        {"feature": "goods", "splits": 1, "share": 0.5}, {"feature": "price", "splits": 1, "share": 0.5},
    ]  # fmt: skip
    steps = f"/api/v1/models/{number}/steps"
    tried = client.post(steps, json={"step": "trial"}, headers=who.officer).json()["model"]
    assert (tried["state"], tried["is_on_trial"]) == ("registered", True)
    own = client.post(steps, json={"step": "approve"}, headers=who.officer)
    assert (own.status_code, own.json()["code"]) == (409, "risk.second_person")
    done = client.post(steps, json={"step": "approve", "words": "as its card says"}, headers=second).json()
    assert (done["model"]["state"], done["model"]["is_on_trial"]) == ("deciding", False)
    assert [(each["step"], each["by"]) for each in done["steps"]] == [
        ("register", "anna"), ("trial", "anna"), ("approve", "boris"),
    ]  # fmt: skip
    again = client.post(steps, json={"step": "approve"}, headers=second)
    assert (again.status_code, again.json()["code"]) == (409, "score.life")
    content = client.get(f"/api/v1/models/{number}/content", headers=who.officer)
    assert content.content == model_bytes(model())
    listed = client.get("/api/v1/models", headers=who.officer).json()["models"]
    assert number in [each["number"] for each in listed]
    assert client.get("/api/v1/models", headers=who.post).status_code == 403
    sent = client.post("/api/v1/messages", content=parcels.night(8001), headers=who.post)
    assert sent.status_code == 201, sent.text
    newest = client.get("/api/v1/declarations?limit=1", headers=who.officer).json()["declarations"][0]["declaration_id"]
    page = client.get(f"/parcels/{newest}").text
    assert "What scores say" in page
    assert "undervaluation" in page
    assert client.post(steps, json={"step": "retire", "words": "done"}, headers=second).status_code == 200


def test_what_cannot_be_a_model_is_refused_with_its_code(client: TestClient, who: Who) -> None:
    for more, code, status in (
        ({"content": "{}"}, "score.model", 422),
        ({"content": model_bytes(model("colour")).decode(), "card": ""}, "score.model", 422),
        ({"card": card(model(base=1))}, "score.model", 422),  # of another model
        ({"name": "Under Valuation"}, "request.invalid", 400),
        ({"jurisdiction_code": "dk"}, "request.invalid", 400),
    ):
        answer = registered(client, who, **more)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (
        "no declaration gives: colour"
        in registered(client, who, content=model_bytes(model("colour")).decode(), card="").json()["detail"]
    )
    missing = client.get("/api/v1/models/999999", headers=who.officer)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_drift_is_looked_at_by_rest_and_told_on_the_page(client: TestClient, who: Who) -> None:
    sent = client.post("/api/v1/messages", content=parcels.night(8101), headers=who.post)
    assert sent.status_code == 201, sent.text
    number = registered(client, who).json()["model"]["number"]
    since, until = (str(datetime.now(UTC).date() + timedelta(days)) for days in (-2, 2))
    day = {"since": since, "until": until, "against_since": since, "against_until": until}
    looked = client.post(f"/api/v1/models/{number}/drifts", json=day, headers=who.officer)
    assert looked.status_code == 201, looked.text
    (drift,) = looked.json()["drifts"]
    assert drift["is_calm"]
    assert [each["feature"] for each in drift["features"]] == ["goods", "price", "score"]
    assert {each["index"] for each in drift["features"]} == {0.0}
    page = client.get(f"/models/{number}").text
    assert "What comes in looks as it did; nothing was examined" in page
    assert "Only a limit: see <code>score drift</code>." in page
    assert "nothing was examined in any of" in page
    assert "none examined" not in page
    assert "commodity_code 6109" in page
    empty = client.post(
        f"/api/v1/models/{number}/drifts",
        json=day | {"since": "2001-01-01", "until": "2001-01-02"},
        headers=who.officer,
    )
    assert (empty.status_code, empty.json()["code"]) == (422, "score.model")
    turned = client.post(f"/api/v1/models/{number}/drifts", json=day | {"until": "2025-01-01"}, headers=who.officer)
    assert (turned.status_code, turned.json()["code"]) == (400, "request.invalid")


def test_two_officers_bring_a_model_into_force_at_the_pages(officers: dict[str, Person]) -> None:
    anna, boris = officers["anna"], officers["boris"]
    known = model(base=210_000)
    token = send(anna, "/models", "/models", name="ipr", words="by page")
    assert token.status_code == 400  # no file was chosen
    assert "No model was chosen." in token.text
    answer = upload(anna, "ipr", model_bytes(known), card(known))
    assert answer.status_code == 303, answer.text
    listed = anna.get("/models").text
    number = max(int(part.split('"')[0]) for part in listed.split('href="/models/')[1:])
    path = f"/models/{number}"
    page = anna.get(path).text
    assert "You registered it: another officer approves it." in page
    assert 'value="approve"' not in page
    assert send(anna, path, path, action="trial", words="see").status_code == 303
    own = send(anna, path, path, action="approve")
    assert (own.status_code, "a second person approves it" in own.text) == (409, True)
    assert 'value="approve"' in boris.get(path).text
    assert send(boris, path, path, action="approve").headers["location"] == f"{path}?done=approve"
    assert "Decides" in boris.get(path).text
    assert (
        send(boris, path, path, action="look", since="x", until="", against_since="", against_until="").status_code
        == 400
    )
    assert send(boris, path, path, action="fly").status_code == 400
    assert send(boris, path, path, action="retire", words="over").status_code == 303
    wrong = upload(anna, "ipr", b"{}", "")
    assert (wrong.status_code, "not a model" in wrong.text) == (422, True)


def upload(officer: Person, name: str, content: bytes, card: str) -> Any:
    """Register by the form, with its files."""
    token = TOKEN.search(officer.get("/models").text)
    assert token is not None
    files = {"model": ("model.json", content, "application/json")}
    if card:
        files["card"] = ("card.json", card.encode(), "application/json")
    fields = {"_token": token[1], "name": name, "words": "by page"}
    return officer.post("/models", data=fields, files=files, follow_redirects=False)


def test_the_description_tells_of_models(client: TestClient) -> None:
    told = json.loads(client.get("/api/v1/openapi.json").text)
    assert {"/api/v1/models", "/api/v1/models/{number}", "/api/v1/models/{number}/steps"} <= set(told["paths"])
