"""The page of imported tariffs: editions, and what one says of a code on a day."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from litestar.testing import TestClient

from tidewaiter.tariff.importing import Heading, Source
from tidewaiter.web.house import House
from tidewaiter.workflow.tariffs import import_files

TABLE = """commodity,description,ukgt_duty_rate
6109100010,T-shirts of cotton,9.0%
6109100090,Other shirts of cotton,9.0%
8517130000,Smartphones,0.0%
"""
NOMENCLATURE = """hscode,description,parent,level
64,Footwear,TOTAL,2
6404,Footwear with textile uppers,64,4
640411,Sports footwear,6404,6
640419,Other footwear,6404,6
"""
AT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def imported(house: House, client: TestClient) -> TestClient:
    """A page without any edition, then two: one with duties, one that only names codes."""
    empty = client.get("/tariffs").text
    assert "Duty is worked out with the rates that ship with the law." in empty
    editions = house.store.tariffs
    import_files(
        [Source("ukgt.csv", TABLE.encode())], Heading("GB", date(2026, 1, 1), is_partial=True), editions, "ann", AT
    )
    import_files(
        [Source("hs.csv", NOMENCLATURE.encode())], Heading("EU", date(2026, 1, 1), is_partial=True), editions, "ann", AT
    )
    return client


def test_editions_are_listed_with_who_and_what(imported: TestClient) -> None:
    page = imported.get("/tariffs").text
    rows = re.findall(r"<tr><td class=\"num\">\d+</td><td>(\w+)</td><td class=\"nowrap\">([\d-]+)</td>", page)
    assert rows == [("EU", "2026-01-01"), ("GB", "2026-01-01")]
    assert "by ann" in page
    assert 'href="/tariffs?jurisdiction=GB' in imported.get("/regimes/GB").text


def test_a_code_shows_its_place_its_measures_and_where_they_come_from(imported: TestClient) -> None:
    page = imported.get("/tariffs?jurisdiction=gb&code=6109.10.00.10&on=2026-07-01&origin=cn").text
    assert "Code 6109100010 on 2026-07-01" in page
    assert "Goods can be declared under this code." in page
    assert "Import measures on goods made in CN" in page
    assert "<td>9.0%</td>" in page
    assert "every country" in page
    assert "ukgt.csv" in page
    every = imported.get("/tariffs?jurisdiction=GB&code=6109100010&on=2026-07-01").text
    assert "Measures, whatever the country" in every


def test_a_code_that_gathers_leads_to_those_below_it(imported: TestClient) -> None:
    page = imported.get("/tariffs?jurisdiction=DK&code=6404&on=2026-07-01").text  # by the Union's edition
    assert "2 codes below it can be used" in page
    assert "this edition is a nomenclature and states no measures" in page
    (link,) = re.findall(r'href="(/tariffs[^"]+)">640411</a>', page)
    assert "Sports footwear" in imported.get(link.replace("&amp;", "&")).text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("jurisdiction=GB&code=64x", 400, "is no commodity code"),
        ("jurisdiction=GB&code=6", 400, "is no commodity code"),
        ("jurisdiction=GB&code=610910&origin=China", 400, "is no code of a country"),
        ("code=610910", 400, "Say whose tariff is asked for."),
        ("jurisdiction=GB&code=610910&on=June", 400, "is not a day"),
        ("jurisdiction=GB&code=9999&on=2026-07-01", 404, "there is no code 9999"),
        ("jurisdiction=GB&code=610910&on=2025-07-01", 404, "No tariff of GB is imported that is in force on 2025-07-01"),
        ("jurisdiction=JP&code=610910&on=2026-07-01", 404, "Imported: EU from 2026-01-01, GB from 2026-01-01."),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_said_beside_what_was_typed(
    imported: TestClient, query: str, status: int, said: str
) -> None:
    answer = imported.get(f"/tariffs?{query}")
    assert answer.status_code == status
    assert said in answer.text
    assert 'role="alert"' in answer.text
    assert 'id="code"' in answer.text


def test_anyone_may_read_them(imported: TestClient, guarded: TestClient) -> None:
    guarded.cookies.clear()
    assert guarded.get("/tariffs?jurisdiction=GB&code=6109100010&on=2026-07-01").status_code == 200
