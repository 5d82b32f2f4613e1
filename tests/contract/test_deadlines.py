"""Filings through the intake at a given moment: in time or late by the law, counted so, and the same again on replay."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tidewaiter.messages import forms
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import (
    Address,
    Consignment,
    Declaration,
    Document,
    GoodsItem,
    MessageFunction,
    Packaging,
    Party,
    TransportMeans,
)
from tidewaiter.quality.timing import MINIMUM, NOT_CHECKED, TOO_LATE
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import replay
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.quality_record import Scoring, asked_for
from tidewaiter.workflow.records import Receipt

ARRIVES = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
DEPARTS = ARRIVES - timedelta(hours=9)
DUE = ARRIVES - timedelta(hours=4)


@pytest.fixture
def sender_id(store: PostgresStore) -> int:
    for day in range(3):
        store.seed(ARRIVES.date() - timedelta(day), b"\x05" * 32)
    return store.senders.ensure("A carrier").sender_id


def filing(reference: str, **changed: object) -> Declaration:
    fields: dict[str, object] = {
        "functional_reference_id": reference,
        "procedure_category": "ENS",
        "jurisdiction_code": "GB",
        "supervising_office_id": "GB000060",
        "declarant": Party(party_id="GB123456789000"),
        "consignor": Party(name="Sender", address=Address(line="1 Road", city="Shenzhen", country_code="CN")),
        "consignee": Party(name="Receiver", address=Address(line="2 Lane", city="Leeds", country_code="GB")),
        "consignment": Consignment(
            transport_documents=(Document(type_code="N740", document_id="125-12345675"),),
            gross_mass_kg=Decimal("1.5"), package_count=1, loading_place="CNSHA", routing_country_codes=("CN", "GB"),
            departure_at=DEPARTS, arrival_at=ARRIVES,
            border_transport=TransportMeans(mode_code="4", means_id="BA123"),
        ),
        "goods_items": (
            GoodsItem(
                line_no=1, description="cotton shirts for men", commodity_code="6109",
                packagings=(Packaging(type_code="CT", count=1, marks="1"),),
            ),
        ),
    }  # fmt: skip
    return Declaration(**(fields | changed))  # type: ignore[arg-type]


def file(store: PostgresStore, sender_id: int, at: datetime, *declared: Declaration) -> Receipt:
    with Intake(store, workers=1, clock=lambda: at) as intake:
        body = forms.by_name("json").write(declared)
        return intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="f.json", transport="test")


def found(store: PostgresStore, declaration_id: int, prefix: str = "timing.") -> list[str]:
    findings = store.decision(declaration_id).evaluation.findings
    return [each.rule_id for each in findings if each.rule_id.startswith(prefix)]


def test_in_time_and_late_are_told_apart_to_the_second_and_replay_the_same(
    store: PostgresStore, sender_id: int
) -> None:
    (met,) = file(store, sender_id, DUE, filing("D-1")).lines
    (late,) = file(store, sender_id, DUE + timedelta(seconds=1), filing("D-2")).lines
    (deadline,) = store.decision(met.declaration_id).evaluation.deadlines
    assert (deadline.is_met, deadline.due_at, deadline.words) == (True, DUE, "4 hours before arrival")
    assert found(store, met.declaration_id) == []
    evaluation = store.decision(late.declaration_id).evaluation
    assert evaluation.decision.state is State.RECEIVED
    assert [(each.is_met, each.late_by_seconds) for each in evaluation.deadlines] == [(False, 1)]
    assert found(store, late.declaration_id) == [TOO_LATE]
    assert store.kept(late.declaration_id).lodged_at == DUE + timedelta(seconds=1)
    report = replay.replay_all(store, workers=1)
    assert (report.is_clean, report.replayed) == (True, 2)


def test_an_amendment_is_held_against_the_first_filing(store: PostgresStore, sender_id: int) -> None:
    (line,) = file(store, sender_id, DUE, filing("D-3")).lines
    later = filing("", registered_id=line.registered_id, function=MessageFunction.AMENDMENT, goods_item_count=1)
    (again,) = file(store, sender_id, ARRIVES - timedelta(hours=1), later).lines
    assert again.declaration_id == line.declaration_id
    assert found(store, line.declaration_id) == []
    evaluation = store.decision(line.declaration_id).evaluation
    assert [(each.is_met, each.lodged_at) for each in evaluation.deadlines] == [(True, DUE)]
    report = replay.replay_all(store, workers=1)
    assert (report.is_clean, report.replayed) == (True, 2)


def test_a_deadline_that_was_missed_lowers_timeliness_and_nothing_else(store: PostgresStore, sender_id: int) -> None:
    file(store, sender_id, DUE, filing("D-4"))
    file(store, sender_id, ARRIVES, filing("D-5"))
    Scoring(store, store.quality).catch_up()
    (record,) = store.quality.records(asked_for(sender_id, "json", date(2026, 11, 1), date(2026, 11, 30)))
    total = record.total
    assert (total.records, total.late, total.invalid, total.implausible, total.incomplete) == (2, 1, 0, 0, 0)
    assert total.timely_share == Decimal(50)
    assert [(each.rule_id, each.records) for each in record.worst] == [(TOO_LATE, 1)]


def test_what_is_missing_of_the_minimum_counts_as_incomplete(store: PostgresStore, sender_id: int) -> None:
    bare = Consignment(
        arrival_at=ARRIVES,
        departure_at=DEPARTS,
        border_transport=TransportMeans(mode_code="4"),
        gross_mass_kg=Decimal(1),
    )
    (line,) = file(store, sender_id, DUE, filing("D-6", consignment=bare)).lines
    assert found(store, line.declaration_id) == [MINIMUM]
    Scoring(store, store.quality).catch_up()
    (record,) = store.quality.records(asked_for(sender_id, "json", date(2026, 11, 1), date(2026, 11, 30)))
    assert (record.total.incomplete, record.total.implausible, record.total.late) == (1, 0, 0)


def test_a_waybill_without_a_flight_cannot_be_checked_and_one_that_has_left_is_late(
    store: PostgresStore, sender_id: int
) -> None:
    waybill = {"procedure_category": "PLACI", "jurisdiction_code": "CA", "type_code": "740"}
    transport = {
        "transport_documents": (Document(type_code="N740", document_id="125-12345675"),),
        "gross_mass_kg": Decimal(1),
        "package_count": 1,
    }
    (unknown,) = file(store, sender_id, DEPARTS, filing("D-7", consignment=Consignment(**transport), **waybill)).lines
    assert found(store, unknown.declaration_id) == [NOT_CHECKED]
    left = Consignment(departure_at=DEPARTS, **transport)
    at = DEPARTS + timedelta(minutes=20)
    (late,) = file(store, sender_id, at, filing("D-8", consignment=left, **waybill)).lines
    (finding,) = [each for each in store.decision(late.declaration_id).evaluation.findings if each.rule_id == TOO_LATE]
    assert "at least 20 minutes too late" in finding.words
    assert finding.place == "/consignment/departure_at"
    report = replay.replay_all(store, workers=1)
    assert (report.is_clean, report.replayed) == (True, 2)
