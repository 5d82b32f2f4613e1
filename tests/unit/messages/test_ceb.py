"""China's cross-border e-commerce messages: what is read, kept, found wrong, written and answered."""

from __future__ import annotations

import base64
import io
import json
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree
from msgspec.structs import replace
from tests.ceb import BUYER, PARCEL, SIGNATURE, TRANSFER, message

from tidewaiter.cli.conformance import ceb as conformance
from tidewaiter.messages import forms
from tidewaiter.messages.ceb import CebForm, answers
from tidewaiter.messages.ceb.tables import load
from tidewaiter.messages.ceb.values import codes, day_of, moment_of
from tidewaiter.messages.form import Reading
from tidewaiter.model.assessment import Assessment, Charge, ChargeKind, Collection
from tidewaiter.model.decision import Decision, Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Declaration, Document, Extra, GoodsItem, MessageFunction, Party
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money

FORM = CebForm()
SAMPLES = Path(os.environ.get("TIDEWAITER_SAMPLES", "../shared/samples"))


def readings(body: bytes) -> list[Reading]:
    return [FORM.read(record.body) for record in FORM.split(io.BytesIO(body))]


def declaration(body: bytes) -> Declaration:
    (reading,) = readings(body)
    assert reading.declaration is not None
    return reading.declaration


def cny(amount: str) -> Money:
    return Money(Decimal(amount), "CNY")


# --- reading


def test_an_order_says_who_bought_what_for_how_much() -> None:
    order = declaration(message("311"))
    assert (order.procedure_category, order.jurisdiction_code, order.type_code) == ("ORDER", "CN", "CEB311")
    assert order.invoice_id == PARCEL["orderNo"]
    assert order.functional_reference_id == f"ORDER {PARCEL['ebpCode']} {PARCEL['orderNo']}"
    assert order.issued_at == datetime(2026, 6, 15, 2, 30, tzinfo=UTC)
    assert order.marketplace == Party(party_id=PARCEL["ebpCode"], name=PARCEL["ebpName"])
    assert order.buyer == Party(party_id=BUYER, name="李小宝", phone="13000000000")
    assert (order.invoice_amount, order.freight, order.amount_paid) == (cny("300"), cny("20"), cny("349.12"))
    (item,) = order.goods_items
    assert (item.unit_price, item.quantity, item.quantity_unit, item.invoice_price) == (
        cny("150"), Decimal(2), "C62", cny("300"),
    )  # fmt: skip
    assert (item.origin_country_code, item.gtin) == ("IT", ""), "无 is written where there is no bar code"


def test_a_declaration_list_is_what_is_declared() -> None:
    listed = declaration(message("621"))
    assert listed.procedure_category == "CBEC"
    assert listed.functional_reference_id == PARCEL["copNo"]
    consignment = listed.consignment
    assert consignment.transport_documents == (Document(document_id=PARCEL["logisticsNo"]),)
    assert consignment.carrier is not None
    assert consignment.carrier.party_id == PARCEL["logisticsCode"]
    assert consignment.border_transport is not None
    assert (consignment.border_transport.mode_code, consignment.border_transport.means_id) == ("4", "MU554")
    assert (consignment.arrival_on, consignment.export_country_code) == (date(2026, 6, 15), "IT")
    assert listed.guarantee_ids == (PARCEL["assureCode"],)
    assert listed.goods_items[0].commodity_code == PARCEL["gcode"]


def test_without_a_number_of_its_own_a_list_is_known_by_its_order() -> None:
    listed = declaration(message("621", {"copNo": ""}))
    assert listed.functional_reference_id == f"CBEC {PARCEL['ebpCode']} {PARCEL['orderNo']}"
    written = FORM.write([listed])
    assert b"<ceb:copNo/>" in written
    assert declaration(written) == listed


@pytest.mark.parametrize(
    ("app_type", "function"),
    [("1", MessageFunction.ORIGINAL), ("2", MessageFunction.AMENDMENT), ("3", MessageFunction.CANCELLATION)],
)
def test_new_changed_and_deleted(app_type: str, function: MessageFunction) -> None:
    body = message("511", {"appType": app_type})
    assert declaration(body).function is function
    assert f"<ceb:appType>{app_type}</ceb:appType>".encode() in FORM.write([declaration(body)])


def test_a_withdrawal_of_a_list_withdraws_it_and_says_why() -> None:
    body = (
        b'<CEB623Message xmlns="http://www.chinaport.gov.cn/ceb" guid="g" version="1.0"><InvtCancel><guid>g</guid>'
        b"<appType>1</appType><copNo>COP-1</copNo><invtNo>26CN1234567890ABC1</invtNo><reason>twice</reason></InvtCancel>"
        b"</CEB623Message>"
    )
    asked = declaration(body)
    assert asked.function is MessageFunction.CANCELLATION
    assert (asked.functional_reference_id, asked.registered_id) == ("COP-1", "26CN1234567890ABC1")
    assert asked.amendments[0].reason == "twice"
    assert declaration(FORM.write([asked])) == asked


def test_each_record_of_a_message_is_read_alone_and_they_are_written_into_one_again() -> None:
    parcels = [{"orderNo": f"O-{number}"} for number in range(1, 8)]
    found = readings(message("311", *parcels, tail=TRANSFER + SIGNATURE))
    assert [each.declaration.invoice_id for each in found if each.declaration] == [f"O-{n}" for n in range(1, 8)]
    written = FORM.write([each.declaration for each in found if each.declaration])
    root = etree.fromstring(written)
    assert len(root.findall("{*}Order")) == 7
    assert len(root.findall("{*}BaseTransfer")) == len(root.findall("{*}Signature")) == 1
    assert readings(written) == found


def test_more_than_a_hundred_records_are_written_into_several_messages() -> None:
    orders = [replace(declaration(message("311")), invoice_id=f"O-{number}") for number in range(250)]
    root = etree.fromstring(FORM.write(orders))
    assert [len(each.findall("{*}Order")) for each in root] == [100, 100, 50]
    assert [each.declaration.invoice_id for each in readings(FORM.write(orders)) if each.declaration] == [
        each.invoice_id for each in orders
    ]


def test_a_record_that_is_not_closed_does_not_take_the_next_with_it() -> None:
    body = message("511", {"logisticsNo": "L-1"}, {"logisticsNo": "L-2"}, {"logisticsNo": "L-3"})
    broken = body.replace(b"</ceb:Logistics>", b"", 2).replace(
        b"<ceb:Logistics>", b"</ceb:Logistics><ceb:Logistics>", 1
    )
    broken = broken.replace(b"</ceb:Logistics><ceb:Logistics>", b"<ceb:Logistics>", 1)
    found = readings(broken)
    assert len(found) == 3
    assert found[2].declaration is not None
    assert found[2].declaration.consignment.transport_documents[0].document_id == "L-3"
    assert all(each.findings for each in found[:2])


# --- what has no word


def test_what_is_not_known_is_kept_noted_and_written_back() -> None:
    body = (
        message("511")
        .replace(b"<ceb:note></ceb:note>", b"")
        .replace(
            b"</ceb:LogisticsHead>", b'<ceb:novel unit="x"><ceb:inner>1</ceb:inner></ceb:novel></ceb:LogisticsHead>'
        )
    )
    (reading,) = readings(body)
    path = "/CEB511Message/Logistics/LogisticsHead/novel"
    assert [note.place for note in reading.notes] == [path]
    assert reading.declaration is not None
    assert Extra(path, "", (("unit", "x"),)) in reading.declaration.extras
    assert Extra(f"{path}/inner", "1") in reading.declaration.extras
    written = FORM.write([reading.declaration])
    assert b'<ceb:novel unit="x"><ceb:inner>1</ceb:inner></ceb:novel>' in written
    assert readings(written) == [reading]


def test_a_version_that_is_not_known_is_read_and_said() -> None:
    newer = message("411").replace(b'D6E7" version="1.0"', b'D6E7" version="2.0"')
    assert newer != message("411")
    (reading,) = readings(newer)
    assert [(note.place, note.value) for note in reading.notes] == [("/CEB411Message/@version", "2.0")]
    assert reading.declaration is not None
    assert readings(FORM.write([reading.declaration])) == [reading]


def test_a_signature_is_kept_and_said_not_to_be_verified() -> None:
    (reading,) = readings(message("411", tail=TRANSFER + SIGNATURE))
    assert ["not verified" in note.words for note in reading.notes] == [True]
    assert reading.declaration is not None
    assert etree.fromstring(FORM.write([reading.declaration])).find("{*}Signature/{*}KeyInfo") is not None


def test_codes_without_a_counterpart_and_spellings_of_ones_own_are_written_as_they_came() -> None:
    order = declaration(message("311", {"unit": "140", "country": "JPN", "currency": "999"}))
    (item,) = order.goods_items
    assert (item.quantity_unit, item.origin_country_code) == ("140", "JP")
    assert item.invoice_price == Money(Decimal("300"), "999")
    written = FORM.write([order])
    for text in (b"<ceb:unit>140<", b"<ceb:country>JPN<", b"<ceb:currency>999<"):
        assert text in written
    assert declaration(written) == order


def test_a_field_that_was_changed_wins_over_the_spelling_it_came_in() -> None:
    order = declaration(message("311", {"country": "JPN"}))
    changed = replace(order, goods_items=(replace(order.goods_items[0], origin_country_code="KR"),))
    assert b"<ceb:country>133<" in FORM.write([changed])


def test_lists_of_codes_are_one_to_one() -> None:
    for name in ("countries", "currencies", "units", "modes"):
        listed = codes(name)
        assert listed.read(listed.write("CN")) == "CN"
    assert (codes("countries").read("116"), codes("currencies").read("142"), codes("units").read("035")) == (
        "JP", "CNY", "KGM",
    )  # fmt: skip
    assert codes("modes").read("0") is None, "customs' 0 is no mode of transport"


@pytest.mark.parametrize(
    "text", ["20260230103000", "2026061510300", "2026-06-15 10:30", "二〇二六〇六一五一〇三〇〇〇"]
)
def test_a_moment_is_fourteen_digits_of_a_day_that_exists(text: str) -> None:
    assert isinstance(moment_of(text), str)


def test_the_last_day_of_the_calendar_is_a_day() -> None:
    assert day_of("99991231") == date(9999, 12, 31)
    assert isinstance(day_of("99991301"), str)


# --- what is wrong


@pytest.mark.parametrize(
    ("field", "text", "pointer", "rule"),
    [
        ("appTime", "yesterday", "issued_at", "message.date"),
        ("freight", "a little", "freight", "message.number"),
        ("qty", "two", "goods_items[1].quantity", "message.number"),
        ("appType", "7", "function", "message.choice"),
    ],
)
def test_a_text_that_is_no_value_is_told_at_its_place_and_kept(field: str, text: str, pointer: str, rule: str) -> None:
    (reading,) = readings(message("311", {field: text}))
    (finding,) = reading.findings
    assert (finding.rule_id, finding.pointer, finding.value) == (rule, pointer, text)
    assert finding.place.endswith(f"/{field}")
    assert reading.declaration is not None
    assert f"<ceb:{field}>{text}<".encode() in FORM.write([reading.declaration])


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b'<CEB999Message guid="1"><X/></CEB999Message>', "message.unknown"),
        (b'<CEB311Message guid="1"/>', "message.missing"),
        (b'<CEB312Message guid="1"><OrderReturn/></CEB312Message>', "message.kind"),
        (b"<CEB311Message><Order></CEB311Message>", "xml.malformed"),
    ],
)
def test_what_cannot_be_taken_in_is_said(body: bytes, rule: str) -> None:
    (reading,) = readings(body)
    assert [finding.rule_id for finding in reading.findings] == [rule]
    assert all(finding.words and (finding.place or finding.hint) for finding in reading.findings)


def test_amounts_of_two_currencies_beside_one_another_cannot_be_written() -> None:
    order = replace(declaration(message("311")), freight=Money(Decimal(1), "EUR"))
    with pytest.raises(MessageError, match="EUR"):
        FORM.write([order])


# --- from other forms, and around


def test_what_came_in_another_form_is_written_as_the_message_of_its_data_set() -> None:
    order = Declaration(
        jurisdiction_code="CN", procedure_category="ORDER", invoice_id="O-1", marketplace=Party(party_id="1"),
        goods_items=(GoodsItem(line_no=1, sku="A", invoice_price=cny("5"), origin_country_code="JP"),),
    )  # fmt: skip
    written = FORM.write([order])
    root = etree.fromstring(written)
    assert etree.QName(root).localname == "CEB311Message"
    assert len(root.get("guid", "")) == 36
    assert root.findtext("{*}Order/{*}OrderList/{*}country") == "116"
    back = declaration(written)
    assert (back.invoice_id, back.goods_items) == (order.invoice_id, order.goods_items)


def test_elements_without_a_namespace_and_in_utf16_are_read() -> None:
    bare = message("411").replace(b"ceb:", b"").replace(b' xmlns="http://www.chinaport.gov.cn/ceb"', b"")
    bare = bare.replace(b' xmlns:ceb="http://www.chinaport.gov.cn/ceb"', b"")
    assert declaration(bare) == declaration(message("411"))
    wide = message("411").decode().replace("UTF-8", "UTF-16").encode("utf-16")
    assert forms.detect(wide).name == "ceb"
    assert declaration(wide) == declaration(message("411"))


@pytest.mark.parametrize("number", ["311", "411", "511", "621"])
def test_a_message_is_known_by_its_content_whatever_is_around_it(number: str) -> None:
    body = message(number)
    packed = base64.b64encode(body).decode()
    port = (
        '<dxp:DxpMsg xmlns:dxp="http://www.chinaport.gov.cn/dxp" ver="1.0"><dxp:TransInfo/>'
        f"<dxp:Data>{packed}</dxp:Data></dxp:DxpMsg>"
    ).encode()
    shop = json.dumps(
        {"message": {"messageHead": {"messageType": f"CEB{number}Message"}, "messageBody": {"data": packed}}}
    ).encode()
    batch = b"<Batch>" + body.partition(b"?>")[2] + b"</Batch>"
    for each in (body, port, shop, batch):
        assert forms.detect(each).name == "ceb"
        assert declaration(each) == declaration(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"message": {"messageHead": {"messageType": "CEB311"}, "messageBody": {"data": "not base64!"}}}',
        b'{"message": {"messageHead": {"messageType": "CEB311"}, "messageBody": {}}}',
        b'{"messageType": "CEB311"',
        b'<d:DxpMsg xmlns:d="http://www.chinaport.gov.cn/dxp"/>',
        b"<Batch/>",
    ],
)
def test_an_envelope_with_nothing_in_it_is_refused(body: bytes) -> None:
    with pytest.raises(MessageError) as caught:
        readings(body)
    assert caught.value.hint


def test_a_pointer_is_located_in_the_senders_terms() -> None:
    listed = declaration(message("621"))
    record = "/CEB621Message/Inventory"
    for pointer, place in {
        "goods_items[2].commodity_code": f"{record}/InventoryList[2]/gcode",
        "goods_items[1].invoice_price.currency": f"{record}/InventoryList[1]/currency",
        "goods_items": f"{record}/InventoryList",
        "buyer.party_id": f"{record}/InventoryHead/buyerIdNumber",
        "consignment.transport_documents": f"{record}/InventoryHead/logisticsNo",
        "freight": f"{record}/InventoryHead/freight",
        "submitter.party_id": "/CEB621Message/BaseTransfer/copCode",
        "incoterm_code": f"{record}/InventoryHead",
        "extras[1]": listed.extras[0].path,
    }.items():
        assert FORM.locate(listed, pointer) == place


def test_every_message_of_the_table_has_its_elements() -> None:
    table = load()
    assert len(table.messages) == 42
    for each in table.messages.values():
        assert each.fields.order
        assert not each.list or each.lines
    assert all(number in table.messages for number in (*table.writes.values(), *table.answers.values()))


# --- answers


def evaluation(*findings: Finding, assessment: Assessment | None = None) -> Evaluation:
    decided = Decision(
        state=State.ACCEPTED, lane=None, category=None, dataset="CBEC", holds=(), on_arrival=None, words="Fine.", notices=()
    )  # fmt: skip
    return Evaluation(
        legal_day=date(2026, 6, 15), findings=findings, assessment=assessment, judgement=None, decision=decided
    )


ISSUED = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)
NUMBER = "26CN1234567890ABC1"


def answered(kind: NoticeKind, number: str, *findings: Finding) -> dict[str, str | None]:
    declared = declaration(message(number))
    body = answers.write_answer(kind, declared, evaluation(*findings), registered_id=NUMBER, issued_at=ISSUED)
    root = etree.fromstring(body)
    assert etree.QName(root).localname == answers.message_of_answer(kind, declared)
    return {etree.QName(each).localname: each.text for each in root.iter() if not len(each)}


def test_a_refusal_says_why_and_where() -> None:
    wrong = Finding("data.required", Severity.ERROR, "buyer.party_id", "It is missing.", place="/CEB311Message/…")
    texts = answered(NoticeKind.REJECTED, "311", wrong)
    assert texts["returnStatus"] == "100"
    assert texts["orderNo"] == PARCEL["orderNo"]
    assert texts["returnInfo"] == "data.required: It is missing. (/CEB311Message/…)"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (NoticeKind.RECEIVED, "120"), (NoticeKind.CONTROL, "500"), (NoticeKind.RELEASED, "800"),
        (NoticeKind.CLEARED, "899"), (NoticeKind.DOCUMENTS, "300"),
    ],
)  # fmt: skip
def test_each_notice_has_its_status(kind: NoticeKind, status: str) -> None:
    texts = answered(kind, "621")
    assert (texts["returnStatus"], texts["returnTime"]) == (status, "20260615100000000")
    assert (texts["invtNo"], texts["preNo"], texts["copNo"]) == (NUMBER, NUMBER, PARCEL["copNo"])


def test_of_a_claim_nothing_is_told_but_that_it_was_taken_in() -> None:
    assert answered(NoticeKind.AMENDED, "411")["returnStatus"] == "120"
    assert answered(NoticeKind.RECEIVED, "411")["payCode"] == PARCEL["payCode"], "from the extras"


def charge(code: str, kind: ChargeKind, amount: str) -> Charge:
    return Charge(
        kind=kind, type_code=code, line_no=1, base=cny("320"), rate="", unrounded=Decimal(amount), rounding="",
        result=cny(amount), collection=Collection.SALE, measure_id="x",
    )  # fmt: skip


def bill() -> bytes:
    charges = (
        charge("A00", ChargeKind.DUTY, "0"), charge("B00", ChargeKind.TAX, "29.12"), charge("CT", ChargeKind.TAX, "5"),
    )  # fmt: skip
    assessment = Assessment(
        jurisdiction_code="CN", legal_day=date(2026, 6, 15), regime_digest="", scheme="", intrinsic_value=cny("300"),
        customs_value=cny("320"), steps=(), charges=charges, due=cny("0"), collected_at_sale=cny("34.12"),
    )  # fmt: skip
    declared = declaration(message("621"))
    return answers.write_answer(
        NoticeKind.TAX_FINAL, declared, evaluation(assessment=assessment), registered_id=NUMBER, issued_at=ISSUED
    )


def test_the_tax_bill_has_each_tax_on_the_whole_and_on_the_line() -> None:
    root = etree.fromstring(bill())
    for name, amount in {"customsTax": "0.00", "valueAddedTax": "29.12", "consumptionTax": "5.00"}.items():
        assert [each.text for each in root.iter(f"{{*}}{name}")] == [amount, amount]
    assert root.findtext("{*}Tax/{*}TaxListRd/{*}taxPrice") == "320.00"


# --- outside samples


def outside() -> Path:
    folder = SAMPLES / conformance.FOLDER
    if not folder.is_dir():
        pytest.skip(f"no outside samples in {SAMPLES}; name their folder in TIDEWAITER_SAMPLES")
    return folder


def test_every_outside_message_comes_out_right() -> None:
    cases = list(conformance.cases(outside().parent))
    assert [case for case in cases if not case.passed] == []
    assert len(cases) > 100
    assert any("cbec.package_count" in case.reason for case in cases), "the samples' inconsistencies are found"


@pytest.mark.parametrize("kind", [NoticeKind.RECEIVED, NoticeKind.REJECTED, NoticeKind.RELEASED, NoticeKind.CLEARED])
@pytest.mark.parametrize("number", ["311", "411", "511", "621"])
def test_answers_and_messages_are_valid_by_the_published_schema(number: str, kind: NoticeKind) -> None:
    folder = outside()
    declared = declaration(message(number, tail=TRANSFER))
    body = answers.write_answer(kind, declared, evaluation(), registered_id=NUMBER, issued_at=ISSUED)
    for written in (body, bill(), FORM.write([declared])):
        root = etree.fromstring(written)
        sample = conformance.Sample("", next(folder.rglob("CEB621Message.xml")), written, root)
        schema = conformance.schema_of(sample, folder)
        assert schema is not None
        is_valid = schema.validate(root)
        errors = [str(error) for error in schema.error_log]  # type: ignore[attr-defined]
        assert is_valid or (len(errors) == 1 and "Signature" in errors[0]), "all but the sender's own signature"
