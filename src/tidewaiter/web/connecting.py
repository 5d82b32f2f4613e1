"""Connectors are served beside the server: documents are handed over, events left in folders are carried out."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from tidewaiter.store import PostgresStore
from tidewaiter.web.deliveries import posting
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.connector_events import ConnectorEvents
from tidewaiter.workflow.connector_folders import FolderEvents
from tidewaiter.workflow.connectors import Handing, is_any_due
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.pushing import Sent


class Round(Struct, frozen=True):
    """What one round did."""

    files: int
    sent: Sent

    @property
    def is_any(self) -> bool:
        """Whether it did anything."""
        return bool(self.files or self.sent.taken or self.sent.failed)

    @property
    def is_more(self) -> bool:
        """Whether there may be more to do at once."""
        return bool(self.files or self.sent.taken)


def connecting(store: PostgresStore) -> Callable[[], Round]:
    """One round: what was told first, so that what comes of it is handed over in the same round."""
    events = FolderEvents(store.connectors, ConnectorEvents(store, store.connectors, Desk(store)))

    def one_round() -> Round:
        files = events.round()
        if not is_any_due(store.connectors, now()):
            return Round(files, Sent())
        with posting() as post:
            return Round(files, Handing(store, store.connectors, post).round())

    return one_round
