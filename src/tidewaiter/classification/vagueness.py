"""How little a description says: a small learned model over what its words are, not over which words they are.

The model is a sum of small trees over the counts and shares of `classification.features`, learned as
`classification.learning` says and measured as ADR 17 says. It knows English words; a text of other words it leaves
alone (`is_readable`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

import msgspec
from msgspec import Struct

from tidewaiter.classification.features import features_of, is_known, plain_words
from tidewaiter.classification.goods import goods, goods_words, read

READABLE_MIN = 50  # per cent of the words that must be known for the model to speak
PLAIN = -1_000  # score of a text that is not looked at
LONG = 80  # characters; longer texts are titles, which hold a name of goods
_END_OF_PART = re.compile(r"[,;:(/–]")


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
    plain = plain_words()
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
    known = sum(is_known(word) for word in letters)
    return bool(letters) and known * 100 >= READABLE_MIN * len(letters)


@cache
def _model() -> Model:
    place = resources.files("tidewaiter.data.words").joinpath("vague_model.json")
    return msgspec.json.decode(place.read_bytes(), type=Model)
