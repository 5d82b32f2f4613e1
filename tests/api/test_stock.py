"""Stock over REST and at the desk: the worked example told by machines, seen by its operator and officers alone."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from litestar.testing import TestClient

from api.conftest import Who
from tidewaiter.cli import stock_example as example
from tidewaiter.store.accounts import BOOKKEEPING
from tidewaiter.store.senders import KeyHolder
from tidewaiter.web.house import House
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.bookkeeping import Bookkeeper

BOOKED = 513


@pytest.fixture(scope="module")
def told(house: House) -> example.Told:
    """The worked example, run in the house."""
    bookkeeper = Bookkeeper(house.store, house.store.accounts, house.desk)
    return example.run(house.store, house.stock, lambda: bookkeeper.catch_up(BOOKKEEPING), now)


@pytest.fixture(scope="module")
def operator(house: House, told: example.Told) -> dict[str, str]:
    """The operator's key."""
    holder = KeyHolder(name=example.OPERATOR, role="declarant", sender_id=told.account.sender_id)
    return {"Authorization": f"Bearer {house.store.senders.issue_key(holder)}"}


def address(told: example.Told, rest: str = "") -> str:
    return f"/api/v1/stock/{told.account.account_no}{rest}"


def test_an_operator_sees_its_own_account_and_nobody_elses(
    client: TestClient, told: example.Told, operator: dict[str, str], who: Who
) -> None:
    own = client.get(address(told), headers=operator).json()
    assert [lot["balance"] for lot in own["lots"]] == [str(BOOKED)]
    assert own["suspended"] == [{"amount": "1314.56", "currency": "AED"}]
    assert [count["differences"][0]["quantity"] for count in own["counts"]] == ["2"]
    assert client.get(address(told), headers=who.courier).status_code == 404
    assert client.get("/api/v1/stock", headers=who.courier).json() == {"accounts": []}
    assert len(client.get("/api/v1/stock", headers=who.officer).json()["accounts"]) == 1
    assert client.get(address(told)).status_code == 401
    other = client.post(address(told, "/orders"), content=b"[]", headers=who.courier)
    assert other.status_code == 404


def test_the_statement_balances_and_is_a_csv(client: TestClient, told: example.Told, operator: dict[str, str]) -> None:
    statement = client.get(address(told, "/statement"), headers=operator).json()
    assert statement["is_balanced"] is True
    (lot,) = statement["lots"]
    assert {kind: each["quantity"] for kind, each in lot["outs"].items()} == {
        "sold to the local market": "300", "sold abroad": "200", "destroyed": "5", "loss": "2",
    }  # fmt: skip
    assert (lot["opening"]["quantity"], lot["closing"]["quantity"]) == ("0", str(BOOKED))
    (goods,) = statement["goods"]
    assert {name: goods[name] for name in ("received", "sold", "returned", "destroyed", "otherwise", "closing")} == {
        "received": "1000", "sold": "500", "returned": "20", "destroyed": "5", "otherwise": "2", "closing": str(BOOKED),
    }  # fmt: skip
    text = client.get(address(told, "/statement/csv"), headers=operator).text
    assert list(csv.reader(io.StringIO(text)))[-1][5:8] == ["closing", str(BOOKED), "12825"]


def test_movements_are_told_in_pages_that_nothing_told_later_moves(
    client: TestClient, told: example.Told, operator: dict[str, str]
) -> None:
    first = client.get(address(told, "/movements"), headers=operator, params={"limit": 500}).json()
    period = {name: first[name] for name in ("from", "until", "known_at")}

    def paged(limit: int) -> list[Any]:
        found: list[Any] = []
        after: int | None = 0
        while after is not None:
            asked = period | {"limit": limit, "after": after}
            page = client.get(address(told, "/movements"), headers=operator, params=asked).json()
            assert {name: page[name] for name in period} == period
            assert len(page["movements"]) <= limit
            found += page["movements"]
            after = page["next_after"]
        return found

    whole = paged(500)
    assert whole[:500] == first["movements"]
    assert len(whole) > 500
    assert paged(333) == whole
    came_from = {each["origin"]["what"]: each["origin"] for each in whole}
    assert set(came_from) == {"entry", "order", "return", "certificate", "count"}
    assert came_from["entry"]["name"] == "BULK-2026-1"
    assert came_from["certificate"] == {
        "what": "certificate",
        "name": "CERT-9",
        "declaration_id": None,
        "return_id": "",
    }
    assert came_from["return"]["return_id"].startswith(f"stock {told.account.account_no} return R-")
    assert all(came_from[what]["declaration_id"] for what in ("entry", "order", "return", "count"))
    past = client.get(address(told, "/movements"), headers=operator, params=period | {"after": len(whole)}).json()
    assert past["movements"] == []
    assert past["next_after"] is None


def test_a_period_is_asked_the_same_way_everywhere(
    client: TestClient, told: example.Told, operator: dict[str, str]
) -> None:
    turned = {"from": "2026-07-02T00:00:00Z", "until": "2026-07-01T00:00:00Z"}
    for rest in ("/movements", "/statement", "/statement/csv"):
        assert client.get(address(told, rest), headers=operator, params=turned).status_code == 400
        naive = {"known_at": "2026-07-01T00:00:00"}
        assert client.get(address(told, rest), headers=operator, params=naive).status_code == 400


def test_an_order_is_told_once_and_what_is_not_there_is_refused(
    client: TestClient, told: example.Told, operator: dict[str, str]
) -> None:
    record = msgspec.json.encode(msgspec.structs.replace(example.orders()[0], order_id="Q-NEW"))
    first = client.post(address(told, "/orders"), content=record, headers=operator)
    assert first.status_code == 201, first.text
    (line,) = first.json()["lines"]
    assert (line["flow"], line["state"]) == ("local", "open")  # nobody lets the guarantee stand for it yet
    again = client.post(address(told, "/orders"), content=record, headers=operator)
    assert (again.status_code, again.json()["is_repeat"]) == (200, True)
    lots = client.get(address(told), headers=operator).json()["lots"]
    assert (lots[0]["balance"], lots[0]["reserved"]) == (str(BOOKED), "1")
    too_much = record.replace(b'"Q-NEW"', b'"Q-MUCH"').replace(b'"quantity":"1"', b'"quantity":"513"')
    refused = client.post(address(told, "/orders"), content=too_much, headers=operator).json()
    assert refused["taken_count"] == 0
    assert "1 of 513 TEE-BLUE-M are not there" in refused["findings"][0]["words"]
    unreadable = client.post(address(told, "/orders"), content=b'{"order_id": 7}', headers=operator)
    assert unreadable.json()["findings"], unreadable.text
    assert client.post(address(told, "/potatoes"), content=record, headers=operator).status_code in (400, 404)


def test_officers_alone_act_on_an_account(
    client: TestClient, told: example.Told, operator: dict[str, str], who: Who
) -> None:
    acts = f"/api/v1/stock-acts/{told.account.account_no}"
    removal = {"removal_id": "S-1", "kind": "sample taken", "goods_id": example.GOODS, "quantity": "1"}
    assert client.post(f"{acts}/removals", json=removal, headers=operator).status_code == 403
    taken = client.post(f"{acts}/removals", json=removal, headers=who.officer)
    assert taken.status_code == 201, taken.text
    (source,) = taken.json()["sources"]
    assert client.post(f"{acts}/removals", json=removal, headers=who.officer).json()["code"] == "stock.refused"
    reversal = {"source": source, "reason": "it was not ours"}
    assert client.post(f"{acts}/corrections", json=reversal, headers=who.officer).status_code == 201
    assert client.post(f"{acts}/corrections", json=reversal, headers=who.officer).status_code == 409
    lots = client.get(address(told), headers=operator).json()["lots"]
    assert lots[0]["balance"] == str(BOOKED)


def rows(text: str) -> list[list[str]]:
    """The cells of every row of a page's tables, as they are read."""
    found = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
    return [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in found
    ]


def test_pages_show_the_account(client: TestClient, told: example.Told) -> None:
    number = told.account.account_no
    (listed,) = [row for row in rows(client.get("/stock").text) if row[0] == str(number)]
    assert listed[1:] == [
        "North Quay free zone Free zone, AE", f"{example.OPERATOR} {example.OPERATOR_ID}", f"{BOOKED} pieces", "1",
        "1,314.56 AED", "0",
    ]  # fmt: skip
    page = client.get(f"/stock/{number}")
    assert page.status_code == 200
    assert "515 in the account, 513 counted: 2 missing" in page.text
    article = [row for row in rows(page.text) if row[0].startswith(f"{example.GOODS} ")]
    assert [row[1:] for row in article] == [["1,000", "500", "20", "5", "2", f"{BOOKED} pieces"]]
    statement = client.get(f"/stock/{number}/statement")
    assert "It balances" in statement.text
    day = datetime.now(UTC).date()
    sheet = client.get(f"/stock/{number}/statement.csv?first={day - timedelta(days=1)}&last={day}")
    assert sheet.headers["content-disposition"].startswith("attachment")
    assert "sold abroad,-200" in sheet.text
    for rest in (
        "/statement?first=x",
        "/movements?last=x",
        "/movements?after=x",
        "?known_at=x",
        "/statement?known_at=x",
    ):
        assert client.get(f"/stock/{number}{rest}").status_code == 400
    assert client.get("/stock/4711").status_code == 404
    assert client.get("/stock/4711/movements").status_code == 404


def test_movements_are_read_in_pages_and_lead_to_what_they_came_from(client: TestClient, told: example.Told) -> None:
    address = f"/stock/{told.account.account_no}/movements"
    page = client.get(address).text
    found: list[list[str]] = []
    for _ in range(100):
        found += [row for row in rows(page) if row and row[0][:2] == "20"]
        later = re.search(r'rel="next" href="([^"]+)"', page)
        if later is None:
            break
        page = client.get(unescape(later[1])).text
    assert [row[1] for row in found[:2]] == ["Received from abroad", "Sold abroad"]
    sheet = list(csv.DictReader(io.StringIO(client.get(f"{address}.csv").text)))
    assert len(sheet) == len(found) > 500
    assert [
        (one["source"], row[-1]) for one, row in zip(sheet, found, strict=True) if one["source"] not in row[-1]
    ] == []


def test_what_a_movement_came_from_is_a_page(client: TestClient, told: example.Told) -> None:
    page = client.get(f"/stock/{told.account.account_no}").text  # the last fifty: returns, the stock-taking, orders
    links = {text.split()[0]: unescape(href) for href, text in re.findall(r'<a href="(/[^"]+)">([^<]+)</a>', page)}
    for name, begins in (("Order", "/parcels/"), ("declaration", "/parcels/"), ("Return", "/returns/stock%20")):
        assert links[name].startswith(begins)
        assert client.get(links[name]).status_code == 200
    assert links["Stock-taking"] == f"/stock/{told.account.account_no}#counts"
    assert 'id="counts"' in page


def test_pages_show_an_account_as_it_was_known(client: TestClient, told: example.Told) -> None:
    number = told.account.account_no
    before = quote((told.account.opened_at - timedelta(minutes=1)).isoformat())
    page = client.get(f"/stock/{number}?known_at={before}").text
    assert "No lot was received." in page
    assert "what was told later is left out" in page
    assert "Take the fact back" not in page
    assert "Nothing moved in these days." in client.get(f"/stock/{number}/movements?known_at={before}").text
    assert "No lot was there or moved" in client.get(f"/stock/{number}/statement?known_at={before}").text
    assert client.get(f"/stock/{number}/statement.csv?known_at={before}").text.count("\n") == 1
    assert client.get(f"/stock/{number}/movements.csv?known_at={before}").text.count("\n") == 1
    later = client.get(f"/stock/{number}?known_at=2099-01-01T00:00").text
    assert "Take the fact back" not in later
    for rest in ("statement", "movements"):  # of the same moment
        assert f'href="/stock/{number}/{rest}?known_at=2099-01-01T00%3A00"' in later


def test_pages_are_for_officers_who_are_signed_in(guarded: TestClient) -> None:
    guarded.cookies.clear()
    for address in ("/stock", "/stock/1", "/stock/1/statement", "/stock/1/movements", "/stock/1/movements.csv"):
        answer = guarded.get(address, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={quote(address, safe='')}")
