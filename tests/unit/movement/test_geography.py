"""Measures on the earth held against distances that others publish, and against each other."""

from __future__ import annotations

import math

import pytest

from tidewaiter.model.errors import InvalidIdentifierError
from tidewaiter.movement.geography import EARTH_RADIUS_M, Point, distance_m, from_leg_m, from_line_m, is_inside

DEGREE_M = EARTH_RADIUS_M * math.pi / 180


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("geo:13.4125,103.8667", Point(13.4125, 103.8667)),  # RFC 5870, section 6.2
        ("geo:48.2010,16.3695,183", Point(48.2010, 16.3695, 183.0)),  # section 6.1
        ("geo:48.198634,16.371648;crs=wgs84;u=40", Point(48.198634, 16.371648, None, 40.0)),  # section 6.1
        ("geo:-33.9,18.4,-2.5", Point(-33.9, 18.4, -2.5)),
    ],
)
def test_a_point_is_read_as_rfc_5870_writes_it(text: str, point: Point) -> None:
    assert Point.parse(text) == point
    assert Point.parse(point.uri) == point


@pytest.mark.parametrize(
    "text",
    [
        "",
        "geo:",
        "geo:91,0",
        "geo:0,181",
        "geo:1",
        "geo:1,2;crs=moon",
        "geo:1,2;u=-4",
        "geo:1,2;u=x",
        "51,1",
        "geo:١,2",
    ],
)
def test_what_is_no_point_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifierError):
        Point.parse(text)


def test_the_distance_of_a_published_example() -> None:
    # E. Williams, Aviation Formulary: LAX (33° 57' N, 118° 24' W) to JFK (40° 38' N, 73° 47' W) is 0.623585 radians.
    lax, jfk = Point(33 + 57 / 60, -(118 + 24 / 60)), Point(40 + 38 / 60, -(73 + 47 / 60))
    assert distance_m(lax, jfk) / EARTH_RADIUS_M == pytest.approx(0.623585, abs=5e-7)


def test_the_cross_track_of_a_published_example() -> None:
    # The same: D (34° 30' N, 116° 30' W) is 0.00216747 radians right of the course from LAX to JFK.
    lax, jfk = Point(33 + 57 / 60, -(118 + 24 / 60)), Point(40 + 38 / 60, -(73 + 47 / 60))
    assert from_leg_m(Point(34.5, -116.5), lax, jfk) / EARTH_RADIUS_M == pytest.approx(0.00216747, abs=5e-7)


def test_beyond_either_end_of_a_leg_the_end_is_nearest() -> None:
    start, end = Point(0, 0), Point(0, 1)
    assert from_leg_m(Point(0, -1), start, end) == pytest.approx(DEGREE_M)
    assert from_leg_m(Point(0, 3), start, end) == pytest.approx(2 * DEGREE_M)
    assert from_leg_m(Point(0.5, 0.5), start, end) == pytest.approx(DEGREE_M / 2, rel=1e-4)
    assert from_leg_m(Point(0.5, 0), start, start) == pytest.approx(DEGREE_M / 2)
    assert from_line_m(Point(1, 0), [start]) == pytest.approx(DEGREE_M)


@pytest.mark.parametrize(
    ("point", "inside"),
    [
        (Point(0.5, 179.9), True), (Point(0.5, -179.9), True), (Point(0.5, 179.4), False), (Point(1.5, 180), False),
        (Point(0, 180), True), (Point(0.5, 0), False),
    ],
)  # fmt: skip
def test_a_ring_may_pass_the_meridian_of_180_degrees(*, point: Point, inside: bool) -> None:
    ring = [Point(0, 179.5), Point(0, -179.5), Point(1, -179.5), Point(1, 179.5)]
    assert is_inside(point, ring) is inside
    assert is_inside(point, ring[::-1]) is inside
