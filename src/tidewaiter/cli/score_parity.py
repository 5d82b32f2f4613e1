"""One model run in every way there is, on the same records: whether all come to the same, and how long each takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from tidewaiter.cli.output import UsageError
from tidewaiter.risk.scoring.batch import features_of, scored_batch
from tidewaiter.risk.scoring.model import ScoreModel
from tidewaiter.risk.scoring.onnx_form import feeds
from tidewaiter.risk.scoring.scorer import Scorer

WALKED_MAX: Final = (
    20_000  # records that are walked tree by tree, which is slow; the others are held against `one by one`
)
ONCE: Final = 2_000  # records that ONNX Runtime is given one after another

Figures = list[tuple[int, int, int | None]]


class Way(Struct, frozen=True):
    """A way to run a model: records, those that come to something else than one by one, processor time of one."""

    way: str
    records: int
    different: int
    microseconds: float


def compared(model: ScoreModel, content: bytes, rows: Sequence[Mapping[str, str]]) -> list[Way]:
    """Probability, margin and expectation of every record by every way; on one thread. Raises ModelError, ImportError."""
    import onnxruntime

    if not rows:
        raise UsageError("there is no record to compare")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    scorer = Scorer(model)

    def one_by_one() -> Figures:
        return [(each.probability, each.margin, each.expected) for each in map(scorer.score, rows)]

    def walked() -> Figures:
        return [(each.probability, each.margin, each.expected) for each in map(model.score, rows[:WALKED_MAX])]

    def at_once() -> Figures:
        found = scored_batch(model, features_of(model, rows))
        return _figures([found.probability, found.margin, *([] if found.expected is None else [found.expected])])

    def by_runtime() -> Figures:
        return _figures(session.run(None, feeds(model, rows)))

    def by_runtime_singly() -> Figures:
        told = [_figures(session.run(None, feeds(model, [row]))) for row in rows[:ONCE]]
        return [each for one in told for each in one]

    ways: list[tuple[str, Callable[[], Figures]]] = [
        ("one by one, with reasons", one_by_one), ("one by one, walked", walked), ("at once", at_once),
        (f"ONNX Runtime {onnxruntime.__version__}, at once", by_runtime), ("ONNX Runtime, one by one", by_runtime_singly),
    ]  # fmt: skip
    timed = [(name, *_timed(run)) for name, run in ways]
    wanted = timed[0][1]
    return [
        Way(
            way=name, records=len(found), different=sum(a != b for a, b in zip(found, wanted, strict=False)),
            microseconds=round(seconds / len(found) * 1e6, 1),
        )
        for name, found, seconds in timed
    ]  # fmt: skip


def _timed(run: Callable[[], Figures]) -> tuple[Figures, float]:
    begun = time.process_time()
    found = run()
    return found, time.process_time() - begun


def _figures(columns: Sequence[Any]) -> Figures:
    """Arrays of equal length as rows; without amounts the third is None."""
    probability, margin, *expected = (column.tolist() for column in columns)
    return list(zip(probability, margin, expected[0] if expected else [None] * len(margin), strict=True))
