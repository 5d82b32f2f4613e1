"""What is told of goods in a place: facts, only ever added, each effective at one moment and recorded at another.

A fact that was wrong is not changed: a correction takes it back whole, with a reason, and the right one is told beside it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from tidewaiter.model.money import Money


class Kind(StrEnum):
    """What happened to the goods."""

    RECEIVED_ABROAD = "received from abroad"
    RECEIVED_LOCAL = "received from the local market"
    TRANSFERRED_IN = "transferred in"  # from another operator or place, under suspension as it was there
    RETURNED = "returned by the buyer"
    SOLD_LOCAL = "sold to the local market"
    SOLD_ABROAD = "sold abroad"
    TRANSFERRED_OUT = "transferred out"
    DESTROYED = "destroyed"  # under customs supervision
    SAMPLE = "sample taken"
    LOSS = "loss"  # missing, and nobody showed why
    CORRECTION = "correction"  # takes back one fact told before


RECEIPTS: Final = (Kind.RECEIVED_ABROAD, Kind.RECEIVED_LOCAL, Kind.TRANSFERRED_IN)
INS: Final = (*RECEIPTS, Kind.RETURNED)
OUTS: Final = (
    Kind.SOLD_LOCAL, Kind.SOLD_ABROAD, Kind.TRANSFERRED_OUT, Kind.DESTROYED, Kind.SAMPLE, Kind.LOSS,
)  # fmt: skip


class LotTerms(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a lot is, as it came in: told once, by the receipt that opens it.

    `value` and `suspended` (duties and taxes) are of the whole quantity received; nothing is suspended in free circulation.
    """

    description: str
    commodity_code: str
    origin_country_code: str
    unit: str  # UNECE Recommendation 20
    value: Money
    suspended: Money
    entry_document: str
    is_in_free_circulation: bool = False
    unit_mass_kg: Decimal | None = None


class Fact(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One fact. `source` says where it is known from, once in an account: a fact told twice is one.

    `lot_id` is the lot that a receipt opens, a return goes back to, or goods leave from; "" where the law's order of
    consumption picks it. `reverses` is the source of the fact a correction takes back.
    """

    kind: Kind
    source: str
    goods_id: str  # what the operator calls the goods: SKU or GTIN
    quantity: Decimal
    effective_at: datetime
    recorded_at: datetime
    lot_id: str = ""
    terms: LotTerms | None = None
    document: str = ""  # the declaration, order, certificate or count behind it
    reverses: str = ""
    reason: str = ""
    by: str = ""


class Reservation(Struct, frozen=True, kw_only=True):
    """Goods of a lot that are declared to leave, and have not left yet."""

    lot_id: str
    quantity: Decimal
    source: str
