"""What is secured or paid and then arrives: under the law of another day its charge is made anew, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from contract.test_bookkeeping import (
    AGENT,
    DAY,
    DEFERMENT,
    GUARANTEE,
    IMPORTER,
    D,
    due,
    grant,
    intake,
    keep,
    paid,
    proved,
    shoes,
    submit,
)  # fmt: skip
from tidewaiter.model.decision import State
from tidewaiter.release import Trigger
from tidewaiter.revenue.postings import Posting
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import BOOKKEEPING
from tidewaiter.workflow.bookkeeping import Bookkeeper, Caught
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake

__all__ = ["intake"]  # a fixture

OWED = D("59.20")
NEXT = DAY + timedelta(days=1)
SATURDAY, MONDAY = date(2026, 7, 18), date(2026, 7, 20)


def arrive(store: PostgresStore, *numbers: int, on: date = NEXT) -> None:
    for number in numbers:
        Desk(store).confirm_arrival(number, "officer", on=on)


def pay(store: PostgresStore, number: int, reference: str = "P1") -> None:
    taken = paid(store, reference, OWED, words=store.decision(number).row.registered_id)
    assert taken.matched == OWED


def reserved(store: PostgresStore, guarantee_id: str = "G1") -> D:
    return store.accounts.guarantees.one(guarantee_id).reserved


def state(store: PostgresStore, number: int) -> State:
    return store.decision(number).row.state


def reservations(store: PostgresStore, number: int) -> D:
    """What is reserved for one declaration."""
    standing = store.accounts.of_subjects([f"declaration:{number}"])[f"declaration:{number}"]
    return sum(
        (each.amount for posting in standing for each in posting.entries if each.account == "guarantee.reserved"), D(0)
    )


def owed_by(store: PostgresStore) -> dict[str, D]:
    return {debt.party: debt.owed for debt in store.accounts.open_debts()}


def waiting(store: PostgresStore) -> list[int]:
    with store.accounts.guarantees._connections.lend() as connection:
        rows = connection.execute("SELECT DISTINCT declaration_id FROM waiting_for_cover ORDER BY 1").fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize("on", [DAY, NEXT])
@pytest.mark.parametrize("is_settled", [True, False])
def test_what_was_secured_and_paid_takes_no_cover_when_it_arrives(
    store: PostgresStore, intake: Intake, *, on: date, is_settled: bool
) -> None:
    grant(store)
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    pay(store, number)
    if is_settled:
        assert (keep(store).postings, reserved(store)) == (1, 0)
    arrive(store, number, on=on)
    keep(store)
    assert (reserved(store), owed_by(store), state(store, number)) == (0, {}, State.CLEARED)
    assert keep(store) == Caught()
    proved(store)


@pytest.mark.parametrize("on", [DAY, NEXT])
@pytest.mark.parametrize("granted", [GUARANTEE, DEFERMENT])
def test_what_was_paid_takes_no_cover_of_what_is_granted_afterwards(
    store: PostgresStore, intake: Intake, granted: Any, on: date
) -> None:
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    pay(store, number)
    keep(store)
    grant(store, granted)
    submit(store, intake, shoes("A", function_code="4", function="amendment"))
    arrive(store, number, on=on)
    keep(store)
    assert (reserved(store, granted.guarantee_id), owed_by(store), state(store, number)) == (0, {}, State.CLEARED)
    assert waiting(store) == []
    proved(store)


def test_who_is_secured_keeps_its_reservation_when_all_arrive_the_day_after(
    store: PostgresStore, intake: Intake
) -> None:
    grant(store, replace(GUARANTEE, limit=D("120.00")))
    first, second, third = submit(store, intake, shoes("A"), shoes("B"), shoes("C"))
    keep(store)
    pay(store, first)
    assert keep(store).secured == 1
    arrive(store, first, second, third)
    keep(store)
    assert [reservations(store, number) for number in (first, second, third)] == [0, OWED, OWED]
    assert {state(store, number) for number in (first, second, third)} == {State.CLEARED}
    proved(store)


def test_who_waits_does_not_take_the_place_of_who_is_secured(store: PostgresStore, intake: Intake) -> None:
    grant(store, replace(GUARANTEE, limit=D("120.00")))
    first, second, third = submit(store, intake, shoes("A"), shoes("B"), shoes("C"))
    keep(store)
    arrive(store, third, second, first)
    keep(store)
    assert [reservations(store, number) for number in (first, second, third)] == [OWED, OWED, 0]
    states = [state(store, number) for number in (first, second, third)]
    assert states == [State.CLEARED, State.CLEARED, State.AWAITING_PAYMENT]
    proved(store)


def test_who_was_secured_comes_first_where_more_is_owed(store: PostgresStore, intake: Intake) -> None:
    grant(store, replace(GUARANTEE, limit=D("70.00")))
    first, second = submit(store, intake, shoes("A"), shoes("B"))
    keep(store)
    submit(store, intake, shoes("B", function_code="4", function="amendment"))
    submit(store, intake, shoes("A", "210.00", function_code="4", function="amendment"))
    keep(store)
    assert (reservations(store, first), reservations(store, second)) == (due(store, first), 0)
    assert due(store, first) > OWED
    proved(store)


@pytest.mark.parametrize("meanwhile", [(), (GUARANTEE,)])
@pytest.mark.parametrize("on", [DAY, NEXT])
def test_what_a_deferment_account_took_over_and_paid_is_not_owed_again(
    store: PostgresStore, intake: Intake, on: date, meanwhile: Sequence[Any]
) -> None:
    grant(store, DEFERMENT)
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    assert owed_by(store) == {AGENT: OWED}
    paid(store, "P1", OWED, payer=AGENT)
    assert (keep(store).postings, reserved(store, "D1")) == (1, 0)
    for granted in meanwhile:  # to the importer
        grant(store, granted)
    arrive(store, number, on=on)
    keep(store)
    assert (reserved(store, "D1"), owed_by(store), state(store, number)) == (0, {}, State.CLEARED)
    balances = {each.party: each.balance for each in store.accounts.accounts()}
    assert set(balances.values()) == {0}
    proved(store)


def test_a_debt_taken_over_by_an_account_in_credit_is_paid_by_it(store: PostgresStore, intake: Intake) -> None:
    grant(store, DEFERMENT)
    (first,) = submit(store, intake, shoes("A"))
    keep(store)
    paid(store, "P1", OWED, payer=AGENT)
    keep(store)
    Desk(store).act(first, Trigger.REFUSED, "officer", "counterfeit")
    keep(store)
    (second,) = submit(store, intake, shoes("B"))
    arrive(store, second, on=DAY)
    keep(store)
    assert (reserved(store, "D1"), owed_by(store), state(store, second)) == (0, {}, State.CLEARED)
    proved(store)


def taken_back(store: PostgresStore, number: int) -> None:
    """The bank takes back the payment P1, which it told before."""
    from tidewaiter.revenue.postings import reversal

    posting = store.accounts.posting("payment:P1")
    store.accounts.post([reversal(posting, DAY, "taken back by the bank")])
    assert store.accounts.debts_of(f"declaration:{number}") != []


@pytest.mark.parametrize("granted", [GUARANTEE, DEFERMENT])
def test_what_was_released_is_reserved_again_where_the_payment_is_taken_back(
    store: PostgresStore, intake: Intake, granted: Any
) -> None:
    grant(store, granted)
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    paid(store, "P1", OWED, payer=AGENT if granted is DEFERMENT else IMPORTER)
    assert (keep(store).postings, reserved(store, granted.guarantee_id)) == (1, 0)
    taken_back(store, number)
    submit(store, intake, shoes("A", function_code="4", function="amendment"))
    arrive(store, number, on=DAY)
    done = keep(store)
    assert (done.secured, reserved(store, granted.guarantee_id), state(store, number)) == (1, OWED, State.CLEARED)
    assert keep(store) == Caught()
    paid(store, "P2", OWED, payer=AGENT if granted is DEFERMENT else IMPORTER)
    assert (keep(store).postings, reserved(store, granted.guarantee_id), owed_by(store)) == (1, 0, {})
    proved(store)


def test_what_was_released_waits_while_the_limit_is_too_low(store: PostgresStore, intake: Intake) -> None:
    grant(store)
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    pay(store, number)
    keep(store)
    taken_back(store, number)
    grant(store, replace(GUARANTEE, limit=D("10.00")))
    submit(store, intake, shoes("A", function_code="4", function="amendment"))
    arrive(store, number, on=DAY)
    assert keep(store).secured == 0
    assert (state(store, number), waiting(store)) == (State.AWAITING_PAYMENT, [number])
    grant(store)
    assert keep(store).secured == 1
    assert (reserved(store), state(store, number), waiting(store)) == (OWED, State.CLEARED, [])
    proved(store)


@pytest.mark.parametrize("is_paid", [True, False])
def test_what_is_due_on_the_same_day_is_not_charged_anew(
    store: PostgresStore, intake: Intake, *, is_paid: bool
) -> None:
    grant(store)
    (number,) = submit(store, intake, shoes("A"), on=SATURDAY)
    keep(store)
    if is_paid:
        pay(store, number)
        keep(store)
    arrive(store, number, on=MONDAY)
    done = keep(store)
    assert (done.postings, done.set_aside, state(store, number)) == (0, 0, State.CLEARED)
    assert reserved(store) == (0 if is_paid else OWED)
    proved(store)


def test_what_the_bank_took_back_is_reserved_again_on_another_day(store: PostgresStore, intake: Intake) -> None:
    grant(store)
    (number,) = submit(store, intake, shoes("A"), on=SATURDAY)
    keep(store)
    pay(store, number)
    keep(store)
    taken_back(store, number)
    arrive(store, number, on=MONDAY)
    done = keep(store)
    assert (done.set_aside, reserved(store), state(store, number)) == (0, OWED, State.CLEARED)
    proved(store)


@pytest.mark.parametrize("changed", [{"limit": D("1.00")}, {"valid_to": DAY}])
@pytest.mark.parametrize("granted", [GUARANTEE, DEFERMENT])
def test_a_guarantee_that_is_lowered_or_ends_stands_for_what_it_secured(
    store: PostgresStore, intake: Intake, granted: Any, changed: dict[str, Any]
) -> None:
    grant(store, granted)
    first, second = submit(store, intake, shoes("A"), shoes("B"))
    keep(store)
    grant(store, replace(granted, **changed))
    arrive(store, first, second)
    keep(store)
    assert (reservations(store, first), state(store, first)) == (OWED, State.CLEARED)
    assert (reservations(store, second), state(store, second)) == (0, State.AWAITING_PAYMENT)
    assert owed_by(store)[AGENT if granted is DEFERMENT else IMPORTER] >= OWED
    proved(store)


def test_less_is_reserved_where_less_is_owed(store: PostgresStore, intake: Intake) -> None:
    grant(store, DEFERMENT)
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    submit(store, intake, shoes("A", "100.00", function_code="4", function="amendment"))
    keep(store)
    assert due(store, number) < OWED
    assert reserved(store, "D1") == due(store, number)
    assert owed_by(store) == {AGENT: due(store, number)}
    proved(store)


class Refusing:
    """The books, which do not take reservations on some subjects."""

    def __init__(self, store: PostgresStore, *subjects: str) -> None:
        self._store = store
        self._subjects = subjects

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store.accounts, name)

    def post(self, postings: Sequence[Posting], **more: Any) -> int:
        if any(each.kind == "guarantee reserve" and each.subject in self._subjects for each in postings):
            raise ValueError("at fault")
        return self._store.accounts.post(postings, **more)


def test_one_that_cannot_be_covered_again_does_not_stop_the_others(store: PostgresStore, intake: Intake) -> None:
    first, second = submit(store, intake, shoes("A"), shoes("B"))
    keep(store)
    grant(store)
    grant(store, DEFERMENT)
    books = Refusing(store, f"declaration:{first}")
    done = Bookkeeper(store, books, Desk(store)).catch_up(BOOKKEEPING)
    assert (done.secured, done.set_aside) == (1, 1)
    assert reservations(store, second) == OWED
    (aside,) = store.accounts.set_asides.open()
    assert (aside.subject, aside.source, aside.words) == (f"declaration:{first}", "cover", "ValueError: at fault")
    assert keep(store) == Caught()
    keeper = Bookkeeper(store, store.accounts, Desk(store))
    assert sum(keeper.again(), Caught()).secured == 1
    assert (reservations(store, first), store.accounts.set_asides.open(), waiting(store)) == (OWED, [], [])
    proved(store)


def refuse(store: PostgresStore, number: int) -> None:
    Desk(store).act(number, Trigger.REFUSED, "officer", "counterfeit")


def pay_before_it_is_decided_anew(store: PostgresStore, number: int) -> None:
    pay(store, number)
    arrive(store, number)


@pytest.mark.parametrize("end", [refuse, pay, pay_before_it_is_decided_anew])
def test_what_came_to_nothing_or_is_paid_waits_no_more(
    store: PostgresStore, intake: Intake, end: Callable[[PostgresStore, int], None]
) -> None:
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    assert waiting(store) == [number]
    end(store, number)
    keep(store)
    assert waiting(store) == []
    proved(store)


def test_a_version_that_is_superseded_is_not_posted_again_where_a_batch_fails(
    store: PostgresStore, intake: Intake
) -> None:
    grant(store, replace(GUARANTEE, limit=D("1000.00")))
    first, second = submit(store, intake, shoes("A"), shoes("B"))
    submit(store, intake, shoes("A", "300.00", function_code="4", function="amendment"))
    books = Refusing(store, f"declaration:{second}")
    assert Bookkeeper(store, books, Desk(store)).catch_up(BOOKKEEPING).set_aside == 1
    subject = f"declaration:{first}"
    kinds = [posting.kind for posting in store.accounts.of_subjects([subject])[subject]]
    assert kinds == ["charge", "reversal: amended", "charge", "guarantee reserve"]
    assert reservations(store, first) == due(store, first)


@pytest.mark.parametrize("on", [DAY, NEXT])
def test_a_debt_is_due_on_the_day_of_what_is_charged_by_now(store: PostgresStore, intake: Intake, on: date) -> None:
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    arrive(store, number, on=on)
    keep(store)
    (whole,), (one,) = store.accounts.open_debts(), store.accounts.debts_of(f"declaration:{number}")
    assert (whole.due, one.due) == (on, on)
    refuse_after = submit(store, intake, shoes("B"), on=DAY)
    keep(store)
    assert [debt.due for debt in store.accounts.open_debts()] == [DAY]
    refuse(store, *refuse_after)
    keep(store)
    assert [debt.due for debt in store.accounts.open_debts()] == [on]
    proved(store)


FRIDAY_OF_JULY, MONDAY_OF_AUGUST = date(2026, 7, 31), date(2026, 8, 3)


@pytest.mark.parametrize("granted", [GUARANTEE, DEFERMENT])
def test_what_is_owed_for_another_period_is_secured_anew(store: PostgresStore, intake: Intake, granted: Any) -> None:
    grant(store, granted)
    (number,) = submit(store, intake, shoes("A"), on=FRIDAY_OF_JULY)
    keep(store)
    arrive(store, number, on=MONDAY_OF_AUGUST)
    keep(store)
    assert (reserved(store, granted.guarantee_id), state(store, number)) == (OWED, State.CLEARED)
    assert [(debt.period, debt.owed) for debt in store.accounts.open_debts()] == [("2026-08", OWED)]
    proved(store)


def test_what_was_paid_for_one_period_is_owed_for_the_next_in_which_it_arrives(
    store: PostgresStore, intake: Intake
) -> None:
    (number,) = submit(store, intake, shoes("A"), on=FRIDAY_OF_JULY)
    keep(store)
    pay(store, number)
    keep(store)
    arrive(store, number, on=MONDAY_OF_AUGUST)
    keep(store)
    (account,) = store.accounts.accounts(parties=[IMPORTER])
    assert account.balance == 0
    assert [(debt.period, debt.owed) for debt in store.accounts.open_debts()] == [("2026-08", OWED)]
    assert state(store, number) is State.CLEARED  # let go before, it is not held again
    proved(store)
