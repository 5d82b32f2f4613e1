"""A score's trees summed side by side come to what walking down each of them comes to, whatever the trees."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.risk.scoring.forest import Forest, walked
from tidewaiter.risk.scoring.model import Tree

FEATURES = 4
NUMBERS = st.integers(-6, 6) | st.integers(-(10**15), 10**15)  # few, so that thresholds are met exactly, and far out


@st.composite
def trees(draw: st.DrawFn, splits_max: int = 70) -> Tree:
    """A tree of any shape: each split hangs on a free place of one before it."""
    splits = draw(st.integers(0, 12) | st.integers(0, splits_max))
    children: list[list[int | None]] = []
    free: list[tuple[int, int]] = []
    for number in range(splits):
        if number:
            node, side = free.pop(draw(st.integers(0, len(free) - 1)))
            children[node][side] = number
        children.append([None, None])
        free += [(number, 0), (number, 1)]
    leaves = draw(st.permutations(range(len(free)))) if free else [0]
    for (node, side), leaf in zip(free, leaves, strict=False):
        children[node][side] = ~leaf
    return Tree(
        feature=tuple(draw(st.lists(st.integers(0, FEATURES - 1), min_size=splits, max_size=splits))),
        threshold=tuple(draw(st.lists(NUMBERS, min_size=splits, max_size=splits))),
        left=tuple(pair[0] or 0 for pair in children),
        right=tuple(pair[1] or 0 for pair in children),
        leaf=tuple(draw(st.lists(NUMBERS, min_size=len(leaves), max_size=len(leaves)))),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(trees(), max_size=8), st.lists(st.lists(NUMBERS, min_size=FEATURES, max_size=FEATURES), max_size=20))
def test_the_sum_is_that_of_the_leaves_walked_to(grown: list[Tree], records: list[list[int]]) -> None:
    forest = Forest(grown)
    thresholds = [list(tree.threshold[:FEATURES]) for tree in grown if len(tree.threshold) >= FEATURES]
    for values in [*records, *thresholds]:
        assert forest.total(values) == sum(walked(tree, values) for tree in grown)


def test_more_trees_than_fit_in_one_integer_are_summed_too() -> None:
    stumps = [Tree((0,), (number,), (-1,), (-2,), (number, -number)) for number in range(300)]
    for value in (-1, 0, 149, 150, 299, 300):
        assert Forest(stumps).total([value]) == sum(number if value <= number else -number for number in range(300))


def test_splits_that_are_shared_are_walked() -> None:
    shared = Tree((0, 1, 1), (0, 0, 5), (1, -1, -3), (1, 2, -1), (7, 11, 13))  # split 1 is on both sides of split 0
    for values in ([0, 0], [1, 0], [0, 3], [1, 9]):
        assert Forest([shared]).total(values) == walked(shared, values)
