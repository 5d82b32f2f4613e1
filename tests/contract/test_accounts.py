"""The accounts on a real PostgreSQL: balanced, append only, idempotent, two persons, and whole after kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from tidewaiter.cli.bench import accounts as simulation
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.revenue.payments import Draft
from tidewaiter.revenue.postings import Account, Entry, Posting, PostingError, refunded, reversal
from tidewaiter.revenue.statements import Overtaken, Statement, lines, number_of
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import MATCHING
from tidewaiter.workflow.accounting import reconcile
from tidewaiter.workflow.paying import Taken, allocation_of, approve, draft_of, take_payment, take_statements

DAY = date(2026, 7, 1)
D = Decimal


def charge(
    key: str = "charge:1:S1:x", amount: str = "10.00", *, subject: str = "S1", due: date | None = DAY, **place: str
) -> Posting:
    where = {"currency": "EUR", "party": "OP1", "scheme": "customs revenue", "period": "2026-07"} | place
    entries = (
        Entry(account=Account.RECEIVABLE, amount=D(amount), **where),
        Entry(account=Account.REVENUE, amount=-D(amount), type_code="B00", **where),
    )
    return Posting(key=key, kind="charge", booked_on=DAY, entries=entries, subject=subject, due=due)


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
    assert isinstance(july, Statement)
    assert (july.opening, july.closing, july.number) == (D(0), D("10.0000"), "TWS-00000001")
    assert list(books.statements.issue("2026-07", books.last_posting(), DAY)) == []
    # paid by the statement's number, from an account nobody knows; and July is corrected in August
    take(store, statement_of(bank_entry("B1", "10.00", payer="?", words="TWS-00000001")))
    books.post([reversal(charge(), date(2026, 8, 3), "amended"), charge("charge:2:S1:x", "9.00")])
    (august,) = books.statements.issue("2026-08", books.last_posting(), DAY)
    assert isinstance(august, Statement)
    assert (august.opening, august.closing, august.pay_by) == (D("10.0000"), D("-1.0000"), None)
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


def numbers(store: PostgresStore) -> list[str]:
    return sorted(each.number for each in store.accounts.statements.find())


def test_no_statement_comes_before_one_of_a_later_period(store: PostgresStore) -> None:
    books = store.accounts
    books.post([charge(), charge("charge:1:S2:x", "5.00", subject="S2", period="2026-06", party="OP2")])
    books.post([charge("charge:1:S3:x", "2.00", subject="S3", period="2026-06")])
    (july,) = books.statements.issue("2026-07", books.last_posting(), DAY, party="OP1")
    assert isinstance(july, Statement)
    assert july.closing == D("12.0000")  # what was for June stands in it
    books.post([charge("charge:1:S4:x", "1.00", subject="S4", period="2026-06")])
    refused, june = books.statements.issue("2026-06", books.last_posting(), DAY)
    assert isinstance(refused, Overtaken)
    assert (refused.place, refused.code) == ("OP1, customs revenue, EUR", "accounts.statement_overtaken")
    assert "TWS-00000001 was issued for 2026-07" in refused.detail
    assert "after 2026-07" in refused.hint
    assert isinstance(june, Statement)
    assert (june.party, june.number) == ("OP2", "TWS-00000002")
    (august,) = books.statements.issue("2026-08", books.last_posting(), DAY)
    assert isinstance(august, Statement)
    assert (august.party, august.number) == ("OP1", "TWS-00000003")
    assert (august.opening, august.closing) == (D("12.0000"), D("13.0000"))


def test_a_payment_alone_makes_no_quarters_statement_of_an_account_by_months(store: PostgresStore) -> None:
    books = store.accounts
    books.post([charge()])
    assert len(list(books.statements.issue("2026-07", books.last_posting(), DAY))) == 1
    take(store, statement_of(bank_entry("B1", "10.00")))
    assert list(books.statements.issue("2026-Q3", books.last_posting(), DAY)) == []
    (august,) = books.statements.issue("2026-08", books.last_posting(), DAY)
    assert isinstance(august, Statement)
    assert (august.opening, august.closing) == (D("10.0000"), D("0.0000"))


def test_numbers_of_statements_have_no_gap(store: PostgresStore) -> None:
    """Whatever was issued before, refused, or broken off: the next statement has the next number."""
    books = store.accounts
    parties = [f"OP{number}" for number in range(8)]
    books.post([charge(f"charge:1:{each}:x", "1.00", subject=each, party=each) for each in parties])
    cut = books.last_posting()
    next(books.statements.issue("2026-07", cut, DAY))  # whoever issued them stops after the first
    with (
        psycopg.connect(store.url) as connection,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        connection.execute(  # opening and movements that do not come to closing
            "INSERT INTO statement (party, scheme, currency, period, until_posting, previous_period, after_posting,"
            " opening, moved, closing, content, issued_on) VALUES ('OP9', '', 'EUR', '2026-07', 1, '', 0, 0, 1, 2, '', now())"
        )
    with psycopg.connect(store.url) as connection:
        for party in ("OP9", "OP8"):
            connection.execute(
                "INSERT INTO statement (party, scheme, currency, period, until_posting, previous_period, after_posting,"
                " opening, moved, closing, content, issued_on) VALUES (%s, '', 'EUR', '2026-07', 1, '', 0, 0, 0, 0, '', now())",
                [party],
            )
        connection.rollback()
    with ThreadPoolExecutor() as pool:  # several at once
        list(pool.map(lambda _: list(books.statements.issue("2026-07", cut, DAY)), range(4)))
    assert list(books.statements.issue("2026-06", cut, DAY)) == []
    assert numbers(store) == [number_of(each + 1) for each in range(len(parties))]


def kept(store: PostgresStore) -> list[tuple[object, ...]]:
    return [(each.party, each.scheme, each.currency, each.balance, each.postings) for each in store.accounts.accounts()]


def test_a_balance_is_written_with_its_entries_or_not_at_all(store: PostgresStore) -> None:
    books = store.accounts
    books.post([charge(), charge("charge:1:S2:x", "5.00", subject="S2", period="2026-06")])
    assert kept(store) == [("OP1", "customs revenue", "EUR", D("15.0000"), 2)]
    assert [(debt.period, debt.owed, debt.due) for debt in books.open_debts("OP1")] == [
        ("2026-06", D("5.0000"), DAY), ("2026-07", D("10.0000"), DAY)
    ]  # fmt: skip
    assert books.post([charge()]) == 0  # booked before
    with pytest.raises(ConflictError):
        books.post([charge("charge:1:S3:x", "1.00", subject="S3"), charge(amount="11.00")])
    assert kept(store) == [("OP1", "customs revenue", "EUR", D("15.0000"), 2)]
    take(store, statement_of(bank_entry("B1", "15.00")))
    assert kept(store) == [("OP1", "customs revenue", "EUR", D("0.0000"), 3)]
    assert books.open_debts() == []
    assert books.untrue() == []


def test_debts_are_listed_oldest_first_and_cut(store: PostgresStore) -> None:
    books = store.accounts
    books.post([charge(), charge("charge:1:S2:x", "5.00", subject="S2", party="OP2", due=date(2026, 6, 1)),
                charge("charge:1:S3:x", "7.00", subject="S3", party="OP3", due=None)])  # fmt: skip
    assert [debt.party for debt in books.open_debts()] == ["OP2", "OP1", "OP3"]
    assert [debt.party for debt in books.open_debts(parties=["OP3", "OP1"])] == ["OP1", "OP3"]
    assert [debt.party for debt in books.open_debts(limit=1)] == ["OP2"]
    assert books.open_debts(parties=[]) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "UPDATE account_balance SET balance = 9",
            "OP1, customs revenue, EUR: 9.00 is kept, its entries come to 10.00",
        ),
        ("UPDATE account_balance SET postings = 9", "OP1, customs revenue, EUR: 10.00 is kept"),
        ("DELETE FROM debt_balance", "OP1, customs revenue, 2026-07, EUR: nothing is kept, its entries come to 10.00"),
        ("INSERT INTO debt_balance VALUES ('X', 'Y', 'Z', 'EUR', 1)", "X, Y, Z, EUR: 1.00 is kept"),
    ],
)
def test_a_balance_that_is_not_what_was_booked_is_found(store: PostgresStore, change: str, words: str) -> None:
    store.accounts.post([charge()])
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute(change.encode())
    found = reconcile({("revenue", "B00", "EUR"): D("10.00")}, store.accounts, "S1")
    assert (found.difference, found.is_exact) == (D(0), False)
    (problem,) = found.problems
    assert words in problem


def test_those_who_post_at_once_on_the_same_accounts_wait_in_order(store: PostgresStore) -> None:
    """Each transaction moves all of them, named in another order: nobody waits in a circle, and nothing is lost."""
    parties = [f"OP{number}" for number in range(6)]

    def work(worker: int) -> None:
        for turn in range(10):
            subject = f"W{worker}T{turn}"
            mine = parties[turn % 6 :] + parties[: turn % 6]
            store.accounts.post([
                charge(f"charge:1:{subject}:{party}:{period}", "1.00", subject=subject, party=party, period=period)
                for party in (mine if worker % 2 else reversed(mine))
                for period in ("2026-07", "2026-06")
            ])  # fmt: skip

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert [row[3:] for row in kept(store)] == [(D("80.0000"), 80)] * 6
    assert store.accounts.untrue() == []


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
