"""The order in which things are told changes nothing, nor does telling them twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.movement import Circumstances, Moved, Point, Step, course, find
from tidewaiter.movement.geography import distance_m, from_leg_m

START = datetime(2026, 6, 1, tzinfo=UTC)
points = st.builds(Point, st.floats(-85, 85), st.floats(-180, 180))


@st.composite
def told(draw: st.DrawFn) -> list[Moved]:
    """Things told of one parcel: some at the same moment, some taken back."""
    found: list[Moved] = []
    for number in range(draw(st.integers(0, 12))):
        at = START + timedelta(minutes=draw(st.integers(0, 20)))
        each = Moved(
            event_id=f"e{number}", step=draw(st.sampled_from(list(Step))), happened_at=at,
            recorded_at=START + timedelta(minutes=draw(st.integers(0, 60))), place=draw(st.sampled_from(["", "a", "b"])),
            point=draw(st.none() | points),
        )  # fmt: skip
        found.append(each)
        if draw(st.integers(0, 4)) == 0:
            found.append(replace(each, is_void=True, recorded_at=each.recorded_at + timedelta(minutes=1)))
    return found


@given(told(), st.integers())
def test_the_order_of_receipt_does_not_matter(given_: list[Moved], seed: int) -> None:
    shuffled = list(given_)
    Random(seed).shuffle(shuffled)
    way = course(given_)
    assert course(shuffled) == way
    moment = Circumstances(at=START + timedelta(days=100), released_at=START + timedelta(minutes=9))
    assert find(course(shuffled), moment) == find(way, moment)


@given(told(), st.data())
def test_telling_again_changes_nothing(given_: list[Moved], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(given_))) if given_ else []
    assert course(given_ + again) == course(given_)


@given(points, points, points)
def test_distances_are_those_of_a_sphere(one: Point, other: Point, third: Point) -> None:
    there = distance_m(one, other)
    assert abs(there - distance_m(other, one)) < 1e-3
    assert there <= distance_m(one, third) + distance_m(third, other) + 1e-3
    assert from_leg_m(third, one, other) <= min(distance_m(third, one), distance_m(third, other)) + 1
