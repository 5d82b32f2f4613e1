"""Three ways to evaluate a rule agree: one record, a batch, and an independent translation to SQL."""

from __future__ import annotations

import os
import random

import pytest

from rules_fuzz import CONTEXT, NAMES, Maker, record
from rules_sql import Warehouse
from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules import (
    Problem,
    Record,
    Rule,
    RuleError,
    RuleSet,
    canonical_condition,
    compile_rules,
    read_condition,
)
from tidewaiter.risk.rules.batch import encode, evaluate_batch, mask_of
from tidewaiter.risk.rules.meaning import meaning
from tidewaiter.risk.rules.syntax import is_of_line

PAIRS = int(os.environ.get("TIDEWAITER_FUZZ_PAIRS", "40000"))  # (rule, record) pairs that are compared
RULES, RECORDS = 100, 500 if PAIRS > 100_000 else 200  # in one round


def drawn_rules(chance: random.Random, count: int) -> list[Rule]:
    """Rules whose conditions are within the bounds; those beyond are drawn again."""
    found: list[Rule] = []
    while len(found) < count:
        condition = canonical_condition(Maker(chance).condition())
        rule = Rule(rule_id=f"r{len(found)}", title="t", words="w", condition=condition, lane=Lane.RED)
        problems: tuple[Problem, ...] = ()
        try:
            compile_rules(RuleSet((rule,)), CONTEXT)
        except RuleError as error:
            problems = error.problems
        assert {each.code for each in problems} <= {"cost"}, (condition, problems)
        if not problems:
            found.append(rule)
    return found


@pytest.mark.parametrize("seed", range(max(1, PAIRS // (RULES * RECORDS))))
def test_single_batch_and_sql_agree(seed: int) -> None:
    chance = random.Random(seed)
    rules = drawn_rules(chance, RULES)
    records = [record(chance) for _ in range(RECORDS)]
    engine = compile_rules(RuleSet(tuple(rules)), CONTEXT)
    outcomes = [engine.evaluate(each) for each in records]
    single = [
        (number, line, int(hit.rule.rule_id[1:]))
        for number, outcome in enumerate(outcomes)
        for hit in outcome.hits
        for line in (hit.lines or (0,))
    ]
    batch = evaluate_batch(engine, encode(engine, records))
    assert sorted(single) == [tuple(row) for row in batch.hits.tolist()]
    assert [outcome.mask for outcome in outcomes] == [mask_of(row) for row in batch.masks]
    assert [mask for outcome in outcomes for mask in outcome.line_masks] == [mask_of(row) for row in batch.line_masks]
    warehouse = Warehouse(records, NAMES, CONTEXT)
    of_rule: dict[int, set[tuple[int, int]]] = {}
    for number, line, place in single:
        of_rule.setdefault(place, set()).add((number, line))
    for place, rule in enumerate(rules):
        assert of_rule.get(place, set()) == warehouse.hits(rule.condition), rule.condition
    for outcome in outcomes:
        assert engine.hits_from(outcome.mask, outcome.line_masks) == outcome.hits


@pytest.mark.parametrize("seed", range(2))
def test_the_tables_mean_what_the_meaning_states(seed: int) -> None:
    chance = random.Random(1000 + seed)
    rules = drawn_rules(chance, 60)
    records = [record(chance) for _ in range(60)]
    engine = compile_rules(RuleSet(tuple(rules)), CONTEXT)
    for each in records:
        hits = {hit.rule.rule_id: hit.lines for hit in engine.evaluate(each).hits}
        stated = {rule.rule_id: lines for rule in rules if (lines := stated_hits(rule, each)) is not None}
        assert hits == stated


def stated_hits(rule: Rule, of: Record) -> tuple[int, ...] | None:
    """The lines a rule holds for by `meaning.py`; None where it does not hold."""
    node = read_condition(rule.condition)
    holds = meaning(node, CONTEXT)
    if not is_of_line(node):
        return () if holds(of, None) is True else None
    lines = tuple(n for n, line in enumerate(of.declaration.goods_items, 1) if holds(of, line) is True)
    return lines or None
