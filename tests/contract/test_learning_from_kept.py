"""Scores learnt from examinations that are kept: drawn parcels only, as declared, weighed, with what was owed beyond."""

from __future__ import annotations

import io
import itertools
import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.json import encode

from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.messages import forms
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money
from tidewaiter.model.outcome import Control, ExaminationOutcome, Found, Result, RiskType
from tidewaiter.risk import PartKind
from tidewaiter.risk.rules import rules_of
from tidewaiter.risk.scoring import ModelError, Recipe, ScoreModel, read_model
from tidewaiter.risk.scoring import model_bytes as encoded
from tidewaiter.risk.scoring.card import Card
from tidewaiter.risk.scoring.model import Tree
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import learning
from tidewaiter.workflow.drifting import Between, risk_type_of
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.learning import kept_lessons
from tidewaiter.workflow.models import Model, Models, Said, Who, use_model
from tidewaiter.workflow.outcomes import Examinations
from tidewaiter.workflow.targeting import Change
from tidewaiter.workflow.trying import Period

DAY = date(2026, 11, 20)
PARCELS = 700
POLICY = b"""\
title: Shares
selection_share: "0.25"
selection_lane: red
quality_lane: blue
quality_rules: []
"""
RULES = """\
rule aimed
    title: Parcels of seller 1
    words: Seller 1. Look at the goods.
    lane: red
    percent: 80
    when:
        consignor.name == "Seller 1"
"""


def parcel(number: int, seller: int, price: int) -> Declaration:
    item = GoodsItem(
        line_no=1, description=f"Cotton T-shirts {number}", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(price), "GBP"),
    )  # fmt: skip
    return Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name=f"Seller {seller}"), consignee=Party(name=f"Buyer {number}"),
        consignment=Consignment(gross_mass_kg=Decimal(2)),
    )  # fmt: skip


def looked_at(store: PostgresStore, number: int) -> Lane:
    judgement = store.decision(store.find(f"REF{number}")).evaluation.judgement
    assert judgement is not None
    return judgement.lane


@pytest.fixture
def examined(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> PostgresStore:
    """Parcels of two sellers, a few of the first; whoever is drawn is examined, and dear ones turn out dearer still."""
    monkeypatch.setattr("tidewaiter.workflow.intake.WATCH_LIST_SECONDS", -1)
    monkeypatch.setenv("TIDEWAITER_DATABASE_URL", store.url)
    for day in (datetime.now(UTC).date(), datetime.now(UTC).date() + timedelta(1)):
        store.seed(day, b"\x05" * 32)
    rules = rules_of(RULES)
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode()), "11" * 32: (PartKind.POLICY, POLICY)})
    changes = (
        Change(kind=PartKind.RULES, name="aimed", digest=rules.digest),
        Change(kind=PartKind.POLICY, name="policy", digest="11" * 32),
    )
    store.parts.change(changes, actor="ann", words="a test", at=datetime.now(UTC))
    chance = random.Random(4)
    declared = [parcel(number, 1 if number % 7 == 0 else 2, chance.randrange(200, 900)) for number in range(PARCELS)]
    with Intake(store, workers=2) as intake:
        body = forms.by_name("json").write(declared)
        sender_id = store.senders.ensure("A courier").sender_id
        intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="t", legal_day=DAY)
    told = [
        (f"line {number}", outcome(number, each, chance))
        for number, each in enumerate(declared)
        if looked_at(store, number) is Lane.RED
    ]
    done = Examinations(store).take_in(told, "a system")
    assert (done.kept, done.findings) == (len(told), ())
    return store


def outcome(number: int, declared: Declaration, chance: random.Random) -> ExaminationOutcome:
    price = declared.goods_items[0].invoice_price
    assert price is not None
    is_bad = chance.random() < (0.7 if declared.consignor == Party(name="Seller 1") else 0.15)
    found = Found(risk_type=RiskType.UNDERVALUATION, line_no=1, value=Money(price.amount * 2, "GBP"))
    return ExaminationOutcome(
        reference=f"REF{number}", result=Result.NOT_SATISFACTORY if is_bad else Result.SATISFACTORY,
        examined_at=datetime.now(UTC), examiner="ann", approved_by="chief" if is_bad else "",
        controls=(Control.PHYSICAL,), found=(found,) if is_bad else (),
    )  # fmt: skip


def days() -> tuple[datetime, datetime]:
    return datetime.now(UTC) - timedelta(1), datetime.now(UTC) + timedelta(1)


def test_what_is_kept_teaches_a_score_that_can_decide(
    examined: PostgresStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    today = datetime.now(UTC).date()
    with pytest.raises(SystemExit) as left:
        main([
            "score", "train", "--from-kept", "--risk-type", "undervaluation", "--from", str(today - timedelta(1)), "--to",
            str(today), "--out", str(tmp_path),
        ])  # fmt: skip
    printed = capsys.readouterr()
    assert left.value.code == output.EXIT_OK, printed.err
    card = json.loads((tmp_path / "card.json").read_text())
    assert "undervaluation" in card["source"]
    assert float(card["base_rate"]) < float(card["plain_rate"])  # seller 1 is looked at more often than others
    assert 100 < card["effective_rows"] < card["rows"] < PARCELS
    model = read_model((tmp_path / "model.json").read_bytes())
    said = Said(by="ann", approved_by="bo", words="a test", at=datetime.now(UTC))
    use_model(examined, "undervaluation", model_bytes(tmp_path), said, on_trial=False)
    assert model.recipe.propensity == "propensity"


def by_price(limit: int) -> ScoreModel:
    """A model that promises a tenth of cheap parcels not to be in order, and half of dear ones."""
    tree = Tree((0,), (limit * 1_000_000,), (-1,), (-2,), (-1, 1))
    return ScoreModel(Recipe("label", (), ("price",)), 100_000, (), (tree,), ((-1, 100_000), (1, 500_000)))


def test_two_periods_are_compared_by_what_came_in_and_what_was_found(
    examined: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later parcels are dearer, and what is dear is in order far more often than the model promises."""
    with Intake(examined, workers=2) as intake:
        body = forms.by_name("json").write([parcel(PARCELS + n, 2, 2000 + n) for n in range(120)])
        sender_id = examined.senders.ensure("A courier").sender_id
        later = datetime.now(UTC).date()
        intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="y.json", transport="t", legal_day=later)
    drawn = [n for n in range(PARCELS, PARCELS + 120) if looked_at(examined, n) is Lane.RED]
    told = [
        ExaminationOutcome(reference=f"REF{n}", result=Result.SATISFACTORY, examined_at=datetime.now(UTC), examiner="ann",
                           controls=(Control.PHYSICAL,))
        for n in drawn
    ]  # fmt: skip
    assert Examinations(examined).take_in([("x", each) for each in told], "a system").kept == len(drawn) > 15
    models = Models(examined, lambda: datetime.now(UTC))
    version = models.register(Model(name="undervaluation", content=encoded(by_price(1500))), Who("ann", "a test"))
    between = Between(Period(DAY, DAY), Period(later, later), risk_type_of(version.name))
    report = models.look(version, between, Who("bo"))
    assert report.read == (PARCELS, 120)
    assert report.risk_type is RiskType.UNDERVALUATION
    assert {each.feature: each.shifted for each in report.features} == {"price": True, "score": True}
    assert not report.is_calm
    cheap, dear = report.bands[0], report.bands[-1]
    assert (dear.promised, dear.found, dear.examined, dear.is_off) == (0.5, 0.0, len(drawn), True)
    lessons = kept_lessons(examined, *days(), RiskType.UNDERVALUATION).rows
    weighed = [(1 / float(row["propensity"]), row["label"]) for row in lessons if Decimal(row["price"]) < 1500]
    assert cheap.examined == len(weighed)
    rate = sum(w for w, label in weighed if label == "1") / sum(w for w, _ in weighed)
    assert cheap.found == pytest.approx(rate, abs=1e-6)
    ((kept, again),) = models.looks(version)
    assert (kept.actor, again) == ("bo", report)
    # Amounts in two currencies hold no score of likelihoods up: what was owed is not asked.
    currencies = itertools.cycle(("EUR", "GBP"))
    with monkeypatch.context() as patched:
        patched.setattr(learning, "owed_beyond", lambda *_: Money(Decimal(1), next(currencies)))
        with pytest.raises(ModelError, match="amounts are in EUR, GBP"):
            kept_lessons(examined, *days(), RiskType.UNDERVALUATION)
        assert models.look(version, between, Who("bo")) == report
    # The same period against itself is calm but for what was found; a sample of it is spread over all of it.
    same = models.look(version, Between(Period(DAY, DAY), Period(DAY, DAY), RiskType.IPR), Who("bo"), 100)
    assert same.read[0] == same.read[1]
    assert 90 <= same.read[0] <= 100
    assert all(each.index == 0 for each in same.features)
    # What it was learnt from is left out: it would seem to fit.
    own = Card(version.digest, "d" * 64, 1, "0.1", (), 0.5, (0.4, 0.6), 0.5, (), learnt_until=later.isoformat())
    content = encoded(by_price(1500))
    taught = models.register(Model(name="undervaluation", content=content, card=encode(own)), Who("ann"))
    known = models.look(taught, between, Who("bo"))
    assert (known.learnt_until, known.examined) == (later, 0)
    assert known.features == report.features
    with pytest.raises(ModelError, match="nothing was decided"):
        models.look(version, Between(Period(DAY, DAY), Period(date(2020, 1, 1), date(2020, 1, 1))), Who("bo"))


def test_drift_is_told_by_command_and_what_is_registered_is_shown(
    examined: PostgresStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "model.json").write_bytes(encoded(by_price(500)))
    day = DAY.isoformat()

    def ran(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main(["score", *words])
        assert isinstance(left.value.code, int)
        return left.value.code, capsys.readouterr().out

    told = ("--name", "undervaluation", "--by", "ann", "--why", "a test")
    assert ran("register", str(tmp_path / "model.json"), *told)[1].startswith("model 1: undervaluation")
    assert ran("step", "1", "approve", "--by", "ann")[0] == output.EXIT_ERROR
    assert ran("step", "1", "approve", "--by", "bo") == (output.EXIT_OK, "model 1: deciding\n")
    days = ("--from", day, "--to", day, "--against-from", day, "--against-to", day)
    code, out = ran("drift", "--kept", "1", *days, "--json")
    rows = json.loads(out)
    assert [each["of"] for each in rows[:2]] == ["price", "score"]
    assert rows[0]["index"] == "0.0000"
    assert code == output.EXIT_OK  # nothing was examined on that day, for the examiner's calendar is today's
    assert ran("drift", "--kept", "1", "--from", day)[0] == output.EXIT_USAGE
    assert ran("drift", str(tmp_path / "model.json"))[0] == output.EXIT_USAGE
    shown = json.loads(ran("show", "1", "--json")[1])
    assert (shown["stands"], shown["asks for"]) == ("deciding", "price 100%")
    assert shown["drift"].startswith("calm")
    (row,) = json.loads(ran("list", "--json")[1])
    assert (row["model"], row["score"], row["registered by"]) == (1, "undervaluation", "ann")


def model_bytes(folder: Path) -> bytes:
    return (folder / "model.json").read_bytes()


def test_lessons_are_of_the_drawn_with_their_chance_and_what_was_owed(examined: PostgresStore) -> None:
    desk = Examinations(examined)
    lessons = kept_lessons(examined, *days(), RiskType.UNDERVALUATION)
    by_number = {row["declaration_id"]: row for row in lessons.rows}
    drawn = [number for number in range(PARCELS) if looked_at(examined, number) is Lane.RED]
    assert len(lessons.rows) == len(drawn)
    for number in drawn:
        row = by_number[str(examined.find(f"REF{number}"))]
        assert row["propensity"] == ("0.85" if number % 7 == 0 else "0.25")  # 1 - 0.75 * 0.2
        assert row["label"] in ("0", "1")
        # Twice the value: 12 % duty on what was not declared, and 20 % tax on both.
        extra = Decimal(row["price"]) * (Decimal("0.12") + Decimal("1.12") * Decimal("0.2"))
        assert abs(Decimal(row["owed"]) - (extra if row["label"] == "1" else 0)) <= Decimal("0.02")
    assert lessons.currency == "GBP"
    # Looked at on somebody's own account: nobody knows with what probability.
    other = next(number for number in range(PARCELS) if looked_at(examined, number) is Lane.GREEN)
    told = ExaminationOutcome(
        reference=f"REF{other}", result=Result.SATISFACTORY, examined_at=datetime.now(UTC), examiner="ann"
    )
    desk.record(told, "ann")
    # By X-ray alone: it says nothing of values.
    first = examined.find(f"REF{drawn[0]}")
    before = examined.outcomes.of(first)[-1]
    seen = ExaminationOutcome(
        reference=str(first), result=Result.SATISFACTORY, examined_at=datetime.now(UTC), examiner="ann",
        controls=(Control.NII,),
    )  # fmt: skip
    desk.record(seen, "ann", corrects=before.outcome_id)
    again = kept_lessons(examined, *days(), RiskType.UNDERVALUATION)
    assert len(again.rows) == len(drawn) - 1
    assert again.left_out == {learning.NOT_DRAWN: 1, learning.NOT_TOLD: 1}
    assert len(kept_lessons(examined, *days(), RiskType.SECURITY).rows) == len(drawn)  # which an X-ray does show
    assert not kept_lessons(examined, *days(), RiskType.UNDERVALUATION, "FR").rows
