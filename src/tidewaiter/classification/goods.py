"""Names of goods by their words: which subheadings a text speaks of, as an index made once and then only read.

All weights are whole numbers, so that the same text gives the same answer on every machine.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
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
    """The index: names by first word, how telling each word is, what single words point to, words of conditions."""

    by_first: dict[str, tuple[Phrase, ...]]  # longest first
    names: dict[Phrase, tuple[Codes, ...]]
    weights: dict[str, int]  # hundredths of ln(rows of names / rows with this word)
    votes: dict[str, tuple[tuple[Codes, int], ...]]
    conditions: dict[str, frozenset[str]]
    nomenclature: dict[str, int]  # words of the nomenclature, and the points of the best


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


@cache
def goods() -> Goods:
    """The index of this version of the software; takes about a third of a second, once for each process."""
    rows = [(Codes.parse(codes), [tuple(goods_words(term)) for term in terms]) for codes, terms in goods_terms()]
    return index(rows, nomenclature_words())


Rows = Sequence[tuple[Codes, Sequence[Phrase]]]


def index(rows: Rows, nomenclature: Iterable[tuple[str, list[tuple[str, int]]]]) -> Goods:
    """The index of rows of names and of the nomenclature's words."""
    names: dict[Phrase, list[Codes]] = {}
    rows_with: dict[str, set[Codes]] = defaultdict(set)
    for codes, phrases in rows:
        for phrase in phrases:
            known = names.setdefault(phrase, [])
            if codes not in known:
                known.append(codes)
            for word in phrase:
                rows_with[word].add(codes)
    count = len({codes for codes, _ in rows})
    weights = {word: round(SCALE * math.log(count / len(found))) for word, found in rows_with.items()}
    by_first: dict[str, list[Phrase]] = defaultdict(list)
    for phrase in names:
        by_first[phrase[0]].append(phrase)
    votes = _word_votes(names, weights)
    nomenclature_best: dict[str, int] = {}
    for word, pointed in nomenclature:
        nomenclature_best[word] = pointed[0][1]
        votes[word] += [(Codes(code, ()), points * NOMENCLATURE_SHARE // 100) for code, points in pointed]
    return Goods(
        by_first={word: tuple(sorted(phrases, key=len, reverse=True)) for word, phrases in by_first.items()},
        names={phrase: tuple(codes) for phrase, codes in names.items()},
        weights=weights,
        votes={word: tuple(pointed) for word, pointed in votes.items()},
        conditions=_condition_words(),
        nomenclature=nomenclature_best,
    )


def _word_votes(names: dict[Phrase, list[Codes]], weights: dict[str, int]) -> defaultdict[str, list[tuple[Codes, int]]]:
    shares: dict[str, Counter[Codes]] = defaultdict(Counter)
    for phrase, found in names.items():
        for place, word in enumerate(phrase, 1):
            share = LAST_WORD_SHARE if place == len(phrase) else OTHER_WORD_SHARE
            for codes in found:
                shares[word][codes] += share // len(found)
    votes: defaultdict[str, list[tuple[Codes, int]]] = defaultdict(list)
    for word, counted in shares.items():
        strength = WORD_SHARE * weights[word] ** 2 // SCALE
        whole = sum(counted.values())
        for codes, share in counted.most_common(VOTES_MAX):
            if points := strength * share // whole // 100:
                votes[word].append((codes, points))
    return votes


def _condition_words() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for condition, words in conditions():
        for word in words:
            for folded in goods_words(word):
                found[folded].add(condition)
    return {word: frozenset(held) for word, held in found.items()}
