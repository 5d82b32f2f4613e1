"""Which line of a declaration is which line of a quote: the likest first, each used once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from tidewaiter.model.declaration import GoodsItem

CHAPTER: Final = 2  # digits of a commodity code that say what kind of goods it is about

Key = Callable[[GoodsItem], Any]


def matched(
    quoted: Sequence[GoodsItem], declared: Sequence[GoodsItem]
) -> tuple[tuple[GoodsItem | None, GoodsItem | None], ...]:
    """Pairs in the order of the declaration, then what is missing from it. Each line stands in one pair."""
    partner: dict[int, int] = {}  # place among the declared → place among the quoted
    free = set(range(len(quoted)))
    for key in KEYS:
        waiting: dict[Any, list[int]] = {}
        for place in sorted(free, reverse=True):
            if (value := key(quoted[place])) is not None:
                waiting.setdefault(value, []).append(place)
        for place, item in enumerate(declared):
            same = waiting.get(key(item)) if place not in partner else None
            if same:
                partner[place] = same.pop()
                free.discard(partner[place])
    return tuple(_pairs(quoted, declared, partner, free))


def _pairs(
    quoted: Sequence[GoodsItem], declared: Sequence[GoodsItem], partner: dict[int, int], free: set[int]
) -> Iterator[tuple[GoodsItem | None, GoodsItem | None]]:
    for place, item in enumerate(declared):
        yield quoted[partner[place]] if place in partner else None, item
    for place in sorted(free):
        yield quoted[place], None


def _words(item: GoodsItem) -> str | None:
    return " ".join(item.description.casefold().split()) or None


def _code(item: GoodsItem) -> str | None:
    return item.hs_code or None


KEYS: Final[tuple[Key, ...]] = (
    lambda item: (item.line_no, _code(item), _words(item)),
    lambda item: (_code(item), _words(item)),
    lambda item: (item.line_no, _code(item)),
    _words,
    _code,
    lambda item: (item.line_no, item.commodity_code[:CHAPTER]),  # other goods in the same place are other goods
)
