"""Postings balance, say what they are for, and bring what is charged up to date by reversal alone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tidewaiter.model.money import Money
from tidewaiter.revenue.obligations import Obligation, Part
from tidewaiter.revenue.postings import (
    Account,
    Entry,
    Posting,
    brought_up_to_date,
    charged,
    generation,
    refunded,
    reversal,
    shown,
)

DAY = date(2026, 7, 1)


def obligation(duty: str, tax: str, **changes: Any) -> Obligation:
    parts = (Part("A00", "3 %", Decimal("100.00"), Decimal(duty)), Part("B00", "8 %", Decimal("103.00"), Decimal(tax)))
    amounts = {part.type_code: part.amount for part in parts}
    made = Obligation(
        measure_id="obligation.border", title="", liable="importer", jointly_liable=("declarant",), collector="customs",
        moment="release", account="customs revenue", payer="OP1", amount=Money(sum(amounts.values(), Decimal(0)), "EUR"),
        amounts=amounts, due=DAY, period="2026-07", is_guaranteed=True, jurisdiction_code="XX", parts=parts,
        sureties=("OP1", "AGENT"),
    )  # fmt: skip
    return replace(made, **changes)


def test_every_posting_balances() -> None:
    (charge,) = charged("S1", 1, DAY, [obligation("3.00", "8.17")])
    made = [
        charge, reversal(charge, DAY, "amended"), refunded("S1", "R1", DAY, {"A00": Decimal("3.00")}, charge.entries[0])
    ]  # fmt: skip
    assert [posting.problem() for posting in made] == [""] * len(made)
    assert len({posting.key for posting in made}) == len(made)


def test_a_charge_says_by_which_rate_of_which_base() -> None:
    (charge,) = charged("S1", 1, DAY, [obligation("3.00", "8.17")])
    owed, duty, _ = charge.entries
    assert (owed.scheme, owed.account, owed.amount) == ("XX customs revenue", Account.RECEIVABLE, Decimal("11.17"))
    assert (duty.rate, duty.base, duty.amount) == ("3 %", Decimal("100.00"), Decimal("-3.00"))
    assert [entry.base for entry in reversal(charge, DAY, "x").entries] == [None, Decimal(-100), Decimal(-103)]
    (memo,) = charged("S1", 1, DAY, [obligation("0", "8.17", is_at_sale=True)])
    assert {entry.account for entry in memo.entries} == {Account.AT_SALE, Account.AT_SALE_REVENUE}


def test_what_does_not_balance_says_so() -> None:
    entry = Entry(account=Account.RECEIVABLE, amount=Decimal(1), currency="EUR")
    assert "differ" in Posting(key="x", kind="charge", booked_on=DAY, entries=(entry,)).problem()
    assert "no entries" in Posting(key="x", kind="charge", booked_on=DAY, entries=()).problem()


def test_an_amendment_is_a_reversal_and_a_new_charge() -> None:
    first = charged("S1", 1, DAY, [obligation("3.00", "8.17")])
    assert brought_up_to_date([], first, DAY, "") == first
    assert brought_up_to_date(first, charged("S1", 2, DAY, [obligation("3.0000", "8.1700")]), DAY, "same") == ()
    changed = brought_up_to_date(first, charged("S1", 2, DAY, [obligation("3.00", "9.00")]), DAY, "amended")
    assert [posting.kind for posting in changed] == ["reversal: amended", "charge"]
    standing = [*first, *changed]
    assert generation(standing) == 3
    cancelled = brought_up_to_date(standing, (), DAY, "cancelled")
    assert [posting.reverses for posting in cancelled] == [changed[1].key]
    total = sum(entry.amount for posting in (*standing, *cancelled) for entry in posting.entries if entry.type_code)
    assert total == 0


@pytest.mark.parametrize(("amount", "words"), [("11.1700", "11.17"), ("300.0000", "300.00"), ("0.1250", "0.1250")])
def test_amounts_are_shown_as_people_read_them(amount: str, words: str) -> None:
    assert str(shown(Decimal(amount))) == words
