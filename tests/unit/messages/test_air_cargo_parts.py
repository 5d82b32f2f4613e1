"""Airports, customs lines and numbers of air waybills."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tidewaiter.messages.air_cargo import oci, values
from tidewaiter.messages.air_cargo.airports import country_of
from tidewaiter.messages.air_cargo.oci import Line
from tidewaiter.model.declaration import Consignment, Declaration, Document, Party


@pytest.mark.parametrize(
    ("code", "country"),
    [("YVR", "CA"), ("cdg", "FR"), ("LON", "GB"), ("MIL", "IT"), ("QQQ", ""), ("", ""), ("Y" * 50, "")],
)
def test_the_country_of_an_airport_or_city(code: str, country: str) -> None:
    assert country_of(code) == country


@pytest.mark.parametrize(
    ("text", "unit", "kg"),
    [("10", "KGM", "10"), ("10.50", "K", "10.50"), ("10", "", "10"), ("1", "LBR", "0.454"), ("220.5", "L", "100.017")],
)
def test_masses_in_two_units(text: str, unit: str, kg: str) -> None:
    assert values.mass_in_kg(text, unit) == Decimal(kg)


@pytest.mark.parametrize("text", ["", "x", "1,5", "NaN", "1e5", "9" * 30, "1.2.3", "٣"])
def test_what_is_no_mass(text: str) -> None:
    with pytest.raises(values.Faulty):
        values.mass_in_kg(text, "K")


def test_a_unit_nobody_weighs_air_cargo_in() -> None:
    with pytest.raises(values.Faulty):
        values.mass_in_kg("1", "STN")


@pytest.mark.parametrize(("text", "number"), [("3", 3), ("3.0", 3), ("007", 7)])
def test_counts(text: str, number: int) -> None:
    assert values.count(text) == number


@pytest.mark.parametrize("text", ["", "-1", "3.5", "1e3", "9" * 12, "²"])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(values.Faulty):
        values.count(text)


def lines(*rows: str) -> list[Line]:
    return [Line(*row.split("/"), f"line {at}") for at, row in enumerate(rows, start=1)]


def test_lines_on_parties_documents_and_the_consignment() -> None:
    rows = lines("CA/SHP/T/1-2", "CA/CNE/CP/Ann", "CA/CNE/CT/+1", "CA/IMP/M/26CA1", "CA//U/UCR-1", "CA/AGT/T/9")
    declared, notes = oci.interpret(Declaration(), rows)
    assert declared.consignor == Party(party_id="1-2")
    assert declared.consignee == Party(contact_name="Ann", phone="+1")
    assert declared.representative == Party(party_id="9")
    assert declared.previous_documents == (Document(type_code="NMRN", document_id="26CA1"),)
    assert declared.consignment == Consignment(ucr="UCR-1")
    assert notes == ()


def test_what_the_message_says_itself_stands_and_a_second_identifier_is_noted() -> None:
    declared, notes = oci.interpret(Declaration(consignor=Party(party_id="A")), lines("CA/SHP/T/B", "CA/SHP/T/A"))
    assert declared.consignor == Party(party_id="A")
    assert [(note.place, note.value) for note in notes] == [("line 1", "B")]


def test_a_code_means_another_thing_in_a_security_declaration() -> None:
    rows = lines("IE/ISS/RA/00001-01", "//ED/0127", "US/AGT/RA/77", "/DNR/D/UN1234")
    _, notes = oci.interpret(Declaration(), rows)
    assert [note.words.split(" (")[0] for note in notes] == [
        "regulated agent",
        "day until which the agent or consignor is approved",
        "regulated agent in a pre-loading filing",
        "dangerous goods",
    ]


def test_lines_without_end_are_noted_not_interpreted() -> None:
    rows = [Line("CA", "IMP", "M", str(at), "x") for at in range(oci.LINES_MAX + 5)]
    declared, notes = oci.interpret(Declaration(), rows)
    assert len(declared.previous_documents) == oci.LINES_MAX
    assert len(notes) == 5


def test_where_a_waybill_is_for() -> None:
    declared, notes = values.routed(Declaration(), "ORK", "YVR", "p")
    assert (declared.jurisdiction_code, declared.consignment.export_country_code) == ("CA", "IE")
    assert notes == ()
    unknown, notes = values.routed(Declaration(), "", "", "p")
    assert unknown.jurisdiction_code == ""
    assert "not known" in notes[0].words


@pytest.mark.parametrize(
    ("day", "issued", "flies"),
    [
        ("08", "06JAN23", date(2023, 1, 8)),
        ("06", "06JAN23", date(2023, 1, 6)),
        ("02", "30DEC25", date(2026, 1, 2)),
        ("29", "28FEB24", date(2024, 2, 29)),
        ("05", "06JAN23", None),  # booked for the day before: a month is not guessed
        ("31", "30NOV23", None),
        ("", "06JAN23", None),
        ("8", "6JAN23", None),
        ("08", "06JAM23", None),
        ("08", "31FEB23", None),
    ],
)
def test_the_day_of_a_flight_follows_that_of_issue(day: str, issued: str, flies: date | None) -> None:
    assert values.flight_day(day, issued) == flies


def test_countries_on_the_way_are_those_of_the_airports() -> None:
    assert values.countries_of(["BER", "MUC", "IST", "", "???", "YUL"]) == ("DE", "TR", "CA")
