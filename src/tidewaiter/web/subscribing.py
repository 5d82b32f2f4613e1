"""Subscriptions to events are served beside the server."""

from __future__ import annotations

from collections.abc import Callable

from tidewaiter.store import PostgresStore
from tidewaiter.web.deliveries import posting
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.subscribing import Subscriber


def subscribing(store: PostgresStore) -> Callable[[], object]:
    """One round of sending what subscriptions are due."""

    def one_round() -> int:
        if not store.events.due(now(), 1):
            return 0
        with posting() as post:
            return Subscriber(store.events, post).round()

    return one_round
