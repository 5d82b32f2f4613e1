"""Text as words, the same for what is declared and for what is looked for.

Lower case, no accents, no punctuation, whole words: "T-shirt, Größe M" is
("t", "shirt", "grosse", "m"). Scripts written without spaces (Chinese, Japanese,
Thai) become one word per character, so that a phrase of theirs is found anywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

Phrase = tuple[str, ...]

_ASCII_PUNCTUATION = {number: " " for number in range(128) if not chr(number).isalnum()}
_UNSPACED = (  # first and last code point of scripts written without spaces between words
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x3040, 0x30FF),  # Japanese kana
    (0x3400, 0x4DBF),  # CJK extension A
    (0x4E00, 0x9FFF),  # CJK unified ideographs
    (0xF900, 0xFAFF),  # CJK compatibility ideographs
)


def words_of(text: str) -> list[str]:
    """The words of `text` in order, folded for comparison."""
    if not text.isascii():
        text = _folded(text)
    return text.lower().translate(_ASCII_PUNCTUATION).split()


def _folded(text: str) -> str:
    return "".join(map(_folded_character, unicodedata.normalize("NFKD", text.casefold())))


def _folded_character(character: str) -> str:
    if character.isascii():
        return character
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return ""  # accents, and marks that only steer the direction of writing
    number = ord(character)
    if any(first <= number <= last for first, last in _UNSPACED):
        return f" {character} "
    return character if character.isalnum() else " "


class PhraseIndex:
    """Phrases by their first word, so that a text is read once and most words cost one look-up."""

    def __init__(self, phrases: Iterable[tuple[Phrase, int]]) -> None:
        self._by_first: dict[str, list[tuple[int, Phrase, int]]] = {}
        for phrase, owner in phrases:
            self._by_first.setdefault(phrase[0], []).append((len(phrase), phrase, owner))

    def found(self, words: Sequence[str]) -> dict[int, Phrase]:
        """Owner → the first phrase of its that stands in `words`."""
        hits: dict[int, Phrase] = {}
        by_first = self._by_first
        for position, word in enumerate(words):
            candidates = by_first.get(word)
            if candidates is None:
                continue
            for length, phrase, owner in candidates:
                if length == 1 or tuple(words[position : position + length]) == phrase:
                    hits.setdefault(owner, phrase)
        return hits


def plain(text: str) -> str:
    """Letters and digits alone, in one case: however a number or name is set."""
    return "".join(character for character in text.casefold() if character.isalnum())
