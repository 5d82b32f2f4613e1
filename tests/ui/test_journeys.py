"""What officers do at the pages, in a real browser."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api import parcels
from returns import a_return, an_event, declaration, hand_in, import_goods
from tidewaiter.web.house import House

pytestmark = pytest.mark.ui

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
IMAGE_BYTES_MAX = 400_000


def test_submit_find_open_explain_act(page: Page) -> None:
    """Hand in a parcel, find it, see how it was worked out, confirm arrival, take the payment: it is cleared."""
    page.goto("/submit")
    page.get_by_label("or paste the message").fill(parcels.message(parcels.announced("UI-1")).decode())
    page.get_by_label("On behalf of").select_option(label="Meridian Post")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("status").first).to_have_text("Kept and decided.")

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Parcels").click()
    page.get_by_label("Reference, MRN or transport document").fill("UI-1")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"text=UI-1"))
    expect(page.get_by_role("heading", name="1 parcel on this page")).to_be_visible()
    page.get_by_role("link", name="UI-1", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("UI-1")
    charges = page.get_by_role("cell", name="due at the border")
    expect(charges.first).to_be_hidden()
    page.get_by_text("How was this worked out").click()
    expect(charges.first).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Source 1")).first).to_be_visible()

    page.get_by_role("button", name="Confirm arrival").click()
    expect(page.get_by_role("status")).to_have_text("Done: Confirm arrival.")
    page.get_by_role("button", name="Payment received").click()
    expect(page.get_by_text("Nothing. All formalities are done.")).to_be_visible()
    expect(page.get_by_role("button", name="Payment received")).to_have_count(0)


def test_filters_narrow_at_once_and_stand_in_the_address(page: Page) -> None:
    """With script, a choice narrows the list without loading the page anew; going back widens it again."""
    page.goto("/parcels")
    page.evaluate("window.stayed = true")
    page.get_by_label("Lane", exact=True).select_option("red")
    expect(page).to_have_url(re.compile("lane=red"))
    expect(page.get_by_role("link", name="MP-1002", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="MP-1001", exact=True)).to_have_count(0)
    assert page.evaluate("window.stayed")
    page.get_by_role("link", name=re.compile("Remove Lane")).click()
    expect(page.get_by_role("link", name="MP-1001", exact=True)).to_be_visible()


def test_refused_action_is_said_kindly(page: Page) -> None:
    """Two officers, one parcel: the second is told that it has moved on."""
    page.goto("/parcels/MP-1004")
    other = page.context.new_page()
    other.goto("/parcels/MP-1004")
    page.get_by_role("button", name="Payment received").click()
    expect(page.get_by_role("status")).to_contain_text("Done")
    other.get_by_role("button", name="Payment received").click()
    expect(other.get_by_role("alert")).to_contain_text("cannot be")
    expect(other.get_by_role("heading", level=1)).to_have_text("MP-1004")


def test_another_action_needs_its_reason(page: Page) -> None:
    """An examination that ends badly is kept with the officer's words."""
    page.goto("/parcels/MP-1002")
    page.get_by_text("Something else …").click()
    page.get_by_label("Action", exact=True).select_option(label="Examined, not in order")
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_label("Reason")).to_be_focused()
    page.get_by_label("Reason").fill("two flick knives, seized")
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_text("two flick knives, seized")).to_be_visible()
    expect(page.get_by_text("Refused", exact=True).first).to_be_visible()


def test_the_keyboard_is_enough(page: Page) -> None:
    """Skip link, search by a key, rows by j and k, a parcel by Enter, its trace by Space."""
    page.goto("/parcels")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Reference, MRN or transport document")).to_be_focused()
    page.keyboard.type("MP-1007")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 parcel on this page")).to_be_visible()
    page.locator("main").focus()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="MP-1007", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("MP-1007")
    summary = page.locator("#trace > summary")
    for _ in range(60):
        page.keyboard.press("Tab")
        if summary.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Space")
    expect(page.get_by_role("cell", name="due at the border").first).to_be_visible()


def test_without_script_everything_works(browser: Browser, site: str) -> None:
    """Submit, filter, open, explain and act with script turned off."""
    context = browser.new_context(base_url=site, java_script_enabled=False)
    page = context.new_page()
    page.goto("/submit")
    page.get_by_label("or paste the message").fill(parcels.message(parcels.announced("NS-1")).decode())
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("link", name="NS-1", exact=True).first.click()
    page.get_by_text("How was this worked out").click()
    expect(page.get_by_role("cell", name="due at the border").first).to_be_visible()
    page.get_by_role("button", name="Confirm arrival").click()
    expect(page.get_by_role("status")).to_have_text("Done: Confirm arrival.")
    page.goto("/parcels")
    page.get_by_label("State", exact=True).select_option("awaiting_payment")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="NS-1", exact=True)).to_be_visible()
    context.close()


def test_what_senders_write_is_never_run(page: Page) -> None:
    """Markup in a description and in the raw record stays text."""
    page.goto("/parcels/MP-1006")
    page.goto(page.url + "?raw=1")
    expect(page.locator("pre.raw").last).to_contain_text("<script>alert(1)</script>")
    assert page.locator("main script, main img").count() == 0


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_runs_off_the_side(page: Page, width: int) -> None:
    """Pages fit a telephone, a tablet and a desk; only wide tables scroll by themselves."""
    page.set_viewport_size({"width": width, "height": 800})
    for path in (
        "/",
        "/parcels",
        "/parcels/MP-1001",
        "/submit",
        "/regimes/GB",
        "/api",
        "/accounts",
        "/accounts/waiting",
    ):
        page.goto(path)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{path} is {over} px too wide at {width}"


def test_the_image_in_the_documentation(page: Page) -> None:
    """Makes docs/images/parcel.png where TIDEWAITER_SCREENSHOTS=1 is set; else it must be there and not too large."""
    image = IMAGES / "parcel.png"
    if os.environ.get("TIDEWAITER_SCREENSHOTS") == "1":
        page.goto("/parcels/MP-1001")
        page.locator("#trace > summary").click()
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")
        page.evaluate("document.fonts.ready")
        page.screenshot(path=str(image), full_page=True)
    assert image.read_bytes().startswith(b"\x89PNG")
    assert image.stat().st_size < IMAGE_BYTES_MAX


def test_a_return_is_read_beside_its_import_and_decided(page: Page, site_house: House) -> None:
    """A case waits for an officer: found in the list, worked out, granted with words; the parcel shows it."""
    store = site_house.store
    import_goods(store, declaration(1), sender="Meridian Post")
    hand_in(store, a_return(1, documents=[], exit_event=an_event(1)), sender="Meridian Post")
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Returns").click()
    page.get_by_label("Came to").select_option(label="For an officer")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("row", name=re.compile("R-1")).get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("R-1")
    expect(page.get_by_text("no proof: return order")).to_be_visible()
    expect(page.get_by_role("cell", name="Handbag, outer surface of leather")).to_be_visible()
    total = page.get_by_role("row", name=re.compile("^Together")).get_by_role("cell")
    expect(total).to_be_hidden()
    page.get_by_text("How was this worked out").click()
    expect(total).to_contain_text("86.37")
    page.get_by_role("button", name="Give it back").click()
    expect(page.get_by_label("Your words")).to_be_focused()
    page.get_by_label("Your words").fill("the order was seen")
    page.get_by_role("button", name="Give it back").click()
    expect(page.get_by_role("status")).to_contain_text("you give it back")
    expect(page.get_by_text("Charge lessened").first).to_be_visible()
    expect(page.get_by_role("button", name="Give it back")).to_have_count(0)
    page.get_by_role("link", name="Import RET-1").click()
    expect(page.get_by_role("heading", name="Returns of this parcel")).to_be_visible()
