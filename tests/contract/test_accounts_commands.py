"""The accounts by command: what is printed, what is refused, and with which words and exit."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.revenue.postings import Account, Entry, Posting, refunded
from tidewaiter.store import PostgresStore

DAY = date(2026, 7, 1)
SCHEME = "XX customs revenue"


def charge(subject: str, amount: str, *, party: str = "OP1", period: str = "2026-07") -> Posting:
    where = {"currency": "EUR", "party": party, "scheme": SCHEME, "period": period}
    entries = (
        Entry(account=Account.RECEIVABLE, amount=Decimal(amount), **where),
        Entry(
            account=Account.REVENUE, amount=-Decimal(amount), type_code="B00", rate="20 %", base=Decimal(50), **where
        ),
    )
    return Posting(key=f"charge:1:{subject}:x", kind="charge", booked_on=DAY, entries=entries, subject=subject, due=DAY)


@pytest.fixture
def books(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> PostgresStore:
    monkeypatch.setenv("TIDEWAITER_DATABASE_URL", store.url)
    store.accounts.post([charge("S1", "10.00"), charge("S2", "4.50", party="OP2")])
    return store


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["accounts", *words])
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out, printed.err


def test_an_account_that_is_not_there_is_an_error_alone(
    books: PostgresStore, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ran(capsys, "entries", "a", "b")
    assert (code, out) == (output.EXIT_ERROR, "")
    assert "'a' has no account 'b'" in err
    assert "tidewaiter accounts list" in err
    code, out, err = ran(capsys, "entries", "OP1", "b")
    assert (code, out) == (output.EXIT_ERROR, "")
    assert f'hint  it has "{SCHEME}"' in err
    code, out, _ = ran(capsys, "entries", "OP1", SCHEME, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == output.EXIT_OK
    assert [(each["account"], each["amount"], each["due"]) for each in rows] == [
        ("receivable", "10.00", "2026-07-01"), ("revenue", "-10.00", "")
    ]  # fmt: skip


def test_a_file_that_is_no_bank_statement(
    books: PostgresStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("day,amount\n2026-07-01,5\n")
    code, _, err = ran(capsys, "bank", str(file))
    assert code == output.EXIT_ERROR
    for words in ("accounts.bank_statement", "this is no XML", "at    line 1", "hint  ask the bank for camt.053"):
        assert words in err


def test_debts_are_cut_where_asked(books: PostgresStore, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = ran(capsys, "debts", "--limit", "1", "--json")
    (debt,) = json.loads(out)
    assert (debt["owed"], debt["due"]) == ("10.00", "2026-07-01")


def test_a_statement_that_comes_too_late_is_named_with_the_reason(
    books: PostgresStore, capsys: pytest.CaptureFixture[str]
) -> None:
    books.accounts.post([charge("S3", "1.00", period="2026-06"), charge("S4", "2.00", party="OP2", period="2026-06")])
    assert ran(capsys, "issue", "2026-07", "--party", "OP1")[0] == output.EXIT_OK
    code, out, err = ran(capsys, "issue", "2026-06", "--csv")
    assert code == output.EXIT_FINDINGS
    assert [each["party"] for each in csv.DictReader(io.StringIO(out))] == ["OP2"]
    for words in ("accounts.statement_overtaken", "TWS-00000001 was issued for 2026-07", f"at    OP1, {SCHEME}, EUR"):
        assert words in err
    assert "after 2026-07" in " ".join(err.split())


def test_a_refund_is_stated_as_one_and_a_credit_asks_for_nothing(
    books: PostgresStore, capsys: pytest.CaptureFixture[str]
) -> None:
    where = charge("S1", "10.00").entries[0]
    ran(capsys, "issue", "2026-07", "--party", "OP1")
    books.accounts.post([refunded("S1", "R1", DAY, {"B00": Decimal("10.00")}, where)])
    books.accounts.post([refunded("S2", "R2", DAY, {"B00": Decimal("4.50")}, where)])
    _, out, _ = ran(capsys, "issue", "2026-08", "--csv")
    (august,) = (each for each in csv.DictReader(io.StringIO(out)) if each["party"] == "OP1")
    assert (august["opening"], august["closing"], august["pay by"]) == ("10.00", "-4.50", "")
    _, page, _ = ran(capsys, "statement", august["number"], "--form", "page")
    assert "4.50 EUR in the operator&#x27;s favour: nothing is to be paid" in page
    assert "<td>given back</td><td>correction</td><td></td><td>-14.50</td>" in page
    assert "to be paid by" not in page
    _, july, _ = ran(capsys, "statement", "TWS-00000001", "--form", "page")
    assert "10.00 EUR is to be paid by 2026-07-01; name TWS-00000001 when you pay." in july
    assert "<td>20 %</td><td></td><td>50.00</td><td>10.00</td>" in july
    _, table, _ = ran(capsys, "statement", august["number"], "--form", "csv")
    assert table.splitlines()[-1].endswith(",-14.50,-4.50,EUR")


def test_reconcile_says_amounts_alike_and_finds_a_balance_that_was_changed(
    books: PostgresStore, capsys: pytest.CaptureFixture[str]
) -> None:
    books.accounts.post([charge("declaration:1", "697.70")])  # which nobody decided
    _, out, _ = ran(capsys, "reconcile", "--csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["assessed"], row["posted"], row["stated"]) == ("0.00", "697.70", "697.70")
    with psycopg.connect(books.url, autocommit=True) as connection:
        connection.execute("UPDATE account_balance SET balance = 12.5 WHERE party = 'OP1'")
    code, _, err = ran(capsys, "reconcile")
    assert code == output.EXIT_ERROR
    assert f"OP1, {SCHEME}, EUR: 12.50 is kept, its entries come to 707.70" in err
