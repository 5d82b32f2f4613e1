"""Consignments of one voyage as ASYCUDA World's manifest (AWMDS).

UNCTAD, “Cargo Manifest: XML Message Description”, draft A.1.0, July 2019: names, formats and what is mandatory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from lxml import etree
from msgspec import Struct

from tidewaiter.messages.asycuda.tree import Branch, document, lines_of
from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.model.errors import MessageError

IMPORT_NATURE: Final = "23"  # Bol_nature: imports
_UNKNOWN_PACKAGE: Final = "PK"  # UNECE Recommendation 21: package
_MASS_PLACES: Final = Decimal("0.001")

# Mandatory elements with their longest length, by the segment they stand in: the draft's tables for air and post.
MANDATORY: Final = {
    "General_segment": {
        "General_segment_id/Customs_office_code": 5,
        "General_segment_id/Voyage_number": 17,
        "General_segment_id/Date_of_departure": 10,
        "Totals_segment/Total_number_of_bols": 18,
        "Totals_segment/Total_number_of_packages": 18,
        "Totals_segment/Total_number_of_containers": 18,
        "Totals_segment/Total_number_of_vehicles": 18,
        "Totals_segment/Total_gross_mass": 18,
        "Transport_information/Mode_of_transport_code": 3,
        "Transport_information/Identity_of_transporter": 27,
        "Transport_information/Nationality_of_transporter_code": 3,
        "Transport_information/Registration_number_of_transport_code": 35,
        "Transport_information/Master_information": 70,
        "Transport_information/Carrier/Carrier_code": 17,
        "Transport_information/Shipping_Agent/Shipping_Agent_code": 17,
        "Load_unload_place/Place_of_departure_code": 5,
        "Load_unload_place/Place_of_destination_code": 5,
    },
    "Bol_segment": {
        "Bol_id/Bol_reference": 17,
        "Bol_id/Line_number": 18,
        "Bol_id/Bol_nature": 2,
        "Bol_id/Bol_type_code": 3,
        "Load_unload_place/Place_of_loading_code": 5,
        "Load_unload_place/Place_of_unloading_code": 5,
        "Traders_segment/Exporter/Exporter_name": 75,
        "Traders_segment/Exporter/Exporter_address": 140,
        "Traders_segment/Consignee/Consignee_name": 75,
        "Traders_segment/Consignee/Consignee_address": 140,
        "Goods_segment/Number_of_packages": 18,
        "Goods_segment/Package_type_code": 2,
        "Goods_segment/Gross_mass": 18,
        "Goods_segment/Shipping_marks": 2000,
        "Goods_segment/Goods_description": 2000,
        "Goods_segment/Num_of_ctn_for_this_bol": 18,
        "Goods_segment/Num_of_vehicles_for_this_bol": 18,
    },
}


class Voyage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One flight or sailing, as who moves the goods knows it; places are UN/LOCODEs, codes those customs assigned."""

    office_id: str
    number: str
    departs_on: date
    arrives_on: date | None = None
    mode_code: str = "4"  # UNECE Recommendation 19: air
    transporter: str
    nationality_code: str
    registration: str
    master: str
    carrier_code: str
    agent_code: str
    departure_code: str
    destination_code: str


def write_manifest(voyage: Voyage, consignments: Sequence[Declaration]) -> bytes:
    """The manifest as XML, UTF-8. Raises MessageError that names every mandatory value missing or too long."""
    root = etree.Element("Awmds")
    top = Branch(root)
    _general(top.add("General_segment"), voyage, consignments)
    for line, declaration in enumerate(consignments, start=1):
        _bill(top.add("Bol_segment"), voyage, declaration, line)
    faults = list(_faults(root, consignments))
    if faults:
        more = f"; and {len(faults) - 10} more" if len(faults) > 10 else ""
        raise MessageError(
            f"the manifest is not complete: {'; '.join(faults[:10])}{more}",
            hint="a manifest of ASYCUDA must have these; complete the data, or leave the consignment out",
        )
    return document(root)


def _general(at: Branch, voyage: Voyage, consignments: Sequence[Declaration]) -> None:
    at.put("General_segment_id/Customs_office_code", voyage.office_id)
    at.put("General_segment_id/Voyage_number", voyage.number.upper())
    at.put("General_segment_id/Date_of_departure", voyage.departs_on)
    at.put("General_segment_id/Date_of_arrival", voyage.arrives_on)
    at.put("Totals_segment/Total_number_of_bols", len(consignments))
    at.put("Totals_segment/Total_number_of_packages", sum(_packages(each) or 0 for each in consignments))
    at.put("Totals_segment/Total_number_of_containers", 0)
    at.put("Totals_segment/Total_number_of_vehicles", 0)
    at.put(
        "Totals_segment/Total_gross_mass", _mass(sum((_gross(each) or Decimal(0) for each in consignments), Decimal(0)))
    )
    transport = "Transport_information"
    at.put(f"{transport}/Carrier/Carrier_code", voyage.carrier_code)
    at.put(f"{transport}/Shipping_Agent/Shipping_Agent_code", voyage.agent_code)
    at.put(f"{transport}/Mode_of_transport_code", voyage.mode_code)
    at.put(f"{transport}/Identity_of_transporter", voyage.transporter)
    at.put(f"{transport}/Nationality_of_transporter_code", voyage.nationality_code)
    at.put(f"{transport}/Registration_number_of_transport_code", voyage.registration)
    at.put(f"{transport}/Master_information", voyage.master)
    at.put("Load_unload_place/Place_of_departure_code", voyage.departure_code)
    at.put("Load_unload_place/Place_of_destination_code", voyage.destination_code)


def _bill(at: Branch, voyage: Voyage, declaration: Declaration, line: int) -> None:
    consignment = declaration.consignment
    first = next(iter(consignment.transport_documents), None)
    at.put("Bol_id/Bol_reference", first.document_id if first else "")
    at.put("Bol_id/Line_number", line)
    at.put("Bol_id/Bol_nature", IMPORT_NATURE)
    at.put("Bol_id/Bol_type_code", (first.type_code[-3:] if first else "") or "740")
    at.put("Bol_id/Master_bol_ref_number", consignment.master_document_id)
    at.put("Bol_id/Unique_carrier_reference", consignment.ucr)
    at.put("Load_unload_place/Place_of_loading_code", voyage.departure_code)
    at.put("Load_unload_place/Place_of_unloading_code", voyage.destination_code)
    _trader(at, "Exporter", declaration.consignor or declaration.exporter or declaration.seller)
    consignee = declaration.consignee or declaration.importer or declaration.buyer
    _trader(at, "Notify", consignee)
    _trader(at, "Consignee", consignee)
    items = declaration.goods_items
    kinds = [packaging.type_code for item in items for packaging in item.packagings if packaging.type_code]
    marks = [packaging.marks for item in items for packaging in item.packagings if packaging.marks]
    goods = "Goods_segment"
    at.put(f"{goods}/Number_of_packages", _packages(declaration))
    at.put(f"{goods}/Package_type_code", kinds[0] if kinds else _UNKNOWN_PACKAGE)
    gross = _gross(declaration)
    at.put(f"{goods}/Gross_mass", None if gross is None else _mass(gross))
    at.put(f"{goods}/Shipping_marks", "; ".join(marks) or "NO MARKS")
    at.put(f"{goods}/Goods_description", "; ".join(item.description for item in items if item.description)[:2000])
    at.put(f"{goods}/Num_of_ctn_for_this_bol", 0)
    at.put(f"{goods}/Num_of_vehicles_for_this_bol", 0)
    for item in items:
        if item.commodity_code:
            commodity = at.add(f"{goods}/Commodity_Segment")
            commodity.put("HS_Code", item.hs_code)
            commodity.put("HS_Description", item.description[:500])


def _trader(at: Branch, name: str, party: Party | None) -> None:
    path = f"Traders_segment/{name}/{name}"
    at.put(f"{path}_code", party.party_id if party else "")
    at.put(f"{path}_name", party.name[:75] if party else "")
    at.put(f"{path}_address", lines_of(party.address)[:140] if party else "")


def _faults(root: etree._Element, consignments: Sequence[Declaration]) -> Iterator[str]:
    bills = 0
    for segment in root:
        where = "the voyage"
        if segment.tag == "Bol_segment":
            where = f"consignment {consignments[bills].functional_reference_id or bills + 1}"
            bills += 1
        for path, length in MANDATORY[segment.tag].items():
            text = segment.findtext(path) or ""
            if not text:
                yield f"{where} has no {path}"
            elif len(text) > length:
                yield f"{path} of {where} has {len(text)} characters, at most {length} fit"


def _packages(declaration: Declaration) -> int | None:
    counted = sum(each.count or 0 for item in declaration.goods_items for each in item.packagings)
    return declaration.consignment.package_count or counted or None


def _gross(declaration: Declaration) -> Decimal | None:
    if declaration.consignment.gross_mass_kg is not None:
        return declaration.consignment.gross_mass_kg
    masses = [item.gross_mass_kg for item in declaration.goods_items if item.gross_mass_kg is not None]
    return sum(masses, Decimal(0)) if masses else None


def _mass(kilograms: Decimal) -> Decimal:
    return kilograms.quantize(_MASS_PLACES).normalize()
