"""From budgets to rates: what an office can look at in a day, and the odds that come to it on average."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.risk.policy import Policy, Rates

_PLACES: Final = Decimal("0.0001")


class Volume(Struct, frozen=True, kw_only=True):
    """What came to an office in a day, on average: parcels, those looked at for mandatory reasons, and those that rules and
    scores would send on at full rates. Each parcel counts once, for the first of these it is.
    """

    parcels: Decimal
    mandatory: Decimal
    rules: Decimal
    score: Decimal


def planned(policy: Policy, volumes: Mapping[str, Volume]) -> Policy:
    """The policy with rates for each office that has a budget, such that on average it is kept.

    What is mandatory comes first, whatever the budget. Chance gets its share of the budget next, never less than the
    policy's minimum; then rules, then scores, as far as the rest goes.
    """
    offices = dict(policy.offices)
    for office, budget in policy.budgets.items():
        volume = volumes.get(office)
        if volume is None or volume.parcels <= 0:
            continue
        open_to_chance = max(volume.parcels - volume.mandatory, Decimal(0))
        wanted = budget.parcels * budget.random
        random = _share(wanted, open_to_chance)
        random = max(random, min(policy.minimum_share, policy.selection_share))
        rest = max(budget.parcels - volume.mandatory - random * open_to_chance, Decimal(0))
        rules = _share(rest, volume.rules)
        score = _share(max(rest - rules * volume.rules, Decimal(0)), volume.score)
        offices[office] = Rates(rules=rules, score=score, random=random)
    return replace(policy, offices=offices)


def _share(room: Decimal, wanting: Decimal) -> Decimal:
    """The share of what wants in that there is room for, rounded down."""
    if wanting <= room:
        return Decimal(1)
    return (max(room, Decimal(0)) / wanting).quantize(_PLACES, ROUND_DOWN)
