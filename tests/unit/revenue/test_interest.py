"""Interest: by the days that something was late, at each day's rate, rounded down once, and nothing by guess."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.revenue.interest import Movement, Overdue, charged, grown, overdue
from tidewaiter.revenue.postings import Account, Entry

D = Decimal
JULY = date(2026, 7, 1)
DEBT = Entry(account=Account.RECEIVABLE, amount=D(0), currency="EUR", party="OP1", scheme="XX s", period="2026-07")


def day(number: int, month: int = 7) -> date:
    return date(2026, month, number)


def test_late_from_the_day_after_it_was_due_until_the_day_it_is_paid() -> None:
    movements = [Movement(day(2), D(100)), Movement(day(5), D(50)), Movement(day(8), D(-120))]
    assert overdue(movements, day(1), day(10)) == [
        Overdue(day(2), day(4), D(100)),
        Overdue(day(5), day(7), D(150)),
        Overdue(day(8), day(10), D(30)),
    ]
    assert overdue(movements, day(6), day(6)) == [Overdue(day(6), day(6), D(150))]


def test_what_was_reversed_was_never_late() -> None:
    movements = [Movement(day(2), D(100)), Movement(day(2), D(-100)), Movement(day(3), D(-5))]
    assert overdue(movements, day(1), day(31)) == []


def test_each_day_at_its_own_rate() -> None:
    exact, unknown = grown([Overdue(day(1), day(10), D(1000))], lambda on: D("8.0") if on < day(6) else D("7.5"))
    assert unknown == []
    assert exact == D(1000) * (5 * D("8.0") + 5 * D("7.5")) / 36500
    posting = charged(DEBT, (day(1), day(10)), exact)
    assert posting is not None
    assert posting.entries[0].amount == D("2.12")  # 2.1232…
    assert posting.problem() == ""


def test_days_without_a_rate_are_told() -> None:
    _, unknown = grown([Overdue(day(1), day(3), D(10))], lambda on: D(5) if on < day(2) else None)
    assert unknown == [day(2), day(3)]


def test_less_than_a_hundredth_is_nothing() -> None:
    assert charged(DEBT, (day(1), day(1)), D("0.0099")) is None


@given(
    st.lists(st.tuples(st.integers(1, 28), st.integers(-500, 500)), max_size=12), st.integers(1, 28), st.integers(1, 28)
)
def test_spans_are_what_a_day_by_day_count_gives(moves: list[tuple[int, int]], one: int, other: int) -> None:
    since, until = day(min(one, other)), day(max(one, other))
    movements = [Movement(day(on), D(amount)) for on, amount in moves]
    spans = overdue(movements, since, until)
    counted = sum((span.owed * span.days for span in spans), D(0))
    expected = D(0)
    for number in range(since.day, until.day + 1):
        owed = sum((each.amount for each in movements if each.counts_from <= day(number)), D(0))
        expected += max(owed, D(0))
    assert counted == expected
