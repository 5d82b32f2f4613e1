"""How little a description says: a small learned model over what its words are, not over which words they are.

The features are counts and shares: how many words are names of goods, sizes, colours, or words that say nothing; over
how many chapters what they point to is spread; how the text is written. The model is a sum of small trees, learned as
`classification.learning` says and measured as ADR 17 says. It knows English words; a text of other words it leaves
alone (`is_readable`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib import resources

import msgspec
from msgspec import Struct

from tidewaiter.classification.candidates import Evidence, evidence
from tidewaiter.classification.goods import SCALE, Goods, goods, goods_words, read, votes
from tidewaiter.data.words import vague_words

READABLE_MIN = 50  # per cent of the words that must be known for the model to speak
TELLING_MAX = 4  # more words than these say no more to the model, or it would learn how long texts of a list are
PLAIN = -1_000  # score of a text that is not looked at
LONG = 80  # characters; longer texts are titles, which hold a name of goods
_END_OF_PART = re.compile(r"[,;:(/–]")
_MARKS = frozenset("[]()#_/")


class Tree(Struct, frozen=True, omit_defaults=True, array_like=False):
    """One tree, or one leaf of it: below the cut of a feature go to one side, the others to the other."""

    leaf: int = 0
    feature: int = -1
    cut: int = 0
    below: Tree | None = None
    above: Tree | None = None

    def value(self, features: Sequence[int]) -> int:
        """Hundredths of log-odds that this tree adds."""
        at: Tree = self
        while at.below is not None and at.above is not None:
            at = at.below if features[at.feature] < at.cut else at.above
        return at.leaf


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """The trees, and the score above which nine in ten texts that the model calls vague are."""

    threshold: int
    trees: tuple[Tree, ...]


def score(text: str) -> int:
    """Hundredths of the log-odds that a description is vague."""
    if len(text) > LONG:
        return PLAIN
    features = features_of(text)
    return sum(tree.value(features) for tree in _model().trees)


def is_vague(text: str) -> bool:
    """True where a short text of known words most likely does not say what the goods are."""
    if len(text) > LONG:
        return False
    return not is_named(text) and is_readable(goods_words(text)) and score(text) >= _model().threshold


def is_named(text: str) -> bool:
    """True where a name of goods of two words or more stands in the text, or its first part ends in a name.

    Such a text need not be weighed. The first part ends at a comma, a bracket or the like: "portable computer, 14 inch".
    """
    names, by_first = goods().names, goods().by_first
    plain = _plain()
    first_part = [
        word
        for word in read(_END_OF_PART.split(text, maxsplit=1)[0])
        if not word[0].isdigit() and word not in plain.sizes and word not in plain.colours and word not in plain.fillers
    ]
    if first_part and (first_part[-1],) in names:
        return True
    words = read(text)
    return any(
        len(phrase) > 1 and tuple(words[place : place + len(phrase)]) == phrase
        for place, word in enumerate(words)
        for phrase in by_first.get(word, ())
    )


def is_readable(words: list[str]) -> bool:
    """True where at least half of the words are English ones that the lists know."""
    letters = [word for word in words if word.isalpha()]
    known = sum(_is_known(word, goods(), _plain()) for word in letters)
    return bool(letters) and known * 100 >= READABLE_MIN * len(letters)


@cache
def _model() -> Model:
    place = resources.files("tidewaiter.data.words").joinpath("vague_model.json")
    return msgspec.json.decode(place.read_bytes(), type=Model)


class _Plain(Struct, frozen=True):
    """Words that say nothing of what goods are, folded like those of texts."""

    vague: frozenset[str]
    fillers: frozenset[str]
    colours: frozenset[str]
    sizes: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        return self.vague | self.fillers | self.colours | self.sizes


@cache
def _plain() -> _Plain:
    lists = vague_words()

    def folded(words: frozenset[str]) -> frozenset[str]:
        return frozenset(each for word in words for each in goods_words(word))

    return _Plain(folded(lists.words), folded(lists.fillers), folded(lists.colours), folded(lists.sizes))


def _is_known(word: str, known: Goods, plain: _Plain) -> bool:
    return word in known.weights or word in votes().nomenclature or word in plain.all


def features_of(text: str) -> list[int]:
    """The features of a description, whole numbers; shares in per cent, weights in hundredths."""
    found = evidence(text)
    known, plain = goods(), _plain()
    words = goods_words(text)
    letters = [word for word in words if word.isalpha()]
    telling = [
        word for word in letters if word not in plain.colours and word not in plain.sizes and word not in plain.fillers
    ]
    named = [word for word in telling if word in known.weights]
    listed = [word for word in telling if word in votes().nomenclature]
    empty = [word for word in telling if word in plain.vague]
    return [
        _share(sum(map(str.isalpha, text)), len(text)),
        _share(sum(map(str.isdigit, text)), len(text)),
        _share(len(letters), len(words)),
        *_spread(found),
        found.best_name,
        max(found.points.values(), default=0),
        min(sum(" " in name for names in found.names.values() for name in names), 3),
        _share(sum(_is_known(word, known, plain) for word in letters), len(letters)),
        _share(sum(word in plain.colours for word in words), len(words)),
        _share(sum(word in plain.sizes or word.isdigit() for word in words), len(words)),
        _share(sum(word in plain.vague or word in plain.fillers for word in words), len(words)),
        min(len(telling), TELLING_MAX),
        _share(len(named), len(telling)),
        _share(len(listed), len(telling)),
        _share(len(empty), len(telling)),
        int(bool(telling) and telling[-1] in known.weights),
        int(bool(telling) and telling[-1] in votes().nomenclature),
        int(tuple(words) in known.names),
        max((known.weights[word] for word in named), default=0),
        max((votes().nomenclature[word] for word in listed), default=0),
        int(not _MARKS.isdisjoint(text)),
        int("," in text),
        _share(sum(map(len, words)), len(words)),
        _share(sum(len(word) <= 2 for word in letters), len(words)),
    ]


def _share(part: int, whole: int) -> int:
    return part * 100 // whole if whole else 0


def _spread(found: Evidence) -> list[int]:
    """How much of all points the best chapter and the best heading hold, and the entropy over chapters."""
    chapters: Counter[str] = Counter()
    headings: Counter[str] = Counter()
    for code, points in found.points.items():
        chapters[code[:2]] += points
        headings[code[:4]] += points
    whole = sum(chapters.values())
    if not whole:
        return [0, 0, 0]
    entropy = -sum(points / whole * math.log(points / whole) for points in chapters.values() if points)
    return [
        _share(max(chapters.values()), whole), _share(max(headings.values()), whole), round(entropy * SCALE / 10) * 10,
    ]  # fmt: skip
