"""Canonical pointers as the pointers of a WCO notification: sections, positions and the element's tag.

A place is named by the WCO ids of the classes that lead to it (declaration 42A, goods
shipment 67A, goods item 68A …) and of the element itself, as in the declaration schema
of the WCO Data Model 3.6. `#` takes the next position of the canonical pointer.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

_ITEM = "67A 68A#"
_CONSIGNMENT = "67A 28A"

_PLACES = {
    "function_code": "/017",
    "functional_reference_id": "/D026",
    "registered_id": "/D014",
    "type_code": "/D013",
    "lodgement_office_id": "/065",
    "supervising_office_id": "97B/G012",
    "issued_at": "/D011",
    "acceptance_at": "/023",
    "goods_item_count": "/228",
    "invoice_amount": "/109",
    "invoice_id": "67A 78A/D016",
    "freight": "67A 41A/117",
    "insurance": "67A 41A 58B/181",
    "discount": "67A 41A 58B/181",
    "transaction_nature_code": "67A/103",
    "incoterm_code": "67A 22B/090",
    "guarantee_ids": "90A#/100",
    "authorisations": "17C#",
    "authorisations.holder_id": "17C#/R144",
    "authorisations.category_code": "17C#/R145",
    "fiscal_references": "67A 55B#",
    "fiscal_references.party_id": "67A 55B#/R119",
    "fiscal_references.role_code": "67A 55B#/R005",
    "amendments": "06A#",
    "amendments.reason_code": "06A#/099",
    "documents": "02A#",
    "additional_information": "03A#",
    "previous_documents": "67A 99A#",
    "consignment": _CONSIGNMENT,
    "consignment.transport_documents": f"{_CONSIGNMENT} 30B#",
    "consignment.master_document_id": "67A 99A/D018",
    "consignment.ucr": "67A 35B/016",
    "consignment.border_transport": "15A",
    "consignment.border_transport.mode_code": "15A/T022",
    "consignment.border_transport.means_id": "15A/T006",
    "consignment.border_transport.nationality_code": "15A/T014",
    "consignment.arrival_transport": f"{_CONSIGNMENT} 10A",
    "consignment.arrival_transport.mode_code": f"{_CONSIGNMENT} 10A/T020",
    "consignment.arrival_transport.means_id": f"{_CONSIGNMENT} 10A/T002",
    "consignment.container_code": f"{_CONSIGNMENT}/096",
    "consignment.gross_mass_kg": "/131",
    "consignment.package_count": "/146",
    "consignment.export_country_code": "67A 95B/062",
    "consignment.destination_country_code": "67A 99B/465",
    "consignment.goods_location": f"{_CONSIGNMENT} 64A",
    "consignment.goods_location.type_code": f"{_CONSIGNMENT} 64A/L110",
    "consignment.goods_location.qualifier_code": f"{_CONSIGNMENT} 64A 04A/410",
    "consignment.goods_location.location_id": f"{_CONSIGNMENT} 64A/L017",
    "consignment.goods_location.name": f"{_CONSIGNMENT} 64A/L016",
    "goods_items": _ITEM,
    "goods_items.line_no": f"{_ITEM}/006",
    "goods_items.description": f"{_ITEM} 23A/137",
    "goods_items.commodity_code": f"{_ITEM} 23A 21A/145",
    "goods_items.additional_codes": f"{_ITEM} 23A 21A#/145",
    "goods_items.origin_country_code": f"{_ITEM} 92A/063",
    "goods_items.preferential_origin_code": f"{_ITEM} 92A/063",
    "goods_items.quantity": f"{_ITEM} 23A 65A/130",
    "goods_items.quantity_unit": f"{_ITEM} 23A 65A/130",
    "goods_items.gross_mass_kg": f"{_ITEM} 23A 65A/126",
    "goods_items.net_mass_kg": f"{_ITEM} 23A 65A/128",
    "goods_items.invoice_price": f"{_ITEM} 23A 79A/112",
    "goods_items.customs_value": f"{_ITEM}/108",
    "goods_items.statistical_value": f"{_ITEM}/114",
    "goods_items.freight": f"{_ITEM} 41A/117",
    "goods_items.procedure_code": f"{_ITEM} 70A/166",
    "goods_items.previous_procedure_code": f"{_ITEM} 70A/161",
    "goods_items.additional_procedure_codes": f"{_ITEM} 70A#/166",
    "goods_items.duty_regime_code": f"{_ITEM} 23A 50A/164",
    "goods_items.valuation_method_code": f"{_ITEM} 41A/122",
    "goods_items.packagings": f"{_ITEM} 93A#",
    "goods_items.packagings.type_code": f"{_ITEM} 93A#/141",
    "goods_items.packagings.count": f"{_ITEM} 93A#/144",
    "goods_items.packagings.marks": f"{_ITEM} 93A#/142",
    "goods_items.documents": f"{_ITEM} 02A#",
    "goods_items.transport_documents": f"{_ITEM} 30B#",
    "goods_items.previous_documents": f"{_ITEM} 99A#",
    "goods_items.additional_information": f"{_ITEM} 03A#",
}

_PARTIES = {  # section, tag of the name, tag of the identifier
    "submitter": ("17B", "R058", "R059"),
    "declarant": ("57B", "R124", "R123"),
    "representative": ("05A", "R003", "R004"),
    "exporter": ("57A", "R031", "R032"),
    "consignor": ("67A 30A", "R020", "R021"),
    "consignee": ("67A 27A", "R014", "R015"),
    "importer": ("67A 74A", "R037", "R038"),
    "seller": ("67A 09B", "R050", "R051"),
    "buyer": ("67A 16A", "R009", "R010"),
    "payer": ("67A 56B", "R120", "R121"),
}
_ADDRESS = {"line": "239", "city": "241", "postcode": "245", "subdivision": "243", "country_code": "242"}
_IN_DOCUMENTS = {"type_code": "D006", "document_id": "D005", "name": "D028", "status_code": "360"}
_IN_PREVIOUS_DOCUMENTS = {"type_code": "D019", "document_id": "D018", "line_no": "171"}
_IN_INFORMATION = {"statement_code": "226", "statement": "225", "type_code": "369"}

_TOKEN = re.compile(r"([A-Za-z_]+)|\[(\d+)\]")


class Section(Struct, frozen=True, gc=False):
    """One step of a pointer: a class, its position among its like (None where there is one), the element's tag."""

    section_code: str
    sequence: int | None = None
    tag_id: str = ""


@lru_cache(maxsize=2048)
def sections(pointer: str) -> tuple[Section, ...]:
    """The pointer's steps, the declaration (42A) first; of an unknown place as much as is known."""
    names: list[str] = []
    positions: list[int] = []
    for name, position in _TOKEN.findall(pointer):
        if position:
            positions.append(int(position))
        else:
            names.append(name)
    place = ""
    for length in range(len(names), 0, -1):
        place = _place(names[:length])
        if place:
            break
    classes, _, tag = place.partition("/")
    return _steps(classes.split(), positions, tag)


def _place(names: list[str]) -> str:
    known = _PLACES.get(".".join(names))
    if known is not None:
        return known
    if names[0] in _PARTIES:
        return _party_place(names)
    if len(names) > 1:
        within = {
            "documents": _IN_DOCUMENTS,
            "transport_documents": _IN_DOCUMENTS,
            "previous_documents": _IN_PREVIOUS_DOCUMENTS,
            "additional_information": _IN_INFORMATION,
        }.get(names[-2], {})
        parent = _PLACES.get(".".join(names[:-1]), "")
        if parent and names[-1] in within:
            return f"{parent}/{within[names[-1]]}"
    return ""


def _party_place(names: list[str]) -> str:
    section, name_tag, id_tag = _PARTIES[names[0]]
    match names[1:]:
        case ["name"]:
            return f"{section}/{name_tag}"
        case ["party_id"]:
            return f"{section}/{id_tag}"
        case ["address", leaf] if leaf in _ADDRESS:
            return f"{section} 04A/{_ADDRESS[leaf]}"
        case ["address", *_]:
            return f"{section} 04A"
        case ["phone" | "email"]:
            return f"{section} 25A/240"
        case ["contact_name"]:
            return f"{section} 34A/246"
        case _:
            return section


def _steps(classes: list[str], positions: list[int], tag: str) -> tuple[Section, ...]:
    steps = [Section("42A")]
    left = iter(positions)
    for code in classes:
        sequence = next(left, None) if code.endswith("#") else None
        steps.append(Section(code.removesuffix("#"), sequence))
    last = steps[-1]
    steps[-1] = Section(last.section_code, last.sequence, tag)
    return tuple(steps)
