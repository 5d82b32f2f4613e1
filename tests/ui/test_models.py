"""An officer registers a model at the pages, in a real browser: a file that is none, its card, a trial, drift, another's approval."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Page, expect

from api.test_models import card, model
from tidewaiter.risk.scoring import model_bytes
from tidewaiter.web.house import House
from tidewaiter.workflow.model_records import ModelStep
from tidewaiter.workflow.models import Who

pytestmark = pytest.mark.ui


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """model.json and card.json."""
    known = msgspec.structs.replace(model(), base_rate=220_000)
    (tmp_path / "model.json").write_bytes(model_bytes(known))
    (tmp_path / "card.json").write_text(card(known), encoding="utf-8")
    return tmp_path / "model.json", tmp_path / "card.json"


def test_from_a_file_that_is_refused_to_a_model_that_decides(
    page: Page, site_house: House, files: tuple[Path, Path], tmp_path: Path
) -> None:
    """Register a model, look at its card, try it, compare two periods, have it approved."""
    page.goto("/rules")
    page.get_by_role("link", name="Models of scores").click()
    page.locator("#name").fill("undervaluation")
    page.locator("#model").set_input_files(files[1])
    page.get_by_role("button", name="Register it").click()
    expect(page.get_by_role("alert")).to_contain_text("not a model")
    page.locator("#model").set_input_files(files[0])
    page.locator("#card").set_input_files(files[1])
    page.locator("#words").fill("trained on the autumn")
    page.get_by_role("button", name="Register it").click()
    expect(page.get_by_role("status")).to_contain_text("waits for another officer")

    page.get_by_role("link", name="undervaluation, model").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("undervaluation, model")
    expect(page.locator("#card").locator("..")).to_contain_text("examinations of a test")
    expect(page.locator("#known").locator("..")).to_contain_text("commodity_code 6109")
    expect(page.get_by_text("You registered it: another officer approves it.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve: it decides")).to_have_count(0)
    page.get_by_role("button", name="Put it on trial").click()
    expect(page.get_by_role("status")).to_contain_text("On trial")

    for name in ("since", "against_since"):
        page.locator(f"#{name}").fill("2026-07-01")
    for name in ("until", "against_until"):
        page.locator(f"#{name}").fill("2026-07-31")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("compared")
    expect(page.get_by_text("What comes in looks as it did; nothing was examined")).to_be_visible()
    expect(page.locator("footer")).to_contain_text("Tidewaiter 0.")
    page.screenshot(path=tmp_path / "model.png", full_page=True)

    number = site_house.models.all()[0].version_id
    site_house.models.take(number, ModelStep.APPROVE, Who("boris", "as its card says"))
    page.reload()
    expect(page.get_by_text("Decides", exact=True)).to_be_visible()
    page.get_by_role("button", name="Take it out of use").click()
    expect(page.get_by_role("status")).to_contain_text("It decides no more.")
    page.goto("/models")
    expect(page.get_by_role("table")).to_contain_text("Retired")
    page.screenshot(path=tmp_path / "models.png", full_page=True)
