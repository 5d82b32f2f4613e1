"""Guarantees and deferment: which one covers a debt, and what is booked when it does, is paid, amended or overdue."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tidewaiter.regimes.documents import Due
from tidewaiter.revenue.guarantees import Cover, Grant, chosen, drawn, secured
from tidewaiter.revenue.postings import (
    Account,
    Posting,
    brought_up_to_date,
    charged,
    released,
    reservations,
    reserved_for,
)
from unit.revenue.test_postings import obligation

D = Decimal
DAY = date(2026, 7, 14)
OBLIGATION = obligation("3.00", "8.17")
GRANT = Grant(
    guarantee_id="G1", kind="guarantee", party="OP1", jurisdiction_code="XX", currency="EUR", limit=D("20.00"),
    valid_from=date(2026, 1, 1), valid_to=date(2026, 12, 31),
)  # fmt: skip
DEFERMENT = replace(GRANT, guarantee_id="D1", kind="deferment", party="AGENT", due=Due(months=1, day=15))
(CHARGE,) = charged("declaration:1", 1, DAY, [OBLIGATION])


def cover(grant: Grant = GRANT, reserved: str = "0", drawn: str = "0", **changes: Any) -> Cover:
    return Cover(grant=replace(grant, **changes), reserved=D(reserved), drawn=D(drawn))


@pytest.mark.parametrize(
    ("not_enough", "why"),
    [
        (cover(reserved="8.84"), "G1 does not have 11.17 EUR free."),
        (cover(drawn="8.84"), "G1 does not have 11.17 EUR free."),
        (cover(limit=D("11.16")), "G1 does not have 11.17 EUR free."),
        (cover(party="OTHER"), "No guarantee G1 is granted to OP1 or AGENT."),
        (cover(jurisdiction_code="YY"), "G1 is for YY alone, not for XX."),
        (cover(currency="GBP"), "G1 is in GBP, and 11.17 EUR is owed."),
        (cover(scheme="IOSS"), "G1 is for IOSS alone, not for customs revenue."),
        (cover(valid_from=date(2026, 7, 15)), "G1 is in force from 2026-07-15, not yet on 2026-07-14."),
        (cover(valid_to=date(2026, 7, 13)), "G1 was in force until 2026-07-13, no longer on 2026-07-14."),
    ],
)
def test_what_does_not_cover_is_not_chosen_and_says_why(not_enough: Cover, why: str) -> None:
    assert chosen(OBLIGATION, [not_enough], DAY) is None
    assert not_enough.objection(OBLIGATION, DAY) == why
    assert cover().objection(OBLIGATION, DAY) == ""


def test_the_named_one_is_chosen_then_the_payers_own() -> None:
    covers = [cover(guarantee_id="G2"), cover(), cover(DEFERMENT)]
    assert chosen(OBLIGATION, covers, DAY) == covers[1]
    assert chosen(OBLIGATION, covers, DAY, ["D1"]) == covers[2]
    assert chosen(OBLIGATION, covers[2:], DAY) == covers[2]
    assert chosen(replace(OBLIGATION, is_guaranteed=False), covers, DAY) is None
    assert chosen(replace(OBLIGATION, is_at_sale=True), covers, DAY) is None


def balances(postings: tuple[Posting, ...] | list[Posting]) -> dict[tuple[str, str, str], Decimal]:
    found: dict[tuple[str, str, str], Decimal] = {}
    for posting in postings:
        assert posting.problem() == ""
        for entry in posting.entries:
            key = (entry.account.value, entry.party, entry.scheme)
            found[key] = found.get(key, D(0)) + entry.amount
    return {key: amount for key, amount in found.items() if amount}


def test_a_guarantee_stands_for_the_debt_of_its_payer() -> None:
    (reserve,) = secured(CHARGE, cover(), DAY)
    assert balances([CHARGE, reserve])["receivable", "OP1", "XX customs revenue"] == D("11.17")
    assert balances([reserve])["guarantee.reserved", "OP1", "G1"] == D("11.17")
    assert balances([reserve, released(reserve, DAY)]) == {}


def test_a_deferment_account_takes_the_debt_over_to_its_own_day() -> None:
    deferred, reserve = secured(CHARGE, cover(DEFERMENT), DAY)
    found = balances([CHARGE, deferred, reserve])
    assert ("receivable", "OP1", "XX customs revenue") not in found
    assert found["receivable", "AGENT", "XX deferment D1"] == D("11.17")
    assert deferred.due == date(2026, 8, 17)  # 15 August is a Saturday
    assert [entry.period for entry in deferred.entries] == ["2026-07", "2026-07"]
    assert deferred.entries[1].due == CHARGE.due


def test_an_amendment_takes_everything_back_that_hangs_on_the_charge() -> None:
    standing = [CHARGE, *secured(CHARGE, cover(DEFERMENT), DAY)]
    new = charged("declaration:1", 2, DAY, [obligation("3.00", "9.00")])
    changed = brought_up_to_date(standing, new, DAY, "amended")
    assert balances([*standing, *changed]) == balances(new)
    assert reservations([*standing, *changed]) == []


@pytest.mark.parametrize(("tax", "reserved"), [("8.17", "11.17"), ("5.00", "8.00"), ("9.00", None)])
@pytest.mark.parametrize("granted", [GRANT, DEFERMENT])
def test_a_charge_made_anew_that_is_no_more_keeps_what_secures_it(
    granted: Grant, tax: str, reserved: str | None
) -> None:
    standing = [CHARGE, *secured(CHARGE, cover(granted), DAY)]
    later = DAY + timedelta(days=1)
    new = charged("declaration:1", 2, later, [obligation("3.00", tax, due=later)])
    made = [*standing, *brought_up_to_date(standing, new, later, "amended")]
    found = balances(made)
    where = ("guarantee.reserved", granted.party, granted.guarantee_id)
    assert found.get(where) == (None if reserved is None else D(reserved))
    assert len(reservations(made)) == (reserved is not None)
    is_taken_over = granted is DEFERMENT and reserved is not None
    account = ("AGENT", "XX deferment D1") if is_taken_over else ("OP1", "XX customs revenue")
    owed = {key[1:]: amount for key, amount in found.items() if key[0] == "receivable"}
    assert owed == {account: new[0].entries[0].amount}


@pytest.mark.parametrize("changed", [{"payer": "OTHER"}, {"period": "2026-08"}, {"account": "excise"}])
def test_what_another_owes_or_for_another_period_keeps_nothing(changed: dict[str, str]) -> None:
    standing = [CHARGE, *secured(CHARGE, cover(DEFERMENT), DAY)]
    new = charged("declaration:1", 2, DAY, [obligation("3.00", "8.17", **changed)])
    made = [*standing, *brought_up_to_date(standing, new, DAY, "amended")]
    assert balances(made) == balances(new)


def test_what_is_reserved_once_more_has_a_key_of_its_own() -> None:
    (first,) = secured(CHARGE, cover(), DAY)
    (second,) = secured(CHARGE, cover(), DAY, time=2)
    standing = [CHARGE, first, released(first, DAY), second]
    assert second.key == f"{first.key}#2"
    assert reservations(standing) == [second]
    assert {reserved_for(first), reserved_for(second)} == {CHARGE.key}
    assert reservations([*standing, released(second, DAY)]) == []
    assert reservations([*standing, drawn(second, CHARGE.entries[0], DAY)]) == []


def test_what_was_paid_and_released_is_not_released_again() -> None:
    (reserve,) = secured(CHARGE, cover(), DAY)
    standing = [CHARGE, reserve, released(reserve, DAY)]
    changed = brought_up_to_date(standing, (), DAY, "invalidated")
    assert [posting.kind for posting in changed] == ["reversal: invalidated"]


def test_drawn_is_paid_by_the_guarantor() -> None:
    (reserve,) = secured(CHARGE, cover(), DAY)
    found = balances([CHARGE, reserve, drawn(reserve, CHARGE.entries[0], DAY)])
    assert ("receivable", "OP1", "XX customs revenue") not in found
    assert found["guarantor", "OP1", "G1"] == D("11.17")
    assert found["guarantee.drawn", "OP1", "G1"] == D("11.17")
    assert ("guarantee.reserved", "OP1", "G1") not in found
    assert reservations([CHARGE, reserve, drawn(reserve, CHARGE.entries[0], DAY)]) == []
    assert CHARGE.entries[0].account is Account.RECEIVABLE


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"guarantee_id": ""}, "named"),
        ({"party": ""}, "whose"),
        ({"limit": D(-1)}, "no limit"),
        ({"limit": D("NaN")}, "no limit"),
        ({"valid_to": date(2025, 1, 1)}, "before it begins"),
        ({"kind": "deferment"}, "the day it is settled"),
    ],
)
def test_what_cannot_be_granted_says_why(wrong: dict[str, Any], words: str) -> None:
    assert GRANT.problem() == ""
    assert words in replace(GRANT, **wrong).problem()
