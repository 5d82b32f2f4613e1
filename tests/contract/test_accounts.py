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


def statement_of(*entries: str, number: str = "S1", account: str = "DE0") -> bytes:
    return (
        f"<Document><BkToCstmrStmt><Stmt><Id>{number}</Id><Acct><Id><IBAN>{account}</IBAN></Id></Acct>{''.join(entries)}"
        "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def bank_entry(
    reference: str, amount: str, *, payer: str = "OP1", words: str = "", side: str = "CRDT", more: str = "",
    on: str = "2026-07-02",
) -> str:  # fmt: skip
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{more}<Sts>BOOK</Sts>'
        f"<BookgDt><Dt>{on}</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Dbtr>"
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


def test_a_reference_used_again_on_another_account_or_day_is_another_payment(store: PostgresStore) -> None:
    books = store.accounts
    books.post([charge(amount="40.00")])
    take(store, statement_of(bank_entry("B1", "4.00")))
    (other,) = take(store, statement_of(bank_entry("B1", "4.00"), number="S2", account="DE1"))
    assert other.matched == D("4.00")
    (later,) = take(store, statement_of(bank_entry("B1", "4.00", on="2027-07-02"), number="S3"))
    assert later.matched == D("4.00")
    (value_day,) = take(
        store, statement_of(bank_entry("B1", "4.00", more="<ValDt><Dt>2026-07-03</Dt></ValDt>"), number="S4")
    )
    assert (value_day.payment, value_day.matched) == ("B1/DE0/2026-07-03", D("4.00"))
    for number, account, on in (("S5", "DE0", "2026-07-02"), ("S6", "DE1", "2026-07-02"), ("S7", "DE0", "2027-07-02")):
        (again,) = take(store, statement_of(bank_entry("B1", "4.00", on=on), number=number, account=account))
        assert (again.matched, again.words) == (0, "booked before: it counts once")
    assert books.open_debts()[0].owed == D("24.0000")
    assert [(each.account, each.amount) for each in books.balances() if each.account == "clearing"] == [
        ("clearing", D("16.0000"))
    ]


def test_a_payment_twice_in_one_file_counts_once(store: PostgresStore) -> None:
    store.accounts.post([charge()])
    first, second = take(store, statement_of(bank_entry("B1", "4.00"), bank_entry("B1", "4.00")))
    assert (first.matched, second.words) == (D("4.00"), "booked before: it counts once")
    assert store.accounts.open_debts()[0].owed == D("6.0000")


def test_what_was_entered_by_hand_is_the_banks_payment_once(store: PostgresStore) -> None:
    books = store.accounts
    books.post([charge(amount="40.00")])
    by_hand = Draft(reference="B1", amount=D("4.00"), currency="EUR", booked_on=date(2026, 7, 20), payer="OP1")
    take_payment(by_hand, books, MATCHING)
    (row,) = take(store, statement_of(bank_entry("B1", "4.00")))
    assert (row.matched, row.words) == (0, "booked before: it counts once")
    (row,) = take(store, statement_of(bank_entry("B1", "4.00"), number="S2"))
    assert (row.matched, row.words) == (0, "booked before: it counts once")
    clearing = {each.scheme: each.amount for each in books.balances(by_party=True) if each.account == "clearing"}
    assert clearing == {"": D(0), "DE0": D("4.0000")}  # the bank said on which account it came in
    (other,) = take(store, statement_of(bank_entry("B1", "4.00"), number="S3", account="DE1"))
    assert other.matched == D("4.00")  # the one entered by hand was told already
    (later,) = take(store, statement_of(bank_entry("B1", "4.00", on="2027-07-02"), number="S4"))
    assert later.matched == D("4.00")
    assert books.open_debts()[0].owed == D("28.0000")
    back = bank_entry("B1", "4.00", side="DBIT", more="<RvslInd>true</RvslInd>", on="2026-08-02")
    (taken,) = take(store, statement_of(back, number="S5", account="DE1"))
    assert (taken.words, books.open_debts()[0].owed) == ("taken back by the bank", D("32.0000"))
    (taken,) = take(store, statement_of(back, number="S6"))
    assert (taken.words, books.open_debts()[0].owed) == ("taken back by the bank", D("28.0000") + D("8.0000"))
    (taken,) = take(store, statement_of(back, number="S7"))
    assert taken.words == "taken back by the bank before: it counts once"
    assert sum(each.amount for each in books.balances() if each.account == "clearing") == D("4.0000")


def test_what_the_bank_told_is_not_entered_by_hand(store: PostgresStore) -> None:
    books = store.accounts
    waiting = books.proposals.enter("payment", "B1", draft_of("B1", "4.00 eur", "OP1", DAY), "anna")
    take(store, statement_of(bank_entry("B1", "4.00")))
    with pytest.raises(ConflictError, match="booked before"):
        approve(waiting, "boris", books, MATCHING)
    books.proposals.refuse(waiting, "boris", "the bank told it")
    with pytest.raises(ConflictError, match="booked before"):
        books.proposals.enter("payment", "B1", draft_of("B1", "4.00 eur", "OP1", DAY), "anna")
    with pytest.raises(ConflictError, match="booked before with 4"):
        books.proposals.enter("payment", "B1", draft_of("B1", "5.00 eur", "OP1", DAY), "anna")
    assert books.proposals.enter("payment", "B1", draft_of("B1", "5.00 eur", "OP1", date(2027, 7, 1)), "anna")
    assert books.proposals.enter("payment", "B", draft_of("B", "4.00 eur", "OP1", DAY), "anna")


PAY = """
import sys
from datetime import date
from decimal import Decimal
from tidewaiter.model.errors import ConflictError
from tidewaiter.revenue.payments import Draft
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import MATCHING
from tidewaiter.workflow.paying import take_payment

if __name__ == "__main__":
    with PostgresStore(sys.argv[1]) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(20):
            for own in (f"P{number}", f"P{number} of {sys.argv[2]}"):  # one that both take, and one of its own
                payment = Draft(reference=own, amount=Decimal("1.00"), currency="EUR", booked_on=date(2026, 7, 2), payer="OP1")
                try:
                    take_payment(payment, store.accounts, MATCHING)
                except ConflictError:
                    print("known", flush=True)
"""


def test_two_processes_do_not_match_one_payment_or_one_debt_twice(store: PostgresStore) -> None:
    books = store.accounts
    books.post([charge(amount="50.00")])
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PAY, store.url, name], env=environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in ("one", "two")
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(each.count("known") for each in said) == 20  # taken by the one or the other, never by both
    assert books.open_debts() == []
    assert sum(each.amount for each in books.suspense()) == D("10.00")  # of 60.00 for a debt of 50.00
    owed = [each.amount for each in books.balances() if each.account == "receivable"]
    assert owed == [0]


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
