"""Air waybills in teletype text: versions, wrapped lines, parties, rates, lists and flights."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import pytest

from tidewaiter.messages import forms
from tidewaiter.messages.air_cargo import values
from tidewaiter.messages.cargo_imp import CargoImpForm
from tidewaiter.model.declaration import Address, Declaration, GoodsItem, Party
from tidewaiter.model.errors import MessageError
from waybills import FFM, FHL, FHL_LIST, FHL_NAMED, FWB

FORM = CargoImpForm()


def read(text: str) -> Declaration:
    reading = FORM.read(text.encode())
    assert reading.declaration is not None, reading.findings
    return reading.declaration


def test_a_master_waybill_is_read() -> None:
    declared = read(FWB)
    assert (declared.functional_reference_id, declared.type_code) == ("999-00000044", "740")
    assert declared.consignor == Party(
        name="KEEL FREIGHT LTD",
        address=Address(line="8 DOCK ROAD", city="CORK", postcode="T12", country_code="IE"),
        phone="35321000000",
        party_id="IE7654321X",
    )
    assert declared.consignee is not None
    assert declared.consignee.contact_name == "ANN RIDER"
    assert (declared.consignment.package_count, declared.consignment.gross_mass_kg) == (3, Decimal("9.979"))
    (item,) = declared.goods_items
    assert (item.description, item.commodity_code) == ("COTTON BED LINEN WOVEN", "630231")
    assert (declared.jurisdiction_code, declared.consignment.export_country_code) == ("CA", "IE")
    assert FORM.read(FWB.encode()).findings == ()


def test_a_consolidation_is_told_by_its_description_line() -> None:
    assert read(FWB.replace("/NG/COTTON", "/NC/COTTON")).type_code == "741"


def test_an_old_and_a_new_house_waybill_are_read() -> None:
    old, new = read(FHL), read(FHL_NAMED)
    assert old.consignment.master_document_id == new.consignment.master_document_id == "999-00000011"
    assert old.consignor is not None
    assert old.consignor.name == "SADDLE WORKS"
    assert old.goods_items[0].description == "LEATHER SADDLES FOR BICYCLES"
    assert new.consignor == Party(
        name="SADDLE WORKS OF CORK",
        address=Address(line="3 MILL LANE UNIT 4", city="CORK", subdivision="CO", postcode="T12", country_code="IE"),
        phone="35321111111",
    )
    assert new.goods_items[0].description == "BICYCLE SADDLES"


def test_several_houses_without_parties_are_a_manifest() -> None:
    declared = read(FHL_LIST)
    assert declared.procedure_category == values.HOUSE_MANIFEST
    assert [item.transport_documents[0].document_id for item in declared.goods_items] == ["KEEL1", "KEEL2"]
    assert FORM.locate(declared, "goods_items[2].description") == "line 4 (HBS)"


def test_a_message_with_several_houses_and_parties_is_a_record_each() -> None:
    two = FHL + "\n".join(FHL.splitlines()[2:]).replace("KEEL2", "KEEL9") + "\n"
    records = [read(record.body.decode()) for record in FORM.split(io.BytesIO(two.encode()))]
    assert [each.functional_reference_id for each in records] == ["KEEL2", "KEEL9"]
    assert {each.consignment.master_document_id for each in records} == {"999-00000011"}


def test_a_flight_manifest_lists_its_waybills() -> None:
    declared = read(FFM)
    assert declared.procedure_category == values.FLIGHT_MANIFEST
    assert declared.functional_reference_id == "ZZ100/02MAR/ORK"
    listed = [(item.transport_documents[0].document_id, item.description) for item in declared.goods_items]
    assert listed == [("999-00000011", "CONSOLIDATION"), ("999-00000044", "BED LINEN")]
    assert (declared.jurisdiction_code, declared.goods_items[1].gross_mass_kg) == ("CA", Decimal("9.979"))


def test_a_wrapped_line_is_joined_and_said_to_be() -> None:
    reading = FORM.read(FWB.replace("RTD/1/P3/L22/CQ", "RTD/1/P3/L2\n2/CQ").encode())
    assert reading.declaration is not None
    assert reading.declaration.goods_items[0].gross_mass_kg == Decimal("9.979")
    assert any("the rest of the one before" in note.words for note in reading.notes)


def test_what_is_not_interpreted_is_noted_and_written_back() -> None:
    reading = FORM.read(FWB.replace("SPH/EAP", "XYZ/NEW THING").encode())
    assert reading.declaration is not None
    notes = {note.place: note.words for note in reading.notes}
    assert notes["line 19 (XYZ)"] == "kept, not interpreted"
    assert any("screening method" in note.words for note in reading.notes)
    assert b"XYZ/NEW THING\r\n" in FORM.write([reading.declaration])


@pytest.mark.parametrize("text", [FWB, FHL, FHL_NAMED, FHL_LIST, FFM, "QK HDQAAZZ\n.ORKFFZZ 010800\n" + FWB])
def test_reading_what_was_written_gives_it_back(text: str) -> None:
    assert FORM.recognises(text.encode())
    reading = FORM.read(text.encode())
    assert reading.declaration is not None
    assert FORM.read(FORM.write([reading.declaration])) == reading


def test_a_declaration_of_another_form_cannot_be_written() -> None:
    with pytest.raises(MessageError):
        FORM.write([Declaration(goods_items=(GoodsItem(line_no=1),))])


@pytest.mark.parametrize(
    ("text", "rule_id", "place"),
    [
        (FWB.replace("T3L22MC", "T3LXXMC"), "message.number", "line 2 (AWB)"),
        (FHL.replace("/3/K22.5", "/X/K22.5"), "message.number", "line 3 (HBS)"),
        (FHL.replace("K22.5/3", "22.5/3"), values.MASS_UNIT, "line 3 (HBS)"),
        (FWB.replace("CMT40-30-20/3", "CMT40-30-20/2"), values.PIECES, "line 14 (RTD)"),
        (FHL.replace("KEEL2", "K" * 36), values.HOUSE_NUMBER, "line 3 (HBS)"),
        ("XYZ/1\nSHP", "message.unknown", "line 1"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(text: str, rule_id: str, place: str) -> None:
    told = FORM.read(text.encode()).findings
    assert (rule_id, place) in [(each.rule_id, each.place) for each in told]


@pytest.mark.parametrize(
    "body", [b"", b"\n\n", b"FWB/17", b"FHL/5\n\xff", b"FFM/8\n" + b"/" * 50, b"\xef\xbb\xbfFHL/5\nHBS"]
)
def test_a_message_of_almost_nothing_is_no_error_of_ours(body: bytes) -> None:
    reading = FORM.read(body)
    assert reading.declaration is not None or reading.findings


def test_an_unknown_version_is_read_and_said_to_be_one() -> None:
    reading = FORM.read(FWB.replace("FWB/16", "FWB/44").encode())
    assert reading.declaration is not None
    assert any(note.value == "FWB/44" for note in reading.notes)


def test_a_text_of_several_messages_is_split_where_each_begins() -> None:
    text = (FWB + "\n" + FHL.replace("\n", "\r\n") + FFM).encode()
    assert forms.detect(text).name == "cargo-imp"
    records = list(FORM.split(io.BytesIO(text)))
    assert [record.body.split(b"/")[0] for record in records] == [b"FWB", b"FHL", b"FFM"]
    assert [text[record.offset : record.offset + 4] for record in records] == [b"FWB/", b"FHL/", b"FFM/"]


def test_a_text_without_a_beginning_is_refused() -> None:
    with pytest.raises(MessageError):
        list(FORM.split(io.BytesIO(b"SHP/KEEL\n/CORK")))


def test_the_day_and_the_countries_of_the_flight_are_read() -> None:
    routed = FWB.replace("FLT/ZZ100/02", "FLT/ZZ100/02\nRTG/FRAZZ/YYZZZ\nISU/28FEB26/DUBLIN")
    consignment = read(routed).consignment
    assert consignment.departure_on == date(2026, 3, 2)
    assert consignment.routing_country_codes[-2:] == ("DE", "CA")
    assert read(FWB).consignment.departure_on is None
