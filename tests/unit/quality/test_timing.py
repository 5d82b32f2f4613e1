"""Filings held against deadlines: the boundary, days without an hour, journeys of unknown length, the minimum of data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, MessageFunction, TransportMeans
from tidewaiter.model.finding import Severity
from tidewaiter.model.timing import FilingMoment, duration
from tidewaiter.quality.timing import MINIMUM, NOT_CHECKED, STILL_DUE, TOO_LATE, Timing, timed
from tidewaiter.regimes.law import TimeLimit

CLOCKS = ZoneInfo("Europe/Paris")
ARRIVES = datetime(2026, 6, 16, 12, 0, tzinfo=UTC)
FOUR_HOURS = timedelta(hours=4)
SECOND = timedelta(seconds=1)


def limit(words: str = "4 hours before arrival", **changes: object) -> TimeLimit:
    number, anchor = (int(words.split()[0]), words.split()[-1]) if words[0].isdigit() else (0, words.split()[-1])
    fields: dict[str, object] = {
        "measure_id": "time_limit.x", "title": "X", "article": "Article 7", "moment": FilingMoment.PRE_ARRIVAL,
        "datasets": ("ENS",), "words": words, "lead_minutes": number * 60, "counted_from": anchor,
    }  # fmt: skip
    return TimeLimit(**(fields | changes))  # type: ignore[arg-type]


LONG = limit(journey_from_minutes=240, measure_id="long")
SHORT = limit("at departure", journey_under_minutes=240, measure_id="short")


def filed(at: datetime, *limits: TimeLimit, **transport: object) -> Timing:
    consignment = Consignment(border_transport=TransportMeans(mode_code="4"), **transport)  # type: ignore[arg-type]
    declaration = Declaration(consignment=consignment, goods_items=(GoodsItem(line_no=1, description="shirts"),))
    return timed(declaration, limits, at, CLOCKS)


def ids(timing: Timing) -> list[str]:
    return [finding.rule_id for finding in timing.findings]


def test_the_very_second_of_the_deadline_is_in_time_and_the_next_is_late() -> None:
    due = ARRIVES - FOUR_HOURS
    met = filed(due, limit(), arrival_at=ARRIVES)
    assert (met.deadlines[0].is_met, met.deadlines[0].due_at, met.findings) == (True, due, ())
    late = filed(due + SECOND, limit(), arrival_at=ARRIVES)
    assert (late.deadlines[0].is_met, late.deadlines[0].late_by_seconds) == (False, 1)
    assert ids(late) == [TOO_LATE]


def test_a_late_filing_is_told_by_how_much_where_and_by_which_article_in_local_time() -> None:
    found = filed(ARRIVES - timedelta(hours=1, minutes=30), limit(), arrival_at=ARRIVES).findings[0]
    assert found.severity is Severity.WARNING
    assert found.pointer == "consignment.arrival_at"
    assert found.value == "2026-06-16T12:00:00+00:00"
    assert "2 hours 30 minutes too late" in found.words
    assert "4 hours before arrival, by 2026-06-16 10:00 CEST (Article 7)" in found.words


def test_the_law_says_whether_a_late_filing_is_accepted() -> None:
    late = filed(ARRIVES, limit(severity=Severity.ERROR), arrival_at=ARRIVES)
    assert [finding.severity for finding in late.findings] == [Severity.ERROR]


def test_what_is_not_confirmed_says_so() -> None:
    late = filed(ARRIVES, limit(is_confirmed=False), arrival_at=ARRIVES)
    assert "not confirmed" in late.findings[0].hint
    assert not late.deadlines[0].is_confirmed


# --- where only a day is stated --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Day:
    filed_at: datetime
    is_met: bool | None


# The 16th in Paris is from 22:00 UTC of the 15th to 22:00 UTC of the 16th; four hours before: from 18:00 to 18:00.
DAYS = {
    "in time at any hour": Day(datetime(2026, 6, 15, 18, 0, tzinfo=UTC), True),
    "late for the first hours": Day(datetime(2026, 6, 15, 18, 0, 1, tzinfo=UTC), None),
    "in time for the last": Day(datetime(2026, 6, 16, 18, 0, tzinfo=UTC), None),
    "late at any hour": Day(datetime(2026, 6, 16, 18, 0, 1, tzinfo=UTC), False),
}


@pytest.mark.parametrize("case", DAYS.values(), ids=DAYS)
def test_of_a_day_the_hour_is_unknown(case: Day) -> None:
    timing = filed(case.filed_at, limit(), arrival_on=date(2026, 6, 16))
    assert timing.deadlines[0].is_met is case.is_met
    assert ids(timing) == {True: [], None: [NOT_CHECKED], False: [TOO_LATE]}[case.is_met]
    if case.is_met is False:
        assert "at least 1 second too late" in timing.findings[0].words
        assert timing.findings[0].pointer == "consignment.arrival_on"


def test_a_day_of_departure_is_one_anywhere_on_earth() -> None:
    departs = limit("at departure")
    on = date(2026, 6, 16)
    assert filed(datetime(2026, 6, 15, 10, 0, tzinfo=UTC), departs, departure_on=on).deadlines[0].is_met is True
    assert filed(datetime(2026, 6, 17, 12, 0, tzinfo=UTC), departs, departure_on=on).deadlines[0].is_met is None
    assert filed(datetime(2026, 6, 17, 12, 0, 1, tzinfo=UTC), departs, departure_on=on).deadlines[0].is_met is False


def test_goods_are_loaded_before_they_depart_though_the_moment_is_not_stated() -> None:
    loading = limit("before loading")
    assert filed(ARRIVES, loading, departure_at=ARRIVES).deadlines[0].is_met is None
    assert filed(ARRIVES + SECOND, loading, departure_at=ARRIVES).deadlines[0].is_met is False
    exact = filed(ARRIVES, loading, loading_at=ARRIVES, departure_at=ARRIVES + FOUR_HOURS)
    assert exact.deadlines[0].is_met is True


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Paris", date(2026, 3, 29), 23),
        ("Europe/Paris", date(2026, 10, 25), 25),
        ("Asia/Tokyo", date(2026, 3, 29), 24),
    ],
)
def test_the_day_on_which_clocks_change_has_its_own_length(zone: str, day: date, hours: int) -> None:
    clocks, arrives = ZoneInfo(zone), limit("at arrival")
    declaration = Declaration(consignment=Consignment(arrival_on=day))
    begins = datetime(day.year, day.month, day.day, tzinfo=clocks).astimezone(UTC)
    ends = begins + timedelta(hours=hours)

    def is_met(at: datetime) -> bool | None:
        return timed(declaration, (arrives,), at, clocks).deadlines[0].is_met

    assert [is_met(begins), is_met(begins + SECOND), is_met(ends), is_met(ends + SECOND)] == [True, None, None, False]


def test_a_deadline_across_the_change_of_clocks_is_counted_in_hours_that_pass() -> None:
    # 03:30 summer time is 01:30 UTC; four hours before are 22:30 winter time, 21:30 UTC.
    arrives = datetime(2026, 3, 29, 3, 30, tzinfo=CLOCKS)
    assert filed(ARRIVES, limit(), arrival_at=arrives).deadlines[0].due_at == datetime(2026, 3, 28, 21, 30, tzinfo=UTC)


# --- the length of the journey ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "chosen", "due"),
    [(3, "short", ARRIVES - timedelta(hours=3)), (4, "long", ARRIVES - FOUR_HOURS), (9, "long", ARRIVES - FOUR_HOURS)],
)
def test_the_length_of_the_journey_chooses_the_time_limit(hours: int, chosen: str, due: datetime) -> None:
    timing = filed(due, SHORT, LONG, arrival_at=ARRIVES, departure_at=ARRIVES - timedelta(hours=hours))
    assert [(each.measure_id, each.due_at, each.is_met) for each in timing.deadlines] == [(chosen, due, True)]


def test_where_the_length_is_unknown_both_time_limits_must_agree() -> None:
    early = filed(ARRIVES - FOUR_HOURS, SHORT, LONG, arrival_at=ARRIVES)
    # It was there before any flight of less than four hours departed.
    assert [(each.measure_id, each.is_met) for each in early.deadlines] == [("long", True)]
    late = filed(ARRIVES - FOUR_HOURS + SECOND, SHORT, LONG, arrival_at=ARRIVES)
    assert (late.deadlines[0].is_met, ids(late)) == (None, [NOT_CHECKED])
    assert "departure and arrival" in late.findings[0].hint
    there = filed(ARRIVES + SECOND, SHORT, LONG, arrival_at=ARRIVES)
    assert (there.deadlines[0].is_met, there.deadlines[0].late_by_seconds) == (False, 1)
    gone = filed(ARRIVES, SHORT, LONG, arrival_at=ARRIVES, departure_on=date(2026, 6, 14))
    assert gone.deadlines[0].is_met is False


# --- what cannot be checked ------------------------------------------------------------------------------------------


def test_what_cannot_be_checked_says_so_once() -> None:
    both = filed(ARRIVES, limit("before loading", moment=FilingMoment.PRE_LOADING), limit())
    assert ids(both) == [NOT_CHECKED]
    assert both.findings[0].severity is Severity.INFO
    assert "loading and arrival" in both.findings[0].hint
    assert [each.is_met for each in both.deadlines] == [None, None]


def test_without_a_mode_of_transport_it_is_asked_for() -> None:
    timing = timed(Declaration(), (), ARRIVES, CLOCKS)
    assert [(each.rule_id, each.pointer) for each in timing.findings] == [
        (NOT_CHECKED, "consignment.border_transport.mode_code")
    ]
    assert filed(ARRIVES).findings == ()


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
def test_moments_at_the_ends_of_time_raise_nothing(moment: datetime) -> None:
    aware = moment.replace(tzinfo=ZoneInfo("Etc/GMT+12"))
    for words in ("4 hours before arrival", "at departure", "24 hours before loading"):
        timing = filed(
            ARRIVES,
            limit(words),
            arrival_at=aware,
            departure_on=moment.date(),
            loading_at=moment.replace(tzinfo=None),
            arrival_on=date.max,
        )
        assert len(timing.deadlines) == 1


# --- the minimum of data ---------------------------------------------------------------------------------------------

ASKED = ("consignor.name|consignor.party_id", "goods_items[].description", "consignment.package_count")


def test_the_minimum_of_the_first_moment_is_asked_for_at_once_in_one_finding() -> None:
    timing = filed(ARRIVES - FOUR_HOURS, limit(required=ASKED), arrival_at=ARRIVES)
    (found,) = timing.findings
    assert (found.rule_id, found.severity, found.pointer) == (MINIMUM, Severity.WARNING, "consignor.name")
    assert "Missing: Consignor, name; Transport, total packages." in found.words


def test_that_of_a_later_moment_is_due_then_and_missing_after() -> None:
    loading = limit("before loading", moment=FilingMoment.PRE_LOADING)
    arrival = limit(required=ASKED, required_severity=Severity.ERROR, required_article="Annex 1")
    times = {"loading_at": ARRIVES - timedelta(hours=9), "arrival_at": ARRIVES}
    early = filed(ARRIVES - timedelta(hours=10), loading, arrival, **times)
    assert [(each.rule_id, each.severity) for each in early.findings] == [(STILL_DUE, Severity.INFO)]
    assert "by 2026-06-16 10:00 CEST (Annex 1)" in early.findings[0].words
    late = filed(ARRIVES, loading, arrival, **times)
    assert [(each.rule_id, each.severity) for each in late.findings] == [
        (TOO_LATE, Severity.WARNING), (TOO_LATE, Severity.WARNING), (MINIMUM, Severity.ERROR)
    ]  # fmt: skip


def test_a_cancellation_is_not_asked_for_data() -> None:
    declaration = Declaration(function=MessageFunction.CANCELLATION, consignment=Consignment(arrival_at=ARRIVES))
    timing = timed(declaration, (limit(required=ASKED),), ARRIVES - FOUR_HOURS, CLOCKS)
    assert timing.findings == ()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a second"),
        (1, "1 second"),
        (3_600, "1 hour"),
        (93_784, "1 day 2 hours"),
        (7_260, "2 hours 1 minute"),
    ],
)
def test_lengths_of_time_in_words(seconds: int, words: str) -> None:
    assert duration(seconds) == words
