"""Decisions by an imported tariff: from the message to the amount, run again to the byte, in worker processes too."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.assessment import Assessment
from tidewaiter.model.decision import HoldKind
from tidewaiter.model.declaration import Consignment, Declaration, Document, GoodsItem, Party
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import Basket, BasketItem
from tidewaiter.quotes.quote import Entry
from tidewaiter.store import PostgresStore
from tidewaiter.tariff.importing import Heading, Source
from tidewaiter.workflow import processing, replay
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.quoting import quote
from tidewaiter.workflow.records import Receipt
from tidewaiter.workflow.tariffs import NOTHING_IMPORTED, import_files, known

DAY = date(2026, 11, 20)
TABLE = """commodity,description,ukgt_duty_rate
6109100010,T-shirts of cotton,{}
6109100090,T-shirts of cotton,{}
8517130000,Smartphones,0.0%
"""


@pytest.fixture
def intake(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setattr("tidewaiter.workflow.intake.WATCH_LIST_SECONDS", -1)
    with Intake(store, workers=1) as opened:
        yield opened


def bring_in(store: PostgresStore, rate: str, begins: date) -> None:
    body = TABLE.format(rate, rate).encode()
    import_files(
        [Source("x", body)],
        Heading("GB", begins, is_partial=True),
        store.tariffs,
        "ann",
        datetime(2026, 1, 1, tzinfo=UTC),
    )


def shirts(number: int) -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(1000), "GBP"),
    )  # fmt: skip
    return Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name="A seller"), consignee=Party(name="A buyer"), consignment=Consignment(gross_mass_kg=Decimal(2)),
    )  # fmt: skip


def hand_in(intake: Intake, store: PostgresStore, *declarations: Declaration, on: date = DAY) -> Receipt:
    body = forms.by_name("json").write(declarations)
    sender_id = store.senders.ensure("A courier").sender_id
    return intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=on)


def assessment_of(store: PostgresStore, reference: str) -> Assessment:
    found = store.decision(store.find(reference)).evaluation.assessment
    assert found is not None
    return found


def test_a_decision_rests_on_the_edition_of_its_day_and_can_be_run_again(intake: Intake, store: PostgresStore) -> None:
    hand_in(intake, store, shirts(1))
    bring_in(store, "9.0%", date(2026, 1, 1))
    bring_in(store, "7.0%", date(2026, 12, 1))
    hand_in(intake, store, shirts(2))
    hand_in(intake, store, shirts(3), on=date(2026, 12, 1))
    bring_in(store, "8.0%", date(2026, 1, 1))  # a correction
    hand_in(intake, store, shirts(4))
    amounts = {n: str(assessment_of(store, f"REF{n}").charges[0].result.amount) for n in (1, 2, 3, 4)}
    assert amounts == {1: "120.00", 2: "90.00", 3: "70.00", 4: "80.00"}
    assert "tariff.edition" not in assessment_of(store, "REF1").citations
    assert "tariff.edition" in assessment_of(store, "REF2").citations
    report = replay.replay_all(store, workers=1)
    assert (report.replayed, report.same) == (4, 4), report.differences


def test_an_edition_of_another_day_or_jurisdiction_changes_nothing(intake: Intake, store: PostgresStore) -> None:
    hand_in(intake, store, shirts(1))
    bring_in(store, "9.0%", date(2027, 1, 1))
    body = TABLE.format("9.0%", "9.0%").encode()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    import_files([Source("x", body)], Heading("US", date(2026, 1, 1), is_partial=True), store.tariffs, "ann", at)
    hand_in(intake, store, shirts(2))
    one, other = (assessment_of(store, f"REF{n}") for n in (1, 2))
    assert one == other


def test_worker_processes_fetch_the_tariff_themselves(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "SLICE_RECORDS", 2)
    bring_in(store, "9.0%", date(2026, 1, 1))
    with Intake(store, workers=2) as intake:
        receipt = hand_in(intake, store, *(shirts(n) for n in range(1, 15)))
    assert receipt.is_complete
    assert {str(assessment_of(store, f"REF{n}").charges[0].result.amount) for n in range(1, 15)} == {"90.00"}
    report = replay.replay_all(store, workers=2)
    assert (report.replayed, report.same) == (14, 14), report.differences


def test_what_is_known_of_tariffs_goes_to_another_process_without_their_contents(store: PostgresStore) -> None:
    assert known(store) == NOTHING_IMPORTED
    bring_in(store, "9.0%", date(2026, 1, 1))
    sent = pickle.dumps(known(store))
    assert len(sent) < 4_000
    there = pickle.loads(sent)
    tariff = there.tariff("GB", DAY)
    assert tariff is not None
    assert [m.duty for m in tariff.measures("6109100010", "CN", DAY)] == ["9.0%"]
    assert there.tariff("DK", DAY) is None
    there.contents.__self__.close()


def test_a_member_uses_the_tariff_of_its_union(store: PostgresStore) -> None:
    body = TABLE.format("12.0%", "12.0%").encode()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    import_files([Source("x", body)], Heading("EU", date(2026, 1, 1), is_partial=True), store.tariffs, "ann", at)
    tariff = known(store).tariff("DK", DAY)
    assert tariff is not None
    assert tariff.jurisdiction_code == "EU"


MEASURES = (
    "commodity__code,measure__type__id,measure__type__description,measure__duty_expression,measure__geographical_area__id,"
    "measure__effective_start_date,measure__effective_end_date,measure__conditions\n"
    "6109100010,103,Third country duty,12.0%,1011,2021-01-01,#NA,#NA\n"
    '6109100010,710,Import control - shirts,#NA,1011,2021-01-01,#NA,"condition:B,certificate:C400,action:29|condition:B,action:09"\n'
)


def test_a_control_of_the_tariff_holds_the_goods_until_its_document_is_there(
    intake: Intake, store: PostgresStore
) -> None:
    heading = Heading("GB", date(2026, 1, 1), is_partial=True)
    import_files([Source("x", MEASURES.encode())], heading, store.tariffs, "ann", datetime(2026, 1, 1, tzinfo=UTC))
    held, free = shirts(1), shirts(2)
    document = Document(type_code="C400", document_id="GB/1")
    free = replace(free, goods_items=(replace(free.goods_items[0], documents=(document,)),))
    hand_in(intake, store, held, free)
    (one, other) = (store.decision(store.find(f"REF{n}")).evaluation for n in (1, 2))
    assert one.judgement is not None
    assert other.judgement is not None
    (reason,) = (each for each in one.judgement.reasons if each.measure_id == "tariff.edition")
    assert reason.words.startswith("Import control - shirts: the commodity code 6109100010")
    assert [(hold.kind, hold.reference) for hold in one.decision.holds if hold.kind is HoldKind.PERMIT] == [
        (HoldKind.PERMIT, reason.reason_id)
    ]
    assert [each.is_lifted for each in other.judgement.reasons if each.measure_id == "tariff.edition"] == [True]
    assert not any(hold.kind is HoldKind.PERMIT for hold in other.decision.holds)
    report = replay.replay_all(store, workers=1)
    assert (report.replayed, report.same) == (2, 2), report.differences
    goods = BasketItem(
        description="Cotton T-shirts", commodity_code="6109100010", origin_country_code="CN",
        invoice_price=Money(Decimal(1000), "GBP"),
    )  # fmt: skip
    given = quote(Basket(jurisdiction_code="GB", goods_items=(goods,)), DAY, known(store))
    assert given.admission.entry is Entry.PERMIT
    assert [each.permit_code for each in given.admission.controls] == ["C400"]
    assert given.admission.citations.keys() == {"tariff.edition"}
    assert given.admission.looked_at.endswith("the tariff of GB in force from 2026-01-01")
    assert any("it comes in with C400" in words for words in given.words)
