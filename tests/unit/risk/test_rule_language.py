"""The rule language: what constructs mean, what is told of mistakes, how files are read and written."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import msgspec
import pytest

from tidewaiter.cli.risk import ContextFile
from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules import (
    Context,
    Kind,
    Names,
    Rule,
    RuleError,
    RuleSet,
    canonical_condition,
    catalogue,
    compile_rules,
    read_condition,
    read_rules,
    rules_of,
)
from tidewaiter.risk.rules.checking import check
from tidewaiter.risk.rules.meaning import meaning
from tidewaiter.risk.rules.reading import problems_of
from tidewaiter.risk.rules.reference import EXAMPLES, sample, sample_context

NAMES = Names(
    lists=frozenset(("seized_brands",)),
    features={"consignee_count_30d": Kind.NUMBER},
    scores=frozenset(("undervaluation",)),
)
FILE = """\
# Gifts may not be dearer than the relief for them.
rule gift.above_relief
    title: Gift above the value of the relief
    words: Declared as a gift, but dearer
        than the relief for gifts.
    lane: yellow
    percent: 50
    tasks: documents, scan
    answer: RFI
    priority: 10
    from: 2026-07-01
    until: 2026-12-31
    office: XX000100, XX000200
    source: the act, Article 1
    when:
        "C08" in item.additional_procedure_codes
        # the relief is in euros
        && item.invoice_price > money("45.00 EUR")

# The end.
"""


@pytest.mark.parametrize(
    "example", [each for examples in EXAMPLES.values() for each in examples], ids=lambda e: e.condition
)
def test_examples_of_the_reference(example) -> None:  # type: ignore[no-untyped-def]
    node = read_condition(example.condition)
    assert not check(node, NAMES)
    assert meaning(node, sample_context())(sample(), None) is example.value
    rule = Rule(rule_id="r", title="t", words="w", condition=canonical_condition(example.condition), lane=Lane.RED)
    hits = compile_rules(RuleSet((rule,)), sample_context()).evaluate(sample()).hits
    assert bool(hits) is (example.value is True)


@pytest.mark.parametrize(
    ("text", "column", "code", "words", "hint"),
    [
        ("", 1, "empty", "there is no condition", "write one"),
        ('item.hs_code = "61"', 14, "syntax", "'=' cannot stand here", "=="),
        ('a && item.hs_code == "61"', 1, "unknown_field", "there is no field a", "risk-rules.md"),
        ('consignee.nam == "x"', 1, "unknown_field", "no field consignee.nam", "consignee.name"),
        ('commodity_code == "61"', 1, "unknown_field", "no field commodity_code", "item.commodity_code"),
        ("consignee == 5", 1, "unknown_field", "no field consignee", "it has parts: consignee.party_id"),
        ('goods_items.hs_code == "1"', 1, "unknown_field", "goods_items", "begin with item."),
        ("invoice_amount > 150", 18, "kinds", "money is compared with a number", 'money("150 EUR")'),
        ("item.hs_code == 61", 17, "kinds", "a text is compared with a number", '"61", not 61'),
        ('item.hs_code > "61"', 1, "kinds", "a text has no order", "startsWith"),
        ('!item.hs_code == "61"', 2, "not_a_condition", "this is a text", "!(a == b)"),
        ("item.net_mass_kg", 1, "not_a_condition", "a number, not a condition", "has("),
        ("1 < item.net_mass_kg < 5", 22, "chain", "do not chain", "a < b && b < c"),
        ('item.hs_code == "61" and true', 22, "syntax", "'and'", "written &&"),
        ("item.description.matches(r\"(a)\\1\")", 26, "pattern", "cannot be used", "RE2"),
        ('item.description.startWith("a")', 18, "unknown_function", "no function startWith", "startsWith"),
        ('contains(item.description, "a")', 1, "unknown_function", "no function contains", 'item.description.contains("lot")'),
        ('feature("consignee_count") > 3', 1, "unknown_feature", "no feature", "consignee_count_30d"),
        ('score("value") > 3', 1, "unknown_score", "no score value", ""),
        ('item.hs_code in list("seized_brand")', 17, "unknown_list", "no list", "seized_brands"),
        ('date("2026-02-30") < legal_day', 1, "date", "no day", 'date("2026-07-01")'),
        ('money("5 euros") < invoice_amount', 1, "money", "no amount", "ISO 4217"),
        ("item.net_mass_kg > 1.1234567", 20, "number", "more digits", "6 after"),
        ("any_line(any_line(item.net_mass_kg > 1))", 10, "nested", "within another", ""),
        ('any_line(consignee.name == "a")', 1, "line", "no field of a line", ""),
        ("item.net_mass_kg > ", 19, "unfinished", "ends in the middle", ""),
        ("item.net_mass_kg > 1,5", 21, "syntax", "','", ""),
        ("item.net_mass_kg > 5 ? true : false", 22, "syntax", "'?'", "two rules"),
        ("item.hs_code == \u201c61\u201d", 17, "syntax", "", "plain quotes"),
        ('item.hs_code in []', 17, "list", "the list is empty", ""),
        ("(" * 60 + "true" + ")" * 60, 41, "too_deep", "brackets", "split"),
        ('item.description.hasWords("...")', 27, "arguments", "holds no word", "contains"),
        ("legal_day - 3 > 5", 1, "kinds", "a day - a number", "days_between"),
        (" || ".join(f'item.description.matches("{n}x")' for n in range(120)), 1, "cost", "costs", "pattern"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_place_and_hint(text: str, column: int, code: str, words: str, hint: str) -> None:
    try:
        problems = problems_of(text, check(read_condition(text), NAMES))
    except RuleError as error:
        problems = list(error.problems)
    first = problems[0]
    assert (first.line, first.column, first.code) == (1, column, code)
    assert words in first.words
    assert hint in first.hint


@pytest.mark.parametrize("page", ["docs/how-to/target.md", "docs/reference/risk-rules.md"])
def test_rules_on_the_pages_can_be_read(page: str) -> None:
    text = (Path(__file__).parents[3] / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        (rule,) = rules_of(block, NAMES).rules
        assert compile_rules(RuleSet((rule,)), Context()).rules == (rule,)


def test_the_context_on_the_page_can_be_read() -> None:
    text = (Path(__file__).parents[3] / "docs/how-to/target.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    found = msgspec.json.decode(block, type=ContextFile)
    assert {"seized_brands", "consignee_count_30d", "GBP"} <= {*found.lists, *found.features, *found.rates}


def test_every_mistake_of_a_condition_is_told() -> None:
    text = 'consignee.nam == "a"\n&& item.hs_code == 5\n&& feature("none") > 1'
    found = problems_of(text, check(read_condition(text), NAMES))
    assert [(each.line, each.column, each.code) for each in found] == [
        (1, 1, "unknown_field"),
        (2, 20, "kinds"),
        (3, 4, "unknown_feature"),
    ]


def test_too_many_alternatives_are_refused() -> None:
    condition = " && ".join(f'(item.hs_code == "{n}" || item.sku == "{n}")' for n in range(12))
    rule = Rule(rule_id="wide", title="t", words="w", condition=canonical_condition(condition), lane=Lane.RED)
    with pytest.raises(RuleError, match="more than 64 alternatives") as raised:
        compile_rules(RuleSet((rule,)), Context())
    assert raised.value.problems[0].rule_id == "wide"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("((item.net_mass_kg>5.50))", "item.net_mass_kg > 5.5"),
        ("item.net_mass_kg > 100", "item.net_mass_kg > 100"),
        ("'it''s' == item.sku", None),
        ("item.sku == 'say \"hi\"'", 'item.sku == "say \\"hi\\""'),
        ('item.sku.matches("\\\\d+")', 'item.sku.matches(r"\\d+")'),
        ('item.sku == "\u202eabc"', 'item.sku == "\\u202eabc"'),
        ("true&&(false||true)&&(true&&false)", "true && (false || true) && true && false"),
        ("!!true", "true"),
        ("1-(2-3)-4 < -5", "1 - (2 - 3) - 4 < -5"),
    ],
)
def test_canonical_text(text: str, canonical: str | None) -> None:
    if canonical is None:
        with pytest.raises(RuleError):
            canonical_condition(text)
        return
    assert canonical_condition(text) == canonical
    assert canonical_condition(canonical) == canonical


def test_a_file_reads_back_as_it_is_written() -> None:
    found = rules_of(FILE)
    (rule,) = found.rules
    assert rule.words == "Declared as a gift, but dearer than the relief for gifts."
    assert rule.offices == ("XX000100", "XX000200")
    assert (rule.valid_from, rule.valid_until, rule.percent, rule.priority) == (
        date(2026, 7, 1),
        date(2026, 12, 31),
        50,
        10,
    )
    assert rule.notes == ("Gifts may not be dearer than the relief for them.", "the relief is in euros")
    assert found.notes == ("The end.",)
    assert rules_of(found.text) == found
    assert rules_of(found.text.replace("\n", "\r\n")).digest == found.digest
    assert rules_of(FILE.replace("45.00", "46")).digest != found.digest


def test_a_rule_with_a_mistake_is_left_out_and_told() -> None:
    text = """\
rule good
    title: t
    words: w
    lane: red
    when: true
rule bad
    title: t
    lanes: red
    lane: pink
    percent: 0
    from: 2026-02-30
    when: item.hs_code == 5
        && item.sku ==
orphan
rule good
    title: t
    words: w
    lane: red
    when: false
"""
    found = read_rules(text, NAMES)
    assert [rule.rule_id for rule in found.rule_set.rules] == ["good"]
    assert [(each.line, each.column, each.code, each.rule_id) for each in found.problems] == [
        (6, 1, "missing_key", "bad"),
        (8, 5, "unknown_key", "bad"),
        (9, 11, "value", "bad"),
        (10, 14, "value", "bad"),
        (11, 11, "value", "bad"),
        (13, 23, "unfinished", "bad"),
        (14, 1, "layout", ""),
        (15, 6, "twice", "good"),
    ]
    with pytest.raises(RuleError, match="and 7 more"):
        rules_of(text, NAMES)


def test_a_score_never_keeps_a_parcel_off_the_aircraft() -> None:
    text = (
        'rule s\n    title: t\n    words: w\n    lane: red\n    answer: DNL\n    when: score("undervaluation") > 0.9\n'
    )
    (problem,) = read_rules(text, NAMES).problems
    assert problem.code == "score_answer"


def test_rules_with_the_same_condition_are_to_be_looked_at() -> None:
    rule = "rule {}\n    title: t\n    words: w\n    lane: red\n    when: item.sku == 'a'\n"
    found = read_rules(rule.format("a") + rule.format("b"))
    assert len(found.rule_set.rules) == 2
    assert [(each.code, each.rule_id, each.is_warning) for each in found.problems] == [("same_condition", "b", True)]


def test_the_catalogue_is_the_declaration_with_its_words() -> None:
    known = catalogue()
    assert known["item.commodity_code"].wco_id == "145"
    assert known["consignee.address.country_code"].kind is Kind.TEXT
    assert known["documents.type_code"].kind is Kind.LIST
    assert known["item.invoice_price"].kind is Kind.MONEY
    assert known["item.invoice_price.currency"].kind is Kind.TEXT
    assert known["issued_at"].kind is Kind.MOMENT
    assert not [name for name in known if name.startswith(("extras", "amendments", "goods_items"))]
