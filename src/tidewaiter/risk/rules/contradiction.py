"""Rules that can never hold: `x > 5 && x < 3`, one text and another, a list of which nothing is left."""

from __future__ import annotations

from tidewaiter.risk.rules.engine import Engine
from tidewaiter.risk.rules.errors import Problem
from tidewaiter.risk.rules.index import ORDERED_ONES, ColumnTable
from tidewaiter.risk.rules.syntax import Kind


def never_holding(engine: Engine) -> list[Problem]:
    """A warning for each rule of which every alternative asks of one field what no value of it can be.

    Told only where that is certain: for numbers, days, moments and truths, and for texts that are held against texts
    written out or lists.
    """
    possible: set[int] = set()
    tables = [(table, values) for table in engine.tables if (values := _all_values(table)) is not None]
    for each in engine.conjunctions:
        if all(_can_hold(each.need & table.mask, values) for table, values in tables):
            possible.update(each.rules)
    return [
        Problem(
            code="never_holds",
            words="it can never hold: it asks of one field what no value can be at once",
            rule_id=rule.rule_id,
            is_warning=True,
        )
        for place, rule in enumerate(engine.rules)
        if place not in possible
    ]


def _can_hold(need: int, values: list[int]) -> bool:
    return not need or any(need & held == need for held in values)


def _all_values(table: ColumnTable) -> list[int] | None:
    """The bits of every value a column can have; None where they cannot be listed."""
    if table.column.kind in ORDERED_ONES:
        return [*table.held_by_class(), table.held(None)]
    if table.column.kind is Kind.TRUTH:
        return [table.held(value) for value in (True, False, None)]
    if table.column.kind is not Kind.TEXT or any(test.name not in ("among", "has") for test in table.tests):
        return None
    texts = {text for test in table.tests if isinstance(test.operand, frozenset) for text in test.operand}
    return [*(table.held(text) for text in texts), table.held(None), table.held(_other_than(texts))]


def _other_than(texts: set[str]) -> str:
    return max(texts, key=len, default="") + "x"
