"""What `bench bulk` hands in for each kind of message: one file, or several that speak of the same parcels.

    for part in parts("ceb"):
        for data in message(part, 1_000, seed=1, on=date(2026, 11, 20)): ...

China's declaration lists come after the order, the payment and the transport that three others tell of, house
waybills after the manifests that list them. All files are written with the house's own writers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.cli.bench import parcels
from tidewaiter.messages import forms
from tidewaiter.model.declaration import (
    Address,
    Consignment,
    Declaration,
    Document,
    Extra,
    GoodsItem,
    Packaging,
    Party,
    TransportMeans,
)
from tidewaiter.model.money import Money

HOUSES_A_MANIFEST: Final = 10
_JSON_LINES: Final = ("json", "postal", "marketplace")


class Part(Struct, frozen=True):
    """One file: what it is called in the report, its form, its declarations for (count, seed, day)."""

    title: str
    form: str
    declarations: Callable[[int, int, date], Iterator[Declaration]]


def parts(kind: str) -> tuple[Part, ...]:
    """The files of a kind in the order they come in. Raises KeyError for a kind that is not in KINDS."""
    return KINDS[kind]


def message(part: Part, count: int, seed: int, on: date) -> Iterator[bytes]:
    """The file of a part for `count` parcels, in pieces to be written out."""
    form = forms.by_name(part.form)
    source = part.declarations(count, seed, on)
    head = b""
    while held := list(islice(source, parcels.BATCH)):
        written = form.write(held) if len(held) > 1 else _alone(part.form, form.write(held))
        if part.form == "csv":
            first, _, rest = written.partition(b"\n")
            assert head in (b"", first), "the columns of a table change halfway"
            yield written if not head else rest
            head = first
        elif part.form in _JSON_LINES:
            yield written
        else:
            written = written.replace(parcels.END, b"")
            yield written.partition(parcels.START)[2] if head else written
            head = parcels.START
    if head == parcels.START:
        yield parcels.END


def _alone(form: str, written: bytes) -> bytes:
    """One document as a batch of one: it follows others, or others follow it."""
    if form == "csv" or form in _JSON_LINES:
        return written
    declared, _, document = written.partition(b"\n")
    return declared + b"\n" + parcels.START + document + b"\n" + parcels.END


def _plain(form: str) -> Callable[[int, int, date], Iterator[Declaration]]:
    return lambda count, seed, on: parcels.declarations(form, count, seed, on)


def _by_post(count: int, seed: int, on: date) -> Iterator[Declaration]:
    for each in parcels.declarations("h7", count, seed, on):
        documents = (Document(document_id=each.consignment.transport_documents[0].document_id),)
        yield replace(each, consignment=replace(each.consignment, transport_documents=documents, border_transport=None))


def _entry_summaries(count: int, seed: int, on: date) -> Iterator[Declaration]:
    for each in parcels.declarations("h7", count, seed, on):
        yield replace(
            each,
            procedure_category="ENS",
            type_code="",
            supervising_office_id="DK005600",
            declarant=Party(party_id="DK12345678"),
            consignee=each.importer,
            consignment=replace(each.consignment, arrival_at=datetime.combine(on + timedelta(days=2), time(9), UTC)),
        )


# --- air cargo -----------------------------------------------------------------------------------------------


def _manifests(count: int, seed: int, on: date) -> Iterator[Declaration]:
    for first in range(0, count, HOUSES_A_MANIFEST):
        numbers = range(first, min(first + HOUSES_A_MANIFEST, count))
        master = _master(seed, first)
        yield Declaration(
            functional_reference_id=f"{master}_L",
            type_code="785",
            procedure_category="HOUSE_MANIFEST",
            jurisdiction_code="CA",
            consignment=Consignment(
                transport_documents=(Document(type_code="N741", document_id=master),),
                master_document_id=master,
                gross_mass_kg=sum((_house_mass(each) for each in numbers), Decimal()),
                package_count=len(numbers),
                destination_country_code="CA",
                arrival_on=on,
            ),
            goods_items=tuple(
                GoodsItem(
                    line_no=line_no,
                    description=_ware(each).description,
                    gross_mass_kg=_house_mass(each),
                    packagings=(Packaging(count=1),),
                    transport_documents=(Document(type_code="N703", document_id=_house(seed, each)),),
                )
                for line_no, each in enumerate(numbers, 1)
            ),
            extras=(Extra("/HouseManifest/MasterConsignment/FinalDestinationLocation/ID", "YVR"),),
        )


def _houses(count: int, seed: int, on: date) -> Iterator[Declaration]:
    for number, each in enumerate(parcels.declarations("wco-dm", count, seed, on)):
        yield Declaration(
            functional_reference_id=_house(seed, number),
            type_code="703",
            procedure_category="PLACI",
            jurisdiction_code="CA",
            consignor=each.consignor,
            consignee=Party(
                name=each.importer.name if each.importer else "",
                address=Address(line="5 Hill Street", city="Vancouver", postcode="V6B", country_code="CA"),
            ),
            consignment=Consignment(
                transport_documents=(Document(type_code="N703", document_id=_house(seed, number)),),
                master_document_id=_master(seed, number),
                gross_mass_kg=_house_mass(number),
                package_count=1,
                export_country_code=each.consignment.export_country_code,
                destination_country_code="CA",
                arrival_on=on,
            ),
            goods_items=(GoodsItem(line_no=1, description=_ware(number).description),),
        )


def _master(seed: int, number: int) -> str:
    serial = (seed % 100 * 100_000 + number // HOUSES_A_MANIFEST) % 10**7
    return f"999-{serial:07d}{serial % 7}"


def _house(seed: int, number: int) -> str:
    return f"TW{seed % 1000:03d}{number:07d}"


def _ware(number: int) -> parcels.Ware:
    return parcels.WARES[number % len(parcels.WARES)]


def _house_mass(number: int) -> Decimal:
    return Decimal(_ware(number).mass_kg) + Decimal("0.050")


# --- China's cross-border e-commerce ---------------------------------------------------------------------------

_PLATFORM: Final = Party(party_id="4401960A01", name="示例平台")
_SHOP: Final = Party(party_id="4401960A02", name="示例商店")
_CARRIER: Final = Party(party_id="4401960A03", name="示例物流")
_ADDRESS: Final = Address(line="北京市海淀区某路1号")
_FREIGHT: Final = Money(Decimal(20), "CNY")
_NOTHING: Final = Money(Decimal(0), "CNY")
_MASS: Final = Decimal("0.8")
_FIRST_BIRTHDAY: Final = date(1960, 1, 1)
_BIRTHDAYS: Final = 15_000
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"


def _orders(count: int, seed: int, on: date) -> Iterator[Declaration]:
    for number in range(count):
        yield Declaration(
            functional_reference_id=f"ORDER {_PLATFORM.party_id} {_order(seed, number)}",
            type_code="CEB311",
            procedure_category="ORDER",
            jurisdiction_code="CN",
            issued_at=_issued(on),
            invoice_amount=_price(number),
            invoice_id=_order(seed, number),
            freight=_FREIGHT,
            discount=_NOTHING,
            tax_collected_at_sale=_tax(number),
            amount_paid=_paid(number),
            submitter=_PLATFORM,
            consignee=Party(name="李小宝", address=_ADDRESS, phone="13000000000"),
            seller=_SHOP,
            buyer=_buyer(number),
            marketplace=_PLATFORM,
            documents=(Document(document_id=_payment(seed, number)),),
            goods_items=(_scarf(number, code=""),),
        )


def _payments(count: int, seed: int, on: date) -> Iterator[Declaration]:
    for number in range(count):
        yield Declaration(
            functional_reference_id=f"PAYMENT {_payment(seed, number)}",
            type_code="CEB411",
            procedure_category="PAYMENT",
            jurisdiction_code="CN",
            issued_at=_issued(on),
            invoice_id=_order(seed, number),
            amount_paid=_paid(number),
            submitter=_PLATFORM,
            marketplace=_PLATFORM,
            payer=replace(_buyer(number), phone=""),
            documents=(Document(document_id=_payment(seed, number)),),
        )


def _transports(count: int, seed: int, on: date) -> Iterator[Declaration]:
    for number in range(count):
        yield Declaration(
            functional_reference_id=f"LOGISTICS {_CARRIER.party_id} {_waybill(seed, number)}",
            type_code="CEB511",
            procedure_category="LOGISTICS",
            jurisdiction_code="CN",
            issued_at=_issued(on),
            invoice_id=_order(seed, number),
            freight=_FREIGHT,
            insurance=_NOTHING,
            submitter=_CARRIER,
            consignee=Party(name="李小宝", address=_ADDRESS, phone="13000000000"),
            consignment=Consignment(
                transport_documents=(Document(document_id=_waybill(seed, number)),),
                master_document_id="B-5",
                carrier=_CARRIER,
                gross_mass_kg=_MASS,
                package_count=1,
            ),
        )


def _lists(count: int, seed: int, on: date) -> Iterator[Declaration]:
    for number in range(count):
        yield Declaration(
            functional_reference_id=f"COP{seed % 1000:03d}{number:09d}",
            type_code="CEB621",
            procedure_category="CBEC",
            jurisdiction_code="CN",
            lodgement_office_id="3700",
            issued_at=_issued(on),
            invoice_id=_order(seed, number),
            freight=_FREIGHT,
            insurance=_NOTHING,
            submitter=_CARRIER,
            declarant=Party(party_id="4401960A05", name="示例报关"),
            consignee=Party(address=_ADDRESS),
            seller=_SHOP,
            buyer=_buyer(number),
            marketplace=_PLATFORM,
            guarantee_ids=(_PLATFORM.party_id,),
            consignment=Consignment(
                transport_documents=(Document(document_id=_waybill(seed, number)),),
                master_document_id="B-5",
                border_transport=TransportMeans(mode_code="4", means_id="MU554"),
                carrier=_CARRIER,
                gross_mass_kg=_MASS,
                package_count=1,
                export_country_code="IT",
                arrival_on=on,
            ),
            goods_items=(_scarf(number, code="6214200010"),),
        )


def _scarf(number: int, code: str) -> GoodsItem:
    price = _price(number)
    return GoodsItem(
        line_no=1,
        description="Wool scarf, woven",
        commodity_code=code,
        origin_country_code="IT",
        quantity=Decimal(2),
        quantity_unit="C62",
        invoice_price=price,
        unit_price=Money(price.amount / 2, "CNY"),
        sku="AF-1",
    )


def _price(number: int) -> Money:
    return Money(Decimal(100 + number % 150 * 2), "CNY")


def _tax(number: int) -> Money:
    return Money(((_price(number).amount + _FREIGHT.amount) * Decimal("0.091")).quantize(Decimal("0.01")), "CNY")


def _paid(number: int) -> Money:
    return Money(_price(number).amount + _FREIGHT.amount + _tax(number).amount, "CNY")


def _buyer(number: int) -> Party:
    """Somebody with an identity number of their own whose check digit is right (GB 11643-1999)."""
    born = _FIRST_BIRTHDAY + timedelta(days=number % _BIRTHDAYS)
    digits = f"110101{born:%Y%m%d}{number // _BIRTHDAYS % 1000:03d}"
    check = _CHECKS[sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True)) % 11]
    return Party(party_id=digits + check, name="李小宝", phone="13000000000")


def _order(seed: int, number: int) -> str:
    return f"O{seed % 1000:03d}{number:09d}"


def _payment(seed: int, number: int) -> str:
    return f"P{seed % 1000:03d}{number:09d}"


def _waybill(seed: int, number: int) -> str:
    return f"L{seed % 1000:03d}{number:09d}"


def _issued(on: date) -> datetime:
    return datetime.combine(on, time(2, 30), UTC)


KINDS: Final[Mapping[str, tuple[Part, ...]]] = {
    "json": (Part("json", "json", _plain("json")),),
    "wco-dm": (Part("wco-dm", "wco-dm", _plain("wco-dm")),),
    "h7": (Part("h7", "h7", _plain("h7")),),
    "csv": (Part("csv", "csv", _plain("h7")),),
    "postal": (Part("postal", "postal", _by_post),),
    "marketplace": (Part("marketplace", "marketplace", _plain("h7")),),
    "ens": (Part("ens", "ens", _entry_summaries),),
    "cargo-xml": (
        Part("cargo-xml, house manifests", "cargo-xml", _manifests),
        Part("cargo-xml, house waybills", "cargo-xml", _houses),
    ),
    "ceb": (
        Part("ceb, orders", "ceb", _orders),
        Part("ceb, payments", "ceb", _payments),
        Part("ceb, transport", "ceb", _transports),
        Part("ceb, declaration lists", "ceb", _lists),
    ),
}
