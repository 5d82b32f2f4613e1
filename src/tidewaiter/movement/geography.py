"""Measures on the earth, on coordinates of WGS 84: plain formulae on a sphere of the earth's mean radius.

Distances by the haversine formula (R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68, 1984, p. 159);
cross-track and along-track distances by spherical trigonometry (E. Williams, "Aviation Formulary", sections "Distance
between points", "Cross track error"). The radius is the mean radius R1 of the ellipsoid, (2a + b) / 3 = 6 371 008.8 m (H.
Moritz, "Geodetic Reference System 1980"; WGS 84 differs from it by less than a millimetre). Against the ellipsoid a
distance is off by at most 0.6 per cent. Points are written as RFC 5870 has it: `geo:51.9612,1.3511,120;u=8`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from msgspec import Struct

from tidewaiter.model.errors import InvalidIdentifierError

EARTH_RADIUS_M: Final = 6_371_008.8
_NUMBER: Final = r"-?[0-9]{1,6}(?:\.[0-9]{1,12})?"
_GEO: Final = re.compile(
    rf"geo:({_NUMBER}),({_NUMBER})(?:,({_NUMBER}))?((?:;[a-z0-9-]+(?:=[^;\s]*)?)*)", re.ASCII | re.IGNORECASE
)


class Point(Struct, frozen=True, omit_defaults=True):
    """A place: degrees north and east, metres above the ellipsoid, metres by which it may be off."""

    latitude: float
    longitude: float
    altitude_m: float | None = None
    uncertainty_m: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Point:
        """The point of a geo URI (RFC 5870). Raises InvalidIdentifierError."""
        found = _GEO.fullmatch(text.strip())
        if found is None:
            raise InvalidIdentifierError(
                f"{text[:60]!r} is no geo URI", hint="write geo:latitude,longitude or geo:latitude,longitude,altitude"
            )
        parameters = dict(each.lower().partition("=")[::2] for each in found[4].split(";")[1:])
        if parameters.get("crs", "wgs84") != "wgs84":
            raise InvalidIdentifierError("the point is on another datum than WGS 84", hint="leave crs out")
        try:
            uncertainty = float(parameters.get("u") or 0)
        except ValueError:
            uncertainty = -1.0
        latitude, longitude = float(found[1]), float(found[2])
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180 and 0 <= uncertainty < math.inf):
            raise InvalidIdentifierError(f"{text[:60]!r} is no point on the earth", hint="degrees north, degrees east")
        return cls(latitude, longitude, None if found[3] is None else float(found[3]), uncertainty)

    @property
    def uri(self) -> str:
        """The geo URI; to a ten-millionth of a degree, about a centimetre."""
        altitude = "" if self.altitude_m is None else f",{_plain(self.altitude_m)}"
        uncertainty = f";u={_plain(self.uncertainty_m)}" if self.uncertainty_m else ""
        return f"geo:{_plain(self.latitude)},{_plain(self.longitude)}{altitude}{uncertainty}"


def distance_m(one: Point, other: Point) -> float:
    """Metres along the surface between two points."""
    return EARTH_RADIUS_M * _angle(one, other)


def from_leg_m(point: Point, start: Point, end: Point) -> float:
    """Metres from a point to the nearest of a leg, the shorter great circle from `start` to `end`."""
    to_point, leg = _angle(start, point), _angle(start, end)
    turned = _bearing(start, point) - _bearing(start, end)
    nearer_end = min(EARTH_RADIUS_M * to_point, distance_m(end, point))
    if leg == 0 or math.cos(turned) <= 0:
        return nearer_end
    across = math.asin(_clamped(math.sin(to_point) * math.sin(turned)))
    along = math.atan2(math.sin(to_point) * math.cos(turned), math.cos(to_point))
    return nearer_end if along > leg else EARTH_RADIUS_M * abs(across)


def from_line_m(point: Point, line: Sequence[Point]) -> float:
    """Metres from a point to the nearest of a line of one point or more."""
    if len(line) == 1:
        return distance_m(point, line[0])
    return min(from_leg_m(point, start, end) for start, end in pairwise(line))


def is_inside(point: Point, ring: Sequence[Point]) -> bool:
    """Whether a point is inside a ring of three points or more, its border counted in.

    By crossings of a ray on the plane of longitude and latitude, the former counted from the ring's first point, so that
    a ring may pass the meridian of 180 degrees. For rings that are small beside the earth and hold no pole.
    """
    inside = False
    here = _turned(point.longitude - ring[0].longitude)
    seen = [(_turned(each.longitude - ring[0].longitude) - here, each.latitude - point.latitude) for each in ring]
    for (x1, y1), (x2, y2) in pairwise((*seen, seen[0])):
        cross = x1 * y2 - x2 * y1
        if cross == 0 and min(x1, x2) <= 0 <= max(x1, x2) and min(y1, y2) <= 0 <= max(y1, y2):
            return True
        if (y1 > 0) != (y2 > 0) and (cross > 0) == (y2 > y1):
            inside = not inside
    return inside


def _angle(one: Point, other: Point) -> float:
    north, other_north = math.radians(one.latitude), math.radians(other.latitude)
    half_up = math.sin((other_north - north) / 2)
    half_along = math.sin(math.radians(other.longitude - one.longitude) / 2)
    square = half_up * half_up + math.cos(north) * math.cos(other_north) * half_along * half_along
    return 2 * math.asin(math.sqrt(min(1.0, square)))


def _bearing(start: Point, end: Point) -> float:
    north, end_north = math.radians(start.latitude), math.radians(end.latitude)
    along = math.radians(end.longitude - start.longitude)
    return math.atan2(
        math.sin(along) * math.cos(end_north),
        math.cos(north) * math.sin(end_north) - math.sin(north) * math.cos(end_north) * math.cos(along),
    )


def _clamped(value: float) -> float:
    return max(-1.0, min(1.0, value))


def _turned(degrees: float) -> float:
    """A difference of longitudes as the shorter way round."""
    return (degrees + 180) % 360 - 180


def _plain(value: float) -> str:
    return f"{value:.7f}".rstrip("0").rstrip(".")
