"""A real server on a real store, and a real browser."""

from __future__ import annotations

import itertools
import os
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from api import parcels
from api.test_models import card, model
from database import TEMPLATE, settle_chance
from tidewaiter.network.ports import free_port
from tidewaiter.risk.scoring import model_bytes
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.web.house import House
from tidewaiter.web.serve import furnish, server
from tidewaiter.web.settings import WebSettings
from tidewaiter.workflow.models import Model
from tidewaiter.workflow.models import Who as ModelWho
from tidewaiter.workflow.rule_set_records import Key
from tidewaiter.workflow.rule_sets import RuleSets, Who
from tidewaiter.workflow.rule_trials import RuleTrials
from tidewaiter.workflow.trying import Period

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
LEGAL_DAY = date(2026, 7, 14)
START_SECONDS = 60
RULES = """\
rule cheap
    title: Cheap goods
    words: Cheap goods. Look at them.
    lane: yellow
    when:
        item.invoice_price > money("5 GBP") && has(item.description)

rule told
    title: Goods told
    words: Goods told. See afterwards.
    lane: blue
    when:
        has(item.description) || has(item.commodity_code)

rule dear
    title: Dear goods
    words: Dear goods. Look at them.
    lane: red
    when:
        item.invoice_price > money("5000 GBP") && has(item.description)
"""
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def site_house(postgres_server: EmbeddedServer) -> Iterator[House]:
    """A house with one night's load in it."""
    name = f"ui_{next(_NUMBERS)}"
    ensure_database(postgres_server, name, TEMPLATE)
    with PostgresStore(postgres_server.url(name)) as store:
        house = furnish(store, WebSettings(secret=b"u" * 32))
        settle_chance(store)
        sender = store.senders.ensure("Meridian Post")
        house.intake.submit(
            BytesIO(parcels.night()),
            sender_id=sender.sender_id,
            file_name="night-2026-07-14.json",
            transport="rest",
            legal_day=LEGAL_DAY,
        )
        life, key, ann = RuleSets(store), Key("gifts"), Who("ann", "for the pages")
        for text in (RULES, RULES.replace("5 GBP", "50 GBP")):
            version = life.begin(key, text, ann)
        house.models.register(
            Model(name="gifts", content=model_bytes(model()), card=card(model()).encode()), ModelWho("ann")
        )
        RuleTrials(store).back_test(version, Period(LEGAL_DAY, LEGAL_DAY), "ann")
        yield house
        house.intake.close()


@pytest.fixture(scope="session")
def site(site_house: House) -> Iterator[str]:
    """The address of a running server; a free port of this machine."""
    port = free_port()
    running = server(site_house, "127.0.0.1", port)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until = time.monotonic() + START_SECONDS
    while not running.started:
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    thread.join(START_SECONDS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless; skips where there is none.

    Not for the whole session: while it is open, no other test could run an event loop.
    """
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser, site: str) -> Iterator[BrowserContext]:
    """A fresh visitor at a desk-sized window."""
    opened = browser.new_context(base_url=site, viewport={"width": 1280, "height": 900}, color_scheme="light")
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong unseen: no script error, no refused resource, nothing off this machine."""
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    opened.on("request", lambda asked: problems.append(asked.url) if "127.0.0.1" not in asked.url else None)
    yield opened
    expected = os.environ.get("PYTEST_CURRENT_TEST", "")
    assert problems == [] or "refus" in expected, problems
