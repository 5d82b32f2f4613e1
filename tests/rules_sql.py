"""Rules as DuckDB SQL: an independent translation of the language, from the tree as written to SQL's three truth values.

It knows nothing of tests, bits or tables: negation, missing values and alternatives are SQL's own. Numbers are pairs of
numerator and denominator, so that nothing is rounded. It covers records whose numbers fit into 38 digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb

from tidewaiter.model.words import words_of
from tidewaiter.risk.rules import Context, Kind, Record, read_condition
from tidewaiter.risk.rules.catalogue import catalogue
from tidewaiter.risk.rules.checking import kind_of
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
    is_of_line,
)

TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.NUMBER: "DECIMAL(38,3)",
    Kind.DATE: "DATE",
    Kind.MOMENT: "TIMESTAMP",
    Kind.TRUTH: "BOOLEAN",
    Kind.LIST: "VARCHAR[]",
}


class Ratio(NamedTuple):
    """A number as two SQL terms; `currency` is a third where it is an amount."""

    top: str
    bottom: str = "1"
    currency: str = ""


class Warehouse:
    """Records in DuckDB, one table of declarations and one of lines, with the columns that are named."""

    def __init__(self, records: Sequence[Record], names: Sequence[str], context: Context) -> None:
        self.context = context
        self.columns: dict[str, str] = {}
        self._database = duckdb.connect()
        kinds = {name: _kind(name, context) for name in names}
        whole = [name for name in names if not name.startswith("item.")]
        lines = [name for name in names if name.startswith("item.")]
        self._fill("d", whole, kinds, [((n,), r, None) for n, r in enumerate(records)])
        rows = [((n, m), r, line) for n, r in enumerate(records) for m, line in enumerate(r.declaration.goods_items, 1)]
        self._fill("l", lines, kinds, rows)

    def hits(self, condition: str) -> set[tuple[int, int]]:
        """Record and line (0 for a rule of the whole) that a condition holds for."""
        node = read_condition(condition)
        where = _Translation(self, "l").truth(node)
        if is_of_line(node):
            sql = f"SELECT d.id, l.line_no FROM d JOIN l ON l.id = d.id WHERE {where}"
        else:
            sql = f"SELECT d.id, 0 FROM d WHERE {where}"
        return set(self._database.execute(sql).fetchall())

    def _fill(self, table: str, names: Sequence[str], kinds: dict[str, Kind], rows: Sequence[Any]) -> None:
        columns, types = (
            ["id"] + (["line_no"] if table == "l" else []),
            ["BIGINT"] + (["BIGINT"] if table == "l" else []),
        )
        for name in names:
            self.columns[name] = column = f"{table}{len(columns)}"
            if kinds[name] is Kind.MONEY:
                columns += [column, f"{column}_cur"]
                types += ["DECIMAL(38,3)", "VARCHAR"]
            elif kinds[name] is Kind.TEXT:
                columns += [column, f"{column}_words"]
                types += ["VARCHAR", "VARCHAR"]
            else:
                columns.append(column)
                types.append(TYPES[kinds[name]])
        declared = ", ".join(f"{column} {kind}" for column, kind in zip(columns, types, strict=True))
        self._database.execute(f"CREATE TABLE {table} ({declared})")
        filled = [
            [*key, *(part for name in names for part in _cells(_value(name, record, line), kinds[name]))]
            for key, record, line in rows
        ]
        marks = ", ".join("?" for _ in columns)
        if filled:
            self._database.executemany(f"INSERT INTO {table} VALUES ({marks})", filled)


def _kind(name: str, context: Context) -> Kind:
    source, _, rest = name.partition(":")
    if source == "feature":
        return context.features[rest]
    return Kind.NUMBER if source == "score" else catalogue()[name].kind


def _value(name: str, record: Record, line: Any) -> Any:
    """What stands at a place, read without the code under test."""
    source, _, rest = name.partition(":")
    if source in ("feature", "score"):
        return (record.features if source == "feature" else record.scores).get(rest)
    if name == "legal_day":
        return record.legal_day
    holder, path = (line, name.removeprefix("item.")) if name.startswith("item.") else (record.declaration, name)
    if name.startswith("assessment."):
        holder, path = record.assessment, name.removeprefix("assessment.")
    found = [holder]
    for step in path.split("."):
        below = [getattr(each, step) for each in found if each is not None]
        found = [part for each in below for part in (each if isinstance(each, tuple) else [each])]
    if catalogue()[name].kind is Kind.LIST:
        return [each for each in found if each]
    return found[0] if found else None


def _cells(value: Any, kind: Kind) -> list[Any]:
    if kind is Kind.MONEY:
        return [None, None] if value is None else [value.amount, value.currency]
    if kind is Kind.TEXT:
        return [value or None, f" {' '.join(words_of(value))} " if value else None]
    if isinstance(value, datetime):
        value = value.astimezone(UTC).replace(tzinfo=None)
    return [value]


class _Translation:
    def __init__(self, warehouse: Warehouse, alias: str) -> None:
        self.warehouse = warehouse
        self.context = warehouse.context
        self.alias = alias

    def truth(self, node: Node) -> str:
        match node:
            case And(parts):
                return "(" + " AND ".join(map(self.truth, parts)) + ")"
            case Or(parts):
                return "(" + " OR ".join(map(self.truth, parts)) + ")"
            case Not(part):
                return f"(NOT {self.truth(part)})"
            case Truth(value):
                return str(value).upper()
            case Compare("in", left, right):
                return self._in(left, right)
            case Compare(sign, left, right):
                return self._compare(sign, left, right)
            case Call("has", (term,)):
                return self._has(term)
            case Call(name, (term, operand), True):
                return self._method(name, self.term(term), operand, term)
            case Call():
                return self._over_lines(node)
            case _:
                return self.term(node)

    def term(self, node: Node) -> str:
        match node:
            case Text(value):
                return _quoted(value)
            case Day(value):
                return f"DATE '{value}'"
            case Moment(value):
                return f"TIMESTAMP '{value.replace(tzinfo=None)}'"
            case Field(name):
                return self._column(name)
            case External(source, name):
                return self._column(f"{source}:{name}")
            case _:
                return self.truth(node)

    def _column(self, name: str) -> str:
        alias = self.alias if name.startswith("item.") else "d"
        return f"{alias}.{self.warehouse.columns[name]}"

    def number(self, node: Node) -> Ratio:
        match node:
            case Number(value):
                return Ratio(_decimal(value))
            case Amount(value, currency):
                return Ratio(_decimal(value), "1", _quoted(currency))
            case Field() | External():
                column = self.term(node)
                is_money = kind_of(node, self.context.names) is Kind.MONEY
                return Ratio(column, "1", f"{column}_cur" if is_money else "")
            case Minus(part):
                top, bottom, currency = self.number(part)
                return Ratio(f"(-{top})", bottom, currency)
            case Sum(sign, left, right):
                return self._sum(sign, self.number(left), self.number(right))
            case Call("size", (term,)):
                size = "len" if kind_of(term, self.context.names) is Kind.LIST else "length"
                return Ratio(f"{size}({self.term(term)})")
            case Call("days_between", (one, other)):
                return Ratio(f"date_diff('day', CAST({self.term(one)} AS DATE), CAST({self.term(other)} AS DATE))")
            case Call():
                return self._aggregate(node)
            case _:
                raise TypeError(node)

    def _sum(self, sign: str, one: Ratio, other: Ratio) -> Ratio:
        if one.currency and other.currency:
            same = f"{one.currency} = {other.currency}"
            r1, r2 = self._rate(one.currency), self._rate(other.currency)
            if sign == "/":
                top = _case(same, _times(one.top, other.bottom), _times(one.top, other.bottom, r1))
                bottom = _case(same, _times(one.bottom, other.top), _times(one.bottom, other.top, r2))
                return Ratio(top, f"nullif({bottom}, 0)")
            mixed = f"({_times(one.top, other.bottom, r1)} {sign} {_times(other.top, one.bottom, r2)})"
            plain = f"({_times(one.top, other.bottom)} {sign} {_times(other.top, one.bottom)})"
            bottom = _case(same, _times(one.bottom, other.bottom), _times(one.bottom, other.bottom, r1))
            return Ratio(_case(same, plain, mixed), bottom, one.currency)
        currency = one.currency or other.currency
        if sign == "*":
            return Ratio(_times(one.top, other.top), _times(one.bottom, other.bottom), currency)
        if sign == "/":
            return Ratio(_times(one.top, other.bottom), f"nullif({_times(one.bottom, other.top)}, 0)", currency)
        top = f"({_times(one.top, other.bottom)} {sign} {_times(other.top, one.bottom)})"
        return Ratio(top, _times(one.bottom, other.bottom), currency)

    def _rate(self, currency: str) -> str:
        rates = " ".join(f"WHEN {_quoted(code)} THEN {_decimal(rate)}" for code, rate in self.context.rates.items())
        return f"(CASE {currency} {rates} END)"

    def _compare(self, sign: str, left: Node, right: Node) -> str:
        kind = kind_of(left, self.context.names)
        sql = {"==": "=", "!=": "<>"}.get(sign, sign)
        if kind not in (Kind.NUMBER, Kind.MONEY):
            return f"({self.term(left)} {sql} {self.term(right)})"
        one, other = self.number(left), self.number(right)
        plain = _difference(one.top, one.bottom, other.top, other.bottom)
        if not one.currency:
            return f"({plain} {sql} 0)"
        r1, r2 = self._rate(one.currency), self._rate(other.currency)
        mixed = _difference(_times(one.top, r1), one.bottom, _times(other.top, r2), other.bottom)
        same = f"{one.currency} = {other.currency}"
        return f"(CASE WHEN {same} THEN {plain} {sql} 0 WHEN NOT ({same}) THEN {mixed} {sql} 0 END)"

    def _in(self, left: Node, right: Node) -> str:
        if isinstance(right, Listed) and not isinstance(right.members[0], Text):
            return "(" + " OR ".join(self._compare("==", left, member) for member in right.members) + ")"
        if isinstance(right, Listed | NamedList):
            texts = self._texts(right)
            term = self.term(left)
            return (
                f"({term} IN ({', '.join(map(_quoted, texts))}))"
                if texts
                else f"(CASE WHEN {term} IS NOT NULL THEN FALSE END)"
            )
        return f"coalesce(list_contains({self.term(right)}, {self.term(left)}), {self.term(left)} IS NULL AND FALSE)"

    def _texts(self, node: Node) -> list[str]:
        if isinstance(node, NamedList):
            return list(self.context.lists[node.name])
        assert isinstance(node, Listed)
        return [each.value for each in node.members if isinstance(each, Text)]

    def _has(self, term: Node) -> str:
        kind = kind_of(term, self.context.names)
        if kind is Kind.LIST:
            return f"(len({self.term(term)}) > 0)"
        if kind in (Kind.NUMBER, Kind.MONEY):
            top, bottom, currency = self.number(term)
            return f"({top} IS NOT NULL AND {bottom} IS NOT NULL" + (
                f" AND {currency} IS NOT NULL)" if currency else ")"
            )
        return f"({self.term(term)} IS NOT NULL)"

    def _method(self, name: str, value: str, operand: Node, term: Node) -> str:
        texts = self._texts(operand) if isinstance(operand, Listed | NamedList) else [operand.value]  # type: ignore[union-attr]
        match name:
            case "contains":
                return f"contains({value}, {_quoted(texts[0])})"
            case "endsWith":
                return f"ends_with({value}, {_quoted(texts[0])})"
            case "matches":
                return f"regexp_matches({value}, {_quoted(texts[0])})"
            case "overlaps":
                return f"list_has_any({value}, [{', '.join(map(_quoted, texts))}]::VARCHAR[])"
            case "startsWith" | "startsWithAny":
                tests = [f"starts_with({value}, {_quoted(text)})" for text in texts]
            case _:
                phrases = [words_of(text) for text in texts]
                tests = [
                    f"contains({value}_words, {_quoted(' ' + ' '.join(words) + ' ')})" for words in phrases if words
                ]
        return "(" + " OR ".join(tests) + ")" if tests else f"(CASE WHEN {value} IS NOT NULL THEN FALSE END)"

    def _over_lines(self, node: Call) -> str:
        inner = _Translation(self.warehouse, "g")
        condition = inner.truth(node.arguments[0])
        if node.name == "any_line":
            found = f"CASE WHEN count(*) FILTER (WHERE {condition}) > 0 THEN TRUE WHEN count(*) FILTER (WHERE ({condition}) IS NULL) > 0 THEN NULL ELSE FALSE END"
        else:
            found = f"CASE WHEN count(*) FILTER (WHERE NOT {condition}) > 0 THEN FALSE WHEN count(*) FILTER (WHERE ({condition}) IS NULL) > 0 THEN NULL ELSE TRUE END"
        return f"(SELECT {found} FROM l g WHERE g.id = d.id)"

    def _aggregate(self, node: Call) -> Ratio:
        inner = _Translation(self.warehouse, "g")
        where = "g.id = d.id"
        if node.name == "count_lines":
            return Ratio(f"(SELECT count(*) FROM l g WHERE {where} AND {inner.truth(node.arguments[0])})")
        if len(node.arguments) > 1:
            where += f" AND {inner.truth(node.arguments[1])}"
        if node.name == "distinct_lines":
            return Ratio(f"(SELECT count(DISTINCT {inner.term(node.arguments[0])}) FROM l g WHERE {where})")
        top, bottom, currency = inner.number(node.arguments[0])
        assert bottom == "1", "the translation adds up whole terms alone"
        gather = node.name.removesuffix("_lines")
        full = f"count(*) > 0 AND count(*) = count({top})"

        def select(what: str) -> str:
            return f"(SELECT {what} FROM l g WHERE {where})"

        if not currency:
            return Ratio(select(f"CASE WHEN {full} THEN CAST({gather}({top}) AS DECIMAL(38,6)) END"))
        one = f"count(DISTINCT {currency}) = 1"
        rated = f"({top}) * {self._rate(currency)}"
        mixed = f"CASE WHEN count(*) = count({rated}) THEN CAST({gather}({rated}) AS DECIMAL(38,6)) END"
        first = f"arg_min({currency}, g.line_no)"
        return Ratio(
            select(
                f"CASE WHEN {full} THEN CASE WHEN {one} THEN CAST({gather}({top}) AS DECIMAL(38,6)) ELSE {mixed} END END"
            ),
            select(f"CASE WHEN {one} THEN 1 ELSE {self._rate(first)} END"),
            select(first),
        )


def _times(*terms: str) -> str:
    many = [term for term in terms if term != "1"]
    return "(" + " * ".join(many) + ")" if many else "1"


def _difference(top: str, bottom: str, other_top: str, other_bottom: str) -> str:
    found = f"({_times(top, other_bottom)} - {_times(other_top, bottom)})"
    below = _times(bottom, other_bottom)
    return found if below == "1" else f"({found} * sign({below}))"


def _case(condition: str, then: str, otherwise: str) -> str:
    """Branches of one scale: DuckDB would round the finer one to that of the other."""
    then, otherwise = (f"CAST({each} AS DECIMAL(38,12))" for each in (then, otherwise))
    return f"(CASE WHEN {condition} THEN {then} WHEN NOT ({condition}) THEN {otherwise} END)"


def _decimal(value: Decimal) -> str:
    return f"CAST({value:f} AS DECIMAL(38,3))"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
