"""`tidewaiter accounts reconcile`: the proof to the cent."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store
from tidewaiter.revenue.postings import shown
from tidewaiter.workflow.accounting import ZERO, Reconciliation

PROBLEMS_SAID = 20


def reconcile_(
    *,
    simulate: Annotated[
        int,
        Parameter(
            help="Post so many simulated consignments first, for good: use a database of its own (0: what was decided here)."
        ),
    ] = 0,
    seed: Annotated[int, Parameter(help="Which simulated consignments.")] = 7,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Prove to the cent that assessments, postings and statements come to the same.

    Each statement must open where the one before closed and move by what its postings come to; the balance kept of
    each account, and what is reserved of each guarantee, must be what was booked. Exit 1 where anything differs by
    anything, and while a decision is set aside.
    """
    if simulate:
        from tidewaiter.cli.bench import accounts as measuring

        with opened_store() as store:
            report = measuring.run(store, simulate, seed)
        if output_as.json:
            output.print_json(report)
        else:
            output.print_one(measuring.row(report), output_as, title="reconciliation")
            _say_problems(report.reconciliation)
        return output.EXIT_OK if report.reconciliation.is_exact else output.EXIT_ERROR
    from tidewaiter.store.accounts import BOOKKEEPING
    from tidewaiter.workflow.bookkeeping import Bookkeeper
    from tidewaiter.workflow.desk import Desk

    with opened_store() as store, store.accounts.alone(BOOKKEEPING):
        keeper = Bookkeeper(store, store.accounts, Desk(store))
        for _ in keeper.rounds():
            pass
        found = keeper.reconcile(store.returns.totals)
    if output_as.json:
        output.print_json(_as_json(found))
    else:
        _print_sums(found, output_as)
        _say_problems(found)
    return output.EXIT_OK if found.is_exact else output.EXIT_ERROR


def _rows(found: Reconciliation) -> list[dict[str, object]]:
    return [
        {
            "of": key[0], "type": key[1], "currency": key[2], "assessed": shown(found.assessed.get(key, ZERO)),
            "posted": shown(found.posted.get(key, ZERO)), "stated": shown(found.stated.get(key, ZERO)),
        }
        for key in sorted({*found.assessed, *found.posted, *found.stated})
    ]  # fmt: skip


def _as_json(found: Reconciliation) -> dict[str, object]:
    return {
        "difference": found.difference, "is_exact": found.is_exact, "accounts": found.accounts,
        "statements": found.statements, "problems": found.problems, "sums": _rows(found),
        "set_aside": found.set_aside,
    }  # fmt: skip


def _print_sums(found: Reconciliation, output_as: Output) -> None:
    title = f"difference {shown(found.difference)}, {found.accounts} accounts, {found.statements} statements"
    output.print_rows(_rows(found), output_as, title=title)


def _say_problems(found: Reconciliation) -> None:
    for problem in found.problems[:PROBLEMS_SAID]:
        output.err().print(problem, markup=False)
    for each in found.set_aside[:PROBLEMS_SAID]:
        words = (
            f"set aside: {each.subject} ({each.place}), tried {each.tried} times since {each.first_at:%Y-%m-%d %H:%M}Z"
        )
        output.err().print(f"{words}: {each.code}: {each.words}", markup=False)
    if found.set_aside:
        count = len(found.set_aside)
        output.out().print(
            f"NOT PROVED: {count} set aside and not in the books; tidewaiter accounts retry", markup=False
        )
