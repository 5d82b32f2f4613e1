"""Names of goods by their words: which subheadings a text speaks of, as an index made once and then only read.

All weights are whole numbers, so that the same text gives the same answer on every machine.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from functools import cache
from typing import NamedTuple

from tidewaiter.data.words.goods import conditions, goods_terms, nomenclature_words
from tidewaiter.model.words import Phrase, words_of

SCALE = 100  # hundredths of a natural logarithm
VOTES_MAX = 30  # subheadings one word may point to
LAST_WORD_SHARE = 100  # per cent that a word counts as the last of a name, where English puts what the thing is
OTHER_WORD_SHARE = 60
WORD_SHARE = 12  # per cent of a whole name's weight that a single word of it carries
NOMENCLATURE_SHARE = 5  # per cent that a word of the nomenclature carries
_DOUBLE_ENDINGS = ("sses", "ches", "shes", "xes", "zes")


class Codes(NamedTuple):
    """A subheading, and others that take its place where all of their conditions hold; the first that fits."""

    default: str
    alternatives: tuple[tuple[frozenset[str], str], ...]

    def under(self, conditions_held: frozenset[str]) -> str:
        """The subheading under the conditions that a text fulfils."""
        for needed, code in self.alternatives:
            if needed <= conditions_held:
                return code
        return self.default

    @classmethod
    def parse(cls, text: str) -> Codes:
        """From "420222 leather=420221 women+knit=611010"."""
        default, *rest = text.split()
        pairs = (each.split("=") for each in rest)
        return cls(default, tuple((frozenset(needed.split("+")), code) for needed, code in pairs))


class Goods(NamedTuple):
    """Names by their first word, what each stands for, how telling each word is, and words of conditions."""

    by_first: dict[str, tuple[Phrase, ...]]  # longest first
    names: dict[Phrase, tuple[Codes, ...]]
    weights: dict[str, int]  # hundredths of ln(rows of names / rows with this word)
    conditions: dict[str, frozenset[str]]


class Votes(NamedTuple):
    """What single words point to, and the words of the nomenclature with the points of their best subheading."""

    by_word: dict[str, tuple[tuple[Codes, int], ...]]
    nomenclature: dict[str, int]


def singular(word: str) -> str:
    """A word without the ending of an English plural; the same for names and for texts, so that they meet."""
    length = len(word)
    if length < 4 or word[-1] != "s":
        return word
    if length > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if length > 4 and word.endswith(_DOUBLE_ENDINGS):
        return word[:-2]
    return word if word.endswith(("ss", "us", "is")) else word[:-1]


def goods_words(text: str) -> list[str]:
    """The words of a text in order, folded and in the singular."""
    return [singular(word) for word in words_of(text)]


def read(text: str) -> list[str]:
    """The words of a text without numbers and measures that belong to no name: "iPhone 15 case" is "iphone case"."""
    weights = goods().weights
    return [word for word in goods_words(text) if not word[0].isdigit() or word in weights]


@cache
def goods() -> Goods:
    """The names of this version of the software; takes about a tenth of a second, once for each process."""
    names: dict[Phrase, list[Codes]] = {}
    rows_with: Counter[str] = Counter()
    rows: dict[str, set[str]] = {}
    for codes_text, terms in goods_terms():
        codes = Codes.parse(codes_text)
        words = rows.setdefault(codes_text, set())
        for term in terms:
            phrase = tuple(goods_words(term))
            words.update(phrase)
            known = names.setdefault(phrase, [])
            if codes not in known:
                known.append(codes)
    for words in rows.values():
        rows_with.update(words)
    by_first: dict[str, list[Phrase]] = defaultdict(list)
    for phrase in names:
        by_first[phrase[0]].append(phrase)
    return Goods(
        by_first={word: tuple(sorted(phrases, key=len, reverse=True)) for word, phrases in by_first.items()},
        names={phrase: tuple(codes) for phrase, codes in names.items()},
        weights={word: round(SCALE * math.log(len(rows) / count)) for word, count in rows_with.items()},
        conditions=_condition_words(),
    )


@cache
def votes() -> Votes:
    """What single words point to; takes about a third of a second, and only where a name does not settle it."""
    known = goods()
    by_word = _votes_of_names(known)
    nomenclature: dict[str, int] = {}
    codes_of: dict[str, Codes] = {}
    for word, pointed in nomenclature_words():
        nomenclature[word] = pointed[0][1]
        by_word[word] += [
            (codes_of.setdefault(code, Codes(code, ())), points * NOMENCLATURE_SHARE // 100) for code, points in pointed
        ]
    return Votes({word: tuple(pointed) for word, pointed in by_word.items()}, nomenclature)


def _votes_of_names(known: Goods) -> defaultdict[str, list[tuple[Codes, int]]]:
    shares: dict[str, Counter[Codes]] = defaultdict(Counter)
    for phrase, found in known.names.items():
        for place, word in enumerate(phrase, 1):
            share = LAST_WORD_SHARE if place == len(phrase) else OTHER_WORD_SHARE
            for codes in found:
                shares[word][codes] += share // len(found)
    by_word: defaultdict[str, list[tuple[Codes, int]]] = defaultdict(list)
    for word, counted in shares.items():
        strength = WORD_SHARE * known.weights[word] ** 2 // SCALE
        whole = sum(counted.values())
        for codes, share in counted.most_common(VOTES_MAX):
            if points := strength * share // whole // 100:
                by_word[word].append((codes, points))
    return by_word


def _condition_words() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for condition, words in conditions():
        for word in words:
            for folded in goods_words(word):
                found[folded].add(condition)
    return {word: frozenset(held) for word, held in found.items()}
