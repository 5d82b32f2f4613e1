"""Many seeds, and what they came to together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, structs

from tidewaiter.cli.bench.faults.changes import COUNTED
from tidewaiter.cli.bench.faults.forgers import FORGERIES
from tidewaiter.cli.bench.faults.running import Machines, Outcome, run

FIGURES: Final = (
    "final checkpoints", "final entries", "messages", "dropped", "crashes", "crashes while syncing", "gone for good", "partitions", "disks full",
    "disk failures", "clocks set", "attacks", "replays", "split views", "equivocations proved", "origins ended", "joined from tiles",
    "left to people, with evidence", "handed over", "away for long", "snapshots", "started from snapshots", "caught up",
    *(f"changes: {kind}" for kind in COUNTED), *(f"forged: {what}" for what in FORGERIES),
)  # fmt: skip


class Failure(Struct, frozen=True):
    """A seed that something went wrong with: the same seed goes wrong in the same way again."""

    seed: int
    complaints: list[str]


class Report(Struct, frozen=True):
    """What came of all seeds."""

    seeds: int
    first: int
    seconds: float
    cpu_seconds: float
    runs: dict[str, int]
    figures: dict[str, int]
    refusals: dict[str, int]
    failures: list[Failure]


def simulated(seeds: int, first: int, machines: Machines = Machines()) -> Report:  # noqa: B008 (frozen)
    """Run so many seeds from the first on."""
    began, began_cpu = time.perf_counter(), time.process_time()
    outcomes = [run(seed, machines) for seed in range(first, first + seeds)]
    report = added_up(outcomes, first)
    took, took_cpu = time.perf_counter() - began, time.process_time() - began_cpu
    return structs.replace(report, seconds=round(took, 1), cpu_seconds=round(took_cpu, 1))


def added_up(outcomes: Iterable[Outcome], first: int) -> Report:
    """The figures of all runs together, without the time they took."""
    runs: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    failures: list[Failure] = []
    for outcome in outcomes:
        plan = outcome.plan
        runs[f"sequencer: {plan.manner}"] += 1
        runs[f"{plan.mirrors} mirrors, {plan.liars} lying, {plan.gone} gone"] += 1
        figures += outcome.figures
        refusals += outcome.refusals
        if outcome.complaints:
            failures.append(Failure(plan.seed, outcome.complaints))
    return Report(
        sum(runs.values()) // 2,
        first,
        0.0,
        0.0,
        dict(sorted(runs.items())),
        {name: figures[name] for name in FIGURES},
        dict(refusals.most_common()),
        failures,
    )


def rows(report: Report) -> list[dict[str, str | int]]:
    """The report as a table: what was counted, and how often."""
    parts = (("runs", report.runs), ("what happened", report.figures), ("refused", report.refusals))
    found = [_row(title, name, count) for title, counts in parts for name, count in counts.items()]
    found.append(_row("what came of it", "seeds that went wrong", len(report.failures)))
    found.append(_row("took", "seconds", str(report.seconds)))
    found.append(_row("took", "seconds of one core", str(report.cpu_seconds)))
    return found + [_row("went wrong", f"seed {each.seed}: {each.complaints[0]}", 1) for each in report.failures]


def _row(title: str, name: str, count: int | str) -> dict[str, str | int]:
    return {"of": title, "what": name, "count": count}
