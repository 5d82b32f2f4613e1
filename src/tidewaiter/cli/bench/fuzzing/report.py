"""`tidewaiter bench fuzz`: every door in turn, and the table of what was seen."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from tidewaiter.cli import output
from tidewaiter.cli.bench.fuzzing.doors import DISAGREEMENT, EXCEPTION, UNCLEAR, door_of, doors
from tidewaiter.cli.bench.fuzzing.running import MEMORY, SLOW, STUCK, Tally, Task
from tidewaiter.cli.bench.fuzzing.running import run as run_task
from tidewaiter.cli.bench.fuzzing.seeds import seeds
from tidewaiter.cli.output import Output
from tidewaiter.model.errors import NotFoundError

COMPLAINTS_SHOWN = 40


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be done: `count` messages at each door, at all of them where `forms` is empty."""

    forms: tuple[str, ...] = ()
    count: int
    seed: int = 1
    samples: Path | None = None
    failures: Path | None = None
    workers: int = 1


def run(plan: Plan) -> list[Tally]:
    """What was seen at each door. Raises NotFoundError for a door that is not there, or has no message to spoil."""
    names = plan.forms or tuple(doors())
    for name in names:
        door_of(name)
    known = seeds(plan.samples)
    found = []
    for name in names:
        if not known.get(name):
            raise NotFoundError(f"there is no message to spoil for {name}", hint="name a folder of samples")
        task = Task(
            door=name,
            seeds=tuple(known[name]),
            seed=plan.seed,
            first=0,
            step=1,
            count=plan.count,
            folder=str(plan.failures) if plan.failures is not None else "",
        )
        output.err().print(f"{name}: {plan.count:,} spoilt from {len(task.seeds)} messages …")
        found.append(run_task(task, max(1, plan.workers)))
    return found


def show(tallies: list[Tally]) -> None:
    """The table, and below it what is complained of."""
    output.print_rows([row(each) for each in tallies], Output(), title="spoilt messages")
    for each in tallies:
        worst = sorted(each.complaints.items(), key=lambda pair: -pair[1])
        for words, number in worst[:COMPLAINTS_SHOWN]:
            output.out().print(f"{each.form}: {number:,} × {words}", markup=False, soft_wrap=True)
        if len(worst) > COMPLAINTS_SHOWN:
            output.out().print(f"{each.form}: and {len(worst) - COMPLAINTS_SHOWN} more")


def row(tally: Tally) -> dict[str, object]:
    """One door as the table shows it."""
    return {
        "form": tally.form,
        "seeds": tally.seeds,
        "messages": tally.messages,
        "accepted": tally.accepted,
        "refused": tally.refused,
        "exceptions": tally.of_kind(EXCEPTION),
        "over 1 s": tally.of_kind(SLOW) + tally.of_kind(STUCK),
        "memory": tally.of_kind(MEMORY),
        "unclear": tally.of_kind(UNCLEAR),
        "disagree": tally.of_kind(DISAGREEMENT),
        "slowest ms": round(tally.slowest_seconds * 1000),
        "peak MiB": round(tally.peak_memory_bytes / 1024**2),
        "a second": round(tally.messages / tally.cpu_seconds) if tally.cpu_seconds else 0,
    }
