"""Published rules in decisions: alone and in worker processes, changed while messages come in, run again to the byte."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tidewaiter.messages import forms
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.errors import NotFoundError
from tidewaiter.model.judgement import Judgement, Lane
from tidewaiter.model.money import Money
from tidewaiter.risk import PartKind
from tidewaiter.risk.rules import rules_of
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import processing, replay
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.policies import Policies, policy_key
from tidewaiter.workflow.records import Receipt
from tidewaiter.workflow.rule_sets import Who
from tidewaiter.workflow.targeting import Change

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, tzinfo=UTC)
TEXT = """\
rule dear
    title: Dear shirts
    words: Dear shirts. Look at them.
    lane: red
    when:
        item.invoice_price > money("{} GBP")
"""


@pytest.fixture
def intake(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setattr("tidewaiter.workflow.intake.WATCH_LIST_SECONDS", -1)
    with Intake(store, workers=2) as opened:
        yield opened


def publish(store: PostgresStore, limit: str, *, is_shadow: bool = False, jurisdiction_code: str = "") -> str:
    rules = rules_of(TEXT.format(limit))
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode())})
    change = Change(
        kind=PartKind.RULES,
        name="shirts",
        digest=rules.digest,
        is_shadow=is_shadow,
        jurisdiction_code=jurisdiction_code,
    )
    store.parts.change((change,), actor="ann", words="a test", at=AT)
    return rules.digest


def shirts(number: int, price: int = 1000) -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(price), "GBP"),
    )  # fmt: skip
    return Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name="A seller"), consignee=Party(name="A buyer"), consignment=Consignment(gross_mass_kg=Decimal(2)),
    )  # fmt: skip


def hand_in(intake: Intake, store: PostgresStore, *declarations: Declaration) -> Receipt:
    body = forms.by_name("json").write(declarations)
    sender_id = store.senders.ensure("A courier").sender_id
    return intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=DAY)


def judgement_of(store: PostgresStore, number: int) -> Judgement:
    found = store.decision(store.find(f"REF{number}")).evaluation.judgement
    assert found is not None
    return found


def test_the_rules_in_use_decide_and_every_decision_can_be_run_again(intake: Intake, store: PostgresStore) -> None:
    hand_in(intake, store, shirts(1))
    publish(store, "500.00")
    hand_in(intake, store, shirts(2))
    publish(store, "2000.00")
    hand_in(intake, store, shirts(3))
    publish(store, "100.00", jurisdiction_code="DK")
    hand_in(intake, store, shirts(4))
    publish(store, "100.00", jurisdiction_code="GB")
    hand_in(intake, store, shirts(5))
    taken = Change(kind=PartKind.RULES, name="shirts", digest=None, jurisdiction_code="GB")
    store.parts.change((taken,), actor="ann", words="back to everybody's", at=AT)
    hand_in(intake, store, shirts(6))
    pointed = {n: "rule.shirts.dear" in [r.reason_id for r in judgement_of(store, n).reasons] for n in range(1, 7)}
    assert pointed == {1: False, 2: True, 3: False, 4: False, 5: True, 6: False}
    assert judgement_of(store, 2).lane is Lane.RED
    assert judgement_of(store, 1).masks == ()
    assert judgement_of(store, 3).masks != ()
    report = replay.replay_all(store)
    assert report.is_clean, report.differences
    assert report.replayed == 6


def test_what_is_on_trial_is_kept_beside_what_decides(intake: Intake, store: PostgresStore) -> None:
    publish(store, "2000.00")
    publish(store, "500.00", is_shadow=True)
    hand_in(intake, store, shirts(1))
    judgement = judgement_of(store, 1)
    assert [reason.reason_id for reason in judgement.shadow] == ["rule.shirts.dear"]
    assert "rule.shirts.dear" not in [reason.reason_id for reason in judgement.reasons]
    assert replay.replay_all(store).is_clean


def test_worker_processes_decide_by_the_same_rules(
    intake: Intake, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "SLICE_RECORDS", 4)
    publish(store, "500.00")
    receipt = hand_in(intake, store, *(shirts(n, price=100 * (n % 10)) for n in range(40)))
    assert receipt.record_count == 40
    lanes = [any(r.reason_id == "rule.shirts.dear" for r in judgement_of(store, n).reasons) for n in range(40)]
    assert lanes == [100 * (n % 10) > 500 for n in range(40)]
    assert replay.replay_all(store).is_clean


def test_nothing_is_put_in_use_that_is_not_kept_and_a_failed_change_changes_nothing(store: PostgresStore) -> None:
    digest = publish(store, "500.00")
    before = store.parts.in_use()
    good = Change(kind=PartKind.RULES, name="shirts", digest=None)
    bad = Change(kind=PartKind.RULES, name="other", digest="00" * 32)
    with pytest.raises(NotFoundError):
        store.parts.change((good, bad), actor="ann", words="", at=AT)
    assert store.parts.in_use() == before
    assert before[0].part.digest == digest


POLICY = """\
title: All by chance
selection_share: "1"
selection_lane: yellow
quality_lane: blue
quality_rules: []
"""


def test_a_published_policy_decides_and_is_kept(intake: Intake, store: PostgresStore) -> None:
    life, key = Policies(store), policy_key()
    hand_in(intake, store, shirts(1))
    life.begin(key, POLICY, Who("ann", "a test"))
    life.check(key, 1, Who("ann"))
    life.propose(key, 1, Who("ann"))
    life.approve(key, 1, Who("bo"))
    life.publish(key, 1, Who("ann"))
    hand_in(intake, store, shirts(2))
    assert judgement_of(store, 1).propensity == "0.02"
    assert judgement_of(store, 2).propensity == "1"
    assert judgement_of(store, 2).draw.is_selected
    report = replay.replay_all(store)
    assert report.is_clean, report.differences
