"""A learned score on the Korean customs declarations: trained on `train`, measured once on `valid`, beside shuffled labels."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tidewaiter.cli.conformance.case import Case
from tidewaiter.risk.scoring import Chain, Level, Recipe

FILE = Path("kcs-customs-declarations") / "declarations.csv.gz"
SEEDS = (1, 2, 3, 4, 5)
DRAWS = 200  # bootstrap draws for each seed
TO_BEAT = {"AUC": 0.636, "P@5": 0.379, "P@10": 0.365}
HS = ("HS6 Code", 0), ("HS6 Code", 4), ("HS6 Code", 2)
ORIGIN, DEPARTURE = ("Country of Origin", 0), ("Country of Departure", 0)
SENT_ON = "sent from elsewhere than the origin"  # 1 or 0, told beside the columns of the file
TAX_TYPE, TAX_RATE = ("Tax Type", 0), ("Tax Rate", 0)


def _chain(name: str, *levels: tuple[tuple[str, int], ...]) -> Chain:
    return Chain(name, tuple(Level(level) for level in levels))


def _goods_and(name: str, column: tuple[str, int]) -> Chain:
    return _chain(f"goods and {name}", *((part, column) for part in HS), (column,))


# What tells goods from goods. Importer, seller and declarant are drawn anew with each copy and carry no signal (README of the
# samples); office, kind of import and payment only made cross-validation within `train` worse.
RECIPE = Recipe(
    "Fraud",
    (
        _chain("goods", *((part,) for part in HS)),
        _goods_and("origin", ORIGIN),
        _chain("goods and way", (HS[0], ORIGIN, DEPARTURE), (HS[1], ORIGIN, DEPARTURE), (ORIGIN, DEPARTURE)),
        _chain("departure", (DEPARTURE,)),
        _goods_and("tax type", TAX_TYPE),
        _goods_and("tax rate", TAX_RATE),
    ),
    ("Tax Rate", "Net Mass", "Item Price", SENT_ON),
    group=("HS6 Code", "Net Mass"),
)
LEARNT: dict[str, Any] = {
    "rounds": 450,
    "leaves": 4,
    "rate": 0.02,
    "strength": 40,
    "least": 300,
    "share": 0.5,
    "ridge": 20,
    "rising": True,
}


def rows_of(samples: Path) -> list[dict[str, str]]:
    """The declarations in a folder of outside samples; none where the file is absent."""
    path = samples / FILE
    if not path.is_file():
        return []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row | {SENT_ON: str(int(row["Country of Origin"] != row["Country of Departure"]))} for row in rows]


def copies_of(rows: list[dict[str, str]]) -> list[Any]:
    """The places of rows that are copies of one another: drawn together, for they stand or fall together."""
    import numpy as np

    found: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(rows):
        found.setdefault(tuple(row[name] for name in RECIPE.group), []).append(place)
    return [np.array(places) for places in found.values()]


class Suite:
    """The suite and what it measured, trained once."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def cases(self, samples: Path) -> Iterator[Case]:
        """One case for each figure to beat, and one for the shuffle control."""
        import numpy as np

        from tidewaiter.risk.scoring.batch import features_of, summed
        from tidewaiter.risk.scoring.training import Settings, auc, train

        rows = rows_of(samples)
        if not rows:
            return
        learnt_from = [row for row in rows if row["split"] == "train"]
        valid = [row for row in rows if row["split"] == "valid"]
        y = np.array([int(row["Fraud"]) for row in valid])
        copies = copies_of(valid)
        found: dict[str, list[float]] = {}
        drawn: dict[str, list[float]] = {}
        guards, within = [], []
        for seed in SEEDS:
            trained = train(learnt_from, RECIPE, Settings(seed=seed, **LEARNT))
            model = trained.model
            scores = summed(model.trees, features_of(model, valid))
            guards.append(trained.shuffled_auc)
            within.append(trained.auc)
            chance = np.random.default_rng(seed)
            for draw in range(DRAWS + 1):
                at = np.concatenate(
                    [copies[n] for n in chance.integers(0, len(copies), len(copies))] if draw else copies
                )
                figures = {"AUC": auc(scores[at], y[at])}
                order = np.argsort(-scores[at], kind="stable")
                for share in (1, 5, 10):
                    figures[f"P@{share}"] = float(y[at][order[: len(at) * share // 100]].mean())
                for name, figure in figures.items():
                    (drawn if draw else found).setdefault(name, []).append(figure)
        for name, figures_of in found.items():
            mean = float(np.mean(figures_of))
            low, high = np.percentile(drawn[name], [2.5, 97.5])
            told = f"{name} {mean:.4f} (95 % {low:.3f} to {high:.3f}; seeds {min(figures_of):.3f} to {max(figures_of):.3f})"
            self.said.append(told)
            if name in TO_BEAT:
                yield Case(name, mean >= TO_BEAT[name], f"{told}; to beat: {TO_BEAT[name]}")
        self.said.append(
            f"AUC held out within train, copies apart and counting as one: {min(within):.3f} to {max(within):.3f}"
            f" (a half-width of {trained.half_width:.3f}, as if without skill)"
        )
        control = f"labels shuffled, AUC held out within train: {min(guards):.3f} to {max(guards):.3f}; base rate {y.mean():.4f}"
        self.said.append(control)
        yield Case("shuffle control", all(abs(guard - 0.5) < 0.02 for guard in guards), control)

    def information(self, samples: Path) -> list[str]:
        """Every figure measured."""
        return self.said or [f"no {FILE} in the folder of samples: nothing measured"]
