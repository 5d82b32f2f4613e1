"""An officer writes rules at the pages, in a real browser: from a mistake to a trial, a back-test and a decision explained."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from playwright.sync_api import Page, expect

from api import parcels
from tidewaiter.web.house import House
from tidewaiter.workflow.rule_set_records import Key
from tidewaiter.workflow.rule_sets import RuleSets, Who

pytestmark = pytest.mark.ui

TEXT = """\
rule shirt
    title: Shirts
    words: Shirts. Ask for the invoice.
    lane: yellow
    when:
        item.description.hasWords("shirt") && item.invoice_prize > money("1 GBP")
"""


def test_from_a_mistake_to_a_decision_that_is_explained(page: Page, site_house: House) -> None:
    """Write, mend the mistake that is told at its line, try it, have it approved, publish it, see why it points at a parcel."""
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Rules").click()
    page.locator("#name").fill("shirts")
    page.locator("#text").fill(TEXT)
    page.get_by_role("button", name="Keep as a draft").click()
    expect(page.get_by_role("status")).to_have_text("Kept as a draft.")
    expect(page.locator("#L6")).to_contain_text("there is no field item.invoice_prize")
    expect(page.locator("#L6")).to_contain_text("did you mean item.invoice_price")

    page.locator("#text").fill(TEXT.replace("invoice_prize", "invoice_price"))
    page.get_by_role("button", name="Save and check").click()
    expect(page.get_by_text("No mistake, nothing to look at.")).to_be_visible()
    page.get_by_role("link", name="Forms").click()
    expect(page.get_by_label("item.invoice_price >")).to_have_value('money("1 GBP")')
    page.get_by_role("link", name="Text", exact=True).click()

    page.get_by_role("button", name="Put on trial").click()
    expect(page.get_by_role("status")).to_have_text("On trial from now on.")
    page.get_by_role("button", name="Run it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("of shirts")
    expect(page.get_by_role("heading", name="Hits of each rule")).to_be_visible()
    page.get_by_role("link", name="Version 1").click()

    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_text("You wrote or proposed it")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    RuleSets(site_house.store).approve(Key("shirts"), 1, Who("boris"))
    page.reload()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status")).to_have_text("Published. It decides from now on.")

    sender = next(each for each in site_house.senders.all() if each.name == "Meridian Post").sender_id
    body = parcels.message(parcels.announced("UI-RULE"))
    site_house.intake.submit(BytesIO(body), sender_id=sender, file_name="x.json", transport="page")
    page.goto("/parcels/UI-RULE")
    expect(page.get_by_text("Why rules pointed at it, or nearly did")).to_be_visible()
    expect(page.locator("#rules")).to_contain_text("shirts")

    page.goto("/rules/shirts/1")
    page.get_by_role("button", name="Retire").click()
    expect(page.get_by_role("status")).to_have_text("Retired.")
    page.get_by_role("link", name="shirts", exact=True).click()
    expect(page.get_by_role("heading", name="What was done")).to_be_visible()
    expect(page.get_by_role("cell", name=re.compile("Superseded"))).to_have_count(0)
