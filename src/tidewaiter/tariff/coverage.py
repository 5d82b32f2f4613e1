"""How much of a nomenclature a tariff covers, by chapter; and a part of one laid over a whole one.

A chapter is the least that is taken apart: the tree of codes never reaches from one into another. It counts as thin
where it has fewer than a third of the codes that it had: editions of one tariff differ by less, a cut by more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import TypeVar

from msgspec import Struct

from tidewaiter.tariff.records import Area, Content, Gap, Line, Measure
from tidewaiter.tariff.tariff import EDITION, Tariff

Record = TypeVar("Record", bound=Line | Measure)

CHAPTERS_SHOWN = 12
LEAST_SHARE = 3  # one in so many of the codes a chapter had
BEFORE = "edition before, "
PLACE_OF_CODE = "code "  # how gaps that are about a code name their place


class Coverage(Struct, frozen=True):
    """How many codes goods can be declared under on a day, by chapter (two digits), in order."""

    codes: dict[str, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.codes.values())

    @property
    def chapters(self) -> str:
        """The chapters in words: 01–24, 61."""
        return spans(self.codes)


class Thin(Struct, frozen=True):
    """A chapter with far fewer codes than it had: none where it is left out."""

    chapter: str
    codes: int
    codes_before: int


def coverage(tariff: Tariff, on: date) -> Coverage:
    """What a tariff covers on a day. Raises NotInForceError for a day before it."""
    return counted(line.code for line in tariff.declarable("", on))


def counted(codes: Iterable[str]) -> Coverage:
    """The coverage of these codes."""
    return Coverage(dict(sorted(Counter(code[:2] for code in codes).items())))


def thin(now: Coverage, before: Coverage) -> tuple[Thin, ...]:
    """The chapters that are left out or have far fewer codes than before."""
    return tuple(
        Thin(chapter, now.codes.get(chapter, 0), had)
        for chapter, had in before.codes.items()
        if now.codes.get(chapter, 0) * LEAST_SHARE < had
    )


def thin_in_words(found: Sequence[Thin]) -> str:
    """The chapters that are left out together, those with fewer codes one by one."""
    absent = [each.chapter for each in found if not each.codes]
    left_out = f"chapter {absent[0]} is left out" if len(absent) == 1 else f"chapters {spans(absent)} are left out"
    fewer = [f"{each.chapter} has {each.codes:,} of {each.codes_before:,}" for each in found if each.codes]
    more = f" and {len(fewer) - CHAPTERS_SHOWN} more" if len(fewer) > CHAPTERS_SHOWN else ""
    parts = (left_out if absent else "", ", ".join(fewer[:CHAPTERS_SHOWN]) + more)
    return "; ".join(filter(None, parts))


def laid_over(part: Tariff, before: Tariff) -> Tariff:
    """A tariff of which the chapters in `part` are its own and all others are those of the edition before."""
    new, old = part.held, before.held
    mine = {line.code[:2] for line in new.lines}
    theirs = {line.code[:2] for line in old.lines} - mine
    listed = {*_listed(new, mine), *_listed(old, theirs)}
    gaps = (Gap(f"{BEFORE}{_bare(gap)}", gap.words) for gap in old.gaps if _concerns(gap, theirs))
    return Tariff.of(
        Content(
            edition=EDITION,
            jurisdiction_code=new.jurisdiction_code,
            in_force_from=new.in_force_from,
            is_complete=new.is_complete or old.is_complete,
            lines=_joined(new.lines, old.lines, mine),
            areas=_areas(new.areas, old.areas),
            measures=_joined(new.measures, old.measures, mine),
            duties={**old.duties, **new.duties},
            texts={**old.texts, **new.texts},
            gaps=(*new.gaps, *dict.fromkeys(gaps)),
            listed_chapters=tuple(sorted(listed)) if new.is_complete or old.is_complete else (),
        )
    )


def spans(chapters: Iterable[str]) -> str:
    """Chapters in words, those that follow one another as from–to."""
    runs = groupby(enumerate(sorted(chapters)), key=lambda each: int(each[1]) - each[0])
    found = [[chapter for _, chapter in run] for _, run in runs]
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in found)


def _listed(held: Content, chapters: Iterable[str]) -> Iterable[str]:
    """Of these chapters, those of which not every line is there."""
    return chapters if not held.is_complete else set(held.listed_chapters).intersection(chapters)


def _joined(new: tuple[Record, ...], old: tuple[Record, ...], mine: set[str]) -> tuple[Record, ...]:
    """The records of both in the order of codes, which both are in."""
    both: list[Record] = [*new, *(each for each in old if each.code[:2] not in mine)]
    return tuple(sorted(both, key=lambda each: each.code[:2]))


def _areas(new: Mapping[str, Area], old: Mapping[str, Area]) -> dict[str, Area]:
    """The groups of both; the newer word on one counts, unless it does not know who belongs to it."""
    known = {code: area for code, area in new.items() if area.is_modelled or code not in old}
    return {**old, **known}


def _concerns(gap: Gap, chapters: set[str]) -> bool:
    place = _bare(gap)
    return not place.startswith(PLACE_OF_CODE) or place.removeprefix(PLACE_OF_CODE)[:2] in chapters


def _bare(gap: Gap) -> str:
    """The place of a gap in the edition it came from."""
    return gap.place.removeprefix(BEFORE)
