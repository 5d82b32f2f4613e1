from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.errors import ReplayError
from tidewaiter.model.judgement import Lane, ReasonKind
from tidewaiter.model.money import Money
from tidewaiter.risk import (
    Beside,
    Chance,
    Facts,
    Part,
    PartKind,
    RiskKnowledge,
    Subject,
    Targeting,
    judge,
    load_knowledge,
)
from tidewaiter.risk.rules import rules_of

ON = date(2026, 7, 1)
TEXT = """\
rule dear
    title: Dear goods
    words: One line alone is dear.
    lane: yellow
    when:
        item.invoice_price > money("100.00 EUR")

rule sometimes
    title: Some of all
    words: A part of all is looked at.
    lane: red
    percent: 25
    when:
        has(functional_reference_id)
"""
CHANCE = Chance(b"s" * 32, "day", "key")


def _parts(*, is_shadow: bool = False) -> tuple[Part, dict[str, bytes]]:
    rules = rules_of(TEXT)
    return Part(PartKind.RULES, "targets", rules.digest, is_shadow), {rules.digest: rules.text.encode()}


def _targeting(*, is_shadow: bool = False) -> tuple[RiskKnowledge, Targeting]:
    part, contents = _parts(is_shadow=is_shadow)
    knowledge = load_knowledge("DK", ON, parts=[part])
    return knowledge, Targeting(knowledge, contents.__getitem__, {"EUR": Decimal(1), "DKK": Decimal("0.134")})


def _declaration(*prices: str, currency: str = "EUR") -> Declaration:
    items = tuple(
        GoodsItem(line_no=number, invoice_price=Money(Decimal(price), currency))
        for number, price in enumerate(prices, 1)
    )
    return Declaration(functional_reference_id="R-1", goods_items=items)


def test_a_rule_in_use_is_a_reason_with_the_lines_it_holds_for() -> None:
    _, targeting = _targeting()
    pointed = targeting.pointed(Subject(_declaration("99.00", "101.00", "500.00")))
    dear = next(reason for reason in pointed.reasons if reason.reason_id == "rule.targets.dear")
    assert dear.kind is ReasonKind.RULE
    assert dear.lane is Lane.YELLOW
    assert dear.pointer == "goods_items[2]"
    assert dear.value == "lines 2, 3"
    assert pointed.shadow == ()
    assert len(pointed.masks[0].line_masks) == 3


def test_amounts_are_compared_by_the_rates_of_the_law() -> None:
    _, targeting = _targeting()
    pointed = targeting.pointed(Subject(_declaration("800.00", currency="DKK")))
    assert "rule.targets.dear" in [reason.reason_id for reason in pointed.reasons]
    pointed = targeting.pointed(Subject(_declaration("700.00", currency="DKK")))
    assert "rule.targets.dear" not in [reason.reason_id for reason in pointed.reasons]


def test_rules_on_trial_decide_nothing() -> None:
    knowledge, targeting = _targeting(is_shadow=True)
    declaration = _declaration("500.00")
    pointed = targeting.pointed(Subject(declaration))
    judgement = judge(declaration, knowledge, CHANCE.drawn("", Decimal(0)), (), Beside(pointed=pointed, chance=CHANCE))
    assert judgement.reasons == ()
    assert len(judgement.shadow) == 2
    assert judgement.lane is Lane.GREEN
    assert "rule.targets.dear" in [reason.reason_id for reason in judgement.shadow]


def test_a_share_of_the_hits_is_sent_on_and_always_the_same_ones() -> None:
    knowledge, targeting = _targeting()
    declaration = _declaration("1.00")
    pointed = targeting.pointed(Subject(declaration))
    lanes = []
    for number in range(400):
        chance = replace(CHANCE, key=f"key {number}")
        beside = Beside(pointed=pointed, chance=chance)
        first, again = (judge(declaration, knowledge, chance.drawn("", Decimal(0)), (), beside) for _ in range(2))
        assert first == again
        assert first.propensity == "0.265"  # one in fifty of the rest by chance
        lanes.append(first.lane)
    assert 60 <= lanes.count(Lane.RED) <= 140  # 100 are expected, five standard deviations are 43
    assert set(lanes) == {Lane.RED, Lane.GREEN}


def test_draws_of_different_names_are_independent_and_the_unnamed_is_the_old_one() -> None:
    assert CHANCE.drawn("", Decimal(1)).key == "key"
    assert CHANCE.drawn("a", Decimal(1)).share != CHANCE.drawn("b", Decimal(1)).share


def test_threads_share_an_engine_and_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewaiter.risk.rules.index.REMEMBERED_MAX", 3)  # forgotten again and again
    knowledge, targeting = _targeting()
    declarations = [_declaration(f"{price}.00") for price in range(80, 120)]
    found: list[list[int]] = []

    def ask() -> None:
        subjects = [Subject(declaration) for declaration in declarations * 20]
        found.append([len(targeting.pointed(subject).reasons) for subject in subjects])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[1 if price <= 100 else 2 for price in range(80, 120)] * 20] * 4
    assert targeting.engine(knowledge.parts[0]) is targeting.engine(knowledge.parts[0])


def test_parts_that_are_not_at_hand_or_altered_are_refused() -> None:
    part, contents = _parts()
    knowledge = load_knowledge("DK", ON, parts=[part])
    with pytest.raises(ReplayError, match="not at hand"):
        Targeting(knowledge, None, {}).pointed(Subject(_declaration("1.00")))
    altered = {part.digest: contents[part.digest].replace(b"Dear goods", b"Cheap goods")}
    with pytest.raises(ReplayError, match="not those that were published"):
        Targeting(knowledge, altered.__getitem__, {}).pointed(Subject(_declaration("1.00")))


def test_knowledge_kept_by_an_earlier_version_keeps_its_digest() -> None:
    knowledge = load_knowledge("DK", ON)
    earlier = canonical_bytes(knowledge).replace(b',"parts":[]', b"")
    assert earlier != knowledge.content
    assert RiskKnowledge.from_content(earlier).content == earlier


def test_facts_are_kept_exactly() -> None:
    facts = Facts(numbers={"parcels_30_days": Decimal("12"), "value_30_days": Decimal("149.90")}, texts={"on": ("a",)})
    assert msgspec.json.decode(canonical_bytes(facts), type=Facts) == facts
    assert dict(facts.features()) == {**facts.numbers, **facts.texts}
