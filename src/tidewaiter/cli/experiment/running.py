"""Going through the days: parcels come, one in a hundred is examined, outcomes come days later, scores are made anew."""

from __future__ import annotations

from collections.abc import Set
from decimal import ROUND_DOWN, Decimal
from typing import Final

import numpy as np
from msgspec import Struct

from tidewaiter.cli.experiment.columns import Aim, Array, Inspector
from tidewaiter.cli.experiment.curiosity import Curiosity
from tidewaiter.cli.experiment.features import LINKED, Features
from tidewaiter.cli.experiment.learning import Known, Score, Settings, learnt
from tidewaiter.risk.chance import draw
from tidewaiter.risk.selection import Candidate, allocate
from tidewaiter.risk.selection.allocating import Share
from tidewaiter.risk.selection.weighing import Weighed, drawn_by_weight

WEEK: Final = 7
BUDGET: Final = Decimal("0.01")  # of the parcels of a day
DELAY: Final = 3  # full days between a parcel's day and the first day on which its outcome is known
CLAIMS: Final = 3  # times the budget: how many promises of a day are told to the policy; no others could be reached
FLOOR: Final = 0.25  # of an average weight, which every parcel has
WEIGHTS: Final = 1000  # units of an average weight
_PLACES: Final = Decimal("0.000001")
_LANES: Final = (Share.RANDOM, Share.SCORE)


class Plan(Struct, frozen=True, kw_only=True):
    """One way to select: the share of the budget for chance, what is looked for and learnt from, and until which week."""

    name: str
    random_share: Decimal = Decimal("0.05")
    aim: Aim = Aim.REVENUE
    optimism: float = 0.1  # how much of what may be at stake is hoped for where little is known
    is_weighed: bool = False  # chance draws more often where more may be found
    curious_first: Decimal = Decimal(0)  # of the budget, until there is a score, for what is least known
    uses_links: bool = True  # outcomes known of others who share a name, address or phone
    uses_shared: bool = True  # how many parcels share an address, phone or household
    uses_score: bool = True
    last_lesson: int = 10**6  # the last week (from 0) in which the score is made anew
    settings: Settings = Settings()


class Run(Struct, frozen=True):
    """What was examined in a year: positions, by which share (0 chance, 1 score), and with which probability."""

    at: Array
    lane: Array
    propensity: Array


class _Links:
    """How many parcels with known outcomes share a name, address or phone with one, and how many were not in order."""

    def __init__(self, features: Features) -> None:
        self._keys = tuple(features.links.values())
        self._bad = [np.zeros(int(key.max()) + 1) for key in self._keys]
        self._good = [np.zeros(int(key.max()) + 1) for key in self._keys]

    def learn(self, at: Array, is_found: Array) -> None:
        for key, bad, good in zip(self._keys, self._bad, self._good, strict=True):
            np.add.at(bad, key[at[is_found]], 1)
            np.add.at(good, key[at[~is_found]], 1)

    def of(self, at: Array) -> Array:
        """Numbers of shape (parcels, 3 for each key and 1): bad, good, share of bad; and the bad over all keys."""
        found: list[Array] = []
        for key, bad, good in zip(self._keys, self._bad, self._good, strict=True):
            own, other = bad[key[at]], good[key[at]]
            found += [own, other, (own + 0.1) / (own + other + 1)]
        return np.column_stack([*found, sum(found[0::3])])


def draws_of(seed: int, parcels: int) -> list[Decimal]:
    """The draw of each parcel, in order, as the policy makes them; the last is where chance's share begins to be due."""
    secret = f"experiment {seed}".encode()
    return [Decimal(draw(secret, str(seed), f"SW{n:09d}", BUDGET).share) for n in range(1, parcels + 2)]


def run(day: Array, features: Features, inspector: Inspector, draws: list[Decimal], plan: Plan) -> Run:
    """One year under a plan. What is known of a parcel is what it shows, and outcomes of those examined before."""
    links = _Links(features)
    waiting: list[tuple[Array, Array, Array, Array, Array]] = []
    known: list[tuple[Array, Array, Array, Array, Array]] = []
    chosen: list[tuple[Array, Array, Array]] = []
    score: Score | None = None
    hidden: Set[str] = frozenset() if plan.uses_shared else LINKED
    shown = np.array([name not in hidden for name in features.names])
    curious = Curiosity(features, day, hidden)
    # Of chance's share, what is not yet a whole parcel waits for the next day. It begins at a draw, so that no day is
    # known beforehand to have none; the propensities that are kept hold given how many are drawn that day.
    due = draws[-1]
    for today in range(int(day.max()) + 1):
        if today > DELAY:
            told = waiting[today - DELAY - 1]
            known.append(told)
            links.learn(told[0], told[2])
        if today % WEEK == 0:
            curious.begin_week(today)
        if today % WEEK == 0 and known and plan.uses_score and today // WEEK <= plan.last_lesson:
            score = learnt(_joined(known), features, _chains(plan), plan.settings) or score
        at = np.arange(*np.searchsorted(day, (today, today + 1)))
        numbers = features.numbers[at][:, shown]
        if plan.uses_links:
            numbers = np.column_stack([numbers, links.of(at)])
        promises, spread = _promises(score, at, numbers, (plan, curious))
        budget = _budget(at)
        if score is None:
            by_chance = budget - int(budget * plan.curious_first)
        else:
            by_chance = int(due + budget * plan.random_share)
            due += budget * plan.random_share - by_chance
        if score is not None and plan.is_weighed:
            place, lane, propensity = _weighed(at, (promises, spread), draws, (budget, by_chance))
        else:
            place, lane, propensity = _selected(at, promises, draws, (budget, by_chance))
        curious.note(at[place])
        found, cents = inspector.examine(at[place])
        waiting.append((at[place], numbers[place], found, cents, propensity))
        chosen.append((at[place], lane, propensity))
    return Run(*(np.concatenate(column) for column in zip(*chosen, strict=True)))


def _budget(at: Array) -> int:
    """How many of a day's parcels may be examined: a hundredth of all so far, to the parcel."""
    return int((int(at[-1]) + 1) * BUDGET) - int(int(at[0]) * BUDGET) if len(at) else 0


def _promises(score: Score | None, at: Array, numbers: Array, hope: tuple[Plan, Curiosity]) -> tuple[Array, Array]:
    """What the policy is told of these parcels: the cents to expect, and more the less is known of parcels like them.

    Probability x amount is what the score expects. Above it comes the plan's optimism, times how little is known, times
    what may be at stake: the amount expected where something is wrong, or what is declared, if that is more. Beside it
    stands the root of the mean square of what may be found, the square root of the probability x amount.
    """
    plan, curious = hope
    if score is None:
        return curious.of(at) if plan.curious_first else np.zeros(len(at)), np.ones(len(at))
    probability, amount = score.expected(at, numbers)
    expected: Array = probability * amount
    if plan.optimism:
        expected = expected + plan.optimism * curious.of(at) * (
            np.maximum(amount, curious.declared[at]) if plan.aim is Aim.REVENUE else amount
        )
    return expected, np.sqrt(probability) * amount


def _weighed(
    at: Array, told: tuple[Array, Array], draws: list[Decimal], room: tuple[int, int]
) -> tuple[Array, Array, Array]:
    """As `_selected`, where chance draws by weight: the score takes its part for certain, chance among all others.

    The weight is in part the same for all and in part what may be found, as a total is estimated best by odds in
    proportion to the root of the mean square (Saerndal, Swensson, Wretman, "Model Assisted Survey Sampling", 1992).
    """
    (promises, spread), (budget, by_chance) = told, room
    order = np.argsort(-promises, kind="stable")[: budget - by_chance]
    rest = np.setdiff1d(np.arange(len(at)), order)
    weights = FLOOR + (1 - FLOOR) * spread[rest] / max(float(spread[rest].mean()), 1e-9)
    among = [
        Weighed(str(place), draws[number], max(1, weight))
        for place, number, weight in zip(
            rest.tolist(), at[rest].tolist(), np.rint(WEIGHTS * weights).astype(np.int64).tolist(), strict=True
        )
    ]
    drawn = drawn_by_weight(among, by_chance)
    places = np.array([*order.tolist(), *map(int, drawn)], dtype=np.int64)
    lanes = np.array([1] * len(order) + [0] * len(drawn), dtype=np.int64)
    return places, lanes, np.array([1.0] * len(order) + [float(each) for each in drawn.values()])


def _chains(plan: Plan) -> tuple[str, ...]:
    return ("product", "words", "sender", "sender and product") if plan.uses_links else ("product", "words")


def _joined(known: list[tuple[Array, Array, Array, Array, Array]]) -> Known:
    return Known(*(np.concatenate(column) for column in zip(*known, strict=True)))


def _selected(at: Array, promises: Array, draws: list[Decimal], room: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Places among the day's parcels, lanes and propensities of what the policy (`risk.selection`) takes with this room:
    how many may be examined, and how many of them chance draws.
    """
    budget, by_chance = room
    share = (Decimal(by_chance) / max(budget, 1)).quantize(_PLACES, ROUND_DOWN)  # the policy rounds up to whole parcels
    claims = set(np.argsort(-promises, kind="stable")[: CLAIMS * budget].tolist())
    candidates = [
        Candidate(
            parcel_id=f"{number:09d}",
            draw=draws[number],
            promise=Decimal(max(0, round(float(promises[place]) * 1000))) if place in claims else Decimal(0),
        )
        for place, number in enumerate(at.tolist())
    ]
    taken = [
        (place, _LANES.index(each.share), float(each.propensity))
        for place, each in enumerate(allocate(candidates, budget, share))
        if each.share in _LANES
    ]
    places, lanes, propensities = zip(*taken, strict=True) if taken else ((), (), ())
    return np.array(places, dtype=np.int64), np.array(lanes, dtype=np.int64), np.array(propensities, dtype=np.float64)
