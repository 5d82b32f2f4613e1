"""The record is sealed beside the server: what was committed stands under a signed checkpoint within a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tidewaiter.store import PostgresStore

REST_SECONDS: Final = 0.25  # between two looks at whether there is anything to seal


def sealing(store: PostgresStore) -> Callable[[], object]:
    """One round of sealing. Several servers may do it: one at a time does, the others see that nothing is left."""
    return store.logs.seal
