"""PostgreSQL: schema, migrations, bulk writing, queries.

`open_store(settings)` gives the store; it runs the embedded server when no other is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidewaiter.store.opening import open_store
    from tidewaiter.store.postgres import PostgresStore
    from tidewaiter.store.settings import Settings

__all__ = ["PostgresStore", "Settings", "open_store"]


def __getattr__(name: str) -> Any:
    """The names above, imported when first asked for: worker processes need the rows and not the database driver."""
    from importlib import import_module

    homes = {"open_store": "opening", "PostgresStore": "postgres", "Settings": "settings"}
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"tidewaiter.store.{homes[name]}"), name)
