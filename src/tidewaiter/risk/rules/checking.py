"""Whether a condition holds together: every field known, every kind right, the cost bounded before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import re2
from msgspec import Struct

from tidewaiter.model.words import words_of
from tidewaiter.risk.rules.catalogue import catalogue, field_of
from tidewaiter.risk.rules.errors import Mistake, meant
from tidewaiter.risk.rules.functions import FUNCTIONS, METHODS
from tidewaiter.risk.rules.syntax import (
    AGGREGATES,
    ORDERED,
    Amount,
    And,
    Call,
    Compare,
    Day,
    External,
    Field,
    Kind,
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
    walk,
)

COST_MAX = 2_000  # units of one rule; a comparison is one unit, a pattern twenty, an aggregate ten times what it holds
MISTAKES_MAX = 10  # of one condition that are told; looking for what may be meant takes time
LINES_ASSUMED = 10  # goods lines an aggregate is charged for
PATTERN_LENGTH_MAX = 200  # characters of a regular expression
PATTERN_MEMORY_MAX = 1 << 20  # bytes that RE2 may take for one pattern's program and automaton


class Names(Struct, frozen=True, kw_only=True):
    """What the context of a rule set offers beside the declaration: lists, features with their kinds, scores.

    None means "not known here": any name is taken, a feature as a number. That is for looking at rules away from
    the administration whose rules they are.
    """

    lists: frozenset[str] | None = None
    features: Mapping[str, Kind] | None = None
    scores: frozenset[str] | None = None


class _Checker:
    def __init__(self, names: Names) -> None:
        self.names = names
        self.mistakes: list[Mistake] = []
        self.in_aggregate = False

    def truth(self, node: Node, *, is_negated: bool = False) -> None:
        """Notes every mistake of a condition; its parts are looked at one by one."""
        match node:
            case And(parts) | Or(parts):
                for part in parts:
                    self.truth(part)
            case Not(part):
                self.truth(part, is_negated=True)
            case _:
                if len(self.mistakes) >= MISTAKES_MAX:
                    return
                try:
                    kind = self.kind(node)
                    if kind is not Kind.TRUTH:
                        hint = "negation holds for one term: write !(a == b)" if is_negated else _instead(kind)
                        raise Mistake("not_a_condition", f"this is {_a(kind)}, not a condition", node.at, hint)
                except Mistake as mistake:
                    self.mistakes.append(mistake)

    def kind(self, node: Node) -> Kind:
        match node:
            case Text():
                return Kind.TEXT
            case Number():
                return Kind.NUMBER
            case Amount():
                return Kind.MONEY
            case Day():
                return Kind.DATE
            case Moment():
                return Kind.MOMENT
            case Truth():
                return Kind.TRUTH
            case And() | Or() | Not():
                self.truth(node)
                return Kind.TRUTH
            case Field():
                return self._field(node)
            case External():
                return self._external(node)
            case Listed() | NamedList():
                raise Mistake("list", "a list stands only behind in, or in a function that takes one", node.at)
            case Compare():
                return self._compare(node)
            case Minus(part):
                kind = self.kind(part)
                if kind not in (Kind.NUMBER, Kind.MONEY):
                    raise Mistake("kinds", f"'-' stands before {_a(kind)}", node.at, "it needs a number or money")
                return kind
            case Sum():
                return self._sum(node)
            case Call():
                return self._call(node)

    def _field(self, node: Field) -> Kind:
        field = field_of(node.name)
        if field is None:
            raise Mistake("unknown_field", f"there is no field {node.name}", node.at, _field_hint(node.name))
        return field.kind

    def _external(self, node: External) -> Kind:
        if node.source == "score":
            scores = self.names.scores
            if scores is not None and node.name not in scores:
                raise Mistake("unknown_score", f"there is no score {node.name}", node.at, meant(node.name, scores))
            return Kind.NUMBER
        features = self.names.features
        if features is None:
            return Kind.NUMBER
        if node.name not in features:
            raise Mistake("unknown_feature", f"there is no feature {node.name}", node.at, meant(node.name, features))
        return features[node.name]

    def _compare(self, node: Compare) -> Kind:
        if node.sign == "in":
            return self._in(node)
        left, right = self.kind(node.left), self.kind(node.right)
        if left is Kind.LIST or right is Kind.LIST:
            hint = '"N740" in documents.type_code, or overlaps(["N740", "N741"])'
            raise Mistake("kinds", "a list is not compared as a whole", node.at, hint)
        if left is not right:
            raise Mistake("kinds", f"{_a(left)} is compared with {_a(right)}", node.right.at, _conversion(left, right))
        if node.sign not in ("==", "!=") and left not in ORDERED:
            hint = (
                "texts are compared with ==, !=, in, startsWith …" if left is Kind.TEXT else "write == true, or nothing"
            )
            raise Mistake("kinds", f"{_a(left)} has no order", node.at, hint)
        return Kind.TRUTH

    def _in(self, node: Compare) -> Kind:
        left = self.kind(node.left)
        if isinstance(node.right, Listed):
            of = {Text: Kind.TEXT, Number: Kind.NUMBER, Day: Kind.DATE}[type(node.right.members[0])]
            if left is not of:
                raise Mistake(
                    "kinds", f"{_a(left)} is looked for in a list of {of}s", node.right.at, _conversion(left, of)
                )
            return Kind.TRUTH
        if isinstance(node.right, NamedList):
            self._named(node.right)
        elif self.kind(node.right) is not Kind.LIST:
            raise Mistake("kinds", "behind in stands a list", node.right.at, 'in ["61", "62"], or in list("name")')
        elif not isinstance(node.left, Text):
            raise Mistake("kinds", "before in stands a text written out, where a field holds the list", node.left.at)
        if left is not Kind.TEXT:
            raise Mistake("kinds", f"{_a(left)} is looked for in a list of texts", node.left.at)
        return Kind.TRUTH

    def _named(self, node: NamedList) -> None:
        lists = self.names.lists
        if lists is not None and node.name not in lists:
            raise Mistake("unknown_list", f"there is no list {node.name}", node.at, meant(node.name, lists))

    def _sum(self, node: Sum) -> Kind:
        left, right = self.kind(node.left), self.kind(node.right)
        kinds = (left, right)
        if kinds == (Kind.NUMBER, Kind.NUMBER):
            return Kind.NUMBER
        if kinds == (Kind.MONEY, Kind.MONEY) and node.sign in "+-/":
            return Kind.NUMBER if node.sign == "/" else Kind.MONEY
        if (kinds == (Kind.MONEY, Kind.NUMBER) and node.sign in "*/") or (
            kinds == (Kind.NUMBER, Kind.MONEY) and node.sign == "*"
        ):
            return Kind.MONEY
        hint = (
            "days are counted with days_between(a, b)" if left in (Kind.DATE, Kind.MOMENT) else _conversion(left, right)
        )
        raise Mistake("kinds", f"{_a(left)} {node.sign} {_a(right)} says nothing", node.at, hint)

    def _call(self, node: Call) -> Kind:
        if node.name in AGGREGATES:
            return self._aggregate(node)
        first = node.arguments[0]
        if node.is_method:
            return self._method(node, first)
        kind = self.kind(first)
        if node.name == "days_between":
            for each in node.arguments:
                if self.kind(each) not in (Kind.DATE, Kind.MOMENT):
                    raise Mistake("kinds", "days_between takes days or moments", each.at, FUNCTIONS[node.name].form)
            return Kind.NUMBER
        if node.name == "size":
            if kind not in (Kind.TEXT, Kind.LIST):
                raise Mistake("kinds", f"size takes a text or a list, not {_a(kind)}", first.at)
            return Kind.NUMBER
        if kind is Kind.TRUTH and not isinstance(first, Field | External):
            raise Mistake("kinds", "has takes a field or a term, not a condition", first.at, FUNCTIONS["has"].form)
        return Kind.TRUTH

    def _method(self, node: Call, first: Node) -> Kind:
        kind, operand = self.kind(first), node.arguments[1]
        form = METHODS[node.name].form
        wanted = Kind.LIST if node.name == "overlaps" else Kind.TEXT
        if kind is not wanted:
            raise Mistake("kinds", f"{node.name} looks into a {wanted}, not {_a(kind)}", first.at, f"written {form}")
        if node.name in ("startsWithAny", "hasAnyWords", "overlaps"):
            if isinstance(operand, NamedList):
                self._named(operand)
            elif not isinstance(operand, Listed) or not isinstance(operand.members[0], Text):
                raise Mistake("arguments", f"{node.name} takes a list of texts", operand.at, f"written {form}")
        elif not isinstance(operand, Text):
            raise Mistake("arguments", f"{node.name} takes a text written out", operand.at, f"written {form}")
        elif not operand.value:
            raise Mistake("arguments", "an empty text stands in every text", operand.at, "write has(…)")
        if node.name == "matches" and isinstance(operand, Text):
            compiled(operand.value, operand.at)
        if node.name in ("hasWords", "hasAnyWords"):
            _with_words(operand)
        return Kind.TRUTH

    def _aggregate(self, node: Call) -> Kind:
        if self.in_aggregate:
            raise Mistake("nested", f"{node.name} stands within another", node.at, "one term counts over the lines")
        self.in_aggregate = True
        try:
            return self._over_lines(node)
        finally:
            self.in_aggregate = False

    def _over_lines(self, node: Call) -> Kind:
        first, *where = node.arguments
        if not any(isinstance(each, Field) and each.is_of_line for each in walk(node)):
            raise Mistake(
                "line", f"{node.name} speaks of no field of a line", node.at, f"written {FUNCTIONS[node.name].form}"
            )
        for condition in where:
            self.truth(condition)
        if node.name in ("any_line", "all_lines", "count_lines"):
            self.truth(first)
            return Kind.NUMBER if node.name == "count_lines" else Kind.TRUTH
        kind = self.kind(first)
        if node.name == "distinct_lines":
            if kind is not Kind.TEXT:
                raise Mistake("kinds", f"distinct_lines counts texts, not {_a(kind)}", first.at)
            return Kind.NUMBER
        if kind not in (Kind.NUMBER, Kind.MONEY):
            raise Mistake("kinds", f"{node.name} takes numbers or money, not {_a(kind)}", first.at)
        return kind


def check(node: Node, names: Names) -> list[Mistake]:
    """Every mistake of a condition; none where it can be compiled."""
    checker = _Checker(names)
    checker.truth(node)
    if not checker.mistakes:
        spent = cost(node)
        if spent > COST_MAX:
            hint = f"a rule may cost {COST_MAX}: a pattern costs 20, an aggregate {LINES_ASSUMED} times what it holds"
            checker.mistakes.append(Mistake("cost", f"the condition costs {spent}", node.at, hint))
    return checker.mistakes


def kind_of(node: Node, names: Names) -> Kind:
    """The kind of a term that has been checked."""
    return _Checker(names).kind(node)


def cost(node: Node) -> int:
    """What a condition may cost at most, in units of one comparison, whatever the record holds."""
    match node:
        case Call(name, arguments):
            below = sum(map(cost, arguments))
            if name in AGGREGATES:
                return LINES_ASSUMED * (1 + below)
            function = (METHODS if node.is_method else FUNCTIONS)[name]
            return function.cost + below
        case Compare(_, left, right) | Sum(_, left, right):
            return 1 + cost(left) + cost(right)
        case Not(part) | Minus(part):
            return cost(part)
        case And(parts) | Or(parts):
            return sum(map(cost, parts))
        case Field() | External():
            return 1
        case _:
            return 0


def compiled(pattern: str, at: int = 0) -> re2._Regexp:
    """The RE2 pattern, which searches in time linear in the text. Raises Mistake for one that is none, or too large."""
    if len(pattern) > PATTERN_LENGTH_MAX:
        hint = f"at most {PATTERN_LENGTH_MAX}"
        raise Mistake("pattern", f"the pattern has {len(pattern)} characters", at, hint)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_MEMORY_MAX
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        told = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        hint = "RE2 syntax: no look-around and no references back, which could take exponential time"
        raise Mistake("pattern", f"the pattern cannot be used: {told}", at, hint) from error


def _with_words(operand: Node) -> None:
    texts = operand.members if isinstance(operand, Listed) else (operand,)
    for each in texts:
        if isinstance(each, Text) and not words_of(each.value):
            raise Mistake("arguments", f"{each.value!r} holds no word", each.at, "for signs use contains")


@lru_cache(maxsize=1_024)
def _field_hint(name: str) -> str:
    known = catalogue()
    below = [each for each in known if each.startswith(f"{name}.")]
    if below:
        return f"it has parts: {', '.join(below[:4])}" + (" …" if len(below) > 4 else "")
    if name.startswith("goods_items"):
        return "fields of goods lines begin with item., as in item.origin_country_code"
    if f"item.{name}" in known:
        return f"did you mean item.{name}? Fields of goods lines begin with item."
    return meant(name, known, "see docs/reference/risk-rules.md for every field")


def _a(kind: Kind) -> str:
    return {Kind.TEXT: "a text", Kind.NUMBER: "a number", Kind.MONEY: "money", Kind.DATE: "a day", Kind.MOMENT: "a moment",
            Kind.TRUTH: "a condition", Kind.LIST: "a list"}[kind]  # fmt: skip


def _instead(kind: Kind) -> str:
    return (
        "compare it: == != < <= > >= in; whether it is there at all: has(…)"
        if kind is not Kind.LIST
        else 'size(…) > 0, has(…), or "…" in it'
    )


def _conversion(left: Kind, right: Kind) -> str:
    kinds = {left, right}
    if kinds == {Kind.MONEY, Kind.NUMBER}:
        return 'an amount says its currency: money("150 EUR"); the bare number of a field is its .amount'
    if Kind.DATE in kinds and Kind.TEXT in kinds:
        return 'a day is written date("2026-07-01")'
    if Kind.MOMENT in kinds:
        return 'a moment is written timestamp("2026-07-01T10:00:00Z")'
    if kinds == {Kind.TEXT, Kind.NUMBER}:
        return 'codes are texts: "61", not 61'
    if Kind.TRUTH in kinds:
        return "negation holds for one term: write !(a == b)"
    return ""
