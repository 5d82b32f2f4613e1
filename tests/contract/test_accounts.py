"""The accounts on a real PostgreSQL: balanced, append only, idempotent, two persons, and whole after kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from tidewaiter.cli.bench import accounts as simulation
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.revenue.payments import Draft
from tidewaiter.revenue.postings import Account, Entry, Posting, PostingError, refunded, reversal
from tidewaiter.revenue.statements import lines
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import MATCHING
from tidewaiter.workflow.accounting import reconcile
from tidewaiter.workflow.paying import Taken, allocation_of, approve, draft_of, take_payment, take_statements

DAY = date(2026, 7, 1)
D = Decimal


def charge(key: str = "charge:1:S1:x", amount: str = "10.00", *, subject: str = "S1") -> Posting:
    where = {"currency": "EUR", "party": "OP1", "scheme": "customs revenue", "period": "2026-07"}
    entries = (
        Entry(account=Account.RECEIVABLE, amount=D(amount), **where),
        Entry(account=Account.REVENUE, amount=-D(amount), type_code="B00", **where),
    )
    return Posting(key=key, kind="charge", booked_on=DAY, entries=entries, subject=subject, due=DAY)


def test_a_posting_is_booked_once(store: PostgresStore) -> None:
    assert store.accounts.post([charge()]) == 1
    assert store.accounts.post([charge()]) == 0
    with pytest.raises(ConflictError, match="booked before with other content"):
        store.accounts.post([charge(amount="11.00")])
    assert store.accounts.of_subjects(["S1"])["S1"][0].key == charge().key
    assert store.accounts.charged(["S1"]) == {"S1": {"B00": D("10.0000")}}


def test_all_or_none_are_booked(store: PostgresStore) -> None:
    unbalanced = Posting(key="y", kind="charge", booked_on=DAY, entries=charge().entries[:1])
    with pytest.raises(PostingError, match="differ"):
        store.accounts.post([charge(), unbalanced])
    with pytest.raises(PostingError, match="two things"):
        store.accounts.post([charge(), charge(amount="11.00")])
    assert store.accounts.balances() == []


def test_the_database_itself_refuses_what_does_not_balance(store: PostgresStore) -> None:
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO posting (posting_key, digest, kind, subject, booked_on)"
            " VALUES ('x', decode(repeat('00', 32), 'hex'), 'charge', '', '2026-07-01')"
        )
        with pytest.raises(psycopg.errors.CheckViolation, match="does not balance"):
            connection.execute(
                "INSERT INTO entry (posting_id, entry_no, account, amount, currency, party, scheme, period, type_code)"
                " SELECT posting_id, 1, 'revenue', 5, 'EUR', '', '', '', '' FROM posting"
            )


@pytest.mark.parametrize(
    "statement", ["UPDATE entry SET amount = 0", "DELETE FROM posting", "TRUNCATE entry", "DELETE FROM entry"]
)
def test_nothing_is_changed_or_taken_away(store: PostgresStore, statement: str) -> None:
    store.accounts.post([charge()])
    with (
        psycopg.connect(store.url, autocommit=True) as connection,
        pytest.raises(psycopg.errors.RestrictViolation, match="append only"),
    ):
        connection.execute(statement.encode())


def test_no_more_is_refunded_than_was_charged(store: PostgresStore) -> None:
    store.accounts.post([charge()])
    where = charge().entries[0]
    store.accounts.post([refunded("S1", "R1", DAY, {"B00": D("6.00")}, where)])
    with pytest.raises(psycopg.errors.CheckViolation, match="more than was charged"):
        store.accounts.post([refunded("S1", "R2", DAY, {"B00": D("4.01")}, where)])
    store.accounts.post([refunded("S1", "R2", DAY, {"B00": D("4.00")}, where)])
    assert store.accounts.charged(["S1"]) == {"S1": {"B00": D("0.0000")}}


def test_a_second_person_approves(store: PostgresStore) -> None:
    books = store.accounts
    books.post([charge()])
    number = books.proposals.enter("payment", "P1", draft_of("P1", "4.00 eur", "OP1", DAY), "anna")
    with pytest.raises(ConflictError, match="waits already, entered by anna"):
        books.proposals.enter("payment", "P1", draft_of("P1", "4.00 eur", "OP1", DAY), "boris")
    with pytest.raises(PostingError, match="anna entered"):
        approve(number, "anna", books, MATCHING)
    with psycopg.connect(store.url, autocommit=True) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("INSERT INTO proposal_answer VALUES (%s, true, 'anna', '')", [number])
    assert approve(number, "boris", books, MATCHING).matched == D("4.00")
    with pytest.raises(ConflictError, match="approved by boris"):
        approve(number, "clara", books, MATCHING)
    with pytest.raises(NotFoundError):
        approve(number + 1, "clara", books, MATCHING)
    (debt,) = books.open_debts("OP1")
    assert debt.owed == D("6.0000")
    with pytest.raises(ConflictError, match="booked before"):
        books.proposals.enter("payment", "P1", draft_of("P1", "4.00 eur", "OP1", DAY), "anna")


def test_what_is_refused_is_never_booked(store: PostgresStore) -> None:
    number = store.accounts.proposals.enter("payment", "P1", draft_of("P1", "4.00 eur", "OP1", DAY), "anna")
    store.accounts.proposals.refuse(number, "anna", "entered twice")
    with pytest.raises(ConflictError, match="refused by anna"):
        approve(number, "boris", store.accounts, MATCHING)
    assert store.accounts.proposals.waiting() == []
    assert store.accounts.balances() == []


def test_what_is_too_much_waits_in_suspense_until_two_persons_allocate_it(store: PostgresStore) -> None:
    books = store.accounts
    books.post([charge()])
    payment = Draft(reference="P1", amount=D("12.50"), currency="EUR", booked_on=DAY, payer="OP1")
    assert take_payment(payment, books, MATCHING).suspense == D("2.50")
    assert books.open_debts() == []
    with pytest.raises(ConflictError, match="booked before"):
        take_payment(payment, books, MATCHING)
    other = Draft(reference="P2", amount=D("1.00"), currency="GBP", booked_on=DAY, payer="OP1")
    assert take_payment(other, books, MATCHING).words == "no debt was found for it"

    books.post([charge("charge:1:S2:x", "4.00", subject="S2")])
    (debt,) = books.open_debts("OP1")
    with pytest.raises(PostingError, match=r"2\.5000 of payment P1 waits"):
        allocation_of("P1", debt, D("2.51"), books)
    number = books.proposals.enter("allocation", "P1", allocation_of("P1", debt, D("2.00"), books), "anna")
    assert approve(number, "boris", books, MATCHING).suspense == D("0.5000")
    assert [(each.period, each.amount) for each in books.suspense()] == [
        ("payment:P1", D("0.5000")),
        ("payment:P2", D("1.0000")),
    ]
    assert books.open_debts("OP1")[0].owed == D("2.0000")


def test_debts_in_another_currency_are_not_paid(store: PostgresStore) -> None:
    store.accounts.post([charge()])
    other = Draft(reference="P2", amount=D("10.00"), currency="GBP", booked_on=DAY, payer="OP1")
    row = take_payment(other, store.accounts, MATCHING)
    assert (row.matched, row.words) == (D(0), "owed in EUR and paid in GBP: a person decides")


def statement_of(*entries: str, number: str = "S1") -> bytes:
    return (
        f"<Document><BkToCstmrStmt><Stmt><Id>{number}</Id><Acct><Id><IBAN>DE0</IBAN></Id></Acct>{''.join(entries)}"
        "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def bank_entry(
    reference: str, amount: str, *, payer: str = "OP1", words: str = "", side: str = "CRDT", more: str = ""
) -> str:
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{more}<Sts>BOOK</Sts>'
        f"<BookgDt><Dt>2026-07-02</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Dbtr>"
        f"<Nm>{payer}</Nm></Dbtr></RltdPties><RmtInf><Ustrd>{words}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def take(store: PostgresStore, body: bytes) -> list[Taken]:
    return take_statements(body, bytes(32), store.accounts, MATCHING)


def test_a_bank_statement_is_read_once_and_whole(store: PostgresStore) -> None:
    store.accounts.post([charge()])
    body = statement_of(bank_entry("B1", "6.00"), bank_entry("B2", "6.00"))
    assert [(row.matched, row.suspense) for row in take(store, body)] == [(D("6.00"), D(0)), (D("4.00"), D("2.00"))]
    with pytest.raises(ConflictError, match="read before"):
        take(store, body)
    assert store.accounts.open_debts() == []


def test_a_payment_in_two_statements_counts_once(store: PostgresStore) -> None:
    store.accounts.post([charge()])
    take(store, statement_of(bank_entry("B1", "4.00")))
    (row,) = take(store, statement_of(bank_entry("B1", "4.00"), number="S2"))
    assert row.words == "booked before: it counts once"
    assert store.accounts.open_debts()[0].owed == D("6.0000")
    with pytest.raises(ConflictError, match="booked before with 4"):
        take(store, statement_of(bank_entry("B1", "5.00"), number="S3"))
    take(store, statement_of(bank_entry("B3", "5.00"), number="S3"))  # nothing of the refused one was kept


def test_a_payment_that_the_bank_takes_back(store: PostgresStore) -> None:
    store.accounts.post([charge()])
    take(store, statement_of(bank_entry("B1", "10.00")))
    assert store.accounts.open_debts() == []
    reversed_ = "<RvslInd>true</RvslInd>"
    known, unknown = take(
        store,
        statement_of(
            bank_entry("B1", "10.00", side="DBIT", more=reversed_),
            bank_entry("B9", "3.00", side="DBIT", more=reversed_),
            number="S2",
        ),
    )
    assert known.words == "taken back by the bank"
    assert "no such payment" in unknown.words
    assert store.accounts.open_debts()[0].owed == D("10.0000")
    assert [each.amount for each in store.accounts.suspense()] == [D("-3.0000")]


def test_statements_run_on_from_one_another(store: PostgresStore) -> None:
    books = store.accounts
    books.post([charge()])
    (july,) = books.statements.issue("2026-07", books.last_posting(), DAY)
    assert (july.opening, july.closing, july.number) == (D(0), D("10.0000"), "TWS-00000001")
    assert list(books.statements.issue("2026-07", books.last_posting(), DAY)) == []
    # paid by the statement's number, from an account nobody knows; and July is corrected in August
    take(store, statement_of(bank_entry("B1", "10.00", payer="?", words="TWS-00000001")))
    books.post([reversal(charge(), date(2026, 8, 3), "amended"), charge("charge:2:S1:x", "9.00")])
    (august,) = books.statements.issue("2026-08", books.last_posting(), DAY)
    assert (august.opening, august.closing) == (D("10.0000"), D("-1.0000"))
    assert {name: amount for name, amount in august.movements.items() if amount} == {
        "payments": D("-10.0000"), "corrections": D("-10.0000"), "charges": D("9.0000")
    }  # fmt: skip
    assert {part.period for part in august.parts} == {"2026-07"}
    with books.statements.rows_of(august) as rows:
        assert sum(line.amount for line in lines(rows)) == august.moved
    found = reconcile({("revenue", "B00", "EUR"): D("9.00")}, books, "S1")
    assert (found.is_exact, found.statements, found.accounts) == (True, 2, 1)
    with psycopg.connect(store.url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.RestrictViolation, match="append only"):
            connection.execute("UPDATE statement SET closing = 0")
        connection.execute("ALTER TABLE statement DISABLE TRIGGER USER")
        connection.execute(
            "UPDATE statement SET content = replace(convert_from(content, 'UTF8'), '9.0000', '8.0000')::bytea"
        )
    assert reconcile({("revenue", "B00", "EUR"): D("9.00")}, books, "S1").problems


WORK = """
import sys
from tidewaiter.cli.bench.accounts import Piece, post_piece

if __name__ == "__main__":
    post_piece(Piece(sys.argv[1], 3, 0, 6000))
"""


def test_kill_in_the_middle_of_posting_loses_and_doubles_nothing(store: PostgresStore) -> None:
    process = subprocess.Popen([sys.executable, "-c", WORK, store.url], env=os.environ | {"PYTHONPATH": str(SOURCE)})
    deadline = time.monotonic() + 60
    while not store.accounts.position("simulation:3:0") and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = store.accounts.position("simulation:3:0")
    assert done > 0
    report = simulation.run(store, 6000, 3)
    assert report.difference == 0
    assert report.reconciliation.is_exact
    again = simulation.run(store, 6000, 3)
    assert again.postings == 0


SOURCE = Path(__file__).resolve().parents[2] / "src"
