"""The records a tariff is made of, after TARIC's data model (Council Regulation (EEC) No 2658/87, article 2; the UK keeps
it): nomenclature lines, geographical areas, measures with components, conditions and footnotes.

Days are inclusive on both ends; None is open. Codes have ten digits, as TARIC writes them; how many of them a line
was published with is its `digits`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from tidewaiter.tariff.sentences import DutyExpression

ERGA_OMNES = "1011"  # the area code of TARIC for every country
DECLARABLE_SUFFIX = "80"  # lines with another product line suffix only gather what stands below them


class Direction(StrEnum):
    """What a measure is about."""

    IMPORT = "import"
    EXPORT = "export"


class Kind(StrEnum):
    """What a measure does, told from TARIC's measure type and series."""

    THIRD_COUNTRY = "third_country"
    PREFERENCE = "preference"
    SUSPENSION = "suspension"
    QUOTA = "quota"
    PREFERENTIAL_QUOTA = "preferential_quota"
    ANTI_DUMPING = "anti_dumping"
    COUNTERVAILING = "countervailing"
    SAFEGUARD = "safeguard"
    ADDITIONAL_DUTY = "additional_duty"
    EXCISE = "excise"
    VAT = "vat"
    SUPPLEMENTARY_UNIT = "supplementary_unit"
    PROHIBITION = "prohibition"
    RESTRICTION = "restriction"
    PRICE = "price"
    SURVEILLANCE = "surveillance"
    OTHER = "other"


class Line(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One line of the nomenclature for as long as it did not change. `depth`: 0 chapter, 1 heading, then by indent."""

    code: str
    suffix: str = DECLARABLE_SUFFIX
    depth: int
    digits: int = 10
    valid_from: date | None = None
    valid_to: date | None = None
    description: str = ""
    units: tuple[str, ...] = ()  # of quantity, as published


class Member(Struct, frozen=True, omit_defaults=True, gc=False):
    """A country in a group of countries, and when."""

    code: str
    valid_from: date | None = None
    valid_to: date | None = None


class Area(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A group of countries (or a programme of preferences) and its members by day."""

    code: str
    title: str = ""
    members: tuple[Member, ...] = ()
    is_modelled: bool = True  # False: who belongs to it is not held here; its measures are listed apart, never matched


class Threshold(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The amount that a condition compares with; in `currency` where it is a price, per `unit` with `qualifier`."""

    amount: Decimal
    currency: str = ""
    unit: str = ""
    qualifier: str = ""


class Condition(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """If the document is shown, the threshold met, or in any other case (neither given): the action."""

    condition_code: str
    action_code: str = ""
    action: str = ""  # words, where the publisher gives no code that is known
    document_code: str = ""
    threshold: Threshold | None = None
    duty: str = ""  # the sentence that the action applies


class Measure(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One measure. `duty` is its sentence ("" where it has none); `Tariff.expression` gives it typed."""

    measure_id: str = ""  # the publisher's own
    type_code: str
    kind: Kind
    code: str
    area: str
    duty: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    excluded: tuple[str, ...] = ()
    regulation: str = ""
    additional_code: str = ""
    order_number: str = ""  # of the quota
    reduction: str = ""
    conditions: tuple[Condition, ...] = ()
    footnotes: tuple[str, ...] = ()
    direction: Direction = Direction.IMPORT


class Gap(Struct, frozen=True, gc=False):
    """What the file said and this tariff does not hold, in words; `place` is file and line."""

    place: str
    words: str


class Content(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A whole tariff. `is_complete`: the lines are all of the nomenclature, so that indents alone make the tree.

    `listed_chapters` are those of which that is not so, where a part of a tariff was laid over a complete one.
    """

    edition: int
    jurisdiction_code: str
    in_force_from: date
    is_complete: bool
    lines: tuple[Line, ...]
    areas: dict[str, Area]
    measures: tuple[Measure, ...]
    duties: dict[str, DutyExpression]
    texts: dict[str, str] = {}  # of footnotes and additional codes, by code
    gaps: tuple[Gap, ...] = ()
    listed_chapters: tuple[str, ...] = ()


def is_valid(record: Line | Measure | Member, on: date) -> bool:
    """Whether `on` lies within the record's days."""
    return (record.valid_from is None or record.valid_from <= on) and (record.valid_to is None or on <= record.valid_to)


def overlaps(one: Line | Measure, other: Line | Measure) -> bool:
    """Whether there is a day on which both are valid."""
    starts_in_time = one.valid_from is None or other.valid_to is None or one.valid_from <= other.valid_to
    return starts_in_time and (other.valid_from is None or one.valid_to is None or other.valid_from <= one.valid_to)


def days(record: Line | Measure) -> str:
    """The record's days in words."""
    begins = f"from {record.valid_from}" if record.valid_from else "always"
    return f"{begins} to {record.valid_to}" if record.valid_to else begins
