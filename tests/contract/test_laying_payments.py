"""A payment is laid onto no more than is owed, on a real PostgreSQL: whatever it names, and whoever allocates it."""

from __future__ import annotations

import pytest

from contract.test_bookkeeping import IMPORTER, D, intake, keep, paid, proved, shoes, submit
from tidewaiter.revenue.postings import PostingError
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import MATCHING
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.paying import allocation_of, approve, open_debt

pytestmark = pytest.mark.usefixtures("lawful")

__all__ = ["intake"]  # a fixture

OWED = D("59.20")


def balance(store: PostgresStore) -> D:
    (account,) = store.accounts.accounts(parties=[IMPORTER])
    return account.balance


def named(store: PostgresStore, *numbers: int) -> str:
    return " ".join(store.decision(number).row.registered_id for number in numbers)


def test_a_declaration_named_twice_is_paid_once(store: PostgresStore, intake: Intake) -> None:
    first, _ = submit(store, intake, shoes("A"), shoes("B"))
    keep(store)
    taken = paid(store, "P1", 2 * OWED, words=named(store, first, first))
    assert (taken.matched, taken.suspense) == (OWED, OWED)
    assert balance(store) == OWED
    proved(store)


def test_two_declarations_of_an_account_paid_in_part_get_what_is_open_on_it(
    store: PostgresStore, intake: Intake
) -> None:
    first, second = submit(store, intake, shoes("A"), shoes("B"))
    keep(store)
    paid(store, "P1", D("100.00"))
    taken = paid(store, "P2", D("36.80"), words=named(store, first, second))
    assert (taken.matched, taken.suspense) == (D("18.40"), D("18.40"))
    assert balance(store) == 0
    proved(store)


def test_no_more_is_allocated_than_is_owed(store: PostgresStore, intake: Intake) -> None:
    submit(store, intake, shoes("A"))
    keep(store)
    paid(store, "P1", D("400.00"), payer="somebody")
    (debt,) = store.accounts.open_debts(IMPORTER)
    with pytest.raises(PostingError) as refused:
        allocation_of("P1", debt, D("400.00"), store.accounts)
    said = "GB987654321000 owes 59.20 GBP under 'GB customs revenue' for 2026-07, not 400.00"
    assert refused.value.detail == said
    content = allocation_of("P1", debt, OWED, store.accounts)
    number = store.accounts.proposals.enter("allocation", "P1", content, "anna")
    paid(store, "P2", D("20.00"))  # less is owed by the time it is approved
    with pytest.raises(PostingError, match=r"owes 39\.20 GBP .* not 59\.20"):
        approve(number, "boris", store.accounts, MATCHING)
    store.accounts.proposals.refuse(number, "boris", "too much")
    debt = open_debt(IMPORTER, debt.scheme, debt.period, "GBP", store.accounts)
    content = allocation_of("P1", debt, D("39.20"), store.accounts)
    approve(store.accounts.proposals.enter("allocation", "P1", content, "anna"), "boris", store.accounts, MATCHING)
    assert (balance(store), store.accounts.open_debts()) == (0, [])
    proved(store)
