"""A model over many records at once, in 64-bit whole numbers with NumPy: the same numbers as one by one, without reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct

from tidewaiter.risk.scoring.model import ScoreModel, Tree
from tidewaiter.risk.scoring.recipe import MICRO, micro


class ScoredBatch(Struct, frozen=True):
    """Probabilities (millionths), margins (billionths), expectations (hundredths; None where there are no amounts).

    Arrays of whole numbers, shape (rows,).
    """

    probability: Any
    margin: Any
    expected: Any


def features_of(model: ScoreModel, rows: Sequence[Mapping[str, str]]) -> Any:
    """The features of the rows, shape (rows, width), in millionths. Raises ModelError where one does not fit."""
    import numpy as np

    for row in rows:
        model.recipe.check(row)
    columns = [_rates(model, place, rows) for place in range(len(model.recipe.chains))]
    columns += [[micro(row[name], name) for row in rows] for name in model.recipe.numbers]
    return np.array(columns, dtype=np.int64).T.reshape(len(rows), len(columns))


def scored_batch(model: ScoreModel, features: Any) -> ScoredBatch:
    """What the model says of rows with these features, shape (rows, width)."""
    import numpy as np

    margin = summed(model.trees, features)
    steps = np.array([step for step, _ in model.calibration], dtype=np.int64)
    rates = np.array([rate for _, rate in model.calibration], dtype=np.int64)
    probability = rates[np.maximum(np.searchsorted(steps, margin, side="right") - 1, 0)]
    if model.amount is UNSET:
        return ScoredBatch(probability, margin, None)
    amount: Any = model.amount.mean
    if model.amount.trees:
        amount = np.clip(summed(model.amount.trees, features), 0, model.amount.most)
    return ScoredBatch(probability, margin, (probability * amount + MICRO // 2) // MICRO)


def summed(trees: Sequence[Tree], features: Any) -> Any:
    """The sum of the leaves that each row reaches, shape (rows,)."""
    import numpy as np

    total = np.zeros(len(features), dtype=np.int64)
    by_column = np.ascontiguousarray(features.T)
    for tree in trees:
        total += _reached(tree, by_column)
    return total


def _reached(tree: Tree, by_column: Any) -> Any:
    """The leaves of one tree: rows go down together, split by split, so that a split is one comparison of an array."""
    import numpy as np

    found = np.empty(by_column.shape[1], dtype=np.int64)
    waiting = [(0 if tree.feature else -1, np.arange(by_column.shape[1]))]
    while waiting:
        node, at = waiting.pop()
        if node < 0:
            found[at] = tree.leaf[~node]
            continue
        goes_left = by_column[tree.feature[node]][at] <= tree.threshold[node]
        waiting += ((tree.left[node], at[goes_left]), (tree.right[node], at[~goes_left]))
    return found


def _rates(model: ScoreModel, chain: int, rows: Sequence[Mapping[str, str]]) -> list[int]:
    levels = list(zip(model.recipe.chains[chain].levels, model.tables[chain], strict=True))
    found = []
    for row in rows:
        rate = model.base_rate
        for level, table in levels:
            if (known := table.get(level.key(row))) is not None:
                rate = known[0]
                break
        found.append(rate)
    return found
