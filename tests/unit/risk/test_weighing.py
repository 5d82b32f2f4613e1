"""Chance by weight: as many as asked for, each with the probability that it says, and an estimate without bias."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction

import pytest

from tidewaiter.risk.selection.weighing import Weighed, drawn_by_weight

WEIGHTS = (1, 5, 2, 8, 1, 3, 1, 4)


def parcels(point: Decimal) -> list[Weighed]:
    """Eight parcels, all with this draw; that of the first of a group is the one that counts."""
    return [Weighed(str(at), point, weight) for at, weight in enumerate(WEIGHTS)]


def test_as_many_are_drawn_as_asked_for_or_all_there_are() -> None:
    assert len(drawn_by_weight(parcels(Decimal("0.5")), 3)) == 3
    assert len(drawn_by_weight(parcels(Decimal("0.5")), 20)) == len(WEIGHTS)
    assert drawn_by_weight([], 2) == {}
    assert drawn_by_weight(parcels(Decimal("0.5")), 0) == {}


def test_a_parcel_is_drawn_as_often_as_its_probability_says() -> None:
    """Over all points of a fine grid, which is all that a draw can be, the counts are the probabilities exactly."""
    steps = 100  # the groups weigh 5 and 20, which divide it
    times: Counter[str] = Counter()
    said: dict[str, Fraction] = {}
    for step in range(steps):
        drawn = drawn_by_weight(parcels(Decimal(step) / steps), 2)
        times.update(drawn.keys())
        said |= drawn
    assert set(said) == {str(at) for at in range(len(WEIGHTS))}
    assert {each: Fraction(count, steps) for each, count in times.items()} == said
    assert sum(said.values()) == 2


def test_the_inverse_of_the_probability_estimates_without_bias() -> None:
    """Of any amounts the mean estimate over all points is their sum."""
    amounts = {str(at): value for at, value in enumerate((7, 0, 13, 2, 5, 5, 1, 11))}
    steps = 100
    total = Fraction(0)
    for step in range(steps):
        drawn = drawn_by_weight(parcels(Decimal(step) / steps), 2)
        total += sum((amounts[each] / odds for each, odds in drawn.items()), Fraction(0))
    assert total / steps == sum(amounts.values())


@pytest.mark.parametrize(
    ("draw", "weight", "words"), [("0.5", 0, "never"), ("1", 1, "below 1"), ("-0.1", 1, "below 1")]
)
def test_what_could_not_be_drawn_honestly_is_refused(draw: str, weight: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        drawn_by_weight([Weighed("a", Decimal(draw), weight)], 1)
