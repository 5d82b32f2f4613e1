"""Air waybills through the intake: decided, answered in their own words, and held against their manifest."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import msgspec
import pytest

from tidewaiter.messages import forms
from tidewaiter.messages.cargo_imp import answers as text
from tidewaiter.messages.cargo_xml import answers as cargo_xml
from tidewaiter.model.decision import Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.errors import TransitionError
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import replay
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.pieces import content, sources_of
from tidewaiter.workflow.ports import Outcome
from tidewaiter.workflow.records import Receipt
from waybills import FHL, FHL_LIST, FWB, MASTER, xfhl, xfwb, xfzb

DAY = date(2026, 6, 15)
AT = datetime(2026, 6, 15, 9, 5, tzinfo=UTC)
PLAIN = FWB.replace("T3L22MC", "T3K22MC").replace("/L22/", "/K22/")


def hand_in(store: PostgresStore, intake: Intake, body: str, sender: str = "A forwarder") -> Receipt:
    sender_id = store.senders.ensure(sender).sender_id
    message = io.BytesIO(body.encode())
    return intake.submit(message, sender_id=sender_id, file_name="w", transport="test", legal_day=DAY)


def outcome(store: PostgresStore, reference: str) -> Outcome:
    return store.outcome(store.find(reference))


def told(found: Outcome) -> list[tuple[str, str]]:
    return [(each.rule_id, each.pointer) for each in found.evaluation.findings if each.rule_id.startswith("claim.")]


def kept(store: PostgresStore, declaration_id: int) -> tuple[Declaration, Evaluation]:
    found = store.kept(declaration_id, 1)
    declared = content(store, sources_of(found))
    assert declared is not None
    return declared, msgspec.json.decode(found.evaluation, type=Evaluation)


def test_a_waybill_is_decided_in_the_pre_loading_dataset_and_no_duty_asked(
    store: PostgresStore, intake: Intake
) -> None:
    receipt = hand_in(store, intake, PLAIN)
    found = store.outcome(receipt.lines[0].declaration_id)
    assert (found.row.dataset, found.row.state, found.row.jurisdiction_code) == ("PLACI", State.RECEIVED, "CA")
    assert [each.rule_id for each in found.evaluation.findings if each.severity == "error"] == []
    declared, evaluation = kept(store, receipt.lines[0].declaration_id)
    body = text.write_answer(NoticeKind.RECEIVED, declared, evaluation, issued_at=AT)
    assert body is not None
    assert body.decode().splitlines()[0] == "PSN"
    assert replay.replay_all(store, workers=1).is_clean


def test_a_filing_ahead_of_the_goods_lets_none_go(store: PostgresStore, intake: Intake) -> None:
    number = hand_in(store, intake, PLAIN).lines[0].declaration_id
    found = store.outcome(number)
    decision = found.evaluation.decision
    assert (decision.on_arrival, decision.category) == (None, None)
    assert decision.lane is not None
    assert decision.words.startswith("Filed ahead of the goods")
    with pytest.raises(TransitionError, match="never accepted as a declaration"):
        Desk(store).confirm_arrival(number, "officer", on=DAY)
    presented = Declaration(
        functional_reference_id=found.row.functional_reference_id, function=MessageFunction.PRESENTATION
    )
    said = hand_in(store, intake, forms.by_name("json").write([presented]).decode())
    assert "submission.not_allowed" in [each.rule_id for each in said.findings]
    assert store.outcome(number).row.state is State.RECEIVED
    assert replay.replay_all(store, workers=1).is_clean


def test_the_union_has_the_dataset_too(store: PostgresStore, intake: Intake) -> None:
    receipt = hand_in(store, intake, PLAIN.replace("ORKYVR", "YVRFRA"))
    found = store.outcome(receipt.lines[0].declaration_id)
    assert (found.row.dataset, found.row.jurisdiction_code) == ("PLACI", "DE")


def test_a_wrong_number_of_pieces_is_refused_with_the_published_code(store: PostgresStore, intake: Intake) -> None:
    receipt = hand_in(store, intake, xfwb(measured="3"))
    found = store.outcome(receipt.lines[0].declaration_id)
    assert found.row.state is State.REJECTED
    declared, evaluation = kept(store, receipt.lines[0].declaration_id)
    body = cargo_xml.write_answer(NoticeKind.REJECTED, declared, evaluation, registered_id="", issued_at=AT)
    assert body is not None
    assert b"<ram:Reason>INVALID_BILL_QTY</ram:Reason>" in body


def test_a_house_without_its_shipper_is_refused_in_text(store: PostgresStore, intake: Intake) -> None:
    receipt = hand_in(store, intake, FHL.replace("SHP/SADDLE WORKS\n/3 MILL LANE\n/CORK\n/IE/T12\n", ""))
    declared, evaluation = kept(store, receipt.lines[0].declaration_id)
    body = text.write_answer(NoticeKind.REJECTED, declared, evaluation, issued_at=AT)
    assert body == b"PER\r\n999-00000011-KEEL2\r\nERR/422/MISSING_SHP_LINE\r\n"


def test_a_destination_nobody_knows_is_refused(store: PostgresStore, intake: Intake) -> None:
    receipt = hand_in(store, intake, PLAIN.replace("ORKYVR", "ORKQQQ").replace("/CA/V6B", "/"))
    found = store.outcome(receipt.lines[0].declaration_id)
    assert [each.rule_id for each in found.evaluation.findings if each.severity == "error"] == ["law.no_jurisdiction"]
    declared, evaluation = kept(store, receipt.lines[0].declaration_id)
    body = text.write_answer(NoticeKind.REJECTED, declared, evaluation, issued_at=AT)
    assert body is not None
    assert b"INVALID_ROUTING" in body


def test_a_commodity_code_that_does_not_exist_keeps_no_waybill_out(store: PostgresStore, intake: Intake) -> None:
    receipt = hand_in(store, intake, PLAIN.replace("/NH/630231", "/NH/000111"))
    found = store.outcome(receipt.lines[0].declaration_id)
    codes = [(each.rule_id, each.severity) for each in found.evaluation.findings if "commodity" in each.pointer]
    assert codes == [("pre_loading.commodity_code", "warning")]
    assert found.row.state is State.RECEIVED


@pytest.mark.parametrize("description", ["1004", "XXX", "...", "$%&", "!12"])
def test_a_description_without_words_is_refused(store: PostgresStore, intake: Intake, description: str) -> None:
    receipt = hand_in(store, intake, PLAIN.replace("COTTON BED LINEN", description).replace("/2/NG/WOVEN\n", ""))
    declared, evaluation = kept(store, receipt.lines[0].declaration_id)
    body = text.write_answer(NoticeKind.REJECTED, declared, evaluation, issued_at=AT)
    assert body is not None
    assert body.decode().splitlines()[2:] == ["ERR/422/MISSING_CARGO_DESC"]


def test_a_house_is_decided_anew_when_the_manifest_says_otherwise(store: PostgresStore, intake: Intake) -> None:
    hand_in(store, intake, xfzb("KEEL1"))
    assert told(outcome(store, "KEEL1")) == []
    receipt = hand_in(store, intake, xfhl(("KEEL1", "2", "29"), ("KEEL2", "3", "13.5")), "A carrier")
    manifest = store.outcome(receipt.lines[0].declaration_id)
    assert (manifest.row.dataset, manifest.row.state, manifest.row.lane) == ("MANIFEST", State.RECEIVED, None)
    assert told(outcome(store, "KEEL1")) == [("claim.differs", "consignment.gross_mass_kg")]
    assert outcome(store, "KEEL1").row.version == 2
    assert replay.replay_all(store, workers=1).is_clean


def test_a_manifest_told_before_is_held_against_house_and_master(store: PostgresStore, intake: Intake) -> None:
    hand_in(store, intake, xfhl(("KEEL1", "2", "20"), ("KEEL2", "3", "22.5"), pieces="6"), "A carrier")
    hand_in(store, intake, xfzb("KEEL1"))
    hand_in(store, intake, xfzb("KEEL7"))
    hand_in(store, intake, xfwb())
    assert told(outcome(store, "KEEL1")) == []
    assert told(outcome(store, "KEEL7")) == [("claim.differs", "consignment.transport_documents[1].document_id")]
    assert told(outcome(store, MASTER)) == [("claim.differs", "consignment.package_count")]
    assert replay.replay_all(store, workers=1).is_clean


def test_an_updated_house_replaces_what_was_filed(store: PostgresStore, intake: Intake) -> None:
    hand_in(store, intake, xfzb("KEEL1"))
    hand_in(store, intake, xfzb("KEEL1", pieces="3").replace("Creation", "Update"))
    found = outcome(store, "KEEL1")
    assert found.row.version == 2
    found_content = content(store, sources_of(store.kept(store.find("KEEL1"), 2)))
    assert found_content is not None
    assert found_content.consignment.package_count == 3


def test_a_text_filed_again_replaces_what_was_filed(store: PostgresStore, intake: Intake) -> None:
    """Texts have no word for an update: the latest counts, as the guide has it."""
    hand_in(store, intake, FHL)
    receipt = hand_in(store, intake, FHL.replace("/3/K22.5", "/4/K25") + FHL.replace("/3/K22.5", "/5/K26"))
    assert [line.state for line in receipt.lines] == [State.RECEIVED, State.RECEIVED]
    number = store.find("KEEL2")
    assert store.outcome(number).row.version == 3
    latest = content(store, sources_of(store.kept(number, 3)))
    assert latest is not None
    assert latest.consignment.package_count == 5
    hand_in(store, intake, FHL_LIST, "A carrier")
    assert ("claim.differs", "consignment.package_count") in told(store.outcome(number))
    assert store.outcome(number).row.version == 4
    assert replay.replay_all(store, workers=1).is_clean
    declared, evaluation = kept(store, number)
    body = text.write_answer(NoticeKind.AMENDED, declared, evaluation, issued_at=AT)
    assert body is not None
    assert body.startswith(b"PSN\r\n999-00000011-KEEL2\r\nCSN/")


def test_what_is_left_out_of_a_new_filing_is_gone(store: PostgresStore, intake: Intake) -> None:
    hand_in(store, intake, xfhl(("KEEL1", "2", "20"), ("KEEL2", "3", "22.5")), "A carrier")
    hand_in(store, intake, xfhl(("KEEL1", "2", "20")), "A carrier")
    hand_in(store, intake, PLAIN.replace("/TE/35321000000", "/TE/1"))
    hand_in(store, intake, PLAIN.replace("/TE/35321000000", ""))
    hand_in(store, intake, xfzb("KEEL2"))
    assert ("claim.differs", "consignment.transport_documents[1].document_id") in told(outcome(store, "KEEL2"))
    latest = content(store, sources_of(store.kept(store.find("999-00000044"), 2)))
    assert latest is not None
    assert latest.consignor is not None
    assert latest.consignor.phone == ""
    assert replay.replay_all(store, workers=1).is_clean


def test_a_refused_text_can_be_filed_again(store: PostgresStore, intake: Intake) -> None:
    hand_in(store, intake, FHL.replace("/3/K22.5", "/3/KHEAVY"))
    receipt = hand_in(store, intake, FHL)
    assert receipt.lines[0].state is State.RECEIVED


def test_another_senders_waybill_of_the_same_number_is_its_own(store: PostgresStore, intake: Intake) -> None:
    first = hand_in(store, intake, FHL)
    second = hand_in(store, intake, FHL.replace("/3/K22.5", "/4/K25"), "A carrier")
    assert first.lines[0].declaration_id != second.lines[0].declaration_id


def test_a_text_of_several_waybills_is_taken_in_one_by_one(store: PostgresStore, intake: Intake) -> None:
    receipt = hand_in(store, intake, PLAIN + FHL + "FHL/5\nnothing of use\n")
    assert [line.state for line in receipt.lines] == [State.RECEIVED, State.RECEIVED, State.REJECTED]
    assert forms.detect(PLAIN.encode()).name == "cargo-imp"
