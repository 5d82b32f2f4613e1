"""Subscriptions to events are served beside the server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tidewaiter.store import PostgresStore
from tidewaiter.web.deliveries import posting
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.subscribing import Subscriber, is_entered


def subscribing(store: PostgresStore) -> Callable[[], object]:
    """One round of sending what subscriptions are due."""

    def one_round() -> int:
        if not store.events.due(now(), 1):
            return 0
        with posting() as post:
            hooks = store.webhooks.all()
            return Subscriber(store.events, post, may_be_told=partial(is_entered, hooks)).round()

    return one_round
