"""Whether what is scored today still looks like what the model was trained on: the population stability index."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct

from tidewaiter.risk.scoring.recipe import ModelError


class Drift(Struct, frozen=True):
    """PSI of one feature between two periods; by custom under 0.1 is calm and over 0.25 is a shift."""

    feature: str
    index: float
    shifted: bool


def population_stability(feature: str, before: Sequence[int], after: Sequence[int], parts: int = 10) -> Drift:
    """PSI over quantiles of the earlier period, rounded to six decimals; ModelError where a period is empty."""
    if not before or not after:
        raise ModelError(f"no values of {feature} in one of the periods")
    ordered = sorted(before)
    edges = sorted({ordered[len(ordered) * part // parts] for part in range(1, parts)})
    shares = []
    for values in (before, after):
        counts = [0] * (len(edges) + 1)
        for value in values:
            counts[bisect_right(edges, value)] += 1
        shares.append([(count + 0.5) / (len(values) + 0.5 * len(counts)) for count in counts])
    index = round(sum((b - a) * math.log(b / a) for a, b in zip(*shares, strict=True)), 6)
    return Drift(feature, index, index > 0.25)
