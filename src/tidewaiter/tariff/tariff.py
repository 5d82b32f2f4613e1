"""A tariff: nomenclature and measures of one jurisdiction, immutable, and the same again from its kept bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from tidewaiter.model.canonical import canonical_bytes, digest
from tidewaiter.model.errors import LawDataError, NotInForceError
from tidewaiter.tariff.areas import Areas
from tidewaiter.tariff.records import Content, Direction, Kind, Line, Measure, is_valid
from tidewaiter.tariff.sentences import DutyExpression
from tidewaiter.tariff.tree import Nomenclature

EDITION = 1
ANSWERS_KEPT = 65_536  # of (code, origin, day): parcels of a day share few codes and origins


class Description(Struct, frozen=True, kw_only=True):
    """What a code stands for on a day: its line and those above it, from the chapter down."""

    line: Line
    path: tuple[Line, ...]
    is_declarable: bool

    @property
    def words(self) -> str:
        """The texts from the chapter down, one after the other."""
        return " › ".join(line.description for line in self.path if line.description)


class Tariff:
    """The tariff of one jurisdiction from one day on. Equal to every tariff of the same digest.

    All questions take the legal day, and raise NotInForceError for one before the edition began.
    """

    __slots__ = ("_answers", "_areas", "_by_code", "_tree", "content", "digest", "held", "in_force_from",
                 "jurisdiction_code")  # fmt: skip

    content: bytes
    digest: str
    held: Content
    jurisdiction_code: str
    in_force_from: date
    _areas: Areas
    _tree: Nomenclature
    _by_code: dict[str, tuple[Measure, ...]]
    _answers: dict[tuple[str, str, date], tuple[Measure, ...]]

    def __init__(self, content: bytes) -> None:
        try:
            held = msgspec.json.decode(content, type=Content)
        except msgspec.DecodeError as error:
            raise LawDataError(f"the kept tariff cannot be read: {error}", hint="was it altered?") from error
        if held.edition != EDITION:
            raise LawDataError(f"the kept tariff is of edition {held.edition}; this software reads {EDITION}")
        by_code: dict[str, list[Measure]] = {}
        for measure in held.measures:
            by_code.setdefault(measure.code, []).append(measure)
        fields: dict[str, Any] = {
            "content": content,
            "digest": digest(content),
            "held": held,
            "jurisdiction_code": held.jurisdiction_code,
            "in_force_from": held.in_force_from,
            "_areas": Areas(held.areas),
            "_tree": Nomenclature(held.lines, is_complete=held.is_complete, listed_chapters=held.listed_chapters),
            "_by_code": {code: tuple(measures) for code, measures in by_code.items()},
            "_answers": {},
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_content(cls, content: bytes) -> Tariff:
        """The tariff whose `content` was kept. Raises LawDataError where the bytes are not one."""
        return cls(content)

    @classmethod
    def of(cls, held: Content) -> Tariff:
        """The tariff of these records, by way of its bytes: there is one way to make one."""
        return cls(canonical_bytes(held))

    def measures(self, code: str, origin: str, on: date) -> tuple[Measure, ...]:
        """The import measures on a code, its own and inherited, that apply to goods of an origin on a day.

        From the chapter down. `code` has 2 to 10 digits. Raises NotInForceError for a code that does not exist that
        day: a code that is not known is not free of duty.
        """
        key = (code, origin, on)
        known = self._answers.get(key)
        if known is None:
            if len(self._answers) >= ANSWERS_KEPT:
                self._answers.clear()
            known = self._answers[key] = self._applying(code, origin, on, Direction.IMPORT)
        return known

    @property
    def states_duty(self) -> bool:
        """Whether it states third-country duty at all: a mere nomenclature does not."""
        return any(
            each.kind is Kind.THIRD_COUNTRY and each.direction is Direction.IMPORT for each in self.held.measures
        )

    def export_measures(self, code: str, destination: str, on: date) -> tuple[Measure, ...]:
        """The export measures on a code for goods that leave for a country on a day. Raises as `measures` does."""
        return self._applying(code, destination, on, Direction.EXPORT)

    def all_measures(self, code: str, on: date) -> tuple[Measure, ...]:
        """Every measure on a code on a day, whatever the country; from the chapter down. Raises as `measures` does."""
        path = self._tree.path(self._place(code, on), on)
        lines = (self.held.lines[each] for each in path)
        return tuple(m for line in lines if line.suffix == "80" for m in self._own(line.code) if is_valid(m, on))

    def is_declarable(self, code: str, on: date) -> bool:
        """Whether goods can be declared under a code on a day: it exists and nothing stands below it."""
        self._begun(on)
        place = self._tree.find(code, on)
        return place is not None and self._tree.is_leaf(place, on)

    def covers(self, code: str) -> bool:
        """Whether any code of the same chapter is in it."""
        return self._tree.covers(code[:2])

    def has(self, code: str, on: date) -> bool:
        """Whether a code is in it on a day, or any that goods can be declared under and that begins with it."""
        self._begun(on)
        return self._tree.has(code, on)

    def nearest(self, code: str, on: date) -> str:
        """The longest code on a day that a code begins with; "" where there is none."""
        place = self._tree.nearest(code, on)
        return self.held.lines[place].code if place is not None else ""

    def describe(self, code: str, on: date) -> Description:
        """What a code stands for on a day. Raises NotInForceError where it does not exist."""
        place = self._place(code, on)
        lines = self.held.lines
        return Description(
            line=lines[place],
            path=tuple(lines[each] for each in self._tree.path(place, on)),
            is_declarable=self._tree.is_leaf(place, on),
        )

    def declarable(self, prefix: str, on: date) -> tuple[Line, ...]:
        """The lines that can be declared on a day and whose code begins with `prefix`, in order."""
        self._begun(on)
        return tuple(self.held.lines[place] for place in self._tree.leaves(prefix, on))

    def includes(self, area: str, country: str, on: date) -> bool:
        """Whether a country belongs to an area of this tariff on a day."""
        return self._areas.includes(area, country, on)

    def expression(self, duty: str) -> DutyExpression:
        """A measure's or condition's duty, typed. Raises NotInForceError where its sentence was not understood."""
        found = self.held.duties.get(duty)
        if found is None:
            raise NotInForceError(
                f"{duty[:200]!r} could not be understood when the tariff was imported",
                hint="the import's report names the line; work this duty out by hand",
            )
        return found

    def unmatched(self, code: str, on: date) -> tuple[Measure, ...]:
        """Measures on a code whose group of countries is named but not held here: they are never applied by guess."""
        areas = self.held.areas
        return tuple(m for m in self.all_measures(code, on) if m.area in areas and not areas[m.area].is_modelled)

    def _applying(self, code: str, country: str, on: date, direction: Direction) -> tuple[Measure, ...]:
        path = self._tree.path(self._place(code, on), on)
        lines, applies = self.held.lines, self._areas.applies
        return tuple(
            measure
            for line in (lines[each] for each in path)
            if line.suffix == "80"
            for measure in self._own(line.code)
            if measure.direction is direction and is_valid(measure, on) and applies(measure, country, on)
        )

    def _own(self, code: str) -> tuple[Measure, ...]:
        return self._by_code.get(code, ())

    def _place(self, code: str, on: date) -> int:
        self._begun(on)
        place = self._tree.find(code, on)
        if place is None:
            nearest = self.nearest(code, on)
            raise NotInForceError(
                f"there is no code {code[:20]} in the tariff of {self.jurisdiction_code} on {on}",
                hint=f"the nearest above it is {nearest}" if nearest else "",
            )
        return place

    def _begun(self, on: date) -> None:
        if on < self.in_force_from:
            raise NotInForceError(
                f"this edition of the tariff of {self.jurisdiction_code} is in force from {self.in_force_from}, not on {on}",
                hint="import the edition that was in force then",
            )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a tariff does not change: {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tariff) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Callable[[bytes], Tariff], tuple[bytes]]:
        return Tariff, (self.content,)

    def __repr__(self) -> str:
        return f"<Tariff {self.jurisdiction_code} from {self.in_force_from} {self.digest[:12]}>"
