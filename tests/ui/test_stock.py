"""An officer looks at a free zone's stock, answers for a stock-taking, and reads the statement."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from playwright.sync_api import Page, expect

from tidewaiter.cli import stock_example as example
from tidewaiter.stock.counting import CountedLine, StockCount
from tidewaiter.web.house import House
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.stock_records import ArrivingStock, KeptAccount, MessageKind
from ui.test_accessibility import HEADLESS_TABLES, NAMELESS, REPEATED_IDS, SKIPPED_LEVELS

THERE = 998  # of 1,000, at the count


@pytest.fixture(scope="module")
def kept(site_house: House) -> KeptAccount:
    """An account with a bulk in it, of which two are missing."""
    account = example.opened(site_house.store, site_house.stock, now().date())  # type: ignore[arg-type]

    def tell(kind: MessageKind, record: msgspec.Struct) -> None:
        site_house.stock.submit(
            ArrivingStock(
                account_no=account.account_no, kind=kind, body=msgspec.json.encode(record), idempotency_key="",
                told_by="ui", received_at=now(),
            )
        )  # fmt: skip

    tell(MessageKind.ENTRIES, example.entry())
    line = CountedLine(goods_id=example.GOODS, quantity=Decimal(THERE))
    tell(MessageKind.COUNT, StockCount(count_id="COUNT-7", counted_at=now(), lines=(line,)))
    return account


@pytest.mark.ui
def test_a_count_is_answered_for_on_the_page(page: Page, kept: KeptAccount) -> None:
    page.goto("/stock")
    page.get_by_role("link", name="North Quay free zone").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("North Quay free zone")
    expect(page.get_by_text("1000 in the account, 998 counted: 2 missing")).to_be_visible()
    page.get_by_label("Your words on it").fill("nobody knows where they are")
    page.get_by_role("button", name="Book what is missing as lost").click()
    expect(page.get_by_role("status")).to_contain_text("is declared for the debt on it")
    expect(page.get_by_text("officer local")).to_be_visible()
    page.get_by_role("link", name="Statement").click()
    expect(page.get_by_text("It balances")).to_be_visible()
    expect(page.get_by_role("row", name=example.GOODS)).to_contain_text("998 pieces")
    expect(page.get_by_role("row", name="Closing 998")).to_be_visible()


@pytest.mark.ui
def test_a_movement_leads_to_its_declaration_and_a_moment_back_in_time(page: Page, kept: KeptAccount) -> None:
    page.goto(f"/stock/{kept.account_no}")
    page.get_by_role("link", name="Movements").click()
    page.get_by_role("link", name="Entry BULK-2026-1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("BULK-2026-1")
    page.goto(f"/stock/{kept.account_no}/movements")
    page.get_by_label("As it was known at").fill("2026-01-01T00:00")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("As it was known at 2026-01-01 00:00 UTC")).to_be_visible()
    expect(page.get_by_text("Nothing moved in these days.")).to_be_visible()
    page.get_by_role("link", name="As it is known now").click()
    expect(page.get_by_role("link", name="Entry BULK-2026-1")).to_be_visible()


@pytest.mark.ui
@pytest.mark.parametrize("rest", ["", "/{no}", "/{no}/statement", "/{no}/movements"])
def test_its_pages_have_names_and_heads(page: Page, kept: KeptAccount, rest: str) -> None:
    page.goto("/stock" + rest.format(no=kept.account_no))
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(REPEATED_IDS) == []
    assert page.evaluate(SKIPPED_LEVELS) == []
    assert page.evaluate(HEADLESS_TABLES) == 0
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
