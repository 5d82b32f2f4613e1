"""Conditions as typed trees: what the grammar reads, the formatter writes and the engine compiles.

Trees are equal where their texts mean the same term; `at`, the position in the text they were read from, does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What a term is. A list is one of texts; a moment an instant with its offset from UTC."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    MOMENT = "moment"
    TRUTH = "truth"
    LIST = "list"


ORDERED = frozenset((Kind.NUMBER, Kind.MONEY, Kind.DATE, Kind.MOMENT))


@dataclass(frozen=True, slots=True)
class Text:
    """A text: "CN"."""

    value: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number: 150 or 0.5."""

    value: Decimal
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Truth:
    """true or false."""

    value: bool
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money: money("150 EUR")."""

    value: Decimal
    currency: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Day:
    """A day: date("2026-07-01")."""

    value: date
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant: timestamp("2026-07-01T10:00:00Z")."""

    value: datetime
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list written out: ["61", "62"], its members in the order written."""

    members: tuple[Text | Number | Day, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class NamedList:
    """A list kept elsewhere: list("seized_brands")."""

    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the declaration (`consignee.name`), of the line (`item.…`) or of the assessment (`assessment.due`)."""

    name: str
    at: int = field(default=0, compare=False)

    @property
    def is_of_line(self) -> bool:
        """Whether each goods line has its own."""
        return self.name.startswith("item.")


@dataclass(frozen=True, slots=True)
class External:
    """What is worked out elsewhere and given by the context: `source` is "feature" or "score"."""

    source: str
    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """Negation: what is missing stays missing."""

    part: Node
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple[Node, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """One of them at least."""

    parts: tuple[Node, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison: == != < <= > >= or in."""

    sign: str
    left: Node
    right: Node
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Sum:
    """Arithmetic of two terms: + - * /."""

    sign: str
    left: Node
    right: Node
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Minus:
    """The term with the other sign."""

    part: Node
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of its arguments; a method's first argument is what stands before the dot (`is_method`)."""

    name: str
    arguments: tuple[Node, ...]
    is_method: bool = False
    at: int = field(default=0, compare=False)


Literal = Text | Number | Truth | Amount | Day | Moment
Node = Literal | Listed | NamedList | Field | External | Not | And | Or | Compare | Sum | Minus | Call

AGGREGATES = frozenset(
    ("any_line", "all_lines", "count_lines", "sum_lines", "min_lines", "max_lines", "distinct_lines")
)


def parts_of(node: Node) -> tuple[Node, ...]:
    """The trees directly below."""
    match node:
        case Not(part) | Minus(part):
            return (part,)
        case And(parts) | Or(parts):
            return parts
        case Compare(_, left, right) | Sum(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The tree and all below it."""
    yield node
    for part in parts_of(node):
        yield from walk(part)


def is_of_line(node: Node) -> bool:
    """Whether what the term says differs from goods line to goods line; an aggregate says one thing of all of them."""
    if isinstance(node, Field):
        return node.is_of_line
    if isinstance(node, Call) and node.name in AGGREGATES:
        return False
    return any(is_of_line(part) for part in parts_of(node))
