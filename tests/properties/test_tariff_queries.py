"""What a tariff answers on a day is what a linear scan over all its records finds, and nothing else."""

from __future__ import annotations

import pickle
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.model.errors import NotInForceError
from tidewaiter.tariff.codes import stem, ten_digits
from tidewaiter.tariff.records import ERGA_OMNES, Area, Content, Direction, Kind, Line, Measure, Member
from tidewaiter.tariff.tariff import Tariff
from tidewaiter.tariff.tree import in_order

FIRST = date(2024, 1, 1)
DAYS = [FIRST + timedelta(days=30 * n) for n in range(8)] + [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
COUNTRIES = ("CN", "IN", "US", "VN")
GROUPS = ("2020", "2005")
CODES = sorted(
    {ten_digits(code) for code in ("01", "0101", "010121", "010129", "01012910", "01012990", "0101291010",
     "0101291090", "0102", "010221", "02", "0201", "020110", "0101291", "0101300000")
     if len(code) % 2 == 0}
)  # fmt: skip


@st.composite
def spans(draw: st.DrawFn) -> tuple[date | None, date | None]:
    begins, ends = draw(st.none() | st.sampled_from(DAYS)), draw(st.none() | st.sampled_from(DAYS))
    if begins is not None and ends is not None and ends < begins:
        return ends, begins
    return begins, ends


@st.composite
def lines(draw: st.DrawFn) -> Line:
    begins, ends = draw(spans())
    code = draw(st.sampled_from(CODES))
    return Line(
        code=code, suffix=draw(st.sampled_from(("80", "80", "80", "10"))), depth=draw(st.integers(0, 4)),
        digits=draw(st.sampled_from((len(stem(code)), 10))), valid_from=begins, valid_to=ends,
    )  # fmt: skip


@st.composite
def measures(draw: st.DrawFn) -> Measure:
    begins, ends = draw(spans())
    return Measure(
        measure_id=str(draw(st.integers(1, 99))), type_code="103", kind=Kind.THIRD_COUNTRY,
        code=draw(st.sampled_from(CODES)), area=draw(st.sampled_from((ERGA_OMNES, *COUNTRIES, *GROUPS, "unknown"))),
        valid_from=begins, valid_to=ends,
        excluded=tuple(draw(st.lists(st.sampled_from((*COUNTRIES, *GROUPS)), max_size=2))),
        direction=draw(st.sampled_from((Direction.IMPORT, Direction.IMPORT, Direction.EXPORT))),
    )  # fmt: skip


@st.composite
def areas(draw: st.DrawFn) -> dict[str, Area]:
    found = {}
    for code in GROUPS:
        members = [Member(draw(st.sampled_from(COUNTRIES)), *draw(spans())) for _ in range(draw(st.integers(0, 4)))]
        found[code] = Area(code=code, members=tuple(members), is_modelled=bool(members))
    return found


@st.composite
def contents(draw: st.DrawFn) -> Content:
    held: list[Line] = []
    deepest = draw(st.sampled_from((6, 8, 10, 10)))
    for line in draw(st.lists(lines(), min_size=1, max_size=16)):
        taken = any(each.code == line.code and each.suffix == line.suffix and _meet(each, line) for each in held)
        if not taken:
            held.append(replace(line, digits=min(line.digits, deepest)))
    return Content(
        edition=1, jurisdiction_code="ZZ", in_force_from=FIRST, is_complete=draw(st.booleans()),
        lines=tuple(sorted(held, key=in_order)), areas=draw(areas()),
        measures=tuple(draw(st.lists(measures(), max_size=12))), duties={},
    )  # fmt: skip


def _meet(one: Line, other: Line) -> bool:
    return any(_on(one, day) and _on(other, day) for day in (*DAYS, date.min, date.max))


def _on(record: Line | Measure | Member, on: date) -> bool:
    """Whether a day lies within a record's own: both ends included, an open end never reached."""
    begins = record.valid_from or date.min
    ends = record.valid_to or date.max
    return begins <= on <= ends


class Scan:
    """The same questions answered by going through every record each time."""

    def __init__(self, content: Content) -> None:
        self.content = content

    def parent(self, line: Line, on: date) -> Line | None:
        found = None
        for other in self.content.lines:
            if in_order(other) >= in_order(line):
                break
            near = self.content.is_complete or line.code.startswith(stem(other.code))
            if _on(other, on) and other.code[:2] == line.code[:2] and other.depth < line.depth and near:
                found = other
        return found

    def path(self, line: Line, on: date) -> list[Line]:
        above = self.parent(line, on)
        return [*(self.path(above, on) if above else []), line]

    def is_leaf(self, line: Line, on: date) -> bool:
        children = [each for each in self.content.lines if _on(each, on) and self.parent(each, on) is line]
        return line.suffix == "80" and not children

    def find(self, code: str, on: date) -> Line | None:
        full = ten_digits(code)
        found = [line for line in self.content.lines if line.code == full and line.suffix == "80" and _on(line, on)]
        if found:
            return found[0]
        digits = max(line.digits for line in self.content.lines)
        short = full[:digits].ljust(10, "0")
        above = [each for each in self.content.lines if each.code == short and each.suffix == "80" and _on(each, on)]
        ends = above and above[0].digits == digits < 10 and self.is_leaf(above[0], on)
        return above[0] if ends else None

    def member(self, area: str, country: str, on: date) -> bool:
        if area in (ERGA_OMNES, country):
            return True
        held = self.content.areas.get(area)
        return held is not None and any(each.code == country and _on(each, on) for each in held.members)

    def measures(self, code: str, country: str, on: date, direction: Direction) -> list[Measure]:
        line = self.find(code, on)
        assert line is not None
        codes = [each.code for each in self.path(line, on) if each.suffix == "80"]
        return [
            measure
            for above in codes
            for measure in self.content.measures
            if measure.code == above and measure.direction is direction and _on(measure, on)
            if self.member(measure.area, country, on)
            if not any(self.member(each, country, on) for each in measure.excluded)
        ]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(contents(), st.sampled_from(CODES), st.sampled_from(COUNTRIES), st.sampled_from(DAYS))
def test_measures_are_those_of_a_scan(content: Content, code: str, country: str, on: date) -> None:
    tariff, scan = Tariff.of(content), Scan(content)
    if scan.find(code, on) is None:
        with pytest.raises(NotInForceError):
            tariff.measures(code, country, on)
        return
    assert list(tariff.measures(code, country, on)) == scan.measures(code, country, on, Direction.IMPORT)
    assert list(tariff.measures(code, country, on)) == scan.measures(code, country, on, Direction.IMPORT)  # kept
    assert list(tariff.export_measures(code, country, on)) == scan.measures(code, country, on, Direction.EXPORT)
    for area in (*GROUPS, ERGA_OMNES, "unknown", country):
        assert tariff.includes(area, country, on) == scan.member(area, country, on)


@settings(max_examples=150, deadline=None)
@given(contents(), st.sampled_from(CODES), st.sampled_from(DAYS))
def test_paths_and_leaves_are_those_of_a_scan(content: Content, code: str, on: date) -> None:
    tariff, scan = Tariff.of(content), Scan(content)
    line = scan.find(code, on)
    assert tariff.is_declarable(code, on) == (line is not None and scan.is_leaf(line, on))
    if line is not None:
        described = tariff.describe(code, on)
        assert list(described.path) == scan.path(line, on)
        assert described.line == line
        assert described.is_declarable == scan.is_leaf(line, on)
    for prefix in ("", code[:2], code[:4], code[:6], code):
        leaves = [
            each for each in content.lines if each.code.startswith(prefix) and _on(each, on) and scan.is_leaf(each, on)
        ]
        assert list(tariff.declarable(prefix, on)) == leaves


@settings(max_examples=50, deadline=None)
@given(contents(), st.sampled_from(CODES))
def test_nothing_is_answered_for_a_day_before_the_edition(content: Content, code: str) -> None:
    tariff, before = Tariff.of(content), FIRST - timedelta(days=1)
    for ask in (
        lambda: tariff.measures(code, "CN", before), lambda: tariff.describe(code, before),
        lambda: tariff.is_declarable(code, before), lambda: tariff.declarable("", before),
    ):  # fmt: skip
        with pytest.raises(NotInForceError, match="in force from"):
            ask()


@settings(max_examples=50, deadline=None)
@given(contents())
def test_a_tariff_is_the_same_again_from_its_bytes(content: Content) -> None:
    tariff = Tariff.of(content)
    again = Tariff.from_content(tariff.content)
    assert again == tariff
    assert again.held == content
    assert pickle.loads(pickle.dumps(tariff)) == tariff
    with pytest.raises(AttributeError, match="does not change"):
        tariff.digest = ""
