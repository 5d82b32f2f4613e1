"""Budgets of an office's day: what was counted when a decision was made, and the rates that leaves.

A decision keeps what was counted then (`Spent`), so its odds are known, and the same when it is made again, however much
was counted since. Chance and what is mandatory are never lowered: they are taken off first, with what is still to come of
them; rules get what is left, as far as it goes, then scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.judgement import DRAWN, LOOKED_AT, Judgement, ReasonKind
from tidewaiter.risk.policy import Budget, Policy, Rates

TAIL: Final = 20  # where more comes than usual, as much as a twentieth of a usual day is taken to be still to come
THOUSANDTHS: Final = 1000
_PLACES: Final = Decimal("0.0001")
_ONE: Final = Decimal(1)


class Usual(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A day of the office, on average of the days before it that were counted; as in `Work`."""

    mandatory: int = 0
    chance: int = 0
    rules_wanted: int = 0
    score_wanted: int = 0


class Work(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Parcels, and of these how many were to be looked at, each counted once: mandatory, else chance, else rules, else score.

    `rules_wanted` and `score_wanted` are thousandths of parcels: what odds at full rates would have come to.
    """

    parcels: int = 0
    mandatory: int = 0
    chance: int = 0
    rules: int = 0
    score: int = 0
    rules_wanted: int = 0
    score_wanted: int = 0

    @property
    def looked_at(self) -> int:
        """All that were to be looked at."""
        return self.mandatory + self.chance + self.rules + self.score

    def __add__(self, other: Work) -> Work:
        return Work(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


NOTHING_DONE: Final = Work()


def total(works: Sequence[Work]) -> Work:
    """All of these together."""
    return Work(**{name: sum(getattr(each, name) for each in works) for name in Work.__struct_fields__})


class Spent(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What was counted of an office's day when a decision was made: by others (`work`), and by the records of its own slice
    that were decided before it (`own`). `flight` and `own_flight` are how many of the same flight are to be looked at.

    Where slices are decided at the same time each has its part (thousandths) of what was left; all alone it has all of it.
    Of a flight each has the same part, and one parcel at least while there is one: together they may be over by these.
    """

    work: Work = NOTHING_DONE
    own: Work = NOTHING_DONE
    usual: Usual = Usual()
    flight: int = 0
    own_flight: int = 0
    part: int = THOUSANDTHS


def room_of(budget: Budget, work: Work, usual: Usual) -> Decimal:
    """How many more parcels rules and scores may have looked at: what is mandatory and what chance draws is taken off first,
    with what is still to come of them. For chance its share of the budget is kept, more where it usually draws more.
    """
    chance = max(budget.parcels * budget.random, Decimal(usual.chance)) - work.chance
    chance = max(chance, Decimal(0))
    mandatory = max(usual.mandatory - work.mandatory, 0)
    return max(budget.parcels - work.looked_at - chance - mandatory, Decimal(0))


def rates_at(policy: Policy, office_id: str, spent: Spent | None) -> Rates:
    """The rates of an office by what is left of its day's budget; those of the policy where it has none, or none is kept."""
    rates, budget = policy.rates_of(office_id), policy.budgets.get(office_id)
    if budget is None or spent is None:
        return rates
    usual = spent.usual
    if spent.part == THOUSANDTHS:
        work, own, part = spent.work + spent.own, NOTHING_DONE, _ONE
        flights, own_flight = spent.flight + spent.own_flight, 0
    else:
        work, own, part = spent.work, spent.own, Decimal(spent.part) / THOUSANDTHS
        flights, own_flight = spent.flight, spent.own_flight
    room = max(room_of(budget, work, usual) * part // 1 - own.rules - own.score, Decimal(0))  # whole parcels
    rules_left = _left(usual.rules_wanted, work.rules_wanted, own.rules_wanted, part)
    rules = min(room / rules_left, _ONE)
    score_left = _left(usual.score_wanted, work.score_wanted, own.score_wanted, part)
    # Without a usual day there is no telling what rules still want: scores share the room until it is used.
    score = min(max(room - (rules * rules_left if usual.rules_wanted else 0), Decimal(0)) / score_left, _ONE)
    flight = _ONE
    if budget.flight_parcels is not None:
        flight_left = max(budget.flight_parcels - flights, 0)
        # A part of a few parcels is less than one: were it none, no flight with a small limit would ever be looked at.
        flight_room = max(flight_left * part // 1, Decimal(min(flight_left, 1))) - own_flight
        flight = min(max(flight_room, Decimal(0)), _ONE)
    return replace(rates, rules=_rounded(rates.rules * rules * flight), score=_rounded(rates.score * score * flight))


def _left(usual: int, wanted: int, own: int, part: Decimal) -> Decimal:
    """How many parcels are still to come that are wanted at full rates; at least one."""
    return max(max((usual - wanted) * part - own, usual * part / TAIL) / THOUSANDTHS, _ONE)


def _rounded(rate: Decimal) -> Decimal:
    return rate.quantize(_PLACES, ROUND_DOWN).normalize() if rate else Decimal(0)


def work_of(judgement: Judgement, shares: Shares) -> Work:
    """What one judgement counts for."""
    is_mandatory = any(
        (each.kind not in DRAWN or each.is_mandatory) and each.lane in LOOKED_AT and not each.is_lifted
        for each in judgement.reasons
    )
    if is_mandatory:
        return Work(parcels=1, mandatory=1)
    kinds = {each.kind for each in judgement.reasons if each.lane in LOOKED_AT and not each.is_lifted}
    by_chance = judgement.draw.is_selected and judgement.lane in LOOKED_AT
    by_rules = not by_chance and ReasonKind.RULE in kinds
    by_score = not by_chance and not by_rules and ReasonKind.SCORE in kinds
    return Work(
        parcels=1,
        chance=int(by_chance),
        rules=int(by_rules),
        score=int(by_score),
        rules_wanted=int(shares.rules * THOUSANDTHS),
        score_wanted=0 if shares.rules else int(shares.score * THOUSANDTHS),
    )


class Shares(Struct, frozen=True, gc=False):
    """The odds that rules and scores would give a parcel at full rates; 0 where none points at it."""

    rules: Decimal = Decimal(0)
    score: Decimal = Decimal(0)
