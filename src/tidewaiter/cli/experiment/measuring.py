"""What a year of selection found, beside an oracle with the same budget. The truth is read here, and nowhere before.

Recovered is what was evaded on parcels that were examined and whose examination found the scheme. The oracle knows what
each parcel of a week evades, examines the dearest hundredth of the week, and its examinations find no more than others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Final

import numpy as np
from msgspec import Struct

from tidewaiter.cli.experiment.columns import KINDS, Aim, Array, Prepared
from tidewaiter.cli.experiment.features import Features
from tidewaiter.cli.experiment.running import BUDGET, WEEK, Run
from tidewaiter.simulation.parameters import Parameters

WARM_UP: Final = 12  # weeks that no figure counts
CALM_AFTER: Final = 6  # weeks after a new scheme began that are not calm
RECOVERED: Final = 0.8
SCHEME_WEEKS: Final = 2  # of a scheme taken together: its own revenue is too little to be told by the week


class Figures(Struct, frozen=True):
    """The figures of one run. Shares are of 1; precision is, of parcels that the
    score chose, the share that truly were what was looked for (for revenue: any scheme)."""

    share: float
    share_by_day: float
    share_evaded: float
    weekly: tuple[float, ...]
    weeks_to_recover: dict[str, int | None]
    weeks_to_recover_scheme: dict[str, int | None]
    examined: int
    precision: float
    first_seen: int
    first_seen_precision: float
    first_seen_shares: dict[str, float]


def figures(world: Prepared, features: Features, run: Run, parameters: Parameters, aim: Aim = Aim.REVENUE) -> Figures:
    """Measured on calm weeks after the warm-up, where nothing else is said."""
    day, evaded = world.columns["day"], world.truth.evaded
    week = day // WEEK
    weeks = int(week.max()) + 1
    recovered = np.where(world.objected, evaded, 0)
    calm = _calm(parameters, weeks)
    best, best_by_day = _best(week, evaded), _best(day, evaded)
    own, oracle = _sums(week, recovered, run.at, weeks), _sums(week, recovered, best, weeks)
    by_day = _sums(week, recovered, best_by_day, weeks)
    weekly = own / np.maximum(oracle, 1)
    level = _ratio(own[calm], oracle[calm])
    events = {kind.value: parameters.schemes[kind].from_week for kind in KINDS}
    begun = {name: at for name, at in events.items() if WARM_UP <= at < weeks}
    scored = run.at[(run.lane == 1) & np.isin(week[run.at], np.flatnonzero(calm))]
    wrong = world.is_wrong(aim)[scored]
    first = features.is_first_seen[scored]
    return Figures(
        share=level,
        share_by_day=_ratio(own[calm], by_day[calm]),
        share_evaded=_ratio(_sums(week, evaded, run.at, weeks)[calm], _sums(week, evaded, best, weeks)[calm]),
        weekly=tuple(round(float(each), 4) for each in weekly),
        weeks_to_recover={name: _weeks_until(weekly, at, level) for name, at in begun.items()},
        weeks_to_recover_scheme={
            name: _weeks_until(_of_scheme(world, (run.at, best), name), at, level) for name, at in begun.items()
        },
        examined=len(run.at),
        precision=_mean(wrong),
        first_seen=int(first.sum()),
        first_seen_precision=_mean(wrong[first]),
        first_seen_shares={
            kind.value: round(_mean(world.truth.scheme[scored][first] == place), 4) for place, kind in enumerate(KINDS)
        },
    )


class Summary(Struct, frozen=True):
    """One plan over all seeds: mean, least and greatest share, and the rest as means."""

    plan: str
    seeds: int
    share: float
    least: float
    greatest: float
    share_by_day: float
    share_evaded: float
    points_to_full: float | None
    recovered_in_time: str
    scheme_recovered_in_time: str
    precision: float
    first_seen_precision: float


IN_TIME: Final = 6


def summary(found: Mapping[str, Sequence[Figures]], full: str = "") -> list[Summary]:
    """One row for each plan; `full` names the plan whose share others are told against, in points."""
    base = mean(each.share for each in found[full]) if full in found else None
    return [
        Summary(
            plan=name,
            seeds=len(runs),
            share=round(mean(each.share for each in runs), 4),
            least=min(round(each.share, 4) for each in runs),
            greatest=max(round(each.share, 4) for each in runs),
            share_by_day=round(mean(each.share_by_day for each in runs), 4),
            share_evaded=round(mean(each.share_evaded for each in runs), 4),
            points_to_full=None if base is None else round(100 * (mean(each.share for each in runs) - base), 2),
            recovered_in_time=_in_time([each.weeks_to_recover for each in runs]),
            scheme_recovered_in_time=_in_time([each.weeks_to_recover_scheme for each in runs]),
            precision=round(mean(each.precision for each in runs), 4),
            first_seen_precision=round(mean(each.first_seen_precision for each in runs), 4),
        )
        for name, runs in found.items()
    ]


def _in_time(runs: Sequence[Mapping[str, int | None]]) -> str:
    """For each scheme that began, in how many runs, and of how many, it was recovered from in time."""
    told: dict[str, list[int | None]] = {}
    for each in runs:
        for name, weeks in each.items():
            told.setdefault(name, []).append(weeks)
    return "; ".join(
        f"{name} {sum(weeks is not None and weeks <= IN_TIME for weeks in found)} of {len(found)}"
        for name, found in told.items()
    )


def _calm(parameters: Parameters, weeks: int) -> Array:
    """Which weeks count: after the warm-up, and no scheme began within the last CALM_AFTER weeks."""
    calm = np.arange(weeks) >= WARM_UP
    for scheme in parameters.schemes.values():
        if scheme.from_week:
            calm[scheme.from_week : scheme.from_week + CALM_AFTER] = False
    return calm


def _best(period: Array, evaded: Array) -> Array:
    """Of each period (days or weeks, in order) the hundredth of parcels that evade most."""
    found = []
    bounds = np.searchsorted(period, np.arange(int(period.max()) + 2))
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        budget = int(end * BUDGET) - int(start * BUDGET)
        found.append(start + np.argsort(-evaded[start:end], kind="stable")[:budget])
    return np.concatenate(found)


def _of_scheme(world: Prepared, chosen: tuple[Array, Array], name: str) -> Array:
    """By week, the share of what the oracle recovers of this scheme in the two weeks that end then."""
    week = world.columns["day"] // WEEK
    weeks = int(week.max()) + 1
    is_scheme = world.truth.scheme == [kind.value for kind in KINDS].index(name)
    recovered = np.where(world.objected & is_scheme, world.truth.evaded, 0)
    own, oracle = (np.convolve(_sums(week, recovered, at, weeks), np.ones(SCHEME_WEEKS))[:weeks] for at in chosen)
    share: Array = np.where(oracle > 0, own / np.maximum(oracle, 1), 0)
    return share


def _weeks_until(weekly: Array, begun: int, level: float) -> int | None:
    """How many weeks after it began, the first counted as 1, until the share is 80 % of the level of calm weeks."""
    reached = np.flatnonzero(weekly[begun:] >= RECOVERED * level)
    return int(reached[0]) + 1 if len(reached) and level > 0 else None


def _sums(week: Array, cents: Array, at: Array, weeks: int) -> Array:
    return np.bincount(week[at], cents[at], weeks)


def _ratio(own: Array, other: Array) -> float:
    return round(float(own.sum() / max(other.sum(), 1)), 4)


def _mean(values: Array) -> float:
    return round(float(values.mean()), 4) if len(values) else 0.0
