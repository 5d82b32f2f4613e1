"""When an obligation is due: a function of the law's rule and the day it arose."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from tidewaiter.regimes.documents import Due

SATURDAY = 5
MONTHS = 12


def due_on(due: Due, arose: date) -> date:
    """The day an obligation that arose on a day is due; one that falls on a weekend moves to the next working day.

    Public holidays are not known here.
    """
    if due.days_after is not None:
        return working_day(arose + timedelta(days=due.days_after))
    year, month = next_period(arose, due.months)
    if due.counts_business_days:
        return _nth_working_day(date(year, month, 1), due.day)
    last = monthrange(year, month)[1]
    return working_day(date(year, month, min(due.day or last, last)))


def period_of(due: Due, arose: date) -> str:
    """The period that an obligation belongs to: "2026-07", or "2026-Q3" where several months are one."""
    if due.months <= 1:
        return f"{arose:%Y-%m}"
    if due.months == MONTHS:
        return f"{arose:%Y}"
    return f"{arose:%Y}-Q{(arose.month - 1) // 3 + 1}"


def next_period(arose: date, months: int) -> tuple[int, int]:
    """Year and month after the period of so many months that a day falls into; periods begin with the year."""
    months = months or 1
    first = (arose.month - 1) // months * months  # of the period, from 0
    year, month = divmod(arose.year * MONTHS + first + months, MONTHS)
    return year, month + 1


def working_day(day: date) -> date:
    """The day itself, or the Monday after a weekend."""
    return day + timedelta(days=7 - day.weekday()) if day.weekday() >= SATURDAY else day


def _nth_working_day(first: date, count: int) -> date:
    day = working_day(first)
    for _ in range(max(count, 1) - 1):
        day = working_day(day + timedelta(days=1))
    return day
