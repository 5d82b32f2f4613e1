"""Writing conditions: the one canonical text of a tree, which reads back as the same tree."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

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

LINE_LENGTH = 100  # a longer condition is broken at its outermost && or ||
_OR, _AND, _RELATION, _SUM, _PRODUCT, _UNARY, _MEMBER = range(7)
_ESCAPED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def write_condition(node: Node) -> str:
    """The canonical text on one line: read_condition gives the same tree back."""
    return _write(node, _OR)


def write_lines(node: Node, indent: str) -> str:
    """The same, broken before each outermost && or || where it is too long for a line."""
    text = write_condition(node)
    if len(text) + len(indent) <= LINE_LENGTH or not isinstance(node, And | Or):
        return indent + text
    sign, level = ("&&", _AND) if isinstance(node, And) else ("||", _OR)
    parts = [_write(part, level + 1) for part in node.parts]
    return "\n".join([indent + parts[0], *(f"{indent}{sign} {part}" for part in parts[1:])])


def _write(node: Node, least: int) -> str:
    text, level = _written(node)
    return text if level >= least else f"({text})"


def _written(node: Node) -> tuple[str, int]:
    match node:
        case Or(parts):
            return " || ".join(_write(part, _AND) for part in parts), _OR
        case And(parts):
            return " && ".join(_write(part, _RELATION) for part in parts), _AND
        case Compare(sign, left, right):
            return f"{_write(left, _SUM)} {sign} {_write(right, _SUM)}", _RELATION
        case Sum(sign, left, right):
            level = _SUM if sign in "+-" else _PRODUCT
            return f"{_write(left, level)} {sign} {_write(right, level + 1)}", level
        case Not(part):
            return f"!{_write(part, _MEMBER)}", _UNARY
        case Minus(part):
            return f"-{_write(part, _MEMBER)}", _UNARY
        case Call(name, arguments, is_method):
            return _called(name, arguments, is_method=is_method), _MEMBER
        case _:
            return write_term(node), _UNARY if isinstance(node, Number) and node.value < 0 else _MEMBER


def _called(name: str, arguments: tuple[Node, ...], *, is_method: bool) -> str:
    if is_method:
        rest = ", ".join(_write(each, _OR) for each in arguments[1:])
        return f"{_write(arguments[0], _MEMBER)}.{name}({rest})"
    return f"{name}({', '.join(_write(each, _OR) for each in arguments)})"


def write_term(node: Node) -> str:
    """A literal, list, field or external as text."""
    match node:
        case Text(value):
            return write_text(value)
        case Number(value):
            return write_number(value)
        case Truth(value):
            return "true" if value else "false"
        case Amount(value, currency):
            return f'money("{write_number(value)} {currency}")'
        case Day(value):
            return f'date("{value}")'
        case Moment(value):
            return f'timestamp("{value.isoformat().replace("+00:00", "Z")}")'
        case Listed(members):
            return f"[{', '.join(map(write_term, members))}]"
        case NamedList(name):
            return f'list("{name}")'
        case Field(name):
            return name
        case External(source, name):
            return f'{source}("{name}")'
        case _:
            return write_condition(node)


def write_number(value: Decimal) -> str:
    """A number with a point and no exponent."""
    return f"{value:f}"


def write_text(value: str) -> str:
    """A text in quotes; a raw one where it holds backslashes, as patterns do."""
    is_plain = not any(mark in '"\n' or _is_hidden(mark) for mark in value)
    if "\\" in value and is_plain:
        return f'r"{value}"'
    return '"' + "".join(_escaped(mark) for mark in value) + '"'


def _escaped(mark: str) -> str:
    if mark in _ESCAPED:
        return _ESCAPED[mark]
    return f"\\u{ord(mark):04x}" if _is_hidden(mark) and ord(mark) <= 0xFFFF else mark


def _is_hidden(mark: str) -> bool:
    return mark < " " or unicodedata.category(mark) in ("Cc", "Cf", "Zl", "Zp")
