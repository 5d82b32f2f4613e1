"""`tidewaiter risk draws`, `export-draws` and `audit-draw`: chance that anybody can check; see docs/how-to/select.md."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store

Day = Annotated[date, Parameter(help="A day that is over (UTC), as 2026-07-14.")]


def draws(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List what was committed to for each day: the seed's SHA-256 before the day, the seed itself after it."""
    with opened_store() as store:
        found = store.commitments(_today(), 1_000)
    rows = [
        {
            "day": each.drawn_for,
            "committed at": f"{each.committed_at:%Y-%m-%d %H:%M}",
            "commitment": each.commitment,
            "seed": each.seed or "not before the day is over",
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


def export_draws(
    file: Annotated[Path, Parameter(help="Where to write it; - for standard output.")], *, day: Day
) -> int:
    """Write a day's seed and every draw by it as JSON Lines, for an auditor who has nothing else."""
    from tidewaiter.workflow.draws import exported

    with opened_store() as store:
        lines = (msgspec.json.encode(each) + b"\n" for each in exported(store, day, _today()))
        if str(file) == "-":
            sys.stdout.buffer.writelines(lines)
        else:
            first = next(lines)  # what cannot be exported leaves no file behind
            with file.open("wb") as stream:
                stream.write(first)
                stream.writelines(lines)
    return output.EXIT_OK


def audit_draw(
    file: Annotated[Path | None, Parameter(help="What `export-draws` wrote; without it, what is kept here.")] = None,
    *,
    day: Annotated[date | None, Parameter(help="Without a file: a day that is over (UTC).")] = None,
    published: Annotated[str, Parameter(help="The commitment as you know it from before the day, hexadecimal.")] = "",
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Make every draw of a day again and tell what is wrong: seed, draws, lanes, what is missing. 3 where anything is."""
    from tidewaiter.risk.selection.auditing import audit
    from tidewaiter.workflow.draws import audit_day, read_draws

    if (file is None) == (day is None):
        raise UsageError("name a file, or --day")
    if file is not None:
        with file.open("rb") as stream:
            first, records = read_draws(iter(stream))
            found = audit(first, records, published)
    else:
        assert day is not None
        with opened_store() as store:
            found = audit_day(store, day, _today())
    output.print_one(
        {
            "decisions": f"{found.decisions:,}",
            "draws made again": f"{found.draws:,}",
            "drawn at random": f"{found.selected:,}",
            "wrong": f"{found.wrong:,}",
            **{f"  {number}": words for number, words in enumerate(found.problems, 1)},
        },
        output_as,
    )
    return output.EXIT_FINDINGS if found.wrong else output.EXIT_OK


def _today() -> date:
    return datetime.now(UTC).date()
