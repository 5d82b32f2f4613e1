"""Lists at the doors for machines: proposed, seen, answered by another, written out, asked; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from litestar.testing import TestClient

from api.conftest import Who
from tidewaiter.store.senders import KeyHolder
from tidewaiter.web.house import House

CSV = "id,values,words,lane,from,until,source\ne1,Bright Star Trading Ltd|CN12345,Seized twice.,red,,,case 7\n"
LISTS = "/api/v1/lists"


@pytest.fixture(scope="module")
def boris(house: House) -> dict[str, str]:
    key = house.store.senders.issue_key(KeyHolder(name="boris", role="officer"))
    return {"Authorization": f"Bearer {key}"}


def wanted(**more: Any) -> dict[str, Any]:
    return {"kind": "parties", "title": "Offenders", "source": "ours", "entries": CSV, "words": "seized"} | more


def proposed(client: TestClient, who: Who, name: str, **more: Any) -> int:
    answer = client.post(f"{LISTS}/{name}/versions", json=wanted(**more), headers=who.officer)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["version_id"])


def answered(client: TestClient, key: dict[str, str], number: int, *, is_approved: bool = True) -> Any:
    return client.post(f"/api/v1/list-versions/{number}/answer", json={"is_approved": is_approved}, headers=key)


def test_a_list_through_its_life(client: TestClient, who: Who, boris: dict[str, str]) -> None:
    number = proposed(client, who, "rest_offenders")
    seen = client.get(f"/api/v1/list-versions/{number}", headers=boris).json()
    assert seen["version"]["proposed_by"] == "anna"
    assert seen["version"]["is_approved"] is None
    assert seen["changes"] == {"added": ["e1"], "removed": [], "changed": []}
    assert seen["content"]["entries"][0]["values"] == ["Bright Star Trading Ltd", "CN12345"]
    assert client.get(f"{LISTS}/rest_offenders", headers=boris).status_code == 404  # nothing decides yet
    own = answered(client, who.officer, number)
    assert (own.status_code, own.json()["code"]) == (409, "list.answer")
    assert answered(client, boris, number).json()["answered_by"] == "boris"
    again = answered(client, boris, number)
    assert (again.status_code, again.json()["code"]) == (409, "list.answer")
    (row,) = [each for each in client.get(LISTS, headers=boris).json()["lists"] if each["name"] == "rest_offenders"]
    assert (row["manner"], row["alike_from"], row["in_force"]) == ("rarity", "0.78", 1)
    assert row["digest"] == seen["version"]["digest"]
    csv = client.get(f"{LISTS}/rest_offenders/csv", headers=boris)
    assert csv.headers["content-type"].startswith("text/csv")
    assert csv.text == CSV
    ended = client.post(f"{LISTS}/rest_offenders/end", json={"words": "over"}, headers=who.officer).json()
    assert (ended["digest"], ended["entries"]) == ("", 0)
    end = client.get(f"/api/v1/list-versions/{ended['version_id']}", headers=boris).json()
    assert (end["content"], end["changes"]["removed"]) == (None, ["e1"])
    assert answered(client, boris, ended["version_id"]).status_code == 200
    assert client.get(f"{LISTS}/rest_offenders", headers=boris).status_code == 404
    versions = client.get("/api/v1/list-versions?name=rest_offenders", headers=boris).json()["versions"]
    assert [each["is_approved"] for each in versions] == [True, True]


def test_entries_are_read_in_parts(client: TestClient, who: Who, boris: dict[str, str]) -> None:
    rows = "".join(f"e{number:03},Zebulon Quistgaard {number},Because.\n" for number in range(5))
    answered(client, boris, proposed(client, who, "rest_parts", entries="id,values,words\n" + rows))
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page = client.get(f"{LISTS}/rest_parts?limit=2&after={after}", headers=boris).json()
        seen += [each["entry_id"] for each in page["entries"]]
        after = page["next_after"]
    assert seen == [f"e{number:03}" for number in range(5)]


def test_a_name_is_held_against_a_list(client: TestClient, who: Who, boris: dict[str, str]) -> None:
    answered(client, boris, proposed(client, who, "rest_names"))
    address = f"{LISTS}/rest_names/screenings"
    (match,) = client.post(address, json={"text": "Brght Star Tradng"}, headers=boris).json()["matches"]
    assert (match["entry_id"], match["listed"]) == ("e1", "Bright Star Trading Ltd")
    assert "“star”" in match["because"]
    assert client.post(address, json={"text": "Otto Wolf"}, headers=boris).json()["matches"] == []
    goods = proposed(client, who, "rest_goods", kind="goods", entries="id,values,words\ng1,replica watch,Because.\n")
    answered(client, boris, goods)
    refused = client.post(f"{LISTS}/rest_goods/screenings", json={"text": "x"}, headers=boris)
    assert (refused.status_code, refused.json()["code"]) == (400, "request.invalid")


def test_every_wrong_line_is_told_and_nothing_taken(client: TestClient, who: Who) -> None:
    entries = "id,values,words,lane\ne1,X Y,,red\ne2,Z,Because.,purple\n"
    answer = client.post(f"{LISTS}/rest_bad/versions", json=wanted(entries=entries), headers=who.officer)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "list.file")
    told = [(each["place"], each["pointer"]) for each in problem["findings"]]
    assert told == [("line 2", "words"), ("line 3", "lane")]
    assert client.get("/api/v1/list-versions?name=rest_bad", headers=who.officer).json()["versions"] == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"kind": "people"}, 400, "request.invalid"),
        ({"threshold": "2"}, 400, "request.invalid"),
        ({"colour": "red"}, 400, "request.invalid"),
    ],
)
def test_what_is_no_list_is_refused(
    client: TestClient, who: Who, change: dict[str, str], status: int, code: str
) -> None:
    answer = client.post(f"{LISTS}/rest_none/versions", json=wanted(**change), headers=who.officer)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_one_version_waits_at_a_time_and_senders_see_nothing(client: TestClient, who: Who) -> None:
    number = proposed(client, who, "rest_waits")
    second = client.post(f"{LISTS}/rest_waits/versions", json=wanted(), headers=who.officer)
    assert (second.status_code, second.json()["code"]) == (409, "list.waits")
    for address in (LISTS, "/api/v1/list-versions", f"/api/v1/list-versions/{number}"):
        assert client.get(address, headers=who.post).status_code == 403
    assert client.get("/api/v1/list-versions/99999", headers=who.officer).status_code == 404


def test_the_page_says_how_many_entries_are_in_force(client: TestClient, who: Who, boris: dict[str, str]) -> None:
    rows = "id,values,words,until\nold,Zebulon Quistgaard,Over.,2001-12-31\nnew,Ottoline Vandermeer,Because.,\n"
    answered(client, boris, proposed(client, who, "rest_expired", entries=rows))
    (row,) = [each for each in client.get("/lists").text.split("<tr>") if "/lists/rest_expired" in each]
    assert "<td>2</td><td>1</td>" in row
    assert "Entries in force today: 1." in client.get("/lists/rest_expired").text
