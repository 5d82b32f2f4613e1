"""The interface for machines, on a real store."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from api import parcels
from api.conftest import REQUEST_BYTES_MAX, Who

API = "/api/v1"


def sent(client: TestClient, body: bytes, headers: dict[str, str], path: str = "/messages") -> Any:
    return client.post(f"{API}{path}", content=body, headers=headers)


def is_problem(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    said = answer.json()
    assert said["status"] == status
    assert said["code"] == code
    assert said["title"]
    assert said["detail"]
    assert said["type"] == f"/problems#{code}"


class TestSubmission:
    def test_one_declaration_is_decided_in_one_call(self, client: TestClient, who: Who) -> None:
        answer = sent(client, parcels.message(parcels.announced("R-1")), who.post)
        assert answer.status_code == 201, answer.text
        receipt = answer.json()
        assert receipt["is_complete"]
        assert not receipt["is_repeat"]
        assert receipt["counts"] == {"received": 1}
        (declared,) = receipt["declarations"]
        assert declared["state"] == "received"
        assert declared["next_state"] == "awaiting_payment"
        assert declared["mrn"].startswith(f"{datetime.now(UTC):%y}GB")
        assert declared["due"]["currency"] == "GBP"
        assert [hold["kind"] for hold in declared["holds"]] == ["payment"]
        assert next(notice["kind"] for notice in declared["notices"]) == "received"
        read = client.get(f"{API}/declarations/{declared['mrn']}", headers=who.post)
        assert read.json() == declared

    def test_a_sender_can_ask_what_became_of_a_change_that_came_too_early(self, client: TestClient, who: Who) -> None:
        early = {"functional_reference_id": "R-early", "function": "cancellation"}
        answer = sent(client, parcels.message(early), who.post)
        assert answer.status_code == 201, answer.text
        assert answer.json()["counts"] == {"awaiting_original": 1}
        change = f"{API}/declarations/{answer.json()['lines'][0]['declaration_id']}"
        waiting = client.get(change, headers=who.post).json()
        assert (waiting["state"], waiting["next_state"], waiting["mrn"]) == ("awaiting_original", None, "")
        assert [finding["rule_id"] for finding in waiting["findings"]] == ["submission.original_awaited"]
        (lodged,) = sent(client, parcels.message(parcels.announced("R-early")), who.post).json()["declarations"]
        assert lodged["state"] == "invalidated"
        assert client.get(change, headers=who.post).json()["state"] == "applied"
        assert client.get(f"{API}/declarations/R-early", headers=who.post).json() == lodged

    def test_less_is_answered_where_less_is_preferred(self, client: TestClient, who: Who) -> None:
        answer = sent(client, parcels.message(parcels.announced("R-1b")), who.post | {"Prefer": "return=minimal"})
        assert answer.json()["declarations"] == []
        assert answer.json()["lines"][0]["reference"] == "R-1b"

    def test_the_same_key_gives_the_same_answer_and_other_bytes_a_conflict(self, client: TestClient, who: Who) -> None:
        keyed = who.post | {"Idempotency-Key": "night-1"}
        body = parcels.message(parcels.vague("R-2"))
        first, again = sent(client, body, keyed), sent(client, body, keyed)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json()["is_repeat"]
        assert {**again.json(), "is_repeat": False} == first.json()
        is_problem(sent(client, parcels.message(parcels.vague("R-3")), keyed), 409, "submission.conflict")
        other = sent(client, body, who.courier | {"Idempotency-Key": "night-1"})
        assert other.status_code == 201

    def test_a_declarant_is_not_told_why(self, client: TestClient, who: Who) -> None:
        answer = sent(client, parcels.message(parcels.knife("R-4")), who.post)
        assert answer.status_code == 201
        said = answer.text.lower()
        assert "examination" in said
        assert "knives" not in said
        assert '"lane"' not in said
        assert "judgement" not in said
        document = client.get(f"{API}/declarations/R-4/document", headers=who.post)
        assert (document.status_code, document.headers["content-type"]) == (200, "application/xml")
        assert b"<ASYCUDA>" in document.content
        is_problem(client.get(f"{API}/declarations/R-4/document?form=papyrus", headers=who.post), 404, "not_found")
        explained = client.get(f"{API}/declarations/R-4/explanation", headers=who.post)
        assert explained.status_code == 200
        assert "judgement" not in explained.json()
        assert "knives" not in explained.text.lower()
        told = client.get(f"{API}/declarations/R-4/explanation", headers=who.officer).json()
        assert told["judgement"]["lane"] == "red"
        assert told["declaration"]["lane"] == "red"
        assert told["judgement"]["reasons"][0]["words"]

    @pytest.mark.parametrize("form", ["json", "csv", "h7", "wco-dm"])
    def test_a_named_form_is_held_to(self, client: TestClient, who: Who, form: str) -> None:
        answer = sent(client, parcels.message(parcels.announced(f"R-5-{form}")), who.post, f"/declarations/{form}")
        if form == "json":
            assert answer.status_code == 201
        else:
            assert answer.status_code in (201, 422)
            assert answer.status_code == 422 or answer.json()["counts"] == {"rejected": answer.json()["record_count"]}

    def test_an_unknown_form_is_not_there(self, client: TestClient, who: Who) -> None:
        answer = sent(client, b"[]", who.post, "/declarations/telex")
        is_problem(answer, 404, "form.unknown")
        assert "wco-dm" in answer.json()["hint"]

    def test_gzip_and_zip_are_read_as_they_are(self, client: TestClient, who: Who) -> None:
        packed = sent(client, gzip.compress(parcels.message(parcels.announced("R-6"))), who.post)
        assert packed.json()["counts"] == {"received": 1}
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as opened:
            opened.writestr("a.json", parcels.message(parcels.announced("R-7")))
            opened.writestr("b.json", parcels.message(parcels.announced("R-8")))
        assert sent(client, archive.getvalue(), who.post).json()["record_count"] == 2

    def test_one_bad_record_does_not_spoil_the_rest(self, client: TestClient, who: Who) -> None:
        receipt = sent(client, parcels.night(2001), who.post).json()
        assert receipt["record_count"] == 7
        assert receipt["counts"]["rejected"] == 2
        assert any(finding["severity"] == "error" and finding["place"] for finding in receipt["findings"])

    @pytest.mark.parametrize("body", [b"", b"\x00\x01\x02", b"%PDF-1.7 nothing", b"hello", b"<x/>", b"{", b"[]"])
    def test_what_cannot_be_read_is_a_problem_with_a_hint(self, client: TestClient, who: Who, body: bytes) -> None:
        answer = sent(client, body, who.courier)
        said = answer.json()
        assert answer.status_code in (201, 422), answer.text
        if answer.status_code == 422:
            is_problem(answer, 422, said["code"])
            assert said["hint"]
            assert "kept as message" in said["detail"]
        else:
            assert said["counts"].keys() == {"rejected"}

    def test_what_was_not_understood_is_told_with_the_answer(self, client: TestClient, who: Who) -> None:
        item = {"item_id": "RR123456785DK", "destination_country_code": "GB", "addresee": {"name": "Pat Example"}}
        answer = client.post("/api/v1/messages", content=json.dumps(item), headers=who.post)
        (declared,) = answer.json()["declarations"]
        assert [(note["place"], note["value"]) for note in declared["notes"]] == [
            ("/addresee", '{"name":"Pat Example"}')
        ]
        again = client.get(f"/api/v1/declarations/{declared['declaration_id']}", headers=who.post)
        assert again.json()["notes"] == declared["notes"]

    def test_too_much_is_refused_and_nothing_is_kept(self, client: TestClient, who: Who) -> None:
        kept = len(client.get("/messages").text)
        is_problem(sent(client, b"x" * (REQUEST_BYTES_MAX + 1), who.post), 413, "message.limit")

        def endless() -> Any:
            for _ in range(REQUEST_BYTES_MAX // 1000 + 2):
                yield b"y" * 1000

        is_problem(client.post(f"{API}/messages", content=endless(), headers=who.post), 413, "message.limit")
        assert len(client.get("/messages").text) == kept

    def test_legal_day_and_sender_are_for_officers(self, client: TestClient, who: Who) -> None:
        body = parcels.message(parcels.announced("R-9"))
        is_problem(sent(client, body, who.post, "/messages?legal_day=2026-03-31"), 403, "auth.forbidden")
        is_problem(sent(client, body, who.post, f"/messages?sender={who.courier_id}"), 403, "auth.forbidden")
        is_problem(sent(client, body, who.officer), 400, "request.invalid")
        answer = sent(client, body, who.officer, f"/messages?sender={who.post_id}&legal_day=2026-03-31")
        assert answer.status_code == 201, answer.text
        assert answer.json()["declarations"][0]["legal_day"] == "2026-03-31"

    def test_a_message_of_many_is_summed_up(self, client: TestClient, who: Who) -> None:
        body = parcels.message(*(parcels.vague(f"M-{n}") for n in range(40)))
        receipt = sent(client, body, who.post).json()
        assert receipt["record_count"] == 40
        assert receipt["declarations"] == []
        assert sum(receipt["counts"].values()) == 40
        message = client.get(f"{API}/messages/{receipt['message_id']}", headers=who.post).json()
        assert message["is_processed"]
        assert message["declaration_count"] == 40


@pytest.fixture(scope="module")
def two_nights(client: TestClient, who: Who) -> None:
    """The same references from two senders."""
    for headers in (who.post, who.courier):
        answer = sent(client, parcels.night(3001), headers)
        assert answer.status_code == 201, answer.text


@pytest.mark.usefixtures("two_nights")
class TestReading:
    def test_a_declarant_sees_its_own_only(self, client: TestClient, who: Who) -> None:
        mine = client.get(f"{API}/declarations?text=MP-3&limit=100", headers=who.post).json()["declarations"]
        all_ = client.get(f"{API}/declarations?text=MP-3&limit=100", headers=who.officer).json()["declarations"]
        assert len(all_) == 2 * len(mine) == 14
        theirs = ({row["declaration_id"] for row in all_} - {row["declaration_id"] for row in mine}).pop()
        is_problem(client.get(f"{API}/declarations/{theirs}", headers=who.post), 404, "not_found")
        is_problem(client.get(f"{API}/declarations/{theirs}/explanation", headers=who.post), 404, "not_found")

    def test_a_reference_two_senders_use_means_ones_own(self, client: TestClient, who: Who) -> None:
        found = {
            client.get(f"{API}/declarations/MP-3001", headers=headers).json()["declaration_id"]
            for headers in (who.post, who.courier)
        }
        assert len(found) == 2

    def test_paging_meets_each_once(self, client: TestClient, who: Who) -> None:
        seen: list[int] = []
        before = ""
        while True:
            page = client.get(f"{API}/declarations?limit=3&text=MP-3{before}", headers=who.post).json()
            seen += [row["declaration_id"] for row in page["declarations"]]
            if page["before"] is None:
                break
            before = f"&before={page['before']}"
        assert len(seen) == len(set(seen)) == 7
        assert seen == sorted(seen, reverse=True)

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("state=rejected", 2),
            ("state=under_control", 1),
            ("commodity=8211", 1),
            ("jurisdiction=gb", 7),
            ("category=1", 0),
        ],
    )
    def test_filters(self, client: TestClient, who: Who, query: str, count: int) -> None:
        found = client.get(f"{API}/declarations?text=MP-3&{query}", headers=who.post).json()["declarations"]
        assert len(found) == count

    @pytest.mark.parametrize(
        "query",
        ["state=gone", "lane=pink", "limit=0", "limit=100000", "before=x", "received_from=yesterday", "message=0"],
    )
    def test_what_a_filter_cannot_be(self, client: TestClient, who: Who, query: str) -> None:
        answer = client.get(f"{API}/declarations?{query}", headers=who.officer)
        is_problem(answer, 400, "request.invalid")
        assert query.split("=")[0] in answer.json()["place"]

    def test_lanes_are_for_officers(self, client: TestClient, who: Who) -> None:
        is_problem(client.get(f"{API}/declarations?lane=red", headers=who.post), 403, "auth.forbidden")
        red = client.get(f"{API}/declarations?lane=red&text=MP-3", headers=who.officer).json()["declarations"]
        assert {row["lane"] for row in red} == {"red"}

    def test_notices_are_met_once_by_their_cursor(self, client: TestClient, who: Who) -> None:
        seen: list[int] = []
        after = 0
        while True:
            page = client.get(f"{API}/notices?after={after}&limit=5", headers=who.courier).json()
            if not page["notices"]:
                assert page["after"] == after
                break
            seen += [notice["notice_id"] for notice in page["notices"]]
            after = page["after"]
        assert len(seen) == len(set(seen)) > 7
        assert seen == sorted(seen)

    def test_notices_come_as_wco_documents(self, client: TestClient, who: Who) -> None:
        page = client.get(f"{API}/notices?limit=40&form=wco-dm", headers=who.courier).json()
        assert all(notice["document"].startswith("<?xml") for notice in page["notices"])
        assert not any("knives" in notice["document"].lower() for notice in page["notices"])
        first = page["notices"][0]
        alone = client.get(f"{API}/notices/{first['notice_id']}/document", headers=who.courier)
        assert alone.text == first["document"]
        assert alone.headers["content-type"].startswith("application/xml")
        is_problem(client.get(f"{API}/notices/{first['notice_id']}/document", headers=who.post), 404, "not_found")

    def test_the_explanation_adds_up(self, client: TestClient, who: Who) -> None:
        told = client.get(f"{API}/declarations/MP-3001/explanation", headers=who.post).json()
        charges = told["assessment"]["charges"]
        due = sum(float(charge["result"]["amount"]) for charge in charges if charge["collection"] == "border")
        assert round(due, 2) == float(told["declaration"]["due"]["amount"])
        cited = told["assessment"]["citations"]
        assert all(charge["measure_id"] in cited for charge in charges)


class TestService:
    def test_the_law_of_a_day(self, client: TestClient) -> None:
        answer = client.get(f"{API}/regimes/GB?on=2026-07-14")
        assert answer.status_code == 200
        said = answer.json()
        assert len(said["digest"]) == 64
        assert said["content"]["jurisdiction_code"] == "GB"
        assert said["content"]["citations"]

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            ("/regimes/GB?on=1850-01-01", 404, "law.not_in_force"), ("/regimes/QQ?on=2026-07-14", 404, "law.not_in_force"),
            ("/regimes/GB", 400, "request.invalid"), ("/regimes/GB?on=soon", 400, "request.invalid"),
            ("/nothing/here", 404, "not_found"),
        ],
    )  # fmt: skip
    def test_refusals_need_no_key(self, client: TestClient, path: str, status: int, code: str) -> None:
        is_problem(client.get(f"{API}{path}"), status, code)

    def test_health_and_schema_are_open(self, client: TestClient) -> None:
        health = client.get(f"{API}/health").json()
        assert health["is_well"]
        assert "PostgreSQL" in json.dumps(health["readings"])
        schema = client.get(f"{API}/schema/declaration")
        assert schema.headers["content-type"].startswith("application/schema+json")
        assert "goods_items" in schema.text

    @pytest.mark.parametrize(
        "path", ["/declarations", "/declarations/1", "/declarations/1/explanation", "/notices", "/messages/1"]
    )
    @pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer tw_nobody"}, {"Authorization": "Basic YTpi"}])
    def test_a_key_is_required(self, client: TestClient, path: str, header: dict[str, str]) -> None:
        answer = client.get(f"{API}{path}", headers=header)
        is_problem(answer, 401, "auth.required")
        assert answer.headers["www-authenticate"] == "Bearer"

    def test_another_method_is_refused(self, client: TestClient, who: Who) -> None:
        answer = client.delete(f"{API}/declarations", headers=who.post)
        is_problem(answer, 405, "method.not_allowed")
        assert "GET" in answer.headers["allow"]

    def test_another_host_name_is_refused(self, client: TestClient) -> None:
        is_problem(client.get(f"{API}/health", headers={"Host": "evil.example"}), 400, "host.unknown")

    def test_revoked_keys_open_nothing(self, client: TestClient, house: Any) -> None:
        from tidewaiter.store.senders import KeyHolder

        key = house.senders.issue_key(KeyHolder(name="gone", role="officer"))
        headers = {"Authorization": f"Bearer {key}"}
        assert client.get(f"{API}/notices", headers=headers).status_code == 200
        house.senders.revoke_keys("gone")
        is_problem(client.get(f"{API}/notices", headers=headers), 401, "auth.required")

    @pytest.mark.parametrize("is_revoked", [True, False])
    def test_a_key_that_handed_in_a_moment_ago_keeps_nothing_once_it_has_ended(
        self, client: TestClient, house: Any, *, is_revoked: bool
    ) -> None:
        from tidewaiter.store.senders import KeyHolder

        name = f"ended {is_revoked}"
        sender_id = house.senders.ensure(name).sender_id
        key = house.senders.issue_key(KeyHolder(name=name, role="declarant", sender_id=sender_id))
        headers = {"Authorization": f"Bearer {key}"}
        body = parcels.message(parcels.announced(name))
        assert client.post(f"{API}/messages", content=body, headers=headers).status_code == 201
        if is_revoked:
            house.senders.revoke_keys(name)
        else:
            house.senders.set_active(sender_id, is_active=False)
        before = len(house.store.messages(None, 1000))
        for again in (body, parcels.message(parcels.announced(f"{name} anew"))):
            is_problem(client.post(f"{API}/messages", content=again, headers=headers), 401, "auth.required")
        assert len(house.store.messages(None, 1000)) == before


class TestDeadlines:
    def test_the_legal_deadline_is_told_by_the_answer_and_on_the_page(self, client: TestClient, who: Who) -> None:
        declared = {
            "functional_reference_id": "DL-1", "procedure_category": "ENS", "jurisdiction_code": "GB",
            "supervising_office_id": "GB000060", "declarant": {"party_id": "GB123456789000"},
            "consignment": {
                "border_transport": {"mode_code": "3"}, "arrival_at": "2026-01-05T09:00:00Z", "gross_mass_kg": "2",
            },
            "goods_items": [{"line_no": 1, "description": "cotton shirts for men", "commodity_code": "6109"}],
        }  # fmt: skip
        answer = sent(client, json.dumps(declared).encode(), who.post)
        (told,) = answer.json()["declarations"]
        (deadline,) = told["deadlines"]
        assert deadline["moment"] == "pre_arrival"
        assert deadline["time_limit"] == "1 hour before arrival"
        assert deadline["due_at"] == "2026-01-05T08:00:00Z"
        assert deadline["is_met"] is False
        assert deadline["late_by_seconds"] > 0
        assert "Article 108" in deadline["article"]
        assert {finding["rule_id"] for finding in told["findings"]} >= {"timing.too_late", "timing.minimum_data"}
        page = client.get(f"/parcels/{told['declaration_id']}")
        assert "Deadlines for filing" in page.text
        assert "too late" in page.text
