"""Why rules hit, which nearly did, and what would have had to be otherwise: from the masks that are kept, alone.

    explain(engine, outcome.mask, outcome.line_masks) -> Explanation

A mask tells of every test whether it held, and of every column whether it had a value. Changes are tried one field at
a time, each value that rules tell apart; a change is named only where the engine, given it, comes to another lane.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter

from msgspec import Struct

from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules.engine import Conjunction, Engine, RuleHit
from tidewaiter.risk.rules.index import ColumnTable
from tidewaiter.risk.rules.normal import write_test
from tidewaiter.risk.rules.rule import Rule

NEAR_MISSES_MAX = 20
CHANGES_MAX = 40
_RANK = attrgetter("rank")
WHOLE = 0  # the number of the line where the whole declaration is meant


class Told(Struct, frozen=True, omit_defaults=True, gc=False):
    """One test: what it asks, in the language, whether it held, and whether the field had a value at all."""

    condition: str
    held: bool
    is_missing: bool = False


class WhyHit(Struct, frozen=True, gc=False):
    """Why a rule hit at a line (0: the whole declaration): the tests of one alternative that held."""

    rule_id: str
    line: int
    held: tuple[Told, ...]


class NearMiss(Struct, frozen=True, gc=False):
    """A rule that did not hit at a line for one test alone."""

    rule_id: str
    line: int
    lane: Lane
    failed: Told


class Change(Struct, frozen=True, gc=False):
    """A change of one field that would have led to another lane: "item.invoice_price in EUR: below 45"."""

    field: str
    line: int
    value: str
    lane: Lane


class Explanation(Struct, frozen=True):
    """What the masks tell. `changes` has those that lower the lane first, each field's nearest values as they come."""

    lane: Lane
    hits: tuple[WhyHit, ...]
    near_misses: tuple[NearMiss, ...]
    changes: tuple[Change, ...]


def explain(engine: Engine, mask: int, line_masks: Sequence[int]) -> Explanation:
    """Explains an outcome of the engine of the same rules and lists."""
    hits = engine.hits_from(mask, line_masks)
    lane = max((hit.rule.lane for hit in hits), key=_RANK, default=Lane.GREEN)
    return Explanation(
        lane=lane,
        hits=tuple(_why(engine, hits, mask, line_masks)),
        near_misses=tuple(_near_misses(engine, hits, mask, line_masks))[:NEAR_MISSES_MAX],
        changes=_changes(engine, lane, mask, line_masks),
    )


def _masks(engine: Engine, rule: int, mask: int, line_masks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The masks a rule is asked of, with their lines."""
    if rule in engine.line_rules:
        yield from enumerate(line_masks, 1)
    else:
        yield WHOLE, mask


def _why(engine: Engine, hits: Sequence[RuleHit], mask: int, line_masks: Sequence[int]) -> Iterator[WhyHit]:
    of_rule = _conjunctions_by_rule(engine)
    for hit in hits:
        place = engine.rules.index(hit.rule)
        for line, bits in _masks(engine, place, mask, line_masks):
            need = next((each.need for each in of_rule[place] if bits & each.need == each.need), None)
            if need is not None:
                yield WhyHit(hit.rule.rule_id, line, tuple(_told(engine, need, bits)))


def _near_misses(engine: Engine, hits: Sequence[RuleHit], mask: int, line_masks: Sequence[int]) -> list[NearMiss]:
    hit = {each.rule.rule_id for each in hits}
    found: dict[tuple[str, int], NearMiss] = {}
    for place, conjunctions in _conjunctions_by_rule(engine).items():
        rule: Rule = engine.rules[place]
        if rule.rule_id in hit:
            continue
        for line, bits in _masks(engine, place, mask, line_masks):
            for each in conjunctions:
                failed = each.need & ~bits
                if failed.bit_count() == 1 and each.need.bit_count() > 1:
                    told = next(_told(engine, failed, bits))
                    found.setdefault((rule.rule_id, line), NearMiss(rule.rule_id, line, rule.lane, told))
    return sorted(found.values(), key=lambda each: (-each.lane.rank, each.rule_id, each.line))


def _told(engine: Engine, bits: int, mask: int) -> Iterator[Told]:
    for table in engine.tables:
        if bits & table.mask:
            is_missing = not mask & table.bits[table.tests[0]]
            for test, bit in table.bits.items():
                if bits & bit:
                    yield Told(write_test(test), bool(mask & bit), is_missing)


def _conjunctions_by_rule(engine: Engine) -> dict[int, list[Conjunction]]:
    found: dict[int, list[Conjunction]] = {}
    for each in engine.conjunctions:
        for place in each.rules:
            found.setdefault(place, []).append(each)
    return found


def _changes(engine: Engine, lane: Lane, mask: int, line_masks: Sequence[int]) -> tuple[Change, ...]:
    """Every change of one field, of the whole or of one line, after which the lane is another."""
    found: list[Change] = []
    whole = [table for table in engine.tables if not table.column.is_of_line]
    lines = [table for table in engine.tables if table.column.is_of_line]
    of_whole = _refuted(whole, mask)
    of_lines = [_refuted(lines, bits) for bits in line_masks]
    for table, without in _one_left_out(whole, mask):
        for words, held in table.others(mask & table.mask):
            changed = without | table.packed_of(held)
            found.append(Change(table.column.key, WHOLE, words, _lane_of(engine, changed, of_lines)))
    for number, bits in enumerate(line_masks):
        for table, without in _one_left_out(lines, bits):
            for words, held in table.others(bits & table.mask):
                changed_lines = [*of_lines]
                changed_lines[number] = without | table.packed_of(held)
                found.append(Change(table.column.key, number + 1, words, _lane_of(engine, of_whole, changed_lines)))
    others = [each for each in found if each.lane is not lane]
    others.sort(key=lambda each: (each.lane.rank > lane.rank, abs(each.lane.rank - lane.rank) * -1))
    return tuple(others[:CHANGES_MAX])


def _refuted(tables: Sequence[ColumnTable], mask: int) -> int:
    found = 0
    for table in tables:
        found |= table.packed_of(mask & table.mask)
    return found


def _one_left_out(tables: Sequence[ColumnTable], mask: int) -> Iterator[tuple[ColumnTable, int]]:
    """Each table with what all the others refute."""
    after = [0]
    for table in reversed(tables):
        after.append(after[-1] | table.packed_of(mask & table.mask))
    before = 0
    for number, table in enumerate(tables):
        yield table, before | after[len(tables) - 1 - number]
        before |= table.packed_of(mask & table.mask)


def _lane_of(engine: Engine, whole: int, lines: Sequence[int]) -> Lane:
    alive = engine.whole_alive & ~whole
    for each in lines:
        alive |= engine.line_alive & ~(whole | each)
    return max((engine.rules[place].lane for place in engine.rules_of(alive)), key=_RANK, default=Lane.GREEN)
