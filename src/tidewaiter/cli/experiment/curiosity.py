"""How little is known of parcels like this one: where to look before any outcome says so.

Of a linear model fitted to the examined parcels, the variance at a parcel is in proportion to its leverage, x' A^-1 x
with A the sum of x x' over what was examined (Atkinson and Donev, "Optimum Experimental Designs", 1992; the same term
widens the bounds of linear bandits). It is great for what is unlike all that was examined, as the parcels of a new
scheme are, and falls once a few were looked at. What was examined long ago counts less, as the world changes.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

import numpy as np

from tidewaiter.cli.experiment.columns import Array
from tidewaiter.cli.experiment.features import Features

WEEK: Final = 7
HALF_LIFE_WEEKS: Final = 8
RECENT: Final = 8 * WEEK  # days from which the scale of what is usual is taken
_REACH: Final = 6.0  # standard deviations beyond which a number is no more unusual
_SPREAD_MIN: Final = 0.02  # of what nearly all have alike
_CODES: Final = frozenset(("stream", "marketplace"))  # features that number groups and measure nothing


class Curiosity:
    """Learns what parcels are like and which were examined; never an outcome. Days that have not come are not looked at."""

    def __init__(self, features: Features, day: Array, left_out: Set[str] = frozenset()) -> None:
        """`left_out` names features that are not to be looked at."""
        names = _CODES | left_out
        self._numbers = _even(features.numbers[:, [name not in names for name in features.names]])
        self._day = day
        width = self._numbers.shape[1]
        self._information = np.eye(width + 1)
        self._middle, self._spread = np.zeros(width), np.ones(width)
        self._examined: list[Array] = []
        self.declared = features.numbers[:, features.names.index("cents")]

    def begin_week(self, today: int) -> None:
        """Take the scale anew from the weeks before this day, and weigh what was examined by its age."""
        recent = self._numbers[slice(*np.searchsorted(self._day, (today - RECENT, today)))]
        if len(recent):
            self._middle, self._spread = recent.mean(axis=0), np.maximum(recent.std(axis=0), _SPREAD_MIN)
        self._information = np.eye(len(self._information))
        if self._examined:
            at = np.concatenate(self._examined)
            self._add(at, 0.5 ** ((today - self._day[at]) / (WEEK * HALF_LIFE_WEEKS)))

    def note(self, at: Array) -> None:
        """These parcels are examined."""
        self._examined.append(at)
        self._add(at, np.ones(len(at)))

    def of(self, at: Array) -> Array:
        """The leverage of the parcels at these positions, of shape (parcels,), above 0."""
        rows = self._rows(at)
        found: Array = np.einsum("ij,ij->i", rows @ np.linalg.inv(self._information), rows)
        return found

    def _add(self, at: Array, weights: Array) -> None:
        rows = self._rows(at)
        self._information += (rows * weights[:, None]).T @ rows

    def _rows(self, at: Array) -> Array:
        scaled = (self._numbers[at] - self._middle) / self._spread
        return np.column_stack([np.ones(len(at)), np.clip(scaled, -_REACH, _REACH)])


def _even(numbers: Array) -> Array:
    """Numbers with long tails brought nearer, by the sign and logarithm of 1 + their size."""
    found: Array = np.sign(numbers) * np.log1p(np.abs(numbers))
    return found
