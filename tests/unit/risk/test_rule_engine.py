"""The engine: hits by line, validity and offices, values that are none, explanation, batches, contradictions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidewaiter.model.declaration import Address, Declaration, GoodsItem, Party
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money
from tidewaiter.risk.rules import (
    Context,
    Engine,
    Kind,
    Record,
    Rule,
    RuleError,
    RuleSet,
    canonical_condition,
    compile_rules,
)
from tidewaiter.risk.rules.batch import ColumnNotEncodedError, encode, evaluate_batch, mask_of
from tidewaiter.risk.rules.contradiction import never_holding
from tidewaiter.risk.rules.explaining import explain

DAY = date(2026, 7, 1)


def rule(rule_id: str, condition: str, lane: Lane = Lane.RED, **more: object) -> Rule:
    made = Rule(rule_id=rule_id, title=rule_id, words="w", condition=canonical_condition(condition), lane=lane)
    return replace(made, **more)


def engine(*rules: Rule, context: Context | None = None, on: date | None = None) -> Engine:
    return compile_rules(RuleSet(rules), context or Context(), on=on)


def record(*lines: GoodsItem, **of: object) -> Record:
    return Record(declaration=Declaration(goods_items=lines, **of), legal_day=DAY)  # type: ignore[arg-type]


SHIRT = GoodsItem(line_no=1, commodity_code="610910", net_mass_kg=Decimal(2), invoice_price=Money(Decimal(40), "EUR"))
WATCH = GoodsItem(
    line_no=2, commodity_code="910211", net_mass_kg=Decimal("0.1"), invoice_price=Money(Decimal(90), "EUR")
)


def test_a_rule_of_lines_names_the_lines_all_its_fields_hold_for() -> None:
    made = engine(
        rule("both", 'item.commodity_code.startsWith("61") && item.net_mass_kg < 1'),
        rule("one", 'item.commodity_code.startsWith("91") && item.net_mass_kg < 1'),
        rule("whole", 'any_line(item.commodity_code.startsWith("61")) && any_line(item.net_mass_kg < 1)'),
    )
    hits = made.evaluate(record(SHIRT, WATCH)).hits
    assert [(hit.rule.rule_id, hit.lines) for hit in hits] == [("one", (2,)), ("whole", ())]


def test_rules_are_told_by_priority_and_the_highest_lane_counts() -> None:
    made = engine(
        rule("later", "true", Lane.BLUE, priority=600),
        rule("first", "true", Lane.YELLOW, priority=1),
        rule("between", "true", Lane.GREEN),
    )
    outcome = made.evaluate(record(SHIRT))
    assert [hit.rule.rule_id for hit in outcome.hits] == ["first", "between", "later"]
    assert outcome.lane is Lane.YELLOW


def test_validity_and_offices() -> None:
    rules = (
        rule("ended", "true", valid_until=date(2026, 6, 30)),
        rule("begins", "true", valid_from=DAY),
        rule("elsewhere", "true", offices=("XX1",)),
    )
    made = engine(*rules, on=DAY)
    assert [hit.rule.rule_id for hit in made.evaluate(record(SHIRT)).hits] == ["begins"]
    there = made.evaluate(record(SHIRT, lodgement_office_id="XX1"))
    assert [hit.rule.rule_id for hit in there.hits] == ["begins", "elsewhere"]
    assert [hit.rule.rule_id for hit in engine(*rules, on=date(2026, 6, 30)).evaluate(record()).hits] == ["ended"]


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+999999", "1E-999999"])
def test_numbers_that_are_none_count_as_missing(number: str) -> None:
    made = engine(
        rule("above", "item.net_mass_kg > 1"),
        rule("below", "!(item.net_mass_kg > 1)"),
        rule("worked_out", "item.net_mass_kg * 2 > 1"),
        rule("missing", "!has(item.net_mass_kg)"),
        rule("score", '!has(score("risk"))'),
        rule("price", "has(item.invoice_price)"),
        context=Context(scores=frozenset(("risk",))),
    )
    of = record(replace(SHIRT, net_mass_kg=Decimal(number), invoice_price=Money(Decimal(number), "EUR")))
    of = replace(of, scores={"risk": Decimal(number)})
    outcome = made.evaluate(of)
    assert [hit.rule.rule_id for hit in outcome.hits] == ["missing", "score"]
    batch = evaluate_batch(made, encode(made, [of]))
    assert batch.hits.tolist() == [[0, 0, 4], [0, 1, 3]]


def test_features_of_another_kind_count_as_missing_whatever_was_seen_before() -> None:
    context = Context(features={"count": Kind.NUMBER, "flag": Kind.TRUTH})
    made = engine(rule("one", 'feature("count") == 1'), rule("true", 'feature("flag")'), context=context)
    for count, flag, expected in (
        (1, True, ["one", "true"]),
        (True, 1, []),
        (1.0, "yes", []),
        (Decimal("1.0"), True, ["one", "true"]),
    ):
        of = replace(record(SHIRT), features={"count": count, "flag": flag})
        assert [hit.rule.rule_id for hit in made.evaluate(of).hits] == expected


def test_absent_parties_are_missing_and_present_ones_are_read() -> None:
    made = engine(
        rule(
            "country",
            'consignee.address.country_code == "XA" && consignee.name == "Jane" && lodgement_office_id == "XX1"',
        ),
        rule("seller", '!has(seller.name) && !has(seller.address.city) && lodgement_office_id == "XX1"'),
        rule("due", '!has(assessment.due) && lodgement_office_id == "XX1"'),
    )
    for address, expected in ((None, ["seller", "due"]), (Address(country_code="XA"), ["country", "seller", "due"])):
        of = record(SHIRT, lodgement_office_id="XX1", consignee=Party(name="Jane", address=address))
        assert [hit.rule.rule_id for hit in made.evaluate(of).hits] == expected


def test_what_the_context_lacks_is_told_for_every_rule() -> None:
    with pytest.raises(RuleError) as raised:
        engine(rule("a", 'item.sku in list("none")'), rule("b", 'feature("none") > 1'))
    assert [(each.rule_id, each.code) for each in raised.value.problems] == [
        ("a", "unknown_list"),
        ("b", "unknown_feature"),
    ]


def test_masks_explain_hits_near_misses_and_changes() -> None:
    made = engine(
        rule("dear", 'item.commodity_code.startsWith("91") && item.invoice_price > money("80 EUR")'),
        rule("heavy", 'item.commodity_code.startsWith("91") && item.net_mass_kg > 1', Lane.YELLOW),
        rule("unseen", 'item.commodity_code.startsWith("91") && item.origin_country_code == "XA"', Lane.BLUE),
    )
    outcome = made.evaluate(record(SHIRT, WATCH))
    found = explain(made, outcome.mask, outcome.line_masks)
    assert found.lane is Lane.RED
    (hit,) = found.hits
    assert (hit.rule_id, hit.line) == ("dear", 2)
    assert [each.condition for each in hit.held] == [
        'item.commodity_code.startsWith("91")',
        "item.invoice_price in EUR > 80",
    ]
    misses = {(each.rule_id, each.line): each.failed for each in found.near_misses}
    assert misses["heavy", 2].condition == "item.net_mass_kg > 1"
    assert not misses["heavy", 2].is_missing
    assert misses["unseen", 2].is_missing
    assert misses["heavy", 1].condition == 'item.commodity_code.startsWith("91")'
    lowered = {(each.field, each.line, each.value): each.lane for each in found.changes}
    assert lowered["item.invoice_price in EUR", 2, "below 80"] is Lane.GREEN
    assert lowered["item.commodity_code", 2, "missing"] is Lane.GREEN
    assert not [key for key in lowered if key[1] == 1]


def test_equal_conjunctions_share_bits_and_tests_are_counted_once() -> None:
    made = engine(
        rule("a", 'item.sku == "x" && item.net_mass_kg > 5'),
        rule("b", 'item.net_mass_kg > 5 && item.sku == "x"'),
        rule("c", '!(item.net_mass_kg <= 5) || item.sku == "x"'),
    )
    assert len(made.conjunctions) == 3
    assert len(made.tests) == 4  # two of presence, two of values


def test_a_batch_needs_the_columns_it_is_asked_about() -> None:
    batch = encode(engine(rule("a", 'item.sku == "x"')), [record(SHIRT)])
    with pytest.raises(ColumnNotEncodedError, match=r"item\.net_mass_kg"):
        evaluate_batch(engine(rule("b", "item.net_mass_kg > 1")), batch)


def test_an_empty_batch_and_a_batch_of_no_lines() -> None:
    made = engine(rule("a", 'item.sku == "x"'), rule("b", "true"))
    assert evaluate_batch(made, encode(made, [])).hits.tolist() == []
    outcome = evaluate_batch(made, encode(made, [record()]))
    assert outcome.hits.tolist() == [[0, 0, 1]]
    assert mask_of(outcome.masks[0]) == made.evaluate(record()).mask


def test_numpy_alone_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from tidewaiter.risk.rules import batch

    made = engine(
        rule("a", 'item.net_mass_kg >= 2 && item.invoice_price < money("50 EUR")'),
        rule("b", "item.net_mass_kg in [0.1]"),
    )
    encoded = encode(made, [record(SHIRT, WATCH), record(WATCH), record(replace(SHIRT, net_mass_kg=None))])
    compiled = evaluate_batch(made, encoded).hits.tolist()
    monkeypatch.setattr(batch, "_kernels", lambda: (batch._classify_by_numpy, batch._collect_by_numpy))
    assert evaluate_batch(made, encoded).hits.tolist() == compiled == [[0, 1, 0], [0, 2, 1], [1, 1, 1]]


@pytest.mark.parametrize(
    ("condition", "never"),
    [
        ("item.net_mass_kg > 5 && item.net_mass_kg < 5", True),
        ("item.net_mass_kg >= 5 && item.net_mass_kg <= 5", False),
        ('item.sku == "a" && item.sku == "b"', True),
        ('item.sku in ["a", "b"] && item.sku != "a"', False),
        ('item.sku in list("none")', True),
        ('item.sku == "a" && !has(item.sku)', True),
        ('item.sku == "a" && item.sku == "b" || item.net_mass_kg > 5', False),
        ('item.sku.contains("a") && item.sku == "b"', False),
    ],
)
def test_rules_that_can_never_hold(condition: str, never: bool) -> None:  # noqa: FBT001
    found = never_holding(engine(rule("r", condition), context=Context(lists={"none": ()})))
    assert [each.rule_id for each in found] == (["r"] if never else [])
