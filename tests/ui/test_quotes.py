"""A buyer at the public page of quotes, in a real browser: with a script, and without one."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from ui.test_accessibility import HEADLESS_TABLES, NAMELESS, REPEATED_IDS, SKIPPED_LEVELS

pytestmark = pytest.mark.ui


def fill_in(page: Page) -> None:
    page.get_by_label("Law of the day").fill("2026-07-14")
    page.get_by_label("Goods go to").select_option("DK")
    page.get_by_label("Sent from").fill("CN")
    page.get_by_label("Amounts in").fill("DKK")
    first = page.get_by_role("group", name="Line 1")
    first.get_by_label("What it is, in plain words").fill("Cotton T-shirts for men")
    first.get_by_label("Commodity code").fill("610910")
    first.get_by_label("Price of the line").fill("180.00")


def test_a_buyer_asks_changes_and_is_told(page: Page) -> None:
    """From the start page to a quote, one line more, the seller charging the tax: another number, less at the border."""
    page.goto("/")
    page.get_by_role("link", name="Ask for a quote").click()
    fill_in(page)
    expect(page.get_by_text("Import One-Stop Shop (IOSS)")).to_be_visible()  # comes with the place chosen
    page.get_by_role("button", name="Work it out").click()
    expect(page).to_have_url(re.compile(r"/quote/TWQ-"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Quote for Denmark")
    expect(page.get_by_text("May come in").first).to_be_visible()
    first = page.url
    for look in (NAMELESS, REPEATED_IDS, SKIPPED_LEVELS):
        assert page.evaluate(look) == []
    assert page.evaluate(HEADLESS_TABLES) == 0
    page.get_by_text("How was this worked out").click()
    expect(page.get_by_role("link", name=re.compile("Source 1")).first).to_be_visible()

    page.get_by_role("link", name="Change the basket").click()
    page.get_by_role("button", name="Add lines").click()
    expect(page.get_by_role("group", name="Line 4")).to_be_visible()
    assert page.get_by_label("Price of the line").first.input_value() == "180.00"
    page.get_by_label("The seller charges the tax with the price").check()
    page.get_by_role("button", name="Work it out").click()
    expect(page.get_by_text("Charged at the sale", exact=True)).to_be_visible()
    assert page.url != first


def test_it_works_without_a_script_and_on_a_small_screen(browser: Browser, site: str) -> None:
    context = browser.new_context(base_url=site, java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto("/quote")
    fill_in(page)
    page.get_by_role("button", name="Add lines").click()
    expect(page.get_by_role("group", name="Line 5")).to_be_visible()
    page.get_by_label("Price of the line").first.fill("no idea")
    page.get_by_role("button", name="Work it out").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not a number.")
    page.get_by_role("alert").get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("#price-1"))
    page.get_by_label("Price of the line").first.fill("180")
    page.get_by_label("Price of the line").first.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Quote for Denmark")
    context.close()
