"""Until when something had to be with customs, and whether it was: what an evaluation keeps and people are shown."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


class FilingMoment(StrEnum):
    """For which step of the journey data are asked, in the order of the journey (WCO SAFE Framework, pillar 1)."""

    PRE_LOADING = "pre_loading"  # before the goods are loaded for their way here
    PRE_ARRIVAL = "pre_arrival"  # before they come to the first place here
    AT_ARRIVAL = "at_arrival"  # when they are there


class Deadline(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One legal deadline of one declaration, in the state in which it was last filed or changed.

    `words` is the time limit as the law puts it ("4 hours before arrival"), `article` where it stands. `due_at` (UTC) is
    None where nothing states the moment it is counted from. `is_met` is None where it cannot be told; `late_by_seconds`
    is by how much it was missed, at least where only a day is stated.
    """

    measure_id: str
    moment: FilingMoment
    words: str
    article: str
    lodged_at: datetime
    due_at: datetime | None = None
    is_met: bool | None = None
    late_by_seconds: int = 0
    is_confirmed: bool = True

    @property
    def late_by(self) -> str:
        """By how much it was missed, in the two largest units there are: "1 day 2 hours"; "" where it was not."""
        return duration(self.late_by_seconds) if self.is_met is False else ""


def duration(seconds: int) -> str:
    """A length of time in words, its two largest units alone: "1 day 2 hours", "45 minutes"."""
    parts: list[str] = []
    for unit, length in _UNITS:
        number, seconds = divmod(seconds, length)
        if number:
            parts.append(f"{number} {unit}{'' if number == 1 else 's'}")
    return " ".join(parts[:2]) or "less than a second"
