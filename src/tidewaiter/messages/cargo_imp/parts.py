"""Parts of teletype texts that several messages share: quantities, parties, customs lines, rate lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from tidewaiter.messages.air_cargo.oci import Line
from tidewaiter.messages.cargo_imp.lines import Segment
from tidewaiter.model.declaration import Address, Party

# "T2K35MC0.12": how much of the shipment (T all, S or P a part), pieces, kilograms or pounds, the weight, the rest.
_QUANTITY: Final = re.compile(r"([A-Z]?)([0-9]*)(?:([KL])([0-9.]*))?(.*)", re.DOTALL)
_PLACES: Final = re.compile(r"([0-9]{3}-?[0-9]{1,8})?([A-Z]{3})?([A-Z]{3})?(?:/(.*))?", re.DOTALL)
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_VOLUME: Final = re.compile(r"(?:MC|CF|CI|CC|DG|T[0-9]|/|$)")


class Quantity(Struct, frozen=True):
    """Pieces and mass as they stand; "" for what is not there. `is_odd` where something stands in their place."""

    pieces: str = ""
    unit: str = ""
    mass: str = ""
    odd_pieces: str = ""
    odd_mass: str = ""


class Waybill(Struct, frozen=True):
    """The line of a waybill: its number, airports, quantity, and what follows the slash after that."""

    number: str
    origin: str
    destination: str
    quantity: Quantity
    rest: str


def waybill(text: str) -> Waybill:
    """A line such as `000-12345623BERYVR/T2K35MC0.12`, or the same after MBI."""
    found = _PLACES.fullmatch(text.strip())
    if not found:
        return Waybill("", "", "", Quantity(), text)
    number = found[1] or ""
    if number and "-" not in number:
        number = f"{number[:3]}-{number[3:]}"
    first, _, rest = (found[4] or "").partition("/")
    return Waybill(number, found[2] or "", found[3] or "", quantity(first), rest)


def quantity(text: str) -> Quantity:
    """A quantity detail."""
    found = _QUANTITY.fullmatch(text)
    assert found is not None
    pieces, unit, mass, rest = found[2], found[3] or "", found[4] or "", found[5]
    odd_pieces = odd_mass = ""
    if not pieces and not unit and rest and not _VOLUME.match(rest):
        odd_pieces = rest
    elif unit and not mass and not _VOLUME.match(rest):
        odd_mass = rest
    return Quantity(pieces, unit, mass, odd_pieces, odd_mass)


def party(segment: Segment, *, has_name_first: bool) -> tuple[Party, str]:
    """A shipper or consignee, and what stands after the code: an account, or in old house waybills the name."""
    account, rows = segment.first, list(segment.others)
    if not any(row[:3] in ("NAM", "ADR", "LOC") for row in rows):
        if has_name_first:
            rows, account = [f"/{account}", *rows], ""
        return _by_position([row.removeprefix("/") for row in rows]), account
    if has_name_first and account:
        rows, account = [f"NAM/{account}", *rows], ""
    return _by_name(rows), account


def _by_name(rows: Sequence[str]) -> Party:
    """Rows that say which they are: NAM, ADR, LOC; the row after LOC begins with the country."""
    said: dict[str, list[str]] = {"NAM": [], "ADR": [], "LOC": []}
    tag, country = "", ""
    for row in rows:
        if row[:3] in said and row[3:4] in ("/", ""):
            tag = row[:3]
            said[tag].append(row[4:])
        elif tag == "LOC":
            country = country or row.removeprefix("/")
        elif tag:
            said[tag].append(row.removeprefix("/"))
    return _party(said["NAM"], said["ADR"], said["LOC"][0] if said["LOC"] else "", country)


def _by_position(rows: Sequence[str]) -> Party:
    """Rows in their order: name, street, place, country."""
    left, country = list(rows), ""
    if len(left) > 3 or (left and _COUNTRY.fullmatch(left[-1].partition("/")[0])):
        country = left.pop()
    name = left[:1]
    place = left.pop() if len(left) > 1 else ""
    return _party(name, left[1:], place, country)


def _party(name: Sequence[str], street: Sequence[str], place: str, country: str) -> Party:
    city, _, subdivision = place.partition("/")
    code, _, rest = country.partition("/")
    postcode, *contacts = rest.split("/") if rest else [""]
    telephone = next((number for kind, number in zip(contacts[::2], contacts[1::2], strict=False) if kind == "TE"), "")
    address = Address(
        line=_joined(street),
        city=_joined([city]),
        postcode=postcode.strip(),
        subdivision=_joined([subdivision.partition("/")[0]]),
        country_code=code.strip(),
    )
    return Party(name=_joined(name), address=address if address != Address() else None, phone=telephone.strip())


def customs_lines(segment: Segment, place: str) -> Iterator[Line]:
    """The lines of an OCI segment."""
    for row in (segment.first, *(row.removeprefix("/") for row in segment.others)):
        country, subject, identifier, text = [*row.split("/", 3), "", "", ""][:4]
        yield Line(country.strip(), subject.strip(), identifier.strip(), text.strip(), place)


class Rate(Struct):
    """A rate line: what it weighs, what is in it, its measurements."""

    pieces: str = ""
    unit: str = ""
    mass: str = ""
    descriptions: list[str] = []
    commodity_codes: list[str] = []
    origins: list[str] = []
    measured: list[str] = []  # pieces of each measurement
    is_consolidated: bool = False


def rates(segment: Segment) -> tuple[Rate, ...]:
    """The rate lines of an RTD segment with what is said below them."""
    found: list[Rate] = []
    for row in (segment.first, *segment.others):
        fields = row.removeprefix("/").split("/")
        if fields and _is_count(fields[0]):
            fields = fields[1:]
        if not fields or not fields[0]:
            continue
        if _begins_rate(fields[0]) or not found:
            found.append(Rate(descriptions=[], commodity_codes=[], origins=[], measured=[]))
        _read_rate(found[-1], fields)
    return tuple(found)


def _is_count(field: str) -> bool:
    """Whether a field is a number: of Arabic digits, as the message has them (`str.isdigit` takes others, and ² too)."""
    return field.isascii() and field.isdigit()


def _begins_rate(field: str) -> bool:
    return re.fullmatch(r"P[0-9]*|[KL][0-9.]+", field) is not None


def _read_rate(rate: Rate, fields: Sequence[str]) -> None:
    kind, rest = fields[0], "/".join(fields[1:])
    match kind:
        case "NG" | "NC":
            rate.is_consolidated = rate.is_consolidated or kind == "NC"
            rate.descriptions.append(rest)
        case "NH":
            rate.commodity_codes.append(rest.strip())
        case "NO":
            rate.origins.append(rest.strip())
        case "ND":
            last = fields[-1].strip()
            if len(fields) > 2 and _is_count(last):
                rate.measured.append(last)
        case _:
            for field in fields:
                if re.fullmatch(r"P[0-9]+", field) and not rate.pieces:
                    rate.pieces = field[1:]
                elif re.fullmatch(r"[KL][0-9.]+", field) and not rate.mass:
                    rate.unit, rate.mass = field[0], field[1:]


def _joined(rows: Sequence[str]) -> str:
    return " ".join(" ".join(rows).split())
