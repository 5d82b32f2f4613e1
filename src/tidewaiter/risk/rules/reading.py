"""Reading conditions: text to tree, with the place of every mistake and what to write instead.

A subset of the Common Expression Language (github.com/google/cel-spec, doc/langdef.md): its operators, precedence and
literals, without comprehensions, maps, macros other than `has`, and the ternary. What each construct means here is
stated in `reference.py`; money, missing values and lines of goods are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from tidewaiter.risk.rules.errors import Mistake, Problem, RuleError, line_and_column, meant
from tidewaiter.risk.rules.functions import FUNCTIONS, METHODS
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

CONDITION_LENGTH_MAX = 10_000  # characters of one condition
DEPTH_MAX = 40  # brackets within brackets
SIGNS_MAX = 8  # signs (! or -) before one term
WHOLE_DIGITS_MAX = 12  # digits of a number before the point: enough for any budget
DECIMALS_MAX = 6  # and after it

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\"}
READ_MAX = 8_192  # conditions at hand
_SPELLED = {"and": "&&", "or": "||", "not": "!"}
_NAMES = {
    "$END": "the end",
    "NAME": "a field",
    "TEXT": 'a text in "quotes"',
    "NUMBER": "a number",
    "SIGN": "a comparison",
}
_TOKEN = re.compile(r"""r"[^"\n]*"|r'[^'\n]*'|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[()\[\]]""")


@lru_cache(maxsize=READ_MAX)
def read_condition(text: str) -> Node:
    """The tree of a condition. Raises RuleError with every mistake found; the first is where reading stopped.

    What was read last is kept at hand: the same rules are compiled for every day and jurisdiction.
    """
    mistakes: list[Mistake] = []
    try:
        _bounded(text)
        tree = _parsed(text)
        found = _Reader(mistakes).node(tree.children[0])
    except Mistake as mistake:
        mistakes.append(mistake)
    if mistakes:
        raise RuleError(problems_of(text, mistakes))
    return found


def problems_of(text: str, mistakes: Iterable[Mistake]) -> list[Problem]:
    """Mistakes with the line and column of the text they were found in, in its order."""
    found = []
    for each in sorted(mistakes, key=lambda mistake: mistake.at):
        line, column = line_and_column(text, each.at)
        found.append(Problem(code=each.code, words=each.words, line=line, column=column, hint=each.hint))
    return found


def _bounded(text: str) -> None:
    if len(text) > CONDITION_LENGTH_MAX:
        raise Mistake(
            "too_long",
            f"the condition has {len(text)} characters",
            0,
            f"at most {CONDITION_LENGTH_MAX} are read: put long lists into a named list, or split the rule",
        )
    depth = 0
    for token in _TOKEN.finditer(text):
        mark = token.group()
        depth += (mark in "([") - (mark in ")]")
        if depth > DEPTH_MAX:
            raise Mistake("too_deep", f"more than {DEPTH_MAX} brackets are open", token.start(), "split the rule")


@cache
def _parser() -> Lark:
    grammar = resources.files(__package__).joinpath("condition.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=False)


def _parsed(text: str) -> Tree[Token]:
    try:
        return _parser().parse(text)
    except UnexpectedInput as error:
        raise _unexpected(error, text) from error


def _unexpected(error: UnexpectedInput, text: str) -> Mistake:
    at = error.pos_in_stream or 0
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        at = len(text.rstrip())
    if not text.strip():
        return Mistake("empty", "there is no condition", 0, 'write one, such as item.origin_country_code == "XX"')
    rest = text[at:]
    word = re.match(r"\w+|.", rest) or re.match("", rest)
    seen = word.group() if word else ""
    names: set[str] = set()
    if isinstance(error, UnexpectedToken):
        names = set(error.accepts or error.expected)
    elif isinstance(error, UnexpectedCharacters):
        names = set(error.allowed or ())
    hint = _hint(rest, seen, text[:at], names)
    if not rest.strip():
        return Mistake("unfinished", "the condition ends in the middle", at, hint)
    return Mistake("syntax", f"{seen!r} cannot stand here", at, hint)


def _hint(rest: str, seen: str, before: str, names: set[str]) -> str:
    if rest.startswith("=") or (before.rstrip().endswith(("==", "=")) and seen == "="):
        return "equality is written =="
    if seen.casefold() in _SPELLED:
        return f"{seen} is written {_SPELLED[seen.casefold()]}"
    if seen in ("&", "|"):
        return f"written twice: {seen}{seen}"
    if rest.startswith("<>"):
        return "inequality is written !="
    if rest.startswith("?"):
        return "there is no choice (a ? b : c): write two rules"
    if rest[:1] in "\u201c\u201d\u201e\u00ab\u2018\u2019\u201a'\"":
        return 'texts stand between plain quotes on one line: "text"'
    if re.match(r"\d+[A-Za-z_]", rest) or (re.search(r"\d$", before.rstrip()) and seen.isalpha()):
        return 'a number stands alone; an amount is written money("150 EUR"), a code as a text: "0101"'
    if re.match(r"\d", rest) and re.search(r"\d[,.]$", before):
        return "numbers are written without thousands marks, with a point: 1250.50"
    if "RPAR" in names and not seen.strip("()"):
        return "a bracket is not closed, or closed twice"
    wanted = sorted({_NAMES.get(name, "") for name in names} - {""})
    return (
        f"here may stand {' or '.join(wanted)}"
        if wanted
        else "see docs/reference/risk-rules.md, or `tidewaiter risk check`"
    )


class _Reader:
    """Turns pieces of the grammar into nodes; goes on after a mistake in one part of a conjunction."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self._mistakes = mistakes

    def node(self, tree: Any) -> Node:
        reader: Callable[[Tree[Token]], Node] = getattr(self, f"_{tree.data}")
        return reader(tree)

    def _or_(self, tree: Tree[Token]) -> Node:
        return self._chain(tree, Or)

    def _and_(self, tree: Tree[Token]) -> Node:
        return self._chain(tree, And)

    def _chain(self, tree: Tree[Token], make: type[And] | type[Or]) -> Node:
        if len(tree.children) == 1:
            return self.node(tree.children[0])
        parts: list[Node] = []
        for child in tree.children:
            try:
                part = self.node(child)
            except Mistake as mistake:
                self._mistakes.append(mistake)
                part = Truth(value=False, at=_start(child))
            parts += part.parts if isinstance(part, make) else (part,)
        return make(tuple(parts), _start(tree))

    def _relation(self, tree: Tree[Token]) -> Node:
        if len(tree.children) == 1:
            return self.node(tree.children[0])
        if len(tree.children) > 3:
            second: Any = tree.children[3]
            raise Mistake("chain", "comparisons do not chain", second.start_pos, "write a < b && b < c")
        left, sign, right = tree.children
        return Compare(str(sign), self.node(left), self.node(right), _start(tree))

    def _sum(self, tree: Tree[Token]) -> Node:
        found = self.node(tree.children[0])
        for sign, term in zip(tree.children[1::2], tree.children[2::2], strict=True):
            found = Sum(str(sign), found, self.node(term), _start(tree))
        return found

    _product = _sum

    def _unary(self, tree: Tree[Token]) -> Node:
        *signs, member = tree.children
        if len(signs) > SIGNS_MAX:
            raise Mistake("too_deep", f"more than {SIGNS_MAX} signs stand before one term", _start(tree))
        found = self.node(member)
        for sign in reversed(signs):
            at = sign.start_pos or 0  # type: ignore[union-attr]
            if sign == "+":
                raise Mistake("syntax", "'+' needs a term before it", at)
            found = _not(found, at) if sign == "!" else _minus(found, at)
        return found

    def _member(self, tree: Tree[Token]) -> Node:
        first, *trailers = tree.children
        found = self.node(first)
        for trailer in trailers:
            name: Any = trailer.children[0]  # type: ignore[union-attr]
            if trailer.data == "select":  # type: ignore[union-attr]
                if not isinstance(found, Field):
                    raise Mistake("select", f"only fields have parts; .{name} follows something else", name.start_pos)
                found = Field(f"{found.name}.{name}", found.at)
            else:
                found = self._called(name, [found, *self._arguments(trailer.children[1])], is_method=True)  # type: ignore[union-attr]
        return found

    def _called(self, name: Token, arguments: list[Node], *, is_method: bool) -> Node:
        at = name.start_pos or 0
        known = METHODS if is_method else FUNCTIONS
        if str(name) not in known:
            other = FUNCTIONS if is_method else METHODS
            hint = meant(str(name), known, f"known: {', '.join(sorted(known))}")
            if str(name) in other:
                hint = f"written {other[str(name)].form}"
            raise Mistake("unknown_function", f"there is no function {name}", at, hint)
        function = known[str(name)]
        if not function.least <= len(arguments) <= function.most:
            raise Mistake(
                "arguments", f"{name} is called with {len(arguments) - is_method} terms", at, f"written {function.form}"
            )
        if str(name) in _LITERALS:
            given = arguments[0]
            if not isinstance(given, Text):
                raise Mistake("arguments", f"{name} takes a text", at, f"written {function.form}")
            return _LITERALS[str(name)](given.value, at)
        return Call(str(name), tuple(arguments), is_method, arguments[0].at if is_method else at)

    def _arguments(self, tree: Any) -> list[Node]:
        return [self.node(child) for child in tree.children]

    def _call(self, tree: Tree[Token]) -> Node:
        name: Any = tree.children[0]
        return self._called(name, self._arguments(tree.children[1]), is_method=False)

    def _brackets(self, tree: Tree[Token]) -> Node:
        return self.node(tree.children[0])

    def _listed(self, tree: Tree[Token]) -> Node:
        members = self._arguments(tree.children[0])
        at = _start(tree)
        texts: list[Text | Number | Day] = []
        for member in members:
            if not isinstance(member, Text | Number | Day):
                raise Mistake("list", "a list holds texts, numbers or days written out", member.at, '["61", "62"]')
            texts.append(member)
        if len({type(member) for member in texts}) != 1:
            words = "the members of a list are of one kind" if texts else "the list is empty"
            raise Mistake("list", words, at, '["61", "62"]')
        return Listed(tuple(texts), at)

    def _name(self, tree: Tree[Token]) -> Node:
        token: Any = tree.children[0]
        return Field(str(token), token.start_pos)

    def _true(self, tree: Tree[Token]) -> Node:
        return Truth(value=True, at=_start(tree))

    def _false(self, tree: Tree[Token]) -> Node:
        return Truth(value=False, at=_start(tree))

    def _number(self, tree: Tree[Token]) -> Node:
        token: Any = tree.children[0]
        return Number(decimal_of(str(token), token.start_pos), token.start_pos)

    def _raw(self, tree: Tree[Token]) -> Node:
        token: Any = tree.children[0]
        return Text(str(token)[2:-1], token.start_pos)

    def _text(self, tree: Tree[Token]) -> Node:
        token: Any = tree.children[0]
        return Text(_unescaped(str(token)[1:-1], token.start_pos), token.start_pos)


def decimal_of(text: str, at: int) -> Decimal:
    """The number a text writes, within the bounds of what rules may state. Raises Mistake."""
    whole, _, decimals = text.lstrip("-").partition(".")
    if len(whole.lstrip("0")) > WHOLE_DIGITS_MAX or len(decimals.rstrip("0")) > DECIMALS_MAX:
        hint = f"at most {WHOLE_DIGITS_MAX} digits before and {DECIMALS_MAX} after the point"
        raise Mistake("number", f"{text} has more digits than are compared", at, hint)
    number = Decimal(text)
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()


def _unescaped(text: str, at: int) -> str:
    def character(match: re.Match[str]) -> str:
        mark = match.group(1)
        if mark[0] == "u" and len(mark) == 5:
            found = chr(int(mark[1:], 16))
            if not "\ud800" <= found <= "\udfff":
                return found
        elif mark in _ESCAPES:
            return _ESCAPES[mark]
        hint = r'known: \" \\ \n \t \u20ac; a pattern is easier written raw: r"\d+"'
        raise Mistake("escape", f"\\{mark} stands for nothing", at + 1 + match.start(), hint)

    return re.sub(r"\\(u[0-9A-Fa-f]{4}|.)", character, text)


def _minus(node: Node, at: int) -> Node:
    if isinstance(node, Number):
        return Number(-node.value if node.value else node.value, at)
    return node.part if isinstance(node, Minus) else Minus(node, at)


def _not(node: Node, at: int) -> Node:
    return node.part if isinstance(node, Not) else Not(node, at)


def _start(tree: Any) -> int:
    return int(tree.start_pos or 0) if isinstance(tree, Token) else int(getattr(tree.meta, "start_pos", 0) or 0)


def _money(text: str, at: int) -> Node:
    found = re.fullmatch(r"(-?[0-9]+(?:\.[0-9]+)?) ([A-Z]{3})", text)
    if found is None:
        raise Mistake("money", f"{text!r} is no amount", at, 'written money("150 EUR"): amount, space, ISO 4217 code')
    return Amount(decimal_of(found.group(1), at), found.group(2), at)


def _date(text: str, at: int) -> Node:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return Day(date.fromisoformat(text), at)
    except ValueError:
        pass
    raise Mistake("date", f"{text!r} is no day", at, 'written date("2026-07-01")')


def _timestamp(text: str, at: int) -> Node:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return Moment(found.astimezone(UTC), at)
    except (ValueError, OverflowError):
        pass
    raise Mistake(
        "timestamp", f"{text!r} is no moment", at, 'written timestamp("2026-07-01T10:00:00Z"), with its offset'
    )


def _named(text: str, at: int) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.@-]{1,100}", text):
        raise Mistake("name", f"{text!r} is no name", at, "letters, digits and _ . - @")
    return text


def _list(text: str, at: int) -> Node:
    return NamedList(_named(text, at), at)


def _feature(text: str, at: int) -> Node:
    return External("feature", _named(text, at), at)


def _score(text: str, at: int) -> Node:
    return External("score", _named(text, at), at)


_LITERALS: dict[str, Callable[[str, int], Node]] = {
    "money": _money,
    "date": _date,
    "timestamp": _timestamp,
    "list": _list,
    "feature": _feature,
    "score": _score,
}
