"""Which legal day a moment falls on: that of the administration's own clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from tidewaiter.regimes.reading import lawbook

MOMENTS_KEPT = 4096  # jurisdictions and moments: the records of one message share theirs


@lru_cache(maxsize=MOMENTS_KEPT)
def legal_day_at(jurisdiction_code: str, moment: datetime) -> date:
    """The day that a moment (aware) falls on where the law is made; in UTC for a jurisdiction that is not modelled."""
    book = lawbook(jurisdiction_code)
    zone = ZoneInfo(book.jurisdiction.time_zone) if book is not None and book.jurisdiction.time_zone else UTC
    return moment.astimezone(zone).date()
