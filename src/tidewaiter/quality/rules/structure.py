"""Lines and totals: do the parts of a declaration agree with one another?"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Severity
from tidewaiter.quality.registry import Context, Seen, rule
from tidewaiter.quality.rules.required import is_whole

GOODS_ITEMS_MAX = 9_999  # lines in one declaration, as in EU H7

OWN = "Tidewaiter: consistency of a declaration"


@rule(
    "items.too_many",
    Severity.ERROR,
    source="Delegated Regulation (EU) 2015/2446, Annex B, 11 03 001 000: up to 9,999 goods items",
    by_outline=True,
)
def too_many(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A declaration carries at most 9,999 lines. Split a larger one."""
    count = len(declaration.goods_items)
    if count <= GOODS_ITEMS_MAX:
        return ()
    return [
        Seen("goods_items", count, f"There are {count} lines; at most {GOODS_ITEMS_MAX} are possible.", "Split it.")
    ]


@rule("items.line_no_repeated", Severity.ERROR, source=OWN, by_outline=True)
def line_no_repeated(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Each line has its own number, so that findings, charges and amendments can name it."""
    numbers = [item.line_no for item in declaration.goods_items]
    if len(set(numbers)) == len(numbers):
        return ()
    earlier: set[int] = set()
    seen = []
    for place, number in enumerate(numbers, 1):
        if number in earlier:
            words = f"Line number {number} is used more than once."
            seen.append(Seen(f"goods_items[{place}].line_no", number, words, "Number the lines 1, 2, 3 …"))
        earlier.add(number)
    return seen


@rule("items.line_no_sequence", Severity.WARNING, source=OWN, by_outline=True)
def line_no_sequence(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Lines are numbered 1, 2, 3 and so on, without gaps."""
    for place, item in enumerate(declaration.goods_items, 1):
        if item.line_no != place:
            break
    else:
        return ()
    if not is_whole(declaration) or len({item.line_no for item in declaration.goods_items}) < len(
        declaration.goods_items
    ):
        return ()  # a part of the whole, or repeated numbers, of which another rule speaks
    words = f"Line {place} has the number {item.line_no}; lines should be numbered 1, 2, 3 without gaps."
    return [Seen(f"goods_items[{place}].line_no", item.line_no, words)]


@rule("totals.item_count", Severity.ERROR, source=OWN, about=("goods_item_count",), by_outline=True)
def item_count(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The number of lines declared must be the number of lines sent; otherwise a line may have been lost."""
    declared, sent = declaration.goods_item_count, len(declaration.goods_items)
    if declared is None or declared == sent or not is_whole(declaration):
        return ()
    return [Seen("goods_item_count", declared, f"{declared} lines are declared, but {sent} were sent.")]


@rule("totals.package_count", Severity.WARNING, source=OWN, about=("consignment.package_count",))
def package_count(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The total number of packages should be no more than the packages of the lines together.

    Lines may share a package, so a smaller total is fine.
    """
    declared = declaration.consignment.package_count
    if declared is None:
        return ()
    counts = [packaging.count for item in declaration.goods_items for packaging in item.packagings]
    if not counts or None in counts or declared <= (total := sum(count or 0 for count in counts)):
        return ()
    return [
        Seen(
            "consignment.package_count",
            declared,
            f"{declared} packages are declared in all, but the lines have {total} together.",
        )
    ]


MASS_TOLERANCE_KG = Decimal("0.05")
MASS_TOLERANCE_SHARE = Decimal("0.02")


@rule("totals.gross_mass", Severity.WARNING, source=OWN, about=("consignment.gross_mass_kg",))
def gross_mass(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The total gross mass should be the sum of the lines' gross masses, within 2 % or 50 g."""
    declared = declaration.consignment.gross_mass_kg
    if declared is None:
        return ()
    total = Decimal(0)
    for item in declaration.goods_items:
        if item.gross_mass_kg is None:
            return ()
        total += item.gross_mass_kg
    difference = declared - total
    if not difference or abs(difference) <= max(MASS_TOLERANCE_KG, total * MASS_TOLERANCE_SHARE):
        return ()
    words = f"The total gross mass is {declared:f} kg, but the lines add up to {total:f} kg."
    return [Seen("consignment.gross_mass_kg", declared, words)] if declaration.goods_items else ()


AMOUNT_TOLERANCE = Decimal("0.05")


@rule("totals.invoice_amount", Severity.WARNING, source=OWN, about=("invoice_amount",))
def invoice_amount(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The amount invoiced should be the sum of the lines' prices, with or without freight, insurance and discount."""
    invoice = declaration.invoice_amount
    if invoice is None or not declaration.goods_items:
        return ()
    total = Decimal(0)
    for item in declaration.goods_items:
        if item.invoice_price is None or item.invoice_price.currency != invoice.currency:
            return ()
        total += item.invoice_price.amount
    if abs(invoice.amount - total) <= AMOUNT_TOLERANCE:
        return ()
    extras = [(declaration.freight, 1), (declaration.insurance, 1), (declaration.discount, -1)]
    known = [sign * extra.amount for extra, sign in extras if extra is not None and extra.currency == invoice.currency]
    if any(abs(invoice.amount - total - extra) <= AMOUNT_TOLERANCE for extra in (*known, sum(known))):
        return ()
    words = f"{invoice} were invoiced, but the lines add up to {total:f} {invoice.currency}."
    return [Seen("invoice_amount", invoice, words, "Give each line its price without transport and insurance.")]
