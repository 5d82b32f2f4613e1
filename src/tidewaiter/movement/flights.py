"""Flights of drones with goods: what was permitted, and what the aircraft tells held against it.

A permit is a corridor (a line with a width, or a ring), a window of time, a ceiling and a drop point. Corridors and
ceilings are how operations of unmanned aircraft are authorised: Implementing Regulation (EU) 2019/947, Article 12, and the
form of its Annex; the number on a permit is the authority's. Heights are metres above the ellipsoid of WGS 84, as RFC 5870
writes them: an authority that permits heights above ground converts them for the corridor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from tidewaiter.model.errors import InvalidIdentifierError, TidewaiterError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.movement.geography import Point, distance_m, from_line_m, is_inside
from tidewaiter.movement.limits import limits

POINTS_MAX = 500  # of a corridor


class FlightError(TidewaiterError):
    """A permit says what cannot be."""

    code = "flight.invalid"


class Permit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One flight as it was permitted; moments are aware, widths and heights in metres.

    `line` with `width_m` (the whole width) is a corridor along a line, `ring` an area; exactly one of them is given.
    """

    flight_id: str
    authorisation_id: str
    device_id: str
    begins_at: datetime
    ends_at: datetime
    altitude_max_m: float
    drop_point: Point
    drop_tolerance_m: float
    contact_seconds: int
    line: tuple[Point, ...] = ()
    width_m: float = 0.0
    ring: tuple[Point, ...] = ()

    def check(self) -> Permit:
        """The permit itself. Raises FlightError where it says what cannot be."""
        wrong = (
            ("flight_id", not self.flight_id.strip(), "it has no number"),
            ("authorisation_id", not self.authorisation_id.strip(), "it names no authorisation"),
            ("ends_at", self.ends_at <= self.begins_at, "it ends before it begins"),
            ("line", bool(self.line) == bool(self.ring), "it has a line or a ring, and not both"),
            ("width_m", bool(self.line) and self.width_m <= 0, "a corridor along a line has a width"),
            ("ring", bool(self.ring) and len(self.ring) < 3, "a ring has three points or more"),
            ("line", max(len(self.line), len(self.ring)) > POINTS_MAX, f"it has more than {POINTS_MAX} points"),
            ("drop_tolerance_m", self.drop_tolerance_m < 0, "it is below zero"),
            ("contact_seconds", self.contact_seconds <= 0, "it is not above zero"),
        )
        for place, is_wrong, words in wrong:
            if is_wrong:
                raise FlightError(f"the permit cannot be: {words}", hint="look at the permit again", place=place)
        if not self.is_in_corridor(self.drop_point):
            raise FlightError(
                "the drop point is outside the corridor", hint="look at its coordinates", place="drop_point"
            )
        return self

    def is_in_corridor(self, point: Point) -> bool:
        """Whether a point is in the corridor, seen from above."""
        if self.ring:
            return is_inside(point, self.ring)
        return from_line_m(point, self.line) <= self.width_m / 2


def read_permit(content: bytes) -> Permit:
    """A permit as its file tells it (JSON). Raises FlightError with the place of what is wrong.

    Points are geo URIs; `drop_tolerance_m` and `contact_seconds` are ours where it does not say.
    """
    try:
        told = msgspec.json.decode(content, type=_PermitFile)
        points = (tuple(Point.parse(each) for each in told.line), tuple(Point.parse(each) for each in told.ring))
        drop_point = Point.parse(told.drop_point)
    except (msgspec.DecodeError, UnicodeError) as error:
        words, _, place = str(error).partition(" - at `$")
        raise FlightError(
            f"the permit cannot be read: {words}", hint=f"its members are {', '.join(_PermitFile.__struct_fields__)}",
            place=place.strip(".`"),
        ) from error  # fmt: skip
    except InvalidIdentifierError as error:
        raise FlightError(error.detail, hint=error.hint, place="line, ring or drop_point") from error
    ours = limits()
    return Permit(
        flight_id=told.flight_id, authorisation_id=told.authorisation_id, device_id=told.device_id,
        begins_at=told.begins_at, ends_at=told.ends_at, altitude_max_m=told.altitude_max_m, drop_point=drop_point,
        drop_tolerance_m=ours.drop_m.value if told.drop_tolerance_m is None else told.drop_tolerance_m,
        contact_seconds=ours.contact_seconds.value if told.contact_seconds is None else told.contact_seconds,
        line=points[0], width_m=told.width_m, ring=points[1],
    ).check()  # fmt: skip


class _PermitFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A permit as people write it."""

    flight_id: Annotated[str, Meta(max_length=60)]
    authorisation_id: Annotated[str, Meta(max_length=100)]
    device_id: str
    begins_at: Annotated[datetime, Meta(tz=True)]
    ends_at: Annotated[datetime, Meta(tz=True)]
    altitude_max_m: float
    drop_point: str
    line: tuple[str, ...] = ()
    width_m: float = 0.0
    ring: tuple[str, ...] = ()
    drop_tolerance_m: float | None = None
    contact_seconds: int | None = None


class Position(Struct, frozen=True):
    """Where the aircraft was, as one reading (`event_id`) told it."""

    event_id: str
    at: datetime
    point: Point


class Handover(Struct, frozen=True, kw_only=True):
    """Whether a parcel may be handed over at a point now; where not, why: code, words and what to do."""

    is_allowed: bool
    code: str = ""
    words: str = ""
    hint: str = ""


SEVERE = frozenset(("drone.outside_corridor", "drone.outside_window", "drone.too_high", "drone.contact_lost"))
SOURCE = "Implementing Regulation (EU) 2019/947, Article 12(4)"
RULES: dict[str, str] = {
    "drone.outside_corridor": "The aircraft left the corridor it was permitted to fly in: what it carries is held.",
    "drone.outside_window": "The aircraft flew before or after the time it was permitted to fly: what it carries is held.",
    "drone.too_high": "The aircraft flew higher than it was permitted to: what it carries is held.",
    "drone.no_altitude": "The aircraft told where it was, and not how high: its ceiling could not be looked at.",
    "drone.contact_lost": "Nothing was heard of the aircraft for longer than the permit allows: what it carries is held.",
}
"""What is held against a flight, as officers read it."""


def observed(
    permit: Permit, positions: Sequence[Position], at: datetime, landed_at: datetime | None = None
) -> list[Finding]:
    """What a flight did that was not permitted, by the positions told until `at`; the first of each kind, in order of time.

    `landed_at`: from then on nothing need be heard of it. The order in which positions were told does not matter.
    """
    way = sorted(positions, key=lambda each: (each.at, each.event_id))
    found: dict[str, Finding] = {}
    for finding in (*_of_positions(permit, way), *_silences(permit, way, at, landed_at)):
        found.setdefault(finding.rule_id, finding)
    return list(found.values())


def handover(permit: Permit, point: Point, at: datetime, *, is_released: bool, findings: Sequence[Finding]) -> Handover:
    """Whether a parcel may be handed to who receives it, here and now: released, in time, at the drop point, nothing amiss."""
    if not is_released:
        return Handover(
            is_allowed=False, code="flight.not_released", words="customs have not released the parcel",
            hint="take it to the customs office, or back",
        )  # fmt: skip
    if not permit.begins_at <= at <= permit.ends_at:
        return Handover(
            is_allowed=False, code="flight.outside_window", words="the permit is not for this time",
            hint=f"it is for {permit.begins_at.isoformat()} to {permit.ends_at.isoformat()}",
        )  # fmt: skip
    apart = distance_m(point, permit.drop_point) + point.uncertainty_m
    if apart > permit.drop_tolerance_m:
        return Handover(
            is_allowed=False, code="flight.not_at_drop_point",
            words=f"it is {apart:.0f} m from the drop point, and may be {permit.drop_tolerance_m:.0f} m",
            hint=f"hand it over at {permit.drop_point.uri}",
        )  # fmt: skip
    severe = [each for each in findings if each.rule_id in SEVERE]
    if severe:
        return Handover(
            is_allowed=False, code="flight.held", words=f"the flight is held: {severe[0].words}",
            hint="an officer looks at it first",
        )  # fmt: skip
    return Handover(is_allowed=True)


def _of_positions(permit: Permit, way: Sequence[Position]) -> Iterator[Finding]:
    for each in way:
        point, value = each.point, each.point.uri
        if not permit.is_in_corridor(point):
            yield _finding("drone.outside_corridor", each.event_id, value)
        if not permit.begins_at <= each.at <= permit.ends_at:
            yield _finding("drone.outside_window", each.event_id, each.at.isoformat())
        if point.altitude_m is None:
            yield _finding("drone.no_altitude", each.event_id, value)
        elif point.altitude_m > permit.altitude_max_m:
            yield _finding(
                "drone.too_high", each.event_id, f"{point.altitude_m:.0f} m, permitted {permit.altitude_max_m:.0f} m"
            )


def _silences(permit: Permit, way: Sequence[Position], at: datetime, landed_at: datetime | None) -> Iterator[Finding]:
    """Stretches of the flight in which nothing was heard: between two positions, and since the last one."""
    allowed = timedelta(seconds=permit.contact_seconds)
    until = min(at, permit.ends_at) if landed_at is None else min(at, landed_at)
    for before, later in pairwise(way):
        if later.at - before.at > allowed and not (landed_at is not None and before.at >= landed_at):
            yield _finding("drone.contact_lost", before.event_id, f"{(later.at - before.at).total_seconds():.0f} s")
    if way and until - way[-1].at > allowed:
        yield _finding("drone.contact_lost", way[-1].event_id, f"{(until - way[-1].at).total_seconds():.0f} s")


def _finding(rule_id: str, event_id: str, value: str) -> Finding:
    severity = Severity.ERROR if rule_id in SEVERE else Severity.WARNING
    return Finding(rule_id, severity, event_id, RULES[rule_id], value)
