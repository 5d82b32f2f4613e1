"""Scores in decisions: worked out before the decision, kept with it, drawn by the policy, never asked again by a replay."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.errors import NotFoundError, TransitionError
from tidewaiter.model.judgement import Judgement, Lane
from tidewaiter.model.money import Money
from tidewaiter.model.outcome import ExaminationOutcome, Found, Result, RiskType
from tidewaiter.release import Trigger
from tidewaiter.risk import PartKind
from tidewaiter.risk.facts import Facts
from tidewaiter.risk.rules import rules_of
from tidewaiter.risk.scoring import Chain, Level, ModelError, Recipe, model_bytes, read_model
from tidewaiter.risk.scoring.declared import columns, row_of
from tidewaiter.risk.scoring.model import Amount
from tidewaiter.risk.scoring.training import Settings, train
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import processing, replay
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.examining_first import waiting
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.models import Said, retire_model, use_model
from tidewaiter.workflow.outcomes import Examinations
from tidewaiter.workflow.rule_set_records import SamePersonError
from tidewaiter.workflow.targeting import Change

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, tzinfo=UTC)
ANN = Said(by="ann", approved_by="bo", words="a test", at=AT)
POLICY = b"""\
title: By score
selection_share: "0"
selection_lane: red
quality_lane: blue
quality_rules: []
scores:
  undervaluation:
    - {from_probability: "0.5", share: "1", lane: yellow}
"""


@pytest.fixture(scope="module")
def model() -> bytes:
    """Goods of chapter 61 from CN are usually not in order, others usually are."""
    chance = random.Random(3)
    rows = []
    for number in range(600):
        code, origin = chance.choice(("610910", "851713")), chance.choice(("CN", "US"))
        is_bad = chance.random() < (0.9 if code.startswith("61") and origin == "CN" else 0.05)
        rows.append(
            {"commodity_code": code, "origin_country": origin, "price": str(number % 90), "bad": str(int(is_bad))}
        )
    chain = Chain(
        "goods and origin", (Level((("commodity_code", 4), ("origin_country", 0))), Level((("commodity_code", 2),)))
    )
    recipe = Recipe("bad", (chain,), ("price",))
    return model_bytes(train(rows, recipe, Settings(rounds=30)).model)


@pytest.fixture
def intake(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setattr("tidewaiter.workflow.intake.WATCH_LIST_SECONDS", -1)
    store.keep_knowledge({"11" * 32: (PartKind.POLICY, POLICY)})
    change = Change(kind=PartKind.POLICY, name="policy", digest="11" * 32)
    store.parts.change((change,), actor="ann", words="a test", at=AT)
    with Intake(store, workers=2) as opened:
        yield opened


def parcel(number: int, origin: str) -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code=origin,
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(20), "GBP"),
    )  # fmt: skip
    return Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name="A seller"), consignee=Party(name="A buyer"), consignment=Consignment(gross_mass_kg=Decimal(2)),
    )  # fmt: skip


def hand_in(intake: Intake, store: PostgresStore, *parcels: Declaration) -> None:
    body = forms.by_name("json").write(parcels)
    sender_id = store.senders.ensure("A courier").sender_id
    intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=DAY)


def judgement_of(store: PostgresStore, number: int) -> Judgement:
    found = store.decision(store.find(f"REF{number}")).evaluation.judgement
    assert found is not None
    return found


def test_a_score_is_kept_with_its_reasons_and_drawn_by_the_policy(
    intake: Intake, store: PostgresStore, model: bytes
) -> None:
    digest = use_model(store, "undervaluation", model, ANN, on_trial=False)
    hand_in(intake, store, parcel(1, "CN"), parcel(2, "US"))
    one, other = (store.kept(store.find(f"REF{n}")).facts.scores[0] for n in (1, 2))
    assert one.model_digest == digest
    assert one.probability > Decimal("0.5") > other.probability
    assert "goods and origin" in one.words[0]
    first, second = judgement_of(store, 1), judgement_of(store, 2)
    assert (first.lane, second.lane) == (Lane.YELLOW, Lane.GREEN)
    assert first.propensity == "1"
    assert [reason.reason_id for reason in first.reasons] == ["score.undervaluation"]
    retire_model(store, "undervaluation", ANN, on_trial=False)
    assert replay.replay_all(store).is_clean


def test_what_promises_most_is_examined_first(
    intake: Intake, store: PostgresStore, model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    amount = replace(read_model(model), amount=Amount("GBP", 4000, 9000))
    use_model(store, "undervaluation", model_bytes(amount), ANN, on_trial=False)
    hand_in(intake, store, parcel(1, "US"), parcel(2, "CN"), parcel(3, "US"))
    for number in (1, 2, 3):
        desk = Desk(store)
        if desk.confirm_arrival(store.find(f"REF{number}"), "ann", on=DAY) is not State.UNDER_CONTROL:
            desk.act(store.find(f"REF{number}"), Trigger.EXAMINATION_ORDERED, "ann")
    queue = waiting(store).parcels
    assert [each.row.functional_reference_id for each in queue] == ["REF2", "REF1", "REF3"]
    (score,) = queue[0].scores
    assert queue[0].promise == score.expected == Money((score.probability * 40).quantize(Decimal("0.01")), "GBP")
    told = judgement_of(store, 2).reasons[0].words
    assert f"{score.expected} expected" in told
    later = waiting(store, limit=2)
    assert ([each.row.functional_reference_id for each in later.parcels], later.unread) == (["REF2", "REF1"], 1)
    assert waiting(store, limit=2) == later  # from blocks that were opened before, too
    examined = ExaminationOutcome(
        reference="REF2",
        result=Result.NOT_SATISFACTORY,
        examined_at=datetime.now(UTC),
        examiner="cy",
        found=(Found(risk_type=RiskType.UNDERVALUATION),),
    )
    examinations = Examinations(store)
    outcome_id = examinations.record(examined, "cy").kept.outcome_id
    assert [each.row.functional_reference_id for each in waiting(store).parcels] == ["REF1", "REF3"]
    examinations.refuse(outcome_id, "di", "look again")
    assert [each.row.functional_reference_id for each in waiting(store).parcels] == ["REF2", "REF1", "REF3"]
    assert replay.replay_all(store).is_clean


def test_one_on_trial_is_kept_and_decides_nothing(intake: Intake, store: PostgresStore, model: bytes) -> None:
    use_model(store, "undervaluation", model, Said(by="ann", approved_by="", words="", at=AT), on_trial=True)
    hand_in(intake, store, parcel(1, "CN"))
    assert judgement_of(store, 1).lane is Lane.GREEN
    (score,) = store.kept(store.find("REF1")).facts.scores
    assert score.is_shadow
    assert replay.replay_all(store).is_clean


def test_rules_ask_scores_in_worker_processes_too(
    intake: Intake, store: PostgresStore, model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "SLICE_RECORDS", 4)
    use_model(store, "undervaluation", model, ANN, on_trial=False)
    rules = rules_of(
        'rule s\n    title: T\n    words: W\n    lane: red\n    when:\n        score("undervaluation") > 0.5\n'
    )
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode())})
    store.parts.change((Change(kind=PartKind.RULES, name="r", digest=rules.digest),), actor="ann", words="", at=AT)
    hand_in(intake, store, *(parcel(n, "CN" if n % 2 else "US") for n in range(24)))
    assert [judgement_of(store, n).lane for n in range(24)] == [Lane.RED if n % 2 else Lane.GREEN for n in range(24)]
    with pytest.raises(TransitionError, match="rules in use name"):
        retire_model(store, "undervaluation", ANN, on_trial=False)
    assert replay.replay_all(store).is_clean


def test_a_model_that_cannot_decide_is_refused(store: PostgresStore, model: bytes) -> None:
    with pytest.raises(SamePersonError, match="somebody else"):
        use_model(store, "undervaluation", model, Said(by="ann", approved_by="Ann", words="", at=AT), on_trial=False)
    with pytest.raises(ModelError, match="no name"):
        use_model(store, "Under valuation", model, ANN, on_trial=False)
    with pytest.raises(ModelError, match="no declaration gives: colour"):
        use_model(store, "s", model.replace(b'"price"', b'"colour"'), ANN, on_trial=False)
    with pytest.raises(ModelError, match="not a model"):
        use_model(store, "s", b"{}", ANN, on_trial=False)
    with pytest.raises(NotFoundError):
        retire_model(store, "s", ANN, on_trial=False)


def test_a_row_has_every_column_whatever_is_missing() -> None:
    assert set(row_of(Declaration(), Facts())) == set(columns())
    row = row_of(parcel(1, "CN"), Facts(numbers={"household_parcels_7d": Decimal(3)}))
    assert row["commodity_code"] == "6109100010"
    assert row["price_per_kg"] == "11.1111"
    assert row["household_parcels_7d"] == "3"
