"""A trained score and its exact evaluation: trees, encodings and calibration in whole numbers only."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from tidewaiter.model.money import Money
from tidewaiter.risk.scoring.recipe import MICRO, Level, ModelError, Recipe, micro

FORM = "tidewaiter-score-1"
REASONS_MAX = 3


class Tree(Struct, frozen=True, array_like=True):
    """Parallel arrays of splits; a child below zero is leaf ~child. `value <= threshold` goes left."""

    feature: tuple[int, ...]
    threshold: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    leaf: tuple[int, ...]


class Amount(Struct, frozen=True):
    """What is owed beyond the declared where something is not in order, in hundredths of a unit of `currency`.

    The sum of the trees' leaves, held between 0 and `most`; the mean of what was found where there are no trees.
    """

    currency: str
    mean: int
    most: int
    trees: tuple[Tree, ...] = ()

    def of(self, values: list[int]) -> int:
        """What to expect of a record with these features if it is not in order."""
        return min(max(walked(self.trees, values), 0), self.most) if self.trees else self.mean


class Reason(Struct, frozen=True):
    """One encoding that speaks for a closer look: rate of the comparables (millionths) and what they share."""

    feature: str
    shared: str
    rate: int
    comparables: int
    words: str


class Scored(Struct, frozen=True):
    """A probability in millionths, and up to three reasons, the strongest first.

    `expected` is probability times amount, in hundredths of the model's currency; None where it was taught no amounts.
    """

    probability: int
    margin: int
    reasons: tuple[Reason, ...]
    expected: int | None = None


class ScoreModel(Struct, frozen=True):
    """Everything a score rests on; `tables[chain][level]` maps a key to (rate in millionths, comparables)."""

    recipe: Recipe
    base_rate: int
    tables: tuple[tuple[dict[str, tuple[int, int]], ...], ...]
    trees: tuple[Tree, ...]
    calibration: tuple[tuple[int, int], ...]
    form: str = FORM
    amount: Amount | UnsetType = UNSET  # not in the bytes of models without it, whose digests stay what they were

    def features(self, row: Mapping[str, str]) -> list[int]:
        """The row's features in millionths: each chain's narrowest known rate, then the numbers."""
        self.recipe.check(row)
        values = [self._rate(number, row)[0] for number in range(len(self.recipe.chains))]
        return values + [micro(row[name], name) for name in self.recipe.numbers]

    def margin(self, values: list[int]) -> int:
        """The sum of the trees' leaves, in billionths."""
        return walked(self.trees, values)

    def score(self, row: Mapping[str, str]) -> Scored:
        """Probability and reasons of one record; ModelError where it does not fit the model."""
        values = self.features(row)
        margin = self.margin(values)
        probability = self.probability(margin)
        expected = None if self.amount is UNSET else (probability * self.amount.of(values) + MICRO // 2) // MICRO
        return Scored(probability, margin, self.reasons(row), expected)

    def probability(self, margin: int) -> int:
        """The probability (millionths) that a margin stands for: the step of the calibration it reaches."""
        return self.calibration[max(0, bisect_right(self.calibration, margin, key=lambda step: step[0]) - 1)][1]

    def expected(self, scored: Scored) -> Money | None:
        """What is to be expected of a record beyond what it declares; None where the model was taught no amounts."""
        if scored.expected is None or self.amount is UNSET or not self.amount.currency:
            return None
        return Money(Decimal(scored.expected).scaleb(-2), self.amount.currency)

    def reasons(self, row: Mapping[str, str]) -> tuple[Reason, ...]:
        """The encodings furthest above the base rate, told with their comparables."""
        found = []
        for number, chain in enumerate(self.recipe.chains):
            rate, seen, place = self._rate(number, row)
            if rate > self.base_rate and seen and place is not None:
                found.append(reason_of(chain.name, place, place.key(row), (rate, seen), self.base_rate))
        return tuple(sorted(found, key=lambda reason: (-reason.rate, reason.feature))[:REASONS_MAX])

    def _rate(self, chain: int, row: Mapping[str, str]) -> tuple[int, int, Level | None]:
        for level, table in zip(self.recipe.chains[chain].levels, self.tables[chain], strict=True):
            if (known := table.get(level.key(row))) is not None:
                return *known, level
        return self.base_rate, 0, None


def reason_of(chain: str, level: Level, key: str, known: tuple[int, int], base: int) -> Reason:
    """The reason that a chain gives at a level by what is known of a key: the rate (millionths), comparables."""
    rate, seen = known
    values = key.split(
        "\x1f", len(level.columns) - 1
    )  # a name that holds the separator itself must not undo a decision
    shared = ", ".join(f"{name} {value}" for (name, _), value in zip(level.columns, values, strict=True))
    words = f"{chain}: of {seen} inspected with {shared}, about {rate / 10_000:.1f} % were not in order"
    return Reason(chain, shared, rate, seen, f"{words} (all: {base / 10_000:.1f} %)")


def walked(trees: Sequence[Tree], values: Sequence[int]) -> int:
    """The sum of the leaves that a record with these features reaches, tree after tree."""
    total = 0
    for tree in trees:
        node = 0 if tree.feature else -1
        while node >= 0:
            side = tree.left if values[tree.feature[node]] <= tree.threshold[node] else tree.right
            node = side[node]
        total += tree.leaf[~node]
    return total


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
    amounts = () if model.amount is UNSET else model.amount.trees
    if (
        model.form != FORM
        or not model.calibration
        or not shapes
        or not all(_sound(tree, width) for tree in (*model.trees, *amounts))
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
