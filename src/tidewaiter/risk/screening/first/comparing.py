"""How alike two names are: word by word in any order, rare words weighing more, and as one run of letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rapidfuzz.distance import OSA, JaroWinkler

from tidewaiter.risk.screening.first.names import Name
from tidewaiter.risk.screening.found import Comparison

WORD_MIN: Final = 0.75  # below, two words are not the same one
INITIAL: Final = 0.86  # of a letter that stands for a word
SAME_SOUND: Final = 0.93
LIKELY: Final = 0.9  # a word less alike counts for less than its likeness
MISSING_WORD: Final = 0.55  # of a word's weight, for one that only the list has
LEFT_OUT: Final = 0.3  # the same, where two words or more are there and none is strange
EXTRA_WORD: Final = 0.22  # the same, for one that only the name held against it has
SHORT: Final = 4  # letters; words of fewer must be nearly the same
SHORT_MIN: Final = 0.7
NEAR_MIN: Final = 0.6  # of edits, before beginnings and sounds count
JARO: Final = 0.96
ONE_EDIT: Final = 0.96
ONE_EDIT_LETTERS: Final = 11  # of a name in which one slip is one
TWO_EDITS: Final = 0.92
TWO_EDITS_LETTERS: Final = 16
WHOLE_MIN: Final = 0.8
WHOLE_FACTOR: Final = 0.97  # of likeness as one run of letters: word boundaries say something
ONE_WORD: Final = 0.9  # of a match on one word alone of a name of several

Weigh = Callable[[str], float]


def evenly(_: str) -> float:
    """Every word weighs the same."""
    return 1.0


def compare(listed: Name, seen: Name, weigh: Weigh = evenly) -> Comparison:
    """How alike a name seen is to one on a list; `weigh` gives the weight of a word."""
    by_words = _by_words(listed, seen, weigh)
    if by_words.score >= ONE_EDIT or min(len(listed.whole), len(seen.whole)) < SHORT:
        return by_words
    whole = _as_a_whole(listed, seen)
    return Comparison(whole, ((listed.whole, seen.whole, whole),)) if whole > by_words.score else by_words


def _as_a_whole(listed: Name, seen: Name) -> float:
    """Likeness as one run of letters, words in their order or in that of the alphabet.

    A slip or two in a long name are a slip; names whose words are divided otherwise are held against one another by
    likeness.
    """
    pairs = ((listed.whole, seen.whole), ("".join(sorted(listed.words)), "".join(sorted(seen.words))))
    length = max(len(listed.whole), len(seen.whole))
    edits = min(OSA.distance(one, other, score_cutoff=2) for one, other in pairs)
    if edits <= 1 and length >= ONE_EDIT_LETTERS:
        return ONE_EDIT
    if edits <= 2 and length >= TWO_EDITS_LETTERS:
        return TWO_EDITS
    if len(listed.words) == len(seen.words):
        return 0.0
    return WHOLE_FACTOR * max(OSA.normalized_similarity(*pair, score_cutoff=WHOLE_MIN) for pair in pairs)


def _by_words(listed: Name, seen: Name, weigh: Weigh) -> Comparison:
    ours: dict[int, tuple[int, float]] = {}
    theirs_taken: set[int] = set()
    for place, word in enumerate(listed.words):
        if word in seen.words:
            other = seen.words.index(word)
            if other not in theirs_taken:
                ours[place] = (other, 1.0)
                theirs_taken.add(other)
    if len(ours) < len(listed.words) and len(theirs_taken) < len(seen.words):
        alike = sorted(
            (-found, place, other)
            for place, (word, sound) in enumerate(zip(listed.words, listed.sounds, strict=True))
            if place not in ours
            for other, (theirs, their_sound) in enumerate(zip(seen.words, seen.sounds, strict=True))
            if other not in theirs_taken and (found := _alike(word, theirs, sound == their_sound)) >= WORD_MIN
        )
        for negative, place, other in alike:
            if place not in ours and other not in theirs_taken:
                ours[place] = (other, -negative)
                theirs_taken.add(other)
    if not ours:
        return Comparison(0.0, ())
    is_part = len(ours) > 1 and len(theirs_taken) == len(seen.words)  # fewer words, and all of them are on the list
    missing = LEFT_OUT if is_part else MISSING_WORD
    gained = total = 0.0
    for place, word in enumerate(listed.words):
        weight = weigh(word)
        if place in ours:
            gained += weight * _counted(ours[place][1])
            total += weight
        else:
            total += weight * missing
    total += sum(weigh(word) * EXTRA_WORD for other, word in enumerate(seen.words) if other not in theirs_taken)
    score = gained / total if total else 0.0
    if len(ours) == 1 and max(len(listed.words), len(seen.words)) > 1:
        score *= ONE_WORD * ONE_WORD
    pairs = tuple((listed.words[place], seen.words[other], found) for place, (other, found) in sorted(ours.items()))
    if all(len(one) == 1 or len(other) == 1 for one, other, _ in pairs):
        score *= ONE_WORD  # initials alone are no name
    return Comparison(score, pairs)


def _counted(alike: float) -> float:
    """What a word's likeness counts for: that one of two words is doubtful says more than a mean would."""
    return alike if alike >= LIKELY else 2 * alike - LIKELY


def _alike(one: str, other: str, is_same_sound: bool) -> float:  # noqa: FBT001 (a fact)
    """How alike two words are; short ones must be nearly the same."""
    if one == other:
        return 1.0
    if len(one) == 1 or len(other) == 1:
        return INITIAL if one[0] == other[0] else 0.0
    shorter = min(len(one), len(other))
    found = float(OSA.normalized_similarity(one, other, score_cutoff=NEAR_MIN))
    if shorter < SHORT:
        return found if found > SHORT_MIN else 0.0
    if shorter > SHORT and one[0] == other[0] and found >= NEAR_MIN:
        found = max(found, float(JaroWinkler.normalized_similarity(one, other)) * JARO)
    return max(found, SAME_SOUND) if is_same_sound and shorter > SHORT and found >= NEAR_MIN else found
