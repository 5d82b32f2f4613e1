"""Time limits of the law: their words, their checks, and which applies by mode of transport."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, TransportMeans
from tidewaiter.model.errors import LawDataError
from tidewaiter.model.timing import FilingMoment
from tidewaiter.regimes import Regime, load_regime
from tidewaiter.regimes.checking import check, is_element
from tidewaiter.regimes.library import lineage, merged
from tidewaiter.regimes.reading import read_folder
from tidewaiter.regimes.report import render_law, rows
from tidewaiter.regimes.time_limits import lead_of, minutes_of

ON = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("words", "lead"),
    [
        ("4 hours before arrival", (240, "arrival")),
        ("1 hour before arrival", (60, "arrival")),
        ("30 minutes before departure", (30, "departure")),
        ("2 days before loading", (2880, "loading")),
        ("before loading", (0, "loading")),
        ("at departure", (0, "departure")),
    ],
)
def test_a_time_limit_is_read_as_the_law_puts_it(words: str, lead: tuple[int, str]) -> None:
    assert lead_of(words) == lead


@pytest.mark.parametrize(
    "words", ["", "soon", "4 hours after arrival", "four hours before arrival", "4.5 hours before arrival"]
)
def test_other_words_are_no_time_limit(words: str) -> None:
    with pytest.raises(LawDataError, match="no time limit"):
        lead_of(words)


def test_the_length_of_a_journey_is_a_number_with_its_unit() -> None:
    assert (minutes_of(""), minutes_of("4 hours"), minutes_of("90 minutes")) == (None, 240, 90)
    with pytest.raises(LawDataError, match="no length"):
        minutes_of("long")


def filing(mode: str, **transport: object) -> Declaration:
    consignment = Consignment(border_transport=TransportMeans(mode_code=mode), **transport)  # type: ignore[arg-type]
    return Declaration(procedure_category="ENS", consignment=consignment, goods_items=(GoodsItem(line_no=1),))


def pre_arrival(law: Regime, declaration: Declaration) -> list[str]:
    found = law.time_limits_on(declaration)
    return [each.words for each in found if each.moment is FilingMoment.PRE_ARRIVAL]


def test_the_mode_of_transport_and_the_containers_choose() -> None:
    law = load_regime("DK", ON)
    assert pre_arrival(law, filing("4")) == ["at departure", "4 hours before arrival"]
    assert pre_arrival(law, filing("3")) == ["1 hour before arrival"]
    assert pre_arrival(law, filing("2")) == ["1 hour before arrival", "2 hours before arrival"]
    assert pre_arrival(law, filing("1"))[0] == "4 hours before arrival"
    assert pre_arrival(law, filing("1", container_ids=("MSKU1",)))[0] == "24 hours before loading"
    assert pre_arrival(law, filing("1", container_code="1", loading_place="ISREY"))[0] == "2 hours before arrival"
    assert pre_arrival(law, filing("9")) == []


def test_before_loading_is_asked_by_air_alone() -> None:
    law = load_regime("DK", ON)
    moments = [{each.moment for each in law.time_limits_on(filing(mode))} for mode in "43"]
    assert [FilingMoment.PRE_LOADING in found for found in moments] == [True, False]
    before = load_regime("DK", date(2022, 1, 1)).time_limits_on(filing("4"))
    assert {each.moment for each in before} == {FilingMoment.PRE_ARRIVAL}


def test_the_clocks_are_those_of_the_administration() -> None:
    assert str(load_regime("DK", ON).clocks) == "Europe/Copenhagen"
    assert str(load_regime("GB", ON).clocks) == "Europe/London"


def test_a_law_without_time_limits_is_kept_as_before() -> None:
    content = load_regime("JP", ON).content
    assert b"time_limits" not in content
    assert b"time_zone" not in content


def test_kept_law_has_its_time_limits_again() -> None:
    law = load_regime("DK", ON)
    again = Regime.from_content(law.content)
    assert again == law
    assert again.time_limits_on(filing("4")) == law.time_limits_on(filing("4"))
    assert canonical_bytes(again.law) == law.content


def test_each_time_limit_has_an_article_a_source_and_a_day_on_which_it_was_read() -> None:
    found = 0
    for code in ("EU", "GB", "US", "CA", "AU"):
        for limit in load_regime(code, ON).law.time_limits:
            citation = load_regime(code, ON).citation(limit.measure_id)
            assert limit.article
            assert citation.address.startswith("http")
            assert citation.read_on is not None
            found += 1
    assert found > 20


def test_they_are_shown_with_the_law_and_on_its_page() -> None:
    shown = {row["measure"]: row["value"] for row in rows(load_regime("DK", ON))}
    article = "Delegated Regulation (EU) 2015/2446, Article 106(2)(b)"
    assert shown["time_limit.air.long_haul"] == f"pre-arrival, ENS: 4 hours before arrival ({article})"
    page = render_law({}, {})
    assert "### Deadlines, by moment of the journey and in the order they are tried" in page
    assert article in page


@pytest.mark.parametrize(
    "pointer", ["consignor.address.line", "goods_items[].packagings[].count", "consignment.routing_country_codes"]
)
def test_what_is_asked_for_is_an_element(pointer: str) -> None:
    assert is_element(pointer)


@pytest.mark.parametrize("pointer", ["consignor.shoe_size", "goods_items[].consignor.name.x", ""])
def test_anything_else_is_none(pointer: str) -> None:
    assert not is_element(pointer)


def read_and_check(folder: Path) -> None:
    books = (*lineage("GB"), read_folder("XX", folder))
    check(books, merged(books))


PAGE = """
sources: {{a: {{title: "A", address: "https://example.org", read_on: 2026-01-01}}}}
measures:
  time_limit.x: {{kind: time_limit, title: "X", scope: "Y", moment: pre_arrival, datasets: [{dataset}], article: "7",
    {more}sources: [a], values: {{"2021-01-01": "{words}"}}}}
"""


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ({"words": "soon"}, "no time limit"),
        ({"dataset": "E99"}, "which this law does not have"),
        ({"more": 'required: ["consignor.shoe_size"], '}, "no element"),
        ({"more": 'journey_under: "long", '}, "no length of a journey"),
        ({"more": "when: {transport_mode: 4}, "}, "condition that cannot be"),
        ({"more": "color: red, "}, "no key that belongs here"),
        ({"more": "severity: fatal, "}, "fatal"),
    ],
)
def test_law_that_does_not_hold_together_is_refused_with_its_place(
    tmp_path: Path, page: dict[str, str], says: str
) -> None:
    fields = {"dataset": "ENS", "words": "at arrival", "more": ""} | page
    (tmp_path / "jurisdiction.yaml").write_text(
        'title: "X"\ncurrency: EUR\ntime_zone: UTC\nparent: GB\nmodelled_since: 2021-01-01\nsources: []\n'
    )
    (tmp_path / "deadlines.yaml").write_text(PAGE.format(**fields))
    with pytest.raises(LawDataError, match=says) as error:
        read_and_check(tmp_path)
    assert error.value.place.startswith("XX/deadlines.yaml")
