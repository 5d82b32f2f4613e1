"""One parcel before it is declared: what honest people send, and what of it becomes a declaration."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache

import msgspec

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
from tidewaiter.model.money import Money
from tidewaiter.simulation.chance import MILLION, Chance
from tidewaiter.simulation.identities import Identity, People, spoilt
from tidewaiter.simulation.parameters import Marketplace, Parameters

CURRENCY = "EUR"
DECLARED_MIN = 50  # cents a line
_WRAPPING = 20  # grams around the goods of a line
_SKEWED_PERCENT = 95  # of orders go to sellers by popularity, the rest to any


class Line(msgspec.Struct):
    """One line: words, subheading, cents, grams and origin as declared; duty rate per million of what it truly is."""

    words: str
    code: str
    cents: int
    grams: int
    origin: str
    duty: int


class Draft(msgspec.Struct, kw_only=True):
    """A parcel on its way to a declaration. Schemes change it, and say what is true in `true_cents` and the rest."""

    channel: str
    sender: Identity
    receiver: Identity
    route: str
    lines: list[Line]
    marketplace: Marketplace | None
    ioss: str
    is_gift: bool = False
    true_cents: int = 0
    true_grams: int = 0  # of what is inside, without packaging; 0 where it is what the lines say
    order_cents: int = 0
    order_id: str = ""
    is_tax_evaded: bool = False
    true_goods: str = ""
    true_origin: str = ""


class Moment(msgspec.Struct, frozen=True):
    """When: the day, and the week counted from 0."""

    day: date
    week: int


class Drafting:
    """Makes honest parcels of one world."""

    def __init__(self, seed: int, parameters: Parameters, *, is_noisy: bool) -> None:
        self.parameters = parameters
        self.people = People(seed, parameters)
        self.is_noisy = is_noisy
        self._brands = {brand.code: brand for brand in parameters.brands}
        self.marketplaces = lru_cache(maxsize=8)(self._marketplaces)

    def honest(self, chance: Chance, moment: Moment, channel: str) -> Draft:
        """What an honest person ordered from an honest seller, or was given."""
        figures = self.parameters
        if chance.happens(figures.honest_gifts):
            return self.gift(chance, moment, channel)
        draft = self.order(chance, moment, channel, self.popular_seller(chance, moment))
        if (brand := self._brands.get(draft.lines[0].code)) and chance.happens(figures.honest_brands):
            draft.lines[0].words = f"{brand.name} {draft.lines[0].words}"
            draft.lines[0].cents = min(draft.lines[0].cents * 5, figures.threshold // 2)
        return draft

    def order(self, chance: Chance, moment: Moment, channel: str, seller_number: int) -> Draft:
        """An order of one or two lines from this seller by anybody."""
        figures = self.parameters
        seller = self.people.seller(seller_number)
        country = figures.countries[seller.identity.country_code]
        is_late = country.late_route and moment.week >= country.late_from_week and chance.below(10) < 3
        lines = [self.line(chance, moment, self.product(chance, moment, seller.products), seller.identity.country_code)]
        if chance.happens(figures.two_items):
            product = self.product(chance, moment, seller.products)
            lines.append(self.line(chance, moment, product, seller.identity.country_code))
        for line in lines:
            line.cents = max(DECLARED_MIN, line.cents * seller.price_percent // 100)
        places = self.marketplaces(moment.week)
        # A seller stays with its marketplace while the weights move slowly under it.
        place = _at(places, seller.marketplace)
        return Draft(
            channel=channel,
            sender=seller.identity,
            receiver=self.people.person(chance.below(figures.persons)),
            route=country.late_route if is_late else seller.identity.country_code,
            lines=lines,
            marketplace=place,
            ioss=place.ioss if chance.happens(figures.taxed_at_sale) else "",
        )

    def gift(self, chance: Chance, moment: Moment, channel: str) -> Draft:
        """A present from one person to another, within the limit."""
        figures = self.parameters
        code = chance.one_of(sorted(figures.countries))
        sender = self.people.private_sender(chance, code)
        line = self.line(chance, moment, self.product(chance, moment, (chance.below(len(figures.products)),)), code)
        line.cents = min(line.cents * chance.between(1, 3), figures.gift_limit)
        return Draft(
            channel=channel, sender=sender, receiver=self.people.person(chance.below(figures.persons)), route=code,
            lines=[line], marketplace=None, ioss="", is_gift=True,
        )  # fmt: skip

    def popular_seller(self, chance: Chance, moment: Moment) -> int:
        """A seller's number; low ones are more popular, new ones come each week."""
        count = self.parameters.sellers + self.parameters.new_sellers_a_week * moment.week
        if chance.below(100) < _SKEWED_PERCENT:
            return chance.below(count) * chance.below(count) // count
        return chance.below(count)

    def product(self, chance: Chance, moment: Moment, among: tuple[int, ...]) -> int:
        """One of these products that exists by then, in season three times as likely."""
        products = self.parameters.products
        weights = [
            0 if products[i].from_week > moment.week else 3 if moment.day.month in products[i].months else 1
            for i in among
        ]
        if any(weights):
            return among[chance.weighed(weights)]
        return next(i for i, each in enumerate(products) if each.from_week == 0)

    def line(self, chance: Chance, moment: Moment, product: int, origin: str) -> Line:
        """A line of that product; its wording moves from the first to the last over the weeks."""
        ware = self.parameters.products[product]
        is_new_wording = chance.below(100) < min(90, 20 + 2 * moment.week)
        words = chance.one_of(ware.words[1:]) if is_new_wording and len(ware.words) > 1 else ware.words[0]
        count = 2 if chance.below(10) == 0 else 1
        cents = ware.price * count * chance.between(70, 140) // 100
        spread = self.parameters.weighing.spread
        grams = max(1, ware.mass * count * chance.between(100 - spread, 100 + spread) // 100)
        return Line(words, ware.code, cents, grams, origin, ware.duty)

    def declared(self, draft: Draft, chance: Chance, moment: Moment, number: int) -> Declaration:
        """The draft as a declaration; `number` is the parcel's, from 1."""
        figures = self.parameters
        receiver, sender = draft.receiver, draft.sender
        if self.is_noisy:
            receiver = spoilt(receiver, chance, figures)
            sender = spoilt(sender, chance, figures) if draft.marketplace is None else sender
        serial = f"{number % 10**8:08d}"
        flights = figures.countries.get(draft.route, figures.countries[sender.country_code]).flights
        flight = chance.one_of(flights)
        grams = self._gross(draft, chance)
        return Declaration(
            functional_reference_id=f"SW{number:09d}",
            type_code="IMD",
            procedure_category="H7",
            jurisdiction_code=figures.importing_country,
            lodgement_office_id=figures.office,
            goods_item_count=len(draft.lines),
            invoice_amount=_money(sum(line.cents for line in draft.lines)),
            invoice_id=draft.order_id or f"O{number:09d}",
            consignor=_party(sender),
            importer=_party(receiver),
            marketplace=Party(name=draft.marketplace.name) if draft.marketplace else None,
            fiscal_references=(Party(party_id=draft.ioss, role_code="FR5"),) if draft.ioss else (),
            consignment=Consignment(
                transport_documents=(
                    Document(
                        type_code="N703",
                        document_id=f"{'EE' if draft.channel == 'express' else 'LX'}{serial}{S10Id.check_digit(serial)}{sender.country_code}",
                    ),
                ),
                master_document_id=_air_waybill(flight, moment.day),
                border_transport=TransportMeans(mode_code="4", means_id=flight),
                gross_mass_kg=_kilograms(grams),
                package_count=1,
                export_country_code=draft.route,
                destination_country_code=figures.importing_country,
                arrival_on=moment.day,
            ),
            goods_items=tuple(_item(draft, line, no) for no, line in enumerate(draft.lines, 1)),
        )

    def _gross(self, draft: Draft, chance: Chance) -> int:
        """Grams of the whole parcel as the declaration tells: by the carrier's scale, or as the sender wrote it.

        Careless senders write too low a net mass; the scale is right then, too.
        """
        weighing = self.parameters.weighing
        packaging = chance.between(*weighing.packaging) * (3 if chance.below(10) == 0 else 1) + _WRAPPING * len(
            draft.lines
        )
        true = (draft.true_grams or sum(line.grams for line in draft.lines)) + packaging
        if not draft.true_grams:
            for line in draft.lines:
                if chance.happens(weighing.careless):
                    line.grams = max(1, line.grams * chance.between(50, 100) // 100)
        written = sum(line.grams for line in draft.lines) + packaging
        return true if chance.happens(weighing.weighed) else written

    def evaded(self, draft: Draft) -> int:
        """Cents of duty and tax that this world's parameters make owed on what is true and were not declared."""
        figures = self.parameters
        declared = sum(line.cents for line in draft.lines)
        true = draft.true_cents or declared
        is_dutiable = max(draft.order_cents, true) > figures.threshold
        duty = true * draft.lines[0].duty // MILLION if is_dutiable else 0
        owed = duty + (true + duty) * figures.vat // MILLION
        paid = 0 if draft.is_gift or draft.is_tax_evaded else declared * figures.vat // MILLION
        return max(0, owed - paid)

    def _marketplaces(self, week: int) -> tuple[tuple[int, Marketplace], ...]:
        """Marketplaces of that week with the running sum of their weights, per million."""
        open_ones = [each for each in self.parameters.marketplaces if each.from_week <= week]
        weights = [max(1, each.weight + each.growth * (week - each.from_week)) for each in open_ones]
        return tuple((sum(weights[: i + 1]) * MILLION // sum(weights), each) for i, each in enumerate(open_ones))


def _at(places: tuple[tuple[int, Marketplace], ...], point: int) -> Marketplace:
    return next((place for bound, place in places if point < bound), places[-1][1])


def _item(draft: Draft, line: Line, line_no: int) -> GoodsItem:
    codes = ("C08",) if draft.is_gift else ("C07", "F48") if draft.ioss else ("C07",)
    return GoodsItem(
        line_no=line_no,
        description=line.words,
        commodity_code=line.code,
        origin_country_code=line.origin,
        net_mass_kg=_kilograms(line.grams),
        gross_mass_kg=_kilograms(line.grams + _WRAPPING),
        invoice_price=_money(line.cents),
        procedure_code="40",
        previous_procedure_code="00",
        additional_procedure_codes=codes,
        packagings=(Packaging(type_code="PK", count=1),),
    )


def _party(identity: Identity) -> Party:
    return Party(
        name=identity.name,
        address=Address(
            line=identity.line, city=identity.city, postcode=identity.postcode, country_code=identity.country_code
        ),
        phone=identity.phone,
    )


def _money(cents: int) -> Money:
    return Money(Decimal(cents).scaleb(-2), CURRENCY)


def _kilograms(grams: int) -> Decimal:
    return Decimal(grams).scaleb(-3)


def _air_waybill(flight: str, day: date) -> str:
    """A master waybill for each flight and day: prefix 000, which no airline has, and seven digits with their check digit."""
    serial = (sum(flight.encode()) % 100) * 100_000 + day.toordinal() % 100_000
    return f"000-{serial:07d}{serial % 7}"
