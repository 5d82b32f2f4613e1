"""One meaning of a score: walked tree by tree, by bits, many at once, and by ONNX Runtime, to the last whole number."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.risk.scoring import Chain, Level, ModelError, Recipe, model_bytes, read_model
from tidewaiter.risk.scoring.batch import features_of, scored_batch
from tidewaiter.risk.scoring.model import Amount, ScoreModel, Tree
from tidewaiter.risk.scoring.onnx_form import feeds, onnx_bytes
from tidewaiter.risk.scoring.recipe import MISSING
from tidewaiter.risk.scoring.scorer import Forest, Scorer, Walk, forest

RECIPE = Recipe(
    "bad", (Chain("goods", (Level((("hs", 4), ("from", 0))), Level((("hs", 2),)))), Chain("from", (Level((("from", 0),)),))),
    ("price", "mass"),
)  # fmt: skip
WIDTH = 4
CODES = ("6109", "6110", "8517", "", "99")
PLACES = ("CN", "US", "", "Ελλάς", "a\x1fb")
NUMBERS = ("", "0", "1.5", "-3", "12.000001", "1e20", "-1e20")
EDGES = (0, 1, -1, 500_000, 1_500_000, 12_000_001, MISSING, MISSING + 1, 10**15, -(10**15) - 1)


def grown(chance: random.Random, leaves: int) -> Tree:
    """A tree of so many leaves, its splits at the values that records have, and beside them."""
    feature: list[int] = []
    threshold: list[int] = []
    left: list[int] = []
    right: list[int] = []
    leaf: list[int] = []

    def grow(count: int) -> int:
        if count == 1:
            leaf.append(chance.randrange(-(10**9), 10**9))
            return -len(leaf)
        place, of_left = len(feature), chance.randrange(1, count)
        feature.append(chance.randrange(WIDTH))
        threshold.append(chance.choice(EDGES) + chance.randrange(-1, 2))
        left.append(0)
        right.append(0)
        left[place], right[place] = grow(of_left), 0
        right[place] = grow(count - of_left)
        return place

    grow(leaves)
    return Tree(tuple(feature), tuple(threshold), tuple(left), tuple(right), tuple(leaf))


def model_of(seed: int) -> ScoreModel:
    chance = random.Random(seed)
    trees = tuple(grown(chance, chance.choice((1, 2, 3, 8, 15))) for _ in range(chance.randrange(1, 12)))
    amounts = tuple(grown(chance, chance.choice((1, 5))) for _ in range(chance.randrange(0, 4)))
    steps = sorted({chance.randrange(-(10**10), 10**10) for _ in range(chance.randrange(1, 20))})
    rates = sorted(chance.randrange(1_000_001) for _ in steps)
    # A key that no label has, one that all have, and the empty one.
    goods = {f"{code[:4]}\x1f{place}": (chance.randrange(10**6), 7) for code in CODES[:3] for place in PLACES[:4]}
    chapters = {code[:2]: (chance.randrange(10**6), chance.randrange(2)) for code in CODES[:4]}
    places = {place: (chance.randrange(10**6), 3) for place in PLACES[1:]}
    return ScoreModel(
        RECIPE, chance.randrange(10**6), ((goods, chapters), (places,)), trees, tuple(zip(steps, rates, strict=True)),
        amount=Amount("EUR", chance.randrange(10**6), 10**8, amounts),
    )  # fmt: skip


def records() -> list[dict[str, str]]:
    return [
        {"hs": code, "from": place, "price": price, "mass": mass}
        for code in CODES
        for place in PLACES
        for price in NUMBERS
        for mass in NUMBERS[:3]
    ]


def session(model: ScoreModel) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(onnx_bytes(model), options, providers=["CPUExecutionProvider"])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_four_ways_come_to_the_same_whole_numbers(seed: int) -> None:
    model = model_of(seed)
    assert read_model(model_bytes(model)) == model
    rows = records()
    one_by_one = [model.score(row) for row in rows]
    scorer = Scorer(model)
    assert isinstance(scorer._margin, Forest)
    assert [scorer.score(row) for row in rows] == one_by_one
    features = features_of(model, rows)
    assert features.tolist() == [model.features(row) for row in rows]
    batch = scored_batch(model, features)
    told = session(model).run(None, feeds(model, rows))
    for place, name in enumerate(("probability", "margin", "expected")):
        expected = [getattr(each, name) for each in one_by_one]
        assert getattr(batch, name).tolist() == expected, name
        assert told[place].tolist() == expected, name
        assert told[place].dtype == np.int64


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 70), st.lists(st.sampled_from(EDGES), min_size=WIDTH, max_size=WIDTH))
def test_bits_are_wide_enough_for_every_tree_or_it_is_walked(seed: int, leaves: int, values: list[int]) -> None:
    chance = random.Random(seed)
    trees = [grown(chance, chance.randrange(1, leaves + 1)) for _ in range(5)]
    made = forest(trees)
    assert isinstance(made, Forest) is (max(len(tree.leaf) for tree in trees) <= 64)
    assert made.sum(values) == Walk(trees).sum(values)


def test_trees_that_are_none_are_walked() -> None:
    """Two splits that lead to the same leaf, as a model from elsewhere may have them, have no bit of their own."""
    joined = Tree((0, 1), (5, 5), (1, -1), (-2, -2), (10, 20))
    made = forest([joined])
    assert isinstance(made, Walk)
    assert [made.sum([a, b]) for a in (5, 6) for b in (5, 6)] == [10, 20, 20, 20]
    assert forest([]).sum([1]) == 0


def test_sums_that_floats_do_not_hold_are_not_exported() -> None:
    model = model_of(1)
    large = Tree((0,), (5,), (-1,), (-2,), (2**52, -(2**52)))
    with pytest.raises(ModelError, match="exactly"):
        onnx_bytes(ScoreModel(RECIPE, 1, model.tables, (large, large), model.calibration))
