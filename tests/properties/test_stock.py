"""Stock accounts: a function of the set of facts, never below nothing, balanced to the last unit at every moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.model.money import Money
from tidewaiter.stock.account import ZERO, Consumption, StockAccount, derive
from tidewaiter.stock.facts import INS, OUTS, RECEIPTS, Fact, Kind, LotTerms, Reservation
from tidewaiter.stock.statements import state

START = datetime(2026, 6, 1, tzinfo=UTC)
LOTS = {"A1": "SKU-A", "A2": "SKU-A", "B1": "SKU-B"}


def terms(value: int, suspended: int) -> LotTerms:
    return LotTerms(
        description="Cotton T-shirt", commodity_code="610910", origin_country_code="CN", unit="C62",
        value=Money(Decimal(value), "AED"), suspended=Money(Decimal(suspended), "AED"), entry_document="E-1",
    )  # fmt: skip


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    """Facts of two kinds of goods in three lots, in any order of time: some are not covered, some corrected."""
    found: list[Fact] = []
    for number in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from([kind for kind in Kind if kind is not Kind.CORRECTION]))
        lot_id = draw(st.sampled_from(sorted(LOTS)))
        is_named = kind in INS or draw(st.booleans())
        moment = START + timedelta(hours=draw(st.integers(0, 40)))
        found.append(
            Fact(
                kind=kind, source=f"s{number}", goods_id=LOTS[lot_id], lot_id=lot_id if is_named else "",
                quantity=Decimal(draw(st.integers(1, 30))), effective_at=moment,
                recorded_at=START + timedelta(hours=draw(st.integers(0, 60))),
                terms=terms(draw(st.integers(0, 1000)), draw(st.integers(0, 100))) if kind in RECEIPTS else None,
            )
        )  # fmt: skip
    for number in range(draw(st.integers(0, 3))):
        reversed_source = draw(st.sampled_from(found)).source
        found.append(correction(reversed_source, number))
    return found


def correction(of: str, number: int) -> Fact:
    return Fact(
        kind=Kind.CORRECTION, source=f"c{number}", goods_id="", quantity=ZERO, effective_at=START,
        recorded_at=START + timedelta(hours=70), reverses=of, reason="told by mistake",
    )  # fmt: skip


def closing(account: StockAccount) -> dict[str, tuple[Decimal, Money, Money]]:
    return {lot.lot_id: (lot.balance, lot.value, lot.suspended) for lot in account.lots}


@given(facts(), st.data())
def test_the_order_in_which_facts_come_changes_nothing(told: list[Fact], data: st.DataObject) -> None:
    assert derive(data.draw(st.permutations(told))) == derive(told)


@given(facts(), st.sampled_from(Consumption))
def test_no_balance_is_ever_negative_and_all_that_is_told_is_booked_or_uncovered(
    told: list[Fact], consumption: Consumption
) -> None:
    account = derive(told, consumption)
    assert all(movement.balance >= 0 for movement in account.movements)
    standing = [
        each for each in told if each.kind is not Kind.CORRECTION and each.source not in account.reversed_sources
    ]
    booked = sum((abs(each.quantity) for each in account.movements), ZERO)
    assert booked + sum((each.quantity for each in account.uncovered), ZERO) == sum(
        (each.quantity for each in standing), ZERO
    )


@given(facts())
def test_what_came_in_is_what_left_and_what_is_there_at_every_moment(told: list[Fact]) -> None:
    account = derive(told)
    balances: dict[str, Decimal] = {}
    for movement in account.movements:
        assert (movement.quantity > 0) == (movement.kind in INS)
        balances[movement.lot_id] = balances.get(movement.lot_id, ZERO) + movement.quantity
        assert movement.balance == balances[movement.lot_id]
    for lot in account.lots:
        moved = [each for each in account.movements if each.lot_id == lot.lot_id]
        assert sum((each.quantity for each in moved), ZERO) == lot.balance
        assert sum((each.value.amount for each in moved), ZERO) == lot.value.amount
        assert sum((each.suspended.amount for each in moved), ZERO) == lot.suspended.amount
        if not lot.balance:
            assert (lot.value.amount, lot.suspended.amount) == (ZERO, ZERO)


@given(facts(), st.integers(0, 40), st.integers(0, 40))
def test_a_statement_of_any_period_balances(told: list[Fact], one: int, other: int) -> None:
    account = derive(told)
    first, last = sorted((one, other))
    statement = state(account, START + timedelta(hours=first), START + timedelta(hours=last))
    assert statement.is_balanced
    for lot in statement.lots:
        assert lot.opening.quantity + lot.total(INS).quantity - lot.total(OUTS).quantity == lot.closing.quantity
    whole = state(account, START, START + timedelta(days=3))
    assert {lot.lot_id: lot.closing.quantity for lot in whole.lots} == {
        lot.lot_id: lot.balance for lot in account.lots if any(each.lot_id == lot.lot_id for each in account.movements)
    }


@given(facts(), st.data())
def test_a_correction_takes_back_all_of_one_fact(told: list[Fact], data: st.DataObject) -> None:
    plain = [each for each in told if each.kind is not Kind.CORRECTION]
    wrong = data.draw(st.sampled_from(plain))
    assert closing(derive([*plain, correction(wrong.source, 0)])) == closing(derive([e for e in plain if e != wrong]))


@given(facts(), st.integers(0, 60))
def test_an_account_as_it_was_known_is_that_of_what_was_recorded_then(told: list[Fact], hours: int) -> None:
    moment = START + timedelta(hours=hours)
    assert derive(told, known_at=moment) == derive([each for each in told if each.recorded_at <= moment])


@given(facts(), st.data())
def test_what_is_reserved_is_not_taken_by_facts_that_name_no_lot(told: list[Fact], data: st.DataObject) -> None:
    before = derive(told)
    there = [lot for lot in before.lots if lot.balance]
    if not there:
        return
    lot = data.draw(st.sampled_from(there))
    reserved = Reservation(lot_id=lot.lot_id, quantity=lot.balance, source="order:1")
    more = Fact(
        kind=Kind.DESTROYED, source="late", goods_id=lot.goods_id, quantity=Decimal(1_000),
        effective_at=START + timedelta(hours=50), recorded_at=START + timedelta(hours=50),
    )  # fmt: skip
    after = derive([*told, more], reservations=[reserved]).lot(lot.lot_id)
    assert after is not None
    assert after.balance >= min(lot.balance, reserved.quantity)
    assert replace(after, reserved=ZERO).available == after.balance
