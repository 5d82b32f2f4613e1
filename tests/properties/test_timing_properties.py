"""Deadlines: exact at the boundary whatever the zone, the later the worse, and what a day says agrees with every hour of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, TransportMeans
from tidewaiter.model.timing import FilingMoment
from tidewaiter.quality.timing import TOO_LATE, Timing, timed
from tidewaiter.regimes import load_regime
from tidewaiter.regimes.law import TimeLimit

ON = date(2026, 11, 1)
ZONES = st.sampled_from(
    ["Europe/Copenhagen", "Europe/London", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "America/Santiago"]
).map(ZoneInfo)
FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (2021, 2031))
MOMENTS = st.datetimes(FIRST, LAST, timezones=ZONES)
LEADS = st.integers(0, 7 * 24 * 60)
MODES = st.sampled_from(["", "1", "2", "3", "4", "8", "10", "11", "5", "7"])
SECOND = timedelta(seconds=1)


def limit(minutes: int) -> TimeLimit:
    return TimeLimit(
        measure_id="time_limit.x", title="X", article="7", moment=FilingMoment.PRE_ARRIVAL, datasets=("ENS",),
        words=f"{minutes} minutes before arrival", lead_minutes=minutes, counted_from="arrival",
    )  # fmt: skip


def filed(at: datetime, minutes: int, zone: ZoneInfo, **transport: object) -> bool | None:
    declaration = Declaration(consignment=Consignment(**transport))  # type: ignore[arg-type]
    return timed(declaration, (limit(minutes),), at, zone).deadlines[0].is_met


@given(MOMENTS, LEADS, ZONES)
def test_the_boundary_is_exact_in_every_zone_and_on_every_day(arrives: datetime, minutes: int, zone: ZoneInfo) -> None:
    due = arrives.astimezone(UTC) - timedelta(minutes=minutes)
    assert filed(due, minutes, zone, arrival_at=arrives) is True
    assert filed(due + SECOND, minutes, zone, arrival_at=arrives) is False


@given(MOMENTS, MOMENTS, LEADS, ZONES)
def test_the_zone_in_which_moments_are_written_changes_nothing(
    arrives: datetime, filed_at: datetime, minutes: int, zone: ZoneInfo
) -> None:
    first = filed(filed_at, minutes, zone, arrival_at=arrives)
    again = filed(filed_at.astimezone(UTC), minutes, ZoneInfo("UTC"), arrival_at=arrives.astimezone(UTC))
    assert first is again


@given(MOMENTS, MOMENTS, LEADS, ZONES)
def test_what_a_day_says_holds_for_every_hour_of_it(
    arrives: datetime, filed_at: datetime, minutes: int, zone: ZoneInfo
) -> None:
    by_day = filed(filed_at, minutes, zone, arrival_on=arrives.astimezone(zone).date())
    assert by_day in (None, filed(filed_at, minutes, zone, arrival_at=arrives))


def by_law(code: str, mode: str, filed_at: datetime, **transport: object) -> Timing:
    law = load_regime(code, ON)
    consignment = Consignment(border_transport=TransportMeans(mode_code=mode), **transport)  # type: ignore[arg-type]
    declaration = Declaration(procedure_category="ENS", consignment=consignment, goods_items=(GoodsItem(line_no=1),))
    return timed(declaration, law.time_limits_on(declaration), filed_at, law.clocks)


@given(
    st.sampled_from(["DK", "GB"]), MODES, MOMENTS, st.integers(0, 20_000), st.integers(0, 4_000),
    st.none() | st.integers(1, 3_000), st.sampled_from([(), ("C",)]),
)  # fmt: skip
def test_by_every_mode_later_is_never_better(
    code: str, mode: str, arrives: datetime, before: int, later: int, journey: int | None, containers: tuple[str, ...]
) -> None:
    transport: dict[str, object] = {"arrival_at": arrives, "container_ids": containers}
    if journey is not None:
        transport["departure_at"] = arrives.astimezone(UTC) - timedelta(minutes=journey)
    first_at = arrives.astimezone(UTC) - timedelta(minutes=before)
    rank = {True: 0, None: 1, False: 2}
    first = by_law(code, mode, first_at, **transport).deadlines
    second = by_law(code, mode, first_at + timedelta(minutes=later), **transport).deadlines
    assert [each.moment for each in first] == [each.moment for each in second]
    assert all(rank[a.is_met] <= rank[b.is_met] for a, b in zip(first, second, strict=True))


@given(st.sampled_from(["DK", "GB"]), MODES, st.none() | MOMENTS, st.none() | MOMENTS, st.none() | MOMENTS, MOMENTS)
def test_findings_and_deadlines_say_the_same(
    code: str, mode: str, loads: datetime | None, departs: datetime | None, arrives: datetime | None, filed_at: datetime
) -> None:
    timing = by_law(code, mode, filed_at, loading_at=loads, departure_at=departs, arrival_at=arrives)
    missed = [each for each in timing.deadlines if each.is_met is False]
    assert len(missed) == [finding.rule_id for finding in timing.findings].count(TOO_LATE)
    assert all(each.due_at is not None and filed_at > each.due_at for each in missed)
    assert all(filed_at <= each.due_at for each in timing.deadlines if each.is_met and each.due_at is not None)
