"""Rules of other systems: what is understood, and that what is not is told with its place."""

from __future__ import annotations

import json

import pytest

from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules.errors import Mistake
from tidewaiter.risk.rules.importing import Imported, read_asycuda, read_dmn, read_jdm
from tidewaiter.risk.rules.importing.unary import Dialect, unary_test

SELECTIVITY = """\
Criteria "APPLES";
If ComCod = "080810" and CtyOrigCod = "US" Then
  RedLane IS 100;
Endif;

Criteria "TRACTORS";
Num01 IS SuppUnits;
If InListTar("TRACTORS") = Found Then
  If Num01 > 0 Then
    If StatVal / Num01 < 3000 Then
      RedLane IS 50;
      YellowLane IS 25;
    Endif;
  Endif;
Else
  BlueLane IS 10;
Endif;

Criteria "VALUE";
If (GetValue < 5) or not (CtyOrigCod <> "US") Then RedLane IS 100; Endif;
"""
DMN = """\
<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" name="d" namespace="d">
  <decision id="a" name="Origin risk">
    <decisionTable hitPolicy="FIRST">
      <input><inputExpression><text>item.origin_country_code</text></inputExpression></input>
      <input><inputExpression><text>price</text></inputExpression></input>
      <output name="lane"/><output name="words"/><output name="fee"/>
      <rule id="near"><inputEntry><text>"XA","XB"</text></inputEntry><inputEntry><text>[10..45.5)</text></inputEntry>
        <outputEntry><text>"red"</text></outputEntry><outputEntry><text>"Look"</text></outputEntry>
        <outputEntry><text>5</text></outputEntry></rule>
      <rule id="far"><inputEntry><text>not("XA")</text></inputEntry>
        <inputEntry><text>some x in y satisfies x</text></inputEntry>
        <outputEntry><text>"red"</text></outputEntry><outputEntry><text/></outputEntry><outputEntry><text/></outputEntry></rule>
      <rule id="any"><inputEntry><text>-</text></inputEntry><inputEntry><text>-</text></inputEntry>
        <outputEntry><text>"green"</text></outputEntry><outputEntry><text/></outputEntry><outputEntry><text/></outputEntry></rule>
    </decisionTable>
  </decision>
  <decision name="Fee"><literalExpression><text>5</text></literalExpression></decision>
</definitions>
"""


def told(found: Imported) -> list[tuple[str, str, str]]:
    return [(each.rule_id, each.place, each.code) for each in found.problems]


def test_the_published_example_of_asycuda() -> None:
    found = read_asycuda('If ComCod="080810" and CtyOrigCod="US" Then RedLane IS 100', {})
    (rule,) = found.rule_set.rules
    assert rule.condition == 'item.commodity_code.startsWith("080810") && item.origin_country_code == "US"'
    assert (rule.lane, rule.percent) == (Lane.RED, 100)
    assert not found.problems


def test_criteria_within_criteria_variables_lists_and_shares_of_lanes() -> None:
    found = read_asycuda(SELECTIVITY, {})
    rules = {rule.rule_id: rule for rule in found.rule_set.rules}
    inner = (
        'item.commodity_code in list("TRACTORS.codes") && item.quantity > 0'
        " && item.statistical_value.amount / item.quantity < 3000"
    )
    assert rules["asycuda.tractors.red"].condition == rules["asycuda.tractors.yellow"].condition == inner
    assert rules["asycuda.tractors.red"].percent == 50
    assert rules["asycuda.tractors.yellow"].percent == 50  # of what the red lane leaves: a quarter of all
    assert rules["asycuda.tractors.blue"].condition == '!(item.commodity_code in list("TRACTORS.codes"))'
    assert "asycuda.value.red" not in rules
    assert [(each.where, each.line, each.column, each.code) for each in found.problems] == [
        ("criteria TRACTORS", 15, 1, "else"),
        ("criteria VALUE", 20, 5, "unknown_name"),
    ]
    given = read_asycuda(SELECTIVITY, {"GetValue": "item.unit_price.amount"})
    last = given.rule_set.rules[-1].condition
    assert last == 'item.unit_price.amount < 5 || !(item.origin_country_code != "US")'


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("RedLane IS 100;", "no_condition", 1, 1),
        ('If ComCod = "01" Then\nRedLane IS 101; Endif;', "lane", 2, 12),
        ('If ComCod ~ "01" Then RedLane IS 1;', "character", 1, 11),
        ('If ComCod = "01" RedLane IS 1;', "syntax", 1, 18),
        ('If InListAnd("X") = Found Then RedLane IS 1;', "function", 1, 4),
        ('If ComCod = "01" Then Num01 IS 5;', "variable", 1, 23),
        ("If StatVal > ", "unfinished", 1, 14),
        ("If CtyOrigCod > 5 Then RedLane IS 1;", "kinds", 1, 0),
        ("", "empty", 1, 1),
    ],
)
def test_what_is_not_understood_of_asycuda(text: str, code: str, line: int, column: int) -> None:
    found = read_asycuda(text, {})
    assert not found.rule_set.rules
    assert (found.problems[0].code, found.problems[0].line, found.problems[0].column) == (code, line, column)


def test_a_decision_table_of_dmn() -> None:
    found = read_dmn(DMN.encode(), {"price": "item.invoice_price.amount"})
    (rule,) = found.rule_set.rules
    assert rule.rule_id == "origin_risk.near"
    assert rule.words == "Look"
    assert rule.condition == (
        'item.origin_country_code in ["XA", "XB"] && item.invoice_price.amount >= 10 && item.invoice_price.amount < 45.5'
    )
    assert told(found) == [
        ("", "line 18", "not_a_table"),
        ("", "line 7", "output"),
        ("", "line 4", "hit_policy"),
        ("origin_risk.far", "line 12", "cell"),
        ("origin_risk.any", "line 14", "empty"),
    ]
    unknown = read_dmn(DMN.encode(), {})
    assert not unknown.rule_set.rules
    assert ("origin_risk.near", "line 8", "unknown_name") in told(unknown)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<definitions", "no XML"),
        (b"<a/>", "no DMN"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
    ],
)
def test_what_is_no_dmn(content: bytes, words: str) -> None:
    (problem,) = read_dmn(content, {}).problems
    assert words in problem.words


def test_a_decision_table_of_the_json_model() -> None:
    rows = [
        {"_id": "a", "in1": "startsWith($, '61')", "in2": "> 5", "out": '"red"', "_description": "Shirts"},
        {"_id": "b", "in1": '"61" + 3', "in2": "", "out": '"red"'},
        {"_id": "c", "in1": "", "in2": "[1..2], null", "out": '"yellow"'},
        {"_id": "d", "in1": "", "in2": '"five"', "out": '"yellow"'},
    ]
    content = {
        "hitPolicy": "first",
        "inputs": [{"id": "in1", "field": "item.commodity_code"}, {"id": "in2", "field": "item.net_mass_kg"}],
        "outputs": [{"id": "out", "field": "lane"}],
        "rules": rows,
    }
    nodes = [
        {"type": "inputNode"},
        {"type": "decisionTableNode", "name": "T", "content": content},
        {"type": "functionNode", "name": "f"},
    ]
    found = read_jdm(json.dumps({"nodes": nodes}).encode(), {})
    assert [(rule.rule_id, rule.condition, rule.title) for rule in found.rule_set.rules] == [
        ("t.a", 'item.commodity_code.startsWith("61") && item.net_mass_kg > 5', "Shirts"),
        ("t.c", "item.net_mass_kg >= 1 && item.net_mass_kg <= 2 || !has(item.net_mass_kg)", "T, row c"),
    ]
    assert told(found) == [
        ("", "node f", "not_a_table"),
        ("", "node T", "hit_policy"),
        ("t.b", "node T, row 2, column item.commodity_code", "cell"),
        ("t.d", "node T, row 4, column item.net_mass_kg", "kinds"),
    ]
    for broken in (b"{", b"[]", b'{"nodes": 5}'):
        assert [each.code for each in read_jdm(broken, {}).problems] == ["unreadable"]


@pytest.mark.parametrize(
    ("cell", "condition"),
    [
        ('"a"', 'x == "a"'),
        ('"a", "b"', 'x in ["a", "b"]'),
        ("< 5", "x < 5"),
        ("]1..2[", "(x > 1 && x < 2)"),
        ("not(1, 2)", "(!(x in [1, 2]) || !has(x))"),
        ("not(> 5)", "!(x > 5)"),
        ("!= 3", "(x != 3 || !has(x))"),
        ("null", "!has(x)"),
        ('> date("2026-07-01")', 'x > date("2026-07-01")'),
        ("true", "x == true"),
        ('"a", startsWith($, "b")', '(x == "a" || x.startsWith("b"))'),
        ("-1.5", "x == -1.5"),
    ],
)
def test_cells(cell: str, condition: str) -> None:
    assert unary_test("x", cell) == condition


@pytest.mark.parametrize("cell", ["]1..5[", "[1..5[", "not(1)", "= 3"])
def test_cells_that_zen_takes_otherwise_are_refused(cell: str) -> None:
    with pytest.raises(Mistake):
        unary_test("x", cell, Dialect.ZEN)


@pytest.mark.parametrize("cell", ["1 +", "x > 5", "[1..2", "not(1", '"a" "b"', "1,", "@", "now()", "> "])
def test_cells_that_are_not_understood(cell: str) -> None:
    with pytest.raises(Mistake):
        unary_test("x", cell)
