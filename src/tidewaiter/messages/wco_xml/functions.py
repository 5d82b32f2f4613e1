"""What a message asks for, and of whose customs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidewaiter.messages.wco_xml.tables import Table
from tidewaiter.model.declaration import Consignment, MessageFunction


def function_of(table: Table, fields: Mapping[str, Any]) -> MessageFunction:
    """What is asked: by TypeCode where that says it (COR, INV, GPR, RRA), else by FunctionCode, else an original."""
    by_type = table.function_by_type.get(fields.get("type_code", ""))
    return by_type or table.function_by_code.get(fields.get("function_code", ""), MessageFunction.ORIGINAL)


def jurisdiction_of(table: Table, fields: Mapping[str, Any]) -> str:
    """Whose customs a declaration is for, where its envelope does not say.

    The first two letters of the office of declaration, else of the supervising
    office, else the country in the number that customs gave (an MRN: two digits
    of the year, two letters of the country), else the first two letters of the
    declarant's, representative's or importer's identifier, else the country of
    the goods location or of destination, else the one whose schema the form is.
    """
    registered_id = fields.get("registered_id", "")
    candidates = [fields.get("lodgement_office_id", ""), fields.get("supervising_office_id", "")]
    candidates.append(registered_id[2:4] if registered_id[:2].isdigit() else "")
    candidates += [
        party.party_id for name in ("declarant", "representative", "importer") if (party := fields.get(name))
    ]
    for candidate in candidates:
        prefix = candidate[:2]
        if len(prefix) == 2 and prefix.isascii() and prefix.isalpha() and prefix.isupper():
            return table.jurisdiction_of_prefix.get(prefix, prefix)
    consignment = fields.get("consignment") or Consignment()
    location = consignment.goods_location
    country: str = location.address.country_code if location is not None and location.address is not None else ""
    return country or consignment.destination_country_code or table.jurisdiction
