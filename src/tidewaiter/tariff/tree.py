"""The nomenclature as a dated tree: which lines stand above a code on a day, and which codes can be declared.

The tree is not stored: as in TARIC, it follows from the order of the lines (code, suffix) and their depth. The parent of
a line on a day is the nearest line before it that is valid that day and less deep. Where only some lines are known (a
list of rates, a few commodities), a parent must also begin the code, or a missing line would give its children away.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date

from tidewaiter.tariff.codes import DIGITS, stem, ten_digits
from tidewaiter.tariff.records import DECLARABLE_SUFFIX, Line, is_valid


def in_order(line: Line) -> tuple[str, str, date]:
    """The order of lines in a nomenclature."""
    return (line.code, line.suffix, line.valid_from or date.min)


class Nomenclature:
    """The lines of a tariff, in order, with what is asked of them worked out when first asked."""

    __slots__ = (
        "_at",
        "_chapters",
        "_codes",
        "_digits",
        "_is_complete",
        "_listed_chapters",
        "_parents",
        "_stems",
        "lines",
    )

    def __init__(self, lines: tuple[Line, ...], *, is_complete: bool, listed_chapters: tuple[str, ...] = ()) -> None:
        self.lines = lines
        self._is_complete = is_complete
        self._listed_chapters = frozenset(listed_chapters)
        self._chapters = frozenset(line.code[:2] for line in lines)
        self._digits = {False: 0, True: 0}  # of the longest codes, in chapters that are listed and in all others
        self._codes = [line.code for line in lines]
        self._stems = [stem(line.code) for line in lines]
        self._parents: dict[int, tuple[int, ...]] = {}
        self._at: dict[str, list[int]] = {}
        for index, line in enumerate(lines):
            is_listed = line.code[:2] in self._listed_chapters
            self._digits[is_listed] = max(line.digits, self._digits[is_listed])
            if line.suffix == DECLARABLE_SUFFIX:
                self._at.setdefault(line.code, []).append(index)

    def is_complete(self, chapter: str) -> bool:
        """True where every line of a chapter is there."""
        return self._is_complete and chapter not in self._listed_chapters

    def find(self, code: str, on: date) -> int | None:
        """The place of the line of a code on a day; for a longer code than any there, of what it begins with."""
        full = ten_digits(code)
        found = self._valid(full, on)
        digits = self._digits[full[:2] in self._listed_chapters] or DIGITS
        if found is not None or digits == DIGITS:
            return found
        place = self._valid(full[:digits].ljust(DIGITS, "0"), on)
        is_end = place is not None and self.lines[place].digits == digits and self.is_leaf(place, on)
        return place if is_end else None

    def has(self, code: str, on: date) -> bool:
        """Whether a code is there on a day: a line of it, or any that can be declared and begins with its digits."""
        return self.find(code, on) is not None or any(True for _ in self._below(code, on))

    def covers(self, chapter: str) -> bool:
        """Whether any line of a chapter is there."""
        return chapter in self._chapters

    def path(self, place: int, on: date) -> tuple[int, ...]:
        """The places from the chapter down to the line itself."""
        path = [place]
        while (above := self.parent(path[-1], on)) is not None:
            path.append(above)
        return tuple(reversed(path))

    def parent(self, place: int, on: date) -> int | None:
        """The place of the line that stands directly above on a day; None at the top."""
        return next((each for each in self._candidates(place) if is_valid(self.lines[each], on)), None)

    def is_leaf(self, place: int, on: date) -> bool:
        """True where nothing stands below the line on that day and its suffix allows it to be declared."""
        line = self.lines[place]
        return line.suffix == DECLARABLE_SUFFIX and not self._has_child(place, on)

    def leaves(self, prefix: str, on: date) -> tuple[int, ...]:
        """The places of the declarable lines whose code begins with `prefix`, in order."""
        return tuple(self._below(prefix, on))

    def nearest(self, code: str, on: date) -> int | None:
        """The place of the longest known code that `code` begins with; to help who looks for one that is not there."""
        full = ten_digits(code)
        found = (self._valid(full[:digits].ljust(10, "0"), on) for digits in (8, 6, 4, 2))
        return next((place for place in found if place is not None), None)

    def _below(self, prefix: str, on: date) -> Iterator[int]:
        place = bisect_left(self._codes, prefix)
        while place < len(self._codes) and self._codes[place].startswith(prefix):
            if is_valid(self.lines[place], on) and self.is_leaf(place, on):
                yield place
            place += 1

    def _valid(self, code: str, on: date) -> int | None:
        for place in self._at.get(code, ()):
            if is_valid(self.lines[place], on):
                return place
        return None

    def _candidates(self, place: int) -> tuple[int, ...]:
        """The lines that can be the parent on some day, nearest first: up to one that is valid for as long as the line."""
        known = self._parents.get(place)
        if known is None:
            known = self._parents[place] = tuple(self._looked_up(place))
        return known

    def _looked_up(self, place: int) -> Iterator[int]:
        line = self.lines[place]
        chapter = line.code[:2]
        is_complete = self.is_complete(chapter)
        for before in range(place - 1, -1, -1):
            other = self.lines[before]
            if other.code[:2] != chapter:
                return
            if other.depth >= line.depth or not (is_complete or line.code.startswith(self._stems[before])):
                continue
            yield before
            if _lasts(other, line):
                return

    def _has_child(self, place: int, on: date) -> bool:
        line, begin = self.lines[place], self._stems[place]
        chapter = line.code[:2]
        is_complete = self.is_complete(chapter)
        for after in range(place + 1, len(self.lines)):
            other = self.lines[after]
            if other.code[:2] != chapter or not (is_complete or other.code.startswith(begin)):
                return False
            if not is_valid(other, on):
                continue
            # Where lines are missing, what begins with the same digits may hang below a nearer line than this one.
            if other.depth > line.depth and self.parent(after, on) == place:
                return True
            if is_complete:
                return False
        return False


def _lasts(parent: Line, child: Line) -> bool:
    begins = parent.valid_from is None or (child.valid_from is not None and parent.valid_from <= child.valid_from)
    return begins and (parent.valid_to is None or (child.valid_to is not None and child.valid_to <= parent.valid_to))
