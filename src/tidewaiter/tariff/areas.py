"""To whom a measure applies: countries, groups with members by day, exclusions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from tidewaiter.tariff.records import ERGA_OMNES, Area, Measure, Member, is_valid


class Areas:
    """The groups of a tariff, looked up by country."""

    __slots__ = ("_members",)

    def __init__(self, areas: Mapping[str, Area]) -> None:
        self._members: dict[str, dict[str, tuple[Member, ...]]] = {}
        for area in areas.values():
            members: dict[str, tuple[Member, ...]] = {}
            for member in area.members:
                members[member.code] = (*members.get(member.code, ()), member)
            self._members[area.code] = members

    def includes(self, area: str, country: str, on: date) -> bool:
        """Whether a country is in an area (itself, a group, everywhere) on a day."""
        if area in (country, ERGA_OMNES):
            return True
        members = self._members.get(area)
        return members is not None and any(is_valid(member, on) for member in members.get(country, ()))

    def applies(self, measure: Measure, country: str, on: date) -> bool:
        """Whether a measure applies to goods of a country on a day, as far as areas go."""
        if not self.includes(measure.area, country, on):
            return False
        # "Not" from everywhere would exclude all: TARIC has no such exclusion, and the checks refuse one.
        return not any(self.includes(each, country, on) for each in measure.excluded)
