"""Pre-loading advance cargo information (PLACI): the seven data elements and the waybill number, with their places.

Source: WCO SAFE Framework of Standards, Annex II (the 7+1 elements), as Transport Canada lists them in the PACT
Technical Implementation Guide 1.9, section 2.2.5.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from msgspec import Struct

from tidewaiter.messages.air_cargo.values import HOUSE
from tidewaiter.model.declaration import Address, Declaration, Party

Locate = Callable[[Declaration, str], str]

SHIPPER_NAME: Final = "shipper name"
SHIPPER_ADDRESS: Final = "shipper address"
CONSIGNEE_NAME: Final = "consignee name"
CONSIGNEE_ADDRESS: Final = "consignee address"
DESCRIPTION: Final = "cargo description"
PIECES: Final = "number of pieces"
MASS: Final = "gross mass"
WAYBILL: Final = "waybill number"
MASTER: Final = "master waybill number"  # of a house: asked for as soon as it is known

SEVEN_AND_ONE: Final = (
    SHIPPER_NAME, SHIPPER_ADDRESS, CONSIGNEE_NAME, CONSIGNEE_ADDRESS, DESCRIPTION, PIECES, MASS, WAYBILL,
)  # fmt: skip


class Element(Struct, frozen=True):
    """One data element: its value, "" where it is missing; where it stands, or would stand, in the sender's terms."""

    name: str
    value: str
    pointer: str
    place: str

    @property
    def is_missing(self) -> bool:
        """True where the filing does not have it."""
        return not self.value


def pre_loading(declaration: Declaration, locate: Locate) -> tuple[Element, ...]:
    """The 7+1 elements of one waybill in their order; after those of a house, the number of its master.

    An address needs a first line and a country; a description every line. `locate` is that of the form.
    """
    return tuple(
        Element(name, value, pointer, locate(declaration, pointer)) for name, value, pointer in _elements(declaration)
    )


def missing(declaration: Declaration) -> tuple[str, ...]:
    """The names of the 7+1 elements that are missing."""
    return tuple(name for name, value, _ in _elements(declaration) if not value and name in SEVEN_AND_ONE)


def _elements(declaration: Declaration) -> Iterator[tuple[str, str, str]]:
    consignment = declaration.consignment
    yield SHIPPER_NAME, _name(declaration.consignor), "consignor.name"
    yield SHIPPER_ADDRESS, _address(declaration.consignor), "consignor.address.line"
    yield CONSIGNEE_NAME, _name(declaration.consignee), "consignee.name"
    yield CONSIGNEE_ADDRESS, _address(declaration.consignee), "consignee.address.line"
    lines = [item.description for item in declaration.goods_items]
    bare = next((place for place, text in enumerate(lines, start=1) if not text), 0)
    yield DESCRIPTION, "" if bare else "; ".join(lines), f"goods_items[{bare or 1}].description"
    pieces = consignment.package_count
    yield PIECES, "" if not pieces else str(pieces), "consignment.package_count"
    yield MASS, _kg(consignment.gross_mass_kg), "consignment.gross_mass_kg"
    number = next((each.document_id for each in consignment.transport_documents), "")
    yield WAYBILL, number, "consignment.transport_documents[1].document_id"
    if declaration.type_code == HOUSE:
        yield MASTER, consignment.master_document_id, "consignment.master_document_id"


def _name(party: Party | None) -> str:
    return party.name if party else ""


def _address(party: Party | None) -> str:
    address = (party.address if party else None) or Address()
    if not address.line or not address.country_code:
        return ""
    parts = (address.line, address.city, address.subdivision, address.postcode, address.country_code)
    return ", ".join(part for part in parts if part)


def _kg(mass: Decimal | None) -> str:
    return "" if not mass else f"{mass:f} kg"
