"""Amounts and quantities: can they be, and are they likely?"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Severity
from tidewaiter.model.money import Money
from tidewaiter.quality.oddities import Oddity
from tidewaiter.quality.registry import Context, Seen, rule

OWN = "Tidewaiter: plausibility of a parcel"

_MONEY = ("invoice_amount", "freight", "insurance", "discount", "tax_collected_at_sale", "amount_paid")
_NEGATIVE = "An amount cannot be below zero."


@rule(
    "amount.negative",
    Severity.ERROR,
    source="WCO Data Model, amounts (elements 108, 109, 112, 117): not below zero",
    odd=Oddity.NUMBER,
)
def negative(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """No amount on a declaration is below zero; a discount is stated as such, not as a negative price."""
    seen: list[Seen] = []
    for place, item in enumerate(declaration.goods_items, 1):
        if (money := item.invoice_price) and money.amount < 0:
            seen.append(Seen(f"goods_items[{place}].invoice_price", money, _NEGATIVE))
        if (money := item.unit_price) and money.amount < 0:
            seen.append(Seen(f"goods_items[{place}].unit_price", money, _NEGATIVE))
        if (money := item.customs_value) and money.amount < 0:
            seen.append(Seen(f"goods_items[{place}].customs_value", money, _NEGATIVE))
        if (money := item.statistical_value) and money.amount < 0:
            seen.append(Seen(f"goods_items[{place}].statistical_value", money, _NEGATIVE))
        if (money := item.freight) and money.amount < 0:
            seen.append(Seen(f"goods_items[{place}].freight", money, _NEGATIVE))
    for name in _MONEY:
        if (money := getattr(declaration, name)) and money.amount < 0:
            seen.append(Seen(name, money, _NEGATIVE))
    return seen


@rule(
    "amount.zero",
    Severity.WARNING,
    source="Agreement on Customs Valuation: goods sent free of charge have a value too",
    odd=Oddity.NUMBER,
)
def zero(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Goods have a value even where nothing was paid for them: state what they would cost."""
    return [
        Seen(f"goods_items[{place}].invoice_price", item.invoice_price, "The price of this line is zero.")
        for place, item in enumerate(declaration.goods_items, 1)
        if item.invoice_price and not item.invoice_price.amount
    ]


# Between these a price per kilogram is taken as likely in whatever currency, without converting.
_LIKELY_MIN, _LIKELY_MAX = Decimal("0.5"), Decimal(1000)
PRICE_PER_KG_MIN, PRICE_PER_KG_MAX = Money(Decimal("0.10"), "EUR"), Money(Decimal(50_000), "EUR")


@rule("amount.price_per_kg", Severity.WARNING, source=OWN)
def price_per_kg(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """A price under EUR 0.10 or over EUR 50,000 per kilogram is rare in parcels: look at price, currency and mass again."""
    seen: list[Seen] = []
    for place, item in enumerate(declaration.goods_items, 1):
        mass = item.net_mass_kg or item.gross_mass_kg
        price = item.invoice_price
        if not mass or not price or mass < 0 or price.amount <= 0:
            continue
        if _LIKELY_MIN * mass <= price.amount <= _LIKELY_MAX * mass:
            continue
        euros = context.convert(price, "EUR")
        if euros and not PRICE_PER_KG_MIN.amount * mass <= euros.amount <= PRICE_PER_KG_MAX.amount * mass:
            words = f"{price} for {mass:f} kg is an unlikely price per kilogram."
            seen.append(
                Seen(f"goods_items[{place}].invoice_price", price, words, "Is the currency right, and the mass in kg?")
            )
    return seen


HALF_A_CENT = Decimal("0.005")


@rule("amount.line_total", Severity.WARNING, source=OWN, about=("goods_items[].unit_price",))
def line_total(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The price of a line is the price of one times the quantity, apart from what rounding to cents makes of it."""
    seen: list[Seen] = []
    for place, item in enumerate(declaration.goods_items, 1):
        unit_price, price, quantity = item.unit_price, item.invoice_price, item.quantity
        if unit_price is None or price is None or quantity is None or unit_price.currency != price.currency:
            continue
        reckoned = unit_price.amount * quantity
        is_rounded = unit_price.amount.as_tuple().exponent in (-2, -1, 0)
        allowed = HALF_A_CENT * (abs(quantity) + 1 if is_rounded else 1)
        if abs(price.amount - reckoned) > allowed:
            words = f"{quantity:f} at {unit_price} come to {reckoned:f}, but the line says {price}."
            seen.append(Seen(f"goods_items[{place}].invoice_price", price, words, "Which of the three is wrong?"))
    return seen


@rule("quantity.not_positive", Severity.ERROR, source="WCO Data Model, element 130", about=("goods_items[].quantity",))
def quantity_not_positive(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A quantity is more than zero."""
    return [
        Seen(f"goods_items[{place}].quantity", item.quantity, "A quantity must be more than zero.")
        for place, item in enumerate(declaration.goods_items, 1)
        if item.quantity is not None and item.quantity <= 0
    ]


QUANTITY_MAX = Decimal(100_000)


@rule("quantity.implausible", Severity.WARNING, source=OWN, about=("goods_items[].quantity",))
def quantity_implausible(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """More than 100,000 units on one line is rare in a parcel: look at quantity and unit again."""
    return [
        Seen(f"goods_items[{place}].quantity", item.quantity, "More than 100,000 units in a parcel is unlikely.")
        for place, item in enumerate(declaration.goods_items, 1)
        if item.quantity is not None and item.quantity > QUANTITY_MAX
    ]


@rule("packages.negative", Severity.ERROR, source="WCO Data Model, elements 144 and 146", odd=Oddity.NUMBER)
def packages_negative(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A number of packages or lines is not below zero. A line packed with another may have none of its own."""
    seen: list[Seen] = []
    words = "A number of packages or lines cannot be below zero."
    if (count := declaration.consignment.package_count) is not None and count < 0:
        seen.append(Seen("consignment.package_count", count, words))
    if (count := declaration.goods_item_count) is not None and count < 0:
        seen.append(Seen("goods_item_count", count, words))
    for line, item in enumerate(declaration.goods_items, 1):
        for place, packaging in enumerate(item.packagings, 1):
            if packaging.count is not None and packaging.count < 0:
                seen.append(Seen(f"goods_items[{line}].packagings[{place}].count", packaging.count, words))
    return seen
