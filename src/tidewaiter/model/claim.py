"""Claims: what third parties say of a parcel — the order, the payment, the transport — apart from its declaration."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from tidewaiter.model.declaration import Declaration

PRODUCT_REFERENCE: Final = "PRODUCT"  # how the references of product claims begin


class ClaimKind(StrEnum):
    """What a claim is about, in the order in which trade makes them."""

    PRODUCT = "product"  # the marketplace or seller: what it sells under a number
    ORDER = "order"  # the marketplace or shop: who bought what for how much
    PAYMENT = "payment"  # the payment provider: who paid how much
    LOGISTICS = "logistics"  # the carrier: what is moved to whom, for which freight
    MANIFEST = "manifest"  # carrier or forwarder: which waybills are carried together


class Claim(Struct, frozen=True, kw_only=True):
    """One claim as it stood when a declaration was matched with it.

    `stated` holds what it says in the words of a declaration, all else empty;
    `declaration_id` is the number under which it was taken in, `source` who sent it.
    """

    kind: ClaimKind
    declaration_id: int
    source: str
    stated: Declaration


def product_reference(marketplace_id: str, number: str) -> str:
    """What a product's claim is known by: its number (SKU or GTIN) within one marketplace."""
    return " ".join(filter(None, (PRODUCT_REFERENCE, marketplace_id, number)))
