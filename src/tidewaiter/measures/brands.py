"""Brands over time: how often declarations name a brand, veiled or plainly, by which routes and marketplaces, in which words.

A fold over declarations of any origin. A brand is *named* where its name stands
in a description as a word, *veiled* where a word differs from it by one letter
or by digits for letters, or where one of the veiled wordings known for it
stands there. What is veiled is a reason to look, no proof: the measure counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from msgspec import Struct

from tidewaiter.model.declaration import Declaration, GoodsItem

_WORD = re.compile(r"[^\W_]+")
_DIGITS = str.maketrans("013457", "oleast")  # as they are read: 0 o, 1 l, 3 e, 4 a, 5 s, 7 t
_SIMILAR_LENGTH_MIN = 6  # shorter names are a letter away from ordinary words
IOSS_ROLE = "FR5"  # of a fiscal reference: the vendor or intermediary of the import one-stop shop
MONTH = 7  # letters of YYYY-MM
RISING_MIN = 3  # times a word is used before it can be called rising
RISING_SHOWN = 5


class WatchedBrand(Struct, frozen=True):
    """A brand that is watched, the codes of the goods it is copied on, and veiled wordings known of it."""

    name: str
    hs_codes: tuple[str, ...] = ()
    veiled: tuple[str, ...] = ()


class BrandPeriod(Struct, frozen=True):
    """One brand in one month (YYYY-MM): goods lines that name it or veil it, how many in 10,000 lines of the month they
    are, the commonest routes and marketplaces of those, and words that are used with it at least twice as often, in share,
    as in the month before.
    """

    brand: str
    month: str
    named: int
    veiled: int
    in_10000: int
    routes: tuple[tuple[str, int], ...]
    marketplaces: tuple[tuple[str, int], ...]
    rising_words: tuple[str, ...]


class _Seen:
    """What is counted of one brand in one month."""

    __slots__ = ("marketplaces", "named", "routes", "veiled", "words")

    def __init__(self) -> None:
        self.named = self.veiled = 0
        self.routes: Counter[str] = Counter()
        self.marketplaces: Counter[str] = Counter()
        self.words: Counter[str] = Counter()


class BrandTrends:
    """Takes in declarations in any order; `periods` says what they come to."""

    def __init__(self, brands: Sequence[WatchedBrand]) -> None:
        self._brands = tuple(brands)
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._lines: Counter[str] = Counter()
        # Descriptions repeat, and to search each once is what makes millions bearable.
        self._mentions = lru_cache(maxsize=50_000)(self._mentions_in)

    def add(self, on: date, declaration: Declaration) -> None:
        """Count the lines of a declaration of that day."""
        month = on.isoformat()[:MONTH]
        for item in declaration.goods_items:
            self._lines[month] += 1
            for brand, is_veiled in self._mentions(item.description, item.hs_code):
                self._count(self._seen.setdefault((brand, month), _Seen()), declaration, item, is_veiled=is_veiled)

    def periods(self) -> list[BrandPeriod]:
        """Each brand and month in which it was seen, in that order."""
        found = []
        for brand in self._brands:
            before: Counter[str] = Counter()
            for month in sorted(self._lines):
                seen = self._seen.get((brand.name, month))
                if seen is None:
                    before = Counter()
                    continue
                count = seen.named + seen.veiled
                found.append(
                    BrandPeriod(
                        brand=brand.name,
                        month=month,
                        named=seen.named,
                        veiled=seen.veiled,
                        in_10000=count * 10_000 // self._lines[month],
                        routes=_commonest(seen.routes),
                        marketplaces=_commonest(seen.marketplaces),
                        rising_words=_rising(before, seen.words) if before else (),
                    )
                )
                before = seen.words
        return found

    def _count(self, seen: _Seen, declaration: Declaration, item: GoodsItem, *, is_veiled: bool) -> None:
        if is_veiled:
            seen.veiled += 1
        else:
            seen.named += 1
        seen.routes[_route(declaration, item)] += 1
        seen.marketplaces[_marketplace(declaration)] += 1
        seen.words.update(set(_WORD.findall(item.description.lower())))

    def _mentions_in(self, description: str, hs_code: str) -> tuple[tuple[str, bool], ...]:
        text = description.lower()
        words = set(_WORD.findall(text))
        found = []
        for brand in self._brands:
            if brand.hs_codes and hs_code not in brand.hs_codes:
                continue
            name = brand.name.lower()
            if name in words or (" " in name and name in text):
                found.append((brand.name, False))
            elif any(veil.lower() in text for veil in brand.veiled) or any(_is_near(word, name) for word in words):
                found.append((brand.name, True))
        return tuple(found)


def _route(declaration: Declaration, item: GoodsItem) -> str:
    """Countries on the way, from the sender's (some datasets ask for no other) or that of origin on."""
    sender, consignment = item.consignor or declaration.consignor, declaration.consignment
    sent_from = sender.address.country_code if sender and sender.address else ""
    countries = (
        item.origin_country_code or sent_from, sent_from, *consignment.routing_country_codes, consignment.export_country_code,
    )  # fmt: skip
    return "-".join(dict.fromkeys(code for code in countries if code)) or "unknown"


def _marketplace(declaration: Declaration) -> str:
    """Its name, or the IOSS number under which tax was taken; "none" where neither is stated."""
    if declaration.marketplace and declaration.marketplace.name:
        return declaration.marketplace.name
    references = (
        *declaration.fiscal_references,
        *(each for item in declaration.goods_items for each in item.fiscal_references),
    )
    return next((each.party_id for each in references if each.role_code == IOSS_ROLE), "none")


def _commonest(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:3])


def _rising(before: Counter[str], now: Counter[str]) -> tuple[str, ...]:
    """Words whose share among the words doubled at least, the commonest first."""
    total_before, total = max(1, sum(before.values())), max(1, sum(now.values()))
    rising = [
        word for word, count in now.items() if count >= RISING_MIN and count * total_before >= 2 * before[word] * total
    ]
    return tuple(sorted(rising, key=lambda word: (-now[word], word))[:RISING_SHOWN])


def _is_near(word: str, name: str) -> bool:
    """True where `word` is `name` with digits for letters, or one letter changed, left out or put in."""
    if len(name) < _SIMILAR_LENGTH_MIN or abs(len(word) - len(name)) > 1:
        return False
    word = word.translate(_DIGITS)
    if word == name:
        return True
    start = 0
    while start < min(len(word), len(name)) and word[start] == name[start]:
        start += 1
    rest_of_word, rest = word[start:], name[start:]
    return rest_of_word[1:] == rest[1:] or rest_of_word[1:] == rest or rest_of_word == rest[1:]
