"""Plausible consignments of two items, the same for the same seed; for measuring, not for judging.

In JSON three out of five go to Denmark with the tax paid under IOSS, one to
Denmark with tax due at the border, one to Great Britain with the tax collected
at the sale. About one in a hundred has something wrong with it, as in life.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import Final

from msgspec import Struct

from tidewaiter.messages import forms
from tidewaiter.model.declaration import (
    Address,
    Consignment,
    Declaration,
    Document,
    GoodsItem,
    Packaging,
    Party,
    TransportMeans,
)
from tidewaiter.model.identifiers import S10Id
from tidewaiter.model.money import Money, total

BATCH: Final = 500  # declarations written at a time
SERIALS_A_SEED: Final = 100_000
START: Final = b"<Batch>\n"  # what encloses several declarations in one XML message
END: Final = b"</Batch>\n"


class Ware(Struct, frozen=True):
    """Something people order: what it is, its HS subheading, a usual price and mass."""

    description: str
    commodity_code: str
    price: str
    mass_kg: str


WARES: Final = (
    Ware("Women's cotton T-shirt, knitted, printed", "6109100010", "8.90", "0.180"),
    Ware("Phone case, silicone, for smartphone", "3926909790", "4.20", "0.045"),
    Ware("USB-C charging cable, 1 m", "8544429090", "3.10", "0.040"),
    Ware("Wireless earphones with charging case", "8517620000", "17.50", "0.090"),
    Ware("LED desk lamp, plastic, 5 W", "9405219000", "14.80", "0.520"),
    Ware("Children's sandals, rubber sole, textile upper", "6404199000", "11.40", "0.310"),
    Ware("Stainless steel water bottle, 500 ml", "7323930000", "9.60", "0.290"),
    Ware("Jigsaw puzzle, cardboard, 500 pieces", "9503006900", "7.70", "0.480"),
    Ware("Men's leather belt, brown", "4203300000", "12.30", "0.230"),
    Ware("Yoga mat, PVC foam, 6 mm", "9506911000", "13.90", "0.950"),
    Ware("Necklace of base metal, gold plated", "7117190000", "5.30", "0.025"),
    Ware("Kitchen knife set, stainless steel, 3 pieces", "8211910000", "19.90", "0.610"),
    Ware("Backpack, outer surface of nylon, 20 l", "4202921900", "22.40", "0.640"),
    Ware("Wristwatch, battery powered, mechanical display", "9102110000", "15.10", "0.085"),
    Ware("Hard cover notebook, ruled, A5", "4820103000", "6.20", "0.340"),
    Ware("Polyester curtain, 140 x 240 cm", "6303929090", "16.60", "0.720"),
)
_SHOPS: Final = (
    ("Bright Harbour Trading Co., Ltd.", "18 Nanhai Road", "Shenzhen", "518054", "CN"),
    ("Maple & Thread Ltd.", "402 Renmin Street", "Hangzhou", "310003", "CN"),
    ("Sunway Electronics Store", "7 Kwun Tong Lane", "Hong Kong", "999077", "HK"),
    ("Ankara Home Textile", "Ataturk Bulvari 81", "Ankara", "06420", "TR"),
    ("Prairie Goods LLC", "2210 Elm Street", "Kansas City", "64108", "US"),
)
_FIRST: Final = (
    "Anna",
    "Lars",
    "Mette",
    "Jonas",
    "Ida",
    "Peter",
    "Sofie",
    "Mikkel",
    "Grace",
    "Oliver",
    "Amelia",
    "Harry",
)
_LAST: Final = ("Jensen", "Nielsen", "Holm", "Poulsen", "Kjær", "Madsen", "Smith", "Taylor", "Walker", "Evans")
_DANISH: Final = (("København", "2100"), ("Aarhus", "8000"), ("Odense", "5000"), ("Aalborg", "9000"))
_BRITISH: Final = (("London", "N1 9GU"), ("Leeds", "LS1 4AP"), ("Bristol", "BS1 5TR"), ("York", "YO1 7HH"))
_STREETS: Final = ("Nørregade", "Skolevej", "Havnegade", "High Street", "Station Road", "Mill Lane")


def declarations(form_name: str, count: int, seed: int, on: date) -> Iterator[Declaration]:
    """`count` declarations such as come in a form; equal seeds give equal ones."""
    # Chance for test data, reproducible on purpose.
    chance = random.Random(seed)  # noqa: S311
    kinds = KINDS[form_name]
    for number in range(1, count + 1):
        serial = (seed % 1000 * SERIALS_A_SEED + number) % 10**8  # no parcel of one seed is that of another
        yield _declaration(chance, f"{seed % 1000:03d}{number:09d}", f"{serial:08d}", kinds[number % len(kinds)], on)


def message(form_name: str, count: int, seed: int, on: date) -> Iterator[bytes]:
    """A message of `count` declarations (JSON Lines, or XML in one enclosing element), in parts to be written out."""
    form = forms.by_name(form_name)
    source = declarations(form_name, count, seed, on)
    is_first = True
    while held := list(islice(source, BATCH)):
        written = form.write(held).replace(END, b"")
        yield written if is_first or START not in written else written.partition(START)[2]
        is_first = False
    if form_name != "json":
        yield END


def _declaration(chance: random.Random, tail: str, serial: str, kind: Kind, on: date) -> Declaration:
    to_britain = kind is Kind.BRITAIN
    shop = chance.choice(_SHOPS)
    items = tuple(_item(chance, line_no, shop[4], kind) for line_no in (1, 2))
    buyer = _buyer(chance, to_britain=to_britain)
    prices = [item.invoice_price for item in items if item.invoice_price]
    return Declaration(
        functional_reference_id=f"TW{tail}",
        type_code="IMK" if to_britain else "IMD",
        procedure_category="" if to_britain else "H7",
        jurisdiction_code="GB" if to_britain else "DK",
        lodgement_office_id="GB000060" if to_britain else "DK005600",
        goods_item_count=2,
        invoice_amount=total(prices, prices[0].currency),
        invoice_id=f"S{tail}",
        consignor=Party(
            name=shop[0], address=Address(line=shop[1], city=shop[2], postcode=shop[3], country_code=shop[4])
        ),
        importer=buyer,
        fiscal_references=(Party(party_id="IM2460000013", role_code="FR5"),) if kind is Kind.DENMARK_IOSS else (),
        consignment=Consignment(
            transport_documents=(
                Document(type_code="N703", document_id=f"LX{serial}{S10Id.check_digit(serial)}{shop[4]}"),
            ),
            border_transport=TransportMeans(mode_code="4", means_id="SK998"),
            gross_mass_kg=sum((item.gross_mass_kg for item in items if item.gross_mass_kg), Decimal("0.050")),
            package_count=1,
            export_country_code=shop[4],
            destination_country_code="GB" if to_britain else "DK",
            arrival_on=on,
        ),
        goods_items=items,
    )


def _item(chance: random.Random, line_no: int, origin: str, kind: Kind) -> GoodsItem:
    ware = chance.choice(WARES)
    count = chance.choice((1, 1, 1, 2, 3))
    price = (Decimal(ware.price) * count * chance.randint(80, 130) / 100).quantize(Decimal("0.01"))
    net = Decimal(ware.mass_kg) * count
    is_vague = chance.random() < 0.005
    return GoodsItem(
        line_no=line_no,
        description="goods" if is_vague else ware.description,
        commodity_code=ware.commodity_code if kind is Kind.BRITAIN else ware.commodity_code[:6],
        origin_country_code=origin,
        net_mass_kg=net,
        gross_mass_kg=net + Decimal("0.020"),
        invoice_price=Money(price, "GBP" if kind is Kind.BRITAIN else "EUR"),
        procedure_code="00" if kind is Kind.BRITAIN else "40",
        previous_procedure_code="20" if kind is Kind.BRITAIN else "00",
        additional_procedure_codes=_ADDITIONAL_PROCEDURES[kind],
        packagings=(Packaging(type_code="PK", count=1),),
    )


def _buyer(chance: random.Random, *, to_britain: bool) -> Party:
    city, postcode = chance.choice(_BRITISH if to_britain else _DANISH)
    return Party(
        name=f"{chance.choice(_FIRST)} {chance.choice(_LAST)}",
        address=Address(
            line=f"{chance.choice(_STREETS)} {chance.randint(1, 180)}",
            city=city,
            postcode=postcode,
            # A Danish private buyer has no number, and only with a number is the country given.
            country_code="GB" if to_britain else "",
        ),
    )


class Kind(StrEnum):
    """Where a consignment goes, and how its tax is paid."""

    DENMARK_IOSS = "denmark_ioss"
    DENMARK = "denmark"
    BRITAIN = "britain"


_ADDITIONAL_PROCEDURES: Final = {Kind.DENMARK_IOSS: ("C07", "F48"), Kind.DENMARK: ("C07",), Kind.BRITAIN: ("21V",)}
KINDS: Final = {
    "json": (Kind.BRITAIN, Kind.DENMARK_IOSS, Kind.DENMARK_IOSS, Kind.DENMARK_IOSS, Kind.DENMARK),
    "h7": (Kind.DENMARK_IOSS, Kind.DENMARK_IOSS, Kind.DENMARK_IOSS, Kind.DENMARK),
    "wco-dm": (Kind.BRITAIN,),
}
