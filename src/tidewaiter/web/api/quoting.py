"""Quotes: asked for and read again by their number, by anyone. A basket holds no person, and no list is told."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Body, PathParameter
from msgspec import Meta, Struct

from tidewaiter.model.assessment import Assessment, Citation
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import BYTES_MAX, GOODS_ITEMS_MAX, Basket, BasketItem, Trade
from tidewaiter.quotes.quote import Entry
from tidewaiter.revenue.obligations import Obligation
from tidewaiter.web.api.described import refusals
from tidewaiter.web.api.shapes import Amount, FindingShape
from tidewaiter.web.house import House
from tidewaiter.web.pace import keep_pace
from tidewaiter.workflow.quoting import GivenQuote

TAGS: Final = ["Quotes"]
TEXT_MAX: Final = 512
DECIMAL: Final = r"^-?[0-9]{1,18}(\.[0-9]{1,12})?$"

Number = Annotated[str, Meta(pattern=DECIMAL, description="A decimal as text")]
Country = Annotated[str, Meta(pattern="^([A-Za-z]{2})?$", description="ISO 3166-1 alpha-2")]


class Price(Struct, frozen=True, forbid_unknown_fields=True):
    """An amount with its currency."""

    amount: Annotated[str, Meta(pattern=DECIMAL, description="Major units as a decimal text", examples=["25.00"])]
    currency: Annotated[str, Meta(pattern="^[A-Za-z]{3}$", description="ISO 4217", examples=["EUR"])]

    def money(self) -> Money:
        """The amount as it is reckoned with."""
        return Money(Decimal(self.amount), self.currency.upper())


class AskedItem(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of the basket."""

    description: Annotated[str, Meta(max_length=TEXT_MAX, description="What the goods are, in plain words")]
    invoice_price: Annotated[Price, Meta(description="Price of the whole line, without transport")]
    commodity_code: Annotated[str, Meta(max_length=22, description="6 to 10 digits", examples=["610910"])] = ""
    origin_country_code: Country = ""
    quantity: Number | None = None
    quantity_unit: Annotated[str, Meta(max_length=3, description="UNECE Rec. 20; pieces where none is given")] = ""
    gross_mass_kg: Number | None = None
    net_mass_kg: Number | None = None

    def item(self) -> BasketItem:
        """The line as a basket holds it."""
        return BasketItem(
            description=self.description,
            commodity_code=self.commodity_code,
            origin_country_code=self.origin_country_code.upper(),
            invoice_price=self.invoice_price.money(),
            quantity=_decimal(self.quantity),
            quantity_unit=self.quantity_unit,
            gross_mass_kg=_decimal(self.gross_mass_kg),
            net_mass_kg=_decimal(self.net_mass_kg),
        )


class QuoteRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A basket, and the day it is asked for."""

    jurisdiction_code: Annotated[str, Meta(pattern="^[A-Za-z]{2}$", description="Where the goods go", examples=["GB"])]
    goods_items: Annotated[list[AskedItem], Meta(min_length=1, max_length=GOODS_ITEMS_MAX)]
    on: Annotated[date | None, Meta(description="The legal day; today where none is given")] = None
    trade: Annotated[Literal["online", "gift", "business"], Meta(description="Between whom the goods go")] = "online"
    export_country_code: Country = ""
    destination_subdivision: Annotated[
        str, Meta(max_length=3, description="State or province, where a tax depends on it", examples=["ON"])
    ] = ""
    transport_mode_code: Annotated[
        str, Meta(pattern="^[1-9]?$", description="UNECE Rec. 19: 5 post; empty for couriers and anyone else")
    ] = ""
    freight: Price | None = None
    insurance: Price | None = None
    discount: Price | None = None
    is_taxed_at_sale: Annotated[bool, Meta(description="The seller is registered and charges the tax")] = False
    seller_registration_id: Annotated[str, Meta(max_length=40, description="IOSS, VOEC, GST … number, if known")] = ""

    def basket(self) -> Basket:
        """The basket as it is quoted."""
        return Basket(
            jurisdiction_code=self.jurisdiction_code.upper(),
            goods_items=tuple(item.item() for item in self.goods_items),
            trade=Trade(self.trade),
            export_country_code=self.export_country_code.upper(),
            destination_subdivision=self.destination_subdivision,
            transport_mode_code=self.transport_mode_code,
            freight=_money(self.freight),
            insurance=_money(self.insurance),
            discount=_money(self.discount),
            is_taxed_at_sale=self.is_taxed_at_sale,
            seller_registration_id=self.seller_registration_id,
        )


class ControlShape(Struct, frozen=True):
    """A prohibition or restriction that concerns a line."""

    kind: Annotated[str, Meta(description="prohibited or restricted")]
    pointer: Annotated[str, Meta(description="Which line", examples=["goods_items[1].description"])]
    words: str
    permit_code: Annotated[str, Meta(description="The document that would let the goods in; empty where none does")]
    permit_words: str
    source: Citation | None


class AdmissionShape(Struct, frozen=True):
    """Whether the goods may come in, by goods controls alone."""

    entry: Annotated[Entry, Meta(description="free, permit, prohibited, or unknown where no controls are entered")]
    controls_of: Annotated[str, Meta(description="Whose controls decide; empty where only treaties' are known")]
    looked_at: Annotated[str, Meta(description="The titles of all controls that were looked at")]
    controls: list[ControlShape]


class CostShape(Struct, frozen=True, kw_only=True):
    """What it comes to, in the currency of the place."""

    goods: Amount | None
    transport: Amount | None
    due: Annotated[Amount | None, Meta(description="To be paid at the border")]
    collected_at_sale: Annotated[Amount | None, Meta(description="Charged by the seller with the price")]
    total: Amount | None
    is_known: Annotated[bool, Meta(description="False where something more is owed that could not be worked out")]


class QuoteShape(Struct, frozen=True, kw_only=True):
    """A quote as it travels."""

    quote_id: Annotated[str, Meta(description="The number a declaration may name as quote_id", examples=["TWQ-…"])]
    given_at: datetime
    jurisdiction_code: str
    legal_day: date
    valid_until: Annotated[
        date, Meta(description="Last day on which the law is known to be the same; rates may differ")
    ]
    cost: CostShape
    admission: AdmissionShape
    obligations: Annotated[list[Obligation], Meta(description="Who owes what to whom, and when it is due")]
    findings: list[FindingShape]
    unresolved: Annotated[list[str], Meta(description="What could not be worked out")]
    words: Annotated[list[str], Meta(description="How it was worked out, in plain words")]
    dataset: str
    regime_digest: str
    assessment: Annotated[Assessment, Meta(description="Every charge with base, rate, rounding, steps and citations")]
    basket: Basket

    @classmethod
    def of(cls, given: GivenQuote) -> QuoteShape:
        """The quote as it travels."""
        quote, cost, admission = given.quote, given.quote.cost, given.quote.admission
        return cls(
            quote_id=str(given.quote_id),
            given_at=given.given_at,
            jurisdiction_code=quote.basket.jurisdiction_code,
            legal_day=quote.legal_day,
            valid_until=quote.valid_until,
            cost=CostShape(
                goods=Amount.of(cost.goods), transport=Amount.of(cost.transport), due=Amount.of(cost.due),
                collected_at_sale=Amount.of(cost.collected_at_sale), total=Amount.of(cost.total), is_known=cost.is_known,
            ),
            admission=AdmissionShape(
                entry=admission.entry,
                controls_of=admission.controls_of,
                looked_at=admission.looked_at,
                controls=[
                    ControlShape(
                        each.kind.value, each.pointer, each.words, each.permit_code, each.permit_words,
                        admission.citations.get(each.measure_id),
                    )
                    for each in admission.controls
                ],
            ),
            obligations=list(quote.obligations),
            findings=[FindingShape.of(each) for each in quote.findings],
            unresolved=list(quote.assessment.unresolved),
            words=list(quote.words),
            dataset=quote.dataset,
            regime_digest=quote.regime_digest,
            assessment=quote.assessment,
            basket=quote.basket,
        )  # fmt: skip


@post(
    "/quotes",
    sync_to_thread=True,
    status_code=201,
    summary="What will it cost, may it come in, who pays, when",
    operation_id="giveQuote",
    security=[{}],
    tags=TAGS,
    request_max_body_size=BYTES_MAX,
    responses={
        201: ResponseSpec(QuoteShape, description="The quote, kept under its number", generate_examples=False),
        **refusals(
            "request.invalid",
            "law.not_in_force",
            "message.limit",
            "quote.impossible",
            "auth.slow_down",
            "store.database",
        ),
    },
)
def give_quote(
    request: Request[Any, Any, State],
    house: NamedDependency[House],
    data: Annotated[QuoteRequest, Body(description="The basket")],
) -> Response[QuoteShape]:
    """A quote under the law of a day. The same basket on the same day has the same number."""
    keep_pace(request, house.quote_pace, house.settings.quotes_a_minute_max)
    given = house.quoting.give(data.basket(), data.on)
    return Response(QuoteShape.of(given), status_code=201, headers={"Location": f"/api/v1/quotes/{given.quote_id}"})


@get(
    "/quotes/{quote_id:str}",
    sync_to_thread=True,
    summary="A quote by its number",
    operation_id="readQuote",
    security=[{}],
    tags=TAGS,
    responses=refusals("identifier.invalid", "quote.forged", "not_found"),
)
def read_quote(
    house: NamedDependency[House],
    quote_id: Annotated[str, PathParameter(max_length=200, description="Its number: TWQ-…")],
) -> QuoteShape:
    """The quote as it was given. A number that was not issued here, or was altered, is refused."""
    return QuoteShape.of(house.quoting.find(quote_id))


def _money(price: Price | None) -> Money | None:
    return None if price is None else price.money()


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
