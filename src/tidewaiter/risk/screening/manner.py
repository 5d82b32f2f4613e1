"""The manners of screening there are: each list keeps the one it was published with, so that its decisions can be run again."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Protocol

from tidewaiter.risk.screening import first, index
from tidewaiter.risk.screening.found import Match


class Screener(Protocol):
    """The names of one list, compiled."""

    def found(self, text: str, threshold: float) -> tuple[Match, ...]:
        """The entries at least so like a name (from 0 to 1), best first."""


class Manner(StrEnum):
    """How names are screened."""

    FIRST = "first"
    RARITY = "rarity"  # with what chance explains left out

    @property
    def threshold(self) -> float:
        """How alike a name must be to be a hit, where a list does not say."""
        return first.THRESHOLD if self is Manner.FIRST else index.THRESHOLD

    def screener(self, names: Iterable[tuple[str, str]]) -> Screener:
        """Entries and their names, compiled."""
        return first.NameIndex(names) if self is Manner.FIRST else index.NameIndex(names)


NEWEST: Final = Manner.RARITY  # of what is proposed from now on
