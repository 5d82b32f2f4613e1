"""Which lines of an import goods belong to that go back, and how many of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.returned import ReturnedItem

ZERO = Decimal(0)


class Share(Struct, frozen=True):
    """A part of a whole, kept as two numbers so that nothing is rounded before it is applied."""

    part: Decimal
    whole: Decimal

    @property
    def is_all(self) -> bool:
        """True where nothing is left."""
        return self.part >= self.whole

    @property
    def words(self) -> str:
        """As "1 of 3"."""
        return f"{self.part:f} of {self.whole:f}"

    def of(self, amount: Decimal) -> Decimal:
        """That part of an amount, unrounded."""
        return amount if self.is_all else amount * self.part / self.whole


class Taken(Struct, frozen=True):
    """How many of a line go back."""

    line_no: int
    quantity: Decimal


class Quantities(Struct, frozen=True, kw_only=True):
    """By line: how many go back now, how many the line is, which share is back with those that went before.

    `shares` has every line of the import, and 0 for the whole, shared by price. `doubts` are words for an officer.
    """

    taken: dict[int, Decimal]
    counts: dict[int, Decimal]
    shares: dict[int, Share]
    doubts: tuple[str, ...]


def articles_of(items: Sequence[ReturnedItem], declaration: Declaration, returned: Mapping[int, Decimal]) -> Quantities:
    """What goes back of an import; all that is left of it where no items are named."""
    counts = {item.line_no: count_of(item) for item in declaration.goods_items}
    left = {line_no: max(count - returned.get(line_no, ZERO), ZERO) for line_no, count in counts.items()}
    doubts: list[str] = []
    wanted = _wanted(items, declaration, doubts) if items else {line_no: each for line_no, each in left.items() if each}
    for line_no, quantity in wanted.items():
        if quantity > left[line_no]:
            doubts.append(f"line {line_no}: {quantity:f} go back, and {left[line_no]:f} of the import are left")
    taken = {line_no: min(quantity, left[line_no]) for line_no, quantity in wanted.items()}
    shares = {
        line_no: Share(counts[line_no] - left[line_no] + taken.get(line_no, ZERO), counts[line_no])
        for line_no in counts
    }
    shares[0] = _by_price(shares, declaration)
    return Quantities(taken=taken, counts=counts, shares=shares, doubts=tuple(doubts))


def part_back(declaration: Declaration, returned: Mapping[int, Decimal]) -> Share:
    """Which part of a consignment is back when so many of each line are, by price."""
    shares = {}
    for item in declaration.goods_items:
        count = count_of(item)
        shares[item.line_no] = Share(min(returned.get(item.line_no, ZERO), count), count)
    return _by_price(shares, declaration)


def line_of(wanted: ReturnedItem, declaration: Declaration) -> GoodsItem | None:
    """The line an article belongs to: what is said of it must agree, and something must be said. None for none."""
    for item in lines_of(wanted, declaration):
        return item
    return None


def lines_of(wanted: ReturnedItem, declaration: Declaration) -> list[GoodsItem]:
    """Every line an article may belong to: the same product may stand on several."""
    if wanted.line_no is None and not wanted.sku and not wanted.gtin:
        return []
    return [
        item
        for item in declaration.goods_items
        if wanted.line_no in (None, item.line_no) and wanted.sku in ("", item.sku) and wanted.gtin in ("", item.gtin)
    ]


def count_of(item: GoodsItem) -> Decimal:
    """How many articles a line is; a line without quantity is one."""
    quantity = item.quantity
    return quantity if quantity is not None and quantity.is_finite() and quantity > 0 else Decimal(1)


def _wanted(items: Sequence[ReturnedItem], declaration: Declaration, doubts: list[str]) -> dict[int, Decimal]:
    """Quantities by line; of an article on several lines, each is filled before the next."""
    found: dict[int, Decimal] = {}
    for each in items:
        lines = lines_of(each, declaration)
        if not lines:
            doubts.append(f"no line of the import is {each.sku or each.gtin or f'line {each.line_no}'}")
            continue
        rest = each.quantity
        for item in lines[:-1]:
            part = max(min(rest, count_of(item) - found.get(item.line_no, ZERO)), ZERO)
            if part:
                found[item.line_no] = found.get(item.line_no, ZERO) + part
                rest -= part
        if rest:
            found[lines[-1].line_no] = found.get(lines[-1].line_no, ZERO) + rest
    return found


def _by_price(shares: Mapping[int, Share], declaration: Declaration) -> Share:
    """Which part of the consignment is back, by price: for what was charged on the whole."""
    if all(share.is_all for share in shares.values()):
        return Share(Decimal(1), Decimal(1))
    prices = {
        item.line_no: item.invoice_price.amount if item.invoice_price else ZERO for item in declaration.goods_items
    }
    total = sum(prices.values(), ZERO)
    if total <= 0:
        return Share(ZERO, Decimal(1))
    back = sum((shares[line_no].of(max(price, ZERO)) for line_no, price in prices.items()), ZERO)
    return Share(min(back, total), total)
