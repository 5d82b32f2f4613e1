"""A smoke of WCAG 2.2 AA: contrast worked out from the tokens of the style sheet, names and landmarks asked of the browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import tidewaiter.web

SHEET = Path(tidewaiter.web.__file__).parent / "static" / "tidewaiter.css"
PAGES = ("/", "/returns", "/parcels", "/parcels/MP-1001", "/parcels/MP-1002", "/messages", "/messages/1", "/quality", "/rules", "/lists", "/examinations", "/models", "/models/1", "/draws", "/selection", "/policies", "/rules/gifts", "/rules/gifts/1", "/rules/gifts/1?view=form",
         "/rules/gifts/1?view=table", "/rules/gifts/compare?before=1&after=2&since=2026-01-01", "/back-tests/1", "/accounts", "/accounts/waiting",
         "/submit", "/quote", "/classify", "/classify?description=ceramic+mug&code=610910", "/classify?description=Geschenk", "/regimes/GB", "/tariffs", "/elections", "/api",
         "/health", "/problems", "/login", "/track")  # fmt: skip
TEXT, SHAPE = 4.5, 3.0  # WCAG 1.4.3 for text, 1.4.11 for what one must see to use
PAIRS = [
    *[(ink, ground, TEXT) for ink in ("ink", "muted", "accent") for ground in ("paper", "card", "sunk", "accent-soft")],
    *[(lane, f"{lane}-soft", TEXT) for lane in ("green", "blue", "yellow", "red")],
    *[(ink, ground, TEXT) for ink in ("red", "yellow") for ground in ("card", "accent-soft", "red-soft")
      if (ink, ground) != ("yellow", "red-soft")],
    *[(sign, "sunk", TEXT) for sign in ("green", "red")],
    ("accent-ink", "accent", TEXT), ("deep-ink", "deep", TEXT), ("deep-muted", "deep", TEXT), ("muted", "sunk", TEXT),
    *[(edge, ground, SHAPE) for edge in ("line-strong", "focus", "accent", "green", "blue", "yellow", "red") for ground in ("card", "paper")],
]  # fmt: skip


def tokens(scheme: str) -> dict[str, str]:
    """The colours of a scheme; the dark one changes some of the light one's."""
    sheet = SHEET.read_text()
    light = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", sheet.split("@media (prefers-color-scheme: dark)")[0]))
    dark = re.search(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}", sheet, re.DOTALL)
    assert dark
    return light if scheme == "light" else light | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark[1]))


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_contrast(scheme: str, ink: str, ground: str, least: float) -> None:
    colours = tokens(scheme)
    found = contrast(colours[ink], colours[ground])
    assert found >= least, f"{ink} on {ground} in the {scheme} scheme: {found:.2f}"


def test_contrast_is_worked_out_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.ui
@pytest.mark.parametrize("path", PAGES)
def test_names_and_landmarks(page: Page, path: str) -> None:
    page.goto(path)
    for role in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Main")).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert page.title()
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(REPEATED_IDS) == []
    assert page.evaluate(SKIPPED_LEVELS) == []
    assert page.evaluate(HEADLESS_TABLES) == 0


@pytest.mark.ui
def test_targets_are_large_enough(page: Page) -> None:
    """WCAG 2.5.8: at least 24 by 24 pixels for what is pressed (links within sentences are exempt)."""
    page.goto("/parcels/MP-1001")
    small = page.evaluate(
        """[...document.querySelectorAll("button, .button, summary, nav a, select, input")]
           .filter(e => e.offsetParent !== null && !e.closest(".crumbs"))
           .map(e => [e.textContent.trim().slice(0, 30), e.getBoundingClientRect()])
           .filter(([, box]) => box.height < 24 || box.width < 24).map(([text]) => text)"""
    )
    assert small == []


@pytest.mark.ui
def test_lanes_are_told_apart_without_colour(page: Page) -> None:
    """Each lane has its word and its own shape."""
    page.goto("/parcels")
    shown = page.evaluate(
        """[...document.querySelectorAll("#results .lane")].map(e => [e.textContent.trim(), e.querySelector("svg").innerHTML])"""
    )
    words = dict(shown)
    assert {"Green", "Red"} <= words.keys()
    assert len(set(words.values())) == len(words)


@pytest.mark.ui
def test_what_has_the_focus_is_seen(page: Page) -> None:
    page.goto("/parcels")
    for _ in range(12):
        page.keyboard.press("Tab")
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert style == "solid"


NAMELESS = """[...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a[href], svg:not([aria-hidden]), [role=region]")]
  .filter(e => !(e.textContent.trim() && !e.matches("select, textarea, [role=region]")) && !(e.labels && e.labels.length)
               && !e.getAttribute("aria-label") && !e.getAttribute("aria-labelledby"))
  .map(e => e.outerHTML.slice(0, 120))"""
REPEATED_IDS = """(() => { const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  return ids.filter((id, place) => ids.indexOf(id) !== place); })()"""
SKIPPED_LEVELS = """(() => { let last = 0; const skipped = [];
  for (const h of document.querySelectorAll("h1, h2, h3, h4")) { const level = +h.tagName[1];
    if (level > last + 1) skipped.push(h.textContent.trim().slice(0, 60)); last = level; }
  return skipped; })()"""
HEADLESS_TABLES = """[...document.querySelectorAll("table")].filter(t => !t.querySelector("th[scope]")).length"""
