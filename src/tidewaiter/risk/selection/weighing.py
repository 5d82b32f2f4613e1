"""Chance that looks more often where more is at stake, with every parcel's probability exact and above 0.

Drawn as Rao, Hartley and Cochran give it ("On a simple procedure of unequal probability sampling without replacement",
Journal of the Royal Statistical Society B 24, 1962): the parcels are dealt into as many groups as are to be drawn, and of
each group one is drawn in proportion to its weight. Given the groups, which depend on the order alone, a parcel's
probability is its weight over its group's, so that its inverse weighs what was found to an estimate without bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct


class Weighed(Struct, frozen=True, gc=False):
    """One parcel: its draw in [0, 1), as committed in advance, and its weight, a whole number above 0."""

    parcel_id: str
    draw: Decimal
    weight: int


def drawn_by_weight(among: Sequence[Weighed], count: int) -> dict[str, Fraction]:
    """The parcels that chance draws, at most `count`, each with its probability; the order given makes the groups.

    The point drawn in a group is the draw of its first parcel, on which no weight depends. Raises ValueError for a
    weight that is not above 0, by which a parcel could never be drawn, and for a draw outside [0, 1).
    """
    if any(each.weight <= 0 for each in among):
        raise ValueError("a parcel with no weight could never be drawn")
    if any(not 0 <= each.draw < 1 for each in among):
        raise ValueError("a draw lies from 0 to below 1")
    groups = min(count, len(among))
    found: dict[str, Fraction] = {}
    for start in range(groups):
        group = among[start::groups]
        total = sum(each.weight for each in group)
        chosen = _at(group, Fraction(group[0].draw) * total)
        found[chosen.parcel_id] = Fraction(chosen.weight, total)
    return found


def _at(group: Sequence[Weighed], point: Fraction) -> Weighed:
    """The parcel in whose stretch of the summed weights the point lies."""
    reached = 0
    for each in group:
        reached += each.weight
        if point < reached:
            return each
    raise AssertionError("the point lies below the sum")
