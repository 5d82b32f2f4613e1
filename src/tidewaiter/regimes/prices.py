"""Which amount of a declaration is the price of a line, and which amounts can be worked with at all."""

from __future__ import annotations

from decimal import Decimal

from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.money import Money

AMOUNT_DIGITS_MAX = 13  # before the point; a price above ten trillion is a mistake, not a price


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
