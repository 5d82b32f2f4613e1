"""The accounts on a real PostgreSQL: balanced, append only, idempotent, two persons, and whole after kill -9."""

from __future__ import annotations

import io
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
from tidewaiter.cli.bench import parcels
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.revenue.payments import Draft
from tidewaiter.revenue.postings import Account, Entry, Posting, PostingError, refunded
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.accounting import post_decisions, reconcile_decisions
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.paying import draft_of, take_payment, take_statements

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
                "INSERT INTO entry SELECT posting_id, 1, 'revenue', 5, 'EUR', '', '', '', '' FROM posting"
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
    store.accounts.post([charge()])
    number = store.accounts.enter(draft_of("P1", "4.00 eur", "OP1"), "anna")
    with pytest.raises(PostingError, match="anna entered"):
        store.accounts.approve(number, "anna")
    row = take_payment(store.accounts.approve(number, "boris"), store.accounts)
    assert row["matched"] == D("4.00")
    with pytest.raises(ConflictError, match="approved by boris"):
        store.accounts.approve(number, "clara")
    with pytest.raises(NotFoundError):
        store.accounts.approve(number + 1, "clara")
    (debt,) = store.accounts.open_debts("OP1")
    assert debt.owed == D("6.0000")


def test_what_is_too_much_waits_in_suspense(store: PostgresStore) -> None:
    store.accounts.post([charge()])
    payment = Draft(reference="P1", amount=D("12.50"), currency="EUR", booked_on=DAY, payer="OP1")
    assert take_payment(payment, store.accounts)["in suspense"] == D("2.50")
    assert store.accounts.open_debts() == []
    with pytest.raises(ConflictError, match="booked before"):
        take_payment(payment, store.accounts)
    other = Draft(reference="P2", amount=D("1.00"), currency="GBP", booked_on=DAY, payer="OP1")
    assert take_payment(other, store.accounts)["how"] == "no debt was found for it"


def test_a_bank_statement_is_read_once(store: PostgresStore) -> None:
    body = (
        b"<Document><BkToCstmrStmt><Stmt><Id>S1</Id><Acct><Id><IBAN>DE0</IBAN></Id></Acct><Ntry>"
        b'<Amt Ccy="EUR">4.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-07-02</Dt></BookgDt>'
        b"<AcctSvcrRef>B1</AcctSvcrRef></Ntry></Stmt></BkToCstmrStmt></Document>"
    )
    assert take_statements(body, b"1", store.accounts)[0]["in suspense"] == D("4.00")
    with pytest.raises(ConflictError, match="read before"):
        take_statements(body, b"1", store.accounts)


def test_decisions_are_posted_once_and_add_up(store: PostgresStore) -> None:
    sender = store.senders.ensure("post")
    body = b"".join(parcels.message("json", 40, 1, date(2026, 11, 20)))
    with Intake(store, workers=0) as intake:
        intake.submit(
            io.BytesIO(body), sender_id=sender.sender_id, file_name="a.json", transport="test",
            legal_day=date(2026, 11, 20),
        )  # fmt: skip
    made = sum(post_decisions(store, store.accounts))
    assert made > 0
    assert sum(post_decisions(store, store.accounts)) == 0
    found = reconcile_decisions(store, store.accounts, store.returns.totals())
    assert found.is_exact
    assert sum(found.assessed.values()) > 0


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
