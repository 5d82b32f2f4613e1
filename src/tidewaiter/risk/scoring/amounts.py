"""What is owed where something is not in order: learnt from what examinations found, told in whole hundredths.

Trees are kept only where they foretell amounts of rows they have not seen better than the mean does; else the mean stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from tidewaiter.risk.scoring.model import Amount, Tree

ROWS_MIN: Final = 100  # with amounts, before trees are tried
BETTER: Final = 0.98  # of the mean's squared error that trees may leave
ROUNDS: Final = 80


class Owed(Struct, frozen=True):
    """Rows not in order with what was found to be owed: positions, hundredths, weights, folds; shape (rows,) each."""

    at: Any
    hundredths: Any
    weights: Any
    part: Any
    currency: str


def amount_of(owed: Owed, features: Any, seed: int, tree_of: Callable[[dict[str, Any], int], Tree]) -> Amount:
    """The model of amounts over the features (rows, width) in which `owed.at` are positions.

    `tree_of` turns a dumped tree into one whose leaves are whole parts of so many to one.
    """
    import numpy as np

    mean = float(np.average(owed.hundredths, weights=owed.weights))
    most = int(owed.hundredths.max())
    plain = Amount(owed.currency, round(mean), most)
    own = features[owed.at]
    if len(owed.at) < ROWS_MIN or not _is_better(owed, own, seed):
        return plain
    dumped = _trees(own, owed.hundredths, owed.weights, seed).dump_model()["tree_info"]
    return Amount(owed.currency, plain.mean, most, tuple(tree_of(each["tree_structure"], 1) for each in dumped))


def _is_better(owed: Owed, own: Any, seed: int) -> bool:
    import numpy as np

    left = told = 0.0
    for fold in np.unique(owed.part):
        held, rest = owed.part == fold, owed.part != fold
        if not rest.any():
            return False
        mean = np.average(owed.hundredths[rest], weights=owed.weights[rest])
        found = _trees(own[rest], owed.hundredths[rest], owed.weights[rest], seed).predict(own[held])
        left += float((owed.weights[held] * (owed.hundredths[held] - mean) ** 2).sum())
        told += float((owed.weights[held] * (owed.hundredths[held] - found) ** 2).sum())
    return told < BETTER * left


def _trees(table: Any, target: Any, weights: Any, seed: int) -> Any:
    import lightgbm

    parameters = {
        "objective": "regression", "verbosity": -1, "seed": seed, "deterministic": True, "num_threads": 1,
        "force_row_wise": True, "num_leaves": 8, "learning_rate": 0.05, "min_data_in_leaf": 20, "use_missing": False,
    }  # fmt: skip
    return lightgbm.train(parameters, lightgbm.Dataset(table, target, weight=weights), ROUNDS)
