"""The functions of the test language: what each takes, what it gives, and what it does.

A value is asked of an `Env`: the elements in hand, the first of which is the
one the rule is about, the others those that a block has named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from tidewaiter.messages.rulebooks.nodes import Node, Path
from tidewaiter.messages.rulebooks.patterns import Pattern
from tidewaiter.messages.rulebooks.values import length, number_of, total, trimmed, whole_of

Env = tuple[Node, ...]
Value = Callable[[Env], Any]
Base = Callable[[Env], Node]


class Kind(StrEnum):
    """What an expression comes to, or what an argument has to be."""

    TRUTH = "true or false"
    TEXT = "a text"
    NUMBER = "a number"
    PATH = "a path in quotes"
    PATTERN = "a regular expression in quotes"
    BLOCK = "a block {first, second -> …}"


class Function(Struct, frozen=True):
    """One function: the kinds of its arguments, that of its value, and how to make it from them.

    `make` is given the element to start from, then the arguments: a Path, a
    Pattern, or a Value. Of `optional` arguments, any number at the end may be left out.
    """

    takes: tuple[Kind, ...]
    gives: Kind
    make: Callable[..., Value]
    optional: int = 0


def _exists(base: Base, path: Path, block: Callable[[Env, Node], bool] | None = None) -> Value:
    if block is None:
        return lambda env: bool(base(env).at(path))
    return lambda env: any(block((*env[:1], base(env)), node) for node in base(env).at(path))


def _not(base: Base, path: Path) -> Value:
    return lambda env: not base(env).at(path)


def _value(base: Base, path: Path) -> Value:
    return lambda env: _text(base(env).first(path))


def _trim(base: Base, path: Path) -> Value:
    return lambda env: trimmed(_text(base(env).first(path)))


def _number(base: Base, path: Path) -> Value:
    def value(env: Env) -> float:
        node = base(env).first(path)
        return math.nan if node is None else number_of(node.text)

    return value


def _int_or_else(base: Base, path: Path, default: Value) -> Value:
    def value(env: Env) -> Any:
        node = base(env).first(path)
        number = None if node is None else whole_of(node.text)
        return default(env) if number is None else number

    return value


def _apply_regex(base: Base, path: Path, pattern: Pattern) -> Value:
    def value(env: Env) -> bool:
        node = base(env).first(path)
        return node is not None and pattern.fits(node.text, node.work.spend)

    return value


def _count(base: Base, path: Path) -> Value:
    return lambda env: len(base(env).at(path))


def _count_equals(base: Base, path: Path, wanted: Value) -> Value:
    def value(env: Env) -> int:
        text = wanted(env)
        return sum(trimmed(node.text) == text for node in base(env).at(path))

    return value


def _count_distinct(base: Base, path: Path, is_trimmed: Value) -> Value:
    def value(env: Env) -> int:
        texts = [node.text for node in base(env).at(path)]
        return len(set(map(trimmed, texts)) if is_trimmed(env) else set(texts))

    return value


def _count_distinct_child_count(base: Base, path: Path) -> Value:
    return lambda env: len({node.child_count for node in base(env).at(path)})


def _sum(base: Base, path: Path) -> Value:
    return lambda env: total(node.text for node in base(env).at(path))


def _exists_for_all(base: Base, parents: Path, path: Path, wanted: Value) -> Value:
    def value(env: Env) -> bool:
        text = wanted(env)
        return all(any(trimmed(node.text) == text for node in parent.at(path)) for parent in base(env).at(parents))

    return value


def _are_indices(base: Base, path: Path) -> Value:
    return lambda env: all(whole_of(node.text) == position for position, node in enumerate(base(env).at(path), start=1))


def _substring_after(_: Base, text: Value, sign: Value) -> Value:
    return lambda env: text(env).partition(sign(env)[:1] or "\0")[2]


def _text(node: Node | None) -> str:
    return "" if node is None else node.text


_TRUTH, _TEXT, _NUMBER, _PATH = Kind.TRUTH, Kind.TEXT, Kind.NUMBER, Kind.PATH

FUNCTIONS: Final[Mapping[str, Function]] = {
    "exists": Function((_PATH, Kind.BLOCK), _TRUTH, _exists, optional=1),
    "not": Function((_PATH,), _TRUTH, _not),
    "existsForAll": Function((_PATH, _PATH, _TEXT), _TRUTH, _exists_for_all),
    "areIndices": Function((_PATH,), _TRUTH, _are_indices),
    "applyRegex": Function((_PATH, Kind.PATTERN), _TRUTH, _apply_regex),
    "getValue": Function((_PATH,), _TEXT, _value),
    "trim": Function((_PATH,), _TEXT, _trim),
    "substringAfter": Function((_TEXT, _TEXT), _TEXT, _substring_after),
    "number": Function((_PATH,), _NUMBER, _number),
    "intOrElse": Function((_PATH, _NUMBER), _NUMBER, _int_or_else),
    "sum": Function((_PATH,), _NUMBER, _sum),
    "count": Function((_PATH,), _NUMBER, _count),
    "countEquals": Function((_PATH, _TEXT), _NUMBER, _count_equals),
    "countDistinct": Function((_PATH, _TRUTH), _NUMBER, _count_distinct),
    "countDistinctChildCount": Function((_PATH,), _NUMBER, _count_distinct_child_count),
}

# What is asked of a text: text.startsWith('GB').
METHODS: Final[Mapping[str, Function]] = {
    "startsWith": Function((_TEXT,), _TRUTH, lambda text, start: lambda env: text(env).startswith(start(env))),
    "contains": Function((_TEXT,), _TRUTH, lambda text, part: lambda env: part(env) in text(env)),
    "take": Function((_NUMBER,), _TEXT, lambda text, count: lambda env: text(env)[: max(int(count(env)), 0)]),
    "length": Function((), _NUMBER, lambda text: lambda env: length(text(env))),
}
