"""The forms wco-dm and h7: what is recognised, read, kept, refused and located."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidewaiter.messages import forms, limits
from tidewaiter.messages.form import Form
from tidewaiter.messages.h7 import H7Form
from tidewaiter.messages.wco_dm import WcoDmForm
from tidewaiter.model.declaration import Declaration, Extra, GoodsItem, MessageFunction, Party
from tidewaiter.model.errors import MessageError
from tidewaiter.model.money import Money

WCO, H7 = WcoDmForm(), H7Form()
NAMESPACE = 'xmlns="urn:wco:datamodel:WCO:DEC-DMS:2"'


def declaration(inner: str = "", form: Form = WCO) -> Declaration:
    reading = form.read(f"<Declaration {NAMESPACE}>{inner}</Declaration>".encode())
    assert reading.declaration is not None, reading.findings
    return reading.declaration


def item(inner: str) -> GoodsItem:
    return declaration(
        f"<GoodsShipment><GovernmentAgencyGoodsItem>{inner}</GovernmentAgencyGoodsItem></GoodsShipment>"
    ).goods_items[0]


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"<Declaration/>", WCO),
        (b"<md:MetaData xmlns:md='urn:md'><Declaration>", WCO),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a note --><Batch><MetaData><Declaration>", WCO),
        ("<?xml version='1.0'?><Declaration/>".encode("utf-16"), WCO),
        (b"<x:Declaration><x:ProcedureCategory>H7</x:ProcedureCategory>", H7),
        (b"<Batch><Declaration><ProcedureCategory>H7</ProcedureCategory>", H7),
        (b"<MetaData><Declaration><ProcedureCategory>H1</ProcedureCategory>", WCO),  # no Danish message has an envelope
        (b"<m:MetaData xmlns:m='urn:m'><Declaration><ProcedureCategory>H7</ProcedureCategory>", WCO),
        (b"<Declaration><ProcedureCategory>H7</ProcedureCategory><MetaData/>", H7),
        (b"<MetaData><Response><Declaration/></Response></MetaData>", None),
        (b"<!-- <Declaration> --><Order/>", None),
        (b'{"declaration": "<Declaration>"}', None),
        (b"", None),
    ],
)
def test_a_form_knows_its_messages(head: bytes, form: Form | None) -> None:
    assert [one for one in (WCO, H7) if one.recognises(head)] == ([form] if form else [])


def test_what_is_written_with_a_data_set_is_known_again_and_keeps_its_freight() -> None:
    freight = Money(Decimal("7.20"), "GBP")
    body = WCO.write([Declaration(jurisdiction_code="GB", procedure_category="H1", freight=freight)])
    assert forms.detect(body).name == "wco-dm"
    read = forms.detect(body).read(body).declaration
    assert read is not None
    assert (read.procedure_category, read.freight) == ("H1", freight)


@pytest.mark.parametrize(
    ("code", "type_code", "function"),
    [
        ("9", "IMA", MessageFunction.ORIGINAL),
        ("9", "IMD", MessageFunction.ORIGINAL),
        ("13", "COR", MessageFunction.AMENDMENT),
        ("13", "INV", MessageFunction.CANCELLATION),
        ("13", "GPR", MessageFunction.PRESENTATION),
        ("4", "COR", MessageFunction.AMENDMENT),
        ("1", "INV", MessageFunction.CANCELLATION),
        ("24", "GPR", MessageFunction.PRESENTATION),
        ("37", "RRA", MessageFunction.AMENDMENT),
        ("1", "", MessageFunction.CANCELLATION),
        ("77", "", MessageFunction.ORIGINAL),
        ("", "", MessageFunction.ORIGINAL),
    ],
)
def test_what_is_asked(code: str, type_code: str, function: MessageFunction) -> None:
    found = declaration(f"<FunctionCode>{code}</FunctionCode><TypeCode>{type_code}</TypeCode>")
    assert (found.function, found.function_code, found.type_code) == (function, code, type_code)


@pytest.mark.parametrize("form", [WCO, H7], ids=lambda form: form.name)
@pytest.mark.parametrize("function", list(MessageFunction))
def test_a_function_from_elsewhere_is_written_with_its_code(form: Form, function: MessageFunction) -> None:
    again = form.read(form.write([Declaration(function=function)])).declaration
    assert again is not None
    assert again.function == function


@pytest.mark.parametrize(
    ("inner", "jurisdiction"),
    [
        ("<DeclarationOfficeID>DK005600</DeclarationOfficeID>", "DK"),
        ("<SupervisingOffice><ID>GBLBA001</ID></SupervisingOffice>", "GB"),
        ("<ID>26GB00000000000001</ID>", "GB"),
        ("<Declarant><ID>XI123456789000</ID></Declarant>", "GB"),
        ("<GoodsShipment><Destination><CountryCode>SE</CountryCode></Destination></GoodsShipment>", "SE"),
        ("", ""),
    ],
)
def test_whose_customs_it_is_for(inner: str, jurisdiction: str) -> None:
    assert declaration(inner).jurisdiction_code == jurisdiction


def test_the_envelope_says_it_first_and_what_is_unusual_in_it_is_kept() -> None:
    body = (
        "<MetaData><WCODataModelVersionCode>3.7</WCODataModelVersionCode><ResponsibleCountryCode>JM</ResponsibleCountryCode>"
        "<Declaration><DeclarationOfficeID>DK005600</DeclarationOfficeID></Declaration></MetaData>"
    )
    found = WCO.read(body.encode()).declaration
    assert found is not None
    assert found.jurisdiction_code == "JM"
    assert found.extras == (Extra("/MetaData/WCODataModelVersionCode", "3.7"),)
    assert b"<md:WCODataModelVersionCode>3.7<" in WCO.write([found])


BAD_LEAVES = [
    ("InvoiceAmount", ' currencyID="GBP"', "abc", "invoice_amount"),
    ("InvoiceAmount", ' currencyID="GBP"', "NaN", "invoice_amount"),
    ("InvoiceAmount", ' currencyID="GBP"', "1e99999999", "invoice_amount"),
    ("InvoiceAmount", ' currencyID="GBP"', "1,50", "invoice_amount"),
    ("InvoiceAmount", ' currencyID="GBP"', "1" * 200, "invoice_amount"),
    ("InvoiceAmount", ' currencyID="GBP"', "٣", "invoice_amount"),
    ("InvoiceAmount", "", "12.50", "invoice_amount"),
    ("GoodsItemQuantity", "", "2.5", "goods_item_count"),
    ("TotalGrossMassMeasure", ' unitCode="XXX"', "2", "consignment.gross_mass_kg"),
]


@pytest.mark.parametrize(("name", "attributes", "text", "pointer"), BAD_LEAVES)
def test_a_bad_value_is_a_finding_and_its_text_is_kept(name: str, attributes: str, text: str, pointer: str) -> None:
    body = f"<Declaration {NAMESPACE}><{name}{attributes}>{text}</{name}></Declaration>".encode()
    reading = WCO.read(body)
    (finding,) = reading.findings
    assert (finding.rule_id, finding.pointer, finding.place) == ("wco-dm.value", pointer, f"/Declaration/{name}")
    assert finding.words.startswith(name)
    assert finding.value == text[:200]
    assert reading.declaration is not None
    assert reading.declaration.extras[0].value == text
    assert WCO.read(WCO.write([reading.declaration])) == reading


@pytest.mark.parametrize("text", ["20261340000000Z", "yesterday", "20260230", "2026-06-15"])
def test_a_bad_moment_is_a_finding(text: str) -> None:
    body = f"<Declaration><AcceptanceDateTime><DateTimeString formatCode='304'>{text}</DateTimeString></AcceptanceDateTime></Declaration>"
    reading = WCO.read(body.encode())
    assert [finding.pointer for finding in reading.findings] == ["acceptance_at"]
    assert reading.declaration is not None
    assert reading.declaration.acceptance_at is None


@pytest.mark.parametrize(
    ("text", "code", "moment"),
    [
        ("20260615103000Z", "304", datetime(2026, 6, 15, 10, 30, tzinfo=UTC)),
        ("20260615103000+01", "304", datetime(2026, 6, 15, 9, 30, tzinfo=UTC)),
        ("20260615103000-0330", "304", datetime(2026, 6, 15, 14, 0, tzinfo=UTC)),
        ("20260615", "102", datetime(2026, 6, 15, tzinfo=UTC)),
        ("202606151030", "203", datetime(2026, 6, 15, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_keeps_its_form_when_written_again(text: str, code: str, moment: datetime) -> None:
    leaf = f"formatCode='{code}'>{text}<"
    found = declaration(f"<IssueDateTime><DateTimeString {leaf}/DateTimeString></IssueDateTime>")
    assert found.issued_at == moment
    assert leaf.replace("'", '"').encode() in WCO.write([found])
    changed = replace(found, issued_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert b'formatCode="304">20270101000000Z<' in WCO.write([changed])


def test_the_field_wins_over_the_spelling_of_what_was_read() -> None:
    found = declaration("<TotalGrossMassMeasure unitCode='GRM'>850</TotalGrossMassMeasure>")
    assert found.consignment.gross_mass_kg == Decimal("0.850")
    assert b'unitCode="GRM">850<' in WCO.write([found])
    heavier = replace(found, consignment=replace(found.consignment, gross_mass_kg=Decimal(2)))
    again = WCO.read(WCO.write([heavier])).declaration
    assert again is not None
    assert again.consignment.gross_mass_kg == Decimal(2)


@pytest.mark.parametrize(
    ("inner", "code", "additional"),
    [
        ("<C><ID>61091000</ID><T>TSP</T></C><C><ID>10</ID><T>TRC</T></C>", "6109100010", ()),
        ("<C><ID>610910</ID><T>TSP</T></C>", "610910", ()),
        ("<C><ID>610910</ID><T>HS</T></C>", "610910", ()),
        ("<C><ID>VATZ</ID><T>GN</T></C><C><ID>61091000</ID><T>TSP</T></C>", "61091000", ("VATZ",)),
        (
            "<C><ID>61091000</ID><T>TSP</T></C><C><ID>2600</ID><T>TRA</T></C><C><ID>X411</ID><T>GN</T></C>",
            "61091000",
            ("2600", "X411"),
        ),
        ("<C><ID>61091000</ID><T>TSP</T></C><C><ID>0012345-8</ID><T>CV</T></C>", "61091000", ()),
        ("<C><ID>10</ID><T>TRC</T></C>", "", ()),
    ],
)
def test_commodity_codes(inner: str, code: str, additional: tuple[str, ...]) -> None:
    inner = inner.replace("C>", "Classification>").replace("T>", "IdentificationTypeCode>")
    found = item(f"<Commodity>{inner}</Commodity>")
    assert (found.commodity_code, found.additional_codes) == (code, additional)


def test_the_preference_is_found_wherever_it_stands() -> None:
    found = item(
        "<Commodity><DutyTaxFee><TypeCode>B00</TypeCode></DutyTaxFee><DutyTaxFee><DutyRegimeCode>300</DutyRegimeCode></DutyTaxFee></Commodity>"
    )
    assert found.duty_regime_code == "300"


def test_what_has_no_word_here_is_kept_in_its_place_and_noted() -> None:
    inner = "<GoodsShipment><GovernmentAgencyGoodsItem/><GovernmentAgencyGoodsItem><x:New xmlns:x='urn:new' a='1'>v</x:New></GovernmentAgencyGoodsItem></GoodsShipment>"
    reading = WCO.read(f"<Declaration {NAMESPACE}>{inner}</Declaration>".encode())
    place = "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[2]/{urn:new}New"
    assert reading.declaration is not None
    assert reading.declaration.extras == (Extra(place, "v", (("a", "1"),)),)
    assert [(note.place, note.value) for note in reading.notes] == [(place, "v")]
    assert WCO.read(WCO.write([reading.declaration])) == reading


def test_text_between_elements_is_pointed_out() -> None:
    reading = WCO.read(b"<Declaration><FunctionCode>9</FunctionCode>hello<TypeCode>IMA</TypeCode></Declaration>")
    assert [(finding.rule_id, finding.value, finding.place) for finding in reading.findings] == [
        ("wco-dm.text", "hello", "/Declaration")
    ]


def test_too_many_unknown_elements_are_refused() -> None:
    reading = WCO.read(b"<Declaration>" + b"<x/>" * (limits.EXTRAS_MAX + 1) + b"</Declaration>")
    assert reading.declaration is None
    assert reading.findings[0].rule_id == "message.limit"


def test_deeply_nested_elements_are_refused() -> None:
    reading = WCO.read(b"<Declaration>" + b"<x>" * 100 + b"</x>" * 100 + b"</Declaration>")
    assert (reading.declaration, reading.findings[0].rule_id) == (None, "xml.limit")


@pytest.mark.parametrize(
    "body",
    [
        b"<Order/>",
        b"<MetaData/>",
        b"<MetaData><Response><Declaration/></Response></MetaData>",
        b"<B><Declaration/><Declaration/></B>",
    ],
)
def test_what_holds_no_one_declaration_is_refused(body: bytes) -> None:
    reading = WCO.read(body)
    assert (reading.declaration, reading.findings[0].rule_id) == (None, "xml.root")


def test_a_document_without_or_with_wrong_namespaces_is_matched_by_local_names() -> None:
    body = b'<q:Declaration xmlns:q="urn:something:else"><q:FunctionCode>9</q:FunctionCode></q:Declaration>'
    found = WCO.read(body).declaration
    assert found is not None
    assert (found.function_code, found.extras) == ("9", ())


@pytest.mark.parametrize("form", [WCO, H7], ids=lambda form: form.name)
def test_several_are_written_as_a_batch_that_splits_again(form: Form) -> None:
    category = "H7" if form is H7 else ""
    declarations = [
        Declaration(
            function_code="9", functional_reference_id=f"R{number}", jurisdiction_code="DK", procedure_category=category
        )
        for number in range(3)
    ]
    message = form.write(declarations)
    assert form.recognises(message)
    assert [form.read(record.body).declaration for record in form.split(io.BytesIO(message))] == declarations


def test_a_text_that_xml_cannot_hold_is_refused_when_written() -> None:
    with pytest.raises(MessageError, match="forbids"):
        WCO.write([Declaration(function_code="9", functional_reference_id="a\0b")])


def test_placeholders_stay_text() -> None:
    found = declaration("<FunctionalReferenceID>{{LRN}}</FunctionalReferenceID>", H7)
    assert found.functional_reference_id == "{{LRN}}"


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("", "/Declaration"),
        ("function_code", "/Declaration/FunctionCode"),
        ("consignment.gross_mass_kg", "/Declaration/TotalGrossMassMeasure"),
        ("consignment.goods_location.location_id", "/Declaration/GoodsShipment/Consignment/GoodsLocation/Name"),
        ("goods_items[2].commodity_code", "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[2]/Commodity/Classification[IdentificationTypeCode='TSP']/ID"),
        ("goods_items[2].hs_code", "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[2]/Commodity/Classification[IdentificationTypeCode='TSP']/ID"),
        ("goods_items[1].invoice_price", "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[1]/Commodity/InvoiceLine/ItemChargeAmount"),
        ("goods_items[1].invoice_price.currency", "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[1]/Commodity/InvoiceLine/ItemChargeAmount/@currencyID"),
        ("goods_items[1].documents[3].type_code", "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[1]/AdditionalDocument[3]/TypeCode"),
        ("goods_items[1].origin_country_code", "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[1]/Origin[TypeCode='1']/CountryCode"),
        ("goods_items[1].additional_procedure_codes[2]", "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[1]/GovernmentProcedure[not(PreviousCode)][2]/CurrentCode"),
        ("goods_items[1].quantity_unit", "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[1]/Commodity/GoodsMeasure/TariffQuantity/@unitCode"),
        ("goods_items[1].url", "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[1]"),
        ("importer.address.postcode", "/Declaration/GoodsShipment/Importer/Address/PostcodeID"),
        ("importer.email", "/Declaration/GoodsShipment/Importer/Communication[TypeCode='EM']/ID"),
        ("insurance", "/Declaration/GoodsShipment/CustomsValuation/ChargeDeduction[ChargesTypeCode='AK']/OtherChargeDeductionAmount"),
        ("guarantee_ids[2]", "/Declaration/ObligationGuarantee[2]/ID"),
        ("extras[1]", "/Declaration/Novelty"),
        ("extras[9]", "/Declaration"),
        ("marketplace.name", "/Declaration"),
        ("nonsense[3].at.all", "/Declaration"),
    ],
)  # fmt: skip
def test_a_pointer_is_located_in_the_senders_terms(pointer: str, place: str) -> None:
    assert WCO.locate(declaration("<Novelty>1</Novelty>"), pointer) == place


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("freight", "/Declaration/GoodsShipment/Consignment/Freight/rate"),
        ("consignment.transport_documents[1].type_code", "/Declaration/GoodsShipment/Consignment/TransportContractDocument[1]/Type"),
        ("goods_items[3].commodity_code", "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[3]/Commodity/Classification[IdentificationTypeCode='HS']/ID"),
        ("documents[2].type_code", "/Declaration/GoodsShipment/*[self::SupportingDocument or self::AdditionalReference][2]/TypeCode"),
        ("fiscal_references[1].party_id", "/Declaration/GoodsShipment/DomesticDutyTaxParty[1]/ID"),
    ],
)  # fmt: skip
def test_a_pointer_is_located_in_h7(pointer: str, place: str) -> None:
    assert H7.locate(Declaration(), pointer) == place


def test_an_amount_has_its_currency() -> None:
    found = declaration("<InvoiceAmount currencyID='EUR'>-1.50</InvoiceAmount>")
    assert found.invoice_amount == Money(Decimal("-1.50"), "EUR")


TRANSPORT = """<SpecificCircumstancesCodeCode>A20</SpecificCircumstancesCodeCode>
<Consignment><Carrier><Name>Air</Name><ID>GB1</ID></Carrier>
 <Itinerary><SequenceNumeric>1</SequenceNumeric><RoutingCountryCode>CN</RoutingCountryCode></Itinerary>
 <Itinerary><SequenceNumeric>2</SequenceNumeric><RoutingCountryCode>GB</RoutingCountryCode></Itinerary></Consignment>
<GoodsShipment><Consignment><LoadingLocation><ID>CNSHA</ID></LoadingLocation>
 <TransportEquipment><SequenceNumeric>1</SequenceNumeric><ID>BOX1</ID>
  <Seal><SequenceNumeric>1</SequenceNumeric><ID>S1</ID></Seal></TransportEquipment></Consignment>
 <GovernmentAgencyGoodsItem><SequenceNumeric>1</SequenceNumeric><Commodity><TransportEquipment>
  <SequenceNumeric>1</SequenceNumeric><ID>BOX1</ID></TransportEquipment></Commodity></GovernmentAgencyGoodsItem>
</GoodsShipment>"""


def test_how_the_goods_come_is_read_and_written_and_seals_of_a_container_are_kept_with_it() -> None:
    found = declaration(TRANSPORT)
    consignment = found.consignment
    assert found.circumstance_code == "A20"
    assert (consignment.carrier, consignment.loading_place) == (Party(name="Air", party_id="GB1"), "CNSHA")
    assert consignment.routing_country_codes == ("CN", "GB")
    assert (consignment.container_ids, found.goods_items[0].container_ids) == (("BOX1",), ("BOX1",))
    assert any(extra.value == "S1" for extra in found.extras)
    assert WCO.read(WCO.write([found])).declaration == found
    assert WCO.locate(found, "consignment.routing_country_codes[2]").endswith("/Itinerary[2]/RoutingCountryCode")
