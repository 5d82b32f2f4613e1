"""Subheadings of the Harmonized System that a description points to, best first, each with the words that point there.

A description is read as sellers write it: what the thing is stands before "for", "compatible with" and "with"; what
comes after counts less. The longest name known counts most; single words of names and of the nomenclature count a
little, so that names nobody listed still find their neighbourhood. Materials and wearers choose between subheadings.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from tidewaiter.classification.goods import Codes, Goods, goods, goods_words, read, votes
from tidewaiter.model.words import Phrase

LENGTH_MAX = 2_000  # characters read of one description
CANDIDATES = 3
REASONS = 3  # names shown for one candidate

_PURPOSE = frozenset(("for", "compatible", "fit", "pour", "para", "per", "voor", "dla"))
_COMPANY = frozenset(("with", "without", "include", "including", "mit", "avec", "con", "met"))
_SUPPORTING = frozenset(
    [
        "case",
        "cover",
        "holder",
        "mount",
        "stand",
        "strap",
        "bag",
        "replacement",
        "part",
        "accessory",
        "cable",
        "charger",
        "battery",
        "sticker",
        "bracket",
        "adapter",
        "rack",
        "box",
        "organizer",
        "storage",
        "kit",
        "tool",
        "film",
        "protector",
        "decal",
        "sleeve",
        "pad",
        "hook",
        "clip",
        "filter",
        "lamp",
        "light",
    ]
)
_SILENT = frozenset(
    [
        "for",
        "with",
        "and",
        "of",
        "in",
        "on",
        "to",
        "the",
        "a",
        "an",
        "by",
        "from",
        "new",
        "set",
        "kit",
        "pc",
        "1",
        "2",
        "3",
    ]
)

# Per cent of a name's weight that counts, by where it stands; chosen on one half of the development data (ADR 17).
AFTER_PURPOSE = 35
AFTER_COMPANY = 45
WITHIN_LONGER = 25
BEFORE_SUPPORTING = 60
LOST_TO_THE_END = 35
LONGER_NAMES = (0, 90, 90, 85, 81, 79, 76, 75, 73)  # by words of a name: each word more counts a little less
LONGEST = len(LONGER_NAMES) - 1
HEADING_SHARE = 30  # of a heading's points that count for each subheading in it
CATEGORY_SHARE = 60  # of a marketplace's category beside the title


class Candidate(Struct, frozen=True):
    """One subheading, its share of all points in per cent, and the words of the text that point to it."""

    hs_code: str
    share_percent: int
    words: tuple[str, ...]


class Evidence(Struct, frozen=True):
    """What a text says of its goods: points for each subheading, and the names found with the best weight of each."""

    points: Mapping[str, int]
    names: Mapping[str, Mapping[str, int]]
    words: Sequence[str]

    @property
    def best_name(self) -> int:
        """The weight of the weightiest name found; 0 where none was."""
        return max((weight for found in self.names.values() for weight in found.values()), default=0)

    def share(self, prefix: str) -> int:
        """Per cent of all points, rounded up, that subheadings beginning so hold; 0 where there are none."""
        whole = sum(self.points.values())
        held = sum(points for code, points in self.points.items() if code.startswith(prefix))
        return -(-held * 100 // whole) if whole else 0

    def ranked(self) -> list[str]:
        """Subheadings, best first."""
        by_heading: Counter[str] = Counter()
        for code, points in self.points.items():
            by_heading[code[:4]] += points
        return sorted(
            self.points, key=lambda code: (-100 * self.points[code] - HEADING_SHARE * by_heading[code[:4]], code)
        )


def candidates(text: str, *, details: str = "", category: str = "", limit: int = CANDIDATES) -> tuple[Candidate, ...]:
    """At most `limit` subheadings for a description; empty where no word of it is known.

    `details` are materials, wearers and the like that stand apart from the description; `category` is the category a
    marketplace put the goods in.
    """
    found = evidence(text, details=details, category=category)
    whole = sum(found.points.values()) or 1
    return tuple(
        Candidate(
            hs_code=code,
            share_percent=found.points[code] * 100 // whole,
            words=_reasons(found.names.get(code, {})),
        )
        for code in found.ranked()[:limit]
    )


def _reasons(names: Mapping[str, int]) -> tuple[str, ...]:
    """The weightiest names, without those that stand within another one that is shown: "mug" in "ceramic mug"."""
    shown: list[str] = []
    for name in sorted(names, key=lambda name: (-names[name], name)):
        if not any(f" {name} " in f" {longer} " for longer in shown):
            shown.append(name)
    return tuple(shown[:REASONS])


def evidence(text: str, *, details: str = "", category: str = "") -> Evidence:
    """All that the words of a description point to."""
    words = read(text[:LENGTH_MAX])
    counting = _Counting(_conditions_held([*words, *goods_words(details[:LENGTH_MAX])]))
    counting.count(words, 100)
    if category:
        counting.count(read(category[:LENGTH_MAX]), CATEGORY_SHARE)
    return Evidence(counting.points, counting.names, words)


def _conditions_held(words: Sequence[str]) -> frozenset[str]:
    known = goods().conditions
    held = frozenset[str]().union(*(known[word] for word in words if word in known))
    return held - {"men"} if "women" in held and "men" in held else held  # both: named for either, classified as hers


class _Counting:
    """Points of subheadings while texts are read, under the conditions that hold."""

    def __init__(self, held: frozenset[str]) -> None:
        self.points: Counter[str] = Counter()
        self.names: dict[str, dict[str, int]] = defaultdict(dict)
        self._held = held

    def count(self, words: list[str], share: int) -> None:
        """Add what the words of one text point to; `share` is the per cent of it that counts."""
        known, by_word, zones = goods(), votes().by_word, _zones(words)
        for phrase, weight in _weighed(known, words, zones):
            self._count_name(known.names[phrase], " ".join(phrase), weight * share // 100)
        for place, word in enumerate(words):
            if word not in _SILENT:
                for codes, vote in by_word.get(word, ()):
                    self.points[codes.under(self._held)] += vote * zones[place] * share // 10_000

    def _count_name(self, found: Sequence[Codes], name: str, weight: int) -> None:
        for codes in found:
            code = codes.under(self._held)
            each = weight // len(found)
            names = self.names[code]
            self.points[code] += each // (1 + len(names))  # several names of one thing are one reason told often
            names[name] = max(each, names.get(name, 0))


def _weighed(known: Goods, words: list[str], zones: list[int]) -> Iterator[tuple[Phrase, int]]:
    """Every name in the text with what it weighs where it stands."""
    last_supporting = max(
        (place for place, word in enumerate(words) if word in _SUPPORTING and zones[place] == 100), default=-1
    )
    matches = [*_matches(known, words), *_turned_round(known, words)]
    spans = {(start, end) for start, end, _ in matches}
    for start, end, phrase in matches:
        weight = sum(known.weights[word] for word in phrase) * LONGER_NAMES[min(len(phrase), LONGEST)] // 100
        weight = weight * zones[start] * (100 - LOST_TO_THE_END * start // len(words)) // 10_000
        if any(first <= start and end <= last and last - first > end - start for first, last in spans):
            weight = weight * WITHIN_LONGER // 100
        if end <= last_supporting and phrase[-1] not in _SUPPORTING:
            weight = weight * BEFORE_SUPPORTING // 100
        yield phrase, weight


def _zones(words: Sequence[str]) -> list[int]:
    zones = []
    zone = 100
    for place, word in enumerate(words):
        if word in _PURPOSE and place:
            zone = min(zone, AFTER_PURPOSE)
        elif word in _COMPANY and place:
            zone = min(zone, AFTER_COMPANY)
        zones.append(zone)
    return zones


def _matches(known: Goods, words: list[str]) -> list[tuple[int, int, Phrase]]:
    """Every name in the text, with where it begins and ends."""
    found = []
    for place, word in enumerate(words):
        for phrase in known.by_first.get(word, ()):
            end = place + len(phrase)
            if len(phrase) == 1 or tuple(words[place:end]) == phrase:
                found.append((place, end, phrase))
    return found


def _turned_round(known: Goods, words: list[str]) -> list[tuple[int, int, Phrase]]:
    """Names that stand the other way round: "case for phone" is a phone case."""
    found = []
    for place, word in enumerate(words):
        if word not in _PURPOSE or not place:
            continue
        for length in (1, 2):
            if place - length < 0:
                break
            head = tuple(words[place - length : place])
            for start in range(place + 1, min(place + 4, len(words))):
                for end in (start + 1, start + 2):
                    phrase = (*words[start:end], *head)
                    if phrase in known.names:
                        found.append((place - length, place, phrase))
    return found
