"""What is to be said of a description that stands alone: the same rules, candidates and words as for a declared line.

The command line, the interface for machines and the pages show this; a declaration's findings come from the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Final

from msgspec import Struct

from tidewaiter.classification.agreement import disagreement, names_of
from tidewaiter.classification.candidates import CANDIDATES, LENGTH_MAX, candidates, evidence
from tidewaiter.data.nomenclature import NATIONAL_CHAPTERS
from tidewaiter.data.words import words_by_language
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.finding import Finding
from tidewaiter.model.money import Money
from tidewaiter.model.words import words_of
from tidewaiter.quality.registry import Context
from tidewaiter.quality.rules.descriptions import CODE_MIN, code, other_goods, too_long, unclear, vague
from tidewaiter.quality.wording import fault, refused_by

AGREES_MIN: Final = 20  # per cent of what the words point to that must lie in the declared chapter


class Agreement(StrEnum):
    """How a description and a commodity code stand to one another."""

    NOT_ASKED = "not asked"  # no code, or one that cannot be held against words
    AGREES = "agrees"  # a good part of what the words point to lies in the code's chapter
    DIFFERS = "differs"  # the words plainly name goods of another chapter
    OPEN = "open"  # the words do not tell


class Proposal(Struct, frozen=True):
    """A subheading that the words point to, with the words that do."""

    hs_code: str  # six digits
    share_percent: int  # of all that the words point to, 0 to 100
    because_of: tuple[str, ...]  # names of goods in the description; none where only single words point there
    such_as: tuple[str, ...]  # names of other goods of the subheading


class EmptyWord(Struct, frozen=True):
    """A word of the description that says nothing of goods, and the languages on whose lists it stands."""

    word: str
    languages: tuple[str, ...]  # ISO 639-1


class Described(Struct, frozen=True, kw_only=True):
    """What is to be said of one description.

    `chapter_percent` and `heading_percent` are how much of all that the words point to lies in the chapter and the
    heading of the code, 0 to 100; None where no code was given. `better` are names of goods of the code, to write instead.
    """

    description: str
    commodity_code: str
    is_vague: bool
    refused_by: tuple[str, ...]  # advance cargo programmes on whose list of refused wordings it stands
    empty_words: tuple[EmptyWord, ...]
    findings: tuple[Finding, ...]
    better: tuple[str, ...]
    proposals: tuple[Proposal, ...]
    agreement: Agreement
    heading_percent: int | None
    chapter_percent: int | None

    @property
    def names_goods(self) -> bool:
        """True where a name of goods stands in the description, right or wrong."""
        return any(each.because_of for each in self.proposals)


class _NoDataset(Struct, frozen=True):
    """No set of data is asked for where there is a description only."""

    code: str = ""
    title: str = ""
    required: tuple[str, ...] = ()
    is_advance: bool = False


def _no_rate(_: Money, __: str) -> Money | None:
    return None


# The rules on wording look at the words and the code alone, whatever the law and the day.
_ALONE: Final = Context("", date.min, _NoDataset(), _no_rate)


def describe(
    description: str, commodity_code: str = "", *, details: str = "", category: str = "", limit: int = CANDIDATES
) -> Described:
    """What is to be said of a description, and of the code declared for it.

    `details` are materials and wearers that stand apart from it, `category` the category of a marketplace; they help to
    propose codes and change nothing of what the rules find. Of long texts the first 2,000 characters are read.
    """
    read = description[:LENGTH_MAX]
    found = tuple(
        Proposal(each.hs_code, each.share_percent, each.words, names_of(each.hs_code))
        for each in candidates(read, details=details, category=category, limit=limit)
    )
    is_held_against = len(commodity_code) >= CODE_MIN and not commodity_code.startswith(NATIONAL_CHAPTERS)
    pointed = evidence(read, details=details, category=category) if is_held_against else None
    heading = pointed.share(commodity_code[:4]) if pointed else None
    chapter = pointed.share(commodity_code[:2]) if pointed else None
    return Described(
        description=description,
        commodity_code=commodity_code,
        is_vague=bool(description.strip()) and fault(description) is not None,
        refused_by=refused_by(description),
        empty_words=_empty_words(read),
        findings=_findings(description, commodity_code),
        better=names_of(commodity_code),
        proposals=found,
        agreement=_agreement(read, commodity_code, chapter),
        heading_percent=heading,
        chapter_percent=chapter,
    )


def _findings(description: str, commodity_code: str) -> tuple[Finding, ...]:
    line = GoodsItem(line_no=1, description=description, commodity_code=commodity_code)
    alone = Declaration(goods_items=(line,))
    return tuple(
        finding
        for each in (vague, unclear, code, other_goods, too_long)
        for finding in each.findings(each.function(alone, _ALONE))
    )


def _agreement(read: str, commodity_code: str, chapter: int | None) -> Agreement:
    if chapter is None:
        return Agreement.NOT_ASKED
    if read.strip() and disagreement(read, commodity_code[:CODE_MIN]) is not None:
        return Agreement.DIFFERS
    return Agreement.AGREES if chapter >= AGREES_MIN else Agreement.OPEN


def _empty_words(read: str) -> tuple[EmptyWord, ...]:
    found = []
    for word in dict.fromkeys(words_of(read)):
        languages = _languages().get(word, ())
        if languages:
            found.append(EmptyWord(word, tuple(languages)))
    return tuple(found)


@cache
def _languages() -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for language, words in words_by_language().items():
        for word in words:
            found.setdefault(word, []).append(language)
    return found
