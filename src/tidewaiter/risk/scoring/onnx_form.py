"""A model as an ONNX graph, for systems that run scores by ONNX Runtime; needs the extra `onnx`.

    content = onnx_bytes(model)
    session.run(None, feeds(model, rows))       # probability (millionths), margin (billionths), expected (hundredths)

Everything in the graph is a whole number. Trees are summed in 64-bit floats, in which whole numbers below 2**53 and their sums are
exact in whatever order they are added up; a model whose sums could reach that is refused. What is not in the graph is
cutting and joining columns to keys, for which ONNX has no operator: `feeds` does it.

Operators: ONNX 20, ai.onnx.ml 5 (TreeEnsemble, LabelEncoder), onnx.ai/onnx/operators, read 2026-11-27.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET

from tidewaiter.risk.scoring.model import ScoreModel, Tree, digest_of
from tidewaiter.risk.scoring.recipe import MICRO, ModelError, micro

EXACT_BELOW: Final = 2**53
_ML: Final = "ai.onnx.ml"
_UNKNOWN: Final = -1  # what an encoder says of a key that no row had; rates are never below zero
_SUM, _LESS_OR_EQUAL = 1, 0


def onnx_bytes(model: ScoreModel) -> bytes:
    """The serialised graph, named by the model's digest. Raises ModelError for one whose sums would not be exact."""
    from onnx import TensorProto, checker, helper

    amounts = () if model.amount is UNSET else model.amount.trees
    if any(_reach(trees) >= EXACT_BELOW for trees in (model.trees, amounts)):
        raise ModelError("its leaves add up to more than 64-bit floats hold exactly")
    graph = _Graph()
    features = graph.features(model)
    margin = graph.summed("margin", model.trees, features)
    probability = graph.stepped(model.calibration, margin)
    outputs = [("probability", probability), ("margin", margin)]
    if model.amount is not UNSET:
        amount = graph.constant_like(margin, model.amount.mean)
        if amounts:
            amount = graph.node("Min", graph.node("Max", graph.summed("amount", amounts, features), graph.whole(0)),
                                graph.whole(model.amount.most))  # fmt: skip
        raised = graph.node("Add", graph.node("Mul", probability, amount), graph.whole(MICRO // 2))
        outputs.append(("expected", graph.node("Div", raised, graph.whole(MICRO))))
    for name, value in outputs:
        graph.nodes.append(helper.make_node("Identity", [value], [name]))
    levels = sum(len(chain.levels) for chain in model.recipe.chains)
    inputs = [
        helper.make_tensor_value_info("keys", TensorProto.STRING, ["rows", levels]),
        helper.make_tensor_value_info("numbers", TensorProto.INT64, ["rows", len(model.recipe.numbers)]),
    ]
    told = [helper.make_tensor_value_info(name, TensorProto.INT64, ["rows"]) for name, _ in outputs]
    made = helper.make_graph(graph.nodes, f"score-{digest_of(model)}", inputs, told, graph.initializers)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(_ML, 5)]
    whole = helper.make_model(made, opset_imports=opsets, producer_name="tidewaiter", ir_version=10)
    checker.check_model(whole)
    content: bytes = whole.SerializeToString()
    return content


def feeds(model: ScoreModel, rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """What the graph is given for these rows: keys (rows, levels), numbers in millionths (rows, numbers)."""
    import numpy as np

    for row in rows:
        model.recipe.check(row)
    levels = [level for chain in model.recipe.chains for level in chain.levels]
    keys = np.empty((len(rows), len(levels)), dtype=object)
    for place, level in enumerate(levels):
        keys[:, place] = [level.key(row) for row in rows]
    numbers = np.array([[micro(row[name], name) for name in model.recipe.numbers] for row in rows], dtype=np.int64)
    return {"keys": keys, "numbers": numbers.reshape(len(rows), len(model.recipe.numbers))}


def _reach(trees: Sequence[Tree]) -> int:
    """The largest sum, either way, that leaves of these trees can come to on the way."""
    return sum(max(abs(leaf) for leaf in tree.leaf) for tree in trees)


class _Graph:
    """Nodes as they are added; values are known by name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._whole: dict[int, str] = {}

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """One operator on these values; the name of its result."""
        from onnx import helper

        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], domain=domain, **attributes))
        return name

    def whole(self, number: int) -> str:
        """A whole number as a value of shape (1,)."""
        from onnx import TensorProto, helper

        if number not in self._whole:
            self._whole[number] = name = f"c{len(self._whole)}"
            self.initializers.append(helper.make_tensor(name, TensorProto.INT64, [1], [number]))
        return self._whole[number]

    def constant_like(self, value: str, number: int) -> str:
        """The number for every row."""
        return self.node("Add", self.node("Mul", value, self.whole(0)), self.whole(number))

    def features(self, model: ScoreModel) -> str:
        """The features of every row, (rows, width), as 64-bit floats: the narrowest known rate of each chain, then numbers."""
        from onnx import TensorProto

        columns: list[str] = []
        place = 0
        for tables in model.tables:
            value = self.whole(model.base_rate)
            for level in reversed(
                range(len(tables))
            ):  # from the widest, which narrower ones replace where they know the key
                known = self.encoded(place + level, {key: rate for key, (rate, _) in tables[level].items()})
                value = self.node("Where", self.node("GreaterOrEqual", known, self.whole(0)), known, value)
            place += len(tables)
            columns.append(self.node("Unsqueeze", value, self.whole(1)))
        if model.recipe.numbers:
            columns.append("numbers")
        return self.node("Cast", self.node("Concat", *columns, axis=1), to=TensorProto.DOUBLE)

    def encoded(self, column: int, rates: Mapping[str, int]) -> str:
        """What a column of keys comes to, (rows,)."""
        keys = self.node("Squeeze", self.node("Gather", "keys", self.whole(column), axis=1), self.whole(1))
        names = list(rates) or [""]
        return self.node(
            "LabelEncoder", keys, domain=_ML, keys_strings=names,
            values_int64s=[rates.get(name, _UNKNOWN) for name in names], default_int64=_UNKNOWN,
        )  # fmt: skip

    def summed(self, name: str, trees: Sequence[Tree], features: str) -> str:
        """The sum of the trees' leaves for every row, (rows,), whole."""
        from onnx import TensorProto

        split = [tree for tree in trees if tree.feature]
        alone = sum(tree.leaf[0] for tree in trees if not tree.feature)  # trees that are one leaf
        if not split:
            first = self.node("Squeeze", self.node("Gather", features, self.whole(0), axis=1), self.whole(1))
            return self.constant_like(self.node("Cast", first, to=TensorProto.INT64), alone)
        total = self.node("TreeEnsemble", features, domain=_ML, name=name, **_ensemble(split))
        rows = self.node("Squeeze", self.node("Cast", total, to=TensorProto.INT64), self.whole(1))
        return self.node("Add", rows, self.whole(alone))

    def stepped(self, steps: Sequence[tuple[int, int]], margin: str) -> str:
        """The step of the calibration that a margin reaches: a balanced tree over the steps."""
        from onnx import TensorProto

        column = self.node("Cast", self.node("Unsqueeze", margin, self.whole(1)), to=TensorProto.DOUBLE)
        return self.summed("calibration", (_as_tree(steps),), column)


def _as_tree(steps: Sequence[tuple[int, int]]) -> Tree:
    threshold: list[int] = []
    left: list[int] = []
    right: list[int] = []

    def grow(first: int, end: int) -> int:
        """The node that finds the last step from `first` to before `end` that a margin reaches."""
        if end - first == 1:
            return ~first
        place, middle = len(threshold), (first + end) // 2
        threshold.append(steps[middle][0] - 1)  # margins are whole: below the middle step is at most one less
        left.append(0)
        right.append(0)
        left[place] = grow(first, middle)
        right[place] = grow(middle, end)
        return place

    grow(0, len(steps))
    return Tree((0,) * len(threshold), tuple(threshold), tuple(left), tuple(right), tuple(rate for _, rate in steps))


def _ensemble(trees: Sequence[Tree]) -> dict[str, Any]:
    """The attributes of a TreeEnsemble: nodes and leaves of all trees in one numbering, a child said to be one or other."""
    from onnx import TensorProto, helper

    features: list[int] = []
    splits: list[float] = []
    children: list[tuple[int, bool, int, bool]] = []  # of at most the threshold: number, is a leaf; of more: the same
    leaves: list[float] = []
    roots: list[int] = []
    for tree in trees:
        first, first_leaf = len(features), len(leaves)
        roots.append(first)
        features += tree.feature
        splits += map(float, tree.threshold)
        leaves += map(float, tree.leaf)
        for left, right in zip(tree.left, tree.right, strict=True):
            places = [(first + child, False) if child >= 0 else (first_leaf + ~child, True) for child in (left, right)]
            children.append((*places[0], *places[1]))
    if any(abs(split) >= EXACT_BELOW for split in splits):
        raise ModelError("a threshold is larger than 64-bit floats hold exactly")
    return {
        "aggregate_function": _SUM,
        "n_targets": 1,
        "tree_roots": roots,
        "nodes_featureids": features,
        "nodes_splits": helper.make_tensor("splits", TensorProto.DOUBLE, [len(splits)], splits),
        "nodes_modes": helper.make_tensor("modes", TensorProto.UINT8, [len(splits)], [_LESS_OR_EQUAL] * len(splits)),
        "nodes_truenodeids": [each[0] for each in children],
        "nodes_trueleafs": [int(each[1]) for each in children],
        "nodes_falsenodeids": [each[2] for each in children],
        "nodes_falseleafs": [int(each[3]) for each in children],
        "leaf_targetids": [0] * len(leaves),
        "leaf_weights": helper.make_tensor("leaves", TensorProto.DOUBLE, [len(leaves)], leaves),
    }
