"""Whether a description and the declared code speak of the same goods; told only where the words are plain."""

from __future__ import annotations

from functools import cache, lru_cache
from operator import itemgetter

from tidewaiter.classification.candidates import Candidate, candidates, evidence
from tidewaiter.classification.goods import Codes, goods, read
from tidewaiter.data.words.goods import english_terms
from tidewaiter.model.words import Phrase

# What makes words plain enough to doubt a code; chosen on the development data, which the figures of ADR 17 are stated on, too.
NAME_MIN = 700  # weight of the weightiest name: two words that few names share, where the thing itself stands; or
# the text is nothing but a name of two words or more
HEADING_MIN = 25  # per cent of all points that the best heading holds, or
BEST_CHAPTER_MIN = 40  # its chapter
CHAPTER_MAX = 5  # per cent of all points that the declared chapter may hold
NAMES_SHOWN = 3


@lru_cache(maxsize=32_768)
def disagreement(text: str, hs_code: str) -> Candidate | None:
    """The subheading that the words plainly point to, where nothing in them points to the declared chapter.

    `hs_code` has at least four digits. None where they agree, and where the words are not plain enough to tell.
    """
    words = read(text)
    if _speaks_of(words, hs_code[:2]):
        return None
    found = evidence(text)
    if found.best_name < NAME_MIN and not (len(words) > 1 and tuple(words) in goods().names):
        return None
    best = found.ranked()[0]
    is_plain = found.share(best[:4]) >= HEADING_MIN or found.share(best[:2]) >= BEST_CHAPTER_MIN
    if not is_plain or found.share(hs_code[:2]) > CHAPTER_MAX:
        return None
    return candidates(text, limit=1)[0]


def _speaks_of(words: list[str], chapter: str) -> bool:
    """True where some name in the text is one of the chapter's: nearly always so, and quickly told."""
    by_first, chapters = goods().by_first, _chapters()
    for place, word in enumerate(words):
        for phrase in by_first.get(word, ()):
            if chapter in chapters[phrase] and tuple(words[place : place + len(phrase)]) == phrase:
                return True
    return False


@cache
def _chapters() -> dict[Phrase, frozenset[str]]:
    return {
        phrase: frozenset(
            code[:2] for codes in rows for code in (codes.default, *(code for _, code in codes.alternatives))
        )
        for phrase, rows in goods().names.items()
    }


def names_of(hs_code: str) -> tuple[str, ...]:
    """A few names of goods of a subheading, to show what a plain description of it reads like; empty where none is held."""
    return _names().get(hs_code[:6], ())


@cache
def _names() -> dict[str, tuple[str, ...]]:
    """English names of several words first; then those that a material or a wearer puts there, with it; then single words."""
    full: dict[str, list[str]] = {}
    under: dict[str, list[tuple[int, str]]] = {}
    single: dict[str, list[str]] = {}
    for codes_text, terms in english_terms():
        codes = Codes.parse(codes_text)
        for name in map(str.strip, terms):
            (full if " " in name else single).setdefault(codes.default, []).append(name)
        for needed, code in codes.alternatives:
            under.setdefault(code, []).append((len(needed), ", ".join((terms[0].strip(), *sorted(needed)))))
    narrowed = {code: [name for _, name in sorted(names, key=itemgetter(0))] for code, names in under.items()}
    return {
        code: tuple(dict.fromkeys(name for names in (full, narrowed, single) for name in names.get(code, ())))[
            :NAMES_SHOWN
        ]
        for code in full.keys() | narrowed.keys() | single.keys()
    }
