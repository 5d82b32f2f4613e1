"""`bench screening`: recall, alerts, speed and pair F1 of name screening on the perturbation kit."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

from msgspec import Struct

from tidewaiter.cli.bench import screening_kit
from tidewaiter.risk.screening import NameIndex, compare, name_of
from tidewaiter.risk.screening.index import THRESHOLD

PAIR_THRESHOLD: Final = THRESHOLD


class Report(Struct, frozen=True, kw_only=True):
    """One kit. Shares of 1; `names_a_second` by processor time of this process, names asked for the first time."""

    seed: int
    listed: int
    asked: int
    threshold: float
    recall: float
    alerts: float
    names_a_second: float
    pair_precision: float
    pair_recall: float
    pair_f1: float
    recall_by_kind: dict[str, float]


def run(seed: int, listed: int, others: int, threshold: float = THRESHOLD) -> Report:
    """Make a kit and screen it. Raises NoFakerError."""
    kit = screening_kit.made(seed, listed, others)
    index = NameIndex((str(number), name) for number, name in enumerate(kit.listed))
    numbers = {name: str(number) for number, name in enumerate(kit.listed)}
    asked, found = Counter[str](), Counter[str]()
    name_of.cache_clear()
    began = time.process_time()
    hits = [index.found(each.written, threshold) for each in kit.perturbed]
    alerts = sum(bool(index.found(name, threshold)) for name in kit.others)
    seconds = time.process_time() - began
    for each, matches in zip(kit.perturbed, hits, strict=True):
        asked[each.kind] += 1
        found[each.kind] += any(match.entry_id == numbers[each.listed] for match in matches)
    pairs = screening_kit.pairs(kit, seed, lambda name: [match.listed for match in index.found(name, 0.5)])
    said = [
        (compare(name_of(one), name_of(other), index.vocabulary).score >= PAIR_THRESHOLD, same)
        for one, other, same in pairs
    ]
    true = sum(is_said and same for is_said, same in said)
    precision, recall = true / max(sum(is_said for is_said, _ in said), 1), true / sum(same for _, same in said)
    return Report(
        seed=seed,
        listed=len(index),
        asked=len(kit.perturbed) + len(kit.others),
        threshold=threshold,
        recall=sum(found.values()) / sum(asked.values()),
        alerts=alerts / len(kit.others),
        names_a_second=(len(kit.perturbed) + len(kit.others)) / seconds,
        pair_precision=precision,
        pair_recall=recall,
        pair_f1=2 * precision * recall / max(precision + recall, 1e-9),
        recall_by_kind={kind: found[kind] / asked[kind] for kind in sorted(asked)},
    )


def row(report: Report) -> dict[str, str]:
    """The report as a person reads it."""
    return {
        "seed": f"{report.seed}",
        "on the list": f"{report.listed:,}",
        "asked": f"{report.asked:,}",
        "recall": f"{report.recall:.3f}",
        "alerts": f"{report.alerts:.2%}",
        "names a second": f"{report.names_a_second:,.0f}",
        "pair F1": f"{report.pair_f1:.3f}",
        "pair precision": f"{report.pair_precision:.3f}",
        "pair recall": f"{report.pair_recall:.3f}",
    }
