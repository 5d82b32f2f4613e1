"""What the model of vague wording is told of a description: counts and shares, never which words stand there.

How many words are names of goods, sizes, colours, or words that say nothing; over how many chapters and headings what
they point to is spread; whether unknown words are names cut short; how much is said around the goods (a trade, an
occasion, a service, praise). Every feature is a whole number, so that a text has the same ones on every machine.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection
from functools import cache

from msgspec import Struct

from tidewaiter.classification.candidates import Evidence, evidence
from tidewaiter.classification.goods import SCALE, goods, goods_words, votes
from tidewaiter.data.words import vague_words, words_around

TELLING_MAX = 4  # more words than these say no more to the model, or it would learn how long texts of a list are
POINTS_STEP = 50  # points of evidence are told in steps: finer ones tell texts apart, not kinds of texts
ENTROPY_STEP = 10
FULL_NAME_MIN = 5  # letters of a name that people cut short
CUT_MIN = 4  # letters of a name cut off at the end that still tell which it was
SKELETON_MIN = 3  # letters of a word written without vowels
_VOWELS = frozenset("aeiou")
_MARKS = frozenset("[]()#_/")
_MEASURE = re.compile(r"\d+\s?(?:ml|g|kg|l|cl|oz)\b")
_COUNT = re.compile(r"\b\d+ ?x\b|\bx ?\d+\b|\bpack of\b")


class PlainWords(Struct, frozen=True):
    """Words that say nothing of what goods are, folded like those of texts."""

    vague: frozenset[str]
    fillers: frozenset[str]
    colours: frozenset[str]
    sizes: frozenset[str]


@cache
def plain_words() -> PlainWords:
    """The lists in all languages, read once."""
    lists = vague_words()
    return PlainWords(_folded(lists.words), _folded(lists.fillers), _folded(lists.colours), _folded(lists.sizes))


@cache
def _around() -> tuple[frozenset[str], ...]:
    """Services, trades, occasions, praise, groups, papers, receivers: in the order of the list."""
    return tuple(_folded(words) for words in words_around().values())


def _folded(words: Collection[str]) -> frozenset[str]:
    return frozenset(each for word in words for each in goods_words(word))


class _Shortened(Struct, frozen=True):
    """What words of names become where people cut them short: "mstrsr", "moistu"."""

    skeletons: frozenset[str]
    beginnings: frozenset[str]


@cache
def _shortened() -> _Shortened:
    names = [word for word in goods().weights if word.isalpha()]
    return _Shortened(
        skeletons=frozenset(_skeleton(word) for word in names if len(word) >= FULL_NAME_MIN),
        beginnings=frozenset(word[:length] for word in names for length in range(CUT_MIN, len(word))),
    )


def _skeleton(word: str) -> str:
    return word[0] + "".join(letter for letter in word[1:] if letter not in _VOWELS)


def is_known(word: str) -> bool:
    """True for an English word that stands in a name of goods, in the nomenclature, or in a list."""
    return word in _known()


@cache
def _known() -> frozenset[str]:
    plain = plain_words()
    return frozenset(goods().weights).union(
        votes().nomenclature, plain.vague, plain.fillers, plain.colours, plain.sizes
    )


def telling_words(text: str) -> frozenset[str]:
    """The words of a text that could tell what the goods are: no numbers, sizes, colours or fillers."""
    plain = plain_words()
    empty = plain.colours | plain.sizes | plain.fillers
    return frozenset(word for word in goods_words(text) if word.isalpha() and word not in empty)


def features_of(text: str) -> list[int]:
    """The features of a description, whole numbers; shares in per cent, weights in hundredths."""
    found = evidence(text)
    words = goods_words(text)
    letters = [word for word in words if word.isalpha()]
    plain = plain_words()
    telling = [
        word for word in letters if word not in plain.colours and word not in plain.sizes and word not in plain.fillers
    ]
    return [
        *_written(text, words, letters),
        *_pointed(found),
        *_listed(words, letters, plain),
        *_named(words, telling, plain),
        *_cut_short(letters),
        *_said_around(telling, plain),
    ]


def _written(text: str, words: list[str], letters: list[str]) -> list[int]:
    """How the text is written."""
    folded = text.casefold()
    return [
        _share(sum(map(str.isalpha, text)), len(text)),
        _share(sum(map(str.isdigit, text)), len(text)),
        _share(len(letters), len(words)),
        int(not _MARKS.isdisjoint(text)),
        int("," in text),
        _share(sum(map(len, words)), len(words)),
        _share(sum(len(word) <= 2 for word in letters), len(words)),
        int(any(map(str.isdigit, text))),
        int(_MEASURE.search(folded) is not None),
        int(_COUNT.search(folded) is not None),
    ]


def _pointed(found: Evidence) -> list[int]:
    """What the words point to, how strongly, and over how many codes, headings and chapters that is spread."""
    chapters: Counter[str] = Counter()
    headings: Counter[str] = Counter()
    for code, points in found.points.items():
        chapters[code[:2]] += points
        headings[code[:4]] += points
    whole = sum(chapters.values())
    return [
        _share(max(chapters.values(), default=0), whole),
        _share(max(headings.values(), default=0), whole),
        *(_entropy(spread, whole) for spread in (chapters.values(), headings.values(), found.points.values())),
        found.best_name,
        max(found.points.values(), default=0),
        whole // POINTS_STEP,
        min(sum(" " in name for names in found.names.values() for name in names), 3),
    ]


def _entropy(spread: Collection[int], whole: int) -> int:
    """Hundredths of natural units, in tens; -1 where nothing is pointed to."""
    if not whole:
        return -1
    entropy = -sum(points / whole * math.log(points / whole) for points in spread if points)
    return round(entropy * SCALE / ENTROPY_STEP) * ENTROPY_STEP


def _listed(words: list[str], letters: list[str], plain: PlainWords) -> list[int]:
    """How many words are known, and how many of those say nothing."""
    return [
        _share(sum(map(is_known, letters)), len(letters)),
        _share(sum(word in plain.colours for word in words), len(words)),
        _share(sum(word in plain.sizes or word.isdigit() for word in words), len(words)),
        _share(sum(word in plain.vague or word in plain.fillers for word in words), len(words)),
    ]


def _named(words: list[str], telling: list[str], plain: PlainWords) -> list[int]:
    """How many of the words that could tell are words of names, and whether the last one is: in English, the thing itself."""
    weights, nomenclature = goods().weights, votes().nomenclature
    named = [word for word in telling if word in weights]
    listed = [word for word in telling if word in nomenclature]
    last = telling[-1] if telling else ""
    return [
        min(len(telling), TELLING_MAX),
        _share(len(named), len(telling)),
        _share(len(listed), len(telling)),
        _share(sum(word in plain.vague for word in telling), len(telling)),
        int(last in weights),
        int(last in nomenclature),
        int(tuple(words) in goods().names),
        max((weights[word] for word in named), default=0),
        max((nomenclature[word] for word in listed), default=0),
    ]


def _cut_short(letters: list[str]) -> list[int]:
    """How many words nobody knows, and how many of those are words of names without vowels or without their end."""
    shortened = _shortened()
    unknown = [word for word in letters if not is_known(word)]
    skeletons = [word for word in unknown if len(word) >= SKELETON_MIN and _skeleton(word) in shortened.skeletons]
    return [
        min(len(unknown), TELLING_MAX),
        min(len(skeletons), TELLING_MAX),
        _share(len(skeletons), len(unknown)),
        int(bool(unknown) and letters[-1] == unknown[-1] and letters[-1] in shortened.beginnings),
    ]


def _said_around(telling: list[str], plain: PlainWords) -> list[int]:
    """How much of what could tell is said around the goods, and how much is left."""
    around = _around()
    rest = [word for word in telling if word not in plain.vague and not any(word in kind for kind in around)]
    return [
        *(_share(sum(word in kind for word in telling), len(telling)) for kind in around),
        _share(len(rest), len(telling)),
        min(len(rest), TELLING_MAX),
        int(bool(telling) and any(telling[-1] in kind for kind in around)),
        int(bool(telling) and not rest),
    ]


def _share(part: int, whole: int) -> int:
    return part * 100 // whole if whole else 0
