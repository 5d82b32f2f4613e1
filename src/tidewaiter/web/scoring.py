"""Data quality is counted beside the server: what was found of each sender's records, day by day."""

from __future__ import annotations

from collections.abc import Callable

from tidewaiter.store import PostgresStore
from tidewaiter.workflow.quality_record import Scoring


def scoring(store: PostgresStore) -> Callable[[], object]:
    """One round of counting."""
    return Scoring(store, store.quality).catch_up
