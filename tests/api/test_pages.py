"""The pages on a real store, asked in this process: what they say, and what they refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from litestar.testing import TestClient

from api import parcels
from api.conftest import BASE, PASSWORD, Who
from tidewaiter.web.house import House
from tidewaiter.workflow.quality_record import Scoring

TOKEN = re.compile(r'name="_token" value="([^"]+)"')


@pytest.fixture(scope="module")
def night(client: TestClient, who: Who) -> dict[str, int]:
    """A night's load; the number of each parcel by reference."""
    answer = client.post("/api/v1/messages?file_name=night.json", content=parcels.night(), headers=who.post)
    assert answer.status_code == 201, answer.text
    return {line["reference"]: line["declaration_id"] for line in answer.json()["lines"]}


def token(client: TestClient, path: str) -> str:
    """The form token of a page, with its cookie kept by the client."""
    found = TOKEN.search(client.get(path).text)
    assert found
    return found[1]


def submit(client: TestClient, **fields: Any) -> Any:
    data = {"_token": token(client, "/submit"), "sender": "1", **fields}
    file = data.pop("file", None)
    files = {"file": file} if file else {"file": ("", b"")}
    return client.post("/submit", data=data, files=files, follow_redirects=False)


class TestEveryPage:
    PAGES = (
        "/",
        "/parcels",
        "/messages",
        "/accounts",
        "/accounts/waiting",
        "/submit",
        "/regimes/GB",
        "/regimes/DK?on=2026-07-14",
        "/tariffs",
        "/elections",
        "/models",
        "/api",
        "/health",
        "/problems",
    )

    @pytest.mark.parametrize("path", PAGES)
    def test_is_there_and_well_formed(self, client: TestClient, night: dict[str, int], path: str) -> None:
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.text.count("<h1") == 1
        assert '<html lang="en">' in answer.text
        assert 'id="main"' in answer.text

    @pytest.mark.parametrize("path", [*PAGES, "/nothing", "/static/tidewaiter.css", "/api/v1/health"])
    def test_tells_the_browser_what_it_may_never_do(self, client: TestClient, path: str) -> None:
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"

    def test_has_no_inline_script_or_style(self, client: TestClient, night: dict[str, int]) -> None:
        for path in (*self.PAGES, f"/parcels/{night['MP-1001']}"):
            text = client.get(path).text
            assert re.findall(r"<script(?![^>]*src=)", text) == []
            assert re.findall(r"<style|<[a-z][^>]*\s(?:style|on[a-z]+)=", text) == []

    def test_what_concerns_parcels_is_not_cached(self, client: TestClient) -> None:
        assert client.get("/parcels").headers["cache-control"] == "no-store"
        assert "max-age" in client.get("/static/tidewaiter.css").headers["cache-control"]


class TestParcels:
    @pytest.mark.parametrize(
        ("query", "shown", "hidden"),
        [
            ("text=MP-1001", "MP-1001", "MP-1002"), ("lane=red", "MP-1002", "MP-1001"),
            ("state=rejected", "MP-1005", "MP-1001"), ("commodity=8211", "MP-1002", "MP-1001"),
            ("text=WB-MP-1003", "MP-1003", "MP-1001"), ("jurisdiction=GB&text=MP-1004", "MP-1004", "MP-1001"),
        ],
    )  # fmt: skip
    def test_filters_stand_in_the_address(
        self, client: TestClient, night: dict[str, int], query: str, shown: str, hidden: str
    ) -> None:
        text = client.get(f"/parcels?{query}").text
        assert f"/parcels/{night[shown]}" in text
        assert f'href="/parcels/{night[hidden]}"' not in text
        assert "Narrowed by" in text

    def test_a_filter_that_cannot_be_is_a_page_with_a_hint(self, client: TestClient) -> None:
        answer = client.get("/parcels?state=gone")
        assert answer.status_code == 400
        assert "What to do" in answer.text
        assert "query: state" in answer.text

    def test_a_parcel_shows_how_it_was_worked_out(self, client: TestClient, night: dict[str, int]) -> None:
        text = client.get(f"/parcels/{night['MP-1001']}").text
        assert "How was this worked out" in text
        assert "Sources of law" in text
        assert "20 %" in text
        assert "Pay " in text
        assert "hmac" in text

    def test_what_is_not_known_is_not_shown_as_nothing(self, client: TestClient, who: Who) -> None:
        client.post("/api/v1/messages", content=parcels.message(parcels.unknown_rate("U-1")), headers=who.post)
        text = client.get("/parcels/U-1").text
        assert "Not yet known" in text
        assert "What could not be worked out" in text
        assert client.get("/api/v1/declarations/U-1", headers=who.post).json()["unresolved"]

    def test_a_claim_is_said_to_be_one_and_no_arrival_is_offered(self, client: TestClient, who: Who) -> None:
        order = {"message": "order", "order_id": "O-77", "ships_to_country_code": "GB"}
        answer = client.post("/api/v1/messages", content=json.dumps(order), headers=who.post)
        number = answer.json()["lines"][0]["declaration_id"]
        text = client.get(f"/parcels/{number}").text
        assert "It stands as what its sender says" in text
        assert "or what a third party says" in text
        assert "Confirm arrival" not in text
        rows = client.get("/parcels?text=O-77").text + client.get("/parcels").text
        assert "0 lines · GB · ORDER" in rows, "lists say in which data set it came"

    def test_a_reference_leads_to_the_parcel(self, client: TestClient, night: dict[str, int]) -> None:
        answer = client.get("/parcels/MP-1001", follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/parcels/{night['MP-1001']}"
        assert client.get("/parcels/NOBODY").status_code == 404

    def test_what_senders_write_stays_text(self, client: TestClient, night: dict[str, int]) -> None:
        text = client.get(f"/parcels/{night['MP-1006']}?raw=1").text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;alert(1)" in text
        assert "49" not in re.findall(r"\{\{.*?\}\}", text)
        assert "\u202e" not in text
        assert "⟦U+202E⟧" in text

    def test_the_record_is_taken_away_as_a_file(self, client: TestClient, night: dict[str, int]) -> None:
        answer = client.get(f"/parcels/{night['MP-1003']}/record")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert b"MP-1003" in answer.content
        assert b"MP-1004" not in answer.content

    def test_a_message_is_taken_away_as_it_came(self, client: TestClient, night: dict[str, int]) -> None:
        listed = client.get(f"/parcels/{night['MP-1003']}").text
        message = re.search(r'href="/messages/(\d+)"', listed)
        assert message
        assert client.get(f"/messages/{message[1]}/bytes").content == parcels.night()
        assert "night.json" in client.get(f"/messages/{message[1]}").text


class TestTheSameParcel:
    def test_officers_are_led_from_one_declaration_to_the_other_and_senders_are_not(
        self, client: TestClient, who: Who
    ) -> None:
        waybill = {"transport_documents": [{"type_code": "N703", "document_id": "HW-88001"}]}
        numbers = []
        for reference, holder in (("SAME-1", who.courier), ("SAME-2", who.post)):
            record = parcels.announced(reference)
            record["consignment"] |= waybill
            answer = client.post("/api/v1/messages", content=parcels.message(record), headers=holder)
            numbers.append(answer.json()["lines"][0]["declaration_id"])
        first, second = numbers
        page = client.get(f"/parcels/{second}").text
        assert f'href="/parcels/{first}" class="id">SAME-1</a> declared it first' in page
        assert "Declared before" in page
        assert f'href="/parcels/{second}" class="id">SAME-2</a> by' in client.get(f"/parcels/{first}").text
        told = client.get(f"/api/v1/declarations/{second}", headers=who.post).text
        assert "submission.transport_document_used" in told
        assert "SAME-1" not in told
        assert client.get(f"/api/v1/declarations/{first}", headers=who.post).status_code == 404


class TestActions:
    @pytest.fixture
    def announced(self, client: TestClient, who: Who) -> Iterator[int]:
        """A parcel of its own for each test."""
        answer = client.post(
            "/api/v1/messages", content=parcels.message(parcels.announced(f"A-{next(NUMBERS)}")), headers=who.courier
        )
        return answer.json()["lines"][0]["declaration_id"]

    def act(self, client: TestClient, number: int, action: str, **fields: str) -> Any:
        data = {"_token": token(client, f"/parcels/{number}"), "action": action, **fields}
        return client.post(f"/parcels/{number}/actions", data=data, follow_redirects=False)

    def test_arrival_then_payment_clears(self, client: TestClient, announced: int) -> None:
        assert "Confirm arrival" in client.get(f"/parcels/{announced}").text
        answer = self.act(client, announced, "arrived")
        assert answer.status_code == 303
        after = client.get(answer.headers["location"]).text
        assert "Done: Confirm arrival" in after
        assert "Awaiting payment" in after
        self.act(client, announced, "payment_received")
        cleared = client.get(f"/parcels/{announced}").text
        assert "Nothing. All formalities are done." in cleared
        assert "officer local" in cleared

    def test_what_the_state_does_not_allow_is_said_kindly(self, client: TestClient, announced: int) -> None:
        answer = self.act(client, announced, "examined_satisfactory")
        assert answer.status_code == 409
        assert 'role="alert"' in answer.text
        assert "confirm arrival" in answer.text.lower()

    def test_refusal_keeps_its_reason(self, client: TestClient, announced: int) -> None:
        self.act(client, announced, "refused", words="counterfeit, see photo 7")
        text = client.get(f"/parcels/{announced}").text
        assert "Refused" in text
        assert "counterfeit, see photo 7" in text

    def test_an_unknown_action_is_refused(self, client: TestClient, announced: int) -> None:
        assert self.act(client, announced, "vanish").status_code == 400
        data = {"_token": token(client, f"/parcels/{announced}"), "action": "arrived"}
        assert client.post(f"/parcels/{10**12}/actions", data=data).status_code == 404

    def test_a_form_from_elsewhere_is_refused(self, client: TestClient, announced: int) -> None:
        path = f"/parcels/{announced}/actions"
        good = token(client, f"/parcels/{announced}")
        for data, headers in (
            ({"action": "arrived"}, {}),
            ({"action": "arrived", "_token": "x" * 43}, {}),
            ({"action": "arrived", "_token": good}, {"Sec-Fetch-Site": "cross-site"}),
            ({"action": "arrived", "_token": good}, {"Origin": "https://evil.example"}),
        ):
            answer = client.post(path, data=data, headers=headers, follow_redirects=False)
            assert answer.status_code == 403
            assert "out of date" in answer.text
        assert "Confirm arrival" in client.get(f"/parcels/{announced}").text


NUMBERS = iter(range(1, 1000))


class TestSubmit:
    def test_a_pasted_message_gives_a_receipt_with_findings(self, client: TestClient) -> None:
        body = parcels.message(parcels.announced("S-1"), parcels.faulty("S-2")).decode()
        answer = submit(client, paste=body)
        assert answer.status_code == 303, answer.text
        receipt = client.get(answer.headers["location"]).text
        assert "Kept and decided." in receipt
        assert "Findings by place" in receipt
        again = submit(client, paste=body)
        assert "Received before" in client.get(again.headers["location"]).text

    def test_a_file_is_read(self, client: TestClient) -> None:
        answer = submit(client, file=("load.json", parcels.message(parcels.announced("S-3"))))
        assert "load.json" in client.get(answer.headers["location"]).text

    def test_legal_day_is_applied(self, client: TestClient) -> None:
        answer = submit(client, paste=parcels.message(parcels.announced("S-4")).decode(), legal_day="2026-03-31")
        assert "2026-03-31" in client.get(answer.headers["location"]).text

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({}, "both were empty"),
            ({"paste": "[]", "file": ("a.json", b"[]")}, "Keep one of them"),
            ({"paste": "[]", "legal_day": "soon"}, "is not a day"),
            ({"paste": "[]", "sender": "999999"}, "on whose behalf"),
        ],
    )
    def test_what_cannot_be_taken_is_said_beside_the_form(
        self, client: TestClient, fields: dict[str, Any], said: str
    ) -> None:
        answer = submit(client, **fields)
        assert answer.status_code == 400
        assert said in answer.text
        assert 'role="alert"' in answer.text

    def test_the_page_to_look_again_says_when_it_is_done(self, client: TestClient) -> None:
        answer = submit(client, paste=parcels.message(parcels.announced("LOOK-1")).decode())
        address = answer.headers["location"].partition("?")[0] + "?receipt=pending"
        page = client.get(address).text
        assert "Kept and decided." in page
        assert "Look again" not in page

    def test_an_unreadable_message_is_kept_and_says_why(self, client: TestClient) -> None:
        answer = submit(client, paste="this is not a message")
        receipt = client.get(answer.headers["location"]).text
        assert "No declaration could be taken" in receipt
        assert "What to do" in receipt


class TestSigningIn:
    def sign_in(self, client: TestClient, name: str, password: str, after: str = "") -> Any:
        data = {"_token": token(client, "/login"), "name": name, "password": password, "next": after}
        return client.post("/login", data=data, follow_redirects=False)

    def test_pages_ask_who_is_there(self, guarded: TestClient) -> None:
        guarded.cookies.clear()
        answer = guarded.get("/parcels", follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?next=%2Fparcels"
        assert guarded.get("/health").status_code == 200
        assert "Local mode" not in guarded.get("/login").text

    def test_a_session_opens_them_until_signed_out(self, guarded: TestClient) -> None:
        answer = self.sign_in(guarded, "anna", PASSWORD, "/parcels?lane=red")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/parcels?lane=red"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        page = guarded.get("/parcels")
        assert page.status_code == 200
        assert "Signed in as anna" in page.text
        guarded.post("/logout", data={"_token": token(guarded, "/parcels")}, follow_redirects=False)
        assert guarded.get("/parcels", follow_redirects=False).status_code == 303

    def test_a_wrong_password_opens_nothing_and_then_waits(self, guarded: TestClient) -> None:
        guarded.cookies.clear()
        said = {self.sign_in(guarded, "ben", "wrong").status_code for _ in range(5)}
        assert said == {401}
        assert self.sign_in(guarded, "ben", "wrong").status_code == 429
        assert guarded.get("/", follow_redirects=False).status_code == 303

    def test_after_signing_in_the_whole_address_is_there_again(self, guarded: TestClient) -> None:
        guarded.cookies.clear()
        answer = guarded.get("/accounts/entries?party=Jo+Doe&scheme=GB&currency=GBP", follow_redirects=False)
        wanted = parse_qs(urlsplit(answer.headers["location"]).query)["next"]
        assert wanted == ["/accounts/entries?party=Jo+Doe&scheme=GB&currency=GBP"]

    def test_a_form_sent_after_the_session_ended_is_not_lost_in_silence(self, guarded: TestClient) -> None:
        guarded.cookies.clear()
        answer = guarded.post(
            "/accounts/payments", data={"_token": token(guarded, "/login"), "reference": "B1"},
            headers={"Referer": f"{BASE}/accounts/waiting?done=entered"}, follow_redirects=False,
        )  # fmt: skip
        given = parse_qs(urlsplit(answer.headers["location"]).query)
        assert given == {"next": ["/accounts/waiting?done=entered"], "lost": ["1"]}
        assert "what you sent was not taken" in guarded.get(answer.headers["location"]).text

    def test_who_is_not_signed_in_is_shown_what_is_open_and_the_way_in(self, guarded: TestClient) -> None:
        guarded.cookies.clear()
        page = guarded.get("/quote").text
        assert re.findall(r'<li><a href="([^"]+)"', page) == [
            "/quote",
            "/classify",
            "/track",
            "/regimes",
            "/api",
            "/health",
        ]
        assert '<a href="/login">Sign in</a>' in page
        self.sign_in(guarded, "anna", PASSWORD)
        page = guarded.get("/quote").text
        assert '<a href="/accounts">' in page
        assert 'href="/login"' not in page
        guarded.cookies.clear()

    def test_local_mode_says_so(self, client: TestClient) -> None:
        assert "Local mode" in client.get("/").text


class TestProblems:
    def test_a_page_for_people_and_a_problem_for_machines(self, client: TestClient) -> None:
        page = client.get("/parcels/NOBODY", headers={"Accept": "text/html"})
        assert page.status_code == 404
        assert "What to do" in page.text
        problem = client.get("/parcels/NOBODY", headers={"Accept": "application/json"})
        assert problem.headers["content-type"].startswith("application/problem+json")
        assert problem.json()["code"] == "not_found"

    def test_a_store_that_does_not_answer_is_told(self, client: TestClient, house: House, monkeypatch: Any) -> None:
        def gone() -> dict[str, str]:
            raise OSError("no route to host")

        monkeypatch.setattr(house.store, "health", gone)
        for path in ("/health", "/health.json", "/api/v1/health"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert "no route" not in answer.text


def test_the_page_of_data_quality_has_shares_weeks_and_the_rules_found_most(
    client: TestClient, night: dict[str, int], house: House, who: Who
) -> None:
    unreadable = b'[{"functional_reference_id": "Q-1", "goods_items": [{"line_no": 1, "gross_mass_kg": "heavy"}]}]'
    assert client.post("/api/v1/messages", content=unreadable, headers=who.courier).status_code == 201
    Scoring(house.store, house.quality).catch_up()
    page = client.get("/quality")
    assert page.status_code == 200
    assert "<code>message.number</code>" in page.text  # a rule of reading has no words in the list of rules
    assert "Every dataset names the data customs needs to decide." in page.text
    assert 'scope="row"' in page.text
    assert re.search(r"<code>[a-z0-9_.]+</code> in \d+ records?", page.text)
