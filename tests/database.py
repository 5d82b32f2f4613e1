"""A real PostgreSQL for tests: one embedded server for the session, a fresh database for each test that asks."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer, EmbeddedServerError
from tidewaiter.store.migrate import migrate
from tidewaiter.store.opening import ensure_database
from tidewaiter.workflow import anew, draws

TEMPLATE = "template_tidewaiter"
CHANCE = b"\x05" * 32
"""The seed of every day's draws. Chance selects about one parcel in fifty: a test whose parcels it selects, since its text was
changed, names others."""
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedServer]:
    """An embedded server in a temporary folder, with a migrated database to copy."""
    # Not pytest's own temporary folder: its path can be too long for a socket, and only its owner may pass.
    folder = Path(tempfile.mkdtemp(prefix="tw-"))
    server = EmbeddedServer(folder)
    server.open()
    try:
        ensure_database(server, TEMPLATE)
        with psycopg.connect(server.url(TEMPLATE), autocommit=True) as connection:
            migrate(connection)
        yield server
    finally:
        with contextlib.suppress(EmbeddedServerError):  # at once: nothing of it is kept, so nothing need be written
            os.kill(server.postmaster_pid(), signal.SIGQUIT)
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


class _Fixed:
    """Where seeds of draws are taken from."""

    @staticmethod
    def token_bytes(count: int) -> bytes:
        return CHANCE[:count]


@pytest.fixture(scope="session", autouse=True)
def _chance() -> Iterator[None]:
    """Draws are the same on every day and in every run."""
    with pytest.MonkeyPatch.context() as patch:
        for each in (draws, anew):
            patch.setattr(each, "secrets", _Fixed)
        yield


@pytest.fixture
def database_url(postgres_server: EmbeddedServer) -> str:
    """The address of a fresh, migrated database."""
    name = f"test_{next(_NUMBERS)}"
    ensure_database(postgres_server, name, TEMPLATE)
    return postgres_server.url(name)


@pytest.fixture
def store(database_url: str) -> Iterator[PostgresStore]:
    """A store on a fresh database; with draws that are the same in every run."""
    with PostgresStore(database_url) as opened:
        settle_chance(opened)
        yield opened


def settle_chance(store: PostgresStore) -> None:
    """Make the draws of today (and of tomorrow, should midnight pass) come from `CHANCE`, whoever opens the database."""
    today = datetime.now(UTC).date()
    for day in (today, today + timedelta(days=1)):
        assert store.seed(day, CHANCE).seed == CHANCE
