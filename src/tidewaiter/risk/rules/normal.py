"""Conditions in normal form: alternatives of conjunctions of single tests, each on one column of the record.

Negation is pushed down to the tests: `!(x > 5)` becomes `x <= 5`, `!(a && b)` becomes `!a || !b`. With tests that are
false on what is missing this is the meaning that `meaning.py` states, without a third truth value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tidewaiter.model.money import Money
from tidewaiter.risk.rules.catalogue import Getter, Record, clean, external, getter, path_of, raw_getter
from tidewaiter.risk.rules.checking import kind_of
from tidewaiter.risk.rules.context import Context
from tidewaiter.risk.rules.errors import Mistake
from tidewaiter.risk.rules.meaning import Exact, meaning, texts_of
from tidewaiter.risk.rules.syntax import (
    Amount,
    And,
    Call,
    Compare,
    Day,
    External,
    Field,
    Kind,
    Listed,
    Moment,
    NamedList,
    Node,
    Not,
    Number,
    Or,
    Text,
    Truth,
    is_of_line,
)
from tidewaiter.risk.rules.writing import write_condition, write_number, write_term, write_text

ALTERNATIVES_MAX = 64  # conjunctions of one rule
TOLD_MAX = 5  # members of a list that an explanation names
_GRID = 10**6  # thresholds have at most six decimals (reading.DECIMALS_MAX)
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_CONSTANT = (Text, Number, Amount, Day, Moment, Truth)

Threshold = Decimal | date


@dataclass(frozen=True, slots=True)
class Column:
    """One thing that is looked at: a field, or a term that is worked out.

    `read(record, line)` gives texts, Decimals or integers, days, moments, truths, tuples of texts; None for what is
    missing. A number that is worked out comes as a Decimal that compares with every threshold as the exact one does.
    Where the column is a field, `path` says where it stands, and `normal` makes of what stands there what `read` gives;
    where it is a feature or score, `external` has which of both and its name.
    """

    key: str
    kind: Kind
    is_of_line: bool
    read: Getter = field(compare=False, repr=False)
    path: tuple[str, ...] = field(default=(), compare=False, repr=False)
    normal: Callable[[Any], Any] = field(default=clean, compare=False, repr=False)
    external: tuple[str, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a column's value: `name` is <, <=, >, >=, among, has, true, or the name of a method.

    `operand` is the threshold, or the members or texts it is held against; where `is_positive` is not set the test
    holds for values that are there and do not pass (for `has`: that are not there).
    """

    column: Column
    name: str
    operand: Threshold | frozenset[Any] | None = None
    is_positive: bool = True


Form = Test | tuple[str, tuple["Form", ...]]


def alternatives(node: Node, context: Context) -> tuple[frozenset[Test], ...]:
    """The conjunctions of which one must hold. Raises Mistake where there would be more than ALTERNATIVES_MAX."""
    places: dict[Test, int] = {}
    found = _multiplied(_form(node, context, is_positive=True), places)
    if found is None:
        raise Mistake("cost", f"the condition has more than {ALTERNATIVES_MAX} alternatives", node.at, _SPLIT)
    tests = tuple(places)
    return tuple(frozenset(test for place, test in enumerate(tests) if each >> place & 1) for each in found)


_SPLIT = "one rule for each of the outer alternatives, or lists (in [...]) instead of ||"


def _multiplied(form: Form, places: dict[Test, int]) -> list[int] | None:
    """The conjunctions of a form, each as bits by the tests' places; None as soon as there are too many."""
    if isinstance(form, Test):
        return [1 << places.setdefault(form, len(places))]
    sign, parts = form
    found = [] if sign == "or" else [0]
    for part in dict.fromkeys(parts):
        more = _multiplied(part, places)
        if more is None:
            return None
        found = [*found, *more] if sign == "or" else [one | other for one in found for other in more]
        found = _least(list(dict.fromkeys(found)))
        if len(found) > ALTERNATIVES_MAX:
            return None
    return found


def _least(conjunctions: list[int]) -> list[int]:
    """Those that no other makes needless, by asking for less; all of them where they are too many anyhow."""
    if len(conjunctions) > ALTERNATIVES_MAX * 4:
        return conjunctions
    return [each for each in conjunctions if not any(each & one == one and each != one for one in conjunctions)]


def _form(node: Node, context: Context, *, is_positive: bool) -> Form:
    match node:
        case And(parts) | Or(parts):
            sign = "and" if isinstance(node, And) is is_positive else "or"
            return (sign, tuple(_form(part, context, is_positive=is_positive) for part in parts))
        case Not(part):
            return _form(part, context, is_positive=not is_positive)
        case Compare("in", left, right):
            return _in(node, context, is_positive=is_positive)
        case Compare(sign, left, right):
            if isinstance(left, _CONSTANT):
                left, right, sign = right, left, _TURNED[sign]
            if isinstance(right, _CONSTANT) and not isinstance(left, _CONSTANT):
                return _compared(left, sign, right, context, is_positive)
            return _worked_out(node, context, is_positive=is_positive)
        case Call("has", (term,)):
            return Test(column_of(term, context), "has", None, is_positive)
        case Call(name, (term, operand), True):
            return Test(column_of(term, context), name, frozenset(texts_of(operand, context)), is_positive)
        case _:
            return _worked_out(node, context, is_positive=is_positive)


def _worked_out(node: Node, context: Context, *, is_positive: bool) -> Test:
    return Test(column_of(node, context), "true", None, is_positive)


def _in(node: Compare, context: Context, *, is_positive: bool) -> Form:
    left, right = node.left, node.right
    if isinstance(left, _CONSTANT):
        if isinstance(left, Text) and not isinstance(right, Listed | NamedList):
            return Test(column_of(right, context), "overlaps", frozenset((left.value,)), is_positive)
        return _worked_out(node, context, is_positive=is_positive)
    column = column_of(left, context)
    if isinstance(right, Listed):
        return Test(column, "among", frozenset(each.value for each in right.members), is_positive)
    return Test(column, "among", frozenset(texts_of(right, context)), is_positive)


def _compared(left: Node, sign: str, right: Node, context: Context, is_positive: bool) -> Form:  # noqa: FBT001
    if isinstance(right, Truth):
        return _form(left, context, is_positive=(right.value is (sign == "==")) is is_positive)
    column = column_of(left, context, right.currency if isinstance(right, Amount) else "")
    assert isinstance(right, Text | Number | Amount | Day | Moment)
    if sign in ("==", "!="):
        return Test(column, "among", frozenset((right.value,)), (sign == "==") is is_positive)
    assert not isinstance(right, Text)
    return Test(column, sign if is_positive else _OPPOSITE[sign], right.value)


def write_test(test: Test) -> str:
    """A test as a condition in the language."""
    key, operand = test.column.key, test.operand
    if test.name == "has":
        return f"has({key})" if test.is_positive else f"!has({key})"
    if test.name == "true":
        return key if test.is_positive else f"!({key})"
    if test.name in _OPPOSITE:
        return f"{key} {test.name} {_literal(operand)}"
    assert isinstance(operand, frozenset)
    members = sorted(operand)
    told = ", ".join(map(_literal, members[:TOLD_MAX])) + (
        f", … {len(members)} in all" if len(members) > TOLD_MAX else ""
    )
    if test.name == "among":
        if len(members) == 1:
            return f"{key} {'==' if test.is_positive else '!='} {told}"
        text = f"{key} in [{told}]"
    elif test.name == "overlaps":
        text = f"{told} in {key}" if len(members) == 1 else f"{key}.overlaps([{told}])"
    else:
        is_list = "Any" in test.name
        text = f"{key}.{test.name}({f'[{told}]' if is_list else told})"
    return text if test.is_positive else f"!({text})"


def _literal(value: Any) -> str:
    match value:
        case str():
            return write_text(value)
        case Decimal():
            return write_number(value)
        case datetime():
            return write_term(Moment(value))
        case _:
            return write_term(Day(value))


def column_of(node: Node, context: Context, currency: str = "") -> Column:
    """The column of a checked term; amounts are brought into `currency` where one is given."""
    kind = kind_of(node, context.names)
    key = write_condition(node) + (f" in {currency}" if currency else "")
    if isinstance(node, Field) and kind is not Kind.LIST:
        path = path_of(node.name)
        normal = clean if not currency else _converter(currency, context)
        raw = raw_getter(path)
        of_kind = Kind.NUMBER if currency else kind
        shown = path if path[0] != "record" else ()
        return Column(key, of_kind, node.is_of_line, lambda record, line: normal(raw(record, line)), shown, normal)
    if kind is Kind.MONEY and currency:
        return Column(key, Kind.NUMBER, is_of_line(node), _amount_in(node, currency, context))
    if isinstance(node, Field):
        return Column(key, kind, node.is_of_line, getter(node.name))
    if isinstance(node, External):
        of = () if kind is Kind.LIST else (node.source, node.name)
        return Column(key, kind, is_of_line=False, read=external(node.source, node.name, kind), external=of)
    read = meaning(node, context)
    if kind is Kind.NUMBER:
        return Column(key, kind, is_of_line(node), lambda record, line: comparable(read(record, line)))
    return Column(key, kind, is_of_line(node), read)


def comparable(number: Fraction | None) -> Decimal | None:
    """A Decimal that stands to every number of six decimals as the exact fraction does: equal, above or below."""
    if number is None:
        return None
    steps, rest = divmod(number.numerator * _GRID, number.denominator)
    return Decimal(f"{steps * 10 + 5}E-7") if rest else Decimal(f"{steps}E-6")


def _converter(currency: str, context: Context) -> Callable[[Any], Decimal | None]:
    """How to bring a field's amount into a currency."""

    def normal(value: Any) -> Decimal | None:
        money: Money | None = clean(value)
        if money is None:
            return None
        if money.currency == currency:
            return money.amount
        rate = context.rate(money.currency, currency)
        return None if rate is None else comparable(Fraction(money.amount) * rate)

    return normal


def _amount_in(node: Node, currency: str, context: Context) -> Getter:
    read = meaning(node, context)

    def worked_out(record: Record, line: Any) -> Decimal | None:
        found: Exact | None = read(record, line)
        if found is None:
            return None
        rate = context.rate(found.currency, currency)
        return None if rate is None else comparable(found.amount * rate)

    return worked_out
