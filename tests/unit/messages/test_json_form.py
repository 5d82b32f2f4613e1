"""Declarations as JSON: what is read, what is found wrong and where, what is kept, what is written."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from tidewaiter.messages import limits
from tidewaiter.messages.json_form import JsonForm
from tidewaiter.model.declaration import Declaration, Extra, MessageFunction
from tidewaiter.model.finding import Severity
from tidewaiter.model.money import Money

FORM = JsonForm()


def item(line_no: int = 1, **more: object) -> dict[str, object]:
    return {"line_no": line_no, "description": "Cotton T-shirt, knitted", **more}


def body(**members: object) -> bytes:
    return json.dumps({"functional_reference_id": "LRN-1", **members}, ensure_ascii=False).encode()


def test_reads_each_kind_of_value() -> None:
    reading = FORM.read(
        body(
            function="amendment",
            issued_at="2026-06-15T12:00:00+02:00",
            goods_item_count=1,
            freight={"amount": "3.10", "currency": "GBP"},
            consignor={"name": "Blåbær & Sønner", "address": {"country_code": "NO"}},
            consignment={"posted_on": "2026-06-10", "gross_mass_kg": "0.250"},
            goods_items=[item(additional_procedure_codes=["C07", "F48"])],
        )
    )
    declaration = reading.declaration
    assert declaration is not None
    assert reading.findings == ()
    assert reading.notes == ()
    assert declaration.function is MessageFunction.AMENDMENT
    assert declaration.issued_at == datetime(2026, 6, 15, 10, tzinfo=UTC)
    assert declaration.freight == Money(Decimal("3.10"), "GBP")
    assert declaration.consignor is not None
    assert declaration.consignor.name == "Blåbær & Sønner"
    assert declaration.consignment.posted_on == date(2026, 6, 10)
    assert declaration.goods_items[0].additional_procedure_codes == ("C07", "F48")


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ('"12.50"', "12.50"),
        ("12.50", "12.50"),
        ("0.1", "0.1"),
        ("1234567890123456.789", "1234567890123456.789"),
        ("1e2", "1E+2"),
        ("-3", "-3"),
        ('"007"', "7"),
    ],
)
def test_numbers_are_exact_and_never_floats(written: str, amount: str) -> None:
    reading = FORM.read(b'{"freight":{"amount":%s,"currency":"EUR"}}' % written.encode())
    assert reading.declaration is not None
    assert reading.declaration.freight is not None
    assert reading.declaration.freight.amount == Decimal(amount)
    assert reading.declaration.freight.amount.as_tuple() == Decimal(amount).as_tuple()


@pytest.mark.parametrize(
    "record", [b"{}", b'{"goods_items":[],"type_code":""}', b'{"consignor":null,"type_code":null}']
)
def test_absent_null_and_empty_are_the_same_and_no_fault(record: bytes) -> None:
    reading = FORM.read(record)
    assert reading.declaration == Declaration()
    assert reading.findings == ()


# body, rule, JSON pointer, a word in the message
FAULTS = [
    (body(goods_items=[item(commodity_code=610910)]), "message.type", "/goods_items/0/commodity_code", "number"),
    (body(goods_items=[item("1")]), "message.number", "/goods_items/0/line_no", "whole number"),  # type: ignore[arg-type]
    (body(goods_items=[{"sku": "x"}]), "message.missing", "/goods_items/0/line_no", "missing"),
    (body(goods_items=["x"]), "message.type", "/goods_items/0", "object"),
    (body(goods_items={"line_no": 1}), "message.type", "/goods_items", "list"),
    (body(consignor="Shop"), "message.type", "/consignor", "object"),
    (body(freight={"amount": "1,50", "currency": "EUR"}), "message.number", "/freight/amount", "decimal"),
    (body(freight={"amount": "NaN", "currency": "EUR"}), "message.number", "/freight/amount", "number"),
    (body(freight={"amount": "1e400", "currency": "EUR"}), "message.number", "/freight/amount", "too large"),
    (body(freight={"amount": "1" * 40, "currency": "EUR"}), "message.number", "/freight/amount", "too large"),
    (body(freight={"amount": "0." + "1" * 40, "currency": "EUR"}), "message.number", "/freight/amount", "too fine"),
    (body(freight={"amount": "1.50"}), "message.missing", "/freight/currency", "missing"),
    (b'{"freight":{"amount":NaN,"currency":"EUR"}}', "message.number", "/freight/amount", "decimal number"),
    (b'{"sku":Infinity,"ucr":"x","type_code":"I"}', "message.malformed", "/sku", "NaN and Infinity"),
    (body(consignment={"posted_on": "2026-02-30"}), "message.date", "/consignment/posted_on", "exists"),
    (body(issued_at="2026-06-15"), "message.date", "/issued_at", "time zone"),
    (body(issued_at="2026-06-15T10:00:00"), "message.date", "/issued_at", "time zone"),
    (body(function="new"), "message.choice", "/function", "original"),
    (body(goods_item_count=10**30), "message.number", "/goods_item_count", "larger"),
    (body(invoice_id="a\x00b"), "message.character", "/invoice_id", "U+0000"),
    (b'{"type_code":"I","invoice_id":"a\\ud800b"}', "message.character", "/invoice_id", "U+D800"),
    (b'{"type_code":"I","type_code":"J"}', "message.duplicate", "/type_code", "more than once"),
    (b'{"consignor":{"name":"a","name":"a"}}', "message.duplicate", "/consignor/name", "more than once"),
    (b'{"consignor":{"name":"J\xf8rgen"}}', "message.encoding", "/consignor/name", "UTF-8"),
    (b'{"goods_items":[{"line_no":1,"sku":"abc', "message.truncated", "/goods_items/0/sku", "too early"),
    (b'{"goods_items":[{"line_no":1,"sku":"19" x"}]}', "message.malformed", "/goods_items/0/sku", "comma"),
    (b"{'type_code':'I'}", "message.malformed", "", "double quotes"),
    (b'{"type_code":"I",}', "message.malformed", "/type_code", "double quotes"),
    (b'{"type_code":"a\x00b"}', "message.malformed", "/type_code", "control character"),
    (b'{"type_code":"I"} trailing', "message.malformed", "", "follows"),
    (b"[1]", "message.type", "", "list"),
    (b'"text"', "message.type", "", "text"),
    (b'{"colour":"red"}', "message.unknown", "", "none of the members"),
    (b'{"type_code":"I","x":' + b"[" * 100 + b"]" * 100 + b"}", "message.nesting", "/x", "nested"),
    (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "message.nesting", "", "nested"),
    (body(invoice_id="x" * 100_001), "message.limit", "/invoice_id", "100,001"),
]


@pytest.mark.parametrize(("record", "rule", "place", "word"), FAULTS)
def test_a_fault_is_named_with_place_words_and_hint(record: bytes, rule: str, place: str, word: str) -> None:
    reading = FORM.read(record)
    finding = next(finding for finding in reading.findings if finding.rule_id == rule)
    assert finding.severity is Severity.ERROR
    assert finding.place == place
    assert word in finding.words
    assert finding.hint or rule in ("message.choice", "message.type")
    assert len(finding.value) <= 200
    assert "\x00" not in finding.value


def test_a_faulty_value_is_left_out_and_the_rest_is_read() -> None:
    reading = FORM.read(
        body(
            freight={"amount": "NaN", "currency": "EUR"},
            goods_items=[item(1, sku="A"), item(2, invoice_price={"amount": "1,5", "currency": "EUR"}, sku="B")],
        )
    )
    assert reading.declaration is not None
    assert reading.declaration.functional_reference_id == "LRN-1"
    assert reading.declaration.freight is None
    assert [one.sku for one in reading.declaration.goods_items] == ["A", "B"]
    assert reading.declaration.goods_items[1].invoice_price is None


def test_every_fault_of_a_declaration_is_reported_at_once() -> None:
    reading = FORM.read(body(function="x", issued_at="y", consignor=1, goods_items=[item(1.5), item(2, gtin=7)]))  # type: ignore[arg-type]
    assert {finding.place for finding in reading.findings} == {
        "/function",
        "/issued_at",
        "/consignor",
        "/goods_items/0/line_no",
        "/goods_items/1/gtin",
    }


def test_the_pointer_of_a_finding_is_canonical_and_counts_from_one() -> None:
    (finding,) = FORM.read(body(goods_items=[item(1), item(2, sku=5)])).findings
    assert finding.pointer == "goods_items[2].sku"
    assert finding.place == "/goods_items/1/sku"


def test_too_many_goods_items_are_refused_with_the_limit() -> None:
    reading = FORM.read(body(goods_items=[{"line_no": no} for no in range(1, limits.GOODS_ITEMS_MAX + 2)]))
    assert reading.declaration is None
    assert reading.findings[0].rule_id == "message.limit"
    assert "9,999" in reading.findings[0].words


def test_a_record_beyond_the_size_limit_is_refused() -> None:
    reading = FORM.read(b" " * (limits.RECORD_BYTES_MAX + 1))
    assert reading.declaration is None
    assert "32 MiB" in reading.findings[0].words


# --- what is not understood


def test_unknown_members_are_kept_and_noted() -> None:
    reading = FORM.read(
        b'{"type_code":"I","colour":"red","consignor":{"q":1.10},"goods_items":[{"line_no":1,"z":{"y":[1,null]}}]}'
    )
    assert reading.findings == ()
    assert reading.declaration is not None
    assert reading.declaration.extras == (
        Extra("/colour", '"red"'),
        Extra("/consignor/q", "1.10"),
        Extra("/goods_items/0/z", '{"y":[1,null]}'),
    )
    assert [note.place for note in reading.notes] == ["/colour", "/consignor/q", "/goods_items/0/z"]


def test_kept_members_are_written_back_where_they_stood() -> None:
    source = {"type_code": "I", "colour": "red", "goods_items": [{"line_no": 1, "z": {"y": [1, None]}}]}
    declaration = FORM.read(json.dumps(source).encode()).declaration
    assert declaration is not None
    assert json.loads(FORM.write([declaration])) == source


def test_extras_of_other_forms_stay_in_their_own_member() -> None:
    foreign = Declaration(
        extras=(
            Extra("/Declaration/Submitter/Fax", "12"),
            Extra("row", "7"),
            Extra("/a", "no json"),
            Extra("/b", "1", (("u", "v"),)),
        )
    )
    written = FORM.write([foreign])
    assert set(json.loads(written)) == {"extras"}
    assert FORM.read(written).declaration == foreign


@pytest.mark.parametrize("text", ["a: b: c", 'quote " and \\ and :', "emoji 😀 : é", "tab\tnew\nline:"])
def test_colons_in_texts_do_not_upset_the_count_of_members(text: str) -> None:
    for ascii_only in (True, False):
        record = json.dumps({"invoice_id": text, "incoterm_code": ""}, ensure_ascii=ascii_only).encode()
        reading = FORM.read(record)
        assert reading.declaration == Declaration(invoice_id=text)
        assert reading.notes == ()


@pytest.mark.parametrize(
    "record",
    [
        b'{"invoice_id":"a\\u003ab","type_code":"I","type_code":""}',
        b'{"issued_at":"2026-06-15T10:00:00+0200","type_code":"I","type_code":"I"}',
    ],
)
def test_a_repeated_name_is_found_even_where_the_count_of_colons_would_hide_it(record: bytes) -> None:
    assert [finding.rule_id for finding in FORM.read(record).findings] == ["message.duplicate"]


# --- writing and locating


def test_writes_json_lines_or_one_list() -> None:
    declarations = [Declaration(functional_reference_id=f"L{no}") for no in range(3)]
    lines = FORM.write(declarations)
    assert [FORM.read(line).declaration for line in lines.splitlines()] == declarations
    assert msgspec.json.decode(FORM.write_list(declarations), type=list[Declaration]) == declarations


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("goods_items[2].commodity_code", "/goods_items/1/commodity_code"),
        ("goods_items[2].hs_code", "/goods_items/1/commodity_code"),
        ("consignor.address.country_code", "/consignor/address/country_code"),
        ("goods_items[1].documents[3]", "/goods_items/0/documents/2"),
        ("", ""),
    ],
)
def test_locates_by_json_pointer(pointer: str, place: str) -> None:
    assert FORM.locate(Declaration(), pointer) == place


@pytest.mark.parametrize("name", ["loading_at", "departure_at", "arrival_at"])
def test_every_moment_needs_its_zone(name: str) -> None:
    body = json.dumps({"goods_items": [{"line_no": 1}], "consignment": {name: "2026-06-13T08:30:00"}}).encode()
    reading = JsonForm().read(body)
    assert [finding.pointer for finding in reading.findings] == [f"consignment.{name}"]
