"""The accounts at the doors: a declarant sees its own, an officer all, and two signed-in persons make a payment."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
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
from tidewaiter.store.accounts import BOOKKEEPING, MATCHING
from tidewaiter.web.app import create_app
from tidewaiter.web.house import House
from tidewaiter.web.settings import WebSettings, hash_password
from tidewaiter.workflow.bookkeeping import Bookkeeper
from tidewaiter.workflow.evidence import EvidenceError
from tidewaiter.workflow.paying import take_statements
from tidewaiter.workflow.set_aside import Change, Spot, Tray

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

    def test_anothers_statement_is_answered_as_one_that_is_not_there(
        self, client: TestClient, who: Who, booked: str
    ) -> None:
        for ending in ("", "/lines"):
            said = []
            for number in (booked, "TWS-99999999"):
                answer = client.get(f"/api/v1/accounts/statements/{number}{ending}", headers=who.courier)
                said.append((answer.status_code, answer.text.replace(number, "N")))
            assert said[0] == said[1]

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
        House(store=house.store, intake=house.intake, desk=house.desk, senders=house.senders, accounts=house.accounts, quality=house.quality, connectors=house.connectors,
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

    def test_what_is_set_aside_is_said_before_all_else(self, house: House, client: TestClient, booked: str) -> None:
        assert "not in the books" not in client.get("/accounts").text
        tray = Tray("decisions", frozenset(), datetime(2026, 7, 15, tzinfo=UTC))
        error = EvidenceError("what was declared cannot be read", hint="restore its message")
        tray.add(Spot("declaration:7", 3, "block 3 of evidence, record <1> of message 9"), error)
        house.accounts.post([], aside=tray.change())
        page = client.get("/accounts").text
        assert page.index("Set aside: not in the books") < page.index('id="accounts"')
        assert 'role="alert"><strong>1 could not be read or posted' in page
        for words in (
            'href="/parcels/7"',
            "record &lt;1&gt;",
            "restore its message",
            "accounts.evidence",
            "accounts retry",
        ):
            assert words in page
        house.accounts.post([], aside=Change(ended=("declaration:7",)))
        assert "not in the books" not in client.get("/accounts").text

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


def test_a_guarantee_is_entered_at_the_pages(house: House, persons: dict[str, Person]) -> None:
    anna, boris = persons["anna"], persons["boris"]
    typed = {
        "guarantee_id": "DEF-8", "kind": "deferment", "limit": "2500.00 GBP", "party": IMPORTER, "jurisdiction": "gb",
        "valid_from": "2026-01-01", "valid_to": "", "day": "15", "scheme": "", "words": "authorisation 77",
    }  # fmt: skip
    for field, value, said in (
        ("limit", "much", "is no amount"), ("day", "", "needs the day it is settled"), ("party", "", "not said whose"),
        ("valid_from", "", "from which day on"), ("valid_to", "x", "is not a day"), ("kind", "x", "Say whether"),
    ):  # fmt: skip
        refused = send(anna, "/accounts/waiting", "/accounts/guarantees", **(typed | {field: value}))
        assert refused.status_code in (400, 409, 422)
        assert said in refused.text
        assert 'value="DEF-8"' in refused.text
    assert send(anna, "/accounts/waiting", "/accounts/guarantees", **typed).status_code == 303
    (waiting,) = house.accounts.proposals.waiting()
    page = boris.get("/accounts/waiting").text
    assert "authorisation 77" in page
    assert "DEF-8" in page
    send(boris, "/accounts/waiting", f"/accounts/waiting/{waiting.proposal_id}", answer="approve")
    grant = house.accounts.guarantees.one("DEF-8").grant
    assert (grant.kind, grant.limit, grant.jurisdiction_code) == ("deferment", Decimal("2500.00"), "GB")
    assert grant.due is not None
    assert grant.due.day == 15
    assert "DEF-8" in boris.get("/accounts").text


def test_money_in_suspense_is_laid_onto_a_debt_at_the_operators_account(
    house: House, persons: dict[str, Person], booked: str
) -> None:
    anna, boris = persons["anna"], persons["boris"]
    send(
        anna,
        "/accounts/waiting",
        "/accounts/payments",
        reference="B90",
        amount="3.00 GBP",
        payer="Nobody known",
        pays="",
    )
    (waiting,) = house.accounts.proposals.waiting()
    send(boris, "/accounts/waiting", f"/accounts/waiting/{waiting.proposal_id}", answer="approve")
    debt = house.accounts.open_debts(IMPORTER)[0]
    account = f"/accounts/entries?party={IMPORTER}&scheme={SCHEME}&currency=GBP"
    assert "Nobody known: 3.00 GBP" in anna.get(account).text
    typed = {"payment": "B90", "party": IMPORTER, "scheme": SCHEME, "period": debt.period, "laid": "2.00 GBP"}
    for field, value, said in (
        ("laid", "4.00 GBP", "waits in suspense, not 4.00"), ("period", "1999-01", "owes nothing"), ("laid", "x", "is no amount"),
    ):  # fmt: skip
        refused = send(anna, account, "/accounts/allocations", **(typed | {field: value}))
        assert refused.status_code >= 400
        assert said in refused.text
    assert send(anna, account, "/accounts/allocations", **typed).status_code == 303
    (waiting,) = house.accounts.proposals.waiting()
    assert send(anna, account, f"/accounts/waiting/{waiting.proposal_id}", answer="approve").status_code == 409
    send(boris, account, f"/accounts/waiting/{waiting.proposal_id}", answer="approve")
    assert house.accounts.open_debts(IMPORTER)[0].owed == debt.owed - 2
    assert [each.amount for each in house.accounts.suspense()] == [Decimal("1.00")]


def test_two_payments_of_one_statement_each_pay_the_declaration_they_name(
    house: House, client: TestClient, who: Who
) -> None:
    payer = "GB444455556000"
    importer = parcels.party("Robin Thornbury", "Woodbridge", "IP12 1BY", "GB") | {"party_id": payer}
    shoes = [
        parcels.parcel(f"NAMED-{n}", parcels.item(1, "Shoes, leather uppers", "6403999600", price), importer=importer)
        for n, price in ((1, "400.00"), (2, "200.00"))
    ]
    answer = client.post("/api/v1/messages", content=parcels.message(*shoes), headers=who.post).json()
    Bookkeeper(house.store, house.accounts, house.desk).catch_up(BOOKKEEPING)  # type: ignore[arg-type]
    named = [
        client.get(f"/api/v1/declarations/{line['declaration_id']}", headers=who.post).json()
        for line in answer["lines"]
    ]
    body = "".join(
        f'<Ntry><Amt Ccy="GBP">{each["due"]["amount"]}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt>'
        f"<Dt>2026-07-02</Dt></BookgDt><AcctSvcrRef>N{number}</AcctSvcrRef><NtryDtls><TxDtls><RmtInf><Ustrd>{each['mrn']}"
        "</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        for number, each in enumerate(named)
    )
    whole = (
        "<Document><BkToCstmrStmt><Stmt><Id>NAMED</Id><Acct><Id><IBAN>DE0</IBAN></Id></Acct>"
        f"{body}</Stmt></BkToCstmrStmt></Document>"
    )
    before = house.accounts.suspense()
    rows = take_statements(whole.encode(), bytes(32), house.accounts, MATCHING)
    assert [row.suspense for row in rows] == [0, 0]
    assert house.accounts.open_debts(payer) == []
    assert house.accounts.suspense() == before


@pytest.mark.parametrize("period", ["2026-13", "2026-Q5", "June", "2026-07-01"])
def test_what_is_no_period_is_not_an_empty_month(period: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["accounts", "issue", period])
    assert left.value.code == output.EXIT_USAGE
    assert "2026-Q3" in capsys.readouterr().err


def test_who_names_a_guarantee_that_is_not_there_reads_why_it_waits(
    house: House, client: TestClient, who: Who, booked: str
) -> None:
    importer = parcels.party("Robin Sedge", "Woodbridge", "IP12 1BY", "GB") | {"party_id": "GB555000555000"}
    item = parcels.item(1, "Shoes, leather uppers", "6403999600", "200.00")
    waits = parcels.parcel("ACC-404", item, importer=importer, guarantee_ids=["G404", "G9"])
    assert client.post("/api/v1/messages", content=parcels.message(waits), headers=who.post).status_code == 201
    Bookkeeper(house.store, house.accounts, house.desk).catch_up(BOOKKEEPING)  # type: ignore[arg-type]
    for key in (who.post, who.officer):
        (hold,) = client.get("/api/v1/declarations/ACC-404", headers=key).json()["holds"]
        assert "it waits until guarantee G404 or guarantee G9 is found to cover it" in hold["words"]
        # G9 is another's: told as if it were not there.
        liable = "GB555000555000 or GB123456789000"
        assert hold["because"] == [f"No guarantee {each} is granted to {liable}." for each in ("G404", "G9")]
    assert "No guarantee G404 is granted to" in client.get("/parcels/ACC-404", headers=who.officer).text
