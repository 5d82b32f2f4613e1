"""What is collected while tariff files are read: records with their places, what was not understood, what is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from msgspec import Struct

from tidewaiter.model.errors import InvalidIdentifierError, TidewaiterError
from tidewaiter.tariff.codes import ten_digits
from tidewaiter.tariff.importing.limits import FAULTS_SHOWN
from tidewaiter.tariff.kinds import type_text
from tidewaiter.tariff.records import Area, Gap, Kind, Line, Measure, Member
from tidewaiter.tariff.sentences import DutyExpression, SentenceError, Style, parse

NOT_GIVEN = ("", "#NA", "NULL")
SHOWN = 120  # characters of a value shown
CONTROLS = frozenset({Kind.PROHIBITION, Kind.RESTRICTION, Kind.OTHER})


class TariffFileError(TidewaiterError):
    """A tariff file cannot be imported; nothing of it was kept. `place` is the first fault's file and line."""

    code = "tariff.file"


class Fault(NamedTuple):
    """What keeps a file from being imported: where, what, what to do."""

    place: str
    words: str
    hint: str = ""


class Source(Struct, frozen=True):
    """One file as it came, unpacked: `name` is for people, nothing is told from it."""

    name: str
    body: bytes


class Placed(NamedTuple):
    """A line of the nomenclature and where it was read."""

    line: Line
    place: str


class Heading(Struct, frozen=True):
    """What the files do not say: whose tariff it is, from which day, and which column of a list of rates is meant.

    `is_partial`: they are meant to be a part of a tariff; chapters that are not in them stay as they were.
    """

    jurisdiction_code: str
    in_force_from: date
    rate_column: str = ""
    is_partial: bool = False


class Parts:
    """The records of one file as they are read."""

    def __init__(self, source: Source, number: int, heading: Heading) -> None:
        self.source = source
        self.heading = heading
        self.number = number
        self.layout = ""
        self.is_complete = False  # its lines are all of the nomenclature
        self.lines: list[Placed] = []
        self.measures: list[Measure] = []
        self.areas: dict[str, Area] = {}
        self.duties: dict[str, DutyExpression] = {}
        self.texts: dict[str, str] = {}
        self.gaps: list[Gap] = []
        self.notes: list[str] = []
        self.faults: list[Fault] = []

    def place(self, at: int | str) -> str:
        """A place for people: file and line."""
        return f"{self.source.name} line {at}" if isinstance(at, int) else f"{self.source.name}, {at}"

    def gap(self, at: int | str, words: str) -> None:
        """Something that was said and is not held. The place names the file by number: contents do not know names."""
        where = f"line {at}" if isinstance(at, int) else at
        self.gaps.append(Gap(f"file {self.number}, {where}", words))

    def fault(self, at: int | str, words: str, hint: str = "") -> None:
        """Something that keeps the file out."""
        self.faults.append(Fault(self.place(at), words, hint))

    # --- values ----------------------------------------------------------------------------------------------

    def code(self, text: str, at: int | str) -> str:
        """A commodity code with ten digits; "" with a fault where it is none."""
        try:
            return ten_digits(text.strip())
        except InvalidIdentifierError as error:
            self.fault(at, error.detail, "open the file as text, not in a spreadsheet, and send it as published")
            return ""

    def day(self, text: str, at: int | str) -> date | None:
        """An ISO day (a time behind it is passed over); None where none is given, with a fault where it is none."""
        text = text.strip()
        if text in NOT_GIVEN:
            return None
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            self.fault(at, f"{text[:SHOWN]!r} is no day", "days are written YYYY-MM-DD")
            return None

    def days(self, begins: str, ends: str, at: int | str) -> tuple[date | None, date | None]:
        """First and last day, with a fault where the last comes before the first."""
        first, last = self.day(begins, at), self.day(ends, at)
        if first is not None and last is not None and last < first:
            self.fault(at, f"it ends on {last}, before it begins on {first}")
        return first, last

    def duty(self, text: str, style: Style, at: int | str) -> str:
        """The sentence, typed where it is understood; a gap where it is not."""
        text = " ".join(text.split())
        if text and text not in self.duties:
            try:
                self.duties[text] = parse(text, style)
            except SentenceError as error:
                column = f" (column {error.column})" if error.column else ""
                self.gap(at, f"the rate {text[:SHOWN]!r} is not understood{column}: {error.detail}")
        return text

    def type_title(self, type_code: str, kind: Kind, title: str) -> None:
        """The publisher's own title of a type of control; types that state duties are named by ours."""
        if title and kind in CONTROLS:
            self.texts[type_text(type_code, kind)] = title[:SHOWN]

    def group(self, code: str, title: str, members: Iterable[str]) -> None:
        """A group of countries; without members it is named and not known."""
        held = tuple(Member(each) for each in sorted(set(members)))
        known = self.areas.get(code)
        if known is None or (held and not known.is_modelled):
            self.areas[code] = Area(code=code, title=title[:SHOWN], members=held, is_modelled=bool(held))
        elif held and set(held) != set(known.members):
            both = tuple(sorted({*held, *known.members}, key=lambda each: each.code))
            self.areas[code] = Area(code=code, title=known.title, members=both)

    def refuse(self) -> None:
        """Raises TariffFileError where anything is wrong with the file."""
        if self.faults:
            raise refusal(self.faults)


def refusal(faults: list[Fault]) -> TariffFileError:
    """The error that names every fault, the first ones in full."""
    first = faults[0]
    more = [f"{each.place}: {each.words}" for each in faults[1:FAULTS_SHOWN]]
    left = len(faults) - 1 - len(more)
    detail = "\n  ".join([f"{first.words}; nothing was imported", *more, *([f"and {left} more"] if left else [])])
    return TariffFileError(detail, hint=first.hint, place=first.place)
