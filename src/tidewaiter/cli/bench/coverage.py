"""`bench coverage`: how often the interval of the non-compliance estimate holds the truth, where the truth is known."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.risk import load_policy
from tidewaiter.risk.budgets import THOUSANDTHS, Spent, Usual, Work, rates_at
from tidewaiter.risk.policy import Budget
from tidewaiter.risk.selection import Stratum, estimate


class World(Struct, frozen=True, kw_only=True):
    """Parcels, shares of 1: not in order among ordinary and among suspicious ones, and how either is looked at.

    With a `budget` of parcels a day the suspicious are looked at less as it is used; `usual` is how many of them are usual.
    """

    parcels: int
    suspicious: float
    irregular: float
    irregular_if_suspicious: float
    by_chance: float
    if_suspicious: float
    budget: int = 0
    usual: int = 0


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
# A day as usual, of four times as many, and one of which nothing was known before.
BUDGET_WORLDS: Final = tuple(
    World(
        parcels=20_000,
        suspicious=0.05,
        irregular=0.02,
        irregular_if_suspicious=0.4,
        by_chance=0.005,
        if_suspicious=1.0,
        budget=500,
        usual=usual,
    )
    for usual in (1_000, 250, 0)
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
        "budget": f"{world.budget:,} a day, {world.usual:,} usually wanted" if world.budget else "",
        "coverage": f"{report.coverage:.3f} of {report.runs}",
        "mean width": f"{report.width:.4f}",
        "mean error": f"{report.bias:+.5f}",
    }


def _examined(chance: random.Random, world: World) -> tuple[float, list[Stratum]]:
    """The true share of a day, and what was examined of it, by the probability of each parcel."""
    counts: dict[float, list[int]] = {}
    office = _Office(world)
    irregular = 0
    for _ in range(world.parcels):
        is_suspicious = chance.random() < world.suspicious
        is_bad = chance.random() < (world.irregular_if_suspicious if is_suspicious else world.irregular)
        irregular += is_bad
        rate = office.rate() if is_suspicious else 0.0
        odds = 1 - (1 - world.by_chance) * (1 - rate)
        own = counts.setdefault(odds, [0, 0, 0])
        own[0] += 1
        by_chance, by_rules = chance.random() < world.by_chance, chance.random() < rate
        if by_chance or by_rules:
            own[1] += 1
            own[2] += is_bad
        office.count(by_chance=by_chance, by_rules=by_rules, is_wanted=is_suspicious)
    strata = [Stratum(Decimal(repr(odds)), *counts[odds]) for odds in sorted(counts)]
    return irregular / world.parcels, strata


class _Office:
    """The odds of the suspicious as a day goes on: those of the world, lowered as decisions lower them (`risk.budgets`)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._policy = replace(load_policy(), budgets={"": Budget(parcels=world.budget)} if world.budget else {})
        self._usual = Usual(rules_wanted=int(world.usual * world.if_suspicious * THOUSANDTHS))
        self._work = Work()

    def rate(self) -> float:
        lowered = rates_at(self._policy, "", Spent(work=self._work, usual=self._usual)).rules
        return self._world.if_suspicious * float(lowered)

    def count(self, *, by_chance: bool, by_rules: bool, is_wanted: bool) -> None:
        if not self._world.budget or not (by_chance or is_wanted):
            return
        wanted = int(self._world.if_suspicious * THOUSANDTHS) if is_wanted else 0
        by_rules = by_rules and not by_chance
        self._work += Work(parcels=1, chance=int(by_chance), rules=int(by_rules), rules_wanted=wanted)
