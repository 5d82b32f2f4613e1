"""What is learnt from examined parcels alone: how likely one is not in order, and what is then reassessed.

LightGBM trees (the extra `risk`) over features, back-off encodings fitted out of fold (`risk.scoring.encoding`), each
parcel weighed by the inverse of its probability of being examined, at most `Settings.weight_max`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from msgspec import Struct

from tidewaiter.cli.experiment.columns import Array
from tidewaiter.cli.experiment.features import Features
from tidewaiter.risk.scoring.encoding import Learnt, backed_off

FOLDS: Final = 5
STRENGTH: Final = 10  # comparables' worth of trust in the wider level
AMOUNTS_MIN: Final = 15  # parcels with an amount before amounts are told apart


class Settings(Struct, frozen=True):
    """How to learn; chosen on seeds that are not reported."""

    found_min: int = 15  # parcels of what is looked for before a score is made at all
    rounds: int = 60
    leaves: int = 12
    rate: float = 0.1
    leaf_min: int = 4
    column_share: float = 0.3
    weight_max: float = 3.0


class Known(Struct, frozen=True):
    """Examined parcels: positions, features as they were at selection, outcomes, cents reassessed, propensities."""

    at: Array
    numbers: Array
    is_found: Array
    cents: Array
    propensity: Array


class Score(Struct, frozen=True):
    """A score of one week: what to expect of a parcel in cents."""

    found: Any
    amount: Any
    tables: tuple[tuple[tuple[Array, Array], ...], ...]
    chains: tuple[tuple[Array, ...], ...]
    mean: float

    def expected(self, at: Array, numbers: Array) -> tuple[Array, Array]:
        """Of the parcels at these positions with these features: the probability that an examination objects, and the
        cents reassessed where it does. Their product is what examining promises."""
        encoded = np.column_stack([numbers, *_encoded(self.chains, self.tables, at)])
        probability: Array = self.found.predict(encoded, num_threads=1)
        if self.amount is None:
            return probability, np.full(len(at), self.mean)
        return probability, self.amount.predict(encoded, num_threads=1)


def learnt(known: Known, features: Features, chains: tuple[str, ...], settings: Settings) -> Score | None:
    """A score, or None where too few parcels were not in order (or all were)."""
    if (known.cents > 0).sum() < settings.found_min or known.is_found.all():
        return None
    levels = tuple(features.chains[name] for name in chains)
    paid = known.is_found & (known.cents > 0)  # what is wrong and brings nothing is not what is looked for
    labels = paid.astype(np.float64)
    weights = np.minimum(1 / known.propensity, settings.weight_max)
    rows = np.arange(len(known.at))
    fold = rows % FOLDS
    encoded = np.zeros((len(rows), len(levels)))
    for part in range(FOLDS):
        others, own = rows[fold != part], rows[fold == part]
        tables = _tables(levels, known.at, Learnt(labels, weights, others))
        for place, column in enumerate(_encoded(levels, tables, known.at[own])):
            encoded[own, place] = column
    table = np.column_stack([known.numbers, encoded])
    found = _trees(table, labels, weights, settings, "binary")
    amount = None
    if paid.sum() >= AMOUNTS_MIN:
        amount = _trees(table[paid], known.cents[paid].astype(np.float64), weights[paid], settings, "gamma")
    mean = float(known.cents[paid].mean()) if paid.any() else 1.0
    return Score(found, amount, _tables(levels, known.at, Learnt(labels, weights, rows)), levels, mean)


def _trees(table: Array, target: Array, weights: Array, settings: Settings, objective: str) -> Any:
    import lightgbm

    parameters = {
        "objective": objective, "verbosity": -1, "seed": 1, "deterministic": True, "num_threads": 1, "force_row_wise": True,
        "num_leaves": settings.leaves, "learning_rate": settings.rate, "min_data_in_leaf": settings.leaf_min, "feature_fraction": settings.column_share,
        "lambda_l2": 1.0, "max_bin": 63,
    }  # fmt: skip
    return lightgbm.train(parameters, lightgbm.Dataset(table, target, weight=weights), settings.rounds)


Tables = tuple[tuple[tuple[Array, Array], ...], ...]


def _tables(levels: tuple[tuple[Array, ...], ...], at: Array, learnt_from: Learnt) -> Tables:
    used = learnt_from.at
    base = float(np.average(learnt_from.labels[used], weights=learnt_from.weights[used]))
    found = []
    for chain in levels:
        sizes = [(codes[at], codes) for codes in chain]
        found.append(tuple(_level(sizes, learnt_from, base)))
    return tuple(found)


def _level(chain: list[tuple[Array, Array]], learnt_from: Learnt, base: float) -> list[tuple[Array, Array]]:
    """The rates by code: those of known parcels by `backed_off`; what none of them has falls to the wider level."""
    compact = [np.unique(own, return_inverse=True) for own, _ in chain]
    rates = backed_off([(codes, len(names)) for names, codes in compact], learnt_from, base, STRENGTH)
    return [(names, np.append(rate, base)) for (names, _), (rate, _) in zip(compact, rates, strict=True)]


def _encoded(levels: tuple[tuple[Array, ...], ...], tables: Tables, at: Array) -> list[Array]:
    """The rate of each chain for the parcels: of the narrowest level that is known."""
    found = []
    for chain, table in zip(levels, tables, strict=True):
        values = np.full(len(at), table[-1][1][-1])
        for codes, (names, rates) in zip(reversed(chain), reversed(table), strict=True):
            own = codes[at]
            place = np.minimum(np.searchsorted(names, own), len(names) - 1)
            values = np.where(names[place] == own, rates[place], values)
        found.append(values)
    return found
