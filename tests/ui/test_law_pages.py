"""Tariffs, elections and what waits for a second person: on a small screen, without script, by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Page, expect

from tidewaiter.revenue.guarantees import Grant
from tidewaiter.tariff.importing import Heading, Source
from tidewaiter.web.house import House
from tidewaiter.workflow.tariffs import import_files

pytestmark = pytest.mark.ui

TABLE = """commodity,description,ukgt_duty_rate
6109100010,T-shirts of cotton,9.0%
6109100090,Other shirts of cotton,9.0%
"""


@pytest.fixture(scope="module")
def law(site_house: House) -> None:
    """A small tariff of a place no parcel of the night goes to, and a guarantee that another person entered."""
    heading = Heading("FR", date(2026, 1, 1), is_partial=True)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    import_files([Source("table.csv", TABLE.encode())], heading, site_house.store.tariffs, "ann", at)
    grant = Grant(
        guarantee_id="UI-G1", kind="guarantee", party="FR12345678901", jurisdiction_code="FR", currency="EUR",
        limit=Decimal("500.00"), valid_from=date(2026, 1, 1), words="authorisation of a bank with a rather long name",
    )  # fmt: skip
    site_house.accounts.guarantees.enter(grant, "boris")


@pytest.fixture
def small(browser: Browser, site: str) -> Iterator[Page]:
    """A telephone without script."""
    context = browser.new_context(base_url=site, java_script_enabled=False, viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


@pytest.mark.usefixtures("law")
def test_a_code_is_looked_up_by_keyboard_on_a_small_screen(small: Page) -> None:
    small.goto("/tariffs?jurisdiction=FR&on=2026-07-01")
    small.get_by_label("Commodity code").focus()
    small.keyboard.type("6109 10 00 10")
    small.keyboard.press("Tab")
    small.keyboard.type("CN")
    small.keyboard.press("Enter")
    expect(small).to_have_url(re.compile("origin=CN"))
    expect(small.get_by_role("heading", level=1)).to_have_text("Code 6109100010 on 2026-07-01")
    expect(small.get_by_text("Goods can be declared under this code.")).to_be_visible()
    expect(small.get_by_role("cell", name="9.0%")).to_be_visible()


@pytest.mark.usefixtures("law")
def test_what_waits_is_answered_on_a_small_screen(small: Page, site_house: House) -> None:
    small.goto("/accounts/waiting")
    button = small.get_by_role("button", name="Approve UI-G1")
    box = button.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390
    button.click()
    expect(small.get_by_role("status")).to_have_text("Approved. It counts from now on.")
    assert site_house.accounts.guarantees.one("UI-G1").grant.party == "FR12345678901"


@pytest.mark.usefixtures("law")
@pytest.mark.parametrize("path", ["/tariffs", "/elections", "/accounts", "/accounts/waiting"])
def test_no_page_is_wider_than_a_telephone(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
