"""The share not in order, from kept decisions and outcomes: weighed by stored probabilities, with what is missing told."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tidewaiter.cli.app import build
from tidewaiter.messages import forms
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.money import Money
from tidewaiter.model.outcome import ExaminationOutcome, Found, Result, RiskType
from tidewaiter.release import Trigger
from tidewaiter.risk import PartKind
from tidewaiter.risk.rules import rules_of
from tidewaiter.risk.selection import Stratum, estimate
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.compliance import By, Estimate, estimated
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.outcomes import Examinations
from tidewaiter.workflow.targeting import Change
from tidewaiter.workflow.trying import Period

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
POLICY = b"""\
title: A quarter by chance
selection_share: "0.25"
selection_lane: red
quality_lane: blue
quality_rules: []
"""
RULES = """\
rule dear
    title: Dear
    words: Dear goods. Look at them.
    lane: red
    when:
        item.invoice_price > money("100.00 GBP")
"""
PERIOD = Period(DAY, DAY)


@pytest.fixture
def intake(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setattr("tidewaiter.workflow.intake.WATCH_LIST_SECONDS", -1)
    rules = rules_of(RULES)
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode()), "11" * 32: (PartKind.POLICY, POLICY)})
    changes = (
        Change(kind=PartKind.RULES, name="r", digest=rules.digest),
        Change(kind=PartKind.POLICY, name="policy", digest="11" * 32),
    )
    store.parts.change(changes, actor="ann", words="a test", at=AT)
    with Intake(store, workers=1) as opened:
        yield opened


def parcel(number: int, price: int, code: str = "6109100010") -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code=code, origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(price), "GBP"),
    )  # fmt: skip
    return Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name="A seller"), consignee=Party(name="A buyer"), consignment=Consignment(gross_mass_kg=Decimal(2)),
    )  # fmt: skip


@pytest.fixture
def lanes(intake: Intake, store: PostgresStore) -> dict[int, str]:
    """Sixty parcels of which ten are dear; all arrive. The lane of each by its number in the file."""
    body = forms.by_name("json").write([parcel(n, 200 if n < 10 else 20) for n in range(60)])
    sender_id = store.senders.ensure("A courier").sender_id
    intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=DAY)
    desk, found = Desk(store), {}
    for number in range(60):
        declaration_id = store.find(f"REF{number}")
        desk.act(declaration_id, Trigger.ARRIVED, "the post", on=DAY)
        row = store.outcome(declaration_id).row
        assert row.lane is not None
        found[number] = row.lane.value
    return found


def examined(store: PostgresStore, number: int, *, is_wrong: bool) -> None:
    outcome = ExaminationOutcome(
        reference=f"REF{number}", result=Result.NOT_SATISFACTORY if is_wrong else Result.SATISFACTORY,
        examined_at=datetime.now(UTC), examiner="eva",
        found=(Found(risk_type=RiskType.UNDERVALUATION),) if is_wrong else (),
    )  # fmt: skip
    kept = Examinations(store).record(outcome, "eva").kept
    if is_wrong:
        Examinations(store).approve(kept.outcome_id, "bo")


def one(store: PostgresStore, by: By = By.STREAM) -> Estimate:
    (found,) = estimated(store, PERIOD, by, workers=1)
    return found


def test_what_rules_look_at_and_what_chance_finds_are_weighed_by_their_probabilities(
    store: PostgresStore, lanes: dict[int, str]
) -> None:
    drawn = [number for number, lane in lanes.items() if lane == "red" and number >= 10]
    assert 4 <= len(drawn) <= 25
    for number in (*range(10), *drawn):
        examined(store, number, is_wrong=number < 8 or number == drawn[0])
    found = one(store)
    assert (found.name, found.parcels, found.to_look_at, found.missing) == ("GB H1", 60, 10 + len(drawn), 0)
    assert (found.examined, found.irregular) == (10 + len(drawn), 9)
    strata = [Stratum(Decimal("0.25"), 50, len(drawn), 1), Stratum(Decimal(1), 10, 10, 8)]
    assert found.interval == estimate(strata)
    assert found.least == found.most == found.interval.share
    by_hand = (10 * 0.8 + 50 / len(drawn)) / 60
    assert found.interval.share == pytest.approx(by_hand)
    assert found.interval.share < found.irregular / found.examined  # rules look where much is wrong
    assert found.interval.low < found.interval.share < found.interval.high


def test_what_has_no_outcome_is_told_and_what_was_examined_beside_the_draw_does_not_count(
    store: PostgresStore, lanes: dict[int, str]
) -> None:
    for number in range(6):
        examined(store, number, is_wrong=number < 3)
    let_go = next(number for number, lane in lanes.items() if lane == "green")
    examined(store, let_go, is_wrong=True)
    drawn = sum(lane == "red" for number, lane in lanes.items() if number >= 10)
    found = one(store)
    assert (found.examined, found.irregular, found.missing, found.beyond) == (6, 3, 4 + drawn, 1)
    assert found.least == pytest.approx(10 * 0.3 / 60)
    assert found.most == pytest.approx((10 * 0.7 + 50) / 60)
    assert found.interval.high > 0.8  # of most nothing is known


def test_parcels_that_have_not_come_are_not_in_the_frame(store: PostgresStore, intake: Intake) -> None:
    body = forms.by_name("json").write([parcel(n, 20) for n in range(5)])
    sender_id = store.senders.ensure("A courier").sender_id
    intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=DAY)
    assert estimated(store, PERIOD, By.STREAM, workers=1) == []
    Desk(store).act(store.find("REF1"), Trigger.ARRIVED, "the post", on=DAY)
    found = one(store)
    assert (found.parcels, found.examined) == (1, 0)
    assert (found.interval.low, found.interval.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("by", "name"), [("sender", "A courier"), ("chapter", "61"), ("day", "2026-11-20"), ("all", "all")]
)
def test_the_command_tells_it_by_what_is_asked(
    store: PostgresStore, lanes: dict[int, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    by: str, name: str,
) -> None:  # fmt: skip
    examined(store, 0, is_wrong=True)
    assert one(store, By(by)).name == name
    monkeypatch.setattr("tidewaiter.cli.selection.opened_store", lambda: nullcontext(store))
    words = ["risk", "estimate", "--from", "2026-11-20", "--to", "2026-11-20", "--by", by, "--json"]
    assert build()(words, result_action="return_value") == 0
    told = capsys.readouterr().out
    assert name in told
    assert '"no outcome": 0' not in told
