"""Finding whom on a list to hold a name against: by the rarest of its words, their sounds and their trigrams."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import nlargest
from typing import Final

from rapidfuzz import fuzz, process

from tidewaiter.risk.screening.first.comparing import compare
from tidewaiter.risk.screening.first.names import Name, name_of
from tidewaiter.risk.screening.found import Comparison, Match

THRESHOLD: Final = 0.83  # chosen on kits of other seeds than reported; see docs/how-to/lists.md
CANDIDATES_MAX: Final = 24  # looked at as runs of letters
COMPARED_MAX: Final = 3  # held against word by word
LOOKED_UP_MAX: Final = 240  # entries of keys, once some keys were looked up
KEYS_MIN: Final = 3
RARE_KEYS: Final = 12  # of a name that are looked up, the rarest first
ENTRIES_MAX: Final = 4_000  # that share one key; a key of more says nothing
REMEMBERED_MAX: Final = 65_536  # names whose matches are at hand
WEIGHT_MAX: Final = 9.0
LETTER_WEIGHT: Final = 1.0  # of a letter that stands alone


class NameIndex:
    """The names of one list, compiled. Any number of threads may use it."""

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        self._entries = [(entry_id, text, name) for entry_id, text in names if (name := name_of(text)).words]
        self._keys: dict[str, list[int]] = {}
        often: Counter[str] = Counter()
        for place, (_, _, name) in enumerate(self._entries):
            often.update(set(name.words))
            for key in set(_keys(name)):
                self._keys.setdefault(key, []).append(place)
        self._sorted = [" ".join(sorted(name.words)) for _, _, name in self._entries]
        self._weights = {word: self._weight(count) for word, count in often.items()}
        self._unknown = self._weight(0)
        self._found: dict[tuple[str, float], tuple[Match, ...]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def weigh(self, word: str) -> float:
        """The weight of a word: the rarer on the list, the more."""
        return self._weights.get(word, self._unknown) if len(word) > 1 else LETTER_WEIGHT

    def found(self, text: str, threshold: float) -> tuple[Match, ...]:
        """The entries at least so like a name (from 0 to 1), best first; what was asked last is remembered."""
        key = (text, threshold)
        matches = self._found.get(key)
        if matches is None:
            if len(self._found) >= REMEMBERED_MAX:
                self._found.clear()
            matches = self._found[key] = tuple(self._matches(name_of(text), threshold))
        return matches

    def _matches(self, name: Name, threshold: float) -> list[Match]:
        best: dict[str, Match] = {}
        for place in self._nearest(name, self._candidates(name)):
            entry_id, text, listed = self._entries[place]
            found: Comparison = compare(listed, name, self.weigh)
            before = best.get(entry_id)
            if found.score >= threshold and (before is None or before.score < found.score):
                best[entry_id] = Match(entry_id, text, round(found.score, 4), found.pairs)
        return sorted(best.values(), key=lambda match: (-match.score, match.entry_id))

    def _candidates(self, name: Name) -> list[int]:
        """The entries that share the most, and the rarest, keys."""
        shared = [found for key in set(_keys(name)) if (found := self._keys.get(key)) is not None]
        shared = sorted((each for each in shared if len(each) <= ENTRIES_MAX), key=len)[:RARE_KEYS]
        votes: dict[int, float] = {}
        looked_up = 0
        for number, places in enumerate(shared):
            looked_up += len(places)
            if looked_up > LOOKED_UP_MAX and number >= KEYS_MIN:
                break
            vote = self._unknown - 0.9 * math.log(1 + len(places))
            for place in places:
                votes[place] = votes.get(place, 0.0) + vote
        if len(votes) <= CANDIDATES_MAX:
            return list(votes)
        return nlargest(CANDIDATES_MAX, votes, key=votes.__getitem__)

    def _nearest(self, name: Name, places: list[int]) -> list[int]:
        """Those of the candidates whose words, in order of the alphabet, come nearest as a run of letters."""
        if len(places) <= COMPARED_MAX:
            return places
        sorted_words = self._sorted
        asked = " ".join(sorted(name.words))
        choices = {place: sorted_words[place] for place in places}
        found = process.extract(asked, choices, scorer=fuzz.ratio, processor=None, limit=COMPARED_MAX)
        return [place for _, _, place in found]

    def _weight(self, count: int) -> float:
        """Inverse document frequency, plus one so that no word weighs nothing."""
        return min(1.0 + math.log((len(self._entries) + 1) / (count + 1)), WEIGHT_MAX)


def _keys(name: Name) -> Iterator[str]:
    """Of each word itself, its sound, its trigrams' rarest part; of the whole its first and last sounds."""
    for word, sound in zip(name.words, name.sounds, strict=True):
        if len(word) > 1:
            yield f"w{word}"
            yield f"s{sound[:4]}"
        if len(word) > 3:
            padded = f"^{word}$"
            for at in range(len(padded) - 3):
                yield f"t{padded[at : at + 4]}"
    if len(name.sounds_whole) > 3:
        yield f"b{name.sounds_whole[:5]}"
        yield f"e{name.sounds_whole[-5:]}"
