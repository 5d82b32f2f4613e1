"""Decision tables of the JSON decision model that GoRules' ZEN engine runs.

The shape of nodes, and what cells mean, are those of zen-engine 2.1 as tried on 2026-11-27 (values, lists, comparisons,
intervals, null, startsWith of `$`); its documentation was not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tidewaiter.risk.rules.errors import Problem
from tidewaiter.risk.rules.importing.imported import (
    CONTENT_LENGTH_MAX,
    Cell,
    DecisionTable,
    Imported,
    Row,
    rules_of_tables,
)
from tidewaiter.risk.rules.importing.unary import Dialect
from tidewaiter.risk.rules.rule import RuleSet

_PASSED = frozenset(("inputNode", "outputNode"))  # nodes that say nothing of their own


def read_jdm(content: bytes, fields: Mapping[str, str]) -> Imported:
    """The rules of all decision tables in a JSON decision; other nodes (expressions, functions, switches) are told."""
    if len(content) > CONTENT_LENGTH_MAX:
        return _refused(f"the file has more than {CONTENT_LENGTH_MAX} bytes")
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        return _refused(f"this is no JSON: {error}")
    nodes = found.get("nodes") if isinstance(found, dict) else None
    if not isinstance(nodes, list):
        return _refused("this is no JSON decision: it has no list of nodes")
    tables, problems = [], []
    for number, node in enumerate(nodes, 1):
        kind = str(node.get("type", "")) if isinstance(node, dict) else ""
        name = str(node.get("name", "") or node.get("id", "")) if isinstance(node, dict) else ""
        if kind == "decisionTableNode" and isinstance(node.get("content"), dict):
            tables.append(_table(name, node["content"]))
        elif kind not in _PASSED:
            words = f"{kind or 'what has no type'} is not read"
            problems.append(Problem(code="not_a_table", words=words, where=f"node {name or number}"))
    read = rules_of_tables(tables, fields)
    return Imported(read.rule_set, (*problems, *read.problems))


def _table(name: str, content: dict[str, Any]) -> DecisionTable:
    inputs, outputs = _heads(content, "inputs"), _heads(content, "outputs")
    rows = tuple(
        Row(
            str(rule.get("_id", "")),
            tuple(_cell(rule, key, f"node {name}, row {number}, column {head}") for key, head in inputs),
            tuple(_cell(rule, key, f"node {name}, row {number}, column {head}") for key, head in outputs),
            str(rule.get("_description", "")),
            Cell("", where=f"node {name}, row {number}"),
        )
        for number, rule in enumerate(_records(content, "rules"), 1)
    )
    heads = [tuple(Cell(head, where=f"node {name}, column {head}") for _, head in each) for each in (inputs, outputs)]
    place = Cell("", where=f"node {name}")
    return DecisionTable(
        name or "table", str(content.get("hitPolicy", "")), heads[0], heads[1], rows, place, Dialect.ZEN
    )


def _heads(content: dict[str, Any], key: str) -> list[tuple[str, str]]:
    found = _records(content, key)
    return [(str(each.get("id", "")), str(each.get("field") or each.get("name") or "")) for each in found]


def _records(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = content.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _cell(rule: dict[str, Any], key: str, where: str) -> Cell:
    return Cell(str(rule.get(key, "") or ""), where=where)


def _refused(words: str) -> Imported:
    return Imported(RuleSet(()), (Problem(code="unreadable", words=words),))
