"""Postings balance, say what they are for, and bring what is charged up to date by reversal alone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tidewaiter.model.money import Money
from tidewaiter.revenue.obligations import Obligation
from tidewaiter.revenue.postings import (
    Account,
    Entry,
    Late,
    Posting,
    PostingError,
    brought_up_to_date,
    charged,
    generation,
    guarantee,
    interest,
    refunded,
    reversal,
)
from tidewaiter.revenue.statements import as_csv, as_page, statements

DAY = date(2026, 7, 1)
WHERE = Entry(
    account=Account.RECEIVABLE,
    amount=Decimal(0),
    currency="EUR",
    party="OP1",
    scheme="customs revenue",
    period="2026-07",
)


def obligation(duty: str, tax: str) -> Obligation:
    amounts = {"A00": Decimal(duty), "B00": Decimal(tax)}
    return Obligation(
        measure_id="obligation.border", title="", liable="importer", jointly_liable=(), collector="customs",
        moment="release", account="customs revenue", payer="OP1", amount=Money(sum(amounts.values(), Decimal(0)), "EUR"),
        amounts=amounts, due=DAY, period="2026-07", is_guaranteed=True,
    )  # fmt: skip


def test_every_posting_balances() -> None:
    (charge,) = charged("S1", 1, DAY, [obligation("3.00", "8.17")])
    made = [
        charge, reversal(charge, DAY, "amended"), guarantee("S1", "reserve", DAY, Decimal("11.17"), WHERE),
        guarantee("S1", "release", DAY, Decimal("11.17"), WHERE), guarantee("S1", "draw", DAY, Decimal("11.17"), WHERE),
        refunded("S1", "R1", DAY, {"A00": Decimal("3.00")}, WHERE),
        interest("S1", DAY, Late(owed=Decimal(1000), days=30, yearly_percent=Decimal("7.5")), WHERE),
    ]  # fmt: skip
    assert [posting.problem() for posting in made] == [""] * len(made)
    assert len({posting.key for posting in made}) == len(made)


def test_what_does_not_balance_says_so() -> None:
    entry = Entry(account=Account.RECEIVABLE, amount=Decimal(1), currency="EUR")
    assert "differ" in Posting(key="x", kind="charge", booked_on=DAY, entries=(entry,)).problem()
    assert "no entries" in Posting(key="x", kind="charge", booked_on=DAY, entries=()).problem()


def test_an_amendment_is_a_reversal_and_a_new_charge() -> None:
    first = charged("S1", 1, DAY, [obligation("3.00", "8.17")])
    assert brought_up_to_date([], first, DAY, "") == first
    assert brought_up_to_date(first, charged("S1", 2, DAY, [obligation("3.00", "8.17")]), DAY, "same") == ()
    changed = brought_up_to_date(first, charged("S1", 2, DAY, [obligation("3.00", "9.00")]), DAY, "amended")
    assert [posting.kind for posting in changed] == ["reversal: amended", "charge"]
    standing = [*first, *changed]
    assert generation(standing) == 3
    cancelled = brought_up_to_date(standing, (), DAY, "cancelled")
    assert [posting.reverses for posting in cancelled] == [changed[1].key]
    total = sum(entry.amount for posting in (*standing, *cancelled) for entry in posting.entries if entry.type_code)
    assert total == 0


def test_interest_is_simple_and_rounded_down() -> None:
    found = interest("S1", DAY, Late(owed=Decimal("1000"), days=30, yearly_percent=Decimal("7.5")), WHERE)
    assert found.entries[0].amount == Decimal("6.16")  # 1000 × 7.5 % × 30/365 = 6.164…
    with pytest.raises(PostingError):
        interest("S1", DAY, Late(owed=Decimal("0.01"), days=1, yearly_percent=Decimal("7.5")), WHERE)


@pytest.mark.parametrize("step", ["pledge", ""])
def test_a_guarantee_knows_three_steps(step: str) -> None:
    with pytest.raises(PostingError, match="nothing that is done"):
        guarantee("S1", step, DAY, Decimal(1), WHERE)


def test_a_statement_is_derived_from_postings() -> None:
    charges = charged("S1", 1, DAY, [obligation("3.00", "8.17")])
    payment = Posting(
        key="payment:1", kind="payment", booked_on=DAY, subject="payment:1",
        entries=(
            Entry(account=Account.RECEIVABLE, amount=Decimal("-5.00"), currency="EUR", party="OP1"),
            Entry(account=Account.CLEARING, amount=Decimal("5.00"), currency="EUR"),
        ),
    )  # fmt: skip
    (statement,) = statements("OP1", "customs revenue", "2026-07", [*charges, payment])
    assert statement.totals == {"A00": Decimal("3.00"), "B00": Decimal("8.17")}
    assert (statement.charged, statement.paid, statement.balance) == (
        Decimal("11.17"),
        Decimal("5.00"),
        Decimal("6.17"),
    )
    assert statement.due == DAY
    assert "total,,3.00,8.17,6.17,EUR" in as_csv(statement)
    assert "6.17" in as_page(statement)
    assert "<script" not in as_page(statements("<script>", "x", "2026-07", charges)[0])
