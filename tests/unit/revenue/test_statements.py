"""Statements: opening and movements come to closing, whatever is folded; lines, returns, CSV and page say the same."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.revenue.postings import Account, Kind
from tidewaiter.revenue.statement_page import as_page
from tidewaiter.revenue.statements import (
    Folding,
    Previous,
    Row,
    Statement,
    as_csv,
    lines,
    number_of,
    parts_as_csv,
)

D = Decimal
WHOSE = ("OP1", "XX customs revenue", "EUR")
CHARGE = Row(
    *WHOSE, 1, "charge:1:declaration:7:obligation.border", "charge", "declaration:7", date(2026, 7, 1), date(2026, 7, 1),
    "receivable", "2026-07", "", "", None, D("11.17"), "",
)  # fmt: skip


def row(posting_id: int, account: Account, amount: str, **changes: Any) -> Row:
    return replace(CHARGE, posting_id=posting_id, account=account.value, amount=D(amount), **changes)


ROWS = [
    row(1, Account.RECEIVABLE, "11.17"),
    row(1, Account.REVENUE, "-3.00", type_code="A00", rate="3 %", base=D(100)),
    row(1, Account.REVENUE, "-8.17", type_code="B00", rate="8 %", base=D("102.13")),
    row(2, Account.RECEIVABLE, "-2.00", kind="reversal: amended", key="reverse:x", period="2026-06"),
    row(2, Account.REVENUE, "2.00", kind="reversal: amended", key="reverse:x", period="2026-06", type_code="A00",
        rate="3 %", base=D(-60)),
    row(3, Account.RECEIVABLE, "-5.00", kind="payment", key="payment:1", subject="payment:1", about="declaration:7"),
    row(4, Account.RECEIVABLE, "5.00", kind="reversal: taken back by the bank", key="reverse:payment:1", about=""),
    row(5, Account.RECEIVABLE, "0.12", kind="interest", type_code="INT"),
]  # fmt: skip


def statement(previous: Previous = Previous()) -> Statement:  # noqa: B008 (frozen)
    folding = Folding(WHOSE, previous)
    for each in ROWS:
        folding.add(each)
    return replace(folding.statement("2026-07", 5), number=number_of(42), issued_on=date(2026, 8, 3))


def test_a_statement_runs_from_opening_to_closing() -> None:
    found = statement(Previous("2026-06", 0, D("100.00")))
    assert found.opening == D("100.00")
    assert found.movements == {
        "charges": D("11.17"), "corrections": D("-2.00"), "payments": D("0.00"), "interest": D("0.12")
    }  # fmt: skip
    assert found.closing == D("109.29") == found.opening + found.moved
    assert found.totals == {"A00": D("1.00"), "B00": D("8.17")}
    assert found.posting_count == 5
    assert found.number == "TWS-00000042"


def test_a_correction_of_an_old_period_says_so() -> None:
    parts = {(part.period, part.type_code): (part.base, part.amount) for part in statement().parts}
    assert parts["2026-06", "A00"] == (D(-60), D("-2.00"))
    assert parts["2026-07", "A00"] == (D(100), D("3.00"))
    rows = list(csv.DictReader(parts_as_csv([statement()])))
    assert [each["is_correction"] for each in rows] == ["yes", "no", "no"]
    assert rows[0]["jurisdiction"] == "XX"


def test_lines_are_postings_and_come_to_what_moved() -> None:
    found = list(lines(iter(ROWS)))
    assert [line.kind for line in found] == [
        "charge", "reversal: amended", "payment", "reversal: taken back by the bank", "interest"
    ]  # fmt: skip
    assert [line.subject for line in found][2] == "declaration:7"
    assert sum(line.amount for line in found) == statement().moved
    table = list(csv.DictReader(as_csv(statement(), iter(found))))
    assert table[0]["kind"] == "opening balance"
    assert table[-1]["amount"] == "9.29"
    assert table[-1]["B00"] == "8.17"


def test_the_page_shows_the_same_and_escapes() -> None:
    page = "".join(as_page(replace(statement(), party="<script>"), lines(iter(ROWS))))
    assert "9.29 EUR" in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "correction" in page


def test_what_was_given_back_goes_by_no_rate_and_no_base() -> None:
    folding = Folding(WHOSE)
    where = {"kind": "refund", "key": "refund:x", "due": date(2026, 9, 1)}
    folding.add(row(6, Account.REVENUE, "3.00", type_code="A00", **where))
    folding.add(row(6, Account.REFUND, "-3.00", **where))
    found = folding.statement("2026-07", 6)
    assert [(part.words, part.amount) for part in found.parts] == [("given back", D("-3.00"))]
    assert (found.closing, found.due, found.pay_by) == (D("-3.00"), None, None)
    (line,) = csv.DictReader(parts_as_csv([found]))
    assert (line["rate"], line["base"], line["amount"]) == ("given back", "", "-3.00")
    (posted,) = lines([row(6, Account.REFUND, "-3.00", **where)])
    assert posted.due is None
    page = "".join(as_page(found, [posted]))
    assert "3.00 EUR in the operator&#x27;s favour: nothing is to be paid" in page


@pytest.mark.parametrize(
    ("account", "amount", "pay_by"),
    [(Account.RECEIVABLE, "5", date(2026, 7, 1)), (Account.RECEIVABLE, "-5", None), (Account.AT_SALE, "5", None)],
)
def test_there_is_a_day_to_pay_by_where_something_is_to_be_paid(
    account: Account, amount: str, pay_by: date | None
) -> None:
    folding = Folding(WHOSE)
    folding.add(row(1, account, amount))
    assert folding.statement("2026-07", 1).pay_by == pay_by


def test_what_a_scheme_collects_opens_at_nothing() -> None:
    folding = Folding(WHOSE, Previous("2026-06", 0, D("100.00")))
    folding.add(row(1, Account.AT_SALE, "8.17"))
    found = folding.statement("2026-07", 1)
    assert (found.is_return, found.opening, found.closing) == (True, D(0), D("8.17"))


def test_what_the_one_before_covers() -> None:
    before = Previous("2026-06", 10, D(0))
    assert before.covers(row(10, Account.RECEIVABLE, "1", period="2026-06"))
    assert not before.covers(row(11, Account.RECEIVABLE, "1", period="2026-06"))  # booked after its cut
    assert not before.covers(row(10, Account.RECEIVABLE, "1", period="2026-07"))  # of the next period


@given(
    st.lists(
        st.tuples(
            st.sampled_from([Account.RECEIVABLE, Account.REFUND, Account.REVENUE]),
            st.sampled_from([*Kind, "reversal: x", "unheard of"]),
            st.decimals(-1000, 1000, places=2),
        ),
        max_size=20,
    ),
    st.decimals(-1000, 1000, places=2),
)
def test_opening_and_movements_come_to_closing(moves: list[tuple[Account, str, Decimal]], opening: Decimal) -> None:
    folding = Folding(WHOSE, Previous("2026-06", 0, opening))
    for number, (account, kind, amount) in enumerate(moves, start=1):
        folding.add(row(number, account, str(amount), kind=str(kind)))
    found = folding.statement("2026-07", 99)
    owed = sum((amount for account, _, amount in moves if account is not Account.REVENUE), D(0))
    assert found.closing == opening + owed
