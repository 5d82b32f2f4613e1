"""A stock-taking held against the account: what is missing, what is too much, and what duty hangs on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from tidewaiter.model.declaration import w
from tidewaiter.model.money import Money
from tidewaiter.stock.account import ZERO, StockAccount, part


class CountScope(StrEnum):
    """What a count speaks of."""

    LISTED = "what is listed"
    EVERYTHING = "everything"  # what is not on it was not there


_COUNTED: Final = Meta(
    description="How many were there; 0 where none was", extra_json_schema={"x-wco-id": "130", "x-may-be-zero": True}
)


class CountedLine(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How many were there of one kind of goods; of one lot, where lots are kept apart."""

    goods_id: Annotated[str, w("", "What the operator calls the goods")]
    quantity: Annotated[Decimal, _COUNTED]
    lot_id: Annotated[str, w("", "Of one lot, where lots are kept apart")] = ""


class StockCount(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A stock-taking."""

    count_id: Annotated[str, w("", "The operator's name of the stock-taking")]
    counted_at: Annotated[datetime, w("", "The moment of the count")]
    lines: Annotated[tuple[CountedLine, ...], w("68A", "What was counted")]
    counted_by: Annotated[str, w("", "Who counted")] = ""
    scope: Annotated[CountScope, w("", "Whether what is not on it was not there")] = CountScope.LISTED


class Discrepancy(StrEnum):
    """How count and account differ."""

    SHORTAGE = "shortage"
    EXCESS = "excess"


class Difference(Struct, frozen=True, kw_only=True):
    """One difference. `parts` say which lots a shortage falls on, in the order in which they were opened."""

    what: Discrepancy
    goods_id: str
    lot_id: str
    booked: Decimal
    counted: Decimal
    quantity: Decimal  # how many are missing, or too many
    parts: tuple[tuple[str, Decimal], ...] = ()
    suspended: Money | None = None  # until now, on what is missing


def reconcile(account: StockAccount, count: StockCount) -> tuple[Difference, ...]:
    """Where what was counted is not what the account has at that moment, in the order of the lines."""
    balances = balances_at(account, count.counted_at)
    lines = list(count.lines)
    if count.scope is CountScope.EVERYTHING:
        lines += _not_counted(account, balances, lines)
    found: list[Difference] = []
    for line in lines:
        lots = [
            lot.lot_id
            for lot in account.lots_of(line.goods_id)
            if lot.lot_id in balances and (not line.lot_id or lot.lot_id == line.lot_id)
        ]
        booked = sum((balances[lot_id] for lot_id in lots), ZERO)
        if booked != line.quantity:
            found.append(_difference(account, line, booked, {lot_id: balances[lot_id] for lot_id in lots}))
    return tuple(found)


def balances_at(account: StockAccount, moment: datetime) -> dict[str, Decimal]:
    """What each lot came to with all that had taken effect by a moment."""
    found: dict[str, Decimal] = {}
    for movement in account.movements:
        if movement.effective_at <= moment:
            found[movement.lot_id] = movement.balance
    return found


def _not_counted(
    account: StockAccount, balances: Mapping[str, Decimal], lines: Iterable[CountedLine]
) -> list[CountedLine]:
    whole = {line.goods_id for line in lines if not line.lot_id}
    named = {line.lot_id for line in lines if line.lot_id}
    missed = [
        lot for lot in account.lots
        if balances.get(lot.lot_id) and lot.goods_id not in whole and lot.lot_id not in named
    ]  # fmt: skip
    return [CountedLine(goods_id=lot.goods_id, lot_id=lot.lot_id, quantity=ZERO) for lot in missed]


def _difference(
    account: StockAccount, line: CountedLine, booked: Decimal, balances: Mapping[str, Decimal]
) -> Difference:
    if line.quantity > booked:
        return Difference(
            what=Discrepancy.EXCESS, goods_id=line.goods_id, lot_id=line.lot_id, booked=booked, counted=line.quantity,
            quantity=line.quantity - booked,
        )  # fmt: skip
    missing = left = booked - line.quantity
    parts: list[tuple[str, Decimal]] = []
    suspended: Money | None = None
    for lot_id, balance in balances.items():
        taken = min(left, balance)
        if not taken:
            continue
        left -= taken
        parts.append((lot_id, taken))
        lot = account.lot(lot_id)
        assert lot is not None
        terms = lot.terms
        of_lot = part(terms.suspended, balance, lot.received) - part(terms.suspended, balance - taken, lot.received)
        suspended = of_lot if suspended is None else suspended + of_lot
    return Difference(
        what=Discrepancy.SHORTAGE, goods_id=line.goods_id, lot_id=line.lot_id, booked=booked, counted=line.quantity,
        quantity=missing, parts=tuple(parts), suspended=suspended,
    )  # fmt: skip
