"""`bench coverage`: how often the interval of the non-compliance estimate holds the truth, where the truth is known."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Final

from msgspec import Struct

from tidewaiter.risk.selection import Stratum, estimate


class World(Struct, frozen=True, kw_only=True):
    """Parcels, shares of 1: not in order among ordinary and among suspicious ones, and how either is looked at."""

    parcels: int
    suspicious: float
    irregular: float
    irregular_if_suspicious: float
    by_chance: float
    if_suspicious: float


class Report(Struct, frozen=True, kw_only=True):
    """One world over many runs: how often the truth lay within, the interval's mean width, the mean error."""

    world: World
    runs: int
    coverage: float
    width: float
    bias: float


WORLDS: Final = tuple(
    World(
        parcels=parcels,
        suspicious=suspicious,
        irregular=irregular,
        irregular_if_suspicious=found,
        by_chance=by_chance,
        if_suspicious=looked_at,
    )
    for parcels, suspicious, irregular, found, by_chance, looked_at in (
        (20_000, 0.01, 0.005, 0.30, 0.005, 0.50),
        (20_000, 0.02, 0.020, 0.40, 0.005, 0.90),
        (5_000, 0.02, 0.010, 0.30, 0.010, 0.50),
        (50_000, 0.01, 0.090, 0.50, 0.002, 0.90),
        (20_000, 0.01, 0.001, 0.20, 0.005, 0.50),
        (20_000, 0.05, 0.050, 0.50, 0.001, 1.00),
    )
)


def run(world: World, runs: int, seed: int) -> Report:
    """Draw, examine and estimate `runs` times."""
    chance = random.Random(seed)  # noqa: S311 (the same for the same seed)
    held = width = bias = 0.0
    for _ in range(runs):
        truth, strata = _examined(chance, world)
        found = estimate(strata)
        held += found.low <= truth <= found.high
        width += found.high - found.low
        bias += found.share - truth
    return Report(world=world, runs=runs, coverage=held / runs, width=width / runs, bias=bias / runs)


def row(report: Report) -> dict[str, str]:
    """The report as a person reads it."""
    world = report.world
    return {
        "parcels": f"{world.parcels:,}",
        "irregular": f"{world.irregular:.1%}, {world.irregular_if_suspicious:.0%} of {world.suspicious:.0%}",
        "looked at": f"{world.by_chance:.1%} by chance, {world.if_suspicious:.0%} of the suspicious",
        "coverage": f"{report.coverage:.3f} of {report.runs}",
        "mean width": f"{report.width:.4f}",
        "mean error": f"{report.bias:+.5f}",
    }


def _examined(chance: random.Random, world: World) -> tuple[float, list[Stratum]]:
    counts = {False: [0, 0, 0], True: [0, 0, 0]}
    odds = {False: world.by_chance, True: 1 - (1 - world.by_chance) * (1 - world.if_suspicious)}
    irregular = 0
    for _ in range(world.parcels):
        is_suspicious = chance.random() < world.suspicious
        is_bad = chance.random() < (world.irregular_if_suspicious if is_suspicious else world.irregular)
        irregular += is_bad
        own = counts[is_suspicious]
        own[0] += 1
        if chance.random() < odds[is_suspicious]:
            own[1] += 1
            own[2] += is_bad
    strata = [Stratum(Decimal(repr(odds[key])), *counts[key]) for key in (False, True)]
    return irregular / world.parcels, strata
