"""A statement of a period that balances: what was there, what came, what went, what is there, by lot and to the last unit."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec import Struct

from tidewaiter.model.money import Money
from tidewaiter.stock.account import ZERO, StockAccount
from tidewaiter.stock.facts import INS, OUTS, RECEIPTS, Kind


class Figures(Struct, frozen=True):
    """a quantity with its value and the duties and taxes suspended on it, without sign."""

    quantity: Decimal
    value: Money
    suspended: Money

    def __add__(self, other: Figures) -> Figures:
        return Figures(self.quantity + other.quantity, self.value + other.value, self.suspended + other.suspended)

    def __sub__(self, other: Figures) -> Figures:
        return Figures(self.quantity - other.quantity, self.value - other.value, self.suspended - other.suspended)


class LotStatement(Struct, frozen=True, kw_only=True):
    """One lot over a period; `by_kind` has what came in and what left, by what happened."""

    lot_id: str
    goods_id: str
    description: str
    unit: str
    entry_document: str
    opening: Figures
    by_kind: dict[Kind, Figures]
    closing: Figures

    def total(self, kinds: tuple[Kind, ...]) -> Figures:
        """What these kinds came to."""
        nothing = Figures(ZERO, Money(ZERO, self.closing.value.currency), Money(ZERO, self.closing.suspended.currency))
        return sum((figures for kind, figures in self.by_kind.items() if kind in kinds), start=nothing)

    @property
    def is_balanced(self) -> bool:
        """Whether opening + in - out = closing: quantity, value and what is suspended."""
        return self.opening + self.total(INS) - self.total(OUTS) == self.closing


class GoodsStatement(Struct, frozen=True, kw_only=True):
    """One article over a period, all its lots together, in its unit: opening + received + returned - sold - destroyed
    - otherwise = closing. `otherwise` is what was transferred away, taken as samples, or lost."""

    goods_id: str
    description: str
    unit: str
    opening: Decimal
    received: Decimal
    returned: Decimal
    sold: Decimal
    destroyed: Decimal
    otherwise: Decimal
    closing: Decimal


class Statement(Struct, frozen=True, kw_only=True):
    """All lots that were there, or moved, from `starts_at` until before `ends_at`."""

    starts_at: datetime
    ends_at: datetime
    lots: tuple[LotStatement, ...]

    @property
    def is_balanced(self) -> bool:
        """Whether each lot balances."""
        return all(lot.is_balanced for lot in self.lots)


# From where to where goods go by each kind, for a picture of the flows: the world, the place, the market around it.
FLOWS: Final[dict[Kind, tuple[str, str]]] = {
    Kind.RECEIVED_ABROAD: ("abroad", "place"),
    Kind.RECEIVED_LOCAL: ("market", "place"),
    Kind.TRANSFERRED_IN: ("elsewhere", "place"),
    Kind.RETURNED: ("buyer", "place"),
    Kind.SOLD_LOCAL: ("place", "market"),
    Kind.SOLD_ABROAD: ("place", "abroad"),
    Kind.TRANSFERRED_OUT: ("place", "elsewhere"),
    Kind.DESTROYED: ("place", "gone"),
    Kind.SAMPLE: ("place", "gone"),
    Kind.LOSS: ("place", "gone"),
}


def state(account: StockAccount, starts_at: datetime, ends_at: datetime) -> Statement:
    """The statement of a period. Lots that had nothing in it and nothing before are left out."""
    lots: list[LotStatement] = []
    for lot in account.lots:
        nothing = Figures(ZERO, Money(ZERO, lot.value.currency), Money(ZERO, lot.suspended.currency))
        opening = closing = nothing
        by_kind: dict[Kind, Figures] = {}
        has_moved = False
        for movement in account.movements:
            if movement.lot_id != lot.lot_id or movement.effective_at >= ends_at:
                continue
            signed = Figures(movement.quantity, movement.value, movement.suspended)
            closing += signed
            if movement.effective_at < starts_at:
                opening += signed
                continue
            has_moved = True
            figures = signed if movement.kind in INS else nothing - signed
            by_kind[movement.kind] = by_kind.get(movement.kind, nothing) + figures
        if has_moved or opening != nothing:
            lots.append(
                LotStatement(
                    lot_id=lot.lot_id, goods_id=lot.goods_id, description=lot.terms.description, unit=lot.terms.unit,
                    entry_document=lot.terms.entry_document, opening=opening, by_kind=by_kind, closing=closing,
                )
            )  # fmt: skip
    return Statement(starts_at=starts_at, ends_at=ends_at, lots=tuple(lots))


def by_goods(statement: Statement) -> tuple[GoodsStatement, ...]:
    """What each article came to, in the order that the first lot of each was opened. Units are not mixed."""
    lots: dict[tuple[str, str], list[LotStatement]] = {}
    for lot in statement.lots:
        lots.setdefault((lot.goods_id, lot.unit), []).append(lot)
    return tuple(_goods(same) for same in lots.values())


def totals(statement: Statement) -> dict[Kind, Decimal]:
    """How many units moved by each kind, all lots together (of one unit or not: for the picture of the flows)."""
    found: dict[Kind, Decimal] = {}
    for lot in statement.lots:
        for kind, figures in lot.by_kind.items():
            found[kind] = found.get(kind, ZERO) + figures.quantity
    return {kind: found[kind] for kind in Kind if kind in found}


def _goods(lots: list[LotStatement]) -> GoodsStatement:
    def moved(*kinds: Kind) -> Decimal:
        return sum((lot.total(kinds).quantity for lot in lots), ZERO)

    return GoodsStatement(
        goods_id=lots[0].goods_id, description=lots[-1].description, unit=lots[0].unit,
        opening=sum((lot.opening.quantity for lot in lots), ZERO), received=moved(*RECEIPTS),
        returned=moved(Kind.RETURNED), sold=moved(Kind.SOLD_LOCAL, Kind.SOLD_ABROAD), destroyed=moved(Kind.DESTROYED),
        otherwise=moved(Kind.TRANSFERRED_OUT, Kind.SAMPLE, Kind.LOSS),
        closing=sum((lot.closing.quantity for lot in lots), ZERO),
    )  # fmt: skip
