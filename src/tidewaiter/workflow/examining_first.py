"""Which of the parcels that wait for an examination is looked at first: by the revenue that scores expect of a look."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec import Struct

from tidewaiter.model.decision import State
from tidewaiter.model.money import Money
from tidewaiter.risk.facts import Score
from tidewaiter.workflow.ports import DeclarationRow, Filter, Store

READ: Final = 500  # of those that wait, the last to come
NOTHING: Final = Decimal(-1)


class Waiting(Struct, frozen=True):
    """A parcel under control: what scores that decide say of it, and what they expect of a look together."""

    row: DeclarationRow
    scores: tuple[Score, ...]
    promise: Money | None


def waiting(store: Store, limit: int = READ) -> list[Waiting]:
    """Those that promise most first, by currency; then those that promise no revenue, the likeliest first.

    Every one of them is to be examined: this is the order, and leaves none out. Of more than `limit` the last to come are read.
    """
    rows = store.declarations(Filter(state=State.UNDER_CONTROL, limit=min(limit, READ)))
    found = [_waiting(row, store.kept(row.declaration_id).facts.scores) for row in rows]
    return sorted(found, key=_order)


def promise_of(scores: Iterable[Score]) -> Money | None:
    """What scores expect together; None where none tells an amount, or amounts are in several currencies.

    Scores of several kinds of risk promise apart: what is owed for a value too low is not owed for a false origin again.
    """
    amounts = [score.expected for score in scores if score.expected is not None]
    if not amounts or len({each.currency for each in amounts}) > 1:
        return None
    return Money(sum((each.amount for each in amounts), Decimal(0)), amounts[0].currency)


def _waiting(row: DeclarationRow, scores: tuple[Score, ...]) -> Waiting:
    deciding = tuple(score for score in scores if not score.is_shadow)
    return Waiting(row, deciding, promise_of(deciding))


def _order(each: Waiting) -> tuple[bool, str, Decimal, Decimal, int]:
    likeliest = max((score.probability for score in each.scores), default=Decimal(0))
    if each.promise is None:
        return True, "", Decimal(0), -likeliest, each.row.declaration_id
    return False, each.promise.currency, -each.promise.amount, -likeliest, each.row.declaration_id
