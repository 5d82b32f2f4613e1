"""An officer sees what was seen on the way, in a list and on the parcel's page, and answers it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from events import document, object_event
from tidewaiter.model.decision import State
from tidewaiter.model.event_words import STEP, reference
from tidewaiter.web.house import House
from tidewaiter.workflow.event_ports import Captor
from tidewaiter.workflow.ports import Filter
from ui.test_accessibility import HEADLESS_TABLES, NAMELESS, REPEATED_IDS, SKIPPED_LEVELS


@pytest.fixture(scope="module")
def parcel_id(site_house: House) -> int:
    """A parcel that was delivered twice, and by nobody released."""
    row = next(each for each in site_house.store.declarations(Filter(state=State.RECEIVED)) if each.registered_id)
    for minutes in (50, 40):
        told = object_event(
            eventTime=(datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="milliseconds"),
            bizStep=STEP["delivering"], epcList=[reference("mrn", row.registered_id)],
        )  # fmt: skip
        captured = site_house.capturing.capture(document(told), Captor("test"), datetime.now(UTC))
        assert captured.is_success, captured.findings
    return row.declaration_id


@pytest.mark.ui
def test_what_was_seen_is_answered_in_the_list_and_on_the_parcels_page(
    page: Page, parcel_id: int, site_house: House
) -> None:
    page.goto("/parcels")
    page.get_by_role("link", name="Seen on the way").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Seen on the way")
    expect(page.get_by_role("heading", level=2)).to_have_text("3 to be looked at")
    page.get_by_label("What you found out").first.fill("the neighbour has it")
    page.get_by_role("button", name=f"movement.delivered_before_release {parcel_id}").first.click()
    expect(page.get_by_role("status")).to_have_text("The finding is answered.")
    expect(page.get_by_role("heading", level=2)).to_have_text("2 to be looked at")
    page.get_by_role("link", name=f"Parcel {parcel_id}").first.click()
    expect(page.get_by_text("Answered by local: the neighbour has it")).to_be_visible()
    for left in (1, 0):
        page.get_by_label("What you found out").first.fill("it is the same parcel")
        page.get_by_role("button", name="Answer movement.").first.click()
        expect(page.get_by_label("What you found out")).to_have_count(left)
    assert site_house.store.following.open_findings(10) == []


@pytest.mark.ui
@pytest.mark.parametrize("address", ["/movement", "/parcels/{no}"])
def test_its_pages_have_names_and_heads(page: Page, parcel_id: int, address: str) -> None:
    page.goto(address.format(no=parcel_id))
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    for broken in (NAMELESS, REPEATED_IDS, SKIPPED_LEVELS):
        assert page.evaluate(broken) == []
    assert page.evaluate(HEADLESS_TABLES) == 0
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
