"""How alike two names are: word by word in any order, rare words weighing more, and as one run of letters.

Where words are left over, chance is asked: two frequent words out of three are many people's, two rare ones are one's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rapidfuzz.distance import OSA, JaroWinkler

from tidewaiter.risk.screening.found import Comparison
from tidewaiter.risk.screening.names import Name, is_like_a_form

# Chosen on kits 101 to 106 of `bench screening`; what is reported was measured on others.
WORD_MIN: Final = 0.7  # below, two words are not the same one
INITIAL: Final = 0.86  # of a letter that stands for a word
SAME_SPELLING: Final = 0.98  # once letters that sound alike are one
SAME_SOUND: Final = 0.94  # the same consonants, and likeness of so much:
SOUND_MIN: Final = 0.75
HOMOPHONE: Final = 0.8  # of two Chinese characters of one sound; simplified and traditional ones are such, too
KNOWN_WORD: Final = 0.07  # taken off where what is seen is a word of the list itself: no slip made it
LIKELY: Final = 0.85  # a word less alike counts for less than its likeness
MISSING_WORD: Final = 0.65  # of a word's weight, for one that only the list has
LEFT_OUT: Final = 0.2  # the same, where two words or more are there and none is strange
EXTRA_WORD: Final = 0.22  # the same, for one that only the name held against it has
EXTRA_LETTER: Final = 0.1  # the same, for a letter that stands alone
FORM_WORD: Final = 0.3  # of these, for a word of a legal form that was miswritten
FORMS_ASKED_FROM: Final = 0.6  # of the score that such a word may change
SHORT: Final = 4  # letters; words of fewer must be nearly the same
SHORT_MIN: Final = 0.62
NEAR_MIN: Final = 0.6  # of edits, before beginnings and sounds count
JARO: Final = 0.96
SAME_LETTERS: Final = 0.98  # divided into words otherwise
SAME_LETTERS_MIN: Final = 5
ONE_EDIT: Final = 0.96
ONE_EDIT_LETTERS: Final = 11  # of a name in which one slip is one
TWO_EDITS: Final = 0.92
TWO_EDITS_LETTERS: Final = 16
WHOLE_MIN: Final = 0.8
WHOLE_FACTOR: Final = 0.97  # of likeness as one run of letters: word boundaries say something
ONE_WORD: Final = 0.87  # of a match on one word alone of a name of several
SINGLE_WORD: Final = 0.94  # of names of one word that differ: nothing else speaks for them
ONLY_LETTERS: Final = 0.9  # initials alone are no name
OTHER_CHARACTER: Final = 0.85  # Chinese names of people that differ by a character are other people's
CHARACTERS_OF_PEOPLE: Final = 4
CHANCE: Final = (
    10.0  # words of one language come together so much more often than chance of all languages would have it
)
SLIP_NATS: Final = 2.0  # of rarity that a word not quite the same loses: many are as near
LETTER_NATS: Final = 2.5  # of rarity at most of an initial
WEIGHT_MAX: Final = 9.0
UNLISTED: Final = (
    100  # names besides those of the list that are thought to have none of its words: few names tell little
)
LETTER_WEIGHT: Final = 1.0  # of a letter that stands alone

_NOTHING: Final = Comparison(0.0, ())


class Vocabulary:
    """How many names of a list have each word: what a word weighs, and what chance explains."""

    def __init__(self, names: int, counts: Mapping[str, int]) -> None:
        self.names = names
        self._weights = {word: self._weight(count) for word, count in counts.items()}
        self.unknown = self._weight(0)

    def weigh(self, word: str) -> float:
        """Inverse document frequency in nats, plus one so that no word weighs nothing."""
        return self._weights.get(word, self.unknown) if len(word) > 1 else LETTER_WEIGHT

    def knows(self, word: str) -> bool:
        """True for a word that stands in a name of the list."""
        return word in self._weights

    def _weight(self, count: int) -> float:
        return min(1.0 + math.log((self.names + UNLISTED) / (count + 1)), WEIGHT_MAX)


EVEN: Final = Vocabulary(0, {})  # every word weighs the same, and nothing is chance

Paired = dict[int, tuple[int, float]]  # a word of the listed name: the word that was taken for it, and how alike


def compare(listed: Name, seen: Name, vocabulary: Vocabulary = EVEN) -> Comparison:
    """How alike a name seen is to one on a list."""
    by_words = _by_words(listed, seen, vocabulary)
    if by_words.score >= ONE_EDIT or min(len(listed.whole), len(seen.whole)) < SHORT or (listed.is_han and seen.is_han):
        return by_words
    whole = _as_a_whole(listed, seen)
    return Comparison(whole, ((listed.whole, seen.whole, whole),)) if whole > by_words.score else by_words


def _as_a_whole(listed: Name, seen: Name) -> float:
    """Likeness as one run of letters, words in their order or in that of the alphabet.

    A slip or two in a long name are a slip; names whose words are divided otherwise are held against one another by
    likeness.
    """
    length = max(len(listed.whole), len(seen.whole))
    edits = OSA.distance(listed.whole, seen.whole, score_cutoff=2)
    if edits == 0 and length >= SAME_LETTERS_MIN:
        return SAME_LETTERS
    in_order = listed.in_order.replace(" ", ""), seen.in_order.replace(" ", "")
    edits = min(edits, OSA.distance(*in_order, score_cutoff=2))
    if edits <= 1 and length >= ONE_EDIT_LETTERS:
        return ONE_EDIT
    if edits <= 2 and length >= TWO_EDITS_LETTERS:
        return TWO_EDITS
    if len(listed.words) == len(seen.words):
        return 0.0
    pairs = ((listed.whole, seen.whole), in_order)
    return WHOLE_FACTOR * max(OSA.normalized_similarity(*pair, score_cutoff=WHOLE_MIN) for pair in pairs)


def _by_words(listed: Name, seen: Name, vocabulary: Vocabulary) -> Comparison:
    paired, taken = _the_same(listed, seen)
    if len(paired) < len(listed.words) and len(taken) < len(seen.words):
        for negative, place, other in sorted(_near(listed, seen, (paired, taken), vocabulary)):
            if place not in paired and other not in taken:
                paired[place] = (other, -negative)
                taken.add(other)
    if not paired:
        return _NOTHING
    score = _scored(listed, seen, paired, vocabulary)
    pairs = tuple((listed.words[place], seen.words[other], found) for place, (other, found) in sorted(paired.items()))
    return Comparison(score, pairs)


def _the_same(listed: Name, seen: Name) -> tuple[Paired, set[int]]:
    """The words that both names have, and which of the name seen are taken."""
    paired: Paired = {}
    taken: set[int] = set()
    theirs = seen.words
    for place, word in enumerate(listed.words):
        if word not in theirs:
            continue
        other = theirs.index(word)
        if other in taken:  # a word that stands twice
            other = next((at for at in range(other + 1, len(theirs)) if theirs[at] == word and at not in taken), -1)
        if other >= 0:
            ours_han, their_han = listed.han[place], seen.han[other]
            paired[place] = (other, HOMOPHONE if ours_han and their_han and ours_han != their_han else 1.0)
            taken.add(other)
    return paired, taken


def _near(
    listed: Name, seen: Name, done: tuple[Paired, set[int]], vocabulary: Vocabulary
) -> list[tuple[float, int, int]]:
    """The other words that may be one another: likeness with a minus (so that the likest sorts first), and their places."""
    paired, taken = done
    found = []
    for other, theirs in enumerate(seen.words):
        if other in taken:
            continue
        spelt, sounds, is_han = seen.spelt[other], seen.sounds[other], bool(seen.han[other])
        for place, word in enumerate(listed.words):
            if place in paired or (is_han and listed.han[place]):
                continue  # two characters of different sounds are two words, however near the sounds are
            if len(word) == 1 or len(theirs) == 1:
                alike = INITIAL if word[0] == theirs[0] else 0.0
            elif spelt == listed.spelt[place] and len(word) > 2 and len(theirs) > 2:
                alike = SAME_SPELLING
            else:
                alike = _alike(word, theirs, sounds == listed.sounds[place])
                if alike >= WORD_MIN and vocabulary.knows(theirs):
                    alike -= KNOWN_WORD
            if alike >= WORD_MIN:
                found.append((-alike, place, other))
    return found


def _alike(one: str, other: str, is_same_sound: bool) -> float:  # noqa: FBT001 (a fact)
    """How alike two words are that differ; short ones must be nearly the same."""
    found = float(OSA.normalized_similarity(one, other, score_cutoff=NEAR_MIN))
    if not found:
        return 0.0
    shorter = min(len(one), len(other))
    if shorter < SHORT:
        return found if found > SHORT_MIN else 0.0
    if shorter > SHORT:
        if one[0] == other[0]:
            found = max(found, float(JaroWinkler.normalized_similarity(one, other)) * JARO)
        if is_same_sound and found >= SOUND_MIN:
            return max(found, SAME_SOUND)
    return found


def _scored(listed: Name, seen: Name, paired: Paired, vocabulary: Vocabulary) -> float:
    gained = total = nats = 0.0
    is_exact = are_letters = True
    for place, (other, found) in paired.items():
        weight = vocabulary.weigh(listed.words[place])
        gained += weight * (found if found >= LIKELY else 2 * found - LIKELY)  # one doubtful word of two says more
        total += weight  #                                                       than a mean of them would
        is_letter = len(listed.words[place]) == 1 or len(seen.words[other]) == 1
        nats += _nats(weight, found, is_letter)
        is_exact = is_exact and found == 1.0
        are_letters = are_letters and is_letter
    left = _left_over(listed, seen, paired, vocabulary)
    rest = sum(each for _, each in left)
    if rest and gained >= FORMS_ASKED_FROM * (total + rest):
        rest = sum(each * FORM_WORD if is_like_a_form(word) else each for word, each in left)
    score = gained / (total + rest)
    if len(paired) == 1 and left:
        score *= ONE_WORD
    elif len(paired) == 1 and not is_exact:
        score *= SINGLE_WORD
    if are_letters:
        score *= ONLY_LETTERS
    if left and listed.is_han and seen.is_han and max(len(listed.words), len(seen.words)) <= CHARACTERS_OF_PEOPLE:
        score *= OTHER_CHARACTER
    if any(len(word) > 1 for word, _ in left):
        score /= 1.0 + CHANCE * vocabulary.names * math.exp(-nats)  # names of the list that would share as much
    return score


def _nats(weight: float, found: float, is_letter: bool) -> float:  # noqa: FBT001 (a fact)
    """How rare it is that a name has a word as near as the one that was found."""
    if found == 1.0:
        return weight - 1.0
    return min(LETTER_NATS, weight - 1.0) if is_letter else max(0.0, weight - 1.0 - SLIP_NATS)


def _left_over(listed: Name, seen: Name, paired: Paired, vocabulary: Vocabulary) -> Sequence[tuple[str, float]]:
    """The words that only one of the names has, and what each takes away."""
    if len(paired) == len(listed.words) == len(seen.words):
        return ()
    taken = {other for other, _ in paired.values()}
    is_part = len(paired) > 1 and len(taken) == len(seen.words)  # fewer words, and all of them are on the list
    missing = LEFT_OUT if is_part else MISSING_WORD
    ours: Iterable[str] = (word for place, word in enumerate(listed.words) if place not in paired)
    theirs: Iterable[str] = (word for other, word in enumerate(seen.words) if other not in taken)
    return [
        *((word, vocabulary.weigh(word) * missing) for word in ours),
        *((word, vocabulary.weigh(word) * (EXTRA_WORD if len(word) > 1 else EXTRA_LETTER)) for word in theirs),
    ]
