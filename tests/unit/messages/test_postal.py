"""Postal item data under the post's names: read, located, written; what goes without saying; the answer."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.messages.answers import Telling, write_answer
from tidewaiter.messages.form import Form, Reading
from tidewaiter.messages.postal import PostalForm
from tidewaiter.messages.postal.answers import PostalAnswer
from tidewaiter.messages.shape import elements
from tidewaiter.messages.vocabulary import vocabulary
from tidewaiter.model.assessment import Assessment, Charge, ChargeKind, Collection
from tidewaiter.model.decision import Decision, Evaluation, Hold, HoldKind, NoticeKind, State
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money

FORM = PostalForm()
ITEM = {
    "item_id": "RR123456785DK",
    "receptacle_id": "DKCPHAGBLALAAUN60012001100045",
    "despatch_id": "DKCPHAGBLALAAUN60012",
    "category_of_item": "sale_of_goods",
    "destination_country_code": "GB",
    "posted_on": "2026-06-12",
    "sender": {"name": "Ane Eksempel", "address": {"line": "Vej 1", "city": "Odense", "country_code": "DK"}},
    "addressee": {"name": "Pat Example", "address": {"line": "1 High St", "city": "Leeds", "country_code": "GB"}},
    "gross_mass_kg": "0.6",
    "postal_charges": {"amount": "12.00", "currency": "DKK"},
    "invoice_id": "F-77",
    "documents": [{"name": "licence", "document_id": "L-1"}, {"name": "certificate", "document_id": "C-2"}],
    "contents": [
        {
            "description": "Wool socks, knitted",
            "hs_code": "611594",
            "quantity": "2",
            "net_weight_kg": "0.2",
            "value": {"amount": "120.00", "currency": "DKK"},
            "country_of_origin_code": "DK",
        }
    ],
}


def message(**changed: object) -> bytes:
    return json.dumps(ITEM | changed).encode()


def read(body: bytes, form: Form = FORM) -> list[Reading]:
    return [form.read(record.body) for record in form.split(io.BytesIO(body))]


def declared(body: bytes) -> Declaration:
    (reading,) = read(body)
    assert reading.findings == ()
    assert reading.declaration is not None
    return reading.declaration


@pytest.mark.parametrize("form", ["postal", "marketplace"])
def test_no_name_of_a_vocabulary_is_also_one_of_the_declaration(form: str) -> None:
    words = vocabulary(form)
    assert words.whole.keys().isdisjoint(elements(Declaration))
    assert words.item.keys().isdisjoint(elements(GoodsItem))
    paths = [each.path for each in words.whole.values()]
    assert len(set(paths)) == len(paths)


def test_each_field_of_the_customs_declaration_has_its_place() -> None:
    own = declared(message())
    assert own.consignment.transport_documents[0].document_id == "RR123456785DK"
    assert own.consignment.master_document_id == ITEM["receptacle_id"]
    assert own.previous_documents[0].document_id == ITEM["despatch_id"]
    assert own.consignor is not None
    assert own.consignor.name == "Ane Eksempel"
    assert own.consignee is not None
    assert own.consignee.address is not None
    assert own.consignee.address.city == "Leeds"
    assert own.consignment.posted_on == date(2026, 6, 12)
    assert own.freight == Money(Decimal("12.00"), "DKK")
    (line,) = own.goods_items
    assert (line.line_no, line.commodity_code, line.net_mass_kg) == (1, "611594", Decimal("0.2"))
    assert line.invoice_price == Money(Decimal("120.00"), "DKK")
    assert line.origin_country_code == "DK"
    assert [document.name for document in own.documents] == ["licence", "certificate"]


def test_what_goes_without_saying_of_a_postal_item() -> None:
    own = declared(message())
    assert own.functional_reference_id == "RR123456785DK"
    assert own.jurisdiction_code == "GB"
    assert own.consignment.transport_documents[0].type_code == "N750"
    assert own.consignment.border_transport is not None
    assert own.consignment.border_transport.mode_code == "5"
    assert declared(message(functional_reference_id="OWN-1")).functional_reference_id == "OWN-1"
    assert declared(message(jurisdiction_code="DK")).jurisdiction_code == "DK"


@pytest.mark.parametrize(
    ("category", "code", "procedures"),
    [
        ("sale_of_goods", "11", ()),
        ("returned_goods", "21", ()),
        ("Gift", "31", ("C08",)),
        ("commercial_sample", "32", ()),
        ("documents", "91", ()),
        ("other", "991", ()),
        ("31", "31", ("C08",)),
        ("mixed", "mixed", ()),
    ],
)
def test_the_category_is_a_code_and_a_gift_is_claimed_as_one(
    category: str, code: str, procedures: tuple[str, ...]
) -> None:
    own = declared(message(category_of_item=category))
    assert own.transaction_nature_code == code
    assert own.goods_items[0].additional_procedure_codes == procedures


def test_a_gift_keeps_the_procedures_its_sender_named() -> None:
    line = ITEM["contents"][0] | {"additional_procedure_codes": ["C07"]}  # type: ignore[index]
    own = declared(message(category_of_item="gift", contents=[line]))
    assert own.goods_items[0].additional_procedure_codes == ("C07",)


def test_a_message_is_recognised_by_its_names_however_it_is_laid_out() -> None:
    body = message()
    for whole in (
        body,
        b"[" + body + b"]",
        b'{"declarations": [' + body + b"]}",
        b"\xef\xbb\xbf \n" + body + b"\n" + body,
    ):
        assert forms.detect(whole).name == "postal"
        assert all(reading.declaration == declared(body) for reading in read(whole))
    assert forms.detect(b'{"functional_reference_id": "A", "goods_items": [{"line_no": 1}]}').name == "json"
    assert forms.detect(b"item_id;contents.hs_code\nRR1;1\n").name == "postal"
    assert forms.detect(b"functional_reference_id,goods_item.commodity_code\nA,1\n").name == "csv"


def test_a_table_is_read_as_the_same_items() -> None:
    table = (
        b"Item ID;category of item;destination_country_code;sender.name;sender.address.line;sender.address.city;"
        b"sender.address.country_code;contents.description;contents.hs_code;contents.value.amount;"
        b"contents.value.currency;colour\n"
        b"RR123456785DK;gift;GB;Ane Eksempel;Vej 1;Odense;DK;Socks;611594;120.00;DKK;red\n"
        b"RR123456785DK;;;;;;;Hat;650500;80,00;DKK;\n"
    )
    (reading,) = read(table)
    assert [finding.place for finding in reading.findings] == ["row 3, column contents.value.amount"]
    assert [note.place for note in reading.notes] == ["row 2, column colour"]
    own = reading.declaration
    assert own is not None
    assert own.functional_reference_id == "RR123456785DK"
    assert [item.commodity_code for item in own.goods_items] == ["611594", "650500"]
    assert FORM.locate(own, "goods_items[2].commodity_code") == "row 3, column contents.hs_code"
    assert FORM.locate(own, "consignment.transport_documents[1].document_id") == "row 2, column item_id"


def test_what_was_not_written_is_placed_where_it_was_taken_from() -> None:
    (reading,) = read(message())
    assert reading.declaration is not None
    assert FORM.locate(reading.declaration, "functional_reference_id") == "/item_id"
    assert FORM.locate(reading.declaration, "jurisdiction_code") == "/destination_country_code"
    (named,) = read(message(functional_reference_id="OWN"))
    assert named.declaration is not None
    assert FORM.locate(named.declaration, "functional_reference_id") == "/functional_reference_id"


def test_a_category_that_is_none_is_kept_and_noted() -> None:
    (reading,) = read(message(category_of_item="present"))
    assert reading.declaration is not None
    assert reading.declaration.transaction_nature_code == "present"
    assert [(note.place, note.value) for note in reading.notes] == [("/category_of_item", "present")]
    for known in ("Gift", "31", "999"):
        (reading,) = read(message(category_of_item=known))
        assert reading.notes == ()


def test_places_are_in_the_posts_own_names() -> None:
    own = declared(message())
    for pointer, place in {
        "goods_items[1].hs_code": "/contents/0/hs_code",
        "goods_items[1].invoice_price": "/contents/0/value",
        "consignor.address.city": "/sender/address/city",
        "consignment.transport_documents[1].document_id": "/item_id",
        "consignment.transport_documents": "/item_id",
        "documents[2].document_id": "/documents/1/document_id",
    }.items():
        assert FORM.locate(own, pointer) == place


@pytest.mark.parametrize(
    ("changed", "code", "pointer", "place"),
    [
        ({"gross_mass_kg": "heavy"}, "message.number", "consignment.gross_mass_kg", "/gross_mass_kg"),
        ({"posted_on": "12.06.2026"}, "message.date", "consignment.posted_on", "/posted_on"),
        ({"sender": "Ane"}, "message.type", "consignor", "/sender"),
        ({"contents": [{"hs_code": 611594}]}, "message.type", "goods_items[1].commodity_code", "/contents/0/hs_code"),
        (
            {"contents": [{"value": {"amount": "1"}}]},
            "message.missing",
            "goods_items[1].invoice_price.currency",
            "/contents/0/value/currency",
        ),
        ({"consignor": {"name": "Another"}}, "message.conflict", "consignor", "/sender"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(changed: dict[str, object], code: str, pointer: str, place: str) -> None:
    (reading,) = read(message(**changed))
    (finding,) = reading.findings
    assert (finding.rule_id, finding.pointer, finding.place) == (code, pointer, place)


def test_the_words_of_a_finding_use_the_posts_own_name() -> None:
    (reading,) = read(message(contents=[{"hs_code": 611594}]))
    assert "“hs_code” must be text in quotes" in reading.findings[0].words


def test_a_name_that_stands_twice_is_told() -> None:
    (reading,) = read(message().replace(b'{"item_id"', b'{"item_id": "RR1", "item_id"', 1))
    assert [(finding.rule_id, finding.place) for finding in reading.findings] == [("message.duplicate", "/item_id")]


def test_unknown_members_are_kept_where_they_stood() -> None:
    line = ITEM["contents"][0] | {"colour": "red"}  # type: ignore[index]
    body = message(contents=[line], mail_class="U")
    (reading,) = read(body)
    assert {note.place for note in reading.notes} == {"/contents/0/colour", "/mail_class"}
    assert reading.declaration is not None
    written = json.loads(FORM.write([reading.declaration]))
    assert written["mail_class"] == "U"
    assert written["contents"][0]["colour"] == "red"


def test_writing_gives_the_posts_names_and_reads_back_the_same() -> None:
    for category in ("gift", "sale_of_goods", "mixed"):
        own = declared(message(category_of_item=category))
        written = FORM.write([own])
        assert declared(written) == own
        tree = json.loads(written)
        assert tree["category_of_item"] == category
        assert tree["item_id"] == "RR123456785DK"
        assert "functional_reference_id" not in tree
        assert "consignment" not in tree


# --- the answer ----------------------------------------------------------------------------------------------------


def told(kind: NoticeKind, *, holds: tuple[Hold, ...] = (), findings: tuple[Finding, ...] = ()) -> PostalAnswer:
    due = Money(Decimal("2.40"), "GBP")
    charge = Charge(
        kind=ChargeKind.TAX, type_code="B00", line_no=1, base=Money(Decimal("12.00"), "GBP"), rate="20 %",
        unrounded=Decimal("2.4"), rounding="", result=due, collection=Collection.BORDER, measure_id="vat",
    )  # fmt: skip
    assessment = Assessment(
        jurisdiction_code="GB", legal_day=date(2026, 6, 15), regime_digest="", scheme="", steps=(), charges=(charge,),
        intrinsic_value=due, customs_value=due, due=due, collected_at_sale=Money(Decimal(0), "GBP"),
    )  # fmt: skip
    decision = Decision(
        state=State.ACCEPTED, lane=Lane.GREEN, category=None, dataset="AD", holds=holds, on_arrival=None, words="",
        notices=(),
    )  # fmt: skip
    evaluation = Evaluation(
        legal_day=date(2026, 6, 15), findings=findings, assessment=assessment, judgement=None, decision=decision
    )
    answer = write_answer(
        "postal",
        Telling(
            kind=kind, declaration=declared(message()), evaluation=evaluation, registered_id="26GB1", version=2,
            issued_at=datetime(2026, 6, 15, 10, tzinfo=UTC), reference_id="N7",
        ),
    )  # fmt: skip
    assert answer.media_type == "application/json"
    assert next(iter(json.loads(answer.content))) == "item_id"
    return msgspec.json.decode(answer.content, type=PostalAnswer)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (NoticeKind.RELEASED, "release"),
        (NoticeKind.CONTROL, "hold"),
        (NoticeKind.REFUSED, "refuse"),
        (NoticeKind.REJECTED, "reject"),
        (NoticeKind.INVALIDATED, "withdrawn"),
        (NoticeKind.TAX_LIABILITY, "pending"),
    ],
)
def test_the_answer_says_what_to_do_with_the_item(kind: NoticeKind, outcome: str) -> None:
    assert told(kind).outcome == outcome


def test_the_answer_names_the_item_what_is_owed_and_what_was_decided_on() -> None:
    hold = Hold(HoldKind.PAYMENT, "Duty and tax must be paid.", amount=Money(Decimal("2.40"), "GBP"))
    finding = Finding(
        "description.vague", Severity.WARNING, "goods_items[1].description", "Too vague.", "socks", "Say more."
    )
    answer = told(NoticeKind.TAX_LIABILITY, holds=(hold,), findings=(finding,))
    assert (answer.item_id, answer.registered_id, answer.version) == ("RR123456785DK", "26GB1", 2)
    assert answer.outcome == "hold"
    assert answer.holds[0].amount == answer.due == Money(Decimal("2.40"), "GBP")
    assert [(charge.type_code, charge.rate) for charge in answer.charges] == [("B00", "20 %")]
    assert [(line.hs_code, line.description) for line in answer.contents] == [("611594", "Wool socks, knitted")]
    assert (answer.remarks[0].place, answer.remarks[0].hint) == ("/contents/0/description", "Say more.")


def test_a_form_without_a_language_of_its_own_is_told_in_a_wco_response() -> None:
    telling = Telling(
        kind=NoticeKind.RECEIVED,
        declaration=replace(declared(message()), jurisdiction_code="GB"),
        evaluation=Evaluation(
            legal_day=date(2026, 6, 15), findings=(), assessment=None, judgement=None,
            decision=Decision(
                state=State.RECEIVED, lane=None, category=None, dataset="AD", holds=(), on_arrival=None, words="",
                notices=(),
            ),
        ),
        registered_id="26GB1",
        issued_at=datetime(2026, 6, 15, 10, tzinfo=UTC),
    )  # fmt: skip
    answer = write_answer("json", telling)
    assert answer.media_type == "application/xml"
    assert b"MetaData" in answer.content


def test_how_the_despatch_travels_is_read_under_the_posts_names() -> None:
    body = message(
        carrier={"name": "Air"}, receptacle_seal_ids=["S1", "S2"], routing_country_codes=["DK", "GB"],
        despatch_loading_at="2026-06-13T05:00:00Z", despatch_departure_at="2026-06-13T08:00:00+02:00",
        despatch_arrival_at="2026-06-13T08:30:00Z",
    )  # fmt: skip
    declaration = declared(body)
    consignment = declaration.consignment
    assert (consignment.seal_ids, consignment.routing_country_codes) == (("S1", "S2"), ("DK", "GB"))
    assert consignment.carrier is not None
    assert consignment.loading_at == datetime(2026, 6, 13, 5, tzinfo=UTC)
    assert consignment.departure_at == datetime(2026, 6, 13, 6, tzinfo=UTC)
    assert consignment.arrival_at == datetime(2026, 6, 13, 8, 30, tzinfo=UTC)
    assert declared(FORM.write([declaration])) == declaration


def test_a_moment_of_the_despatch_needs_its_zone() -> None:
    (reading,) = read(message(despatch_arrival_at="2026-06-13T08:30:00"))
    assert [finding.pointer for finding in reading.findings] == ["consignment.arrival_at"]
