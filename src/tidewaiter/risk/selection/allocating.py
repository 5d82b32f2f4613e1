"""Sharing a day's examinations among parcels that are known in advance: a flight, a day's mail, a queue too long.

Mandatory ones first; then the random lane its share of the budget, of all others alike; then rules by priority; then
scores by what they promise. Chance draws systematically along the order of the draws, so that its number is exact and
every parcel's probability is the same; what rules and scores take is certain once the draws of chance are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import comb

from msgspec import Struct


class Share(StrEnum):
    """By which share of the budget a parcel is looked at."""

    MANDATORY = "mandatory"
    RANDOM = "random"
    RULES = "rules"
    SCORE = "score"
    NONE = ""


class Candidate(Struct, frozen=True, kw_only=True):
    """One parcel. `draw` is its share in [0, 1), `promise` what a score expects of it (least 0)."""

    parcel_id: str
    draw: Decimal
    is_mandatory: bool = False
    rule_priority: int | None = None  # the least of the rules that hold; None where none does
    promise: Decimal = Decimal(0)


class Chosen(Struct, frozen=True):
    """Whether a parcel is looked at and by which share, and the probability of it over the draws."""

    parcel_id: str
    share: Share
    propensity: Fraction


def allocate(candidates: Sequence[Candidate], budget: int, random_share: Decimal) -> list[Chosen]:
    """What is chosen, in the order given. Beside the mandatory ones, which are never left out, at most `budget` in all.

    `random_share` of the budget goes to chance, at least one parcel where there is any budget and a share at all; it
    is the same whether many or few are mandatory. Raises ValueError for a share outside 0 to 1.
    """
    if not 0 <= random_share <= 1:
        raise ValueError(f"a share lies between 0 and 1, not {random_share}")
    mandatory = {each.parcel_id for each in candidates if each.is_mandatory}
    others = [each for each in candidates if not each.is_mandatory]
    by_chance = min(_rounded_up(budget * random_share), len(others))
    drawn = {each.parcel_id for each in sorted(others, key=_by_draw)[:by_chance]}
    room = max(budget - len(mandatory) - by_chance, 0)
    wanting = [each for each in others if each.rule_priority is not None or each.promise > 0]
    # Certain ones: as many of the first in order as there is room for, whoever chance draws.
    order = sorted(wanting, key=_by_claim)
    taken = [each for each in order if each.parcel_id not in drawn][:room]
    aimed = {each.parcel_id: Share.RULES if each.rule_priority is not None else Share.SCORE for each in taken}
    rank = {each.parcel_id: place for place, each in enumerate(order)}
    size = Sizes(others=len(others), by_chance=by_chance, room=room)
    return [
        Chosen(
            each.parcel_id,
            _share_of(each.parcel_id, mandatory, drawn, aimed),
            Fraction(1) if each.is_mandatory else size.propensity(rank.get(each.parcel_id)),
        )
        for each in candidates
    ]


class Sizes(Struct, frozen=True):
    """How many there are to draw of, how many chance draws, how many more there is room for."""

    others: int
    by_chance: int
    room: int

    def propensity(self, rank: int | None) -> Fraction:
        """The probability of one that is `rank`-th (from 0) in the order of claims; None for one without a claim.

        Drawn, or not drawn and among the first `room` that are not: chance takes `by_chance` of `others`, each subset
        alike, so how many of the `rank` before it are drawn is hypergeometric.
        """
        if not self.others:
            return Fraction(0)
        drawn = Fraction(self.by_chance, self.others)
        if rank is None:
            return drawn
        if rank < self.room:
            return Fraction(1)
        return drawn + (1 - drawn) * self._is_reached(rank)

    def _is_reached(self, rank: int) -> Fraction:
        """Of `rank` others before it, at least `rank` - `room` + 1 drawn, given that it is not drawn itself."""
        others, draws = self.others - 1, self.by_chance
        needed = rank - self.room + 1
        ways = sum(
            (_choose(rank, hit) * _choose(others - rank, draws - hit) for hit in range(needed, min(rank, draws) + 1)), 0
        )
        return Fraction(ways, _choose(others, draws)) if draws <= others else Fraction(0)


def _choose(many: int, few: int) -> int:
    return comb(many, few) if 0 <= few <= many else 0


def _share_of(parcel_id: str, mandatory: set[str], drawn: set[str], aimed: dict[str, Share]) -> Share:
    if parcel_id in mandatory:
        return Share.MANDATORY
    return Share.RANDOM if parcel_id in drawn else aimed.get(parcel_id, Share.NONE)


def _by_draw(each: Candidate) -> tuple[Decimal, str]:
    return each.draw, each.parcel_id


def _by_claim(each: Candidate) -> tuple[bool, int, Decimal, str]:
    return each.rule_priority is None, each.rule_priority or 0, -each.promise, each.parcel_id


def _rounded_up(number: Decimal) -> int:
    return -(-number.as_integer_ratio()[0] // number.as_integer_ratio()[1])
