"""The accounts at the doors: a declarant sees its own, an officer all, and two signed-in persons make a payment."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from litestar.testing import TestClient
from msgspec.structs import replace

from api import parcels
from api.conftest import BASE, PASSWORD, Who
from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.revenue.guarantees import Grant
from tidewaiter.store.accounts import BOOKKEEPING
from tidewaiter.web.app import create_app
from tidewaiter.web.house import House
from tidewaiter.web.settings import WebSettings, hash_password
from tidewaiter.workflow.bookkeeping import Bookkeeper

TOKEN = re.compile(r'name="_token" value="([^"]+)"')
IMPORTER = "GB987654321000"
SCHEME = "GB customs revenue"


@pytest.fixture(scope="module")
def booked(house: House, client: TestClient, who: Who) -> str:
    """Two parcels posted, one statement issued; its number."""
    importer = parcels.party("Alex Thornbury", "Woodbridge", "IP12 1BY", "GB") | {"party_id": IMPORTER}
    shoes = [
        parcels.parcel(f"ACC-{n}", parcels.item(1, "Shoes, leather uppers", "6403999600", "200.00"), importer=importer)
        for n in (1, 2)
    ]
    assert client.post("/api/v1/messages", content=parcels.message(*shoes), headers=who.post).status_code == 201
    Bookkeeper(house.store, house.accounts, house.desk).catch_up(BOOKKEEPING)  # type: ignore[arg-type]
    house.accounts.let_see(who.post_id, IMPORTER, "anna")
    guarantees = house.accounts.guarantees
    grant = Grant(
        guarantee_id="G9", kind="guarantee", party=IMPORTER, jurisdiction_code="GB", currency="GBP",
        limit=Decimal("500.00"), valid_from=date(2026, 1, 1),
    )  # fmt: skip
    guarantees.approve(guarantees.enter(grant, "anna"), "boris")
    period = house.accounts.open_debts(IMPORTER)[0].period
    (issued,) = house.accounts.statements.issue(
        period, house.accounts.last_posting(), date(2026, 12, 1), party=IMPORTER
    )
    return issued.number


class TestMachines:
    def test_a_declarant_sees_its_own(self, client: TestClient, who: Who, booked: str) -> None:
        (account,) = client.get("/api/v1/accounts", headers=who.post).json()["accounts"]
        assert (account["party"], account["scheme"]) == (IMPORTER, SCHEME)
        (debt,) = client.get("/api/v1/accounts/debts", headers=who.post).json()["debts"]
        assert debt["owed"] == account["balance"]
        (guarantee,) = client.get("/api/v1/accounts/guarantees", headers=who.post).json()["guarantees"]
        assert guarantee["free"] == {"amount": "500.00", "currency": "GBP"}
        (listed,) = client.get("/api/v1/accounts/statements", headers=who.post).json()["statements"]
        one = client.get(f"/api/v1/accounts/statements/{booked}", headers=who.post).json()
        assert one == listed
        assert Decimal(one["closing"]["amount"]) == sum(Decimal(part["amount"]["amount"]) for part in one["parts"])

    def test_nobody_sees_anothers(self, client: TestClient, who: Who, booked: str) -> None:
        assert client.get("/api/v1/accounts", headers=who.courier).json() == {"accounts": []}
        assert client.get("/api/v1/accounts/debts", headers=who.courier).json() == {"debts": []}
        for ending in ("", "/lines"):
            path = f"/api/v1/accounts/statements/{booked}{ending}"
            assert client.get(path, headers=who.courier).status_code == 404
            assert client.get(path).status_code == 401
        assert client.get(f"/api/v1/accounts?party={IMPORTER}", headers=who.courier).json() == {"accounts": []}

    def test_an_officer_sees_all_of_one(self, client: TestClient, who: Who, booked: str) -> None:
        found = client.get(f"/api/v1/accounts/statements?party={IMPORTER}", headers=who.officer).json()["statements"]
        assert [each["number"] for each in found] == [booked]

    def test_lines_are_a_table(self, client: TestClient, who: Who, booked: str) -> None:
        answer = client.get(f"/api/v1/accounts/statements/{booked}/lines", headers=who.post)
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [rows[0]["kind"], rows[-1]["kind"]] == ["opening balance", "closing balance"]
        assert len(rows) == 4

    @pytest.mark.parametrize("number", ["TWS-99999999", "x", "TWS-", "9" * 25])
    def test_what_is_not_there(self, client: TestClient, who: Who, number: str) -> None:
        answer = client.get(f"/api/v1/accounts/statements/{number}", headers=who.officer)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


class Person:
    """A signed-in officer: one caller of the application, with cookies of their own."""

    def __init__(self, client: TestClient, name: str) -> None:
        self._client = client
        self._cookies: dict[str, str] = {}
        send(self, "/login", "/login", name=name, password=PASSWORD)

    def get(self, path: str) -> Any:
        return self._asked("GET", path)

    def post(self, path: str, **more: Any) -> Any:
        return self._asked("POST", path, **more)

    def _asked(self, method: str, path: str, **more: Any) -> Any:
        self._client.cookies.clear()
        self._client.cookies.update(self._cookies)
        answer = self._client.request(method, path, **more)
        self._cookies = dict(self._client.cookies)
        return answer


@pytest.fixture(scope="module")
def persons(house: House) -> Iterator[dict[str, Person]]:
    """Two officers, each signed in."""
    officers = {name: hash_password(PASSWORD) for name in ("anna", "boris")}
    settings = WebSettings(secret=b"g" * 32, officers=officers)
    app = create_app(
        House(store=house.store, intake=house.intake, desk=house.desk, senders=house.senders, accounts=house.accounts, quality=house.quality,
              settings=settings)
    )  # fmt: skip
    with TestClient(app, base_url=BASE, raise_server_exceptions=False) as opened:
        yield {name: Person(opened, name) for name in officers}


def send(client: Person, page: str, path: str, **fields: str) -> Any:
    found = TOKEN.search(client.get(page).text)
    assert found
    return client.post(path, data={"_token": found[1], **fields}, follow_redirects=False)


class TestPages:
    def test_an_account_leads_to_how_each_figure_was_worked_out(self, client: TestClient, booked: str) -> None:
        page = client.get("/accounts").text
        assert IMPORTER in page
        assert "G9" in page
        account = client.get(f"/accounts/entries?party={IMPORTER}&scheme={SCHEME}&currency=GBP").text
        traces = re.findall(r'href="(/parcels/\d+#trace)"', account)
        assert len(traces) == 2
        assert "How was this worked out" in client.get(traces[0]).text
        assert f"/accounts/statements/{booked}" in account

    def test_a_statement_can_be_printed_and_kept(self, client: TestClient, booked: str) -> None:
        page = client.get(f"/accounts/statements/{booked}")
        assert page.status_code == 200
        assert f"Name {booked} when you pay." in page.text
        kept = client.get(f"/accounts/statements/{booked}/csv")
        assert f'filename="{booked}.csv"' in kept.headers["content-disposition"]
        assert client.get("/accounts/statements/TWS-1x").status_code == 404
        assert client.get("/accounts/entries?party=nobody&scheme=x&currency=GBP").status_code == 404

    def test_two_signed_in_persons_make_a_payment(self, house: House, persons: dict[str, Person], booked: str) -> None:
        anna, boris = persons["anna"], persons["boris"]
        answer = send(
            anna, "/accounts/waiting", "/accounts/payments", reference="B77", amount="1.00 GBP", payer=IMPORTER, pays=""
        )
        assert answer.status_code == 303, answer.text
        (waiting,) = house.accounts.proposals.waiting()
        assert waiting.entered_by == "anna"
        assert "a second person approves it" in anna.get("/accounts/waiting").text
        path = f"/accounts/waiting/{waiting.proposal_id}"
        refused = send(anna, "/accounts/waiting", path, answer="approve")
        assert (refused.status_code, "anna entered this payment" in refused.text) == (409, True)
        before = house.accounts.open_debts(IMPORTER)[0].owed
        assert send(boris, "/accounts/waiting", path, answer="approve").status_code == 303
        assert house.accounts.open_debts(IMPORTER)[0].owed == before - 1
        assert send(boris, "/accounts/waiting", path, answer="approve").status_code == 409

    def test_what_is_wrong_is_said_beside_what_was_typed(self, persons: dict[str, Person], booked: str) -> None:
        answer = send(
            persons["anna"], "/accounts/waiting", "/accounts/payments", reference="B78", amount="much", payer="x"
        )
        assert answer.status_code == 422
        assert "is no amount" in answer.text
        assert 'value="B78"' in answer.text

    def test_a_bank_statement_by_page(self, house: House, client: TestClient, booked: str) -> None:
        body = (
            b"<Document><BkToCstmrStmt><Stmt><Id>WEB1</Id><Acct><Id><IBAN>DE0</IBAN></Id></Acct><Ntry>"
            b'<Amt Ccy="GBP">0.50</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-07-02</Dt></BookgDt>'
            b"<AcctSvcrRef>WB1</AcctSvcrRef><NtryDtls><TxDtls><RmtInf><Ustrd>" + booked.encode() +
            b"</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>"
        )  # fmt: skip
        before = house.accounts.open_debts(IMPORTER)[0].owed
        found = TOKEN.search(client.get("/accounts/waiting").text)
        assert found
        for status in (303, 409):  # the same statement twice is refused
            answer = client.post(
                "/accounts/bank", data={"_token": found[1]}, files={"file": ("b.xml", body)}, follow_redirects=False
            )
            assert answer.status_code == status, answer.text
        assert house.accounts.open_debts(IMPORTER)[0].owed == before - Decimal("0.50")

    def test_signing_in_comes_first(self, guarded: TestClient) -> None:
        assert guarded.get("/accounts", follow_redirects=False).status_code == 303


def test_a_guarantee_waits_for_a_second_person_too(house: House, persons: dict[str, Person], booked: str) -> None:
    guarantees = house.accounts.guarantees
    number = guarantees.enter(replace(guarantees.one("G9").grant, limit=Decimal("900.00")), "anna")
    assert "Guarantee" in persons["boris"].get("/accounts/waiting").text
    answer = send(persons["boris"], "/accounts/waiting", f"/accounts/waiting/{number}", answer="approve")
    assert answer.status_code == 303
    assert guarantees.one("G9").grant.limit == Decimal("900.00")


@pytest.mark.parametrize("period", ["2026-13", "2026-Q5", "June", "2026-07-01"])
def test_what_is_no_period_is_not_an_empty_month(period: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["accounts", "issue", period])
    assert left.value.code == output.EXIT_USAGE
    assert "2026-Q3" in capsys.readouterr().err
