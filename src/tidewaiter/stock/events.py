"""What an event says of goods in a place: which goods, how many, and what happened, by EPCIS's words and our own.

Classes of goods are known by GS1 Digital Link (`…/01/GTIN/10/LOT`), by URN (`urn:epc:class:lgtin:…`, `urn:epc:idpat:sgtin:…`),
and, where they have no number of GS1's, by ours (`…/voc/ref/goods/SKU`). One item with a serial number is one of its class.
GS1 EPC Tag Data Standard, sections 6.3 and 6.4; GS1 Digital Link: URI syntax.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from tidewaiter.model.declaration import Address, Party
from tidewaiter.model.event import Event
from tidewaiter.model.event_words import REFERENCE, STEP, VOCABULARY
from tidewaiter.model.money import Money
from tidewaiter.stock.filings import Entry, EntryFrom, EntryLine

GOODS: Final = REFERENCE + "goods/"
RETURNED: Final = "returned"
ONE: Final = Decimal(1)
PIECES: Final = "C62"
_PIECES: Final = frozenset(("", PIECES, "H87", "EA", "NAR"))  # one, piece, each, number of articles: all count
_LINK = re.compile(
    r"^https?://[^/]+/(?:.*/)?01/(\d{8,14})(?:/22/[^/?#]+)?(?:/10/([^/?#]+))?(?:/21/([^/?#]+))?(?:[?#].*)?$"
)
_URN = re.compile(r"^urn:epc:(?:class:lgtin|idpat:sgtin|id:sgtin):(\d{6,12})\.(\d{1,7})\.(.+)$")
_QUOTED = re.compile(rb"%([0-9A-Fa-f]{2})")
_CLASS = "urn:epc:class:lgtin:"


class Happening(StrEnum):
    """What an event says happened to goods of an account."""

    ENTERING = "entering"
    RETURNING = "returning"
    LEAVING = "leaving"
    DESTROYING = "destroying"
    SAMPLING = "sampling"
    LOSING = "losing"


_STEPS: Final[Mapping[str, Happening]] = {
    STEP["zone_entering"]: Happening.ENTERING,
    "receiving": Happening.ENTERING,
    "storing": Happening.ENTERING,
    "arriving": Happening.ENTERING,
    STEP["zone_leaving"]: Happening.LEAVING,
    "shipping": Happening.LEAVING,
    "departing": Happening.LEAVING,
    STEP["destroying"]: Happening.DESTROYING,
    "destroying": Happening.DESTROYING,
    STEP["sampling"]: Happening.SAMPLING,
    "sampling": Happening.SAMPLING,
    STEP["losing"]: Happening.LOSING,
    STEP["returning"]: Happening.RETURNING,
}


class GoodsMoved(Struct, frozen=True):
    """So many of one kind of goods; `lot_id` as the class names it, "" where it names none.

    `unit` is one of UNECE Recommendation 20, pieces where the event names none (EPCIS 2.0, QuantityElement).
    """

    goods_id: str
    lot_id: str
    quantity: Decimal
    unit: str = PIECES


def happening(event: Event) -> Happening | None:
    """What it says happened to goods of a place; None where it says nothing that a stock account follows."""
    found = _STEPS.get(event.biz_step)
    if found is Happening.ENTERING and event.disposition == RETURNED:
        return Happening.RETURNING
    return found


def places(event: Event) -> tuple[str, ...]:
    """The URIs by which it names where it happened."""
    return tuple(dict.fromkeys(filter(None, (event.biz_location, event.read_point))))


def goods(event: Event) -> tuple[GoodsMoved, ...]:
    """The goods it is about, each kind, lot and unit once, in order. What cannot be counted is left out: see `uncounted`."""
    found: dict[tuple[str, str, str], Decimal] = {}
    for each in event.quantities:
        named = goods_named(each.epc_class)
        if named is not None and each.quantity is not None and each.quantity > 0:
            key = (*named, unit_of(each.uom))
            found[key] = found.get(key, Decimal(0)) + each.quantity
    for epc in dict.fromkeys((*event.epcs, *event.child_epcs)):
        named = goods_named(epc)
        if named is not None:
            found[(*named, PIECES)] = found.get((*named, PIECES), Decimal(0)) + ONE
    return tuple(GoodsMoved(goods_id, lot_id, many, unit) for (goods_id, lot_id, unit), many in found.items())


def uncounted(event: Event) -> tuple[str, ...]:
    """The classes of goods that it names without saying how many."""
    return tuple(
        each.epc_class for each in event.quantities
        if goods_named(each.epc_class) is not None and (each.quantity is None or each.quantity <= 0)
    )  # fmt: skip


def unit_of(code: str) -> str:
    """A unit of UNECE Recommendation 20, all that count pieces as one."""
    return PIECES if code in _PIECES else code


def goods_named(uri: str) -> tuple[str, str] | None:
    """Goods and lot of a class or item: SKU or 14-digit GTIN, and the lot's number; None for what is no class of goods."""
    if uri.startswith(GOODS):
        name, _, lot = uri[len(GOODS) :].partition("/lot/")
        return (unquote(name), unquote(lot)) if name else None
    if link := _LINK.match(uri):
        return link[1].zfill(14), unquote(link[2] or "")
    if urn := _URN.match(uri):
        digits = urn[2][0] + urn[1] + urn[2][1:]
        lot = unquote(urn[3]) if uri.startswith(_CLASS) else ""
        return digits + _check_digit(digits), lot
    return None


def names(event: Event) -> tuple[str, ...]:
    """What it may be tied to: business transactions, whole and by their last part, and what is not goods among its things."""
    whole = [each.id for each in event.biz_transactions]
    whole += [thing for thing in event.things if goods_named(thing) is None]
    last = [unquote(re.split(r"[/:]", name)[-1]) for name in whole]
    return tuple(dict.fromkeys(filter(None, (*whole, *last))))


def entry_of(event: Event, moved: tuple[GoodsMoved, ...]) -> Entry | None:
    """An entry told by an event alone, from its master data (`ilmd`, in our vocabulary); None where it has too little.

    `commodity_code`, `description`, `unit_value`, `currency`, `origin` and `consignor` are of all goods in the event.
    """
    told = {name.removeprefix(VOCABULARY): value for name, value in event.ilmd.items() if name.startswith(VOCABULARY)}
    unit_value = _decimal(told.get("unit_value"))
    wanted = (told.get("commodity_code"), told.get("description"), told.get("currency"))
    if not moved or unit_value is None or not all(isinstance(each, str) and each for each in wanted):
        return None
    code, description, currency = (str(each) for each in wanted)
    origin = str(told.get("origin", ""))
    lines = tuple(
        EntryLine(
            goods_id=each.goods_id, description=description, commodity_code=code, quantity=each.quantity,
            value=Money(unit_value * each.quantity, currency), origin_country_code=origin,
            lot_id=each.lot_id, unit=each.unit,
        )
        for each in moved
    )  # fmt: skip
    consignor = Party(name=str(told.get("consignor", "")), address=Address(country_code=origin))
    return Entry(
        entry_id=event.event_id, lines=lines, comes_from=EntryFrom.ABROAD, arrived_at=event.event_time,
        consignor=consignor, export_country_code=origin,
    )  # fmt: skip


def unquote(text: str) -> str:
    """The text with `%2F` and its like read (RFC 3986, section 2.1)."""
    return _QUOTED.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode()).decode("utf-8", "replace")


def _decimal(value: Any) -> Decimal | None:
    text = str(value)
    if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text, re.ASCII):
        return None
    return Decimal(text)


def _check_digit(digits: str) -> str:
    """The check digit of a GTIN without it (GS1 General Specifications, 7.9)."""
    weighed = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-weighed % 10)
