"""Claims: what third parties say of a parcel — the order, the payment, the transport — apart from its declaration."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from tidewaiter.model.declaration import Declaration


class ClaimKind(StrEnum):
    """What a claim is about, in the order in which trade makes them."""

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
