"""Rule sets without a store: what checking finds, what differs between versions, which changes would have been felt."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money
from tidewaiter.risk import Part, PartKind
from tidewaiter.risk.rules import Context, Kind, Record, compile_rules, rules_of
from tidewaiter.risk.rules.explaining import explain
from tidewaiter.workflow.comparing import rules_compared
from tidewaiter.workflow.explaining import RulesExplained, explained
from tidewaiter.workflow.rule_set_records import MAY, Key, Step, VersionState
from tidewaiter.workflow.rule_sets import examined
from tidewaiter.workflow.rules_naming import named_by

TEXT = """\
rule dear
    title: Dear shirts
    words: Dear shirts. Look at them.
    lane: yellow
    when:
        item.invoice_price > money("500 GBP") && item.origin_country_code == "CN"
"""
KNOWN = Context(
    lists={"brands": ("acme",)},
    features={"parcels_7d": Kind.NUMBER},
    scores=frozenset(("splitting",)),
    rates={"GBP": Decimal(1)},
)


def told(price: int, beside: Lane | None, *lines: int) -> RulesExplained:
    engine = compile_rules(rules_of(TEXT), KNOWN)
    items = tuple(
        GoodsItem(line_no=n, origin_country_code="CN", invoice_price=Money(Decimal(price), "GBP"))
        for n in range(1, len(lines or (1,)) + 1)
    )
    outcome = engine.evaluate(Record(declaration=Declaration(goods_items=items), legal_day=date(2026, 7, 1)))
    part = Part(PartKind.RULES, "shirts", "d", is_shadow=beside is None)
    return explained(engine, explain(engine, outcome.mask, outcome.line_masks), part, beside)


@pytest.mark.parametrize(
    ("added", "code", "line", "is_warning"),
    [
        ("        && item.invoice_prize > 3\n", "unknown_field", 7, False),
        ('        && item.description.hasAnyWords(list("brand"))\n', "unknown_list", 7, False),
        ('        && feature("parcels_8d") > 3\n', "unknown_feature", 7, False),
        ('        && score("split") > 0.5\n', "unknown_score", 7, False),
        ('        && item.description.matches("(a")\n', "pattern", 7, False),
        ('        && item.invoice_price < money("5 GBP")\n', "never_holds", 1, True),
    ],
)
def test_what_is_wrong_is_told_with_its_line(added: str, code: str, line: int, is_warning: bool) -> None:  # noqa: FBT001
    found = examined(TEXT + added, KNOWN)
    assert [(each.code, each.line, each.is_warning) for each in found.problems] == [(code, line, is_warning)]
    assert bool(found.digest) is is_warning


def test_what_costs_too_much_is_a_mistake_and_keeps_the_rule_out() -> None:
    condition = " && ".join(f'any_line(item.description.matches("a{n}.*b"))' for n in range(12))
    found = examined(TEXT.replace('item.invoice_price > money("500 GBP")', condition), KNOWN)
    assert [each.code for each in found.mistakes] == ["cost"]
    assert found.digest == ""


def test_the_digest_is_of_the_canonical_text_however_it_was_written() -> None:
    assert examined(TEXT, KNOWN).digest == examined(TEXT.replace(" && ", "\n          &&   "), KNOWN).digest
    assert examined(TEXT, KNOWN).canonical == rules_of(TEXT).text


def test_rules_that_came_went_and_changed() -> None:
    other = TEXT.replace("rule dear", "rule cheap")
    before, after = (
        rules_of(TEXT + "\n" + other),
        rules_of(TEXT.replace("500", "400") + "\n" + other.replace("cheap", "new")),
    )
    found = rules_compared(before, after)
    assert [(each.rule_id, each.what) for each in found] == [
        ("dear", "changed"),
        ("new", "added"),
        ("cheap", "removed"),
    ]
    assert [line[:1] for line in found[0].lines if line[:1] != " "] == ["-", "+"]
    assert rules_compared(before, before) == ()


def test_a_change_is_told_where_it_would_have_been_felt() -> None:
    assert [change.lane for change in told(900, Lane.GREEN).changes][:1] == [Lane.GREEN]
    assert told(900, Lane.RED).changes == ()
    assert told(400, Lane.YELLOW).changes == ()
    assert {change.lane for change in told(900, None).changes} == {Lane.GREEN}
    assert told(400, Lane.GREEN).near_misses[0].rule.rule_id == "dear"


def test_a_value_of_its_own_comes_before_none_at_all() -> None:
    values = [change.value for change in told(900, Lane.GREEN).changes]
    assert values[-1] == "missing"
    assert values[0] not in ("missing", "another text")


def test_lines_of_which_the_same_is_said_are_told_once() -> None:
    (hit,) = told(900, Lane.GREEN, 1, 2, 3).hits
    assert hit.lines == (1, 2, 3)
    assert all(test.held for test in hit.held)


def test_what_rules_name_beside_the_declaration() -> None:
    text = TEXT + (
        '        && item.description.hasAnyWords(list("brands")) && feature("parcels_7d") > 2 && score("splitting") > 0.5\n'
    )
    found = named_by(text)
    assert (found.lists, found.features, found.scores) == ({"brands"}, {"parcels_7d"}, {"splitting"})


def test_nothing_is_written_once_it_goes_on_and_every_state_has_a_way_out() -> None:
    assert MAY[Step.WRITE] == {VersionState.DRAFT, VersionState.CHECKED}
    for state in VersionState:
        assert any(state in may for may in MAY.values()), state
    assert str(Key("gifts", "GB")) == "gifts (GB)"
