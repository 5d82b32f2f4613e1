"""What an import gave, and how a decision table's rows become rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct

from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules.catalogue import catalogue
from tidewaiter.risk.rules.checking import Names, check
from tidewaiter.risk.rules.errors import Mistake, Problem, RuleError, meant
from tidewaiter.risk.rules.files import WORDS_LENGTH_MAX
from tidewaiter.risk.rules.importing.unary import Dialect, unary_test
from tidewaiter.risk.rules.reading import problems_of, read_condition
from tidewaiter.risk.rules.rule import PERCENT_ALL, PRIORITY_MAX, PRIORITY_USUAL, Rule, RuleSet
from tidewaiter.risk.rules.writing import write_condition

CONTENT_LENGTH_MAX = 8_000_000  # bytes or characters of what is imported
ALL_HIT = frozenset(("UNIQUE", "ANY", "COLLECT", "RULE ORDER", "U", "A", "C", "R", ""))  # rows do not hide rows
OUTPUTS = ("lane", "title", "words", "percent", "priority")


class Imported(Struct, frozen=True):
    """The rules that were understood as a set, and what was not (or, as warnings, means something else here)."""

    rule_set: RuleSet
    problems: tuple[Problem, ...]


class Cell(Struct, frozen=True, gc=False):
    """One cell: its text and its place, a line of the file or words."""

    text: str
    line: int = 0
    where: str = ""


class Row(Struct, frozen=True):
    """One row of a decision table."""

    row_id: str
    inputs: tuple[Cell, ...]
    outputs: tuple[Cell, ...]
    words: str = ""
    place: Cell = Cell("")


class DecisionTable(Struct, frozen=True):
    """A decision table as read: the expression of each input, the name of each output, rows."""

    name: str
    hit_policy: str
    inputs: tuple[Cell, ...]
    outputs: tuple[Cell, ...]
    rows: tuple[Row, ...]
    place: Cell = Cell("")
    dialect: Dialect = Dialect.FEEL


def rules_of_tables(tables: Sequence[DecisionTable], fields: Mapping[str, str]) -> Imported:
    """The rules of decision tables, one a row."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for table in tables:
        problems += _about(table)
        for number, row in enumerate(table.rows, 1):
            rule_id = identifier(f"{table.name}.{row.row_id or number}", seen)
            found = list(_faults(table, row, fields))
            mistakes = [each for each in found if not each.is_warning]
            problems += [_named(each, rule_id) for each in found]
            if not mistakes:
                rules.append(_rule(table, row, fields, rule_id))
    return Imported(RuleSet(tuple(rules)), tuple(problems))


def identifier(text: str, seen: dict[str, int]) -> str:
    """An id for a rule made of a name, not among those `seen` (with how often each was asked for), to which it is added."""
    plain = re.sub(r"[^a-z0-9_.-]+", "_", text.casefold()).strip("_.-")[:70] or "rule"
    number = seen.get(plain, 0) + 1
    found = plain if number == 1 else f"{plain}.{number}"
    while number > 1 and found in seen:
        number += 1
        found = f"{plain}.{number}"
    seen[plain] = number
    seen.setdefault(found, 1)
    return found


def said(text: str) -> str:
    """A text on one line, as long as a title or words may be."""
    return " ".join(text.split())[:WORDS_LENGTH_MAX]


def checked(condition: str, cell: Cell) -> tuple[str, list[Problem]]:
    """A condition in canonical form, or what is wrong with it, at a cell's place."""
    try:
        node = read_condition(condition)
        mistakes = check(node, Names())
    except RuleError as error:
        return "", [_at(each, cell) for each in error.problems]
    found = problems_of(condition, mistakes)
    return write_condition(node), [_at(each, cell) for each in found]


def field_for(name: str, fields: Mapping[str, str]) -> str:
    """What a name of the other system is here. Raises Mistake where that is not known."""
    found = fields.get(name) or (name if name in catalogue() else "")
    if not found:
        raise Mistake("unknown_name", f"it is not known what {name!r} is here", 0, _hint(name))
    return found


@lru_cache(maxsize=256)
def _hint(name: str) -> str:
    return meant(name, catalogue(), f'say what it is: --field "{name}=item.commodity_code"')


def _about(table: DecisionTable) -> Iterator[Problem]:
    names = [cell.text.strip().casefold() for cell in table.outputs]
    if "lane" not in names:
        hint = "name the column that holds green, blue, yellow or red: lane"
        yield _at(Problem(code="no_lane", words=f"the table {table.name} has no output lane", hint=hint), table.place)
    for cell, name in zip(table.outputs, names, strict=True):
        if name not in OUTPUTS:
            words = f"the output {cell.text!r} says nothing here and was left out"
            yield _at(Problem(code="output", words=words, hint=f"known: {', '.join(OUTPUTS)}", is_warning=True), cell)
    if table.hit_policy.upper() not in ALL_HIT:
        words = f"the table {table.name} says {table.hit_policy}: here every row that holds is a reason, hidden by none"
        yield _at(
            Problem(code="hit_policy", words=words, hint="make the rows exclude one another", is_warning=True),
            table.place,
        )


def _faults(table: DecisionTable, row: Row, fields: Mapping[str, str]) -> Iterator[Problem]:
    is_empty = True
    for head, cell in zip(table.inputs, row.inputs, strict=False):
        if cell.text.strip() in ("", "-"):
            continue
        is_empty = False
        try:
            test = unary_test(field_for(head.text, fields), cell.text, table.dialect)
        except Mistake as mistake:
            yield _at(Problem(code=mistake.code, words=f"{cell.text!r}: {mistake.words}", hint=mistake.hint), cell)
            continue
        yield from checked(test, cell)[1]
    if len(row.inputs) != len(table.inputs) or len(row.outputs) != len(table.outputs):
        yield _at(Problem(code="table", words="the row has another number of cells than the heading"), row.place)
    if is_empty:
        yield _at(Problem(code="empty", words="the row asks for nothing, and would hit every parcel"), row.place)
    outputs = _outputs(table, row)
    if outputs.get("lane", "").casefold() not in tuple(Lane):
        yield _at(
            Problem(code="lane", words=f"there is no lane {outputs.get('lane', '')!r}", hint=", ".join(Lane)), row.place
        )
    for name, least, most in (("percent", 1, PERCENT_ALL), ("priority", 0, PRIORITY_MAX)):
        text = outputs.get(name, "")
        if text and not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            yield _at(
                Problem(code=name, words=f"{name}: {text!r} is no whole number from {least} to {most}"), row.place
            )


def _rule(table: DecisionTable, row: Row, fields: Mapping[str, str], rule_id: str) -> Rule:
    tests = [
        unary_test(field_for(head.text, fields), cell.text, table.dialect)
        for head, cell in zip(table.inputs, row.inputs, strict=True)
        if cell.text.strip() not in ("", "-")
    ]
    outputs = _outputs(table, row)
    title = outputs.get("title") or row.words or f"{table.name}, row {row.row_id}".strip()
    return Rule(
        rule_id=rule_id,
        title=said(title),
        words=said(outputs.get("words") or row.words or title),
        condition=checked(" && ".join(f"({test})" for test in tests), row.place)[0],
        lane=Lane(outputs["lane"].casefold()),
        percent=int(outputs.get("percent") or PERCENT_ALL),
        priority=int(outputs.get("priority") or PRIORITY_USUAL),
    )


def _outputs(table: DecisionTable, row: Row) -> dict[str, str]:
    pairs = zip(table.outputs, row.outputs, strict=False)
    return {head.text.strip().casefold(): cell.text.strip().strip("\"'") for head, cell in pairs}


def _at(problem: Problem, cell: Cell) -> Problem:
    where = ", ".join(each for each in (problem.where, cell.where) if each)
    return Problem(
        code=problem.code,
        words=problem.words,
        line=cell.line,
        hint=problem.hint,
        is_warning=problem.is_warning,
        where=where,
    )


def _named(problem: Problem, rule_id: str) -> Problem:
    return Problem(
        code=problem.code,
        words=problem.words,
        line=problem.line,
        column=problem.column,
        hint=problem.hint,
        rule_id=rule_id,
        is_warning=problem.is_warning,
        where=problem.where,
    )
