"""Entry summary declarations: what goes where, what is written back, and how they are answered."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.messages.answers import Telling, write_answer
from tidewaiter.messages.ens import EnsForm
from tidewaiter.messages.ens.answers import message_of
from tidewaiter.messages.ens.schemas import Schemas
from tidewaiter.messages.ens.verdict import number_of
from tidewaiter.model.decision import Decision, Evaluation, Hold, HoldKind, NoticeKind, State
from tidewaiter.model.declaration import (
    Consignment,
    Declaration,
    GoodsItem,
    MessageFunction,
    Packaging,
    Party,
    TransportMeans,
)
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, Severity

FORM = EnsForm()
MRN = "26GB000000000001R9"
AT = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


def message(
    root: str = "CC315A", header: str = "", items: str = "", extra: str = "", uri: str = "http://ics.dgtaxud.ec/"
) -> bytes:
    reference = "<RefNumHEA4>LRN-1</RefNumHEA4>" if root == "CC315A" else f"<DocNumHEA5>{MRN}</DocNumHEA5>"
    place, day = ("DecPlaHEA394", "DecDatTimHEA114") if root == "CC315A" else ("AmdPlaHEA598", "DatTimAmeHEA113")
    return f"""<?xml version="1.0" encoding="UTF-8"?><ie:{root} xmlns:ie="{uri}{root}">
  <MesSenMES3>GB123456789000/1234567890</MesSenMES3><MesRecMES6>GBCUSTOMS</MesRecMES6>
  <DatOfPreMES9>260301</DatOfPreMES9><TimOfPreMES10>0915</TimOfPreMES10>
  <MesIdeMES19>M-1</MesIdeMES19><MesTypMES20>{root}</MesTypMES20>
  <HEAHEA>{reference}<TraModAtBorHEA76>4</TraModAtBorHEA76>{header}
    <TotNumOfIteHEA305>1</TotNumOfIteHEA305><TotNumOfPacHEA306>2</TotNumOfPacHEA306>
    <TotGroMasHEA307>1.25</TotGroMasHEA307><{place}>London</{place}><ComRefNumHEA>UCR-1</ComRefNumHEA>
    <ConRefNumHEA>BA123</ConRefNumHEA><{day}>202603010915</{day}></HEAHEA>
  <GOOITEGDS><IteNumGDS7>1</IteNumGDS7><GooDesGDS23>cotton shirts</GooDesGDS23><GroMasGDS46>1.25</GroMasGDS46>
    <PRODOCDC2><DocTypDC21>N703</DocTypDC21><DocRefDC23>HAWB-1</DocRefDC23></PRODOCDC2>
    <PRODOCDC2><DocTypDC21>N380</DocTypDC21><DocRefDC23>INV-1</DocRefDC23></PRODOCDC2>
    <TRACONCO2><NamCO27>Sender</NamCO27><CouCO225>CN</CouCO225></TRACONCO2>
    <COMCODGODITM><ComNomCMD1>6109</ComNomCMD1></COMCODGODITM>
    <TRACONCE2><NamCE27>Receiver</NamCE27><TINCE259>GB999</TINCE259></TRACONCE2>
    <CONNR2><ConNumNR21>BOX1</ConNumNR21></CONNR2>
    <PACGS2><KinOfPacGS23>CT</KinOfPacGS23><NumOfPacGS24>2</NumOfPacGS24>
      <MarNumOfPacGSL21>1-2</MarNumOfPacGSL21></PACGS2></GOOITEGDS>{items}
  <ITI><CouOfRouCodITI1>CN</CouOfRouCodITI1></ITI><ITI><CouOfRouCodITI1>GB</CouOfRouCodITI1></ITI>
  <PERLODSUMDEC><TINPLD1>GB123456789000</TINPLD1></PERLODSUMDEC>
  <CUSOFFFENT730><RefNumCUSOFFFENT731>GB000060</RefNumCUSOFFFENT731>
    <ExpDatOfArrFIRENT733>202603021830</ExpDatOfArrFIRENT733></CUSOFFFENT730>{extra}
</ie:{root}>""".encode()


def read(body: bytes) -> Declaration:
    reading = FORM.read(body)
    assert reading.declaration is not None, reading.findings
    return reading.declaration


# --- reading and writing ---------------------------------------------------------------------------------------------


def test_everything_that_has_a_word_goes_to_its_field() -> None:
    declaration = read(message())
    assert declaration.procedure_category == "ENS"
    assert declaration.function is MessageFunction.ORIGINAL
    assert (declaration.functional_reference_id, declaration.jurisdiction_code) == ("LRN-1", "GB")
    assert declaration.issued_at == datetime(2026, 3, 1, 9, 15, tzinfo=UTC)
    assert declaration.supervising_office_id == "GB000060"
    assert declaration.declarant == Party(party_id="GB123456789000")
    assert declaration.submitter == Party(party_id="GB123456789000/1234567890")
    transport = TransportMeans(mode_code="4", means_id="BA123")
    assert declaration.consignment == Consignment(
        ucr="UCR-1", border_transport=transport, gross_mass_kg=Decimal("1.25"), package_count=2,
        arrival_on=date(2026, 3, 2), arrival_at=datetime(2026, 3, 2, 18, 30, tzinfo=UTC),
        routing_country_codes=("CN", "GB"),
    )  # fmt: skip
    (item,) = declaration.goods_items
    assert (item.line_no, item.description, item.commodity_code) == (1, "cotton shirts", "6109")
    assert [each.document_id for each in item.transport_documents] == ["HAWB-1"]
    assert [each.document_id for each in item.documents] == ["INV-1"]
    assert item.packagings == (Packaging(type_code="CT", count=2, marks="1-2"),)
    assert item.consignor is not None
    assert item.consignee is not None
    assert (item.consignor.name, item.consignee.party_id) == ("Sender", "GB999")


def test_what_has_no_field_is_kept_noted_and_written_back_where_it_stood() -> None:
    body = message(
        header="<IdeOfMeaOfTraCroHEA85LNG>EN</IdeOfMeaOfTraCroHEA85LNG>",
        extra="<TRACARENT601><TRACARENT601LNG>EN</TRACARENT601LNG><TINTRACARENT602>GB55</TINTRACARENT602></TRACARENT601>"
        "<New a='1'>x</New>",
    )
    reading = FORM.read(body)
    kept = {extra.path: extra.value for extra in read(body).extras}
    for path, value in {
        "/CC315A/HEAHEA/IdeOfMeaOfTraCroHEA85LNG": "EN",
        "/CC315A/TRACARENT601/TRACARENT601LNG": "EN",
        "/CC315A/New": "x",
    }.items():
        assert kept[path] == value
        assert path in {note.place for note in reading.notes}
    assert "/CC315A/MesTypMES20" not in kept
    assert "/CC315A/DatOfPreMES9" not in kept
    written = FORM.write([read(body)])
    assert FORM.read(written) == reading
    assert [child.tag for child in etree.fromstring(written)][-3:] == ["CUSOFFFENT730", "TRACARENT601", "New"]


def test_how_the_goods_come_is_read_and_written() -> None:
    places = "<PlaLoaGOOITE334>CNSHA</PlaLoaGOOITE334><PlaUnlGOOITE334>GBLHR</PlaUnlGOOITE334>"
    body = message(
        header=f"<SpeCirIndHEA1>A</SpeCirIndHEA1>{places}",
        extra="<NOTPAR670><NamNOTPAR672>Told</NamNOTPAR672></NOTPAR670>"
        "<SEAID529><SeaIdSEAID530>S1</SeaIdSEAID530></SEAID529><SEAID529><SeaIdSEAID530>S2</SeaIdSEAID530></SEAID529>"
        "<TRACARENT601><NamTRACARENT604>Air</NamTRACARENT604><TINTRACARENT602>GB55</TINTRACARENT602></TRACARENT601>",
    )
    declaration = read(body)
    consignment = declaration.consignment
    assert declaration.circumstance_code == "A"
    assert (consignment.loading_place, consignment.unloading_place) == ("CNSHA", "GBLHR")
    assert consignment.seal_ids == ("S1", "S2")
    assert (consignment.carrier, consignment.notify_party) == (Party(name="Air", party_id="GB55"), Party(name="Told"))
    assert declaration.goods_items[0].container_ids == ("BOX1",)
    assert FORM.locate(declaration, "consignment.seal_ids[2]") == "/CC315A/SEAID529[2]/SeaIdSEAID530"
    assert FORM.locate(declaration, "consignment.arrival_on") == "/CC315A/CUSOFFFENT730/ExpDatOfArrFIRENT733"
    assert read(FORM.write([declaration])) == declaration


def test_an_amendment_names_the_declaration_it_changes() -> None:
    declaration = read(message("CC313A"))
    assert declaration.function is MessageFunction.AMENDMENT
    assert (declaration.registered_id, declaration.functional_reference_id) == (MRN, "")
    assert FORM.recognises(message("CC313A"))
    assert forms.detect(message("CC313A")).name == "ens"
    assert read(FORM.write([declaration])) == declaration


def test_by_another_mode_than_air_the_means_is_not_the_flight() -> None:
    header = "<IdeOfMeaOfTraCroHEA85>1234567</IdeOfMeaOfTraCroHEA85>"
    body = message(header=header).replace(b"<TraModAtBorHEA76>4<", b"<TraModAtBorHEA76>1<")
    declaration = read(body)
    assert declaration.consignment.border_transport == TransportMeans(mode_code="1", means_id="1234567")
    assert ("/CC315A/HEAHEA/ConRefNumHEA", "BA123") in {(each.path, each.value) for each in declaration.extras}
    assert read(FORM.write([declaration])) == declaration


def test_a_declaration_from_elsewhere_is_written_with_what_a_message_must_say_of_itself() -> None:
    declaration = Declaration(
        functional_reference_id="R1", procedure_category="ENS", jurisdiction_code="GB", supervising_office_id="GB000060",
        issued_at=AT, declarant=Party(party_id="GB1"), goods_items=(GoodsItem(line_no=1, description="shirts"),),
    )  # fmt: skip
    root = etree.fromstring(FORM.write([declaration]))
    assert [root.findtext(name) for name in ("DatOfPreMES9", "TimOfPreMES10", "MesIdeMES19", "MesTypMES20")] == [
        "260302", "1230", "R1", "CC315A",
    ]  # fmt: skip
    assert read(etree.tostring(root)) == declaration
    with pytest.raises(MessageError, match="no message for a cancellation"):
        FORM.write([replace(declaration, function=MessageFunction.CANCELLATION)])


def test_batches_and_envelopes_are_split() -> None:
    both = [read(message()), read(message("CC313A"))]
    batch = FORM.write(both)
    assert [read(record.body) for record in FORM.split(io.BytesIO(batch))] == both
    inner = message().partition(b"?>")[2].decode()
    envelope = f"<g:Message xmlns:g='urn:g'><g:Body><Deep>{inner}</Deep></g:Body></g:Message>".encode()
    assert forms.detect(envelope).name == "ens"
    assert [read(record.body) for record in FORM.split(io.BytesIO(envelope))] == [both[0]]


def test_another_version_is_read_and_said() -> None:
    reading = FORM.read(message(uri="urn:next:"))
    assert reading.declaration == read(message())
    assert "another version" in reading.notes[0].words


@pytest.mark.parametrize(
    ("old", "new", "pointer", "place"),
    [
        (b">1.25</TotGro", b">much</TotGro", "consignment.gross_mass_kg", "/CC315A/HEAHEA/TotGroMasHEA307"),
        (b">1</IteNum", b">one</IteNum", "goods_items[1].line_no", "/CC315A/GOOITEGDS[1]/IteNumGDS7"),
        (b">202603010915<", b">209913010915<", "issued_at", "/CC315A/HEAHEA/DecDatTimHEA114"),
    ],
)  # fmt: skip
def test_a_value_that_is_none_is_a_finding_and_its_text_is_kept(
    old: bytes, new: bytes, pointer: str, place: str
) -> None:
    body = message().replace(old, new)
    (finding,) = FORM.read(body).findings
    assert (finding.rule_id, finding.pointer, finding.place) == ("ens.value", pointer, place)
    assert new.strip(b"</>").partition(b"<")[0] in FORM.write([read(body)])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<CC315A>", "ends"),
        (b"<Other/>", "the root element is Other"),
        (b"<B><CC315A/><CC315A/></B>", "with 2 entry summary declarations in it"),
    ],
)
def test_what_is_none_is_said(body: bytes, words: str) -> None:
    reading = FORM.read(body)
    assert reading.declaration is None
    assert words in reading.findings[0].words


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("goods_items[2].documents[1].document_id", "/CC315A/GOOITEGDS[2]/PRODOCDC2[1]/DocRefDC23"),
        ("goods_items[1].consignee.address.city", "/CC315A/GOOITEGDS[1]/TRACONCE2/CitCE224"),
        ("consignment.border_transport.mode_code", "/CC315A/HEAHEA/TraModAtBorHEA76"),
        ("consignment.arrival_on", "/CC315A/CUSOFFFENT730/ExpDatOfArrFIRENT733"),
        ("declarant.party_id", "/CC315A/PERLODSUMDEC/TINPLD1"),
        ("extras[1]", "/CC315A/MesRecMES6"),
        ("insurance", "/CC315A"),
    ],
)
def test_a_pointer_is_found_in_the_message(pointer: str, place: str) -> None:
    assert FORM.locate(read(message()), pointer) == place


# --- answers ---------------------------------------------------------------------------------------------------------


def evaluation(*findings: Finding, holds: tuple[Hold, ...] = ()) -> Evaluation:
    decision = Decision(
        state=State.RECEIVED,
        lane=None,
        category=None,
        dataset="ENS",
        holds=holds,
        on_arrival=None,
        words="",
        notices=(),
    )
    return Evaluation(legal_day=AT.date(), findings=findings, assessment=None, judgement=None, decision=decision)


def answer(kind: NoticeKind, body: bytes, judged: Evaluation, form: str = "ens") -> etree._Element:
    telling = Telling(
        kind=kind, declaration=read(body), evaluation=judged, registered_id=MRN, issued_at=AT, reference_id="N7"
    )
    return etree.fromstring(write_answer(form, telling).content)


@pytest.mark.parametrize(
    ("kind", "root", "name"),
    [
        (NoticeKind.RECEIVED, "CC315A", "CC328A"),
        (NoticeKind.REJECTED, "CC315A", "CC316A"),
        (NoticeKind.REJECTED, "CC313A", "CC305A"),
        (NoticeKind.REQUEST_REFUSED, "CC313A", "CC305A"),
        (NoticeKind.AMENDED, "CC313A", "CC304A"),
        (NoticeKind.CONTROL, "CC315A", "CC351A"),
        (NoticeKind.REFUSED, "CC315A", "CC351A"),
    ],
)
def test_each_notice_has_its_message(kind: NoticeKind, root: str, name: str) -> None:
    told = answer(
        kind, message(root), evaluation(Finding("ens.8107", Severity.ERROR, "", "Words.", place="/CC315A[1]"))
    )
    assert told.tag == f"{{http://ics.dgtaxud.ec/{name}}}{name}"
    assert told.findtext("MesTypMES20") == name
    assert told.findtext("MesRecMES6") == "GB123456789000/1234567890"
    assert told.findtext("CorIdeMES25") == "M-1"
    assert told.findtext("MesIdeMES19") == "N7"


def test_a_refusal_lists_the_errors_with_the_publishers_numbers() -> None:
    findings = (
        Finding("ens.8107", Severity.ERROR, "", "Identity is wanted.", value="x", place="/CC315A[1]/HEAHEA[1]"),
        Finding("ens.4066", Severity.ERROR, "", "Missing.", place="line 3, /CC315A/HEAHEA"),
        Finding("data.required", Severity.ERROR, "declarant", "No declarant."),
        Finding("description.vague", Severity.WARNING, "", "Vague."),
    )
    told = answer(NoticeKind.REJECTED, message(), evaluation(*findings))
    errors = [{child.tag: child.text for child in each} for each in told.findall("FUNERRER1")]
    assert errors == [
        {"ErrTypER11": "12", "ErrPoiER12": "/CC315A[1]/HEAHEA[1]", "ErrReaER13": "8107", "OriAttValER14": "x"},
        {"ErrTypER11": "13", "ErrPoiER12": "line 3, /CC315A/HEAHEA", "ErrReaER13": "4066"},
        {"ErrTypER11": "12", "ErrPoiER12": "declarant"},
    ]
    assert told.findtext("HEAHEA/DecRejReaHEA252") == "Identity is wanted. Missing. No declarant."
    assert number_of("ens.8107") == "8107"
    assert number_of("ens.value") == number_of("8107") == ""


def test_an_intervention_says_each_hold_and_repeats_what_identifies_the_goods() -> None:
    holds = (Hold(HoldKind.EXAMINATION, "The goods will be examined."), Hold(HoldKind.DOCUMENTS, "Send N380.\x00"))
    told = answer(NoticeKind.CONTROL, message(), evaluation(holds=holds))
    assert [each.findtext("CusIntTexCUSINT666") for each in told.findall("CUSINT632")] == [
        "The goods will be examined.", "Send N380.",
    ]  # fmt: skip
    assert told.findtext("GOOITEGDS/CONNR2/ConNumNR21") == "BOX1"
    assert told.find("GOOITEGDS/GooDesGDS23") is None
    refused = answer(NoticeKind.REFUSED, message(), evaluation())
    assert refused.findtext("CUSINT632/CusIntCodCUSINT665") == "A001"


def test_what_the_set_has_no_message_for_and_other_forms_are_told_in_a_wco_response() -> None:
    assert message_of(NoticeKind.CLEARED, read(message())) == ""
    for kind, form in ((NoticeKind.CLEARED, "ens"), (NoticeKind.RECEIVED, "json")):
        assert answer(kind, message(), evaluation(), form).tag.endswith("}MetaData")


def test_answers_are_valid_by_the_published_schemas(samples: Path) -> None:
    schemas = Schemas.from_folder(samples / "ens-hmrc-ics")
    assert {"CC304A", "CC305A", "CC313A", "CC315A", "CC316A", "CC328A", "CC351A"} <= schemas.roots
    for root in ("CC315A", "CC313A"):
        assert schemas.validate(etree.fromstring(message(root))) == ()
        for kind in NoticeKind:
            if message_of(kind, read(message(root))):
                told = answer(kind, message(root), evaluation(Finding("ens.8107", Severity.ERROR, "", "Words.")))
                found = [each for each in schemas.validate(told) if each.severity is Severity.ERROR]
                # An amendment names no reference of its own; the answers that want one are those to originals.
                assert found == [], (root, kind)
                assert not schemas.validate(told), (root, kind)


@pytest.mark.parametrize("blank", ["", " ", "\n  "])
def test_blanks_where_a_value_should_be_make_the_round(blank: str) -> None:
    body = message().replace(b">HAWB-1<", f">{blank}<".encode()).replace(b">6109<", f">{blank}<".encode())
    body = body.replace(b"<TRACONCO2>", f"<SPEMENMT2>{blank}</SPEMENMT2><TRACONCO2>".encode())
    reading = FORM.read(body)
    assert reading.declaration is not None
    assert FORM.read(FORM.write([reading.declaration])) == reading
