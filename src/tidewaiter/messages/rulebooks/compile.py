"""The text of a test → a function over an element, checked for kinds on the way. Nothing is left to be found later."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache, reduce
from importlib import resources
from typing import Any, Final

from lark import Lark, Token, UnexpectedInput
from msgspec import Struct

from tidewaiter.messages.rulebooks.functions import FUNCTIONS, METHODS, Base, Env, Function, Kind, Value
from tidewaiter.messages.rulebooks.nodes import Node, Path
from tidewaiter.messages.rulebooks.patterns import Pattern, PatternError
from tidewaiter.messages.rulebooks.values import paired

TEST_LENGTH_MAX: Final = 20_000  # characters of one test
_DEPTH_MAX: Final = 60

_OPERATIONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": paired(operator.add),
    "-": paired(operator.sub),
    "*": paired(operator.mul),
    "<": paired(operator.lt),
    "<=": paired(operator.le),
    ">": paired(operator.gt),
    ">=": paired(operator.ge),
}
_EQUALITIES: Final[Mapping[str, Callable[[Any, Any], Any]]] = {"==": operator.eq, "!=": operator.ne}
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}


class ExpressionError(ValueError):
    """A test that cannot be compiled: words, the column from 1, and what to do about it."""

    def __init__(self, words: str, column: int, hint: str = "") -> None:
        super().__init__(words)
        self.words = words
        self.column = column
        self.hint = hint


class Typed(Struct, frozen=True):
    """An expression: its kind, its value, and its text where it is one in quotes."""

    kind: Kind
    value: Value
    column: int
    literal: str | None = None


def compiled(source: str) -> Callable[[Node], bool]:
    """The test as a function of the element it is about. Raises ExpressionError with the place."""
    if len(source) > TEST_LENGTH_MAX:
        raise ExpressionError(f"the test has {len(source):,} characters; at most {TEST_LENGTH_MAX:,} are read", 1)
    try:
        tree = _parser().parse(source)
    except UnexpectedInput as error:
        raise _syntax_error(error, source) from error
    found = _Compiler().expression(tree, ())
    if found.kind is not Kind.TRUTH:
        raise ExpressionError(f"the test comes to {found.kind}, not to {Kind.TRUTH}", 1, "compare it with something")
    value = found.value
    return lambda node: value((node,))


@cache
def _parser() -> Lark:
    grammar = resources.files(__package__).joinpath("test.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def _syntax_error(error: UnexpectedInput, source: str) -> ExpressionError:
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        return ExpressionError("the test ends in the middle", len(source) + 1, "a bracket or an operand is missing")
    at = error.pos_in_stream or 0
    seen = re.match(r"\w+|\S", source[at:])
    return ExpressionError(f"“{seen[0] if seen else ''}” cannot stand here", at + 1)


class _Compiler:
    """Walks the tree of a test; `names` are those that blocks around have given."""

    def __init__(self) -> None:
        self.depth = 0

    def expression(self, tree: Any, names: Sequence[str]) -> Typed:
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise ExpressionError(f"the test is nested deeper than {_DEPTH_MAX}", _column(tree))
        found: Typed = getattr(self, f"_{tree.data}")(tree, names)
        self.depth -= 1
        return found

    def _or(self, tree: Any, names: Sequence[str]) -> Typed:
        first, *rest = (self._of_kind(child, Kind.TRUTH, names, "||") for child in tree.children)
        return Typed(Kind.TRUTH, reduce(_either, rest, first), _column(tree))

    def _and(self, tree: Any, names: Sequence[str]) -> Typed:
        first, *rest = (self._of_kind(child, Kind.TRUTH, names, "&&") for child in tree.children)
        return Typed(Kind.TRUTH, reduce(_both, rest, first), _column(tree))

    def _negation(self, tree: Any, names: Sequence[str]) -> Typed:
        value = self._of_kind(tree.children[0], Kind.TRUTH, names, "!")
        return Typed(Kind.TRUTH, lambda env: not value(env), _column(tree))

    def _signed(self, tree: Any, names: Sequence[str]) -> Typed:
        sign, child = tree.children
        value = self._of_kind(child, Kind.NUMBER, names, str(sign))
        return Typed(Kind.NUMBER, value if sign == "+" else lambda env: -value(env), _column(tree))

    def _equality(self, tree: Any, names: Sequence[str]) -> Typed:
        first, *rest = tree.children
        left = self.expression(first, names)
        for sign, child in zip(rest[::2], rest[1::2], strict=True):
            right = self.expression(child, names)
            if left.kind is not right.kind:
                words = f"{left.kind} is compared with {right.kind}"
                raise ExpressionError(words, _column(sign), "number('…') makes a number of what an element says")
            operate = _EQUALITIES[str(sign)]
            left = _joined(paired(operate) if left.kind is Kind.NUMBER else operate, left, right, Kind.TRUTH)
        return left

    def _relation(self, tree: Any, names: Sequence[str]) -> Typed:
        return self._operations(tree, names, Kind.TRUTH)

    def _sum(self, tree: Any, names: Sequence[str]) -> Typed:
        return self._operations(tree, names, Kind.NUMBER)

    def _product(self, tree: Any, names: Sequence[str]) -> Typed:
        return self._operations(tree, names, Kind.NUMBER)

    def _operations(self, tree: Any, names: Sequence[str], kind: Kind) -> Typed:
        first, *rest = tree.children
        left = self.expression(first, names)
        for sign, child in zip(rest[::2], rest[1::2], strict=True):
            right = self.expression(child, names)
            for side in (left, right):
                if side.kind is not Kind.NUMBER:
                    raise ExpressionError(f"“{sign}” takes numbers, not {side.kind}", side.column)
            left = _joined(_OPERATIONS[str(sign)], left, right, kind)
        return left

    def _text(self, tree: Any, names: Sequence[str]) -> Typed:
        quoted = str(tree.children[0])[1:-1]
        text = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), quoted, flags=re.DOTALL)
        return Typed(Kind.TEXT, lambda _: text, _column(tree), text)

    def _whole(self, tree: Any, names: Sequence[str]) -> Typed:
        number = int(str(tree.children[0]))
        return Typed(Kind.NUMBER, lambda _: number, _column(tree))

    def _decimal(self, tree: Any, names: Sequence[str]) -> Typed:
        number = Decimal(str(tree.children[0]))
        return Typed(Kind.NUMBER, lambda _: number, _column(tree))

    def _name(self, tree: Any, names: Sequence[str]) -> Typed:
        name = str(tree.children[0])
        if name in ("true", "false"):
            return Typed(Kind.TRUTH, lambda _: name == "true", _column(tree))
        if name in names:
            raise ExpressionError(f"“{name}” is an element; ask something of it", _column(tree), f"{name}.exists('…')")
        raise ExpressionError(f"“{name}” is not known here", _column(tree), _known(name, FUNCTIONS))

    def _call(self, tree: Any, names: Sequence[str]) -> Typed:
        name, *arguments = tree.children
        return self._called(FUNCTIONS, name, _own, arguments, names)

    def _method(self, tree: Any, names: Sequence[str]) -> Typed:
        receiver, name, *arguments = tree.children
        if receiver.data == "name" and str(receiver.children[0]) in names:
            index = names.index(str(receiver.children[0]))
            return self._called(FUNCTIONS, name, _named(index), arguments, names)
        text = self.expression(receiver, names)
        if text.kind is not Kind.TEXT:
            raise ExpressionError(f"“.{name}” is asked of {text.kind}, not of a text", _column(name))
        return self._called(METHODS, name, text.value, arguments, names)

    def _called(
        self,
        known: Mapping[str, Function],
        name: Token,
        receiver: Any,
        arguments: Sequence[Any],
        names: Sequence[str],
    ) -> Typed:
        function = known.get(str(name))
        if function is None:
            raise ExpressionError(f"there is no function “{name}”", _column(name), _known(str(name), known))
        given = arguments[0].children if arguments else []
        if not len(function.takes) - function.optional <= len(given) <= len(function.takes):
            wanted = ", ".join(function.takes) or "nothing"
            raise ExpressionError(f"“{name}” takes {wanted}; it is given {len(given)} arguments", _column(name))
        made = [self._argument(child, kind, names, str(name)) for child, kind in zip(given, function.takes)]  # noqa: B905 (the rest is optional)
        return Typed(function.gives, function.make(receiver, *made), _column(name))

    def _argument(self, tree: Any, kind: Kind, names: Sequence[str], function: str) -> Any:
        if kind is Kind.BLOCK:
            return self._block(tree)
        if tree.data == "block":
            raise ExpressionError(f"“{function}” takes {kind} here, not a block", _column(tree))
        found = self.expression(tree, names)
        if kind not in (Kind.PATH, Kind.PATTERN):
            if found.kind is not kind:
                raise ExpressionError(f"“{function}” takes {kind} here, not {found.kind}", found.column)
            return found.value
        if found.literal is None:
            raise ExpressionError(f"“{function}” takes {kind} here", found.column)
        if kind is Kind.PATH:
            return Path(found.literal)
        try:
            return Pattern(found.literal)
        except PatternError as error:
            words = f"the regular expression {found.literal!r} cannot be read: {error.words}"
            raise ExpressionError(words, found.column, f"the fault is at its character {error.at + 1}") from error

    def _block(self, tree: Any) -> Callable[[Env, Node], bool]:
        if tree.data != "block":
            raise ExpressionError("“exists” takes a block {first, second -> …} here", _column(tree))
        *parameters, body = tree.children
        names = ["", *(str(parameter.children[-1]) for parameter in parameters)]
        if len(names) != 3:
            raise ExpressionError("a block here names two elements: the one asked and the one found", _column(tree))
        value = self._of_kind(body, Kind.TRUTH, names, "->")
        return lambda env, node: value((*env, node))

    def _of_kind(self, tree: Any, kind: Kind, names: Sequence[str], sign: str) -> Value:
        found = self.expression(tree, names)
        if found.kind is not kind:
            raise ExpressionError(f"“{sign}” takes {kind}, not {found.kind}", found.column)
        return found.value


def _joined(operate: Callable[[Any, Any], Any], left: Typed, right: Typed, kind: Kind) -> Typed:
    first, second = left.value, right.value
    return Typed(kind, lambda env: operate(first(env), second(env)), left.column)


def _either(first: Value, second: Value) -> Value:
    return lambda env: first(env) or second(env)


def _both(first: Value, second: Value) -> Value:
    return lambda env: first(env) and second(env)


def _own(env: Env) -> Node:
    return env[0]


def _named(index: int) -> Base:
    return lambda env: env[index]


def _known(name: str, known: Mapping[str, Function]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    listed = ", ".join(sorted(known))
    return f"Perhaps “{near[0]}” is meant. Known are {listed}." if near else f"Known are {listed}."


def _column(tree: Any) -> int:
    if isinstance(tree, Token):
        return tree.column or 1
    return getattr(tree.meta, "column", 1)
