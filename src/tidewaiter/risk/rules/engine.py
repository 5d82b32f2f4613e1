"""Rules compiled for one day, and what they say of one record.

    engine = compile_rules(rule_set, context, on=legal_day)
    outcome = engine.evaluate(Record(declaration=…, assessment=…, features=…, scores=…, legal_day=…))
    outcome.hits          the rules that hold, by priority, each with the goods lines it holds for
    outcome.mask          the tests that hold for the declaration; outcome.line_masks for each line, with those
    explain(engine, outcome.mask, outcome.line_masks)      in `explaining.py`: why, and what nearly, from the masks alone

A rule without a field of a line holds for the declaration. One with such a field is asked of every line, and all its
fields of lines are then those of that line; it hits when it holds for a line at least.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from msgspec import Struct

from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules.catalogue import Record
from tidewaiter.risk.rules.checking import check
from tidewaiter.risk.rules.context import Context
from tidewaiter.risk.rules.errors import Mistake, Problem, RuleError
from tidewaiter.risk.rules.index import ColumnTable
from tidewaiter.risk.rules.looking import Plan
from tidewaiter.risk.rules.normal import Column, Test, alternatives, column_of
from tidewaiter.risk.rules.reading import problems_of, read_condition
from tidewaiter.risk.rules.rule import Rule, RuleSet
from tidewaiter.risk.rules.syntax import Field, is_of_line

WORD = 64  # bits of a word of a batch's masks
OFFICE = Field("lodgement_office_id")  # where a rule says for which offices it is


class RuleHit(Struct, frozen=True, gc=False):
    """A rule that holds; `lines` are the numbers of the lines it holds for, from 1, none for the whole declaration."""

    rule: Rule
    lines: tuple[int, ...] = ()


class Outcome(Struct, frozen=True):
    """What the rules say of one record.

    `mask` has a bit for each test (`Engine.tests`) that holds for the declaration, `line_masks` for each goods line in
    order, that of the declaration included. With the rule set and the lists of the day they explain the outcome.
    """

    hits: tuple[RuleHit, ...]
    mask: int
    line_masks: tuple[int, ...]

    @property
    def lane(self) -> Lane:
        """The highest lane of the hits, before the draw of those that send only a share there; green where none hit."""
        return max((hit.rule.lane for hit in self.hits), key=lambda lane: lane.rank, default=Lane.GREEN)


class Conjunction(Struct, frozen=True, gc=False):
    """Tests of which all must hold, as bits, and the rules (by place) that then do."""

    need: int
    rules: tuple[int, ...]


class Asked(NamedTuple):
    """A rule, whether it is asked of each line, and the conjunctions of which one must hold."""

    rule: Rule
    is_of_line: bool
    alternatives: tuple[frozenset[Test], ...]


class Engine:
    """The rules of one day, compiled by `compile_rules`.

    Any number of threads may use it: what it remembers of values it looks up and replaces whole, never in parts.
    """

    def __init__(
        self, asked: Sequence[Asked], tables: Sequence[ColumnTable], conjunctions: Sequence[Conjunction]
    ) -> None:
        self.rules = tuple(each.rule for each in asked)
        self.tables = tuple(tables)
        self.tests: tuple[Test, ...] = tuple(test for table in tables for test in table.tests)
        self.conjunctions = tuple(conjunctions)
        self.shift = len(self.tests)
        self.width = -(-self.shift // WORD) - (-len(self.conjunctions) // WORD)
        self.line_rules = frozenset(place for place, each in enumerate(asked) if each.is_of_line)
        of_line = [bool(self.line_rules.intersection(each.rules)) for each in conjunctions]
        self.whole_alive = sum(1 << self.shift + n for n, is_line in enumerate(of_line) if not is_line)
        self.line_alive = sum(1 << self.shift + n for n, is_line in enumerate(of_line) if is_line)
        self._held = (1 << self.shift) - 1
        self._whole_tables = [table for table in tables if not table.column.is_of_line]
        self._line_tables = [table for table in tables if table.column.is_of_line]
        self._whole = Plan(self._whole_tables, of_lines=False)
        self._lines = Plan(self._line_tables, of_lines=True)
        self._rules_of = {1 << self.shift + n: each.rules for n, each in enumerate(conjunctions)}

    def evaluate(self, record: Record) -> Outcome:
        """The rules that hold for a record, and the tests that do. Never raises for what the record holds."""
        held, line_alive, bits_of_line = self._held, self.line_alive, self._lines.bits
        whole = self._whole.bits(record, None)
        found: dict[int, list[int]] = {}
        if whole & self.whole_alive != self.whole_alive:
            found = {place: [] for place in self.rules_of(self.whole_alive & ~whole)}
        masks = []
        for number, line in enumerate(record.declaration.goods_items, 1):
            bits = whole | bits_of_line(record, line)
            masks.append(bits & held)
            if bits & line_alive != line_alive:
                for place in self.rules_of(line_alive & ~bits):
                    found.setdefault(place, []).append(number)
        return Outcome(self.hits_of(found) if found else (), whole & held, tuple(masks))

    def rules_of(self, alive: int) -> set[int]:
        """The rules, by place, of conjunctions that hold."""
        found: set[int] = set()
        while alive:
            bit = alive & -alive
            found.update(self._rules_of[bit])
            alive ^= bit
        return found

    def hits_of(self, found: Mapping[int, Iterable[int]]) -> tuple[RuleHit, ...]:
        """Hits in the order they are told: by priority, then as the file has them."""
        order = sorted(found, key=lambda place: (self.rules[place].priority, place)) if len(found) > 1 else found
        return tuple(RuleHit(self.rules[place], tuple(found[place])) for place in order)

    def hits_from(self, mask: int, line_masks: Sequence[int]) -> tuple[RuleHit, ...]:
        """The hits, from masks that were kept: the same as `evaluate` gave."""
        whole = self._packed(self._whole_tables, mask)
        found: dict[int, list[int]] = {place: [] for place in self.rules_of(self.whole_alive & ~whole)}
        for number, bits in enumerate(line_masks, 1):
            refuted = whole | self._packed(self._line_tables, bits)
            for place in self.rules_of(self.line_alive & ~refuted):
                found.setdefault(place, []).append(number)
        return self.hits_of(found) if found else ()

    def _packed(self, tables: Sequence[ColumnTable], mask: int) -> int:
        """The tests of some columns that hold, with the conjunctions that the others refute."""
        found = 0
        for table in tables:
            found |= table.packed_of(mask & table.mask)
        return found


def compile_rules(rule_set: RuleSet, context: Context, *, on: date | None = None) -> Engine:
    """The engine of a rule set's rules in force on a day (all of them where none is given).

    Raises RuleError with every mistake where a rule names what the context does not have, or costs too much.
    """
    rules = rule_set.rules if on is None else rule_set.in_force(on).rules
    problems: list[Problem] = []
    found: list[Asked] = []
    for rule in rules:
        try:
            found.append(_asked(rule, context))
        except RuleError as error:
            problems += error.problems
    if problems:
        raise RuleError(problems)
    return _laid_out(found)


def _asked(rule: Rule, context: Context) -> Asked:
    node = read_condition(rule.condition)
    mistakes = check(node, context.names)
    if not mistakes:
        try:
            found = alternatives(node, context)
        except Mistake as mistake:
            mistakes.append(mistake)
    if mistakes:
        problems = problems_of(rule.condition, mistakes)
        raise RuleError(
            Problem(code=p.code, words=p.words, line=p.line, column=p.column, hint=p.hint, rule_id=rule.rule_id)
            for p in problems
        )
    if rule.offices:
        office = Test(column_of(OFFICE, context), "among", frozenset(rule.offices))
        found = tuple(each | {office} for each in found)
    return Asked(rule, is_of_line(node), found)


def _laid_out(asked: Sequence[Asked]) -> Engine:
    """Gives bits to tests, column by column, and to conjunctions, those that several rules share once."""
    columns: dict[Column, set[Test]] = {}
    for each in asked:
        for conjunction in each.alternatives:
            for test in conjunction:
                columns.setdefault(test.column, set()).add(test)
    tables: list[ColumnTable] = []
    bit = 0
    for column in sorted(columns, key=lambda each: (each.is_of_line, each.key, each.kind)):
        tables.append(ColumnTable(column, columns[column], bit))
        bit += len(tables[-1].tests)
    bits = {test: value for table in tables for test, value in table.bits.items()}
    shared: dict[tuple[int, bool], list[int]] = {}
    for place, each in enumerate(asked):
        for conjunction in each.alternatives:
            need = sum(bits[test] for test in conjunction)
            shared.setdefault((need, each.is_of_line), []).append(place)
    conjunctions = [Conjunction(need, tuple(places)) for (need, _), places in shared.items()]
    for table in tables:
        needs: dict[int, int] = {}
        for number, one in enumerate(conjunctions):
            need = one.need & table.mask
            if need:
                needs[need] = needs.get(need, 0) | 1 << len(bits) + number
        table.needs = list(needs.items())
    return Engine(asked, tables, conjunctions)
