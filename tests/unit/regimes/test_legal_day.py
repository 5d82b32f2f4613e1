"""The legal day is that of the administration's own clocks: what is received late in the evening in UTC falls on it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import available_timezones

import pytest

from tidewaiter.regimes import jurisdictions, legal_day_at
from tidewaiter.regimes.reading import lawbook


@pytest.mark.parametrize(
    ("code", "moment", "day"),
    [
        ("JP", datetime(2026, 6, 30, 23, 30, tzinfo=UTC), date(2026, 7, 1)),
        ("NZ", datetime(2026, 6, 30, 12, 0, tzinfo=UTC), date(2026, 7, 1)),  # winter: 12 hours ahead
        ("NZ", datetime(2026, 12, 31, 11, 0, tzinfo=UTC), date(2027, 1, 1)),  # summer: 13
        ("NZ", datetime(2026, 12, 31, 10, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
        ("DK", datetime(2026, 6, 30, 22, 0, tzinfo=UTC), date(2026, 7, 1)),  # the day the line duty began
        ("DK", datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC), date(2026, 6, 30)),
        ("IE", datetime(2026, 6, 30, 22, 59, 59, tzinfo=UTC), date(2026, 6, 30)),  # an hour later than in Denmark
        ("IE", datetime(2026, 6, 30, 23, 0, tzinfo=UTC), date(2026, 7, 1)),
        ("US", datetime(2025, 8, 29, 3, 59, tzinfo=UTC), date(2025, 8, 28)),
        ("US", datetime(2025, 8, 29, 4, 1, tzinfo=UTC), date(2025, 8, 29)),  # 00:01 eastern daylight time
        ("MX", datetime(2026, 1, 1, 5, 59, tzinfo=UTC), date(2025, 12, 31)),
        ("GB", datetime(2028, 2, 29, 23, 59, tzinfo=UTC), date(2028, 2, 29)),
        ("JP", datetime(2028, 2, 28, 15, 0, tzinfo=UTC), date(2028, 2, 29)),  # the leap day begins
        ("JP", datetime(2028, 2, 29, 15, 0, tzinfo=UTC), date(2028, 3, 1)),
        ("JP", datetime(2027, 2, 28, 15, 0, tzinfo=UTC), date(2027, 3, 1)),
        ("ZZ", datetime(2026, 6, 30, 23, 30, tzinfo=UTC), date(2026, 6, 30)),  # nobody's clocks: UTC
        ("", datetime(2026, 6, 30, 23, 30, tzinfo=UTC), date(2026, 6, 30)),
        ("JP", datetime(2026, 6, 30, 20, 30, tzinfo=timezone(timedelta(hours=-3))), date(2026, 7, 1)),
    ],
)
def test_the_day_of_a_moment(code: str, moment: datetime, day: date) -> None:
    assert legal_day_at(code, moment) == day


def test_every_jurisdiction_has_clocks() -> None:
    for code in jurisdictions():
        book = lawbook(code)
        assert book is not None
        assert book.jurisdiction.time_zone in available_timezones(), code
