"""Goods that are at two places at once, or went from one to the other faster than anything goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from tidewaiter.model.finding import Severity
from tidewaiter.movement.course import Course, Moved
from tidewaiter.movement.geography import distance_m
from tidewaiter.movement.registry import Circumstances, Seen, rule


@rule("movement.two_places", Severity.ERROR, source="own: data/movement/limits.yaml, speed_m_s and same_time_seconds")
def two_places(way: Course, circumstances: Circumstances) -> Sequence[Seen]:
    """The same parcel was seen at two places at once, or went from one to the other faster than anything goes.

    One of the two is another parcel under the same number, or the telling is wrong.
    """
    limits = circumstances.limits
    located = [each.moved for each in way.passed if each.moved.point is not None]
    found = [
        Seen(
            later.event_id,
            f"{round(metres / 1000)} km in {(later.happened_at - one.happened_at).total_seconds():.0f} s",
            words,
        )
        for one, later in pairwise(located)
        if (metres := _apart_m(one, later)) > limits.same_place_m.value
        and metres > limits.speed_m_s.value * (later.happened_at - one.happened_at).total_seconds()
        and (words := f"Seen at {_where(one)} and at {_where(later)}: nothing goes so fast.")
    ]
    named = [each.moved for each in way.passed if each.moved.point is None and each.moved.place]
    near = timedelta(seconds=limits.same_time_seconds.value)
    found += [
        Seen(later.event_id, later.place, f"Seen at {_where(one)} and at {_where(later)} at the same time.")
        for one, later in pairwise(named)
        if one.place != later.place and later.happened_at - one.happened_at < near
    ]
    return found


def _apart_m(one: Moved, other: Moved) -> float:
    """Metres that two sightings are apart at least, by what they may be off."""
    assert one.point is not None
    assert other.point is not None
    return distance_m(one.point, other.point) - one.point.uncertainty_m - other.point.uncertainty_m


def _where(moved: Moved) -> str:
    return moved.place or (moved.point.uri if moved.point is not None else "")
