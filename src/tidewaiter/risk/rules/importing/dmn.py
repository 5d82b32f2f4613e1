"""Decision tables of DMN 1.3 and its neighbours, from their XML.

Written from knowledge of OMG's Decision Model and Notation (decision tables, hit policies, unary tests of FEEL), whose
text was not at hand: not confirmed against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from tidewaiter.risk.rules.errors import Problem
from tidewaiter.risk.rules.importing.imported import (
    CONTENT_LENGTH_MAX,
    Cell,
    DecisionTable,
    Imported,
    Row,
    rules_of_tables,
)
from tidewaiter.risk.rules.rule import RuleSet


def read_dmn(content: bytes, fields: Mapping[str, str]) -> Imported:
    """The rules of all decision tables in a DMN file; what else it holds (literal expressions, contexts) is told."""
    if len(content) > CONTENT_LENGTH_MAX:
        return _refused(f"the file has more than {CONTENT_LENGTH_MAX} bytes")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        return _refused(f"this is no XML: {error.msg}", error.lineno or 0)
    if b"<!DOCTYPE" in content:
        return _refused("the file has a document type, which is not read")
    if _name(root) != "definitions" or "DMN" not in (etree.QName(root).namespace or ""):
        return _refused("this is no DMN: its root is no definitions element of DMN", _line(root))
    tables, problems = [], []
    for decision in _below(root, "decision"):
        table = next(iter(_below(decision, "decisionTable")), None)
        if table is not None:
            tables.append(_table(decision, table))
            continue
        words = f"the decision {decision.get('name', '')!r} is no decision table, and is not read"
        problems.append(Problem(code="not_a_table", words=words, line=_line(decision)))
    if not tables and not problems:
        problems.append(Problem(code="not_a_table", words="the file holds no decision", line=_line(root)))
    found = rules_of_tables(tables, fields)
    return Imported(found.rule_set, (*problems, *found.problems))


def _table(decision: etree._Element, table: etree._Element) -> DecisionTable:
    inputs = tuple(
        _cell(expression) for each in _below(table, "input") for expression in _below(each, "inputExpression")
    )
    outputs = tuple(
        Cell(each.get("name") or each.get("label") or ("lane" if number == 0 else ""), _line(each))
        for number, each in enumerate(_below(table, "output"))
    )
    rows = tuple(_row(each) for each in _below(table, "rule"))
    name = decision.get("name") or decision.get("id") or "table"
    return DecisionTable(name, table.get("hitPolicy", "UNIQUE"), inputs, outputs, rows, Cell("", _line(table)))


def _row(rule: etree._Element) -> Row:
    inputs = tuple(_cell(each) for each in _below(rule, "inputEntry"))
    outputs = tuple(_cell(each) for each in _below(rule, "outputEntry"))
    said = [*_below(rule, "annotationEntry"), *_below(rule, "description")]
    words = " ".join(filter(None, (_text(each) for each in said)))
    return Row(rule.get("id", ""), inputs, outputs, words, Cell("", _line(rule)))


def _cell(entry: etree._Element) -> Cell:
    return Cell(_text(entry), _line(entry))


def _text(element: etree._Element) -> str:
    inner = _below(element, "text")
    return ((inner[0].text if inner else element.text) or "").strip()


def _below(element: etree._Element, name: str) -> list[etree._Element]:
    return [each for each in _children(element) if _name(each) == name]


def _children(element: etree._Element) -> Iterator[etree._Element]:
    return (each for each in element if isinstance(each.tag, str))


def _line(element: Any) -> int:
    return int(element.sourceline or 0)


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _refused(words: str, line: int = 0) -> Imported:
    return Imported(RuleSet(()), (Problem(code="unreadable", words=words, line=line),))
