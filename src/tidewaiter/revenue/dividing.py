"""A return consignment may hold goods of several imports: which of them each article belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.returned import ReturnedItem
from tidewaiter.revenue.lines import count_of, lines_of

ZERO = Decimal(0)


class Article(Struct, frozen=True):
    """An article that goes back, and the imports (by number) that it may belong to, the likeliest first."""

    item: ReturnedItem
    candidates: tuple[int, ...]


def divided(
    articles: Iterable[Article], declarations: Mapping[int, Declaration], returned: Mapping[int, Mapping[int, Decimal]]
) -> dict[int | None, tuple[ReturnedItem, ...]]:
    """The articles by import; None for those that no import is known for.

    Where several imports have the article (one order sent in two parcels), each is filled before the next. What none
    has, or has left, goes to the last that was looked at: there it is a case for an officer. `returned` is by import
    and line.
    """
    left: dict[tuple[int, int], Decimal] = {
        (number, item.line_no): count_of(item) - returned.get(number, {}).get(item.line_no, ZERO)
        for number, declaration in declarations.items()
        for item in declaration.goods_items
    }
    found: dict[int | None, list[ReturnedItem]] = {}
    for each in articles:
        having = [number for number in each.candidates if lines_of(each.item, declarations[number])]
        for number, quantity in _shares(each, having or each.candidates[:1], declarations, left):
            found.setdefault(number, []).append(replace(each.item, quantity=quantity))
    return {number: tuple(items) for number, items in found.items()}


def _shares(
    article: Article,
    numbers: Sequence[int],
    declarations: Mapping[int, Declaration],
    left: dict[tuple[int, int], Decimal],
) -> Iterable[tuple[int | None, Decimal]]:
    rest = article.item.quantity
    if not numbers:
        return [(None, rest)]
    shares = []
    for number in numbers:
        lines = [(number, item.line_no) for item in lines_of(article.item, declarations[number])]
        part = rest if number == numbers[-1] else min(rest, sum((max(left[line], ZERO) for line in lines), ZERO))
        if part <= 0:
            continue
        shares.append((number, part))
        rest -= part
        for line in lines:
            used = min(part, max(left[line], ZERO))
            left[line] -= used
            part -= used
    return shares
