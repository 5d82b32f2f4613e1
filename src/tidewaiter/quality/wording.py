"""What is wrong with a description, as far as the words alone tell."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache, lru_cache

from tidewaiter.classification.vagueness import is_vague
from tidewaiter.data.words import Programme, VagueWords, programmes, vague_words


class Fault(StrEnum):
    """Why a description does not say what the goods are."""

    VAGUE = "vague"  # by the lists
    UNCLEAR = "unclear"  # by the learned model
    REPEATED = "repeated"
    CODE = "code"
    SHORT = "short"


_WORD = re.compile(r"[^\W\d_]+")
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
# One run of capitals and digits in which digits stand at least at two places: B08N5WRWNW.
_ARTICLE_NUMBER = re.compile(r"(?=.{6,})[A-Z\-_/.]*(?:[0-9]+[A-Z\-_/.]+){2,}[0-9]*")
# "aaa", "...": the Commission's guidance on unacceptable terms takes no row of three or more equal characters.
_ROW = re.compile(r"(\S)\1{2,}")
_LENGTH_MAX = 120  # longer texts always hold some word of substance
_LETTERS_MIN = 3


def fault(description: str) -> Fault | None:
    """The fault of a description that is not empty, or None where its words say something."""
    return None if len(description) > _LENGTH_MAX or description.isspace() else _fault(description)


def is_plain(description: str) -> bool:
    """A quick yes for a description of usual length without fault; no says nothing."""
    return (
        bool(description) and len(description) <= _LENGTH_MAX and not description.isspace() and not _fault(description)
    )


@lru_cache(maxsize=32_768)
def _fault(description: str) -> Fault | None:
    return listed_fault(description) or (Fault.UNCLEAR if is_vague(description) else None)


def listed_fault(description: str) -> Fault | None:
    """The fault that lists and patterns alone tell, without the learned model."""
    text = description.casefold()
    words = _WORD.findall(text)
    letters = sum(map(len, words))
    if _is_code(text, words, letters) or _ARTICLE_NUMBER.fullmatch(description.strip()):
        return Fault.CODE
    # One Chinese, Japanese or Korean character can be a whole word.
    if letters < _LETTERS_MIN and text.isascii():
        return Fault.SHORT
    if (len(words) > 1 and len(set(words)) == 1) or _ROW.fullmatch(text.strip()):
        return Fault.REPEATED
    return Fault.VAGUE if _is_vague(tuple(words), _lists()) else None


def refused_by(description: str) -> tuple[str, ...]:
    """The advance cargo programmes that refuse a description because it is one of the wordings on their lists."""
    text = " ".join(description.casefold().split()).strip(" .,;:!*-")
    return tuple(each.programme for each in _programmes() if text in each.terms)


def _is_code(text: str, words: list[str], letters: int) -> bool:
    digits = sum(character.isdigit() for character in text)
    if _LINK.match(text.strip()) or (digits and not letters):
        return True
    longest = max(map(len, words), default=0)
    is_one_run = not any(character.isspace() for character in text.strip())
    return digits >= 2 and longest < 4 and (is_one_run or digits > letters)


def _is_vague(words: tuple[str, ...], lists: VagueWords) -> bool:
    text = " ".join(words)
    if text in lists.phrases or any(text in each.terms for each in _programmes()):
        return True
    if all(word in lists.empty for word in words):
        return True
    telling = [word for word in words if word not in lists.fillers]
    return all(word in lists.words for word in telling) or " ".join(telling) in lists.phrases


@cache
def _lists() -> VagueWords:
    return vague_words()


@cache
def _programmes() -> tuple[Programme, ...]:
    return programmes()
