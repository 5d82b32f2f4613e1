"""Exports to ASYCUDA World: the document validates, values stand in their boxes, a manifest is whole or not written."""

from __future__ import annotations

import io
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.messages.asycuda import Voyage, write_manifest, write_sad
from tidewaiter.model.declaration import Address, Consignment, Declaration, Document, GoodsItem, Packaging, Party
from tidewaiter.model.errors import MessageError, TidewaiterError
from tidewaiter.model.money import Money

ADDRESS = Address(line="1 Example Street", city="Exampleton", postcode="EX1 1EX", country_code="GB")
PARCEL = Declaration(
    functional_reference_id="A-1",
    type_code="IMA",
    jurisdiction_code="BB",
    invoice_amount=Money(Decimal("30.00"), "USD"),
    consignor=Party(name="Example Shop", address=ADDRESS),
    importer=Party(party_id="TIN-1", name="Jo Example", address=ADDRESS),
    consignment=Consignment(
        transport_documents=(Document(type_code="N741", document_id="HAWB-1"),), gross_mass_kg=Decimal("0.5")
    ),
    goods_items=(
        GoodsItem(
            line_no=1, description="Cotton T-shirt", commodity_code="6109100010", origin_country_code="CN",
            procedure_code="40", previous_procedure_code="00", invoice_price=Money(Decimal("30.00"), "USD"),
            packagings=(Packaging(type_code="BG", count=1, marks="AB 12"),),
        ),
    ),
)  # fmt: skip
VOYAGE = Voyage(
    office_id="BBGAI", number="ba2155", departs_on=date(2026, 6, 14), transporter="Boeing 777", nationality_code="GB",
    registration="G-XXXX", master="A. Pilot", carrier_code="C1", agent_code="A1", departure_code="GBLGW",
    destination_code="BBBGI",
)  # fmt: skip


def at(content: bytes, path: str) -> str:
    return etree.fromstring(content).findtext(path) or ""


def test_values_stand_in_their_boxes() -> None:
    written = write_sad(PARCEL, registered_id="26BB0000000000001R5")
    assert at(written, "Item/Tarification/HScode/Commodity_code") == "61091000"
    assert at(written, "Item/Tarification/HScode/Precision_1") == "10"
    assert at(written, "Item/Tarification/Extended_customs_procedure") == "4000"
    assert at(written, "Item/Valuation_item/Item_Invoice/Amount_foreign_currency") == "30.00"
    assert at(written, "Traders/Consignee/Consignee_code") == "TIN-1"
    assert at(written, "Traders/Exporter/Exporter_name").splitlines()[0] == "Example Shop"
    assert at(written, "General_information/Comments_free_text") == "26BB0000000000001R5"


def test_every_sample_declaration_validates(samples: Path) -> None:
    schema = etree.XMLSchema(etree.parse(samples / "asycuda" / "Asycuda421.xsd"))
    count = 0
    for path in sorted((samples / "wco-dm-hmrc-cds" / "examples").rglob("*.xml")):
        body = path.read_bytes()
        try:
            records = list(forms.detect(body).split(io.BytesIO(body)))
        except TidewaiterError:
            continue
        for record in records:
            declared = forms.detect(body).read(record.body).declaration
            if declared is not None:
                count += 1
                assert schema.validate(etree.fromstring(write_sad(declared))), (path.name, schema.error_log)
    assert count > 100


def test_a_manifest_has_its_totals_and_a_bill_for_each_parcel() -> None:
    second = replace(PARCEL, functional_reference_id="A-2")
    written = write_manifest(VOYAGE, [PARCEL, second])
    root = etree.fromstring(written)
    assert len(root.findall("Bol_segment")) == 2
    assert at(written, "General_segment/Totals_segment/Total_gross_mass") == "1"
    assert at(written, "General_segment/General_segment_id/Voyage_number") == "BA2155"
    assert at(written, "Bol_segment/Bol_id/Bol_type_code") == "741"
    assert at(written, "Bol_segment/Goods_segment/Commodity_Segment/HS_Code") == "610910"


def test_a_manifest_that_lacks_what_is_mandatory_is_not_written() -> None:
    bare = replace(PARCEL, consignor=None, consignment=Consignment())
    with pytest.raises(MessageError) as caught:
        write_manifest(replace(VOYAGE, master=""), [bare])
    words = str(caught.value.detail)
    assert "the voyage has no Transport_information/Master_information" in words
    for missing in ("Bol_reference", "Exporter_name", "Gross_mass"):
        assert re.search(rf"consignment A-1 has no \S*{missing}", words)


def test_a_reference_too_long_for_a_manifest_is_told() -> None:
    long = replace(PARCEL.consignment, transport_documents=(Document(document_id="X" * 18),))
    with pytest.raises(MessageError, match="has 18 characters, at most 17 fit"):
        write_manifest(VOYAGE, [replace(PARCEL, consignment=long)])


def test_a_text_that_xml_cannot_hold_is_refused_with_its_place() -> None:
    with pytest.raises(MessageError, match="Commercial_Description"):
        write_sad(replace(PARCEL, goods_items=(replace(PARCEL.goods_items[0], description="a\x01b"),)))
