"""EDIFACT interchanges: syntax, counts, repertoires, and what segments mean by the table."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tidewaiter.messages import forms
from tidewaiter.messages.edifact import EdifactForm
from tidewaiter.messages.edifact.syntax import DEFAULT, LEVEL_B, parsed, separators_of
from tidewaiter.messages.form import Reading
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.errors import MessageError
from tidewaiter.model.money import Money
from tidewaiter.workflow.targets import targets

FORM = EdifactForm()
HEAD = ["BGM+785+M1+9", "DTM+137:202606151000:203", "LOC+22+GBLHR", "LOC+36+GB", "TDT+20+BA811+4", "CUX+2:DKK"]
FIRST = [
    "CNI+1+RR123456785DK",
    "RFF+UCN:OWN-1",
    "NAD+CZ+++Ane Eksempel+Vej 1+Odense++5000+DK",
    "CTA+IC+:Ane",
    "COM+ane@example.com:EM",
    "NAD+CN+++Pat Example+1 High St:Flat 2+Leeds++LS1 1AA+GB",
    "MOA+39:120,00",
    "MEA+WT+G+GRM:600",
    "GID+1+1:BX",
    "FTX+AAA+++Wool socks?+:knitted",
    "CST+1+61159400",
    "MOA+38:120.00:DKK",
    "MEA+AAE+AAL+KGM:0.2",
    "LOC+27+DK",
    "QTY+47:2:PCE",
    "DOC+911+L-1",
]
SECOND = ["CNI+2+RR123456799DK", "FTX+AAA+++Printed papers"]


def interchange(*segments: str, level: str = "UNOC", kind: str = "CUSCAR:D:00A:UN", count: int = 0) -> bytes:
    own = [f"UNH+1+{kind}", *segments]
    own.append(f"UNT+{count or len(own) + 1}+1")
    text = "'\r\n".join([f"UNB+{level}:3+DKPOST+GBCUST+260615:1000+42", *own, "UNZ+1+42"]) + "'\r\n"
    return text.encode("latin-1")


def read(body: bytes) -> list[Reading]:
    assert forms.detect(body).name == "edifact"
    return [FORM.read(record.body) for record in FORM.split(io.BytesIO(body))]


def declared(body: bytes) -> list[Declaration]:
    readings = read(body)
    assert [finding for reading in readings for finding in reading.findings] == []
    return [reading.declaration for reading in readings if reading.declaration is not None]


def test_each_consignment_of_a_cargo_report_is_a_declaration() -> None:
    first, second = declared(interchange(*HEAD, *FIRST, *SECOND))
    assert first.functional_reference_id == "RR123456785DK"
    assert first.function is MessageFunction.ORIGINAL
    assert first.consignment.transport_documents[0].type_code == "N750"
    assert (first.jurisdiction_code, first.lodgement_office_id) == ("GB", "GBLHR")
    assert first.issued_at == datetime(2026, 6, 15, 10, tzinfo=UTC)
    assert first.consignment.gross_mass_kg == Decimal("0.600")
    assert first.invoice_amount == Money(Decimal("120.00"), "DKK")  # the currency of CUX, a comma for the point
    assert first.consignor is not None
    assert (first.consignor.contact_name, first.consignor.email) == ("Ane", "ane@example.com")
    assert first.consignee is not None
    assert first.consignee.address is not None
    assert first.consignee.address.line == "1 High St, Flat 2"
    (line,) = first.goods_items
    assert line.description == "Wool socks+ knitted"
    assert (line.commodity_code, line.origin_country_code) == ("61159400", "DK")
    assert (line.net_mass_kg, line.quantity, line.quantity_unit) == (Decimal("0.2"), Decimal(2), "PCE")
    assert line.invoice_price == Money(Decimal("120.00"), "DKK")
    assert [(packaging.type_code, packaging.count) for packaging in line.packagings] == [("BX", 1)]
    assert [(document.type_code, document.document_id) for document in line.documents] == [("911", "L-1")]
    assert second.functional_reference_id == "RR123456799DK"
    assert [item.description for item in second.goods_items] == ["Printed papers"]
    assert second.consignor is None


def test_a_declaration_without_consignments_is_one_record_with_its_items_in_the_detail_section() -> None:
    body = interchange(
        "BGM+929+D-1+9", "CST++N20::95", "NAD+IM+GB123456789000", "UNS+D",
        "LIN+1", "CST+1+61159400", "FTX+AAA+++Socks", "MOA+38:10:GBP",
        "LIN+2", "CST+2+650500", "FTX+AAA+++Hats", "MOA+38:5:GBP",
        "UNS+S", "MOA+39:15:GBP", kind="CUSDEC:D:00A:UN",
    )  # fmt: skip
    (own,) = declared(body)
    assert own.functional_reference_id == "D-1"
    assert [(item.commodity_code, item.description) for item in own.goods_items] == [
        ("61159400", "Socks"),
        ("650500", "Hats"),
    ]
    assert own.invoice_amount == Money(Decimal(15), "GBP")
    assert own.importer is not None
    assert own.importer.party_id == "GB123456789000"
    assert [extra.path for extra in own.extras if extra.path != "segments"] == ["segment 3 CST"]


def test_what_is_not_understood_is_kept_and_noted_with_its_segment() -> None:
    first, _ = read(interchange(*HEAD, *FIRST, "GIS+1:2:3", "RFF+ZZZ:abc", *SECOND))
    assert [(note.place, note.value) for note in first.notes] == [
        ("segment 24 GIS", "GIS+1:2:3"),
        ("segment 25 RFF", "RFF+ZZZ:abc"),
    ]
    assert first.declaration is not None
    assert [extra.value for extra in first.declaration.extras[:2]] == ["GIS+1:2:3", "RFF+ZZZ:abc"]


def test_a_second_value_for_one_place_is_kept_beside_the_first() -> None:
    (own,) = declared(interchange(*HEAD, *FIRST, "LOC+27+SE"))
    assert own.goods_items[0].origin_country_code == "DK"
    assert [extra.value for extra in own.extras if extra.path != "segments"] == ["LOC+27+SE"]


def test_places_are_segments_counted_from_unh() -> None:
    first, second = declared(interchange(*HEAD, *FIRST, *SECOND))
    assert FORM.locate(first, "goods_items[1].commodity_code") == "segment 18 CST"
    assert FORM.locate(first, "consignor.address.city") == "segment 10 NAD"
    assert FORM.locate(first, "issued_at") == "segment 3 DTM"
    assert FORM.locate(second, "goods_items[1].description") == "segment 25 FTX"
    assert FORM.locate(second, "consignee") == "segment 24 CNI"  # which nothing said: where the consignment begins


@pytest.mark.parametrize(
    ("segment", "code", "pointer", "place"),
    [
        ("MOA+64:1e9:DKK", "message.number", "freight", "segment 9 MOA, element 1.2"),
        ("DTM+132:20260231:102", "message.date", "consignment.arrival_on", "segment 9 DTM, element 1.2"),
        ("MEA+WT+G+KGM:heavy", "message.number", "consignment.gross_mass_kg", "segment 9 MEA, element 3.2"),
        ("PAC+two", "message.number", "", "segment 9 PAC, element 1"),
        ("", "message.malformed", "", "segment 9"),
    ],
)
def test_what_is_wrong_is_told_with_segment_and_element(segment: str, code: str, pointer: str, place: str) -> None:
    (reading,) = read(interchange(*HEAD, "CNI+1+RR123456785DK", segment))
    (finding,) = reading.findings
    assert (finding.rule_id, finding.pointer, finding.place) == (code, pointer, place)


def test_an_amount_without_any_currency_is_told() -> None:
    (reading,) = read(interchange("BGM+785+M1+9", "CNI+1+RR123456785DK", "MOA+39:5"))
    assert [(finding.rule_id, finding.place) for finding in reading.findings] == [
        ("message.missing", "segment 4 MOA, element 1.3")
    ]


def test_a_function_that_is_none_is_told() -> None:
    (reading,) = read(interchange("BGM+785+M1+77", "CNI+1+RR123456785DK"))
    assert [(finding.rule_id, finding.place) for finding in reading.findings] == [
        ("message.choice", "segment 2 BGM, element 3")
    ]
    (own,) = declared(interchange("BGM+785+M1+1", "CNI+1+RR123456785DK"))
    assert own.function is MessageFunction.CANCELLATION


# --- counts --------------------------------------------------------------------------------------------------------


def test_a_message_whose_segments_are_miscounted_is_refused_as_a_whole() -> None:
    readings = read(interchange(*HEAD, *FIRST, *SECOND, count=99))
    assert [finding.rule_id for reading in readings for finding in reading.findings] == ["message.truncated"] * 2
    assert "UNT counts “99” segments, and 26 are there" in readings[0].findings[0].words


def test_several_messages_and_several_interchanges_are_read_in_order() -> None:
    one = interchange(*HEAD, *FIRST)
    two = one.replace(b"UNZ+1+42", b"UNH+2+CUSCAR:D:00A:UN'BGM+785+M2+9'CNI+1+RR2'UNT+4+2'UNZ+2+42")
    assert [own.functional_reference_id for own in declared(two + b"\n" + one)] == [
        "RR123456785DK",
        "RR2",
        "RR123456785DK",
    ]


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        (b"UNZ+1+42", b"UNZ+2+42", "UNZ counts “2” messages, and 1 are there"),
        (b"UNZ+1+42", b"UNZ+1+43", "UNZ closes the interchange “43”, UNB opened “42”"),
        (b"UNZ+1+42'\r\n", b"", "has no UNZ"),
        (b"UNZ+1+42'", b"UNZ+1+4", "ends within a segment that begins with “UNZ[+]1[+]4"),
        (b"UNH+1", b"BGM+1", "stands outside any message"),
    ],
)
def test_an_interchange_that_cannot_be_followed_says_so_after_what_was_read(was: bytes, now: bytes, words: str) -> None:
    body = interchange(*HEAD, *FIRST).replace(was, now)
    found = FORM.split(io.BytesIO(body))
    if was.startswith(b"UNZ"):
        assert FORM.read(next(found).body).findings == ()
    with pytest.raises(MessageError, match=words):
        next(found)


def test_a_message_without_its_trailer_is_not_trusted() -> None:
    body = interchange(*HEAD, *FIRST).replace(b"UNT+24+1'\r\n", b"")
    (reading,) = read(body)
    assert [finding.rule_id for finding in reading.findings] == ["message.truncated"]


# --- syntax --------------------------------------------------------------------------------------------------------


def test_the_service_string_advice_names_the_separators() -> None:
    body = interchange(*HEAD, *FIRST).decode("latin-1")
    swapped = body.translate(str.maketrans("+:?'", "|^!~"))
    (own,) = declared(b"UNA^|.! ~" + swapped.encode("latin-1"))
    assert own.goods_items[0].description == "Wool socks| knitted"
    assert separators_of(b"UNB\x1dUNOB") is LEVEL_B
    assert separators_of(b"UNB+UNOA:1+") is DEFAULT


def test_without_a_release_character_none_is_looked_for() -> None:
    separators = separators_of(b"UNA:+.  '")
    assert separators.release == ""
    assert parsed("FTX+AAA+++What? yes'", separators).value(4) == "What? yes"


@pytest.mark.parametrize("advice", [b"UNA::.? '", b"UNA:+.?", b"UNAAB.? '"])
def test_an_advice_that_cannot_be_meant_is_refused(advice: bytes) -> None:
    with pytest.raises(MessageError, match="service string advice"):
        separators_of(advice)


@pytest.mark.parametrize(
    ("level", "charset"), [("UNOC", "latin-1"), ("UNOD", "iso8859-2"), ("UNOE", "iso8859-5"), ("UNOF", "iso8859-7"),
                           ("UNOK", "iso8859-9"), ("UNOY", "utf-8"), ("UNOW", "utf-8")]
)  # fmt: skip
def test_the_repertoire_that_unb_names_is_used(level: str, charset: str) -> None:
    name = {"iso8859-5": "Иван", "iso8859-7": "Ελένη", "iso8859-2": "Łódź"}.get(charset, "Jørgen")
    text = interchange(*HEAD, "CNI+1+RR1", "NAD+CZ+++NAME+Street", level=level).decode().replace("NAME", name)
    (own,) = declared(text.encode(charset))
    assert own.consignor is not None
    assert own.consignor.name == name


def test_utf_8_under_level_a_is_read_and_noted_and_other_bytes_are_told() -> None:
    body = interchange(*HEAD, "CNI+1+RR1", "NAD+CZ+++NAME", level="UNOA")
    (reading,) = read(body.replace(b"NAME", "Jørgen".encode()))
    assert [note.place for note in reading.notes] == ["segment 9"]
    assert reading.findings == ()
    (reading,) = read(body.replace(b"NAME", b"J\xf8rgen"))
    assert [(finding.rule_id, finding.place) for finding in reading.findings] == [("message.encoding", "segment 9")]


def test_a_message_of_another_directory_or_kind_is_read_and_noted() -> None:
    (reading,) = read(interchange(*HEAD, *FIRST, kind="ITMATT:1:1:UP"))
    assert [(note.place, note.value) for note in reading.notes] == [("segment 1 UNH", "ITMATT:1:1:UP")]
    assert reading.declaration is not None


def test_an_answer_of_customs_is_no_declaration() -> None:
    (reading,) = read(interchange("BGM+961", kind="CUSRES:D:00A:UN"))
    assert reading.declaration is None
    assert [finding.rule_id for finding in reading.findings] == ["message.unknown"]


def test_interchanges_are_not_written() -> None:
    with pytest.raises(MessageError, match="not written"):
        FORM.write([Declaration()])
    assert FORM.name in forms.READ_ONLY
    assert FORM.name not in targets()


def test_a_posting_day_is_read_from_either_date() -> None:
    (own,) = declared(interchange(*HEAD, "CNI+1+RR1", "DTM+143:20260612:102"))
    assert own.consignment.posted_on == date(2026, 6, 12)
