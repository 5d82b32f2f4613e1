"""What a tariff covers, what was left out, and a part laid over a whole one: chapters are taken whole or not at all."""

from __future__ import annotations

from datetime import date

import pytest

from tidewaiter.tariff.coverage import Coverage, Thin, counted, coverage, laid_over, spans, thin, thin_in_words
from tidewaiter.tariff.records import ERGA_OMNES, Area, Content, Gap, Kind, Line, Measure, Member
from tidewaiter.tariff.sentences import Style, parse
from tidewaiter.tariff.tariff import Tariff

DAY = date(2026, 7, 1)


def line(code: str, depth: int, suffix: str = "80", digits: int = 10) -> Line:
    return Line(code=code, suffix=suffix, depth=depth, digits=digits, description=code)


def held(
    *lines: Line, is_complete: bool, duty: str = "1.0%", begins: date = date(2026, 1, 1), **more: object
) -> Tariff:
    codes = [each.code for each in lines if each.depth >= 2 and each.suffix == "80"]
    measures = tuple(
        Measure(type_code="103", kind=Kind.THIRD_COUNTRY, code=code, area=ERGA_OMNES, duty=duty) for code in codes
    )
    return Tariff.of(
        Content(edition=1, jurisdiction_code="GB", in_force_from=begins, is_complete=is_complete, lines=lines,
                measures=measures, duties={duty: parse(duty, Style.TARIC)}, **{"areas": {}, **more})  # type: ignore[arg-type]
    )  # fmt: skip


# A gathering line whose children do not begin with its digits: only indents tell them.
WHOLE = held(
    line("0100000000", 0), line("0101000000", 1), line("0101210000", 2, "10"), line("0101210000", 3), line("0101290000", 3),
    line("6100000000", 0), line("6109000000", 1), line("6109100000", 2), line("6109900000", 2),
    is_complete=True, areas={"2020": Area(code="2020", members=(Member("IN"),))},
    gaps=(Gap("code 6109100000", "ours"), Gap("code 0101210000", "theirs"), Gap("file 1, line 2", "whose it is not known")),
)  # fmt: skip
PART = held(
    line("6109000000", 1), line("6109100010", 4), line("6109100090", 4), line("6404110000", 4),
    is_complete=False, duty="9.0%", begins=DAY, areas={"2020": Area(code="2020", is_modelled=False)},
)  # fmt: skip


def duty_on(tariff: Tariff, code: str) -> list[str]:
    return [each.duty for each in tariff.measures(code, "CN", DAY)]


def test_chapters_in_the_part_are_its_own_and_all_others_stay() -> None:
    both = laid_over(PART, WHOLE)
    assert [each.code for each in both.declarable("", DAY)] == [
        "0101210000", "0101290000", "6109100010", "6109100090", "6404110000",
    ]  # fmt: skip
    assert duty_on(both, "0101290000") == ["1.0%"]
    assert duty_on(both, "6109100010") == ["9.0%"]
    assert both.in_force_from == DAY
    assert both.describe("0101290000", DAY).words == "0100000000 › 0101000000 › 0101210000 › 0101290000"
    assert both.includes("2020", "IN", DAY)  # who belongs to it is still known
    assert [gap.place for gap in both.held.gaps] == [
        "edition before, code 0101210000",
        "edition before, file 1, line 2",
    ]


def test_a_whole_laid_over_a_list_and_the_same_part_twice() -> None:
    assert [each.code for each in laid_over(WHOLE, PART).declarable("64", DAY)] == ["6404110000"]
    assert laid_over(WHOLE, PART).describe("0101290000", DAY).words.startswith("0100000000 › 0101000000 › 0101210000")
    once = laid_over(PART, WHOLE)
    assert laid_over(PART, once).held.lines == once.held.lines
    assert [gap.place for gap in laid_over(PART, once).held.gaps] == [gap.place for gap in once.held.gaps]
    assert laid_over(PART, once).held.listed_chapters == ("61", "64")


def test_codes_are_as_long_as_those_of_the_files_of_their_chapter() -> None:
    short = held(line("0200000000", 0, digits=2), line("0201100000", 3, digits=8), is_complete=False)
    both = laid_over(short, WHOLE)
    assert both.is_declarable("0201100099", DAY)  # two digits more than its chapter has
    assert not both.is_declarable("6109100099", DAY)


def test_coverage_counts_the_codes_of_each_chapter() -> None:
    assert coverage(WHOLE, DAY) == Coverage({"01": 2, "61": 2})
    assert (coverage(WHOLE, DAY).total, coverage(WHOLE, DAY).chapters) == (4, "01, 61")


def test_a_chapter_is_thin_where_it_is_left_out_or_has_less_than_a_third_of_its_codes() -> None:
    before = Coverage({"01": 9, "02": 9, "03": 1, "04": 9})
    assert thin(Coverage({"01": 3, "02": 2, "03": 1, "99": 7}), before) == (Thin("02", 2, 9), Thin("04", 0, 9))
    assert thin(before, before) == ()
    words = "chapter 04 is left out; 02 has 2 of 9"
    assert thin_in_words(thin(Coverage({"01": 3, "02": 2, "03": 1, "99": 7}), before)) == words


@pytest.mark.parametrize(
    ("chapters", "words"),
    [((), ""), (("61",), "61"), (("01", "02", "03", "61", "63", "64"), "01–03, 61, 63–64")],
)
def test_chapters_in_words(chapters: tuple[str, ...], words: str) -> None:
    assert spans(chapters) == words
    assert counted(f"{chapter}0000" for chapter in chapters).chapters == words
