"""How much of all is not in order, from what was examined: unbiased, with an interval that means what it says.

Every decision keeps its probability of being looked at, so the frame is known: how many parcels there are of each
probability. Within one probability all parcels had the same chance, and Clopper and Pearson's exact interval holds, also
where nothing was found. Of several, shares are weighed by numbers of parcels, and the intervals joined. Weighing each
examination by the inverse of its probability, with an interval from the linearised variance, was tried: of rare faults
that chance alone finds it covered 41 to 96 of a hundred where 95 were meant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from msgspec import Struct

CONFIDENCE: Final = 0.95
EXAMINED_MIN: Final = 20  # examinations of a stratum that is weighed by itself
NEAR: Final = 2  # times the probability; strata further apart are never put together


class Seen(Struct, frozen=True):
    """One parcel of the frame: the probability with which it was to be looked at, over 0, and what came of it.

    `is_irregular` is None where it was not examined.
    """

    propensity: Decimal
    is_irregular: bool | None = None


class Stratum(Struct, frozen=True):
    """Parcels of one probability: how many there are, how many were examined, and how many of these were not in order."""

    propensity: Decimal
    parcels: int
    examined: int
    irregular: int


class Interval(Struct, frozen=True):
    """A share of 1 with the bounds of its interval; `examined` is how many it rests on."""

    share: float
    low: float
    high: float
    examined: int


def of_draw(irregular: int, examined: int, confidence: float = CONFIDENCE) -> Interval:
    """The share not in order among parcels drawn with one probability (Clopper, Pearson 1934). Raises ValueError."""
    if not 0 <= irregular <= examined:
        raise ValueError(f"{irregular} of {examined} is no share")
    if not examined:
        return Interval(0.0, 0.0, 1.0, 0)
    tail = (1 - confidence) / 2
    fewer, not_more = _fewer_than(irregular, examined), _fewer_than(irregular + 1, examined)
    low = 0.0 if irregular == 0 else _solved(lambda p: 1 - fewer(p) - tail)
    high = 1.0 if irregular == examined else _solved(lambda p: tail - not_more(p))
    return Interval(irregular / examined, low, high, examined)


def strata_of(frame: Iterable[Seen]) -> list[Stratum]:
    """The parcels by their probability, least first. Raises ValueError for a probability that is none, or 0."""
    found: dict[Decimal, list[int]] = {}
    for each in frame:
        if not 0 < each.propensity <= 1:
            raise ValueError(f"a probability lies over 0 and up to 1, not {each.propensity}")
        counts = found.setdefault(each.propensity, [0, 0, 0])
        counts[0] += 1
        counts[1] += each.is_irregular is not None
        counts[2] += bool(each.is_irregular)
    return [Stratum(propensity, *found[propensity]) for propensity in sorted(found)]


def estimate(strata: Sequence[Stratum], confidence: float = CONFIDENCE) -> Interval:
    """The share not in order among all parcels of these strata, each weighed by how many it has.

    The interval joins each stratum's exact one (Zou and Donner 2008: the distances to the limits add up as squares); a
    stratum that was examined whole adds none, one of which nothing was examined may be anything.
    """
    strata = joined(strata)
    total = sum(each.parcels for each in strata)
    examined = sum(each.examined for each in strata)
    if not total or not examined:
        return Interval(0.0, 0.0, 1.0, examined)
    share = _weighed(strata, total)
    below = above = 0.0
    for each in strata:
        weight = each.parcels / total
        own = of_draw(each.irregular, each.examined, confidence)
        if each.examined < each.parcels:
            below += (weight * (own.share - own.low)) ** 2
            above += (weight * (own.high - own.share)) ** 2
    return Interval(share, max(share - math.sqrt(below), 0.0), min(share + math.sqrt(above), 1.0), examined)


def share_of(strata: Sequence[Stratum]) -> float:
    """The share alone that `estimate` gives; 0 where nothing was examined. The limits of an interval take far longer."""
    return _weighed(joined(strata), sum(each.parcels for each in strata))


def _weighed(strata: Sequence[Stratum], total: int) -> float:
    """The one sum behind both, rounded once: the same strata in any order give the same share to the last digit."""
    found = sum(Fraction(each.parcels * each.irregular, each.examined) for each in strata if each.examined)
    return float(found / total) if total else 0.0


def joined(strata: Sequence[Stratum], least: int = EXAMINED_MIN) -> list[Stratum]:
    """Strata with fewer than `least` examinations put together with the next one, of at most twice the probability.

    What is put together is weighed as one, so that many small strata do not each bring an interval of their own. One
    that has no near neighbour stays small, and its interval wide: to take it for another would bias the whole.
    """
    found: list[Stratum] = []
    for each in sorted(strata, key=lambda stratum: stratum.propensity):
        before = found[-1] if found else None
        is_small = before is not None and before.examined < min(least, before.parcels)
        if before is not None and is_small and each.propensity <= before.propensity * NEAR:
            larger = max(before, each, key=lambda stratum: stratum.parcels)
            found[-1] = Stratum(
                larger.propensity,
                before.parcels + each.parcels,
                before.examined + each.examined,
                before.irregular + each.irregular,
            )
        else:
            found.append(each)
    return found


def _fewer_than(count: int, trials: int) -> Callable[[float], float]:
    """The probability of fewer than `count` in `trials`, as a function of what one has."""
    ways = math.lgamma(trials + 1)
    chosen = [(k, ways - math.lgamma(k + 1) - math.lgamma(trials - k + 1)) for k in range(count)]

    def below(p: float) -> float:
        if p <= 0:
            return 1.0
        if p >= 1:
            return 0.0
        log_p, log_q = math.log(p), math.log1p(-p)
        return min(math.fsum([math.exp(each + k * log_p + (trials - k) * log_q) for k, each in chosen]), 1.0)

    return below


def _solved(rises: Callable[[float], float]) -> float:
    """Where a rising function of [0, 1] passes 0, halved until no number lies between the limits."""
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if rises(middle) < 0:
            low = middle
        else:
            high = middle
    return middle
