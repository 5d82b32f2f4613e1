"""Elections at the pages: one officer proposes, another answers, and what the law does not offer is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from api.conftest import BASE, PASSWORD
from api.test_accounts_doors import Person, send
from tidewaiter.web.app import create_app
from tidewaiter.web.house import House
from tidewaiter.web.settings import WebSettings, hash_password
from tidewaiter.workflow.elections import Elections

AT = datetime(2025, 9, 1, 9, tzinfo=UTC)  # a day on which the law of the United States offers one
FLAT = "US us.postal.duty flat"


@pytest.fixture(scope="module")
def officers(house: House) -> Iterator[dict[str, Person]]:
    """Two officers on a day of the past, each signed in."""
    settings = WebSettings(secret=b"e" * 32, officers={name: hash_password(PASSWORD) for name in ("anna", "boris")})
    then = House(store=house.store, intake=house.intake, desk=house.desk, senders=house.senders,
                 accounts=house.accounts, quality=house.quality, connectors=house.connectors, settings=settings)  # fmt: skip
    vars(then)["elections"] = Elections(house.store, clock=lambda: AT)
    with TestClient(create_app(then), base_url=BASE, raise_server_exceptions=False) as opened:
        yield {name: Person(opened, name) for name in settings.officers}


def propose(officer: Person, offer: str = FLAT, operator: str = "US-CARRIER 7", starts_on: str = "2025-09-10") -> Any:
    return send(officer, "/elections", "/elections", offer=offer, operator=operator, starts_on=starts_on)


def test_one_proposes_and_another_answers(house: House, officers: dict[str, Person]) -> None:
    anna, boris = officers["anna"], officers["boris"]
    assert propose(anna).headers["location"] == "/elections?done=proposed"
    (waiting,) = Elections(house.store).all()
    assert (waiting.operator_id, waiting.proposed_by, waiting.is_approved) == ("uscarrier7", "anna", None)
    path = f"/elections/{waiting.election_id}"
    assert "You proposed this" in anna.get("/elections").text
    own = send(anna, "/elections", path, answer="approve")
    assert (own.status_code, "another must answer" in own.text) == (409, True)
    assert "Approve<span" in boris.get("/elections").text
    assert send(boris, "/elections", path, answer="approve").headers["location"] == "/elections?done=approved"
    (kept,) = Elections(house.store).all()
    assert (kept.is_approved, kept.answered_by) == (True, "boris")
    page = boris.get("/elections?done=approved").text
    assert "it is obeyed from its first day on" in page
    assert "Approved by boris" in page
    assert send(boris, "/elections", path, answer="refuse").status_code == 409


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"offer": ""}, 400, "Choose what is elected."),
        ({"starts_on": "soon"}, 400, "is not a day"),
        ({"starts_on": "2025-08-01"}, 409, "is past"),
        ({"operator": " - "}, 404, "no operator is named"),
        ({"starts_on": "2026-12-01"}, 404, "IEEPA duties ended"),
        ({"offer": "US us.postal.duty other"}, 404, "is no option"),
    ],
)  # fmt: skip
def test_what_cannot_be_elected_is_said_beside_what_was_typed(
    officers: dict[str, Person], fields: dict[str, str], status: int, said: str
) -> None:
    answer = propose(officers["anna"], **({"operator": "US-CARRIER 8"} | fields))
    assert answer.status_code == status
    assert said in answer.text
    if "operator" not in fields:
        assert 'value="US-CARRIER 8"' in answer.text


def test_where_the_law_leaves_no_choice_the_page_says_so(client: TestClient) -> None:
    page = client.get("/elections").text
    assert "Nothing can be elected from today on" in page
    assert "us.postal.duty" in page
    assert "until before 2026-02-24" in page
    assert "IEEPA duties ended" in page
    assert "30 days at least" in page
    assert "nobody to give the second answer" in page  # local mode


def test_signing_in_comes_first(guarded: TestClient) -> None:
    guarded.cookies.clear()
    answer = guarded.get("/elections", follow_redirects=False)
    assert answer.headers["location"] == "/login?next=%2Felections"
