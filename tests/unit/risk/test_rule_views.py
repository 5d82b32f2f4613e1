"""Rules as forms and tables, and the way back."""

from __future__ import annotations

import pytest

from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules import Rule, RuleError, RuleSet, canonical_condition
from tidewaiter.risk.rules.views import FormLine, condition_of, form_of, read_csv, tables_of, write_csv


def rule(rule_id: str, condition: str) -> Rule:
    made = canonical_condition(condition)
    return Rule(rule_id=rule_id, title=rule_id, words="what to look for", condition=made, lane=Lane.RED, source="act")


RULES = RuleSet(
    (
        rule("shirts", 'item.commodity_code.startsWith("61") && item.invoice_price > money("100 EUR")'),
        rule("either", 'item.sku == "a" || item.sku == "b"'),
        rule("watches", 'item.commodity_code.startsWith("91") && item.invoice_price > money("20 EUR")'),
        rule("alone", '!("N740" in documents.type_code) && !has(item.url) && !(item.sku in ["a", "b"])'),
    )
)


def test_a_conjunction_is_a_form_and_a_form_a_conjunction() -> None:
    form = form_of(RULES.rules[3].condition)
    assert form == (
        FormLine("documents.type_code", "not holds", '"N740"'),
        FormLine("item.url", "not has"),
        FormLine("item.sku", "not in", '["a", "b"]'),
    )
    assert condition_of(form) == RULES.rules[3].condition
    assert form[1].label == "Where the goods were offered"
    assert form_of(RULES.rules[1].condition) is None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (FormLine("item.sku", "==", '"a" || true'), "value"),
        (FormLine("item.sku", "==", '"a" && true'), "value"),
        (FormLine("item.sku", "like", '"a"'), "operator"),
        (FormLine("item.sku", "==", ""), "unfinished"),
        (FormLine("item.sku) || (item.sku", "has"), "value"),
    ],
)
def test_a_row_of_a_form_is_one_comparison(line: FormLine, code: str) -> None:
    with pytest.raises(RuleError) as raised:
        condition_of((FormLine("item.net_mass_kg", ">", "5"), line))
    (problem,) = raised.value.problems
    assert (problem.line, problem.code) == (2, code)


def test_rules_of_the_same_columns_are_a_table_that_is_written_back() -> None:
    (table,), others = tables_of(RULES)
    assert table.columns == (("item.commodity_code", "startsWith"), ("item.invoice_price", ">"))
    assert [each.rule_id for each in others] == ["either", "alone"]
    text = write_csv(table)
    assert RULES.with_rules(read_csv(text, RULES)).digest == RULES.digest
    changed = text.replace('money(""20 EUR"")', 'money(""25 EUR"")') + 'shoes,yellow,Shoes,"""64""",\n'
    found = RULES.with_rules(read_csv(changed, RULES))
    assert [each.rule_id for each in found.rules] == ["shirts", "either", "watches", "alone", "shoes"]
    assert found.rules[2].condition.endswith('money("25 EUR")')
    assert found.rules[2].source == "act"
    assert found.rules[4].condition == 'item.commodity_code.startsWith("64")'
    assert found.rules[4].lane is Lane.YELLOW


@pytest.mark.parametrize(
    ("before", "after", "line", "column"),
    [
        ('"""61"""', "61 or 62", 2, 4),
        ("red,shirts", "pink,shirts", 2, 2),
        ("watches,red,watches", "watches,red", 3, 1),
        ("startsWith", "resembles", 1, 4),
        ("rule,lane", "lane,rule", 1, 1),
    ],
)
def test_cells_that_cannot_be_read_are_told_with_row_and_column(
    before: str, after: str, line: int, column: int
) -> None:
    text = write_csv(tables_of(RULES)[0][0])
    with pytest.raises(RuleError) as raised:
        read_csv(text.replace(before, after, 1), RULES)
    assert (raised.value.problems[0].line, raised.value.problems[0].column) == (line, column)
