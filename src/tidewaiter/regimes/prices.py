"""Which amount of a declaration is the price of a line, and which amounts can be worked with at all."""

from __future__ import annotations

from decimal import Decimal

from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.money import Money

AMOUNT_DIGITS_MAX = 13  # before the point; a price above ten trillion is a mistake, not a price
SETTLED_DIGITS_MAX = 18  # with ten places after the point within any precision worked with
FINEST = Decimal("1E-10")  # far below any coin and above what is lost in converting


def price_of(item: GoodsItem, declaration: Declaration) -> Money | None:
    """What the goods of a line cost: the price, else the declared value, else the invoice where there is one line."""
    if item.invoice_price is not None:
        return item.invoice_price
    if item.customs_value is not None:
        return item.customs_value
    return declaration.invoice_amount if len(declaration.goods_items) == 1 else None


def is_plausible(amount: Decimal) -> bool:
    """True for an amount that can be worked with: a number, not negative, of sane length."""
    return amount.is_finite() and not amount.is_signed() and amount.adjusted() < AMOUNT_DIGITS_MAX


def settled(amount: Decimal) -> Decimal:
    """An amount as limits are held against it: to ten places.

    Goods at the very limit stay within it in whatever currency price and limit are given: the last digits of a
    conversion, which depend on the order in which lines are added up, decide nothing.
    """
    return amount.quantize(FINEST) if amount.is_finite() and amount.adjusted() < SETTLED_DIGITS_MAX else amount
