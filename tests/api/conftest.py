"""The web application on a real store, asked in this process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from litestar.testing import TestClient
from msgspec import Struct

from database import TEMPLATE, settle_chance
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.store.senders import KeyHolder
from tidewaiter.web.app import create_app
from tidewaiter.web.house import House
from tidewaiter.web.serve import furnish
from tidewaiter.web.settings import WebSettings, hash_password

BASE = "http://127.0.0.1:8400"
PASSWORD = "tide and time wait for no man"
REQUEST_BYTES_MAX = 300_000
_NUMBERS = itertools.count(1)


class Who(Struct, frozen=True):
    """Senders and their keys."""

    post_id: int
    courier_id: int
    post: dict[str, str]
    courier: dict[str, str]
    officer: dict[str, str]


@pytest.fixture(scope="module")
def house(postgres_server: EmbeddedServer) -> Iterator[House]:
    """A house on a fresh database, in local mode, taking small requests only."""
    name = f"web_{next(_NUMBERS)}"
    ensure_database(postgres_server, name, TEMPLATE)
    with PostgresStore(postgres_server.url(name)) as store:
        settle_chance(store)
        settings = WebSettings(secret=b"s" * 32, request_bytes_max=REQUEST_BYTES_MAX, quotes_a_minute_max=1_000)
        furnished = furnish(store, settings)
        yield furnished
        furnished.intake.close()


@pytest.fixture(scope="module")
def who(house: House) -> Who:
    """Two senders and an officer, with their keys as headers."""

    def headers(holder: KeyHolder) -> dict[str, str]:
        return {"Authorization": f"Bearer {house.store.senders.issue_key(holder)}"}

    post = house.store.senders.ensure("Meridian Post").sender_id
    courier = house.store.senders.ensure("Kestrel Express").sender_id
    return Who(
        post_id=post,
        courier_id=courier,
        post=headers(KeyHolder(name="Meridian Post", role="declarant", sender_id=post)),
        courier=headers(KeyHolder(name="Kestrel Express", role="declarant", sender_id=courier)),
        officer=headers(KeyHolder(name="anna", role="officer")),
    )


@pytest.fixture(scope="module")
def client(house: House) -> Iterator[TestClient]:
    """A caller of the application in local mode."""
    with TestClient(create_app(house), base_url=BASE, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def guarded(house: House) -> Iterator[TestClient]:
    """A caller of the application where officers must sign in."""
    settings = WebSettings(secret=b"g" * 32, officers={"anna": hash_password(PASSWORD)})
    guarded_house = House(
        store=house.store,
        intake=house.intake,
        desk=house.desk,
        senders=house.senders,
        accounts=house.accounts,
        quality=house.quality,
        connectors=house.connectors,
        settings=settings,
    )
    with TestClient(create_app(guarded_house), base_url=BASE, raise_server_exceptions=False) as opened:
        yield opened
