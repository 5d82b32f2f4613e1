"""Whether a model still fits: what is scored looks as it did (population stability), and what was found is what it promises."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from tidewaiter.risk.scoring.recipe import ModelError
from tidewaiter.risk.selection.estimating import CONFIDENCE, of_draw


class Drift(Struct, frozen=True):
    """PSI of one feature between two periods; by custom under 0.1 is calm and over 0.25 is a shift."""

    feature: str
    index: float
    shifted: bool


def population_stability(feature: str, before: Sequence[int], after: Sequence[int], parts: int = 10) -> Drift:
    """PSI over quantiles of the earlier period, rounded to six decimals; ModelError where a period is empty.

    A value that very many share is a part of its own: else whatever lies above it would look the same.
    """
    if not before or not after:
        raise ModelError(f"no values of {feature} in one of the periods")
    ordered = sorted(before)
    edges = sorted({ordered[len(ordered) * part // parts] for part in range(1, parts)})
    heavy = {
        edge for edge in edges if (bisect_right(ordered, edge) - bisect_left(ordered, edge)) * 2 * parts >= len(ordered)
    }
    counts = [Counter((value in heavy, bisect_right(edges, value)) for value in values) for values in (before, after)]
    bins = sorted(counts[0].keys() | counts[1].keys())
    shares = [
        [(count[each] + 0.5) / (len(values) + 0.5 * len(bins)) for each in bins]
        for count, values in zip(counts, (before, after), strict=True)
    ]
    index = round(sum((b - a) * math.log(b / a) for a, b in zip(*shares, strict=True)), 6)
    return Drift(feature, index, index > 0.25)


class Told(Struct, frozen=True):
    """An examined record: what the model says of it (millionths), whether it was not in order, how much it stands for."""

    probability: int
    label: int
    weight: float


class Band(Struct, frozen=True, kw_only=True):
    """Records of like probability: how many were examined, what the model promises of them, and what was found.

    `low` and `high` (not included, but for the last) in millionths. `found` is weighed; the interval is Clopper and Pearson's for
    as many records alike in weight as tell as much. None where nothing was examined. `limits` is the same such that of
    all bands together none lies outside by chance alone in 95 of 100 (Bonferroni): of ten intervals one often does.
    """

    low: int
    high: int
    examined: int
    promised: float | None = None
    found: float | None = None
    interval: tuple[float, float] | None = None
    limits: tuple[float, float] | None = None

    @property
    def is_off(self) -> bool:
        """Whether what the model promises lies outside what was found, further than chance alone brings any band."""
        limits = self.limits or self.interval
        return self.promised is not None and limits is not None and not limits[0] <= self.promised <= limits[1]


def bands_of(before: Sequence[int], told: Sequence[Told], parts: int = 10) -> tuple[Band, ...]:
    """Bands of probabilities (millionths) as they were before and as examined, each with what was examined.

    A calibrated score has few steps: each is a band where there are at most `parts`, else they are parted by quantiles.
    ModelError where nothing was scored before.
    """
    if not before:
        raise ModelError("nothing was scored in the earlier period")
    ordered = sorted([*before, *(each.probability for each in told)])
    steps = set(ordered)
    if len(steps) > parts:
        steps = {ordered[len(ordered) * part // parts] for part in range(parts)}
    edges = sorted({*steps, 1_000_001})
    parted = [(low, high, [each for each in told if low <= each.probability < high]) for low, high in pairwise(edges)]
    examined = sum(bool(within) for _, _, within in parted)
    return tuple(_band(low, high, within, examined) for low, high, within in parted)


def _band(low: int, high: int, told: Sequence[Told], bands: int) -> Band:
    """One of so many bands in which something was examined."""
    if not told:
        return Band(low=low, high=high, examined=0)
    weight = sum(each.weight for each in told)
    found = sum(each.weight * each.label for each in told) / weight
    promised = sum(each.weight * each.probability for each in told) / weight / 1_000_000
    effective = max(round(weight**2 / sum(each.weight**2 for each in told)), 1)
    interval, limits = (
        of_draw(round(found * effective), effective, 1 - (1 - CONFIDENCE) / shared) for shared in (1, bands)
    )
    return Band(
        low=low, high=high, examined=len(told), promised=round(promised, 6), found=round(found, 6),
        interval=(round(interval.low, 6), round(interval.high, 6)), limits=(round(limits.low, 6), round(limits.high, 6)),
    )  # fmt: skip
