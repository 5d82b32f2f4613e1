"""Air waybills in Cargo-XML: what is read, what is kept, what is written back, and where things stand."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tidewaiter.messages import forms
from tidewaiter.messages.air_cargo import pre_loading, values
from tidewaiter.messages.cargo_xml import CargoXmlForm
from tidewaiter.model.declaration import (
    Consignment,
    Declaration,
    Document,
    Extra,
    GoodsItem,
    MessageFunction,
    Party,
)
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding
from waybills import MASTER, xfhl, xfwb, xfzb

FORM = CargoXmlForm()


def read(text: str) -> Declaration:
    reading = FORM.read(text.encode())
    assert reading.declaration is not None, reading.findings
    return reading.declaration


def found(text: str) -> tuple[Finding, ...]:
    return FORM.read(text.encode()).findings


def test_a_master_waybill_is_read() -> None:
    declared = read(xfwb())
    assert declared.procedure_category == values.PRE_LOADING
    assert (declared.type_code, declared.functional_reference_id) == ("741", MASTER)
    assert declared.consignment.transport_documents == (Document(type_code="N741", document_id=MASTER),)
    assert (declared.consignment.package_count, declared.consignment.gross_mass_kg) == (5, Decimal("42.5"))
    assert declared.consignment.arrival_on == date(2026, 3, 3)
    assert declared.consignment.border_transport is not None
    assert declared.consignment.border_transport.means_id == "ZZ100"
    assert (declared.jurisdiction_code, declared.consignment.export_country_code) == ("CA", "IE")
    assert declared.issued_at is not None
    assert declared.issued_at.astimezone(UTC) == datetime(2026, 3, 1, 7, tzinfo=UTC)
    assert [item.description for item in declared.goods_items] == ["Consolidation as per attached list"]
    assert declared.submitter is not None
    assert declared.submitter.party_id == "FORWARDER"


def test_customs_lines_go_to_the_parties_and_the_rest_to_notes() -> None:
    reading = FORM.read(xfwb().encode())
    declared = reading.declaration
    assert declared is not None
    assert declared.consignor is not None
    assert declared.consignor.party_id == "IE7654321X"
    assert declared.consignee is not None
    assert declared.consignee.email == "dock@tide.example"
    base = "/Waybill/MasterConsignment"
    notes = {note.place: (note.value, note.words) for note in reading.notes}
    assert notes[f"{base}/IncludedCustomsNote[4]"] == ("riddle", "kept, not interpreted")
    assert notes[f"{base}/SomethingNew"] == ("kept", "kept, not interpreted")
    assert f"{base}/IncludedCustomsNote" not in notes


def test_an_empty_customs_line_ends_nothing() -> None:
    first = "<ram:IncludedCustomsNote><ram:ContentCode>T</ram:ContentCode>"
    reading = FORM.read(xfwb().replace(first, "<ram:IncludedCustomsNote/>" * 3 + first).encode())
    assert reading.declaration is not None
    assert reading.declaration.consignor is not None
    assert reading.declaration.consignor.party_id == "IE7654321X"
    assert any(note.value == "riddle" for note in reading.notes)
    assert FORM.read(FORM.write([reading.declaration])) == reading


MOVED = """<ram:UsedLogisticsTransportMeans><ram:Name>ZZ</ram:Name></ram:UsedLogisticsTransportMeans>
<ram:ArrivalEvent><ram:ScheduledOccurrenceDateTime>{arrives}</ram:ScheduledOccurrenceDateTime>
<ram:OccurrenceArrivalLocation><ram:ID>YUL</ram:ID></ram:OccurrenceArrivalLocation></ram:ArrivalEvent>
<ram:DepartureEvent><ram:ScheduledOccurrenceDateTime>{departs}</ram:ScheduledOccurrenceDateTime>
<ram:OccurrenceDepartureLocation><ram:ID>DUB</ram:ID></ram:OccurrenceDepartureLocation></ram:DepartureEvent>"""


def moved(departs: str, arrives: str) -> Consignment:
    text = xfwb()
    begin, end = text.index("<ram:ArrivalEvent>"), text.index("</ram:ArrivalEvent>") + len("</ram:ArrivalEvent>")
    return read(text[:begin] + MOVED.format(departs=departs, arrives=arrives) + text[end:]).consignment


def test_when_and_between_which_airports_it_flies() -> None:
    found = moved("2026-03-03T02:30:00", "2026-03-03T10:00:00+01:00")
    assert (found.loading_place, found.unloading_place, found.routing_country_codes) == ("DUB", "YUL", ("IE", "CA"))
    assert found.carrier == Party(name="ZZ")
    assert found.departure_at == datetime(2026, 3, 3, 2, 30, tzinfo=UTC)  # without a zone it is UTC
    assert found.arrival_at == datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-03-03T00:00:00", "2026-03-03"])
def test_a_midnight_without_a_zone_is_a_day(text: str) -> None:
    found = moved(text, text)
    assert (found.departure_at, found.arrival_at) == (None, None)
    assert (found.departure_on, found.arrival_on) == (date(2026, 3, 3), date(2026, 3, 3))


def test_the_last_flight_named_counts() -> None:
    second = "<ram:SpecifiedLogisticsTransportMovement><ram:ID>ZZ200</ram:ID></ram:SpecifiedLogisticsTransportMovement>"
    declared = read(xfwb().replace("<ram:IncludedCustomsNote>", second + "<ram:IncludedCustomsNote>", 1))
    assert declared.consignment.border_transport is not None
    assert declared.consignment.border_transport.means_id == "ZZ200"
    assert declared.consignment.arrival_on is None


def test_what_is_not_understood_is_written_back_where_it_stood() -> None:
    declared = read(xfwb())
    extra = Extra("/Waybill/MasterConsignment/SomethingNew", "kept", (("kind", "odd"),))
    assert extra in declared.extras
    written = FORM.write([declared])
    assert b'<ram:SomethingNew kind="odd">kept</ram:SomethingNew>' in written
    assert FORM.read(written) == FORM.read(xfwb().encode())


@pytest.mark.parametrize("text", [xfwb(), xfzb(), xfhl(("KEEL1", "2", "20"), ("KEEL2", "3", "22.5")), xfwb(unit="LBR")])
def test_reading_what_was_written_gives_it_back(text: str) -> None:
    declared = read(text)
    assert read(FORM.write([declared]).decode()) == declared


def test_pounds_are_turned_into_kilograms_and_kept_as_stated() -> None:
    declared = read(xfwb(unit="LBR", mass="100"))
    assert declared.consignment.gross_mass_kg == Decimal("45.359")
    path = "/Waybill/MasterConsignment/IncludedTareGrossWeightMeasure"
    assert Extra(path, "100", (("unitCode", "LBR"),)) in declared.extras


def test_a_house_waybill_of_an_unknown_version_is_read_and_said_to_be_one() -> None:
    reading = FORM.read(xfzb().encode())
    declared = reading.declaration
    assert declared is not None
    assert declared.type_code == "703"
    assert declared.consignment.master_document_id == MASTER
    assert [item.description for item in declared.goods_items] == ["Steel bicycle pedals"]
    notes = {note.place: note.value for note in reading.notes}
    assert notes["/HouseWaybill"] == "iata:housewaybill:2"
    assert notes["/HouseWaybill/MessageHeaderDocument/VersionID"] == "9.00"


def test_a_house_manifest_lists_its_houses() -> None:
    declared = read(xfhl(("KEEL1", "2", "20"), ("KEEL2", "3", "22.5")))
    assert declared.procedure_category == values.HOUSE_MANIFEST
    assert declared.consignment.master_document_id == MASTER
    listed = [(item.transport_documents[0].document_id, item.packagings[0].count) for item in declared.goods_items]
    assert listed == [("KEEL1", 2), ("KEEL2", 3)]
    assert FORM.locate(declared, "goods_items[2].gross_mass_kg") == (
        "/HouseManifest/MasterConsignment/IncludedHouseConsignment[2]/GrossWeightMeasure"
    )


@pytest.mark.parametrize(
    ("text", "rule_id", "place"),
    [
        (xfwb(mass="heavy"), "message.number", "/Waybill/MasterConsignment/IncludedTareGrossWeightMeasure"),
        (xfwb(pieces="1e3"), "message.number", "/Waybill/MasterConsignment/TotalPieceQuantity"),
        (xfwb(unit=""), values.MASS_UNIT, "/Waybill/MasterConsignment/IncludedTareGrossWeightMeasure"),
        (
            xfwb(measured="4"),
            values.PIECES,
            "/Waybill/MasterConsignment/ApplicableRating/IncludedMasterConsignmentItem/PieceQuantity",
        ),
        (
            xfwb(type_code="740"),
            values.CONSOLIDATION,
            "/Waybill/MasterConsignment/ApplicableRating/IncludedMasterConsignmentItem"
            "/NatureIdentificationTransportCargo/Identification",
        ),
        (xfzb("H" * 36), values.HOUSE_NUMBER, "/HouseWaybill/MasterConsignment/IncludedHouseConsignment/ID"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(text: str, rule_id: str, place: str) -> None:
    told = found(text)
    assert (rule_id, place) in [(each.rule_id, each.place) for each in told]
    assert read(text).procedure_category == values.PRE_LOADING


def test_a_destination_that_no_table_knows_falls_back_on_the_consignee() -> None:
    reading = FORM.read(xfwb().replace("YVR", "QQQ9").encode())
    assert reading.declaration is not None
    assert reading.declaration.jurisdiction_code == "CA"
    assert any("consignee's country" in note.words for note in reading.notes)


@pytest.mark.parametrize(
    ("purpose", "function"),
    [
        ("Update", MessageFunction.AMENDMENT),
        ("Deletion", MessageFunction.CANCELLATION),
        ("Guess", MessageFunction.ORIGINAL),
    ],
)
def test_the_purpose_says_what_is_asked(purpose: str, function: MessageFunction) -> None:
    assert read(xfwb().replace("Creation", purpose)).function is function


def test_the_seven_elements_and_the_number_have_values_and_places() -> None:
    declared = read(xfzb().replace("3 Mill Lane", ""))
    elements = {each.name: each for each in pre_loading.pre_loading(declared, FORM.locate)}
    assert pre_loading.missing(declared) == (pre_loading.SHIPPER_ADDRESS,)
    address = elements[pre_loading.SHIPPER_ADDRESS]
    assert address.is_missing
    assert address.place.endswith("/ConsignorParty/PostalStructuredAddress/StreetName")
    assert elements[pre_loading.MASTER].value == MASTER
    assert elements[pre_loading.MASS].value == "20 kg"


def test_a_declaration_of_another_form_is_written_and_read_again() -> None:
    declared = Declaration(
        functional_reference_id="H-1", type_code="703", procedure_category=values.PRE_LOADING,
        goods_items=(GoodsItem(line_no=1, description="Wool"), GoodsItem(line_no=7, description="Silk")),
    )  # fmt: skip
    again = read(FORM.write([declared]).decode())
    assert [item.description for item in again.goods_items] == ["Wool", "Silk"]
    assert again.functional_reference_id == "H-1"


def test_what_xml_cannot_hold_is_refused() -> None:
    declared = Declaration(goods_items=(GoodsItem(line_no=1, description="a\x07b"),))
    with pytest.raises(MessageError):
        FORM.write([declared])


def test_a_batch_is_split_and_found_by_its_content() -> None:
    batch = f"<Batch>{xfzb('A1')}{xfzb('A2')}</Batch>".encode()
    assert forms.detect(batch).name == "cargo-xml"
    records = list(FORM.split(io.BytesIO(batch)))
    references = [FORM.read(record.body).declaration for record in records]
    assert [each.functional_reference_id for each in references if each] == ["A1", "A2"]


def test_several_documents_are_written_as_a_batch() -> None:
    written = FORM.write([read(xfzb("A1")), read(xfwb())])
    assert len(list(FORM.split(io.BytesIO(written)))) == 2
