"""Finding whom on a list to hold a name against: by the rarest of its words, their sounds and parts of four letters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import nlargest
from typing import Final

from rapidfuzz import fuzz, process

from tidewaiter.risk.screening.comparing import Vocabulary, compare
from tidewaiter.risk.screening.found import Match
from tidewaiter.risk.screening.names import Name, name_of

THRESHOLD: Final = 0.78  # chosen on kits of other seeds than reported; see docs/how-to/lists.md
CANDIDATES_MAX: Final = 24  # looked at as runs of letters
COMPARED_MAX: Final = 5  # held against word by word
NEAR_MIN: Final = 54  # of 100; as runs of letters
LOOKED_UP_MAX: Final = 160  # entries of keys, once some keys were looked up
KEYS_MIN: Final = 3
RARE_KEYS: Final = 12  # of a name that are looked up, the rarest first
ENTRIES_MAX: Final = 4_000  # that share one key; a key of more says nothing
REMEMBERED_MAX: Final = 65_536  # names whose matches are at hand


class NameIndex:
    """The names of one list, compiled. Any number of threads may use it."""

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        self._entries = [(entry_id, text, name) for entry_id, text in names if (name := name_of(text)).words]
        self._keys: dict[str, list[int]] = {}
        self._wholes: dict[str, list[int]] = {}  # the same letters, however they are divided
        often: Counter[str] = Counter()
        for place, (_, _, name) in enumerate(self._entries):
            often.update(set(name.words))
            for key in set(_keys(name)):
                self._keys.setdefault(key, []).append(place)
            self._wholes.setdefault(name.whole, []).append(place)
        self._in_order = [name.in_order for _, _, name in self._entries]
        self.vocabulary = Vocabulary(len(self._entries), often)
        self._found: dict[tuple[str, float], tuple[Match, ...]] = {}

    def __len__(self) -> int:
        return len(self._entries)

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
        near = self._nearest(name, self._candidates(name))
        same = [place for place in self._wholes.get(name.whole, ())[:COMPARED_MAX] if place not in near]
        for place in (*same, *near):
            entry_id, text, listed = self._entries[place]
            found = compare(listed, name, self.vocabulary)
            if found.score >= threshold:
                before = best.get(entry_id)
                if before is None or before.score < found.score:
                    best[entry_id] = Match(entry_id, text, round(found.score, 4), found.pairs)
        return sorted(best.values(), key=lambda match: (-match.score, match.entry_id)) if best else []

    def _candidates(self, name: Name) -> Sequence[int]:
        """The entries that share the most, and the rarest, keys."""
        keys = self._keys
        shared = [found for key in set(_keys(name)) if (found := keys.get(key)) is not None]
        shared = sorted((each for each in shared if len(each) <= ENTRIES_MAX), key=len)[:RARE_KEYS]
        votes: dict[int, float] = {}
        looked_up = 0
        for number, places in enumerate(shared):
            looked_up += len(places)
            if looked_up > LOOKED_UP_MAX and number >= KEYS_MIN:
                break
            vote = self.vocabulary.unknown - 0.9 * math.log(1 + len(places))
            for place in places:
                votes[place] = votes.get(place, 0.0) + vote
        if len(votes) <= CANDIDATES_MAX:
            return list(votes)
        return nlargest(CANDIDATES_MAX, votes, key=votes.__getitem__)

    def _nearest(self, name: Name, places: Sequence[int]) -> list[int]:
        """Those of the candidates whose words, in order of the alphabet, come nearest as a run of letters."""
        in_order = self._in_order
        choices = [in_order[place] for place in places]
        found = process.extract(
            name.in_order, choices, scorer=fuzz.ratio, processor=None, limit=COMPARED_MAX, score_cutoff=NEAR_MIN
        )
        return [places[at] for _, _, at in found]


def _keys(name: Name) -> Iterator[str]:
    """Of each word itself, its consonants, its parts of four letters; of the whole its first and last consonants."""
    for word, sounds in zip(name.words, name.sounds, strict=True):
        if len(word) > 1:
            yield f"w{word}"
            yield f"s{sounds[:4]}"
        if len(word) > 3:
            padded = f"^{word}$"
            for at in range(len(padded) - 3):
                yield f"t{padded[at : at + 4]}"
    if len(name.sounds_whole) > 3:
        yield f"b{name.sounds_whole[:5]}"
        yield f"e{name.sounds_whole[-5:]}"
