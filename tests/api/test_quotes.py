"""Quotes by REST and by page: given, read again, forged, refused, and named by declarations in three forms."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from litestar.testing import TestClient
from msgspec.structs import replace

from api import parcels
from api.conftest import BASE, Who
from api.test_pages import TOKEN
from api.test_rest import is_problem
from tidewaiter.messages import forms
from tidewaiter.model.money import Money
from tidewaiter.quotes.naming import quote_id
from tidewaiter.store import PostgresStore
from tidewaiter.web.app import create_app
from tidewaiter.web.house import House
from tidewaiter.web.pace import Pace
from tidewaiter.web.settings import WebSettings
from tidewaiter.workflow.replay import replay

API = "/api/v1"
Json = dict[str, Any]


ON = "2026-10-20"
"""A day whose codes and rates are held: those of every day to come are not."""


def basket(**changes: Any) -> Json:
    """Two lines for Great Britain, above the low value."""
    return {
        "jurisdiction_code": "GB",
        "export_country_code": "TR",
        "freight": {"amount": "7.20", "currency": "GBP"},
        "goods_items": [
            line("Cotton T-shirts, short sleeve, printed", "61091000", "165.00"),
            line("Wooden jigsaw puzzle for children", "95030061", "19.50"),
        ],
    } | changes


def line(description: str, code: str, price: str, currency: str = "GBP") -> Json:
    return {
        "description": description,
        "commodity_code": code,
        "origin_country_code": "TR",
        "invoice_price": {"amount": price, "currency": currency},
    }


def asked(client: TestClient, body: Json) -> Json:
    answer = client.post(f"{API}/quotes", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


class TestGiving:
    def test_it_says_what_it_costs_who_pays_and_whether_it_may_come_in(self, client: TestClient) -> None:
        answer = client.post(f"{API}/quotes", json=basket())
        found = answer.json()
        assert re.fullmatch(r"TWQ(-[0-9A-Z]{8}){5}", found["quote_id"])
        assert answer.headers["location"] == f"{API}/quotes/{found['quote_id']}"
        cost = {name: Decimal(value["amount"]) for name, value in found["cost"].items() if name != "is_known"}
        assert cost["goods"] == Decimal("184.50")
        assert cost["transport"] == Decimal("7.20")
        assert cost["total"] == cost["goods"] + cost["transport"] + cost["due"] + cost["collected_at_sale"]
        assert sum(Decimal(each["amount"]["amount"]) for each in found["obligations"]) == cost["due"]
        assert found["obligations"][0]["collector"] == "customs"
        assert found["admission"] == {
            "entry": "free",
            "controls_of": "GB",
            "looked_at": "Great Britain",
            "controls": [],
        }
        assert any("VAT" in words for words in found["words"])

    def test_no_key_is_needed_and_a_wrong_one_is_refused(self, client: TestClient, who: Who) -> None:
        assert client.post(f"{API}/quotes", json=basket()).status_code == 201
        wrong = client.post(f"{API}/quotes", json=basket(), headers={"Authorization": "Bearer nothing"})
        is_problem(wrong, 401, "auth.required")

    def test_the_same_basket_has_the_same_number_and_another_another(self, client: TestClient) -> None:
        first, again = asked(client, basket()), asked(client, basket())
        assert (first["quote_id"], first["given_at"]) == (again["quote_id"], again["given_at"])
        dearer = asked(client, basket(freight={"amount": "7.21", "currency": "GBP"}))
        assert dearer["quote_id"] != first["quote_id"]

    def test_what_is_prohibited_or_restricted_is_said_with_the_permit(self, client: TestClient) -> None:
        ivory = asked(client, basket(goods_items=[line("Ivory carving of an elephant", "960110", "90.00")]))
        assert ivory["admission"]["entry"] in ("permit", "prohibited")
        assert ivory["admission"]["controls"][0]["pointer"].startswith("goods_items[1]")
        assert ivory["admission"]["controls"][0]["source"]["title"]

    def test_where_no_controls_are_entered_nothing_is_taken_as_allowed(self, client: TestClient) -> None:
        found = asked(client, basket(jurisdiction_code="NO", goods_items=[line("Jacket of wool", "620120", "90", "NOK")], freight=None))  # fmt: skip
        assert found["admission"]["entry"] == "unknown"

    def test_a_vague_description_is_told_and_the_stand_ins_are_not(self, client: TestClient) -> None:
        found = asked(client, basket(on=ON, goods_items=[line("gift", "61091000", "20.00")]))
        assert [each["rule_id"] for each in found["findings"]] == ["description.vague"]


class TestPace:
    def test_a_code_that_was_not_looked_up_is_told_on_its_page_too(self, client: TestClient) -> None:
        found = asked(client, basket(on=ON, goods_items=[line("Cotton T-shirts, printed", "999999", "20.00")]))
        (finding,) = found["findings"]
        assert (finding["rule_id"], finding["pointer"]) == ("code.commodity_national", "goods_items[1].commodity_code")
        assert "whether 999999 exists was not looked up" in finding["words"]
        assert finding["hint"]
        assert "whether 999999 exists was not looked up" in client.get(f"/quote/{found['quote_id']}").text

    def test_strangers_are_held_up_and_those_with_a_key_are_not(self, house: House, who: Who) -> None:
        settings = WebSettings(secret=b"p" * 32, quotes_a_minute_max=3)
        paced = House(
            store=house.store, intake=house.intake, desk=house.desk, senders=house.senders, accounts=house.accounts, quality=house.quality, connectors=house.connectors,
            settings=settings,
        )  # fmt: skip
        with TestClient(create_app(paced), base_url=BASE) as slow:
            statuses = [slow.post(f"{API}/quotes", json=basket()).status_code for _ in range(8)]
            assert statuses.count(429) >= 2  # the minute may turn once
            assert statuses[:3] == [201] * 3
            assert {slow.post(f"{API}/quotes", json=basket(), headers=who.post).status_code for _ in range(8)} == {201}

    def test_a_new_minute_begins_anew(self) -> None:
        pace = Pace()
        assert [pace.wait_seconds("a", 2, 60.5) for _ in range(3)] == [0, 0, 60]
        assert pace.wait_seconds("b", 2, 61.0) == 0
        assert pace.wait_seconds("a", 2, 120.0) == 0


class TestRefusing:
    @pytest.mark.parametrize(
        ("changes", "rule_id", "pointer"),
        [
            ({"goods_items": [line("Cotton shirts", "610999", "20.00")]}, "code.commodity_unknown", "goods_items[1].commodity_code"),
            ({"goods_items": [line("Cotton shirts", "", "220.00")]}, "data.required", "goods_items[1].commodity_code"),
            ({"goods_items": [line("Cotton shirts", "610910", "-20.00")]}, "amount.negative", "goods_items[1].invoice_price"),
            ({"goods_items": [line("Cotton shirts", "610910", "20.00", "XAU")]}, "quote.no_rate", "goods_items[1].invoice_price.currency"),
            ({"goods_items": [line("Cotton\x00shirts", "610910", "20.00")]}, "text.control_characters", "goods_items[1].description"),
            ({"goods_items": [line("Cotton \u202eshirts", "610910", "20.00")]}, "text.direction_override", "goods_items[1].description"),
            ({"seller_registration_id": "XY12"}, "quote.registration_shape", "seller_registration_id"),
            ({"export_country_code": "UK"}, "code.country", "export_country_code"),
        ],
    )  # fmt: skip
    def test_what_the_goods_lack_is_said_where(
        self, client: TestClient, changes: Json, rule_id: str, pointer: str
    ) -> None:
        answer = client.post(f"{API}/quotes", json=basket(on=ON, **changes))
        is_problem(answer, 422, "quote.impossible")
        findings = answer.json()["findings"]
        assert (rule_id, pointer) in [(each["rule_id"], each["pointer"]) for each in findings], findings

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"goods_items": [line("Cotton shirts", "610910", "1e999")]}, 400, "request.invalid"),
            ({"goods_items": []}, 400, "request.invalid"),
            ({"colour": "blue"}, 400, "request.invalid"),
            ({"jurisdiction_code": "XX"}, 404, "law.not_in_force"),
            ({"on": "2015-01-01"}, 404, "law.not_in_force"),
            ({"on": "2027-02-29"}, 400, "request.invalid"),
        ],
    )
    def test_a_request_that_is_none(self, client: TestClient, changes: Json, status: int, code: str) -> None:
        is_problem(client.post(f"{API}/quotes", json=basket(**changes)), status, code)

    def test_the_leap_day_is_a_day(self, client: TestClient) -> None:
        assert asked(client, basket(on="2024-02-29"))["legal_day"] == "2024-02-29"

    def test_ten_thousand_lines_are_refused(self, client: TestClient) -> None:
        many = [line("Cotton shirts", "610910", "1.00")] * 10_000
        is_problem(client.post(f"{API}/quotes", json=basket(goods_items=many)), 413, "message.limit")
        is_problem(client.post(f"{API}/quotes", json=basket(goods_items=many[:501])), 400, "request.invalid")


class TestNumbers:
    def test_a_quote_is_read_again_however_its_number_is_typed(self, client: TestClient) -> None:
        found = asked(client, basket())
        for typed in (
            found["quote_id"],
            found["quote_id"].lower().replace("-", ""),
            found["quote_id"].replace("0", "O"),
        ):
            assert client.get(f"{API}/quotes/{typed}").json() == found

    def test_an_altered_or_made_up_number_is_refused(self, client: TestClient) -> None:
        number = asked(client, basket())["quote_id"]
        for place in (4, 20, len(number) - 1):
            altered = number[:place] + ("A" if number[place] != "A" else "B") + number[place + 1 :]
            is_problem(client.get(f"{API}/quotes/{altered}"), 400, "quote.forged")
        is_problem(client.get(f"{API}/quotes/TWQ-1234"), 400, "identifier.invalid")

    def test_one_that_is_signed_and_not_kept_is_not_found(self, client: TestClient, house: House) -> None:
        number = quote_id(b"never kept", house.store.quote_key())
        is_problem(client.get(f"{API}/quotes/{number}"), 404, "not_found")


def declared(client: TestClient, who: Who, declaration: Json | bytes) -> Json:
    """The declaration as its sender is answered, and its explanation."""
    body = declaration if isinstance(declaration, bytes) else parcels.message(declaration)
    answer = client.post(f"{API}/messages", content=body, headers=who.post)
    assert answer.status_code == 201, answer.text
    (found,) = answer.json()["declarations"]
    return dict(client.get(f"{API}/declarations/{found['declaration_id']}/explanation", headers=who.post).json())


def of_basket(reference: str, asked_for: Json, **changes: Any) -> Json:
    items = [
        parcels.item(place, each["description"], each["commodity_code"], each["invoice_price"]["amount"])
        for place, each in enumerate(asked_for["goods_items"], 1)
    ]
    return parcels.parcel(reference, *items, freight=asked_for["freight"], **changes)


def adds_up(comparison: Json) -> bool:
    moved = sum(Decimal(change["due"]) for change in comparison["changes"])
    difference = Decimal(comparison["declared_due"]["amount"]) - Decimal(comparison["quoted_due"]["amount"])
    return moved == difference


def undrawn(client: TestClient, who: Who, house: House, quote_id: str) -> bytes:
    """What was decided on the basket with this quote named; on the first of several that chance did not pick."""
    for count in range(20):
        explained = declared(client, who, of_basket(f"Q-{quote_id[-4:]}-{count}", basket(), quote_id=quote_id))
        kept = house.store.kept(explained["declaration"]["declaration_id"]).evaluation
        if b'"is_selected":false' in kept:
            return kept
    raise AssertionError("chance picked twenty of twenty")


class TestNaming:
    def test_the_same_goods_come_to_the_same_cents(self, client: TestClient, who: Who) -> None:
        number = asked(client, basket())["quote_id"]
        explained = declared(client, who, of_basket("Q-1", basket(), quote_id=number))
        compared = explained["quote"]["comparison"]
        assert explained["quote"]["findings"] == []
        assert compared["is_same"]
        assert compared["declared_due"] == compared["quoted_due"]
        assert compared["changes"] == []

    def test_other_goods_are_explained_and_the_differences_add_up(self, client: TestClient, who: Who) -> None:
        number = asked(client, basket())["quote_id"]
        other = basket(
            freight={"amount": "9.00", "currency": "GBP"},
            goods_items=[
                line("Cotton T-shirts, short sleeve, printed", "61091000", "180.00"),
                line("Leather belt for men", "42033000", "25.00"),
                line("Wooden jigsaw puzzle for children", "95030061", "19.50"),
            ],
        )
        compared = declared(client, who, of_basket("Q-2", other, quote_id=number))["quote"]["comparison"]
        assert not compared["is_same"]
        assert [change["aspect"] for change in compared["changes"]] == ["price", "line added", "freight"]
        assert adds_up(compared)

    def test_forged_and_unknown_numbers_are_warned_of_and_the_decision_stands(
        self, client: TestClient, who: Who, house: House
    ) -> None:
        number = asked(client, basket())["quote_id"]
        forged = number[:-1] + ("A" if number[-1] != "A" else "B")
        unknown = str(quote_id(b"never kept", house.store.quote_key()))
        for reference, named, code in (("Q-3", forged, "quote.forged"), ("Q-4", unknown, "not_found")):
            explained = declared(client, who, of_basket(reference, basket(), quote_id=named))
            assert [each["rule_id"] for each in explained["quote"]["findings"]] == [code]
            assert explained["quote"]["comparison"] is None
            assert explained["declaration"]["state"] == "received"

    def test_a_number_that_is_none_is_a_finding_of_the_declaration(self, client: TestClient, who: Who) -> None:
        explained = declared(client, who, of_basket("Q-5", basket(), quote_id="my quote"))
        assert "identifier.quote" in [each["rule_id"] for each in explained["declaration"]["findings"]]
        assert explained["quote"]["findings"][0]["rule_id"] == "identifier.invalid"

    def test_a_quote_for_another_country_is_not_compared(self, client: TestClient, who: Who) -> None:
        number = asked(client, basket(on=ON, jurisdiction_code="DK"))["quote_id"]
        explained = declared(client, who, of_basket("Q-6", basket(), quote_id=number))
        assert [each["rule_id"] for each in explained["quote"]["findings"]] == ["quote.elsewhere"]

    def test_a_declaration_that_names_none_has_none(self, client: TestClient, who: Who) -> None:
        assert declared(client, who, of_basket("Q-7", basket()))["quote"] is None

    def test_naming_one_leaves_replay_as_it_was(self, client: TestClient, who: Who, house: House) -> None:
        """Whether the quote is ours, or none at all, is no part of what was decided."""
        number = asked(client, basket())["quote_id"]
        assert isinstance(house.store, PostgresStore)
        for reference, named in (("Q-R1", number), ("Q-R2", number[:-1] + "~"), ("Q-R3", "")):
            explained = declared(client, who, of_basket(reference, basket(), quote_id=named))
            report = replay(house.store, explained["declaration"]["declaration_id"])
            assert report.is_clean
            assert report.replayed == 1

    def test_naming_one_changes_nothing_but_a_finding(self, client: TestClient, who: Who, house: House) -> None:
        number = asked(client, basket())["quote_id"]
        kept = [undrawn(client, who, house, each) for each in (number, "")]
        without_draw = [re.sub(rb'"draw":\{[^}]*\}', b"", each) for each in kept]
        assert without_draw[0] == without_draw[1]

    @pytest.mark.parametrize("form", ["json", "csv", "wco-dm"])
    def test_every_form_can_name_one(self, client: TestClient, who: Who, form: str) -> None:
        number = asked(client, basket(goods_items=[line("Cotton T-shirts", "61091000", "165.00")]))["quote_id"]
        reading = forms.by_name("json").read(
            json.dumps(parcels.parcel(f"F-{form}", parcels.item(1, "Cotton T-shirts", "61091000", "165.00"))).encode()
        )
        assert reading.declaration is not None
        changes = {"freight": Money(Decimal("7.20"), "GBP"), "quote_id": number, "procedure_category": ""}
        declaration = replace(reading.declaration, **changes)
        explained = declared(client, who, forms.by_name(form).write([declaration]))
        assert explained["quote"]["quote_id"] == number
        assert explained["quote"]["comparison"]["is_same"]


class TestPage:
    def fields(self, client: TestClient, **changes: str) -> dict[str, str]:
        """The form as a browser without script sends it."""
        found = TOKEN.search(client.get("/quote").text)
        assert found
        return {
            "_token": found[1], "action": "ask", "rows": "2", "to": "GB", "on": "2026-07-14", "currency": "GBP",
            "trade": "online", "freight": "7.20", "description-1": "Cotton T-shirts, short sleeve, printed",
            "code-1": "6109.10", "price-1": "165,00", "origin-1": "TR",
        } | changes  # fmt: skip

    def test_the_form_leads_to_the_quote_under_its_number(self, client: TestClient) -> None:
        answer = client.post("/quote", data=self.fields(client), follow_redirects=False)
        assert answer.status_code == 303
        page = client.get(answer.headers["location"])
        number = answer.headers["location"].rsplit("/", 1)[1]
        asked_by_rest = client.get(f"{API}/quotes/{number}").json()
        assert asked_by_rest["basket"]["goods_items"][0]["commodity_code"] == "610910"
        assert f"{Decimal(asked_by_rest['cost']['total']['amount']):,f}\xa0GBP" in page.text
        for words in ("Who pays, and when", "May it come in?", "How was this worked out", "2026-07-14", number):
            assert words in page.text

    def test_it_is_open_to_anyone_where_officers_must_sign_in(self, guarded: TestClient) -> None:
        assert guarded.get("/quote").status_code == 200
        answer = guarded.post("/quote", data=self.fields(guarded), follow_redirects=False)
        assert answer.status_code == 303
        assert guarded.get(answer.headers["location"]).status_code == 200
        assert guarded.get("/parcels", follow_redirects=False).status_code != 200

    def test_a_form_from_elsewhere_is_refused(self, client: TestClient) -> None:
        assert client.post("/quote", data=self.fields(client, _token="x" * 43)).status_code == 403

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            ({"price-1": "abc"}, "price-1", "This is not a number."),
            ({"price-1": "-4"}, "price-1", "An amount cannot be below zero."),
            ({"price-1": "1e999"}, "price-1", "not a number that can be reckoned with"),
            ({"code-1": "610999"}, "code-1", "not a subheading"),
            ({"to": ""}, "to", "Say where the goods go."),
            ({"to": "XX"}, "to", "No law is modelled"),
            ({"on": "2015-01-01"}, "to", "modelled since"),
            ({"registration": "XX1"}, "registration", "not built as a number"),
            ({"currency": "ZZZ"}, "currency", "No currency in use has this code."),
            ({"from": "UK"}, "from", "No country has this code."),
            ({"description-1": "Cotton\x00shirts"}, "description-1", "control character"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_said_beside_its_field(
        self, client: TestClient, changes: dict[str, str], field: str, words: str
    ) -> None:
        answer = client.post("/quote", data=self.fields(client, **changes))
        assert answer.status_code == 422
        assert f'aria-describedby="wrong-{field}"' in answer.text
        assert words in answer.text.split(f'id="wrong-{field}"')[1].split("</span>")[0]

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"on": "2027-02-29"}, "is not a day"),
            ({"description-1": "", "code-1": "", "price-1": "", "origin-1": ""}, "Fill in at least one line"),
        ],
    )
    def test_what_is_wrong_with_the_whole_is_said_on_top(
        self, client: TestClient, changes: dict[str, str], words: str
    ) -> None:
        answer = client.post("/quote", data=self.fields(client, **changes))
        assert answer.status_code == 422
        assert words in answer.text.split('role="alert"')[1]

    def test_a_blank_line_between_does_not_shift_the_findings(self, client: TestClient) -> None:
        changes = {"rows": "3", "description-3": "Leather belt", "code-3": "420399", "price-3": "20"}
        answer = client.post("/quote", data=self.fields(client, **changes))
        assert 'aria-describedby="wrong-code-3"' in answer.text
        assert 'aria-describedby="wrong-code-2"' not in answer.text

    def test_more_lines_keep_what_was_filled_in(self, client: TestClient) -> None:
        answer = client.post("/quote", data=self.fields(client, action="more"))
        assert answer.status_code == 200
        assert 'id="price-5"' in answer.text
        assert "Cotton T-shirts, short sleeve, printed" in answer.text

    def test_the_most_lines_and_the_most_bytes(self, client: TestClient) -> None:
        assert client.post("/quote", data=self.fields(client, rows="10000")).status_code == 413
        assert client.post("/quote", data=self.fields(client, **{"description-1": "x" * 300_000})).status_code == 413

    def test_a_quote_can_be_changed(self, client: TestClient) -> None:
        answer = client.post("/quote", data=self.fields(client, taxed="1", post="1"), follow_redirects=False)
        number = answer.headers["location"].rsplit("/", 1)[1]
        form = client.get(f"/quote?change={number}").text
        assert 'value="165.00"' in form
        assert re.search(r'name="taxed" value="1" checked', form)
        assert re.search(r'name="post" value="1" checked', form)

    def test_a_forged_number_has_a_page_that_says_so(self, client: TestClient) -> None:
        answer = client.get("/quote/TWQ-12345678-12345678-12345678-12345678-12345678")
        assert answer.status_code == 400
        assert "was not issued here" in answer.text

    def test_the_parcel_shows_the_comparison(self, client: TestClient, who: Who) -> None:
        number = asked(client, basket())["quote_id"]
        explained = declared(client, who, of_basket("Q-P", basket(freight={"amount": "9.00", "currency": "GBP"}), quote_id=number))  # fmt: skip
        page = client.get(f"/parcels/{explained['declaration']['declaration_id']}").text
        assert "Compared with the quote" in page
        assert "one difference" in page
        assert f"/quote/{number}" in page
