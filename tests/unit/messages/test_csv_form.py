"""Declarations as CSV: columns, rows, faults with row and column, unknown columns, writing."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from tidewaiter.messages.csv_columns import column, columns, nearest
from tidewaiter.messages.csv_form import CsvForm
from tidewaiter.messages.form import Reading
from tidewaiter.messages.limits import RECORD_BYTES_MAX
from tidewaiter.model.declaration import (
    AdditionalInformation,
    Address,
    Consignment,
    Declaration,
    Document,
    Extra,
    GoodsItem,
    Party,
)
from tidewaiter.model.errors import MessageError
from tidewaiter.model.money import Money

FORM = CsvForm()
HEADER = "functional_reference_id,goods_item.description,goods_item.invoice_price.amount,goods_item.invoice_price.currency,consignor.name"


def read(*rows: str, header: str = HEADER, end: str = "\n") -> list[Reading]:
    message = end.join((header, *rows)).encode() + end.encode()
    return [FORM.read(record.body) for record in FORM.split(io.BytesIO(message))]


def only(reading: Reading) -> Declaration:
    assert reading.declaration is not None
    return reading.declaration


def test_rows_with_the_same_reference_in_a_row_are_one_declaration() -> None:
    first, second, third = read("A,Shirt,1.50,EUR,Shop", "A,Shoe,2,EUR,", "B,Hat,3,GBP,Store", "A,Belt,4,EUR,Shop")
    assert [item.description for item in only(first).goods_items] == ["Shirt", "Shoe"]
    assert [item.line_no for item in only(first).goods_items] == [1, 2]
    assert only(first).goods_items[0].invoice_price == Money(Decimal("1.50"), "EUR")
    assert only(first).consignor == Party(name="Shop")
    assert only(second).functional_reference_id == "B"
    assert [item.description for item in only(third).goods_items] == ["Belt"]


def test_rows_without_a_reference_are_a_declaration_each() -> None:
    assert len(read(",Shirt,1,EUR,", ",Shoe,2,EUR,")) == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff", "sep={}\r\n", "\r\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiter_byte_order_mark_and_line_ends_are_recognised(delimiter: str, start: str, end: str) -> None:
    header = start.format(delimiter) + HEADER.replace(",", delimiter)
    (reading,) = read("A,Shirt,1.50,EUR,Shop".replace(",", delimiter), header=header, end=end)
    assert only(reading).goods_items[0].description == "Shirt"
    assert FORM.recognises((header + end).encode())


def test_quoted_cells_hold_delimiters_quotes_and_line_breaks() -> None:
    first, second = read('A,"Shirt, ""blue""\nlong sleeves",1,EUR,', 'B,19" monitor,2,EUR,')
    assert only(first).goods_items[0].description == 'Shirt, "blue"\nlong sleeves'
    assert only(second).goods_items[0].description == '19" monitor'


def test_each_kind_of_column_and_repeated_groups() -> None:
    header = (
        "functional_reference_id,function,consignment.posted_on,issued_at,goods_item_count,guarantee_ids,"
        "goods_item.documents.type_code,goods_item.documents[2].document_id,goods_item.additional_procedure_codes"
    )
    (reading,) = read("A,amendment,2026-06-10,2026-06-15T10:00:00Z,1,G1|G2,N740,D2,C07|F48", header=header)
    declaration = only(reading)
    assert declaration.consignment.posted_on == date(2026, 6, 10)
    assert declaration.guarantee_ids == ("G1", "G2")
    assert declaration.goods_items[0].documents == (Document(type_code="N740"), Document(document_id="D2"))
    assert declaration.goods_items[0].additional_procedure_codes == ("C07", "F48")


# rows, rule, place, a word
FAULTS = [
    (['A,Shirt,"1,50",EUR,'], "message.number", "row 2, column goods_item.invoice_price.amount", "1,50"),
    (["A,Shirt,1E5,EUR,"], "message.number", "row 2, column goods_item.invoice_price.amount", "decimal"),
    (["A,Shirt,NaN,EUR,"], "message.number", "row 2, column goods_item.invoice_price.amount", "decimal"),
    (["A,Shirt," + "1" * 30 + ",EUR,"], "message.number", "row 2, column goods_item.invoice_price.amount", "too large"),
    (["A,Shirt,1,EUR,", "A,Shoe,2,,"], "message.missing", "row 3, column goods_item.invoice_price.currency", "empty"),
    (["A,Shirt,1,EUR,X", "A,Shoe,2,EUR,Y"], "message.conflict", "row 3, column consignor.name", "row 2"),
    (["A,Shirt,1,EUR,", "A,Shoe,2,EUR,Y"], "message.conflict", "row 3, column consignor.name", "empty cell"),
    (["A,Shirt,1,EUR,Shop,Oslo"], "message.malformed", "row 2", "6 cells"),
    (['A,"Shirt"x,1,EUR,'], "message.malformed", "row 2", "expected"),
    (['A,"Shirt,1,EUR,'], "message.malformed", "row 2", "never closed"),
    (["A,Sh\x00irt,1,EUR,"], "message.character", "row 2, column goods_item.description", "U+0000"),
    (["A," + "x" * 110_000 + ",1,EUR,"], "message.limit", "row 2, column goods_item.description", "110,000"),
    (["A," + "x" * 1_000_000 + ",1,EUR,"], "message.limit", "row 2", "100,000"),
]


@pytest.mark.parametrize(("rows", "rule", "place", "word"), FAULTS)
def test_a_fault_is_named_with_row_and_column_and_the_next_declaration_is_read(
    rows: list[str], rule: str, place: str, word: str
) -> None:
    faulty, good = read(*rows, "Z,Hat,3,EUR,Store")
    (finding,) = faulty.findings
    assert (finding.rule_id, finding.place) == (rule, place)
    assert word in finding.words
    assert finding.hint
    assert only(good).functional_reference_id == "Z"
    assert good.findings == ()


@pytest.mark.parametrize(
    ("header", "cell", "rule"),
    [
        ("consignment.posted_on", "15/06/2026", "message.date"),
        ("consignment.posted_on", "2026-02-30", "message.date"),
        ("issued_at", "2026-06-15", "message.date"),
        ("issued_at", "2026-06-15T10:00:00", "message.date"),
        ("goods_item_count", "two", "message.number"),
        ("goods_item_count", "99999999999", "message.number"),
        ("function", "new", "message.choice"),
    ],
)
def test_cells_that_cannot_be_read(header: str, cell: str, rule: str) -> None:
    (reading,) = read(f"A,{cell}", header=f"functional_reference_id,{header}")
    (finding,) = reading.findings
    assert (finding.rule_id, finding.place) == (rule, f"row 2, column {header}")
    assert only(reading).functional_reference_id == "A"


def test_text_that_is_not_utf8_is_placed() -> None:
    message = HEADER.encode() + b"\nA,ok,1,EUR,x\nB,ok,1,EUR,J\xf8rgen\nC,ok,1,EUR,x\n"
    readings = [FORM.read(record.body) for record in FORM.split(io.BytesIO(message))]
    assert [len(reading.findings) for reading in readings] == [0, 1, 0]
    assert readings[1].findings[0].place == "row 3, column consignor.name"
    assert readings[1].findings[0].rule_id == "message.encoding"


def test_text_that_is_not_utf8_is_placed_behind_a_cell_beyond_the_limit() -> None:
    row = b'"A' + b"x" * 200_000 + b'",J\xf8rgen,1,EUR,x'
    (record,) = FORM.split(io.BytesIO(HEADER.encode() + b"\n" + row + b"\n"))
    assert FORM.read(record.body).findings[0].rule_id == "message.encoding"


@pytest.mark.parametrize(
    ("message", "word"),
    [
        (b"", "empty"),
        (HEADER.encode(), "no row"),
        (b"a,b\n1,2\n", "no column of the header is known"),
        (b"goods_item.sku,goods_item.gtin\n1,2\n", "functional_reference_id is missing"),
        (b"functional_reference,goods_item.gtin\n1,2\n", "functional_reference_id is missing"),
        (b"functional_reference_id,goods_item.sku,Goods_Item.SKU\n1,2,3\n", "stands twice"),
        (HEADER.encode("utf-16"), "UTF-16"),
        (HEADER.replace(",", "\xe9,").encode("latin-1") + b"\n", "not UTF-8"),
        (HEADER.encode() + b"\rA,b,1,EUR,c\r", "carriage return"),
        (b"a\rb\n1\n", "carriage return"),
        (b'"' + b"x" * 200_000 + b'"\n1\n', "no column of the header is known"),
        (b"functional_reference_id" + b",x" * 3000 + b"\n1\n", "3,001 columns"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(message: bytes, word: str) -> None:
    with pytest.raises(MessageError) as caught:
        list(FORM.split(io.BytesIO(message)))
    assert word in caught.value.detail
    assert caught.value.hint
    assert caught.value.place.startswith("row ")


@pytest.mark.parametrize("head", [b"a\rb\n1\n", b'0\r"\n', b'"' + b"x" * 200_000])
def test_what_is_no_table_is_not_taken_for_one(head: bytes) -> None:
    assert not FORM.recognises(head)


def test_an_unknown_column_that_cannot_be_named_is_reported_and_the_rest_is_read() -> None:
    (reading,) = read("A,\x01,2", header="functional_reference_id,no\x01name,goods_item.sku")
    assert reading.declaration is not None
    assert reading.declaration.functional_reference_id == "A"
    assert "message.character" in {finding.rule_id for finding in reading.findings}


def test_unknown_columns_are_kept_noted_and_written_back() -> None:
    (reading,) = read(
        "A,Shirt,red,x", "A,Shoe,,", header="functional_reference_id,goods_item.description,Colour,comodity_code"
    )
    assert reading.findings == ()
    assert only(reading).extras[:-1] == (Extra("Colour[1]", "red"), Extra("comodity_code[1]", "x"))
    assert reading.notes[0].place == "row 2, column Colour"
    assert "goods_item.commodity_code" in reading.notes[1].words
    written = FORM.write([only(reading)])
    assert written.splitlines()[0].endswith(b",Colour,comodity_code")
    assert FORM.read(next(FORM.split(io.BytesIO(written))).body).declaration == reading.declaration


def test_offsets_and_positions_point_at_the_rows() -> None:
    message = f"\ufeff{HEADER}\r\nA,Shirt,1,EUR,\r\n\r\nB,Hat,2,EUR,\r\n".encode()
    records = list(FORM.split(io.BytesIO(message)))
    assert [record.position for record in records] == [1, 2]
    assert [message[record.offset : record.offset + 5] for record in records] == [b"A,Shi", b"B,Hat"]
    assert FORM.read(records[1].body).findings == ()
    assert FORM.locate(only(FORM.read(records[1].body)), "consignor.name") == "row 4, column consignor.name"


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("goods_items[2].commodity_code", "row 3, column goods_item.commodity_code"),
        ("goods_items[2].hs_code", "row 3, column goods_item.commodity_code"),
        ("goods_items[1].documents[1].type_code", "row 2, column goods_item.documents.type_code"),
        ("goods_items[1].documents[2].type_code", "row 2, column goods_item.documents[2].type_code"),
        ("consignor.address.country_code", "row 2, column consignor.address.country_code"),
        ("goods_items", "row 2"),
        ("", "row 2"),
    ],
)
def test_locates_by_row_and_column(pointer: str, place: str) -> None:
    (reading,) = read("A,Shirt,1,EUR,", "A,Shoe,2,EUR,")
    assert FORM.locate(only(reading), pointer) == place


def test_rows_of_items_are_located_even_with_blank_rows_between() -> None:
    (reading,) = read("A,Shirt,1,EUR,", "", "A,Shoe,2,EUR,")
    assert FORM.locate(only(reading), "goods_items[2].sku") == "row 4, column goods_item.sku"


def test_a_declaration_from_elsewhere_is_located_by_its_own_rows() -> None:
    assert FORM.locate(Declaration(), "goods_items[2].sku") == "row 2 of the declaration, column goods_item.sku"


def test_what_is_written_is_read_back() -> None:
    declarations = [
        Declaration(
            functional_reference_id="A",
            consignor=Party(name="Søn, & Co", address=Address(line='1 "Old"\nRoad', country_code="DK")),
            additional_information=(
                AdditionalInformation(statement_code="00500"),
                AdditionalInformation(statement="x"),
            ),
            consignment=Consignment(gross_mass_kg=Decimal("0.000001"), package_count=1),
            goods_items=(
                GoodsItem(line_no=1, additional_codes=("A|B", "C"), freight=Money(Decimal("1E+3"), "DKK")),
                GoodsItem(line_no=2, transport_documents=(Document(), Document(type_code="N740"))),
            ),
        ),
        Declaration(functional_reference_id="B"),
    ]
    written = FORM.write(declarations)
    readings = [FORM.read(record.body) for record in FORM.split(io.BytesIO(written))]
    assert [msgspec.structs.replace(only(reading), extras=()) for reading in readings] == declarations


def test_rows_of_one_declaration_beyond_the_limit_are_refused_and_the_next_is_read() -> None:
    row = "A," + "x" * 90_000 + ",1,EUR,"
    faulty, good = read(*[row] * (RECORD_BYTES_MAX // 90_000 + 20), "Z,Hat,3,EUR,Store")
    assert faulty.declaration is None
    assert faulty.findings[0].rule_id == "message.limit"
    assert only(good).functional_reference_id == "Z"


def test_a_stray_quote_costs_one_row_only() -> None:
    readings = read('A,"Shirt,1,EUR,', *[f"B{no},Hat,3,EUR," for no in range(50)])
    assert len(readings) == 51
    assert [bool(reading.findings) for reading in readings] == [True] + [False] * 50


def test_every_column_is_found_by_its_name_and_by_sloppy_spelling() -> None:
    for each in columns():
        assert column(each.name) == each
        assert column(f" {each.name.upper().replace('_', ' ')} ") == each


@pytest.mark.parametrize(
    "name",
    [
        "",
        "goods_items",
        "goods_item",
        "consignor",
        "extras.path",
        "sku",
        "goods_item.documents[0].type_code",
        "consignor[1].name",
        "a.b",
    ],
)
def test_names_that_are_no_columns(name: str) -> None:
    assert column(name) is None


@pytest.mark.parametrize(
    ("header", "wanted"),
    [("comodity_code", "goods_item.commodity_code"), ("Description", "goods_item.description"), ("zzz", "")],
)
def test_the_nearest_column_is_suggested(header: str, wanted: str) -> None:
    assert nearest(header) == wanted
