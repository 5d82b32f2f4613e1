"""Entry summary declarations through the intake into a real PostgreSQL: kept, decided, amended, answered, replayed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from lxml import etree

from tidewaiter.messages.ens import EnsForm
from tidewaiter.model.decision import NoticeKind, State
from tidewaiter.model.declaration import (
    Address,
    Consignment,
    Declaration,
    Extra,
    GoodsItem,
    MessageFunction,
    Packaging,
    Party,
    TransportMeans,
)
from tidewaiter.store import PostgresStore
from tidewaiter.web.api.documents import document_of
from tidewaiter.workflow import replay
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.records import Receipt

DAY = date(2026, 11, 20)
FORM = EnsForm()


@pytest.fixture
def intake(store: PostgresStore) -> Iterator[Intake]:
    with Intake(store, workers=2) as opened:
        yield opened


@pytest.fixture
def sender_id(store: PostgresStore) -> int:
    # What chance decides is fixed here: by this seed none of the declarations below is drawn.
    today = datetime.now(UTC).date()
    for day in (today, today + timedelta(1)):
        store.seed(day, b"\x05" * 32)
    return store.senders.ensure("A carrier").sender_id


def summary(reference: str, **changed: object) -> Declaration:
    fields: dict[str, object] = {
        "functional_reference_id": reference,
        "procedure_category": "ENS",
        "jurisdiction_code": "GB",
        "supervising_office_id": "GB000060",
        "issued_at": datetime(2026, 11, 19, 9, 15, tzinfo=UTC),
        "goods_item_count": 1,
        "submitter": Party(party_id="GB123456789000/1234567890"),
        "declarant": Party(party_id="GB123456789000"),
        "consignment": Consignment(
            ucr="UCR-1",
            gross_mass_kg=None,
            package_count=1,
            arrival_on=DAY,
            border_transport=TransportMeans(mode_code="4", means_id="BA123"),
        ),
        "goods_items": (
            GoodsItem(
                line_no=1,
                description="cotton shirts for men",
                commodity_code="6109",
                packagings=(Packaging(type_code="CT", count=1, marks="1"),),
                consignor=Party(name="Sender", address=Address(line="1 Road", city="Shenzhen", country_code="CN")),
                consignee=Party(name="Receiver", address=Address(line="2 Lane", city="Leeds", country_code="GB")),
                gross_mass_kg=None,
            ),
        ),
        "extras": (Extra("/CC315A/HEAHEA/DecPlaHEA394", "London"),),
    }
    return Declaration(**{**fields, **changed})  # type: ignore[arg-type]


def weighed(declaration: Declaration, kilograms: str) -> bytes:
    body = FORM.write([declaration])
    return body.replace(b"</GooDesGDS23>", f"</GooDesGDS23><GroMasGDS46>{kilograms}</GroMasGDS46>".encode())


def hand_in(intake: Intake, sender_id: int, body: bytes) -> Receipt:
    return intake.submit(
        io.BytesIO(body),
        sender_id=sender_id,
        file_name="ens.xml",
        transport="test",
        idempotency_key=None,
        legal_day=DAY,
    )


def told(store: PostgresStore, declaration_id: int) -> list[str]:
    documents = [etree.fromstring(document_of(store, each)) for each in store.decision(declaration_id).notices]
    return [document.tag.rpartition("}")[2] for document in documents]


def test_a_summary_declaration_is_kept_judged_and_answered_in_its_own_messages(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    body = weighed(summary("LRN-1"), "1.5")
    (line,) = hand_in(intake, sender_id, body).lines
    file = store.decision(line.declaration_id)
    assert file.evaluation.decision.dataset == "ENS"
    assert file.evaluation.decision.state is State.RECEIVED, file.evaluation.findings
    assert file.evaluation.assessment is None or not file.evaluation.assessment.charges
    assert file.evaluation.judgement is not None
    assert b"".join(store.message_bytes(file.message.message_id)) == body
    assert told(store, line.declaration_id) == ["CC328A"]
    acknowledged = etree.fromstring(document_of(store, file.notices[0]))
    assert acknowledged.findtext("HEAHEA/DocNumHEA5") == line.registered_id
    assert acknowledged.findtext("HEAHEA/RefNumHEA4") == "LRN-1"
    assert etree.fromstring(document_of(store, file.notices[0], "wco-dm")).tag.endswith("}MetaData")


def test_what_is_missing_is_refused_with_its_place(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    (line,) = hand_in(intake, sender_id, FORM.write([summary("LRN-2", declarant=None)])).lines
    file = store.decision(line.declaration_id)
    assert file.evaluation.decision.state is State.REJECTED
    places = {finding.place for finding in file.evaluation.findings if finding.rule_id == "data.required"}
    assert "/CC315A/PERLODSUMDEC/TINPLD1" in places
    (document,) = (etree.fromstring(document_of(store, each)) for each in file.notices)
    assert document.tag.endswith("}CC316A")
    assert places <= {each.text for each in document.iter("ErrPoiER12")}


def test_an_amendment_changes_it_by_its_number_and_everything_replays(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    (first,) = hand_in(intake, sender_id, weighed(summary("LRN-3"), "1.5")).lines
    amendment = summary("", registered_id=first.registered_id, function=MessageFunction.AMENDMENT, extras=())
    (second,) = hand_in(intake, sender_id, weighed(amendment, "2.5")).lines
    assert second.declaration_id == first.declaration_id
    file = store.decision(first.declaration_id)
    assert file.row.functional_reference_id == "LRN-3"
    assert [str(item.gross_mass_kg) for item in file.declaration.goods_items] == ["2.5"]
    assert told(store, first.declaration_id) == ["CC328A"]
    report = replay.replay_all(store, workers=1)
    assert report.is_clean
    assert report.replayed == 2


def test_an_amendment_of_nothing_known_is_refused_by_its_own_message(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    amendment = summary("", registered_id="26GB000000009999R1", function=MessageFunction.AMENDMENT, extras=())
    (line,) = hand_in(intake, sender_id, weighed(amendment, "2.5")).lines
    (notice,) = store.decision(line.declaration_id).notices
    refused = etree.fromstring(document_of(store, notice))
    assert notice.kind is NoticeKind.REJECTED
    assert refused.tag.endswith("}CC305A")
    assert refused.findtext("HEAHEA/DocNumHEA5") == "26GB000000009999R1"
