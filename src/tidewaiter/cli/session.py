"""The store and the intake as commands use them: opened, brought up to date, closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tidewaiter.store import PostgresStore, open_store
from tidewaiter.store.settings import Settings

LOCAL_SENDER = "local"


@contextmanager
def opened_store() -> Iterator[PostgresStore]:
    """The store that the settings name, migrated; the embedded server is left when the command ends."""
    store = open_store(Settings.from_environment())
    try:
        yield store
    finally:
        store.close()
