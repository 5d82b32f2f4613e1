"""A trained score and its exact evaluation: trees, encodings and calibration in whole numbers only."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property

import msgspec
from msgspec import Struct

from tidewaiter.risk.scoring.forest import Forest
from tidewaiter.risk.scoring.recipe import Level, ModelError, Recipe, micro

FORM = "tidewaiter-score-1"


class Tree(Struct, frozen=True, array_like=True):
    """Parallel arrays of splits; a child below zero is leaf ~child. `value <= threshold` goes left."""

    feature: tuple[int, ...]
    threshold: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    leaf: tuple[int, ...]


class Reason(Struct, frozen=True):
    """One encoding that speaks for a closer look: rate of the comparables (millionths) and what they share."""

    feature: str
    shared: str
    rate: int
    comparables: int
    words: str


class Scored(Struct, frozen=True):
    """A probability in millionths, and up to three reasons, the strongest first."""

    probability: int
    margin: int
    reasons: tuple[Reason, ...]


class ScoreModel(Struct, frozen=True, dict=True):
    """Everything a score rests on; `tables[chain][level]` maps a key to (rate in millionths, comparables)."""

    recipe: Recipe
    base_rate: int
    tables: tuple[tuple[dict[str, tuple[int, int]], ...], ...]
    trees: tuple[Tree, ...]
    calibration: tuple[tuple[int, int], ...]
    form: str = FORM

    def features(self, row: Mapping[str, str]) -> list[int]:
        """The row's features in millionths: each chain's narrowest known rate, then the numbers."""
        self.recipe.check(row)
        return self._values(self._looked_up(row), row)

    def margin(self, values: list[int]) -> int:
        """The sum of the trees' leaves, in billionths."""
        return self._forest.total(values)

    def score(self, row: Mapping[str, str]) -> Scored:
        """Probability and reasons of one record; ModelError where it does not fit the model."""
        self.recipe.check(row)
        looked_up = self._looked_up(row)
        margin = self.margin(self._values(looked_up, row))
        place = max(0, bisect_right(self.calibration, margin, key=lambda step: step[0]) - 1)
        return Scored(self.calibration[place][1], margin, self._reasons(looked_up))

    def reasons(self, row: Mapping[str, str]) -> tuple[Reason, ...]:
        """The encodings furthest above the base rate, told with their comparables."""
        return self._reasons(self._looked_up(row))

    @cached_property
    def _forest(self) -> Forest:
        return Forest(self.trees)

    def _looked_up(self, row: Mapping[str, str]) -> list[_Known | None]:
        """What is known of each chain's narrowest level that is known; None of one that is known at none."""
        found: list[_Known | None] = []
        for chain, tables in zip(self.recipe.chains, self.tables, strict=True):
            known: _Known | None = None
            for level, table in zip(chain.levels, tables, strict=True):
                key = level.key(row)
                if (rate := table.get(key)) is not None:
                    known = rate, level, key
                    break
            found.append(known)
        return found

    def _values(self, looked_up: list[_Known | None], row: Mapping[str, str]) -> list[int]:
        rates = [self.base_rate if known is None else known[0][0] for known in looked_up]
        return rates + [micro(row[name], name) for name in self.recipe.numbers]

    def _reasons(self, looked_up: list[_Known | None]) -> tuple[Reason, ...]:
        found = []
        for chain, known in zip(self.recipe.chains, looked_up, strict=True):
            if known is None:
                continue
            (rate, seen), level, key = known
            if rate > self.base_rate and seen:
                pairs = zip(level.columns, key.split("\x1f"), strict=True)
                shared = ", ".join(f"{name} {value}" for (name, _), value in pairs)
                words = (
                    f"{chain.name}: of {seen} inspected with {shared}, about {rate / 10_000:.1f} % were not in order"
                )
                words += f" (all: {self.base_rate / 10_000:.1f} %)"
                found.append(Reason(chain.name, shared, rate, seen, words))
        return tuple(sorted(found, key=lambda reason: (-reason.rate, reason.feature))[:3])


_Known = tuple[tuple[int, int], Level, str]  # rate in millionths and comparables, where they are known, under which key


def model_bytes(model: ScoreModel) -> bytes:
    """The canonical bytes: JSON with sorted keys and whole numbers."""
    return msgspec.json.encode(model, order="deterministic")


def digest_of(model: ScoreModel) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(model_bytes(model)).hexdigest()


def read_model(content: bytes) -> ScoreModel:
    """A model from its bytes; ModelError where they are not one or a tree is out of shape."""
    try:
        model = msgspec.json.decode(content, type=ScoreModel)
    except msgspec.MsgspecError as error:
        raise ModelError(f"not a model: {error}") from None
    width = len(model.recipe.chains) + len(model.recipe.numbers)
    shapes = [len(c.levels) for c in model.recipe.chains] == [len(t) for t in model.tables]
    if (
        model.form != FORM
        or not model.calibration
        or not shapes
        or not all(_sound(tree, width) for tree in model.trees)
    ):
        raise ModelError("not a model: its form, tables, calibration or trees do not fit its recipe")
    return model


def _sound(tree: Tree, width: int) -> bool:
    size = len(tree.feature)
    if not size == len(tree.threshold) == len(tree.left) == len(tree.right) or not tree.leaf:
        return False
    sides = [pair for side in (tree.left, tree.right) for pair in enumerate(side)]
    children = all(-len(tree.leaf) <= child < size and (child < 0 or child > node) for node, child in sides)
    return children and all(0 <= feature < width for feature in tree.feature)
