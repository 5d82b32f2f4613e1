"""What a pre-loading programme answers: published errors, and where the assessment stands."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages import forms, xml
from tidewaiter.messages.air_cargo import programme
from tidewaiter.messages.air_cargo.programme import Moment, Status
from tidewaiter.messages.cargo_imp import answers as text
from tidewaiter.messages.cargo_xml import answers as cargo_xml
from tidewaiter.model.decision import Decision, Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.judgement import Draw, Judgement, Lane, Reason, ReasonKind
from waybills import FHL, FWB, xfhl, xfwb, xfzb

AT = datetime(2026, 6, 5, 14, 7, 9, tzinfo=UTC)
DRAW = Draw("s", "k", "0.5", "0", is_selected=False)


def read(form: str, body: str) -> Declaration:
    declared = forms.by_name(form).read(body.encode()).declaration
    assert declared is not None
    return declared


def evaluated(lane: Lane | None = None, *reasons: Reason, findings: tuple[Finding, ...] = ()) -> Evaluation:
    judgement = None if lane is None else Judgement(lane=lane, reasons=reasons, draw=DRAW, lists_digest="")
    decision = Decision(
        state=State.RECEIVED, lane=lane, category=None, dataset="PLACI", holds=(), on_arrival=None, words="", notices=()
    )
    return Evaluation(
        legal_day=date(2026, 6, 5), findings=findings, assessment=None, judgement=judgement, decision=decision
    )


def error(rule_id: str, pointer: str) -> Finding:
    return Finding(rule_id, Severity.ERROR, pointer, "It is wrong.")


def prohibited(*, is_lifted: bool = False) -> Reason:
    return Reason(reason_id="p", kind=ReasonKind.PROHIBITED, lane=Lane.RED, words="", is_lifted=is_lifted)


def said(body: bytes | None) -> dict[str, str]:
    assert body is not None
    return {xml.local_name(each): each.text or "" for each in xml.parse(body).iter(etree.Element)}


@pytest.mark.parametrize(
    ("kind", "evaluation", "camir", "code"),
    [
        (NoticeKind.RECEIVED, evaluated(Lane.GREEN), "CSN/SF/05JUN1407/ASSESSMENT COMPLETE", "CO"),
        (NoticeKind.RECEIVED, evaluated(Lane.BLUE), "CSN/SF/05JUN1407/ASSESSMENT COMPLETE", "CO"),
        (NoticeKind.RECEIVED, evaluated(Lane.YELLOW), "CSN/7H/05JUN1407/PACT REQUEST FOR INFORMATION HOLD", "RI"),
        (NoticeKind.ACCEPTED, evaluated(Lane.RED), "CSN/8H/05JUN1407/PACT REQUEST FOR SCREENING HOLD", "RS"),
        (NoticeKind.RECEIVED, evaluated(Lane.RED, prohibited()), "CSN/6H/05JUN1407/PACT DO NOT LOAD HOLD", "CD"),
        (NoticeKind.RECEIVED, evaluated(Lane.GREEN, prohibited(is_lifted=True)), "CSN/SF/05JUN1407/ASSESSMENT COMPLETE", "CO"),
        (NoticeKind.REFUSED, evaluated(Lane.GREEN), "CSN/6H/05JUN1407/PACT DO NOT LOAD HOLD", "CD"),
        (NoticeKind.REQUEST, evaluated(), "CSN/7H/05JUN1407/PACT REQUEST FOR INFORMATION HOLD", "RI"),
        (NoticeKind.CONTROL, evaluated(Lane.GREEN), "CSN/8H/05JUN1407/PACT REQUEST FOR SCREENING HOLD", "RS"),
        (
            NoticeKind.AMENDED, evaluated(Lane.YELLOW),
            "CSN/7J/05JUN1407/PACT REQUEST FOR INFORMATION HOLD CURRENTLY IN PLACE", "RI",
        ),
        (NoticeKind.RELEASED, evaluated(Lane.RED), "CSN/8I/05JUN1407/PACT REQUEST FOR SCREENING HOLD REMOVED", "CO"),
        (NoticeKind.CLEARED, evaluated(Lane.RED, prohibited()), "CSN/6I/05JUN1407/PACT DO NOT LOAD REMOVED", "CO"),
    ],
)  # fmt: skip
def test_where_the_assessment_stands(kind: NoticeKind, evaluation: Evaluation, camir: str, code: str) -> None:
    body = text.write_answer(kind, read("cargo-imp", FHL), evaluation, issued_at=AT)
    assert body is not None
    assert body.decode() == f"PSN\r\n999-00000011-KEEL2\r\n{camir}\r\n"
    found = said(cargo_xml.write_answer(kind, read("cargo-xml", xfzb()), evaluation, registered_id="R", issued_at=AT))
    assert (found["StatusCode"], found["VersionID"], found["TypeCode"]) == (code, "1.00", "703")


def test_a_status_in_xml_names_the_waybills_and_the_flight_of_the_filing() -> None:
    body = cargo_xml.write_answer(
        NoticeKind.RECEIVED, read("cargo-xml", xfwb()), evaluated(Lane.YELLOW), registered_id="R", issued_at=AT
    )
    assert body is not None
    root = xml.parse(body)
    assert root.tag == "{iata:customsstatusnotification:1}CustomsStatusNotification"
    found = said(body)
    assert found["ConversationID"] == "R"
    assert [each.text for each in root.iter("{iata:datamodel:3}PrimaryID")] == ["PACT", "FORWARDER"]
    movement = next(root.iter("{iata:datamodel:3}SpecifiedLogisticsTransportMovement"))
    assert movement.findtext("{iata:datamodel:3}ID") == "ZZ100"
    (document,) = root.iter("{iata:datamodel:3}AssociatedReferenceDocument")
    assert [child.text for child in document] == ["999-00000011", "2026-06-05", "741"]


def test_errors_are_told_by_their_published_codes() -> None:
    findings = (
        error("data.required", "consignor.name"),
        error("message.number", "consignment.gross_mass_kg"),
        error("data.required", "consignment.gross_mass_kg"),
    )
    refused = evaluated(findings=findings)
    body = text.write_answer(NoticeKind.REJECTED, read("cargo-imp", FWB), refused, issued_at=AT)
    assert body == b"PER\r\n999-00000044\r\nERR/422/INVALID_WEIGHT\r\nERR/422/MISSING_SHP_NAME\r\n"
    answer = cargo_xml.write_answer(
        NoticeKind.REJECTED, read("cargo-xml", xfwb()), refused, registered_id="", issued_at=AT
    )
    assert answer is not None
    root = xml.parse(answer)
    assert root.tag == "{iata:response:3}Response"
    assert [each.text for each in root.iter("{iata:datamodel:3}Reason")] == ["INVALID_WEIGHT", "MISSING_SHP_NAME"]
    assert {each.text for each in root.iter("{iata:datamodel:3}ConditionCode")} == {"Error"}


@pytest.mark.parametrize(
    ("rule_id", "pointer", "code"),
    [
        ("data.required", "consignment.transport_documents", "MISSING_WBL_LINE"),
        ("law.no_jurisdiction", "jurisdiction_code", "INVALID_ROUTING"),
        ("code.country", "consignee.address.country_code", "MISSING_CNE_CTRY"),
        ("pre_loading.no_words", "goods_items[3].description", "MISSING_CARGO_DESC"),
        ("data.required", "goods_items", "MISSING_CARGO_DESC"),
        ("air_cargo.consolidation", "goods_items[1].description", "MISSING_CONSOL_INDI"),
        ("mass.negative", "consignment.gross_mass_kg", "INVALID_WEIGHT"),
        ("message.encoding", "", "BAD_WBL_FORMAT"),
        ("xml.root", "", "INVALID_MESSAGE_TYPE"),
        ("submission.reference_used", "functional_reference_id", "BAD_WBL_FORMAT"),
    ],
)
def test_which_finding_leads_to_which_code(rule_id: str, pointer: str, code: str) -> None:
    (found,) = programme.published(read("cargo-xml", xfwb()), (error(rule_id, pointer),))
    assert found.code == code


def test_the_number_missing_of_a_house_is_another_error() -> None:
    (found,) = programme.published(
        read("cargo-xml", xfzb()), (error("data.required", "consignment.transport_documents"),)
    )
    assert found.code == "MISSING_HOUSE_BILL_NBR"


def test_warnings_are_no_errors() -> None:
    warning = Finding("description.vague", Severity.WARNING, "goods_items[1].description", "Vague.")
    assert programme.published(read("cargo-xml", xfwb()), (warning,)) == ()


def test_everything_missing_of_a_party_is_one_error() -> None:
    pointers = ("consignee.name", "consignee.address.line", "consignee.address.country_code")
    found = programme.published(read("cargo-xml", xfwb()), [error("data.required", pointer) for pointer in pointers])
    assert [each.code for each in found] == ["MISSING_CNE_LINE"]


def test_a_filing_is_acknowledged_before_it_is_assessed() -> None:
    assert text.acknowledgement(read("cargo-imp", FHL), issued_at=AT).decode().splitlines()[-1] == (
        "CSN/SR/05JUN1407/NO ERRORS"
    )
    found = said(cargo_xml.acknowledgement(read("cargo-xml", xfwb()), issued_at=AT, reference_id="7"))
    assert (found["ConditionCode"], found["Reason"], found["StatusCode"]) == (
        "Acknowledgement",
        "No Errors",
        "Processed",
    )
    unjudged = text.write_answer(NoticeKind.RECEIVED, read("cargo-imp", FHL), evaluated(), issued_at=AT)
    assert unjudged is not None
    assert b"CSN/SR/" in unjudged


def test_what_pre_loading_has_no_words_for_is_left_to_others() -> None:
    master, listed = read("cargo-xml", xfwb()), read("cargo-xml", xfhl(("A", "1", "1")))
    for kind in (NoticeKind.TAX_FINAL, NoticeKind.INVALIDATED):
        assert cargo_xml.write_answer(kind, master, evaluated(Lane.GREEN), registered_id="", issued_at=AT) is None
    assert text.write_answer(NoticeKind.RECEIVED, listed, evaluated(Lane.GREEN), issued_at=AT) is None
    assert text.write_answer(NoticeKind.REJECTED, master, evaluated(), issued_at=AT) is None


def test_a_programme_is_called_by_its_name_only_where_it_is_known() -> None:
    assert programme.said(Status.SCREENING, Moment.ISSUED, "").words == "REQUEST FOR SCREENING HOLD"
    assert programme.name_of("CN") == "PLACI"
    declared = replace(read("cargo-imp", FHL), jurisdiction_code="CN")
    body = text.write_answer(NoticeKind.CONTROL, declared, evaluated(), issued_at=AT)
    assert body is not None
    assert b"PACT" not in body


def test_every_published_code_can_be_reached_and_has_a_meaning() -> None:
    entries = programme.catalogue()
    assert len({entry["code"] for entry in entries}) == len(entries) == 22
    assert all(entry["words"] and entry["http"] in (400, 422) for entry in entries)


def test_a_text_with_what_cannot_be_written_is_written_without_it() -> None:
    declared = replace(read("cargo-xml", xfwb()), functional_reference_id="a\x00b")
    declared = replace(declared, consignment=replace(declared.consignment, transport_documents=()))
    assert said(cargo_xml.acknowledgement(declared, issued_at=AT, reference_id=""))["ID"] == "ab"
    assert b"\x00" not in text.acknowledgement(declared, issued_at=AT)
