"""Which of the parcels that wait for an examination is looked at first: by the revenue that scores expect of a look."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec import Struct

from tidewaiter.model.money import Money
from tidewaiter.risk.facts import Score
from tidewaiter.workflow.outcome_records import ToExamine
from tidewaiter.workflow.ports import Store

READ: Final = 1_000  # of those that wait, the longest there
NOTHING: Final = Decimal(-1)


class Waiting(Struct, frozen=True):
    """A parcel under control: what scores that decide say of it, and what they expect of a look together."""

    row: ToExamine
    scores: tuple[Score, ...]
    promise: Money | None


class Queue(Struct, frozen=True):
    """What waits to be examined, in order; and how many more wait that came later and were not read."""

    parcels: tuple[Waiting, ...]
    unread: int = 0


def waiting(store: Store, limit: int = READ) -> Queue:
    """Those that promise most first, by currency; then those that promise no revenue, the likeliest first.

    Every one of them is to be examined: this is the order, and leaves none out but those whose outcome waits for a
    second person, who were examined. Of more than `limit` the longest there are put in order, and the rest is counted.
    """
    rows, count = store.outcomes.to_examine(limit)
    scores = {kept.declaration_id: kept.facts.scores for kept in store.decided([row.place for row in rows])}
    found = sorted((_waiting(row, scores[row.declaration_id]) for row in rows), key=_order)
    return Queue(tuple(found), count - len(rows))


def promise_of(scores: Iterable[Score]) -> Money | None:
    """What scores expect together; None where none tells an amount, or amounts are in several currencies.

    Scores of several kinds of risk promise apart: what is owed for a value too low is not owed for a false origin again.
    """
    amounts = [score.expected for score in scores if score.expected is not None]
    if not amounts or len({each.currency for each in amounts}) > 1:
        return None
    return Money(sum((each.amount for each in amounts), Decimal(0)), amounts[0].currency)


def _waiting(row: ToExamine, scores: tuple[Score, ...]) -> Waiting:
    deciding = tuple(score for score in scores if not score.is_shadow)
    return Waiting(row, deciding, promise_of(deciding))


def _order(each: Waiting) -> tuple[bool, str, Decimal, Decimal, int]:
    likeliest = max((score.probability for score in each.scores), default=Decimal(0))
    if each.promise is None:
        return True, "", Decimal(0), -likeliest, each.row.declaration_id
    return False, each.promise.currency, -each.promise.amount, -likeliest, each.row.declaration_id
