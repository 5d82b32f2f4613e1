"""Returns over REST and at the desk: own things only, findings with their place, officers by two where it matters."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from api.conftest import Who
from returns import a_return, an_event, declaration, import_goods
from tidewaiter.web.house import House

RECEIVED = "?received_on=2026-07-10"


def lines(*records: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(each) for each in records).encode()


def on_behalf(who: Who) -> str:
    return f"{RECEIVED}&sender={who.post_id}"


@pytest.fixture(scope="module")
def imports(house: House) -> list[int]:
    return import_goods(house.store, *(declaration(number) for number in range(1, 9)), sender="Meridian Post")


def test_a_return_waits_and_is_decided_when_its_exit_event_comes(
    client: TestClient, who: Who, imports: list[int]
) -> None:
    answer = client.post(f"/api/v1/returns{on_behalf(who)}", content=lines(a_return(1)), headers=who.officer)
    assert answer.status_code == 201, answer.text
    assert answer.json()["counts"] == {"waiting": 1}
    case = answer.json()["lines"][0]["cases"][0]
    assert case["declaration_id"] == imports[0]
    assert case["amount"] == {"amount": "86.37", "currency": "GBP"}
    told = client.post("/api/v1/exit-events", content=lines(an_event(1)), headers=who.courier)
    assert told.status_code == 201, told.text
    assert told.json()["counts"] == {}  # the courier is told that it was of use, not what others get back
    assert (told.json()["lines"][0]["cases"], told.json()["lines"][0]["case_count"]) == ([], 1)
    found = client.get("/api/v1/returns/R-1", headers=who.post).json()
    (case,) = found["cases"]
    assert case["outcome"] == "remission"
    assert case["remitted"] == {"amount": "86.37", "currency": "GBP"}
    assert case["paid_out"] is None
    assert [line["amount"] for line in case["lines"]] == ["25.53", "2.12", "37.02", "21.70"]
    assert case["claim_by"] == "2026-09-13"
    assert found["exit_events"][0]["event_id"] == "E-1"
    assert all(citation["address"] for citation in case["citations"].values())
    assert client.get(f"/api/v1/returns/{case['case_no']}", headers=who.officer).json() == found


def test_the_same_again_gives_the_same_answer_and_other_content_is_refused(
    client: TestClient, who: Who, imports: list[int]
) -> None:
    keyed = who.post | {"Idempotency-Key": "night-7"}
    first = client.post("/api/v1/returns", content=lines(a_return(2)), headers=keyed)
    again = client.post("/api/v1/returns", content=lines(a_return(2)), headers=keyed)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() | {"is_repeat": False} == first.json()
    other = client.post("/api/v1/returns", content=lines(a_return(3)), headers=keyed)
    assert other.status_code == 409
    assert other.json()["code"] == "submission.conflict"


def test_a_declarant_sees_its_own_returns_and_imports_only(client: TestClient, who: Who, imports: list[int]) -> None:
    mine = client.post("/api/v1/returns", content=lines(a_return(4, return_id="KEX-4")), headers=who.courier).json()
    assert mine["lines"][0]["cases"][0]["declaration_id"] is None  # the import is the post's
    assert mine["lines"][0]["cases"][0]["outcome"] == "case"
    assert client.get("/api/v1/returns/KEX-4", headers=who.post).status_code == 404
    ours = client.get("/api/v1/returns", headers=who.courier).json()["cases"]
    assert [case["return_id"] for case in ours] == ["KEX-4"]
    everyone = client.get("/api/v1/returns?limit=500", headers=who.officer).json()["cases"]
    assert len(everyone) > len(ours)
    assert client.get("/api/v1/returns").status_code == 401
    assert client.post("/api/v1/returns", content=b"{}").status_code == 401


def test_only_officers_name_another_day_or_sender(client: TestClient, who: Who) -> None:
    day = client.post(f"/api/v1/returns{RECEIVED}", content=lines(a_return(5)), headers=who.post)
    sender = client.post(f"/api/v1/returns?sender={who.post_id}", content=lines(a_return(5)), headers=who.courier)
    nobody = client.post("/api/v1/returns", content=lines(a_return(5)), headers=who.officer)
    assert [answer.status_code for answer in (day, sender, nobody)] == [403, 403, 400]


def test_bad_records_are_told_with_their_place_and_the_others_taken(
    client: TestClient, who: Who, imports: list[int]
) -> None:
    body = b"return_id;reason;waybill;items.quantity;items.sku\nC-1;returned to seller;WB00000005;1;BAG-1\nC-2;lost it;W;x;\n"
    answer = client.post("/api/v1/returns", content=body, headers=who.post | {"Content-Type": "text/csv"})
    assert answer.status_code == 201
    found = answer.json()
    assert [line["name"] for line in found["lines"]] == ["C-1"]
    assert {finding["place"] for finding in found["findings"]} == {
        "row 3, column reason",
        "row 3, column items.quantity",
    }


@pytest.mark.parametrize(
    ("body", "place"), [(b"[{", "line 1"), (b"hello", "row 1"), (b'{"return_id": 1', "line 1"), (b"\xff", "byte 1")]
)
def test_what_is_no_message_is_refused_and_kept(client: TestClient, who: Who, body: bytes, place: str) -> None:
    answer = client.post("/api/v1/returns", content=body, headers=who.post)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "message.unreadable"
    assert "It is kept as message" in problem["detail"]
    assert problem["place"].startswith(place)
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_schemas_are_those_of_the_documentation(client: TestClient) -> None:
    schema = client.get("/api/v1/schema/return").json()
    assert schema["$defs"]["ReturnRecord"]["required"] == ["return_id", "reason"]
    event = client.get("/api/v1/schema/exit-event").json()
    assert "happened_at" in event["$defs"]["ExitEvent"]["required"]


# --- the desk ------------------------------------------------------------------------------------------------------


def test_an_officer_finds_reads_and_decides_a_case(client: TestClient, who: Who, imports: list[int]) -> None:
    body = lines(a_return(6, return_id="DESK-6", documents=[], exit_event=an_event(6)))
    answer = client.post(f"/api/v1/returns{on_behalf(who)}", content=body, headers=who.officer).json()
    case_no = answer["lines"][0]["cases"][0]["case_no"]
    listed = client.get("/returns?outcome=case").text
    assert "DESK-6" in listed
    page = client.get(f"/returns/{case_no}")
    assert "no proof: return order" in page.text
    assert "How was this worked out" in page.text
    assert "share 3 of 3" in page.text
    assert f"/returns/{case_no}" in client.get(f"/parcels/{imports[5]}").text
    by_name = client.get("/returns/DESK-6", follow_redirects=False)
    assert (by_name.status_code, by_name.headers["location"]) == (303, f"/returns/{case_no}")
    nobody = client.get("/returns/DESK-66")
    assert (nobody.status_code, "No return is kept under DESK-66." in nobody.text) == (404, True)
    token = page.text.split('name="_token" value="')[1].split('"')[0]
    wordless = client.post(f"/returns/{case_no}/decide", data={"_token": token, "verdict": "grant", "words": " "})
    assert wordless.status_code == 409
    assert "a decision needs words" in wordless.text
    done = client.post(f"/returns/{case_no}/decide", data={"_token": token, "verdict": "grant", "words": "order seen"})
    assert "Kept: you give it back." in done.text
    assert "granted by officer local: order seen" in done.text
    again = client.post(f"/returns/{case_no}/decide", data={"_token": token, "verdict": "refuse", "words": "no"})
    assert again.status_code == 409
    assert "ended with a remission" in again.text


def test_where_two_are_needed_one_officer_is_not_enough(client: TestClient, who: Who, imports: list[int]) -> None:
    body = lines(a_return(7, return_id="DESK-7", exit_event=an_event(7)))
    late = client.post(
        f"/api/v1/returns?received_on=2026-11-20&sender={who.post_id}", content=body, headers=who.officer
    )
    case = late.json()["lines"][0]["cases"][0]
    assert case["outcome"] == "refused"
    page = client.get(f"/returns/{case['case_no']}").text
    assert "needs two officers" in page
    token = page.split('name="_token" value="')[1].split('"')[0]
    once = client.post(
        f"/returns/{case['case_no']}/decide", data={"_token": token, "verdict": "grant", "words": "hardship"}
    )
    assert "It counts when a second officer agrees." in once.text
    assert (
        client.get(f"/api/v1/returns/{case['case_no']}", headers=who.officer).json()["cases"][0]["outcome"] == "refused"
    )


@pytest.mark.parametrize("address", ["/returns?outcome=nothing", "/returns?before=x", "/returns/999999"])
def test_what_cannot_be_is_said_kindly(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code in (400, 404)
    assert "<h1" in answer.text


def test_strangers_do_not_see_returns(guarded: TestClient) -> None:
    answer = guarded.get("/returns", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


def test_a_receipt_is_json_that_can_be_read_again(client: TestClient, who: Who, imports: list[int]) -> None:
    answer = client.post("/api/v1/returns", content=lines(a_return(8)), headers=who.post)
    assert msgspec.json.decode(answer.content)["record_count"] == 1
