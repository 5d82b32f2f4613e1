"""Goods that go back: what a sender says of a return, and the event that proves they have left.

Both are read from messages (JSON, CSV) and kept as they were read. `w(…)` carries the WCO Data Model id where the model
has the element; a return as such is no class of it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Struct

from tidewaiter.model.declaration import w


class ReturnReason(StrEnum):
    """Why something is to be given back. Which of them give a right to it is the regime's word."""

    RETURNED = "returned to seller"  # the sale is undone
    NOT_AS_ORDERED = "not as ordered"  # defective, or not what the contract says
    DESTROYED = "destroyed"
    OVERPAID = "overpaid"
    LOST = "lost"


class EvidenceKind(StrEnum):
    """What a regime may ask for as proof."""

    EXIT_EVENT = "exit event"
    RETURN_ORDER = "return order"  # the seller's or marketplace's number for the return
    RETURN_DECLARATION = "return declaration"  # export or re-export declaration of the return
    SELLER_CONFIRMATION = "seller's confirmation"  # that the goods came back, or that the money is given back
    DESTRUCTION_CERTIFICATE = "destruction certificate"


class ExitKind(StrEnum):
    """What happened to a return consignment on its way out. All but the last prove that it has left."""

    CONFIRMED = "exit confirmed"  # by the customs office of exit
    DEPARTED = "departed"  # on a flight, ship or vehicle that has left, says the carrier
    DELIVERED = "delivered abroad"
    HANDED_OVER = "handed over"  # to the carrier: still here


class Proof(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A document that supports the claim."""

    kind: Annotated[EvidenceKind, w("", "What it proves")]
    reference: Annotated[str, w("D005", "Its number")]


class ReturnedItem(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One kind of article that goes back: told by line number, product number or barcode, and how many."""

    quantity: Annotated[Decimal, w("130", "How many, in the unit in which the line was declared")]
    line_no: Annotated[int | None, w("006", "Line of the import, from 1")] = None
    sku: Annotated[str, w("", "Seller's product number")] = ""
    gtin: Annotated[str, w("", "Barcode (GS1)")] = ""
    mrn: Annotated[str, w("D014", "Number customs gave its import, where it is not the return's")] = ""
    waybill: Annotated[str, w("", "Waybill or postal item its import came by, where it is not the return's")] = ""
    reference: Annotated[str, w("D026", "Own reference of its import, where it is not the return's")] = ""
    order_id: Annotated[str, w("D016", "Order it was bought by, where it is not the return's")] = ""


class ExitEvent(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Proof that a return consignment has left: what happened, where, when, and who says so."""

    event_id: Annotated[str, w("", "The reporter's own number for it")]
    kind: Annotated[ExitKind, w("", "What happened")]
    happened_at: Annotated[datetime, w("", "When, with the time zone of the place")]
    place: Annotated[str, w("L017", "Where: UN/LOCODE, office or name")]
    reported_by: Annotated[str, w("", "Who saw it: carrier, post or customs office")]
    waybill: Annotated[str, w("", "Waybill or postal item of the return consignment")] = ""
    return_id: Annotated[str, w("", "The claimant's number for the return")] = ""
    mrn: Annotated[str, w("D014", "Number of the export or re-export declaration")] = ""


class ReturnRecord(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A return consignment, whose imports it undoes, and what is asked for it.

    Without `items` everything that is left of the imports goes back.
    """

    return_id: Annotated[str, w("", "The sender's own number for the return")]
    reason: Annotated[ReturnReason, w("099", "Why the goods go back")]
    mrn: Annotated[str, w("D014", "Number customs gave the import")] = ""
    waybill: Annotated[str, w("", "Waybill or postal item the import came by")] = ""
    reference: Annotated[str, w("D026", "The sender's own reference of the import")] = ""
    order_id: Annotated[str, w("D016", "Order the goods were bought by")] = ""
    return_waybill: Annotated[str, w("", "Waybill or postal item the goods go back by")] = ""
    recipient: Annotated[str, w("", "Identifier of who is to be paid, where it is not who paid")] = ""
    items: Annotated[tuple[ReturnedItem, ...], w("68A", "What goes back")] = ()
    documents: Annotated[tuple[Proof, ...], w("02A", "Documents that support the claim")] = ()
    exit_event: Annotated[ExitEvent | None, w("", "Proof of exit, where the claimant has it")] = None
