"""Values that waybills in XML and in text share: masses in two units, counts, kinds of document, whose customs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from itertools import groupby
from typing import Final

from msgspec.structs import replace

from tidewaiter.messages.air_cargo.airports import country_of
from tidewaiter.messages.faults import Fault, fault, seen
from tidewaiter.messages.leaves import is_sane
from tidewaiter.messages.limits import WHOLE_NUMBER_MAX
from tidewaiter.model.declaration import Declaration, Document
from tidewaiter.model.finding import Finding, MappingNote, Severity

PRE_LOADING: Final = "PLACI"  # pre-loading advance cargo information: one waybill
HOUSE_MANIFEST: Final = "HOUSE_MANIFEST"  # the house waybills under one master waybill
FLIGHT_MANIFEST: Final = "FLIGHT_MANIFEST"  # the master waybills on one flight

# UN/EDIFACT 1001 (document name code), as the messages have it.
HOUSE: Final = "703"
DIRECT: Final = "740"
CONSOLIDATED: Final = "741"
MANIFEST: Final = "785"

MASS_UNIT: Final = "air_cargo.mass_unit"
PIECES: Final = "air_cargo.pieces"
CONSOLIDATION: Final = "air_cargo.consolidation"
HOUSE_NUMBER: Final = "air_cargo.house_number"
HOUSE_NUMBER_MAX: Final = 35  # Transport Canada, PACT Technical Implementation Guide 1.9, table 7

KG_IN_POUND: Final = Decimal("0.45359237")  # International yard and pound agreement, 1959
_DAYS_AHEAD: Final = 15
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ISSUED: Final = re.compile(r"([0-9]{2})([A-Z]{3})([0-9]{2})")
_GRAM: Final = Decimal("0.001")
_CONSOLIDATED = re.compile(r"\s*CONSOL(?:\b|I|S)", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,30}(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")


class Faulty(ValueError):
    """A value that is none."""


def mass_in_kg(text: str, unit: str) -> Decimal:
    """A mass as a number in kilograms; `unit` is K, KGM or "" for kilograms, L or LBR for pounds. Raises Faulty."""
    number = decimal(text)
    if unit.upper() in ("L", "LBR", "LB", "LBS"):
        return (number * KG_IN_POUND).quantize(_GRAM, ROUND_HALF_UP)
    if unit.upper() not in ("", "K", "KGM", "KG", "KGS"):
        raise Faulty(unit)
    return number


def decimal(text: str) -> Decimal:
    """A number. Raises Faulty."""
    if not _NUMBER.fullmatch(text) or len(text) > 40:
        raise Faulty(text)
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise Faulty(text) from error
    if not is_sane(number):
        raise Faulty(text)
    return number


def count(text: str) -> int:
    """A whole number, not below zero. Raises Faulty."""
    if not _DIGITS.fullmatch(text):
        raise Faulty(text)
    number = int(text.partition(".")[0])
    if number > WHOLE_NUMBER_MAX:
        raise Faulty(text)
    return number


def countries_of(airports: Iterable[str]) -> tuple[str, ...]:
    """The countries that airports lie in, in order; one that follows itself once, unknown airports left out."""
    found = (country_of(each) for each in airports if each)
    return tuple(country for country, _ in groupby(country for country in found if country))


def flight_day(day: str, issued: str) -> date | None:
    """The day of a flight that a waybill names by its day of the month: the first such day from the day of issue on.

    `issued` is as `06JAN23`. None where one of them is no day, or the flight would be more than two weeks later: a waybill
    may be issued after its flight was booked for an earlier day, and a month is not guessed.
    """
    found = _ISSUED.fullmatch(issued.upper())
    if found is None or found[2] not in _MONTHS:
        return None
    try:
        number = count(day)
        begun = date(2000 + int(found[3]), _MONTHS.index(found[2]) + 1, int(found[1]))
    except (Faulty, ValueError):
        return None
    ahead = (begun + timedelta(days=days) for days in range(_DAYS_AHEAD))
    return next((each for each in ahead if each.day == number), None)


def not_a_number(pointer: str, words: str, value: str, place: str) -> Finding:
    """A mass or count that cannot be read."""
    return fault(Fault.NUMBER, pointer, words, value=value, hint="Digits, with a point before decimals.", place=place)


def no_unit(pointer: str, value: str, place: str) -> Finding:
    """A mass whose unit is not said."""
    words = "The mass has no unit; it was read as kilograms."
    return Finding(MASS_UNIT, Severity.ERROR, pointer, words, seen(value), "Say KGM or LBR.", place)


def pieces_differ(line: int, pieces: int, measured: int, place: str) -> Finding:
    """The pieces of a line, and those whose measurements are given, are not the same number."""
    return Finding(
        PIECES,
        Severity.ERROR,
        f"goods_items[{line}].packagings[1].count",
        f"There are {pieces} pieces, but measurements of {measured}: how many there are is not certain.",
        str(pieces),
        "Give the measurements of each piece, or the number of pieces that there are.",
        place,
    )


def on_numbers(declaration: Declaration) -> list[Finding]:
    """What is wrong with the numbers and the kind of a waybill."""
    found = []
    number = next((each.document_id for each in declaration.consignment.transport_documents), "")
    if declaration.type_code == HOUSE and len(number) > HOUSE_NUMBER_MAX:
        words = f"The house waybill number has {len(number)} characters; at most {HOUSE_NUMBER_MAX} are taken."
        pointer = "consignment.transport_documents[1].document_id"
        hint = "Send the number as it stands on the house waybill."
        found.append(Finding(HOUSE_NUMBER, Severity.ERROR, pointer, words, seen(number), hint))
    if declaration.type_code == DIRECT:
        for line, item in enumerate(declaration.goods_items, start=1):
            if _CONSOLIDATED.match(item.description):
                words = "This reads like a consolidation, but the waybill is marked as a direct shipment."
                hint = "Mark the master waybill as a consolidation (741, NC) and send its house waybills."
                pointer = f"goods_items[{line}].description"
                found.append(Finding(CONSOLIDATION, Severity.ERROR, pointer, words, seen(item.description), hint))
                break
    return found


def of_master(manifest: Declaration) -> Declaration:
    """A house manifest with its master waybill as its transport document: under that number it is found."""
    number = manifest.consignment.master_document_id
    documents = (Document(type_code=f"N{CONSOLIDATED}", document_id=number),) if number else ()
    return replace(manifest, consignment=replace(manifest.consignment, transport_documents=documents))


def routed(
    declaration: Declaration, origin: str, destination: str, place: str
) -> tuple[Declaration, tuple[MappingNote, ...]]:
    """The declaration with the countries of origin and destination, and whose customs it is for.

    That is the country of the airport of destination, or where its code is not known, that of the consignee.
    """
    sent_to = declaration.consignee.address if declaration.consignee else None
    sent_from = declaration.consignor.address if declaration.consignor else None
    country = country_of(destination)
    whose = country or (sent_to.country_code if sent_to else "")
    consignment = replace(
        declaration.consignment,
        destination_country_code=whose,
        export_country_code=country_of(origin) or (sent_from.country_code if sent_from else ""),
    )
    routed_so = replace(declaration, consignment=consignment, jurisdiction_code=whose)
    if country:
        return routed_so, ()
    said = f"taken to be for {whose}, the consignee's country" if whose else "whose customs it is for is not known"
    words = f"no airport or city is known by this code; {said}"
    return routed_so, (MappingNote(place, seen(destination), words),)
