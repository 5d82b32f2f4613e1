"""Flights of drones: permits, what is held against them, and handing over at the drop point."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tidewaiter.movement import Point
from tidewaiter.movement.flights import FlightError, Permit, Position, handover, observed

START = datetime(2026, 6, 1, 8, tzinfo=UTC)
DEPOT, DROP = Point(51.95, 1.25, 40), Point(51.96, 1.35, 5)


def permit(**more: Any) -> Permit:
    given: dict[str, Any] = {
        "flight_id": "F-1", "authorisation_id": "OAT-2026-17", "device_id": "uas-1", "begins_at": START,
        "ends_at": START + timedelta(minutes=30), "altitude_max_m": 120.0, "drop_point": DROP, "drop_tolerance_m": 50.0,
        "contact_seconds": 30, "line": (DEPOT, DROP), "width_m": 400.0,
    }  # fmt: skip
    return Permit(**given | more).check()


def position(seconds: int, latitude: float = 51.955, longitude: float = 1.30, altitude: float | None = 90) -> Position:
    return Position(f"p-{seconds}", START + timedelta(seconds=seconds), Point(latitude, longitude, altitude))


def seen(*positions: Position, at: int = 60, **more: Any) -> list[str]:
    return [each.rule_id for each in observed(permit(**more), positions, START + timedelta(seconds=at))]


def test_a_flight_as_permitted_has_nothing_against_it() -> None:
    assert seen(*[position(second) for second in range(0, 61, 20)]) == []


@pytest.mark.parametrize(
    ("rule_id", "positions", "at"),
    [
        ("drone.outside_corridor", [position(10, latitude=51.96)], 20),
        ("drone.outside_window", [position(-10)], 0),
        ("drone.outside_window", [position(1801)], 1810),
        ("drone.too_high", [position(10, altitude=120.5)], 20),
        ("drone.no_altitude", [position(10, altitude=None)], 20),
        ("drone.contact_lost", [position(10), position(41)], 50),
        ("drone.contact_lost", [position(10)], 41),
    ],
)
def test_each_breach_is_seen(rule_id: str, positions: list[Position], at: int) -> None:
    assert seen(*positions, at=at) == [rule_id]


def test_the_corridor_may_be_a_ring() -> None:
    ring = (Point(51.9, 1.2), Point(51.9, 1.4), Point(52.0, 1.4), Point(52.0, 1.2))
    assert seen(position(10), at=20, line=(), width_m=0.0, ring=ring) == []
    assert seen(position(10, latitude=52.01), at=20, line=(), width_m=0.0, ring=ring) == ["drone.outside_corridor"]


def test_positions_told_late_fill_the_silence() -> None:
    early, gap, late = position(0), position(25), position(50)
    assert seen(early, late, at=55) == ["drone.contact_lost"]
    assert seen(late, early, gap, at=55) == []


def test_nothing_is_heard_of_an_aircraft_that_landed() -> None:
    flown = [position(second) for second in (0, 20)]
    assert observed(permit(), flown, START + timedelta(minutes=10), START + timedelta(seconds=21)) == []


@pytest.mark.parametrize(
    ("place", "more"),
    [
        ("ends_at", {"ends_at": START}),
        ("line", {"line": ()}),
        ("line", {"ring": (DEPOT, DROP, Point(52, 1))}),
        ("width_m", {"width_m": 0.0}),
        ("ring", {"line": (), "ring": (DEPOT, DROP)}),
        ("drop_point", {"drop_point": Point(50, 1)}),
        ("contact_seconds", {"contact_seconds": 0}),
        ("authorisation_id", {"authorisation_id": " "}),
    ],
)
def test_a_permit_that_cannot_be_is_refused_with_its_place(place: str, more: dict[str, Any]) -> None:
    with pytest.raises(FlightError) as refused:
        permit(**more)
    assert refused.value.place == place
    assert refused.value.hint


@pytest.mark.parametrize(
    ("code", "point", "minutes", "is_released", "positions"),
    [
        ("", DROP, 5, True, []),
        ("", Point(51.9603, 1.35), 5, True, []),  # 33 m away
        ("flight.not_released", DROP, 5, False, []),
        ("flight.outside_window", DROP, 31, True, []),
        ("flight.not_at_drop_point", Point(51.9605, 1.35), 5, True, []),  # 56 m away
        ("flight.not_at_drop_point", Point(51.9603, 1.35, None, 30), 5, True, []),  # it may be 63 m away
        ("flight.held", DROP, 5, True, [position(10, altitude=150)]),
    ],
)
def test_a_parcel_is_handed_over_released_in_time_and_at_the_drop_point(
    *, code: str, point: Point, minutes: int, is_released: bool, positions: list[Position]
) -> None:
    findings = observed(permit(), positions, START + timedelta(seconds=20))
    answer = handover(permit(), point, START + timedelta(minutes=minutes), is_released=is_released, findings=findings)
    assert (answer.code, answer.is_allowed) == (code, not code)
    assert bool(answer.hint) is bool(code)
