"""Parcels declared by JSON for the tests of pages and interface: one for each thing that can become of one."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

Json = dict[str, Any]


def party(name: str, city: str, postcode: str, country_code: str) -> Json:
    """A party with an address."""
    return {
        "name": name,
        "address": {"line": "4 Tide Mill Lane", "city": city, "postcode": postcode, "country_code": country_code},
    }


def item(line_no: int, description: str, commodity_code: str, price: str, gross_mass_kg: str = "0.4") -> Json:
    """A goods item bought in pounds."""
    return {
        "line_no": line_no,
        "description": description,
        "commodity_code": commodity_code,
        "origin_country_code": "TR",
        "gross_mass_kg": gross_mass_kg,
        "net_mass_kg": gross_mass_kg,
        "invoice_price": {"amount": price, "currency": "GBP"},
        "procedure_code": "40",
        "previous_procedure_code": "00",
    }


def parcel(reference: str, *items: Json, **changes: Any) -> Json:
    """A full import declaration into Great Britain, lodged before arrival."""
    declared = {
        "functional_reference_id": reference,
        "jurisdiction_code": "GB",
        "procedure_category": "H1",
        "type_code": "IMD",
        "declarant": party("Meridian Post", "London", "EC1A 1BB", "GB") | {"party_id": "GB123456789000"},
        "consignor": party("Kıyı Tekstil A.Ş.", "İzmir", "35250", "TR"),
        "consignee": party("Alex Thornbury", "Woodbridge", "IP12 1BY", "GB"),
        "consignment": {
            "transport_documents": [{"type_code": "N740", "document_id": f"WB-{reference}"}],
            "gross_mass_kg": str(sum(Decimal(each["gross_mass_kg"]) for each in items)),
            "export_country_code": "TR",
            "destination_country_code": "GB",
        },
        "goods_items": list(items),
    }
    return copy.deepcopy(declared | changes)


SHIRT = item(1, "Cotton T-shirts, short sleeve, printed", "61091000", "65.00", "0.42")
PUZZLE = item(2, "Wooden jigsaw puzzle for children", "95030061", "19.50", "0.80")


def announced(reference: str) -> Json:
    """Green; duty and tax are owed, so that payment holds it once it arrives."""
    return parcel(reference, SHIRT, PUZZLE, freight={"amount": "7.20", "currency": "GBP"})


def arrived(reference: str) -> Json:
    """Green and there: waits for payment."""
    return parcel(reference, SHIRT, type_code="IMA")


def knife(reference: str) -> Json:
    """Red and there: a prohibited good, under control."""
    return parcel(reference, item(1, "Flick knife, steel blade", "82119300", "40.00"), type_code="IMA")


def vague(reference: str) -> Json:
    """Words that say nothing: a warning."""
    return parcel(reference, item(1, "gift", "95030061", "20.00"))


def unknown_rate(reference: str) -> Json:
    """A code the table of rates does not have: what is owed is not known, and that is not nothing."""
    return parcel(reference, item(1, "Caviar, 50 g", "16043100", "150.00"))


def faulty(reference: str) -> Json:
    """No goods items: rejected."""
    return parcel(reference)


def hostile(reference: str) -> Json:
    """Text that would be markup, turn around or hide, were it not escaped."""
    words = "Cotton shirts <script>alert(1)</script> \u202eevil\u202c {{ 7*7 }} \"'><img src=x onerror=alert(1)>"
    return parcel(reference, item(1, words, "61091000", "30.00"))


def message(*declarations: Json) -> bytes:
    """A message of these declarations."""
    return json.dumps(list(declarations), ensure_ascii=False).encode()


def night(first: int = 1001) -> bytes:
    """A night's load with one of each."""
    makers = (announced, knife, vague, arrived, faulty, hostile, announced)
    return message(*(make(f"MP-{first + place}") for place, make in enumerate(makers)))
