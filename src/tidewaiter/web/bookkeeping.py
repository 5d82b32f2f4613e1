"""The books are kept beside the server: what is decided is posted, what is paid is settled."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import BOOKKEEPING
from tidewaiter.workflow.bookkeeping import Bookkeeper
from tidewaiter.workflow.desk import Desk


def posting(store: PostgresStore) -> Callable[[], object]:
    """One round of catching up. What cannot be read or posted is set aside and logged, and the rest goes on."""
    bookkeeper = Bookkeeper(store, store.accounts, Desk(store))
    log = logging.getLogger(__name__)

    def catch_up() -> None:
        done = bookkeeper.catch_up(BOOKKEEPING)
        if done.set_aside:
            log.error("%d set aside, not in the books: tidewaiter accounts set-aside", done.set_aside)

    return catch_up
