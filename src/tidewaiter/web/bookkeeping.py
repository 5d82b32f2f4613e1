"""The books are kept beside the server: what is decided is posted, what is paid is settled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import BOOKKEEPING
from tidewaiter.workflow.bookkeeping import Bookkeeper
from tidewaiter.workflow.desk import Desk


def posting(store: PostgresStore) -> Callable[[], object]:
    """One round of catching up."""
    return partial(Bookkeeper(store, store.accounts, Desk(store)).catch_up, BOOKKEEPING)
