"""Rules as forms and as tables: other views of the same text, which write it back.

A form is a conjunction of field, operator and value: what most rules are. A table is rules whose forms ask the same
fields with the same operators, one rule a row. Both are read off the condition and give the condition back; a rule
that is neither stays text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules.catalogue import field_of
from tidewaiter.risk.rules.errors import Problem, RuleError
from tidewaiter.risk.rules.functions import METHODS
from tidewaiter.risk.rules.reading import read_condition
from tidewaiter.risk.rules.rule import Rule, RuleSet
from tidewaiter.risk.rules.syntax import And, Call, Compare, External, Field, Node, Not, Text, walk
from tidewaiter.risk.rules.writing import write_condition

OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "in", "not in", "has", "not has", "holds", "not holds")
_NOT = "not "
_HEADINGS = ("rule", "lane", "title")


class FormLine(Struct, frozen=True, gc=False):
    """One row of a form: a term of the record, an operator, and the value as text of the language ("" for has).

    Operators are == != < <= > >= in has, holds (a list has the member) and the methods (startsWith, hasWords …), those
    but the comparisons also with "not ".
    """

    field: str
    operator: str
    value: str = ""

    @property
    def label(self) -> str:
        """What the field is, in plain words; the term itself where it is worked out."""
        known = field_of(self.field)
        return known.words if known and known.words else self.field


class Table(Struct, frozen=True):
    """A decision table: `columns` are field and operator; each row is a rule and the values of its cells, in order."""

    columns: tuple[tuple[str, str], ...]
    rules: tuple[Rule, ...]
    cells: tuple[tuple[str, ...], ...]


def form_of(condition: str) -> tuple[FormLine, ...] | None:
    """The form of a condition; None where it is no conjunction of simple comparisons."""
    node = read_condition(condition)
    lines = []
    for part in node.parts if isinstance(node, And) else (node,):
        line = _line(part)
        if line is None:
            return None
        lines.append(line)
    return tuple(lines)


def condition_of(form: Sequence[FormLine]) -> str:
    """The condition of a form, canonically. Raises RuleError with the row (as line) where a part cannot be read."""
    parts: list[Node] = []
    problems: list[Problem] = []
    for number, line in enumerate(form, 1):
        try:
            parts.append(_read(line))
        except RuleError as error:
            problems += [_at_row(each, number) for each in error.problems]
    if not form:
        problems.append(Problem(code="empty", words="the form has no row", line=1))
    if problems:
        raise RuleError(problems)
    return write_condition(parts[0] if len(parts) == 1 else And(tuple(parts)))


def tables_of(rule_set: RuleSet) -> tuple[tuple[Table, ...], tuple[Rule, ...]]:
    """The tables of a rule set, and the rules that stand in none as no other asks the same columns, or as they are text."""
    groups: dict[tuple[tuple[str, str], ...], list[tuple[Rule, tuple[FormLine, ...]]]] = {}
    for rule in rule_set.rules:
        form = form_of(rule.condition)
        if form is not None:
            groups.setdefault(tuple((line.field, line.operator) for line in form), []).append((rule, form))
    tables = tuple(
        Table(columns, tuple(rule for rule, _ in rows), tuple(tuple(line.value for line in form) for _, form in rows))
        for columns, rows in groups.items()
        if len(rows) > 1
    )
    inside = {rule.rule_id for table in tables for rule in table.rules}
    return tables, tuple(rule for rule in rule_set.rules if rule.rule_id not in inside)


def rules_of_table(table: Table) -> tuple[Rule, ...]:
    """The rules of a table with the conditions that its cells say; an empty cell leaves the column out.

    Raises RuleError with row (as line) and column of every cell that cannot be read.
    """
    found: list[Rule] = []
    problems: list[Problem] = []
    for number, (rule, cells) in enumerate(zip(table.rules, table.cells, strict=True), 1):
        form, places = [], []
        for place, ((field, operator), cell) in enumerate(zip(table.columns, cells, strict=True), 1):
            if cell.strip() or operator.endswith("has"):
                form.append(FormLine(field, operator, cell))
                places.append(place)
        try:
            found.append(replace(rule, condition=condition_of(form)))
        except RuleError as error:
            for each in error.problems:
                column = places[each.line - 1] if places else 0
                problems.append(
                    Problem(
                        code=each.code,
                        words=each.words,
                        line=number,
                        column=column,
                        hint=each.hint,
                        rule_id=rule.rule_id,
                    )
                )
    if problems:
        raise RuleError(problems)
    return tuple(found)


def write_csv(table: Table) -> str:
    """A table as CSV: rule, lane, title, then a column for each field and operator."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*_HEADINGS, *(f"{field} {operator}" for field, operator in table.columns)])
    for rule, cells in zip(table.rules, table.cells, strict=True):
        writer.writerow([rule.rule_id, rule.lane, rule.title, *cells])
    return stream.getvalue()


def read_csv(text: str, rule_set: RuleSet) -> tuple[Rule, ...]:
    """The rules of a table that was written as CSV and changed: lane, title and cells from it, the rest as before.

    A rule the set does not have is a new one; its words are its title. Raises RuleError with row and column.
    """
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or tuple(rows[0][: len(_HEADINGS)]) != _HEADINGS:
        hint = f"the first columns are {', '.join(_HEADINGS)}"
        raise RuleError([Problem(code="table", words="this is no table of rules", line=1, column=1, hint=hint)])
    columns = tuple(
        _heading(heading, place) for place, heading in enumerate(rows[0][len(_HEADINGS) :], len(_HEADINGS) + 1)
    )
    known = {rule.rule_id: rule for rule in rule_set.rules}
    rules, cells = [], []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(rows[0]):
            words = f"the row has {len(row)} cells, the heading {len(rows[0])}"
            raise RuleError([Problem(code="table", words=words, line=number, column=1)])
        rule_id, lane, title = row[: len(_HEADINGS)]
        if lane not in tuple(Lane):
            hint = ", ".join(Lane)
            raise RuleError(
                [Problem(code="table", words=f"there is no lane {lane!r}", line=number, column=2, hint=hint)]
            )
        before = known.get(rule_id) or Rule(rule_id=rule_id, title=title, words=title, condition="", lane=Lane(lane))
        rules.append(replace(before, lane=Lane(lane), title=title))
        cells.append(tuple(row[len(_HEADINGS) :]))
    try:
        return rules_of_table(Table(columns, tuple(rules), tuple(cells)))
    except RuleError as error:
        shifted = [_at_row(each, each.line + 1, each.column + len(_HEADINGS)) for each in error.problems]
        raise RuleError(shifted) from error


def _heading(text: str, place: int) -> tuple[str, str]:
    for operator in sorted(_operators(), key=len, reverse=True):
        if text.endswith(f" {operator}"):
            return text.removesuffix(f" {operator}"), operator
    hint = 'a field and an operator: "item.commodity_code startsWith"'
    raise RuleError([Problem(code="table", words=f"{text!r} heads no column", line=1, column=place, hint=hint)])


def _operators() -> tuple[str, ...]:
    return (*OPERATORS, *METHODS, *(_NOT + name for name in METHODS))


def _at_row(problem: Problem, line: int, column: int = 0) -> Problem:
    return replace(problem, line=line, column=column or problem.column)


def _line(node: Node) -> FormLine | None:
    """One part of a conjunction as a row; None where it is none."""
    if isinstance(node, Not):
        inner = _line(node.part)
        if inner is None or inner.operator in ("==", "!=", "<", "<=", ">", ">=") or inner.operator.startswith(_NOT):
            return None
        return replace(inner, operator=_NOT + inner.operator)
    match node:
        case Compare("in", Text() as left, Field() as right):
            return FormLine(write_condition(right), "holds", write_condition(left))
        case Compare(sign, left, right) if _is_term(left) and not _is_term(right):
            return FormLine(write_condition(left), sign, write_condition(right))
        case Call("has", (term,)):
            return FormLine(write_condition(term), "has")
        case Call(name, (term, operand), True) if _is_term(term):
            return FormLine(write_condition(term), name, write_condition(operand))
        case _:
            return None


def _is_term(node: Node) -> bool:
    """Whether a term says something of the record, alone or worked out."""
    return any(isinstance(each, Field | External) for each in walk(node))


def _read(line: FormLine) -> Node:
    node = read_condition(_written(line))
    found = _line(node)
    if found is None or found.operator != line.operator:
        hint = "one value of the language: a text in quotes, a number, money(…), date(…), a list"
        raise RuleError([Problem(code="value", words=f"{line.value!r} is more than one value", hint=hint)])
    return node


def _written(line: FormLine) -> str:
    if line.operator not in _operators():
        hint = f"known: {', '.join(_operators())}"
        raise RuleError([Problem(code="operator", words=f"there is no operator {line.operator!r}", hint=hint)])
    operator = line.operator.removeprefix(_NOT)
    if operator == "has":
        text = f"has({line.field})"
    elif operator == "holds":
        text = f"{line.value} in {line.field}"
    elif operator in METHODS:
        text = f"{line.field}.{operator}({line.value})"
    else:
        text = f"{line.field} {operator} {line.value}"
    return f"!({text})" if line.operator.startswith(_NOT) else text
