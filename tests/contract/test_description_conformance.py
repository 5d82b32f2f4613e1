"""The suite `descriptions` on outside lists: every aim is reached, and every figure stated."""

from __future__ import annotations

from pathlib import Path

from tidewaiter.cli.conformance.description_files import Part, held_out, learned_from, products, texts
from tidewaiter.cli.conformance.descriptions import cases, information, recall_at_precision, threshold_of


def test_every_aim_is_reached(samples: Path) -> None:
    found = list(cases(samples))
    assert len(found) == 4
    assert [case for case in found if not case.passed and "second" not in case.name] == []


def test_every_figure_is_stated(samples: Path) -> None:
    said = "\n".join(information(samples))
    for part in ("vague: recall", "products, all", "never looked at", "cross-corpus", "codes doubted"):
        assert part in said


def test_nothing_is_on_both_sides(samples: Path) -> None:
    lists = texts(samples)
    assert not set(held_out(lists.vague)) & set(learned_from(lists.vague))
    parts = {part: {each.code for each in products(samples) if each.part is part} for part in Part}
    assert not parts[Part.SEEN] & parts[Part.UNSEEN]
    assert not parts[Part.MISSED] & parts[Part.UNSEEN]


def test_equal_scores_are_counted_together() -> None:
    assert recall_at_precision([3, 2, 2, 1], [1, 1, 0, 0]) == 1 / 2
    assert recall_at_precision([3, 3, 1], [1, 0, 1]) == 0
    assert threshold_of([5, 4, 3], [1, 1, 0], recall_at_precision([1], [1])) == 4
