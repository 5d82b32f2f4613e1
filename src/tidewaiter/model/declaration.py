"""The canonical declaration: what any wire form is read into and written from.

Follows the WCO Data Model 3.6 declaration, narrowed to what parcels need.
`w(…)` carries the WCO element id, from which the JSON Schema and the element
reference are generated. Every field is optional except the goods items' line
number: what must be there is a matter of the dataset, checked by `quality`,
not of the record. Amounts are `Money` in major units; masses kilograms.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from tidewaiter.model.money import Money, total


def w(wco_id: str, words: str) -> Meta:
    """The documentation of one element: its WCO Data Model id ("" where it has none) and meaning."""
    return Meta(description=words, extra_json_schema={"x-wco-id": wco_id} if wco_id else None)


class MessageFunction(StrEnum):
    """What the sender wants done with the declaration (WCO element 017)."""

    ORIGINAL = "original"
    AMENDMENT = "amendment"
    CANCELLATION = "cancellation"
    PRESENTATION = "presentation"  # goods announced earlier have now arrived


class Address(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A postal address (WCO class 04A)."""

    line: Annotated[str, w("239", "Street and number, or post office box")] = ""
    city: Annotated[str, w("241", "City")] = ""
    postcode: Annotated[str, w("245", "Postcode")] = ""
    subdivision: Annotated[str, w("243", "State, province or county")] = ""
    country_code: Annotated[str, w("242", "ISO 3166-1 alpha-2 country")] = ""


class Party(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A person or business with a part in the declaration."""

    party_id: Annotated[str, w("", "EORI, national or scheme identifier")] = ""
    name: Annotated[str, w("", "Name")] = ""
    address: Annotated[Address | None, w("04A", "Address")] = None
    phone: Annotated[str, w("240", "Telephone")] = ""
    email: Annotated[str, w("240", "E-mail")] = ""
    contact_name: Annotated[str, w("246", "Contact person")] = ""
    status_code: Annotated[str, w("102", "Representation: 2 direct, 3 indirect")] = ""
    role_code: Annotated[str, w("R005", "Role, for fiscal references and other actors")] = ""


class Document(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A document, certificate, permit or reference (WCO classes 02A, 99A)."""

    type_code: Annotated[str, w("D006", "Document type, category and type joined: N740, Y900")] = ""
    document_id: Annotated[str, w("D005", "Document number")] = ""
    name: Annotated[str, w("D028", "Document name or reason")] = ""
    status_code: Annotated[str, w("360", "Status or exemption")] = ""
    line_no: Annotated[str, w("171", "Line within the document")] = ""


class AdditionalInformation(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A coded statement (WCO class 03A)."""

    statement_code: Annotated[str, w("226", "Statement, coded")] = ""
    statement: Annotated[str, w("225", "Statement, in words")] = ""
    type_code: Annotated[str, w("369", "Statement type")] = ""


class Authorisation(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """An authorisation the declarant relies on, and who holds it."""

    holder_id: Annotated[str, w("R144", "Holder's identifier")] = ""
    category_code: Annotated[str, w("R145", "Kind of authorisation")] = ""


class Packaging(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Packages of one kind (WCO class 93A)."""

    type_code: Annotated[str, w("141", "UNECE Rec. 21 package type")] = ""
    count: Annotated[int | None, w("144", "Number of packages")] = None
    marks: Annotated[str, w("142", "Marks and numbers")] = ""


class GoodsLocation(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Where the goods may be examined (WCO class 64A)."""

    type_code: Annotated[str, w("L110", "Type: A designated, B authorised, C approved, D other")] = ""
    qualifier_code: Annotated[str, w("", "What identifies it: U UN/LOCODE, V office, Y authorisation, Z address")] = ""
    location_id: Annotated[str, w("L017", "Identifier by that qualifier")] = ""
    name: Annotated[str, w("L016", "Name")] = ""
    additional_id: Annotated[str, w("", "Additional identifier")] = ""
    address: Annotated[Address | None, w("04A", "Address")] = None


class TransportMeans(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A flight, vessel, train, vehicle or drone."""

    mode_code: Annotated[str, w("", "UNECE Rec. 19 mode: 1 sea, 2 rail, 3 road, 4 air, 5 post")] = ""
    means_id: Annotated[str, w("", "Flight number, vessel or registration")] = ""
    means_type_code: Annotated[str, w("", "Kind of that identifier")] = ""
    nationality_code: Annotated[str, w("T014", "Country of registration")] = ""


class Consignment(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one transport contract moves: to the public, the parcel."""

    transport_documents: Annotated[tuple[Document, ...], w("", "House waybill or postal item number (S10)")] = ()
    master_document_id: Annotated[str, w("D018", "Master waybill, receptacle or despatch")] = ""
    ucr: Annotated[str, w("016", "Unique consignment reference")] = ""
    border_transport: Annotated[TransportMeans | None, w("15A", "Active means at the border")] = None
    arrival_transport: Annotated[TransportMeans | None, w("10A", "Means on arrival")] = None
    carrier: Annotated[Party | None, w("", "Who moves the goods under that transport document")] = None
    container_code: Annotated[str, w("096", "Containerised: 0 no, 1 yes")] = ""
    gross_mass_kg: Annotated[Decimal | None, w("131", "Total gross mass, kg")] = None
    package_count: Annotated[int | None, w("146", "Total packages")] = None
    export_country_code: Annotated[str, w("062", "Country the goods are sent from")] = ""
    destination_country_code: Annotated[str, w("465", "Country of final destination")] = ""
    goods_location: Annotated[GoodsLocation | None, w("64A", "Where the goods are")] = None
    notify_party: Annotated[Party | None, w("", "Whom the carrier tells of the arrival")] = None
    loading_place: Annotated[str, w("L010", "Where the goods are loaded: UN/LOCODE, airport or name")] = ""
    unloading_place: Annotated[str, w("", "Where they are unloaded: UN/LOCODE, airport or name")] = ""
    routing_country_codes: Annotated[tuple[str, ...], w("064", "Countries on the way, in order")] = ()
    seal_ids: Annotated[tuple[str, ...], w("165", "Seals")] = ()
    container_ids: Annotated[tuple[str, ...], w("159", "Containers")] = ()
    loading_at: Annotated[datetime | None, w("", "Moment of (expected) loading")] = None
    departure_at: Annotated[datetime | None, w("", "Moment of (expected) departure for the country of arrival")] = None
    departure_on: Annotated[date | None, w("", "Day of (expected) departure")] = None
    arrival_at: Annotated[datetime | None, w("", "Moment of (expected) arrival at the first place here")] = None
    arrival_on: Annotated[date | None, w("", "Day of (expected) arrival")] = None
    posted_on: Annotated[date | None, w("", "Day of posting")] = None


class GoodsItem(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One declared line (GovernmentAgencyGoodsItem, WCO class 68A)."""

    line_no: Annotated[int, w("006", "Line number, from 1")]
    description: Annotated[str, w("137", "What the goods are, in plain words")] = ""
    commodity_code: Annotated[str, w("145", "HS subheading (6 digits) or national code (8-10)")] = ""
    additional_codes: Annotated[tuple[str, ...], w("145", "Additional commodity codes")] = ()
    origin_country_code: Annotated[str, w("063", "Country of origin")] = ""
    preferential_origin_code: Annotated[str, w("063", "Country or group of preferential origin")] = ""
    quantity: Annotated[Decimal | None, w("130", "Quantity in the tariff's unit")] = None
    quantity_unit: Annotated[str, w("", "UNECE Rec. 20 unit of the quantity")] = ""
    gross_mass_kg: Annotated[Decimal | None, w("126", "Gross mass, kg")] = None
    net_mass_kg: Annotated[Decimal | None, w("128", "Net mass, kg")] = None
    invoice_price: Annotated[
        Money | None, w("112", "Price of the goods on this line, without transport, insurance and tax shown apart")
    ] = None
    unit_price: Annotated[Money | None, w("", "Price of one of the quantity")] = None
    customs_value: Annotated[Money | None, w("108", "Value for duty as declared")] = None
    statistical_value: Annotated[Money | None, w("114", "Statistical value")] = None
    freight: Annotated[Money | None, w("117", "Transport cost of this line")] = None
    procedure_code: Annotated[str, w("166", "Requested procedure, two digits")] = ""
    previous_procedure_code: Annotated[str, w("161", "Previous procedure, two digits")] = ""
    additional_procedure_codes: Annotated[
        tuple[str, ...], w("166", "Additional procedures: C07 low value, C08 gift, F48 IOSS …")
    ] = ()
    duty_regime_code: Annotated[str, w("164", "Preference claimed")] = ""
    valuation_method_code: Annotated[str, w("122", "Valuation method")] = ""
    packagings: Annotated[tuple[Packaging, ...], w("93A", "Packages")] = ()
    documents: Annotated[tuple[Document, ...], w("02A", "Documents, permits, certificates")] = ()
    transport_documents: Annotated[tuple[Document, ...], w("", "Transport documents of this line")] = ()
    previous_documents: Annotated[tuple[Document, ...], w("99A", "Previous documents of this line")] = ()
    additional_information: Annotated[tuple[AdditionalInformation, ...], w("03A", "Coded statements")] = ()
    fiscal_references: Annotated[tuple[Party, ...], w("55B", "VAT scheme numbers and their roles (FR1…FR7)")] = ()
    consignor: Annotated[Party | None, w("30A", "Sender of this line, where lines differ")] = None
    consignee: Annotated[Party | None, w("27A", "Receiver of this line, where lines differ")] = None
    importer: Annotated[Party | None, w("74A", "Importer of this line, where lines differ")] = None
    transaction_nature_code: Annotated[str, w("103", "Nature of the transaction")] = ""
    ucr: Annotated[str, w("016", "Reference of this line")] = ""
    undg_id: Annotated[str, w("506", "UN number of dangerous goods")] = ""
    container_ids: Annotated[tuple[str, ...], w("159", "Containers with goods of this line")] = ()
    loading_place: Annotated[str, w("L010", "Where this line is loaded, where lines differ")] = ""
    unloading_place: Annotated[str, w("", "Where this line is unloaded, where lines differ")] = ""
    notify_party: Annotated[Party | None, w("", "Whom the carrier tells, where lines differ")] = None
    sku: Annotated[str, w("", "Seller's product number")] = ""
    gtin: Annotated[str, w("", "Barcode (GS1)")] = ""
    url: Annotated[str, w("", "Where the goods were offered")] = ""

    @property
    def hs_code(self) -> str:
        """The six-digit HS subheading, or what there is of it."""
        return self.commodity_code[:6]


class AmendmentPointer(Struct, frozen=True, omit_defaults=True, gc=False):
    """One step on the way to what an amendment changes (WCO class 97A)."""

    section_code: Annotated[str, w("375", "Class of the data model: 68A")] = ""
    tag_id: Annotated[str, w("381", "Element within it: 137")] = ""
    sequence: Annotated[int | None, w("006", "Which of several, from 1")] = None


class Amendment(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Why and where a declaration was changed (WCO class 06A)."""

    reason_code: Annotated[str, w("099", "Reason, coded")] = ""
    reason: Annotated[str, w("", "Reason in words")] = ""
    pointers: Annotated[tuple[AmendmentPointer, ...], w("97A", "Where")] = ()


class Extra(Struct, frozen=True, omit_defaults=True, gc=False):
    """An element of the wire form that has no word here: kept, and written back where it stood.

    `path` is in the form's own terms with positions counted from 1 among
    siblings of the same name; `attributes` are name-value pairs in order.
    """

    path: str
    value: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


class Declaration(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A goods declaration, or advance data for one (WCO class 42A)."""

    function: Annotated[MessageFunction, w("017", "What is asked: original, amendment, cancellation, presentation")] = (
        MessageFunction.ORIGINAL
    )
    function_code: Annotated[str, w("017", "The same as the sender coded it")] = ""
    functional_reference_id: Annotated[str, w("D026", "The sender's own reference (LRN)")] = ""
    registered_id: Annotated[str, w("D014", "Number given by customs (MRN)")] = ""
    type_code: Annotated[str, w("D013", "Declaration type: IMA arrived, IMD pre-lodged …")] = ""
    procedure_category: Annotated[str, w("", "Dataset named by the sender: H7, H1, I1 …")] = ""
    jurisdiction_code: Annotated[str, w("", "Whose customs this is for, ISO 3166-1 alpha-2")] = ""
    circumstance_code: Annotated[
        str,
        w(
            "504",
            "Specific circumstance of a safety and security filing: A post or express, C road, D rail, E authorised",
        ),
    ] = ""
    lodgement_office_id: Annotated[str, w("065", "Office of declaration")] = ""
    supervising_office_id: Annotated[str, w("G012", "Supervising office")] = ""
    issued_at: Annotated[datetime | None, w("D011", "When the sender made it")] = None
    acceptance_at: Annotated[datetime | None, w("023", "When it is to count as accepted, for later declarations")] = (
        None
    )
    goods_item_count: Annotated[int | None, w("228", "Number of items as declared")] = None
    invoice_amount: Annotated[Money | None, w("109", "Total invoiced")] = None
    invoice_id: Annotated[str, w("D016", "Invoice or order number")] = ""
    freight: Annotated[Money | None, w("117", "Transport cost of the whole")] = None
    insurance: Annotated[Money | None, w("181", "Insurance of the whole")] = None
    discount: Annotated[Money | None, w("181", "Discount shown on the invoice")] = None
    tax_collected_at_sale: Annotated[Money | None, w("378", "Tax the seller already collected")] = None
    amount_paid: Annotated[Money | None, w("378", "What the buyer paid in all")] = None
    transaction_nature_code: Annotated[str, w("103", "Nature of the transaction")] = ""
    incoterm_code: Annotated[str, w("090", "Delivery terms")] = ""
    submitter: Annotated[Party | None, w("17B", "Who sent the message")] = None
    declarant: Annotated[Party | None, w("57B", "Declarant")] = None
    representative: Annotated[Party | None, w("05A", "Representative")] = None
    consignor: Annotated[Party | None, w("30A", "Consignor")] = None
    consignee: Annotated[Party | None, w("27A", "Consignee")] = None
    importer: Annotated[Party | None, w("74A", "Importer")] = None
    exporter: Annotated[Party | None, w("57A", "Exporter")] = None
    seller: Annotated[Party | None, w("09B", "Seller")] = None
    buyer: Annotated[Party | None, w("16A", "Buyer")] = None
    marketplace: Annotated[Party | None, w("", "Electronic interface that made the sale possible")] = None
    payer: Annotated[Party | None, w("56B", "Who pays")] = None
    fiscal_references: Annotated[tuple[Party, ...], w("55B", "VAT scheme numbers and their roles (FR5: IOSS)")] = ()
    authorisations: Annotated[tuple[Authorisation, ...], w("17C", "Authorisations relied on")] = ()
    guarantee_ids: Annotated[tuple[str, ...], w("100", "References of guarantees")] = ()
    consignment: Annotated[Consignment, w("28A", "Transport")] = Consignment()
    documents: Annotated[tuple[Document, ...], w("02A", "Documents of the whole")] = ()
    previous_documents: Annotated[tuple[Document, ...], w("99A", "Previous documents of the whole")] = ()
    additional_information: Annotated[tuple[AdditionalInformation, ...], w("03A", "Statements on the whole")] = ()
    quote_id: Annotated[str, w("", "Number of the quote given for these goods: TWQ-…; the amounts are compared")] = ""
    device_id: Annotated[str, w("", "Device that the order was placed with, as the marketplace calls it: a token")] = ""
    network_address: Annotated[str, w("", "Network address (IP) that the order was placed from")] = ""
    goods_items: Annotated[tuple[GoodsItem, ...], w("68A", "Goods items")] = ()
    amendments: Annotated[tuple[Amendment, ...], w("06A", "What an amendment or cancellation changes and why")] = ()
    extras: Annotated[tuple[Extra, ...], w("", "Elements kept without being interpreted")] = ()

    @property
    def prices_of_lines(self) -> Money | None:
        """The prices of all lines together; None unless each has one, all in one currency."""
        prices = [item.invoice_price for item in self.goods_items if item.invoice_price is not None]
        if not prices or len(prices) != len(self.goods_items) or len({price.currency for price in prices}) > 1:
            return None
        return total(prices, prices[0].currency)
