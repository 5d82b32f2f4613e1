"""What terms and conditions mean, one record at a time: the statement of the language that the engine is held to.

A condition is true, false or missing (None), and a rule holds where its condition is true. A comparison with a missing
term is missing, its negation too; && is false as soon as a part is false, || true as soon as a part is true, otherwise
either is missing when a part is. Numbers are exact fractions, never rounded; division by zero is missing.

The engine looks up most conditions in tables (`index.py`) and calls what is made here for terms that are worked out:
arithmetic, sizes, aggregates over lines, one field compared with another.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import re2

from tidewaiter.model.money import Money
from tidewaiter.model.words import PhraseIndex, words_of
from tidewaiter.risk.rules.catalogue import Getter, Record, external, getter
from tidewaiter.risk.rules.checking import compiled, kind_of
from tidewaiter.risk.rules.context import Context
from tidewaiter.risk.rules.syntax import (
    Amount,
    And,
    Call,
    Compare,
    Day,
    External,
    Field,
    Listed,
    Minus,
    Moment,
    NamedList,
    Node,
    Not,
    Number,
    Or,
    Sum,
    Text,
    Truth,
)

Truth3 = bool | None
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Exact(NamedTuple):
    """An amount of one currency, exactly."""

    amount: Fraction
    currency: str


def meaning(node: Node, context: Context) -> Getter:
    """A function of a record and one of its lines (None where no line is meant) that gives the value of a checked term.

    Texts, Fractions, `Exact` amounts, days, moments, truths, tuples of texts; None for what is missing.
    """
    match node:
        case Text(value) | Truth(value) | Day(value) | Moment(value):
            return lambda _, __: value
        case Number(value):
            number = Fraction(value)
            return lambda _, __: number
        case Amount(value, currency):
            amount = Exact(Fraction(value), currency)
            return lambda _, __: amount
        case Field(name):
            return _exact(getter(name))
        case External(source, name):
            return _exact(external(source, name, kind_of(node, context.names)))
        case Not(part):
            inner = meaning(part, context)
            return lambda record, line: _not(inner(record, line))
        case And(parts):
            return _all([meaning(part, context) for part in parts])
        case Or(parts):
            return _any([meaning(part, context) for part in parts])
        case Compare("in", left, right):
            return _in(left, right, context)
        case Compare():
            return _compare(node, context)
        case Minus(part):
            return _minus(meaning(part, context))
        case Sum():
            return _sum(node, context)
        case Call():
            return _call(node, context)
        case _:
            raise TypeError(f"a list has no value of its own: {node}")


def texts_of(node: Node, context: Context) -> tuple[str, ...]:
    """The members of a list of texts, written out or named."""
    if isinstance(node, NamedList):
        return tuple(each for each in context.lists.get(node.name, ()) if each)
    if isinstance(node, Listed):
        return tuple(each.value for each in node.members if isinstance(each, Text))
    return (node.value,) if isinstance(node, Text) else ()


def phrases_of(texts: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The texts as words, in order and once each; those without a word are left out."""
    return tuple(sorted({tuple(words_of(text)) for text in texts} - {()}))


def _exact(read: Getter) -> Getter:
    def value(record: Record, line: Any) -> Any:
        found = read(record, line)
        if found.__class__ is Decimal or found.__class__ is int:
            return Fraction(found)
        return Exact(Fraction(found.amount), found.currency) if found.__class__ is Money else found

    return value


def _not(value: Truth3) -> Truth3:
    return None if value is None else not value


def _all(parts: list[Getter]) -> Getter:
    def value(record: Record, line: Any) -> Truth3:
        found: Truth3 = True
        for part in parts:
            one = part(record, line)
            if one is False:
                return False
            if one is None:
                found = None
        return found

    return value


def _any(parts: list[Getter]) -> Getter:
    def value(record: Record, line: Any) -> Truth3:
        found: Truth3 = False
        for part in parts:
            one = part(record, line)
            if one is True:
                return True
            if one is None:
                found = None
        return found

    return value


def _in(left: Node, right: Node, context: Context) -> Getter:
    term = meaning(left, context)
    if isinstance(right, Listed | NamedList):
        members: frozenset[Any] = frozenset(texts_of(right, context))
        if isinstance(right, Listed) and not isinstance(right.members[0], Text):
            members = frozenset(
                Fraction(each.value) if isinstance(each, Number) else each.value for each in right.members
            )

        def among(record: Record, line: Any) -> Truth3:
            value = term(record, line)
            return None if value is None else value in members

        return among
    held = meaning(right, context)

    def inside(record: Record, line: Any) -> Truth3:
        return term(record, line) in held(record, line)

    return inside


def _compare(node: Compare, context: Context) -> Getter:
    sign, left, right = _SIGNS[node.sign], meaning(node.left, context), meaning(node.right, context)

    def value(record: Record, line: Any) -> Truth3:
        one, other = left(record, line), right(record, line)
        if one is None or other is None:
            return None
        if one.__class__ is Exact:
            rate = context.rate(one.currency, other.currency)
            return None if rate is None else sign(one.amount * rate, other.amount)
        return sign(one, other)

    return value


def _minus(inner: Getter) -> Getter:
    def value(record: Record, line: Any) -> Any:
        found = inner(record, line)
        if found is None:
            return None
        return Exact(-found.amount, found.currency) if found.__class__ is Exact else -found

    return value


def _sum(node: Sum, context: Context) -> Getter:
    left, right, sign = meaning(node.left, context), meaning(node.right, context), node.sign

    def value(record: Record, line: Any) -> Any:
        one, other = left(record, line), right(record, line)
        return None if one is None or other is None else _worked_out(one, sign, other, context)

    return value


def _worked_out(one: Any, sign: str, other: Any, context: Context) -> Any:
    """One term and another; amounts are brought into the currency of the first."""
    if one.__class__ is not Exact and other.__class__ is not Exact:
        return _arithmetic(one, sign, other)
    if one.__class__ is Exact and other.__class__ is Exact:
        rate = context.rate(other.currency, one.currency)
        if rate is None:
            return None
        found = _arithmetic(one.amount, sign, other.amount * rate)
        return found if sign == "/" or found is None else Exact(found, one.currency)
    money, number = (one, other) if one.__class__ is Exact else (other, one)
    amount = _arithmetic(money.amount, sign, number)
    return None if amount is None else Exact(amount, money.currency)


def _arithmetic(one: Fraction, sign: str, other: Fraction) -> Fraction | None:
    match sign:
        case "+":
            return one + other
        case "-":
            return one - other
        case "*":
            return one * other
        case _:
            return one / other if other else None


def _call(node: Call, context: Context) -> Getter:
    if node.name in _AGGREGATES:
        return _aggregate(node, context)
    first = meaning(node.arguments[0], context)
    match node.name:
        case "has":
            return lambda record, line: first(record, line) not in (None, ())
        case "size":

            def size(record: Record, line: Any) -> Any:
                value = first(record, line)
                return None if value is None else Fraction(len(value))

            return size
        case "days_between":
            second = meaning(node.arguments[1], context)

            def days(record: Record, line: Any) -> Any:
                one, other = first(record, line), second(record, line)
                return None if one is None or other is None else Fraction((_day(other) - _day(one)).days)

            return days
        case _:
            holds = text_test(node.name, node.arguments[1], context)

            def tested(record: Record, line: Any) -> Truth3:
                value = first(record, line)
                return None if value is None else holds(value)

            return tested


def _day(value: date) -> date:
    return value.astimezone(UTC).date() if isinstance(value, datetime) else value


def text_test(name: str, operand: Node, context: Context) -> Callable[[Any], bool]:
    """The test of a method: whether it holds for a text (for `overlaps`, a tuple of texts) that is there."""
    texts = texts_of(operand, context)
    match name:
        case "contains":
            return lambda value: texts[0] in value
        case "startsWith" | "startsWithAny":
            return lambda value: value.startswith(texts)
        case "endsWith":
            return lambda value: value.endswith(texts)
        case "matches":
            pattern = compiled(texts[0])
            return lambda value: matched(pattern, value)
        case "overlaps":
            members = frozenset(texts)
            return lambda value: not members.isdisjoint(value)
        case _:
            index = PhraseIndex((phrase, 0) for phrase in phrases_of(texts))
            return lambda value: bool(index.found(words_of(value)))


def matched(pattern: re2._Regexp, value: str) -> bool:
    """Whether a part of a text matches an RE2 pattern."""
    try:
        return pattern.search(value) is not None
    except UnicodeEncodeError:  # half a character, which UTF-8 cannot write: it matches nothing
        return False


def _aggregate(node: Call, context: Context) -> Getter:
    term = meaning(node.arguments[0], context)
    where = meaning(node.arguments[1], context) if len(node.arguments) > 1 else None
    gather = _AGGREGATES[node.name]

    def value(record: Record, _: Any) -> Any:
        lines: Iterable[Any] = record.declaration.goods_items
        if where is not None:
            lines = [line for line in lines if where(record, line) is True]
        return gather([term(record, line) for line in lines], context)

    return value


def _any_of(values: list[Any], _: Context) -> Truth3:
    return True if True in values else None if None in values else False


def _all_of(values: list[Any], _: Context) -> Truth3:
    return False if False in values else None if None in values else True


def _count_of(values: list[Any], _: Context) -> Fraction:
    return Fraction(values.count(True))


def _distinct_of(values: list[Any], _: Context) -> Fraction:
    return Fraction(len({value for value in values if value is not None}))


def _sum_of(values: list[Any], context: Context) -> Any:
    return _one_of(values, context, sum)


def _least_of(values: list[Any], context: Context) -> Any:
    return _one_of(values, context, min)


def _greatest_of(values: list[Any], context: Context) -> Any:
    return _one_of(values, context, max)


def _one_of(values: list[Any], context: Context, choose: Callable[[list[Fraction]], Any]) -> Any:
    """One number or amount of those of the lines; None where there is no line, or one of them lacks it."""
    if not values or any(value is None for value in values):
        return None
    found = _in_one_currency(values, context)
    if found is None:
        return None
    numbers, currency = found
    return Exact(choose(numbers), currency) if currency else choose(numbers)


def _in_one_currency(values: list[Any], context: Context) -> tuple[list[Fraction], str] | None:
    """Numbers as they are, amounts in the currency of the first; None where a rate is not known."""
    if not values or values[0].__class__ is not Exact:
        return values, ""
    into = values[0].currency
    rates = [context.rate(value.currency, into) for value in values]
    if None in rates:
        return None
    return [value.amount * rate for value, rate in zip(values, rates, strict=True)], into


_AGGREGATES: dict[str, Callable[[list[Any], Context], Any]] = {
    "any_line": _any_of,
    "all_lines": _all_of,
    "count_lines": _count_of,
    "distinct_lines": _distinct_of,
    "sum_lines": _sum_of,
    "min_lines": _least_of,
    "max_lines": _greatest_of,
}
