"""A million simulated consignments posted and proved: sum of assessments, of postings and of statements, to the cent."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from decimal import Decimal

from msgspec import Struct

from tidewaiter.cli import output
from tidewaiter.cli.bench import traders
from tidewaiter.cli.bench.meters import PeakMemory
from tidewaiter.model.errors import ConflictError
from tidewaiter.revenue.payments import Draft
from tidewaiter.revenue.postings import shown
from tidewaiter.revenue.statements import Statement
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import MATCHING
from tidewaiter.workflow.accounting import Reconciliation, Totals, post, reconcile, sum_of
from tidewaiter.workflow.paying import take_payment

SLICE = 2_000  # consignments posted in one transaction
PIECE = 20_000  # consignments that one process takes at a time
DEFAULT_SEED = 7
OVERPAID = Decimal("0.01")


class Report(Struct, frozen=True, kw_only=True):
    """What was posted, how long it took, and whether the three sums agree."""

    consignments: int
    postings: int
    issued: int
    posting_seconds: float
    reconciling_seconds: float
    peak_memory_bytes: int
    difference: Decimal
    reconciliation: Reconciliation


def run(store: PostgresStore, count: int, seed: int = DEFAULT_SEED) -> Report:
    """Post so many simulated consignments (those already posted are not posted again), and reconcile."""
    with PeakMemory(lambda: filter(None, (os.getpid(), store.server_pid))) as memory:
        began = time.monotonic()
        totals, posted = _post_all(store.url, count, seed)
        store.accounts.analyze()
        between = time.monotonic()
        pay_all(store, seed)
        issued = issue_all(store)
        found = reconcile(totals, store.accounts, f"sim:{seed}:")
        ended = time.monotonic()
    return Report(
        consignments=count,
        postings=posted,
        issued=issued,
        posting_seconds=between - began,
        reconciling_seconds=ended - between,
        peak_memory_bytes=memory.peak_bytes,
        difference=found.difference,
        reconciliation=found,
    )


def row(report: Report) -> dict[str, str]:
    """What people are shown of a report."""
    rate = report.consignments / report.posting_seconds if report.posting_seconds else 0
    return {
        "simulated consignments": f"{report.consignments:,}",
        "postings made": f"{report.postings:,}",
        "posted in": f"{report.posting_seconds:,.0f} s, {rate:,.0f} consignments a second, their assessment included",
        "accounts, statements issued": f"{report.reconciliation.accounts:,}, {report.issued:,} (now {report.reconciliation.statements:,})",
        "stated and reconciled in": f"{report.reconciling_seconds:,.0f} s",
        "peak memory": f"{report.peak_memory_bytes / 2**20:,.0f} MiB, all processes",
        "sums of assessments, postings and statements differ by": f"{shown(report.difference)}",
    }


def pay_all(store: PostgresStore, seed: int) -> None:
    """Every second operator pays what it owes, in each currency at once and a little too much."""
    owed: dict[tuple[str, str], Decimal] = {}
    for debt in store.accounts.open_debts():
        if debt.party[-1] in "02468":
            owed[debt.party, debt.currency] = owed.get((debt.party, debt.currency), Decimal(0)) + debt.owed
    for (party, currency), amount in owed.items():
        payment = Draft(
            reference=f"sim:{seed}:{party}:{currency}", amount=amount + OVERPAID, currency=currency,
            booked_on=traders.LAST_DAY, payer=party,
        )  # fmt: skip
        with contextlib.suppress(ConflictError):  # paid before, in an earlier run
            take_payment(payment, store.accounts, MATCHING)


def issue_all(store: PostgresStore) -> int:
    """Issue the statements of every month and quarter there are postings for; how many were new."""
    cut = store.accounts.last_posting()
    periods = sorted({each.period for each in store.accounts.balances(by_party=True) if each.period})
    return sum(
        isinstance(each, Statement)
        for period in periods
        for each in store.accounts.statements.issue(period, cut, traders.LAST_DAY)
    )


class Piece(Struct, frozen=True):
    """Some consignments in a row, posted by one process."""

    url: str
    seed: int
    first: int
    count: int


def post_piece(piece: Piece) -> tuple[int, Totals, int]:
    """Post a piece slice by slice; how many postings were new, what was assessed, how many consignments.

    What is posted and how far move in one transaction: broken off, it goes on
    where it was.
    """
    totals: Totals = {}
    made = 0
    with PostgresStore(piece.url) as store:
        source = f"simulation:{piece.seed}:{piece.first}"
        done = store.accounts.position(source)
        for start in range(piece.first, piece.first + piece.count, SLICE):
            end = min(start + SLICE, piece.first + piece.count)
            found = list(traders.stories(piece.seed, start, end - start))
            for story in found:
                _sum(story, totals)
            if end > done:
                made += post(
                    (happening for story in found for happening in story.happenings),
                    store.accounts,
                    others=[story.refund for story in found if story.refund is not None],
                    source=source,
                    position=end,
                )
    return made, totals, piece.count


def _sum(story: traders.Story, totals: Totals) -> None:
    """What is owed in the end: the last assessment, less what was given back."""
    if story.standing is not None:
        sum_of(story.standing, totals)
    for entry in story.refund.entries if story.refund else ():
        if entry.type_code:
            key = ("revenue", entry.type_code, entry.currency)
            totals[key] = totals.get(key, Decimal(0)) - entry.amount


def _post_all(url: str, count: int, seed: int) -> tuple[Totals, int]:
    pieces = [Piece(url, seed, first, min(PIECE, count - first)) for first in range(0, count, PIECE)]
    totals: Totals = {}
    posted = 0
    workers = min(os.cpu_count() or 1, len(pieces))
    with multiprocessing.get_context("spawn").Pool(workers) as pool, output.progress() as bar:
        task = bar.add_task("posting", total=count)
        for made, part, done in pool.imap_unordered(post_piece, pieces):
            posted += made
            bar.advance(task, done)
            for key, amount in part.items():
                totals[key] = totals.get(key, Decimal(0)) + amount
    return totals, posted
