"""`tidewaiter risk draws`, `export-draws` and `audit-draw`: chance that anybody can check; see docs/how-to/select.md."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store

if TYPE_CHECKING:
    from tidewaiter.risk.selection.auditing import Audit
    from tidewaiter.workflow.draw_proofs import Proof

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
        lines = (msgspec.json.encode(each) + b"\n" for each in exported(store, day, _now()))
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
    against_kept: Annotated[
        bool, Parameter(negative="", help="Hold a file against the decisions kept here, each made again.")
    ] = False,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Make every draw of a day again and tell what is wrong: seed, draws, lanes, what is missing. 3 where anything is.

    From a file alone it is proved that the draws, what is mandatory and the lanes follow from the reasons told; that these
    held is told, and proved where the decisions are kept. What was drawn and not examined is told with its age.
    """
    from tidewaiter.risk.selection.auditing import audit
    from tidewaiter.workflow.draw_proofs import audit_day, proved
    from tidewaiter.workflow.draws import read_draws

    if (file is None) == (day is None):
        raise UsageError("name a file, or --day")
    proof = None
    if file is not None:
        with file.open("rb") as stream:
            first, records = read_draws(iter(stream))
            told = list(records) if against_kept else records
            found = audit(first, told, published)
        if against_kept:
            with opened_store() as store:
                proof = proved(store, first.drawn_for, _now(), told)
    else:
        assert day is not None
        with opened_store() as store:
            found, proof = audit_day(store, day, _now())
    output.print_one(_audited(found, proof), output_as)
    return output.EXIT_FINDINGS if found.wrong or (proof is not None and proof.wrong) else output.EXIT_OK


def _audited(found: Audit, proof: Proof | None) -> dict[str, str]:
    """An audit as rows: figures, what is proved and what is only told, then what is wrong and what waits."""
    problems = (*found.problems, *(proof.problems if proof is not None else ()))
    sample = found.sample
    rows = {
        "decisions": f"{found.decisions:,}",
        "draws made again": f"{found.draws:,}",
        "drawn at random": f"{found.selected:,}",
        "lanes found again from reasons": f"{found.reasoned:,}",
        "decisions made again": "none: not asked of what is kept" if proof is None else f"{proof.decisions:,}",
        "wrong": f"{found.wrong + (proof.wrong if proof is not None else 0):,}",
        "proved": _PROVED.format(found.reasoned) + (_REPLAYED if proof is not None else ""),
        "only told": _TOLD if proof is None else _LOOKED_UP,
    }
    if sample is None:
        rows["drawn and examined"] = "not told"
    else:
        rows["drawn and examined"] = f"{sample.examined:,} of {sample.drawn:,}"
        rows["drawn and let go, or beyond the limit"] = f"{sample.skipped:,}"
        rows["drawn and waiting"] = f"{sample.waiting:,}"
        rows["drawn and not arrived"] = f"{sample.not_arrived:,}"
        rows["drawn and taken back or refused"] = f"{sample.withdrawn:,}"
    rows |= {f"  {number}": words for number, words in enumerate(problems, 1)}
    return rows | {f"  waits {number}": words for number, words in enumerate(found.waits, 1)}


_PROVED = "seed, draws, propensities; of {:,} the odds, what is mandatory and the lane, given the reasons"
_REPLAYED = "; reasons, scores and lanes, from message, rules, lists, law and policy by digest"
_TOLD = "that the reasons held, office, status and scores; what examinations came to"
_LOOKED_UP = "what was looked up at the time: history's numbers, a trader's status; what examinations came to"


def _now() -> datetime:
    return datetime.now(UTC)


def _today() -> date:
    return _now().date()
