"""A learned score on the Korean customs declarations: trained on `train`, measured once on `valid`, beside shuffled labels."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

from tidewaiter.cli.conformance.case import Case
from tidewaiter.risk.scoring import Chain, Level, Recipe

FILE = Path("kcs-customs-declarations") / "declarations.csv.gz"
SEEDS = (1, 2, 3, 4, 5)
DRAWS = 200  # bootstrap draws for each seed
TO_BEAT = {"AUC": 0.636, "P@5": 0.379, "P@10": 0.365}
HS = ("HS6 Code", 0), ("HS6 Code", 4), ("HS6 Code", 2)


def _chain(name: str, *levels: tuple[tuple[str, int], ...]) -> Chain:
    return Chain(name, tuple(Level(level) for level in levels))


RECIPE = Recipe(
    "Fraud",
    (
        _chain("goods", *((part,) for part in HS)),
        _chain("goods and origin", *((part, ("Country of Origin", 0)) for part in HS), (("Country of Origin", 0),)),
        _chain("goods and office", *((part, ("Office ID", 0)) for part in HS), (("Office ID", 0),)),
        *(
            _chain(column.lower(), ((column, 0),))
            for column in (
                "Office ID", "Process Type", "Import Type", "Import Use", "Payment Type", "Mode of Transport", "Courier ID",
                "Country of Departure", "Country of Origin", "Tax Type", "Country of Origin Indicator",
            )
        ),
    ),
    ("Tax Rate", "Net Mass", "Item Price"),
    group=("HS6 Code", "Net Mass"),
)  # fmt: skip


def rows_of(samples: Path) -> list[dict[str, str]]:
    """The declarations in a folder of outside samples; none where the file is absent."""
    path = samples / FILE
    if not path.is_file():
        return []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Suite:
    """The suite and what it measured, trained once."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def cases(self, samples: Path) -> Iterator[Case]:
        """One case for each figure to beat, and one for the shuffle control."""
        import numpy as np

        from tidewaiter.risk.scoring.training import Settings, auc, train

        rows = rows_of(samples)
        if not rows:
            return
        valid = [row for row in rows if row["split"] == "valid"]
        y = np.array([int(row["Fraud"]) for row in valid])
        found: dict[str, list[float]] = {}
        drawn: dict[str, list[float]] = {}
        guards = []
        for seed in SEEDS:
            trained = train([row for row in rows if row["split"] == "train"], RECIPE, Settings(seed=seed))
            model = trained.model
            scores = np.array([model.margin(model.features(row)) for row in valid])
            guards.append(trained.shuffled_auc)
            chance = np.random.default_rng(seed)
            for draw in range(DRAWS + 1):
                at = chance.integers(0, len(y), len(y)) if draw else np.arange(len(y))
                figures = {"AUC": auc(scores[at], y[at])}
                order = np.argsort(-scores[at], kind="stable")
                for share in (1, 5, 10):
                    figures[f"P@{share}"] = float(y[at][order[: len(y) * share // 100]].mean())
                for name, figure in figures.items():
                    (drawn if draw else found).setdefault(name, []).append(figure)
        for name, figures_of in found.items():
            mean = float(np.mean(figures_of))
            low, high = np.percentile(drawn[name], [2.5, 97.5])
            told = f"{name} {mean:.4f} (95 % {low:.3f} to {high:.3f}; seeds {min(figures_of):.3f} to {max(figures_of):.3f})"
            self.said.append(told)
            if name in TO_BEAT:
                yield Case(name, mean >= TO_BEAT[name], f"{told}; to beat: {TO_BEAT[name]}")
        control = f"labels shuffled, AUC held out within train: {min(guards):.3f} to {max(guards):.3f}; base rate {y.mean():.4f}"
        self.said.append(control)
        yield Case("shuffle control", all(abs(guard - 0.5) < 0.02 for guard in guards), control)

    def information(self, samples: Path) -> list[str]:
        """Every figure measured."""
        return self.said or [f"no {FILE} in the folder of samples: nothing measured"]
