"""Changes whose declaration did not come in time are refused beside the server."""

from __future__ import annotations

from collections.abc import Callable

from tidewaiter.store import PostgresStore
from tidewaiter.workflow.ahead import refuse_expired


def refusing(store: PostgresStore) -> Callable[[], object]:
    """One round of looking for them."""
    return lambda: refuse_expired(store)
