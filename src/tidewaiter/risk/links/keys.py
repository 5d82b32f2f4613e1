"""What ties two parcels together, as keys: a shared home, phone, e-mail address, consignor, payer, device or network.

Names, addresses and phones are brought to one spelling as history does it (`risk.history.identities`). The device and the
network address of an order are a marketplace's to tell: a token is scoped to the marketplace that gave it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from ipaddress import IPv6Address, ip_network
from typing import Final

from msgspec import Struct

from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.model.identifiers import network_address_of
from tidewaiter.risk.history.identities import consignor_text, household_text, keyed_number, phone_text
from tidewaiter.risk.watch_list import identifier_key

AT_HOME: Final = ("consignee", "importer")  # who receives
PEOPLE: Final = ("consignee", "importer", "consignor", "seller", "exporter")


class LinkKind(StrEnum):
    """What is shared. `PARCEL` is the parcel itself, by its transport document: shared with no other."""

    ADDRESS = "address"
    PHONE = "phone"
    EMAIL = "email"
    CONSIGNOR = "consignor"
    PAYMENT = "payment"
    DEVICE = "device"
    NETWORK = "network"
    PARCEL = "parcel"


WORDS: Final = {
    LinkKind.ADDRESS: "same address of the receiver",
    LinkKind.PHONE: "same phone",
    LinkKind.EMAIL: "same e-mail address",
    LinkKind.CONSIGNOR: "same consignor",
    LinkKind.PAYMENT: "same payer",
    LinkKind.DEVICE: "same device",
    LinkKind.NETWORK: "same network address",
    LinkKind.PARCEL: "the parcel itself",
}


class LinkKey(Struct, frozen=True, order=True, gc=False):
    """One key: its kind, and a signed 64-bit number made under a salt, from which nobody reads what it is of."""

    kind: LinkKind
    number: int


def link_keys(declaration: Declaration, salt: bytes) -> tuple[LinkKey, ...]:
    """Every key of a declaration, each once; `salt` has up to 64 bytes."""
    return tuple([LinkKey(kind, number) for number, kind in link_numbers(declaration, salt).items()])


def link_numbers(declaration: Declaration, salt: bytes) -> dict[int, LinkKind]:
    """The same as numbers, each with its kind: what asks the alarm asks by these, which are made of the kind, too."""
    scope = declaration.jurisdiction_code
    return {keyed_number(salt, f"link|{kind}|{scope}|{text}"): kind for kind, text in _texts(declaration) if text}


def parcel_key(jurisdiction_code: str, document_id: str, salt: bytes) -> LinkKey:
    """The key of a parcel itself, by its transport document."""
    text = f"link|{LinkKind.PARCEL}|{jurisdiction_code}|{identifier_key(document_id)}"
    return LinkKey(LinkKind.PARCEL, keyed_number(salt, text))


def _texts(declaration: Declaration) -> Iterator[tuple[LinkKind, str]]:
    for name in PEOPLE:
        party: Party | None = getattr(declaration, name)
        if party is None:
            continue
        if name in AT_HOME and party.address is not None:
            yield LinkKind.ADDRESS, household_text(party.address)
        if party.phone:
            yield LinkKind.PHONE, phone_text(party.phone)
        if party.email:
            yield LinkKind.EMAIL, party.email.strip().casefold()
    yield LinkKind.CONSIGNOR, consignor_text(declaration)
    if declaration.payer is not None:
        yield LinkKind.PAYMENT, identifier_key(declaration.payer.party_id)
    if declaration.device_id:
        marketplace = declaration.marketplace.party_id if declaration.marketplace is not None else ""
        yield LinkKind.DEVICE, f"{identifier_key(marketplace)}|{declaration.device_id.strip()}"
    if declaration.network_address:
        yield LinkKind.NETWORK, _network(declaration.network_address)
    for document in declaration.consignment.transport_documents:
        yield LinkKind.PARCEL, identifier_key(document.document_id)


def _network(text: str) -> str:
    """What of an address stays with one home: all of IPv4, the first 64 bits of IPv6; "" where it leads to no one."""
    found = network_address_of(text)
    if found is None or not found.is_global:
        return ""
    return str(ip_network((int(found), 64), strict=False)) if isinstance(found, IPv6Address) else str(found)
