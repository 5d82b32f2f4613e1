"""The proof: all that was decided is read again and held against what was posted and what statements say.

reconcile(store, store.accounts, store.returns.totals, at)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from tidewaiter.workflow import accounting
from tidewaiter.workflow.accounting import Books, Happening, Reconciliation, Totals, sum_of
from tidewaiter.workflow.evidence import Evidence, Reader, Unread, declaration_of, subject_of, told_apart
from tidewaiter.workflow.set_aside import Spot, Tray, words_of

BLOCKS_AT_ONCE: Final = 16
ZERO: Final = Decimal(0)


def reconcile(
    store: Evidence, books: Books, given_back: Callable[[Sequence[int]], Mapping[int, Totals]], at: datetime, until: int
) -> Reconciliation:
    """Hold all that was decided up to a block of evidence against postings and statements; memory does not grow with it.

    `given_back` says what decisions on returns gave back on declarations, by the decisions themselves. What is
    charged by now may be less than that: then nothing is, and the rest must have been called back.
    """
    totals: Totals = {}
    problems: list[str] = []
    aside = {each.subject for each in books.set_asides.open()}
    reader, block_id = Reader(store), 0
    while block_id < until and (blocks := store.blocks(block_id, BLOCKS_AT_ONCE)):
        decided, unread = told_apart(reader.decisions(blocks))
        problems += _unknown(store, unread, aside)
        valid = store.versions([each.declaration_id for each in decided])
        less: dict[int, Totals] = {}
        tray = Tray("returns", frozenset(), at)
        for part in tray.carry(given_back, list(valid), lambda number: Spot(subject_of(number), 0, "")):
            less.update(part)
        problems += [f"{each.subject}: a return on it cannot be read: {each.words}" for each in tray.change().added]
        for each in decided:
            is_last = valid.get(each.declaration_id) == each.version
            if is_last and isinstance(each.happening, Happening) and each.happening.assessment is not None:
                charged: Totals = {}
                sum_of(each.happening.assessment, charged)
                for key, amount in charged.items():
                    rest = max(amount - less.get(each.declaration_id, {}).get(key, ZERO), ZERO)
                    totals[key] = totals.get(key, ZERO) + rest
        block_id = blocks[-1].block_id
    found = accounting.reconcile(totals, books, "declaration:")
    return replace(found, problems=(*problems, *found.problems))


def _unknown(store: Evidence, unread: Sequence[Unread], aside: AbstractSet[str]) -> Iterator[str]:
    """Decisions that were posted and cannot be read again: what they come to is not known. In words."""
    numbers = [number for each in unread if (number := declaration_of(each.spot.subject)) is not None]
    valid = store.versions(numbers)
    for each in unread:
        is_last = not each.version or valid.get(declaration_of(each.spot.subject) or 0) == each.version
        if is_last and each.spot.subject not in aside:
            yield f"{each.spot.subject} ({each.spot.place}): {words_of(each.error)}"
