"""A clean H7 declaration of our own, and for each published Danish rule the smallest change that breaks it.

The conformance suite sends each changed declaration through the H7 form and
expects the codes given here, and no others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from tidewaiter.model.declaration import (
    AdditionalInformation,
    Address,
    Consignment,
    Declaration,
    Document,
    GoodsItem,
    GoodsLocation,
    Packaging,
    Party,
)
from tidewaiter.model.money import Money

DECLARANT_ID, REPRESENTATIVE_ID, IMPORTER_ID = "DK19552101", "DK13585628", "DK88146328"
PRIVATE_PERSON = "DK09999981"
IOSS_ID = "IM2080000001"
DANISH_ADDRESS = Address(line="Havnegade 4", city="Odense", postcode="5000", country_code="DK")


class Mutation(Struct, frozen=True):
    """Changes by canonical pointer, and the error codes they must bring about."""

    changes: Mapping[str, Any]
    codes: frozenset[str]


def clean() -> Declaration:
    """Two lines of low value, lodged for a private person, that no rule objects to."""
    return Declaration(
        function_code="9",
        functional_reference_id="TIDEWAITER-H7-CLEAN",
        type_code="IMA",
        procedure_category="H7",
        jurisdiction_code="DK",
        lodgement_office_id="DK005600",
        submitter=Party(party_id="13585628", name="13585628"),
        declarant=Party(party_id=DECLARANT_ID),
        representative=Party(party_id=REPRESENTATIVE_ID, status_code="2"),
        consignor=Party(
            name="Harbour Wool Mill",
            address=Address(line="8 Quay Road", city="Tromsø", postcode="9008", country_code="NO"),
        ),
        importer=Party(party_id=PRIVATE_PERSON, name="Karen Holm", address=DANISH_ADDRESS),
        freight=Money(Decimal(60), "DKK"),
        consignment=Consignment(
            transport_documents=(Document(type_code="N750", document_id="RR123456785NO"),),
            gross_mass_kg=Decimal("1.2"),
            goods_location=GoodsLocation(type_code="A", qualifier_code="U", location_id="DKCPH-0011"),
        ),
        goods_items=(
            _line(1, "knitted wool jumper for women", "611011", Decimal(400)),
            _line(2, "cotton socks for children", "611595", Decimal(90)),
        ),
    )


def _line(line_no: int, description: str, commodity_code: str, price: Decimal) -> GoodsItem:
    return GoodsItem(
        line_no=line_no,
        description=description,
        commodity_code=commodity_code,
        gross_mass_kg=Decimal("0.6"),
        invoice_price=Money(price, "DKK"),
        procedure_code="40",
        previous_procedure_code="00",
        additional_procedure_codes=("C07",),
        packagings=(Packaging(count=1),),
    )


def mutated(mutation: Mutation) -> Declaration:
    """The clean declaration with the changes made."""
    declaration: Any = clean()
    for pointer, value in mutation.changes.items():
        declaration = _changed(declaration, re.findall(r"\w+", pointer), value)
    if not isinstance(declaration, Declaration):
        raise TypeError(type(declaration))
    return declaration


def _changed(record: Any, steps: list[str], value: Any) -> Any:
    """A record with the value at the end of `steps` (names, and positions from 1) exchanged."""
    if not steps:
        return value
    step, *rest = steps
    if step.isdigit():
        place = int(step) - 1
        return (*record[:place], _changed(record[place], rest, value), *record[place + 1 :])
    return msgspec.structs.replace(record, **{step: _changed(getattr(record, step), rest, value)})


_ITEM_1, _ITEM_2 = "goods_items[1]", "goods_items[2]"
_PROCEDURES_1, _PROCEDURES_2 = f"{_ITEM_1}.additional_procedure_codes", f"{_ITEM_2}.additional_procedure_codes"
_CODE_1, _QUANTITY_1, _PRICE_1 = f"{_ITEM_1}.commodity_code", f"{_ITEM_1}.quantity", f"{_ITEM_1}.invoice_price"
_LOCATION = "consignment.goods_location"


def _money(amount: str, currency: str = "DKK") -> Money:
    return Money(Decimal(amount), currency)


def _located(type_code: str, qualifier_code: str, **others: Any) -> dict[str, Any]:
    return {_LOCATION: GoodsLocation(type_code=type_code, qualifier_code=qualifier_code, **others)}


def _fiscal(party_id: str, role_code: str) -> dict[str, Any]:
    return {"fiscal_references": (Party(party_id=party_id, role_code=role_code),)}


@cache
def mutations() -> dict[int, Mutation]:
    """One mutation for each validation rule (VR) that is implemented, by its number."""
    table = {**_goods(), **_values(), **_documents(), **_parties(), **_location()}
    return {vr: Mutation(changes, frozenset(codes.split())) for vr, (changes, codes) in table.items()}


Table = dict[int, tuple[dict[str, Any], str]]


def _goods() -> Table:
    gift = {_PROCEDURES_1: ("C08",), _PRICE_1: _money("200")}
    gifts = {**gift, _PROCEDURES_2: ("C08",)}
    ioss = {_PROCEDURES_1: ("C07", "F48"), _PROCEDURES_2: ("C07", "F48")}
    return {
        1: ({_PROCEDURES_1: ("C07", "Z99")}, "DK1001"),
        5: ({"type_code": "IMQ"}, "DK1005"),
        6: ({_QUANTITY_1: Decimal(5)}, "DK1006"),
        8: ({**gifts, **_fiscal(IOSS_ID, "FR5")}, "DK1008"),
        # With a VAT scheme number or without, a code of chapter 99 is also refused as such.
        10: ({_CODE_1: "990500", **_fiscal(IOSS_ID, "FR5")}, "DK1010 DK1043"),
        11: ({_CODE_1: "220300"}, "DK1011"),
        32: ({**ioss, **_fiscal("IM208", "FR5")}, "DK2004"),
        33: ({_CODE_1: "123456"}, "DK11047"),
        43: ({**gift, _QUANTITY_1: Decimal(50)}, "DK1019"),
        44: ({f"{_ITEM_1}.gross_mass_kg": Decimal(100)}, "DK1020"),
        45: ({f"{_ITEM_1}.packagings": (Packaging(count=50),)}, "DK1021"),
        46: (ioss, "DK1023"),
        54: (_fiscal("DK13585628", "FR9"), "DK-VR54"),
        57: ({_CODE_1: "330300", **gift, _PROCEDURES_1: ("C07", "C08"), _QUANTITY_1: Decimal(2)}, "DK1011"),
        65: ({**gift, _CODE_1: "220421"}, "DK1042"),
        66: ({_PROCEDURES_1: ("C07", "F49"), "importer": Party(party_id=IMPORTER_ID)}, "DK1045"),
        67: ({_CODE_1: "990500"}, "DK1043"),
    }


def _values() -> Table:
    return {
        7: ({_PROCEDURES_1: ("C08",), _PRICE_1: _money("360.01")}, "DK1007"),
        34: ({_PRICE_1: _money("0"), f"{_ITEM_2}.invoice_price": _money("0")}, "DK11048"),
        35: ({"freight": _money("60", "XQZ")}, "DK1046"),
        37: ({_PROCEDURES_1: ("C08",), _PRICE_1: _money("90", "EUR")}, "DK1050"),
        42: ({_PRICE_1: _money("1060.01")}, "DK1018"),
        56: ({f"{_ITEM_1}.freight": _money("40"), f"{_ITEM_2}.freight": _money("10")}, "DK-VR56"),
        60: ({f"{_ITEM_1}.freight": _money("60")}, "DK-VR60"),
    }


def _documents() -> Table:
    def statement(code: str) -> dict[str, Any]:
        return {"additional_information": (AdditionalInformation(statement_code=code, statement="as agreed"),)}

    def document(code: str) -> tuple[Document, ...]:
        return (Document(type_code=code, document_id="123"),)

    return {
        2: ({f"{_ITEM_1}.previous_documents": document("N000")}, "DK1002"),
        3: ({f"{_ITEM_1}.documents": document("N000")}, "DK1003"),
        41: ({f"{_ITEM_1}.documents": document("Y0ZZ")}, "DK11054"),
        52: (statement("99999"), "DK-VR52"),
        69: (statement("00500"), "DK1052"),
        178: ({"consignment.transport_documents": document("N999")}, "DK1103"),
    }


def _parties() -> Table:
    private = {"party_id": PRIVATE_PERSON, "name": "Karen Holm"}
    abroad = Address(line="1 Long Street", city="Shenzhen", postcode="518000", country_code="CN")
    return {
        4: ({"representative.status_code": "9"}, "DK1004"),
        9: ({"representative.party_id": DECLARANT_ID}, "DK1009"),
        38: ({"importer": Party(party_id="DK1955210")}, "DK2001"),
        39: ({"declarant": Party(party_id="DK1955210")}, "DK2005"),
        40: ({"representative.party_id": "DK1358562"}, "DK2006"),
        50: ({"consignor.address.country_code": "DE"}, "DK-VR50"),
        51: ({"declarant": Party(**private, address=abroad)}, "DK-VR51"),
        53: ({"declarant.contact_name": "Ole Lund", "declarant.email": "ole@example.dk"}, "DK-VR53"),
        55: ({"representative.contact_name": "Ida Friis", "representative.phone": "12345678"}, "DK-VR55"),
        58: ({"declarant.name": "Lund Trading", "declarant.address": DANISH_ADDRESS}, "DK-VR58"),
        59: ({"importer.party_id": IMPORTER_ID}, "DK-VR59"),
        62: ({"importer.address.country_code": "SE"}, "DK1040"),
        63: ({"importer": Party(party_id=PRIVATE_PERSON)}, "DK1041"),
        64: ({"declarant": Party(party_id=PRIVATE_PERSON)}, "DK1044"),
        70: ({"consignor.address.country_code": "ZZ"}, "DK11051"),
        158: ({"importer.party_id": ""}, "DK1085"),
    }


def _location() -> Table:
    at_authorised = {"location_id": "DKTST123456789", "additional_id": "0001"}
    return {
        49: ({_LOCATION: None}, "DK-VR49"),
        95: (_located("A", "U", location_id="DKCPH-9999"), "DK1053"),
        100: (_located("A", "Z", address=DANISH_ADDRESS), "DK1057"),
        101: (_located("B", "Z", address=DANISH_ADDRESS), "DK1058"),
        102: (_located("C", "U", location_id="DKCPH-0011"), "DK1059"),
        103: (_located("D", "Z"), "DK1060"),
        104: (_located("A", "V", location_id="DK999999"), "DK1062"),
        105: (_located("B", "Y", additional_id="0001"), "DK2007"),
        106: (_located("B", "Y", **{**at_authorised, "location_id": "DKTST12345"}), "DK2008"),
        107: (_located("B", "Y", location_id="DKTST123456789"), "DK2009"),
        163: (_located("D", "Q"), "DK1090"),
    }
