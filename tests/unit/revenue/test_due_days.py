"""When an obligation is due, and which period it belongs to."""

from __future__ import annotations

from datetime import date

import pytest

from tidewaiter.regimes.documents import Due
from tidewaiter.revenue.due import due_on, next_period, period_of


@pytest.mark.parametrize(
    ("due", "arose", "expected"),
    [
        (Due(days_after=0), date(2026, 7, 1), date(2026, 7, 1)),
        (Due(days_after=0), date(2026, 7, 4), date(2026, 7, 6)),  # a Saturday
        (Due(days_after=10), date(2026, 2, 18), date(2026, 3, 2)),  # 28 February is a Saturday
        (Due(months=1, day=0), date(2026, 6, 30), date(2026, 7, 31)),
        (Due(months=1, day=0), date(2027, 12, 5), date(2028, 1, 31)),
        (Due(months=1, day=0), date(2028, 1, 5), date(2028, 2, 29)),  # a leap year
        (Due(months=1, day=31), date(2026, 1, 5), date(2026, 3, 2)),  # no 31 February, and the 28th is a Saturday
        (Due(months=3, day=0), date(2026, 2, 1), date(2026, 4, 30)),
        (Due(months=3, day=20), date(2026, 12, 31), date(2027, 1, 20)),
        # September 2025 → the seventh working day of October, as published for US postal duty
        (Due(months=1, day=7, counts_business_days=True), date(2025, 9, 3), date(2025, 10, 9)),
    ],
)
def test_due(due: Due, arose: date, expected: date) -> None:
    assert due_on(due, arose) == expected


@pytest.mark.parametrize(
    ("months", "arose", "period", "next_"),
    [
        (0, date(2026, 7, 1), "2026-07", (2026, 8)),
        (1, date(2026, 12, 31), "2026-12", (2027, 1)),
        (3, date(2026, 5, 31), "2026-Q2", (2026, 7)),
        (12, date(2026, 5, 31), "2026", (2027, 1)),
    ],
)
def test_period(months: int, arose: date, period: str, next_: tuple[int, int]) -> None:
    assert period_of(Due(months=months), arose) == period
    assert next_period(arose, months) == next_
