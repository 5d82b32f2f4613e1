"""What a model looks at and what it knows, for people who approve it: read off its trees and tables, nothing is guessed."""

from __future__ import annotations

from msgspec import UNSET, Struct

from tidewaiter.risk.scoring.model import Reason, ScoreModel, reason_of

COMPARABLES_MIN = 20  # of what is told as known: fewer say little


class LookedAt(Struct, frozen=True):
    """A feature, and the share of all splits that are on it: how often the trees ask for it, not what it is worth."""

    feature: str
    splits: int
    share: float


def looked_at(model: ScoreModel) -> list[LookedAt]:
    """Every feature that the trees ask for, the most asked first; those of the amount among them."""
    names = [*(chain.name for chain in model.recipe.chains), *model.recipe.numbers]
    counts = [0] * len(names)
    for tree in (*model.trees, *(() if model.amount is UNSET else model.amount.trees)):
        for feature in tree.feature:
            counts[feature] += 1
    total = sum(counts) or 1
    found = [LookedAt(name, count, round(count / total, 4)) for name, count in zip(names, counts, strict=True) if count]
    return sorted(found, key=lambda each: (-each.splits, each.feature))


def known(model: ScoreModel, most: int = 20) -> list[Reason]:
    """The comparables of which most were not in order, with at least `COMPARABLES_MIN` inspected: reasons it can give."""
    found = [
        (rate, seen, chain.name, level, key)
        for chain, tables in zip(model.recipe.chains, model.tables, strict=True)
        for level, table in zip(chain.levels, tables, strict=True)
        for key, (rate, seen) in table.items()
        if seen >= COMPARABLES_MIN and rate > model.base_rate
    ]
    found.sort(key=lambda each: (-each[0], -each[1], each[2], each[4]))
    return [reason_of(name, level, key, (rate, seen), model.base_rate) for rate, seen, name, level, key in found[:most]]
