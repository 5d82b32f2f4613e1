"""What operators tell of goods in a place, and the declarations that are made of it: entries, orders, shortages.

The declaration is an ordinary one: it is taken in, assessed and decided as any other. It says under which procedure
the goods were before, which entries they came by, and where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Struct

from tidewaiter.model.declaration import (
    Address,
    Consignment,
    Declaration,
    Document,
    GoodsItem,
    GoodsLocation,
    Packaging,
    Party,
    w,
)
from tidewaiter.model.money import Money
from tidewaiter.stock.account import ZERO, Lot, StockAccount, part
from tidewaiter.stock.law import Codes

LOCATION_TYPE: Final = "B"  # an authorised place (UNECE; Annex B, title II)
BY_AUTHORISATION: Final = "Y"
PARCEL: Final = "CT"  # carton (UNECE Recommendation 21)
GRAM: Final = Decimal("0.001")


class EntryFrom(StrEnum):
    """Where goods come from."""

    ABROAD = "abroad"
    LOCAL_MARKET = "local market"  # in free circulation already: nothing is suspended


class EntryLine(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One kind of goods that comes in: it becomes a lot."""

    goods_id: Annotated[str, w("", "What the operator calls the goods: SKU or GTIN")]
    description: Annotated[str, w("137", "What the goods are, in plain words")]
    commodity_code: Annotated[str, w("145", "HS subheading or national code")]
    quantity: Annotated[Decimal, w("130", "How many")]
    value: Annotated[Money, w("112", "Price of all of them")]
    origin_country_code: Annotated[str, w("063", "Country of origin")] = ""
    unit: Annotated[str, w("", "UNECE Recommendation 20 unit of the quantity")] = "C62"
    gross_mass_kg: Annotated[Decimal | None, w("126", "Gross mass of all of them, kg")] = None
    lot_id: Annotated[str, w("", "The operator's name of the lot; made from the entry where not given")] = ""


class Entry(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Goods in bulk that come into a place, under one document."""

    entry_id: Annotated[str, w("D026", "The operator's reference of the entry")]
    lines: Annotated[tuple[EntryLine, ...], w("68A", "What comes in")]
    comes_from: Annotated[EntryFrom, w("", "From abroad, or in free circulation from the local market")] = (
        EntryFrom.ABROAD
    )
    arrived_at: Annotated[datetime | None, w("", "When the goods came; when told, if not given")] = None
    consignor: Annotated[Party | None, w("30A", "Who sent them")] = None
    export_country_code: Annotated[str, w("062", "Country the goods came from")] = ""
    transport_document_id: Annotated[str, w("", "Bill of lading or waybill")] = ""
    carrier: Annotated[str, w("", "Who carried them")] = ""


class OrderLine(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One kind of goods bought."""

    goods_id: Annotated[str, w("", "What the operator calls the goods: SKU or GTIN")]
    quantity: Annotated[Decimal, w("130", "How many")]
    price: Annotated[Money, w("112", "Price of all of them, without transport and tax shown apart")]
    lot_id: Annotated[str, w("", "The lot they are taken from, where the operator says which")] = ""


class Order(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An order fulfilled from stock. It leaves for the market around, or for abroad, by where the buyer is."""

    order_id: Annotated[str, w("D016", "Number of the order")]
    buyer: Annotated[Party, w("16A", "Who bought, with name and country")]
    lines: Annotated[tuple[OrderLine, ...], w("68A", "What was bought")]
    marketplace: Annotated[Party | None, w("", "Electronic interface that made the sale possible")] = None
    freight: Annotated[Money | None, w("117", "Transport cost charged to the buyer")] = None
    transport_document_id: Annotated[str, w("", "Waybill or postal item of the parcel")] = ""
    gross_mass_kg: Annotated[Decimal | None, w("131", "Gross mass of the parcel, kg")] = None


class ReturnLine(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What comes back of an order."""

    goods_id: Annotated[str, w("", "What the operator calls the goods")]
    quantity: Annotated[Decimal, w("130", "How many")]


class BuyerReturn(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Goods that a buyer sends back to the stock they were sold from."""

    return_id: Annotated[str, w("", "The operator's number of the return")]
    order_id: Annotated[str, w("D016", "The order they were bought by")]
    lines: Annotated[tuple[ReturnLine, ...], w("68A", "What comes back")]
    returned_at: Annotated[datetime | None, w("", "When; when told, if not given")] = None


class Place(Struct, frozen=True, kw_only=True):
    """The place, and the operator whose account it is."""

    place_id: str
    place_name: str
    jurisdiction_code: str
    operator_id: str
    operator_name: str
    authorisation_id: str = ""


class Heading(Struct, frozen=True):
    """What all declarations made of stock have: the place, how its law wants them, and under which reference."""

    place: Place
    codes: Codes
    reference: str


class Taken(Struct, frozen=True, kw_only=True):
    """A quantity of one lot, as an order takes it."""

    lot_id: str
    goods_id: str
    quantity: Decimal
    price: Money


def entry_declaration(entry: Entry, heading: Heading) -> Declaration:
    """The declaration by which goods in bulk come in: nothing is charged, all of it suspended."""
    place, codes = heading.place, heading.codes
    items = tuple(
        GoodsItem(
            line_no=number, description=line.description, commodity_code=line.commodity_code,
            origin_country_code=line.origin_country_code, quantity=line.quantity, quantity_unit=line.unit,
            gross_mass_kg=line.gross_mass_kg, invoice_price=line.value, sku=line.goods_id,
            procedure_code=codes.procedure_code, previous_procedure_code=codes.previous_procedure_code,
            additional_procedure_codes=codes.additional_procedure_codes,
        )
        for number, line in enumerate(entry.lines, start=1)
    )  # fmt: skip
    documents = (Document(document_id=entry.transport_document_id),) if entry.transport_document_id else ()
    return Declaration(
        functional_reference_id=heading.reference, jurisdiction_code=place.jurisdiction_code, type_code=codes.type_code,
        procedure_category=codes.procedure_category, invoice_id=entry.entry_id, goods_items=items,
        goods_item_count=len(items), consignor=entry.consignor, consignee=_operator(place), importer=_operator(place),
        declarant=_operator(place), consignment=Consignment(
            transport_documents=documents, carrier=Party(name=entry.carrier) if entry.carrier else None,
            export_country_code=entry.export_country_code, destination_country_code=place.jurisdiction_code,
            goods_location=_location(place),
        ),
    )  # fmt: skip


def order_declaration(order: Order, taken: Sequence[Taken], account: StockAccount, heading: Heading) -> Declaration:
    """The declaration by which the goods of an order leave, one line for each lot they are taken from."""
    place, codes = heading.place, heading.codes
    items = tuple(_item(number, each, _lot(account, each), codes) for number, each in enumerate(taken, start=1))
    documents = (Document(document_id=order.transport_document_id),) if order.transport_document_id else ()
    address = order.buyer.address or Address()
    masses = [item.gross_mass_kg for item in items if item.gross_mass_kg is not None]
    return Declaration(
        functional_reference_id=heading.reference, jurisdiction_code=place.jurisdiction_code, type_code=codes.type_code,
        procedure_category=codes.procedure_category, invoice_id=order.order_id, goods_items=items,
        goods_item_count=len(items), freight=order.freight, marketplace=order.marketplace, buyer=order.buyer,
        consignor=_operator(place), seller=_operator(place), declarant=_operator(place), consignee=order.buyer,
        importer=order.buyer, exporter=_operator(place),
        consignment=Consignment(
            transport_documents=documents, goods_location=_location(place),
            gross_mass_kg=order.gross_mass_kg or sum(masses, ZERO) or None, package_count=1,
            export_country_code=place.jurisdiction_code, destination_country_code=address.country_code,
        ),
    )  # fmt: skip


def shortage_declaration(count_id: str, taken: Sequence[Taken], account: StockAccount, heading: Heading) -> Declaration:
    """The declaration on goods that are missing: the operator owes on them as if it had imported them."""
    place, codes = heading.place, heading.codes
    items = tuple(_item(number, each, _lot(account, each), codes) for number, each in enumerate(taken, start=1))
    return Declaration(
        functional_reference_id=heading.reference, jurisdiction_code=place.jurisdiction_code, type_code=codes.type_code,
        procedure_category=codes.procedure_category, invoice_id=count_id, goods_items=items,
        goods_item_count=len(items), consignor=_operator(place), seller=_operator(place), declarant=_operator(place),
        consignee=_operator(place), importer=_operator(place), buyer=_operator(place),
        consignment=Consignment(
            goods_location=_location(place), export_country_code=place.jurisdiction_code,
            destination_country_code=place.jurisdiction_code,
        ),
    )  # fmt: skip


def value_of(lot: Lot, quantity: Decimal) -> Money:
    """What a quantity of a lot is worth, as it came in."""
    return part(lot.terms.value, quantity, lot.received)


def _item(number: int, taken: Taken, lot: Lot, codes: Codes) -> GoodsItem:
    terms = lot.terms
    mass = terms.unit_mass_kg * taken.quantity if terms.unit_mass_kg is not None else None
    return GoodsItem(
        line_no=number, description=terms.description, commodity_code=terms.commodity_code,
        origin_country_code=terms.origin_country_code, quantity=taken.quantity, quantity_unit=terms.unit,
        gross_mass_kg=mass.quantize(GRAM) if mass is not None else None, invoice_price=taken.price, sku=taken.goods_id,
        procedure_code=codes.procedure_code, previous_procedure_code=codes.previous_procedure_code,
        additional_procedure_codes=codes.additional_procedure_codes,
        packagings=(Packaging(type_code=PARCEL, count=1),) if number == 1 else (),
        previous_documents=(Document(document_id=terms.entry_document),) if terms.entry_document else (),
    )  # fmt: skip


def _lot(account: StockAccount, taken: Taken) -> Lot:
    lot = account.lot(taken.lot_id)
    assert lot is not None, "what was taken is of a lot of the account"
    return lot


def _operator(place: Place) -> Party:
    return Party(
        party_id=place.operator_id, name=place.operator_name, address=Address(country_code=place.jurisdiction_code)
    )


def _location(place: Place) -> GoodsLocation:
    return GoodsLocation(
        type_code=LOCATION_TYPE, qualifier_code=BY_AUTHORISATION, location_id=place.authorisation_id or place.place_id,
        name=place.place_name,
    )  # fmt: skip
