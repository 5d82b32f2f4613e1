"""From a parcel whose words say nothing to better ones, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.ui


def test_a_finding_on_words_leads_to_what_to_write(page: Page) -> None:
    """The officer opens the parcel with "gift", looks at its words, tries better ones, holds them against a proposed code."""
    page.goto("/parcels/MP-1003")
    page.get_by_role("article").get_by_role("link", name="Look at these words").click()
    expect(page).to_have_url(re.compile(r"/classify\?description=gift&code=95030061"))
    expect(page.get_by_text("Goods of 950300 are called, for example")).to_be_visible()
    expect(page.get_by_text("ICS2", exact=False).first).to_be_visible()
    page.get_by_label("Description").fill("ceramic mug")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("No: the words plainly name goods of another chapter")).to_be_visible()
    page.get_by_role("link", name="Hold the words against 691110").click()
    expect(page.get_by_text("Yes: the words point to goods of this chapter")).to_be_visible()
    expect(page.get_by_text("Nothing is wrong with these words")).to_be_visible()


def test_each_line_of_a_parcel_leads_there(page: Page) -> None:
    page.goto("/parcels/MP-1001")
    page.get_by_role("link", name="Wooden jigsaw puzzle for children").click()
    expect(page.get_by_label("Description")).to_have_value("Wooden jigsaw puzzle for children")
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Describe")).to_have_attribute(
        "aria-current", "page"
    )


def test_it_works_without_a_script_and_on_a_small_screen(browser: Browser, site: str) -> None:
    context = browser.new_context(base_url=site, java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto("/classify")
    page.get_by_label("Description").fill("wireless earbuds with charging case")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("cell", name="“wireless earbud”")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()
