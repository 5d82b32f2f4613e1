"""Training with LightGBM (the extra `risk`): out-of-fold encodings, propensity weights, calibration, leak guard."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct

from tidewaiter.risk.scoring.amounts import Owed, amount_of
from tidewaiter.risk.scoring.encoding import Learnt, backed_off
from tidewaiter.risk.scoring.model import ScoreModel, Tree
from tidewaiter.risk.scoring.recipe import MICRO, ModelError, Recipe, micro

BILLION = 1_000_000_000
GUARD = 4.0  # standard errors of the AUC that shuffled labels may lie from one half


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """How to train: everything that is chosen, so that the same rows give the same model."""

    seed: int = 1
    rounds: Annotated[int, Meta(ge=1, le=10_000)] = 250
    leaves: Annotated[int, Meta(ge=2, le=1_000)] = 15
    rate: Annotated[float, Meta(gt=0, le=1)] = 0.03
    strength: Annotated[int, Meta(ge=0)] = 20  # comparables' worth of trust in the wider level
    folds: Annotated[int, Meta(ge=2, le=20)] = 5
    least: Annotated[int, Meta(ge=1)] = 50  # rows a leaf has
    share: Annotated[float, Meta(gt=0, le=1)] = 0.6  # of the features, for each tree
    ridge: Annotated[float, Meta(ge=0)] = 0  # what holds a leaf to nought (L2)
    rising: bool = False  # a higher rate among comparables never lowers the score
    amount: str = ""  # the column of what was found to be owed; none: no amounts are learnt
    currency: str = ""  # of that column


@dataclass(frozen=True)
class Trained:
    """A model with its figures on rows held out within training, and the same with labels shuffled."""

    model: ScoreModel
    auc: float
    shuffled_auc: float
    rows: int
    half_width: float  # of the 95 % interval of an AUC over so many rows
    effective_rows: int = 0  # as many rows, alike in weight, would tell as much
    plain_rate: float = 0  # the share not in order among the rows, unweighted
    owed_rows: int = 0  # rows not in order whose amount is known


class _Rows:
    """Training rows as arrays: a code per level of each chain, numbers in millionths, labels, weights."""

    def __init__(self, rows: Sequence[Mapping[str, str]], recipe: Recipe) -> None:
        import numpy as np

        recipe.check_taught(enumerate(rows, 1))
        self.recipe = recipe
        self.y = np.array([int(row[recipe.label]) for row in rows], dtype=np.int64)
        name = recipe.propensity
        propensity = np.array([float(row[name]) for row in rows]) if name else np.ones(len(rows))
        if len(rows) < 100 or self.y.min() == self.y.max():
            there = f"{len(rows)} rows, {int(self.y.sum())} of them not in order"
            raise ModelError(f"too little to learn from: {there}", hint="at least 100 rows with both outcomes")
        groups: dict[tuple[str, ...], int] = {}
        alike = [tuple(row[n] for n in recipe.group) if recipe.group else (str(i),) for i, row in enumerate(rows)]
        self.group = np.array([groups.setdefault(key, len(groups)) for key in alike])
        # Copies count as one; and as if there were as many rows as tell as much, so that one seldom drawn does not count
        # for many comparables (Kish's effective size, of groups).
        inverse = 1 / propensity / np.bincount(self.group)[self.group]
        self.w = inverse * (inverse.sum() / (np.bincount(self.group, inverse) ** 2).sum())
        self.keys: list[list[dict[str, int]]] = []
        self.codes: list[list[Any]] = []
        for chain in recipe.chains:
            indexes: list[dict[str, int]] = [{} for _ in chain.levels]
            columns = [
                np.array([index.setdefault(level.key(row), len(index)) for row in rows])
                for level, index in zip(chain.levels, indexes, strict=True)
            ]
            self.keys.append(indexes)
            self.codes.append(columns)
        self.numbers = [np.array([micro(row[n], n) for row in rows], dtype=np.float64) for n in recipe.numbers]

    def tables(self, at: Any, y: Any, strength: int) -> list[list[tuple[Any, Any]]]:
        """Rates (millionths) and counts by code for each level, learnt from the rows `at` only."""
        import numpy as np

        base = np.average(y[at], weights=self.w[at])
        learnt = Learnt(y, self.w, at)
        found = []
        for indexes, codes in zip(self.keys, self.codes, strict=True):
            levels = [(code, len(index)) for index, code in zip(indexes, codes, strict=True)]
            rates = backed_off(levels, learnt, float(base), strength)
            found.append([(np.rint(rate * MICRO), seen) for rate, seen in rates])
        return found

    def matrix(self, tables: list[list[tuple[Any, Any]]], at: Any) -> Any:
        """The features of the rows `at` with given tables."""
        import numpy as np

        rates = [t[0][0][codes[0][at]] for t, codes in zip(tables, self.codes, strict=True)]
        return np.column_stack([*rates, *(n[at] for n in self.numbers)])


def train(rows: Sequence[Mapping[str, str]], recipe: Recipe, settings: Settings | None = None) -> Trained:
    """Learn a score; ModelError where rows do not fit, or where shuffled labels can be foretold (a leak)."""
    import numpy as np

    chosen = settings or Settings()
    data = _Rows(rows, recipe)
    chance = np.random.default_rng(chosen.seed)
    part = (chance.permutation(int(data.group.max()) + 1) % chosen.folds)[data.group]
    margins = _held_out(data, data.y, part, chosen)
    shuffled = chance.permutation(data.y)
    guard = auc(_held_out(data, shuffled, part, chosen), shuffled)
    positive = int(data.y.sum())
    allowed = GUARD * math.sqrt((len(rows) + 1) / (12 * positive * (len(rows) - positive)))
    if abs(guard - 0.5) > max(0.01, allowed):
        raise ModelError(f"refused: with labels shuffled the AUC is {guard:.3f}, not one half: something leaks")
    everything = np.arange(len(rows))
    booster, tables, features = _fit(data, data.y, everything, chosen)
    owed = _owed(rows, data, part, chosen)
    kept = tuple(
        tuple(
            {key: (int(rates[code]), int(seen[code])) for key, code in index.items()}
            for index, (rates, seen) in zip(indexes, levels, strict=True)
        )
        for indexes, levels in zip(data.keys, tables, strict=True)
    )
    model = ScoreModel(
        recipe,
        round(float(np.average(data.y, weights=data.w)) * MICRO),
        kept,
        tuple(_tree(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]),
        _isotonic(margins, data.y, data.w),
        amount=UNSET if owed is None else amount_of(owed, features, chosen.seed, _tree),
    )
    effective = float(data.w.sum())
    return Trained(
        model, round(auc(margins, data.y, data.w), 6), round(guard, 6), len(rows),
        round(allowed / GUARD * 1.96 * math.sqrt(len(rows) / effective), 6),
        effective_rows=round(effective), plain_rate=round(float(data.y.mean()), 6),
        owed_rows=0 if owed is None else len(owed.at),
    )  # fmt: skip


def auc(scores: Any, y: Any, w: Any = None) -> float:
    """The area under the ROC curve, ties counted half; of weighted rows, where there are weights `w`."""
    import numpy as np

    if w is not None:
        _, place = np.unique(scores, return_inverse=True)
        bad, good = np.bincount(place, w * y), np.bincount(place, w * (1 - y))
        return float((bad * (np.cumsum(good) - good / 2)).sum() / (bad.sum() * good.sum()))
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positive = y.sum()
    return float((ranks[y == 1].sum() - positive * (positive + 1) / 2) / (positive * (len(y) - positive)))


def _owed(rows: Sequence[Mapping[str, str]], data: _Rows, part: Any, chosen: Settings) -> Owed | None:
    """The rows not in order whose amount is known; None where amounts are not asked for."""
    import numpy as np

    if not chosen.amount:
        return None
    at = np.array([i for i, row in enumerate(rows) if data.y[i] and row.get(chosen.amount, "")], dtype=np.int64)
    hundredths = np.array(
        [micro(rows[i][chosen.amount], chosen.amount) // (MICRO // 100) for i in at], dtype=np.float64
    )
    return Owed(at, hundredths, data.w[at], part[at], chosen.currency) if len(at) and hundredths.any() else None


def _fit(data: _Rows, y: Any, at: Any, chosen: Settings) -> tuple[Any, list[list[tuple[Any, Any]]], Any]:
    import lightgbm
    import numpy as np

    inner = np.random.default_rng([chosen.seed, len(at)]).permutation(int(data.group.max()) + 1) % chosen.folds
    inner = inner[data.group[at]]
    features = np.empty((len(at), len(data.codes) + len(data.numbers)))
    for fold in range(chosen.folds):
        features[inner == fold] = data.matrix(data.tables(at[inner != fold], y, chosen.strength), at[inner == fold])
    parameters = {
        "objective": "binary", "verbosity": -1, "seed": chosen.seed, "deterministic": True, "num_threads": 1,
        "force_row_wise": True, "num_leaves": chosen.leaves, "learning_rate": chosen.rate,
        "min_data_in_leaf": chosen.least, "feature_fraction": chosen.share, "lambda_l2": chosen.ridge,
        "bagging_fraction": 0.8, "bagging_freq": 1, "use_missing": False,
    }  # fmt: skip
    if chosen.rising:
        parameters["monotone_constraints"] = [1] * len(data.codes) + [0] * len(data.numbers)
    booster = lightgbm.train(parameters, lightgbm.Dataset(features, y[at], weight=data.w[at]), chosen.rounds)
    return booster, data.tables(at, y, chosen.strength), features


def _held_out(data: _Rows, y: Any, part: Any, chosen: Settings) -> Any:
    """Margins (billionths) of every row by a model that saw neither its label nor an encoding of it."""
    import numpy as np

    margins = np.empty(len(y))
    for fold in range(chosen.folds):
        booster, tables, _ = _fit(data, y, np.flatnonzero(part != fold), chosen)
        held = np.flatnonzero(part == fold)
        margins[held] = np.rint(booster.predict(data.matrix(tables, held), raw_score=True) * BILLION)
    return margins


def _tree(root: dict[str, Any], parts: int = BILLION) -> Tree:
    feature: list[int] = []
    threshold: list[int] = []
    left: list[int] = []
    right: list[int] = []
    leaf: list[int] = []

    def walk(node: dict[str, Any]) -> int:
        if "leaf_value" in node:
            leaf.append(round(node["leaf_value"] * parts))
            return -len(leaf)
        place = len(feature)
        feature.append(node["split_feature"])
        threshold.append(math.floor(node["threshold"]))
        left.append(0)
        right.append(0)
        left[place] = walk(node["left_child"])
        right[place] = walk(node["right_child"])
        return place

    walk(root)
    return Tree(tuple(feature), tuple(threshold), tuple(left), tuple(right), tuple(leaf))


def _isotonic(margins: Any, y: Any, w: Any) -> tuple[tuple[int, int], ...]:
    """Steps (margin, millionths) that never fall, by pooling adjacent violators over held-out margins."""
    import numpy as np

    order = np.argsort(margins, kind="stable")
    blocks: list[list[float]] = []
    for margin, weight, bad in zip(margins[order], w[order], (w * y)[order], strict=True):
        if blocks and blocks[-1][0] == margin:
            blocks[-1][1] += weight
            blocks[-1][2] += bad
        else:
            blocks.append([margin, weight, bad])
        while len(blocks) > 1 and blocks[-2][2] * blocks[-1][1] >= blocks[-1][2] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1][1] += last[1]
            blocks[-1][2] += last[2]
    return tuple((int(margin), round(bad / weight * MICRO)) for margin, weight, bad in blocks)
