"""How a basket is told to customs: as the declaration that its seller, post or courier would most likely make.

What differs by jurisdiction (the code for a gift, how a seller's registration is shown) is data under
`data/quotes/`, looked up from the jurisdiction to what its law builds on. What every declaration must say and no
basket can (names, a mass) is filled with stand-ins that no amount depends on.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec
from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tidewaiter.model.declaration import (
    AdditionalInformation,
    Address,
    Consignment,
    Declaration,
    GoodsItem,
    Party,
    TransportMeans,
)
from tidewaiter.model.errors import LawDataError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.identifiers import country_codes
from tidewaiter.quotes.basket import Basket, BasketItem
from tidewaiter.regimes.library import lineage

SELLER: Final = "the seller"
BUYER: Final = "the buyer"
STAND_IN_KG: Final = Decimal(1)  # where no line says what it weighs; only datasets ask, no charge is reckoned on it
VALUE_LENGTH_MAX: Final = 200  # as in every finding
ANY_CHARACTER: Final = "·"


class TradeTold(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a declaration says of one kind of trade."""

    additional_procedure_codes: tuple[str, ...] = ()
    procedure_category: str = ""
    statement_code: str = ""


class Registration(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A registration under which a seller charges the tax at the sale, and how a declaration shows it.

    `shapes` are numbers by their beginning and length ("IM··········");
    `stand_in` is declared where the buyer does not know the number.
    """

    title: str
    measure_id: str  # of the scheme it leads to: offered on days on which that is law
    shapes: tuple[str, ...] = ()
    stand_in: str = ""
    additional_procedure_codes: tuple[str, ...] = ()
    fiscal_role_code: str = ""  # the number stands among the fiscal references; else it is the seller's
    statement_code: str = ""

    def fits(self, number: str) -> bool:
        """True for a number built as those of this registration are."""
        return not self.shapes or any(
            len(number) == len(shape) and number.startswith(shape.rstrip(ANY_CHARACTER)) for shape in self.shapes
        )


class _Page(Struct, frozen=True, forbid_unknown_fields=True):
    """A file under `data/quotes`."""

    title: str
    trades: dict[str, dict[str, TradeTold]] = {}  # trade → day from which → how it is told
    registrations: tuple[Registration, ...] = ()
    note: str = ""


class Told(Struct, frozen=True):
    """A basket as a declaration, with what was to be said of the basket itself."""

    declaration: Declaration
    findings: tuple[Finding, ...] = ()


def registration_of(jurisdiction_code: str, measure_ids: Sequence[str]) -> Registration | None:
    """The registration that a seller may have in a jurisdiction, given the schemes in force; None where there is none.

    Raises NotInForceError for a jurisdiction that is not modelled.
    """
    for page in _pages(jurisdiction_code):
        for registration in page.registrations:
            if registration.measure_id in measure_ids:
                return registration
    return None


def tell(basket: Basket, on: date, registration: Registration | None) -> Told:
    """The declaration of a basket on a day. Raises NotInForceError for a jurisdiction that is not modelled."""
    trade = _trade(basket, on)
    is_registered = basket.is_taxed_at_sale or bool(basket.seller_registration_id)
    shown = registration if is_registered else None
    number = basket.seller_registration_id or (shown.stand_in if shown else "")
    codes = trade.additional_procedure_codes + (shown.additional_procedure_codes if shown else ())
    is_fiscal = shown is not None and bool(shown.fiscal_role_code)
    declaration = Declaration(
        jurisdiction_code=basket.jurisdiction_code,
        procedure_category=trade.procedure_category,
        freight=basket.freight,
        insurance=basket.insurance,
        discount=basket.discount,
        seller=Party(name=SELLER, party_id="" if is_fiscal else number),
        buyer=Party(name=BUYER),
        consignee=_consignee(basket),
        fiscal_references=(Party(party_id=number, role_code=shown.fiscal_role_code),) if shown and is_fiscal else (),
        additional_information=tuple(
            AdditionalInformation(statement_code=said.statement_code)
            for said in (trade, shown)
            if said is not None and said.statement_code
        ),
        consignment=_consignment(basket),
        goods_items=tuple(_goods_item(item, place, codes) for place, item in enumerate(basket.goods_items, 1)),
    )
    return Told(declaration, (*_about_registration(basket, registration), *_about_country(basket)))


def _about_registration(basket: Basket, registration: Registration | None) -> Sequence[Finding]:
    number = basket.seller_registration_id
    if registration is None:
        if not (number or basket.is_taxed_at_sale):
            return ()
        words = "No registration under which a seller charges the tax at the sale is known here on that day."
        hint = "The quote is reckoned as if the seller had none."
        return [Finding("quote.no_registration", Severity.WARNING, "seller_registration_id", words, number[:VALUE_LENGTH_MAX], hint)]  # fmt: skip
    if number and not registration.fits(number):
        words = f"This is not built as a number of the {registration.title} is."
        hint = f"Such a number looks like {' or '.join(registration.shapes)}; leave it empty if you do not know it."
        return [Finding("quote.registration_shape", Severity.ERROR, "seller_registration_id", words, number[:VALUE_LENGTH_MAX], hint)]  # fmt: skip
    return ()


def _about_country(basket: Basket) -> Sequence[Finding]:
    code = basket.export_country_code
    if not code or code in country_codes():
        return ()
    words = "No country has this code."
    hint = "Use the two letters of ISO 3166-1."
    return [Finding("code.country", Severity.ERROR, "export_country_code", words, code[:VALUE_LENGTH_MAX], hint)]


def _goods_item(item: BasketItem, line_no: int, codes: tuple[str, ...]) -> GoodsItem:
    return GoodsItem(
        line_no=line_no,
        description=item.description,
        commodity_code=item.commodity_code,
        origin_country_code=item.origin_country_code,
        invoice_price=item.invoice_price,
        quantity=item.quantity,
        quantity_unit=item.quantity_unit,
        gross_mass_kg=item.gross_mass_kg,
        net_mass_kg=item.net_mass_kg,
        additional_procedure_codes=codes,
    )


def _consignee(basket: Basket) -> Party | None:
    """Named only where the state or province decides a rate."""
    if not basket.destination_subdivision:
        return None
    address = Address(subdivision=basket.destination_subdivision, country_code=basket.jurisdiction_code)
    return Party(name=BUYER, address=address)


def _consignment(basket: Basket) -> Consignment:
    means = TransportMeans(mode_code=basket.transport_mode_code) if basket.transport_mode_code else None
    is_weighed = all(item.gross_mass_kg or item.net_mass_kg for item in basket.goods_items)
    return Consignment(
        border_transport=means,
        export_country_code=basket.export_country_code,
        gross_mass_kg=None if is_weighed else STAND_IN_KG,
    )


def _trade(basket: Basket, on: date) -> TradeTold:
    for page in _pages(basket.jurisdiction_code):
        dated = page.trades.get(basket.trade.value)
        if dated is not None:
            days = sorted(day for day in dated if date.fromisoformat(day) <= on)
            return dated[days[-1]] if days else TradeTold()
    return TradeTold()


@cache
def _pages(jurisdiction_code: str) -> tuple[_Page, ...]:
    """The files that speak of a jurisdiction, its own first."""
    codes = [book.code for book in reversed(lineage(jurisdiction_code))]
    return tuple(page for page in map(_page, codes) if page is not None)


@cache
def _page(code: str) -> _Page | None:
    file = resources.files("tidewaiter.data") / "quotes" / f"{code}.yaml"
    if not file.is_file():
        return None
    place = f"quotes/{code}.yaml"
    try:
        plain: Any = YAML(typ="safe", pure=True).load(io.StringIO(file.read_text("utf-8")))
        return msgspec.convert(plain, type=_Page, strict=True)
    except (YAMLError, msgspec.ValidationError) as error:
        raise LawDataError(f"{place}: {' '.join(str(error).split())}", place=place) from error
