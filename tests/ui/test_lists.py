"""An officer keeps a list at the pages, in a real browser: a wrong line, a proposal, another's approval, a name held against it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tidewaiter.model.outcome import Control, ExaminationOutcome, Found, Result, RiskType
from tidewaiter.web.house import House

pytestmark = pytest.mark.ui


def test_from_a_line_that_is_refused_to_a_name_that_is_found(page: Page, site_house: House) -> None:
    """Propose a list with a wrong day, mend it, have it approved, ask whom a name is like."""
    page.goto("/rules")
    page.get_by_role("link", name="Lists", exact=True).click()
    page.locator("#name").fill("offenders")
    page.locator("#title").fill("Repeat offenders")
    page.locator("#source").fill("our cases")
    page.locator("#why").fill("seized twice")
    page.locator("#entries").fill(
        "id,values,words,until\nc7,Bright Star Trading Ltd|CN12345,Watches seized.,31.12.2030\n"
    )
    page.get_by_role("button", name="Propose it").click()
    expect(page.get_by_role("alert")).to_contain_text("line 2, until: it is no day")
    expect(page.locator("#entries")).to_have_value(
        "id,values,words,until\nc7,Bright Star Trading Ltd|CN12345,Watches seized.,31.12.2030"
    )

    page.locator("#entries").fill(
        "id,values,words,until\nc7,Bright Star Trading Ltd|CN12345,Watches seized.,2030-12-31\n"
    )
    page.get_by_role("button", name="Propose it").click()
    expect(page.get_by_role("status")).to_contain_text("waits for another officer")
    expect(page.get_by_role("button", name="Approve offenders")).to_have_count(0)
    page.get_by_role("link", name="offenders", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("of offenders")
    expect(page.get_by_text("Entries that come (1)")).to_be_visible()
    version = site_house.store.lists.versions("offenders")[0].version_id
    site_house.lists.answer(version, "boris", is_approved=True)

    page.goto("/lists/offenders")
    expect(page.get_by_role("heading", level=1)).to_have_text("Repeat offenders")
    page.get_by_label("Name, as it is written").fill("Brght Star Trading")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("status")).to_contain_text("“bright” ~ “brght”")
    page.get_by_label("Name, as it is written").fill("Otto Wolf")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("status")).to_have_text("No entry is like it.")


def test_what_a_seizure_tells_is_proposed_for_a_list(page: Page, site_house: House) -> None:
    """Choose what goes to the list, propose it, see it wait for another officer."""
    outcome = ExaminationOutcome(
        reference="MP-1006", result=Result.NOT_SATISFACTORY, examined_at=datetime.now(UTC), examiner="ann",
        controls=(Control.PHYSICAL,), found=(Found(risk_type=RiskType.IPR, is_seized=True),),
    )  # fmt: skip
    kept = site_house.examinations.record(outcome, "ann").kept
    site_house.examinations.approve(kept.outcome_id, "chief")
    page.goto("/examinations")
    card = page.get_by_role("region", name="What seizures propose for lists").or_(
        page.locator("section:has(#proposals)")
    )
    expect(card.first).to_contain_text("Seized on".lower())
    boxes = card.first.get_by_role("checkbox")
    assert boxes.count() >= 1
    card.first.get_by_label("List", exact=True).fill("seized_pages")
    card.first.get_by_label("Why").fill("seen before")
    card.first.get_by_role("button", name="Propose for the list MP-1006").click()
    expect(page.get_by_role("status")).to_contain_text("another officer answers it")
    page.goto("/lists")
    page.get_by_role("link", name="seized_pages", exact=True).click()
    expect(page.get_by_role("table")).to_contain_text(f"outcome-{kept.outcome_id}")
    expect(page.get_by_role("table")).to_contain_text("seller:")
