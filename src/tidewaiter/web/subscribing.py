"""Events are captured to their end and subscriptions served beside the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from tidewaiter.store import PostgresStore
from tidewaiter.web.deliveries import posting
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.subscribing import Subscriber

LATE: Final = timedelta(seconds=60)
"""How long a capture may be read by whoever took it in, before it is taken up here."""


def subscribing(store: PostgresStore) -> Callable[[], object]:
    """One round of sending what subscriptions are due."""

    def one_round() -> int:
        if not store.events.due(now(), 1):
            return 0
        with posting() as post:
            return Subscriber(store.events, post).round()

    return one_round
