"""The demonstration's time: now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tidewaiter.ledger.leaves import BUCKET_SECONDS, bucket


def quarter() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def in_days(days: int) -> int:
    """A quarter hour so many days from now, as entries tell it."""
    return bucket(datetime.now(UTC) + timedelta(days=days)) + BUCKET_SECONDS
