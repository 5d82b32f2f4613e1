"""What each scheme does to a parcel. An actor's first ways are easy to see; after it adapts they are less so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.simulation.actors import Actor
from tidewaiter.simulation.chance import Chance
from tidewaiter.simulation.drafting import DECLARED_MIN, Draft, Drafting, Moment
from tidewaiter.simulation.identities import PERSONS_A_HOUSEHOLD, Identity, address_variant
from tidewaiter.simulation.parameters import Kind

ORDER_PARCELS: Final = (2, 5)  # parcels of one split order, least and most
FRESH_PERSONS: Final = 500  # of one burst of new importers


class Deed(Struct, frozen=True):
    """An actor at work: `own` gives the same draws each time for this actor, `chance` is the parcel's."""

    actor: Actor
    seed: int
    moment: Moment
    channel: str
    chance: Chance

    @property
    def has_adapted(self) -> bool:
        """True once it changed its ways."""
        return self.actor.phase(self.moment.week) > 0

    def own(self, *words: str | int) -> Chance:
        """The actor's own stream for something that stays the same."""
        return Chance(self.seed, self.actor.actor_id, *words)


def draft_of(drafting: Drafting, deed: Deed) -> Draft:
    """The parcel that this actor sends now. For splitting it is one of the order's; see `split`."""
    return _SCHEMES[deed.actor.kind](drafting, deed)


def split(drafting: Drafting, deed: Deed, order_id: str) -> list[tuple[int, Draft]]:
    """The parcels of one order over the threshold, each below it, with the days from now on which they come."""
    first = draft_of(drafting, deed)
    chance, figures = deed.chance, drafting.parameters
    count = chance.between(*ORDER_PARCELS)
    values = [chance.between(figures.threshold // 2 + 1, figures.threshold - 1) for _ in range(count)]
    member = deed.own("person").below(figures.persons) // PERSONS_A_HOUSEHOLD * PERSONS_A_HOUSEHOLD
    parcels = []
    for index, cents in enumerate(values):
        receiver = drafting.people.person(member + (index % PERSONS_A_HOUSEHOLD if deed.has_adapted else 0))
        if deed.has_adapted and chance.below(2):
            receiver = replace(receiver, line=address_variant(receiver.line, chance))
        lines = [replace(first.lines[0], cents=cents)]
        days = chance.below(6 if deed.has_adapted else 3) if index else 0
        number = order_id if not deed.has_adapted else ""
        parcels.append((days, replace(first, receiver=receiver, lines=lines, order_cents=sum(values), order_id=number)))
    return parcels


def _bought(drafting: Drafting, deed: Deed) -> Draft:
    """An order of one line from the actor's own seller."""
    draft = drafting.order(
        deed.chance, deed.moment, deed.channel, deed.own("seller").below(drafting.parameters.sellers)
    )
    del draft.lines[1:]
    return draft


def _undervalued(drafting: Drafting, deed: Deed) -> Draft:
    draft = _bought(drafting, deed)
    line, chance = draft.lines[0], deed.chance
    true = min(line.cents * chance.between(200, 800) // 100, drafting.parameters.threshold * 4)
    if deed.has_adapted:
        line.cents = min(true * chance.between(35, 65) // 100, drafting.parameters.threshold - 100)
    else:  # a favourite price or two, whatever is inside
        line.cents = chance.one_of((deed.own("price").between(180, 400), deed.own("other").between(400, 700)))
    draft.true_cents = max(true, line.cents * 3 // 2)
    return draft


def _split(drafting: Drafting, deed: Deed) -> Draft:
    return _bought(drafting, deed)


def _false_gift(drafting: Drafting, deed: Deed) -> Draft:
    draft = _bought(drafting, deed)
    own = drafting.people.private_sender(deed.own("sender"), draft.sender.country_code)
    names = drafting.people.private_sender(
        deed.chance if deed.has_adapted else deed.own("name", deed.chance.below(3)), draft.sender.country_code
    )
    line = names.line if deed.has_adapted else own.line
    draft.sender = replace(own, name=names.name, line=line)
    draft.true_cents = deed.chance.between(3_000, 20_000)
    draft.lines[0].cents = min(draft.true_cents // 3, drafting.parameters.gift_limit)
    draft.marketplace, draft.ioss, draft.is_gift = None, "", True
    return draft


def _misdescribed(drafting: Drafting, deed: Deed) -> Draft:
    figures, draft = drafting.parameters, _bought(drafting, deed)
    cover = deed.own("cover", min(deed.actor.phase(deed.moment.week), 3)).one_of(figures.cover_products)
    draft.lines = [drafting.line(deed.chance, deed.moment, cover, draft.sender.country_code)]
    hidden, line = deed.own("goods").one_of(figures.hidden_goods), draft.lines[0]
    draft.true_goods = hidden.words
    draft.true_cents = deed.chance.between(2_000, 9_000)
    draft.true_grams = hidden.mass * max(1, draft.true_cents // hidden.price)
    # Once adapted, the net mass is written to agree with the scale; for such a cover it is still unusual.
    line.grams = draft.true_grams if deed.has_adapted else min(line.grams, draft.true_grams)
    return draft


def _false_origin(drafting: Drafting, deed: Deed) -> Draft:
    figures, draft = drafting.parameters, _bought(drafting, deed)
    line = draft.lines[0]
    others = [code for code in figures.false_origins if code != draft.sender.country_code]
    draft.true_origin, line.origin = line.origin, deed.own("origin").one_of(others or figures.false_origins)
    line.cents = deed.chance.between(3_000, figures.threshold - 1_000)
    if deed.has_adapted:
        draft.route = line.origin
    return draft


def _counterfeit(drafting: Drafting, deed: Deed) -> Draft:
    figures, draft = drafting.parameters, _bought(drafting, deed)
    brand = deed.own("brand").one_of(figures.brands)
    wordings = (brand.name, *brand.disguises)
    wording = wordings[min(deed.actor.phase(deed.moment.week), len(wordings) - 1)]
    product = next(index for index, each in enumerate(figures.products) if each.code == brand.code)
    line = drafting.line(deed.chance, deed.moment, product, draft.sender.country_code)
    line.words = f"{wording} {line.words}"
    draft.lines = [line]
    draft.true_goods = f"counterfeit {brand.name}"
    return draft


def _drugs(drafting: Drafting, deed: Deed) -> Draft:
    figures, phase = drafting.parameters, deed.actor.phase(deed.moment.week)
    country = deed.own("country").one_of(figures.drug_countries)
    ring = drafting.people.private_sender(deed.own("ring"), country)
    name = drafting.people.private_sender(deed.own("name", phase, deed.chance.below(3)), country).name
    phone = drafting.people.private_sender(deed.own("phone", phase), country).phone
    line = drafting.line(deed.chance, deed.moment, deed.own("cover", phase).one_of(figures.drug_covers), country)
    return Draft(
        channel=deed.channel,
        sender=replace(ring, name=name, phone=phone),  # the address stays when names and phones change
        receiver=drafting.people.person(deed.own("receiver", deed.chance.below(12)).below(figures.persons)),
        route=country,
        lines=[line],
        marketplace=None,
        ioss="",
        true_goods="narcotics",
    )


def _new_importer(drafting: Drafting, deed: Deed) -> Draft:
    figures, draft = drafting.parameters, _bought(drafting, deed)
    drop = drafting.people.person(figures.persons + deed.own("drop").below(10**9))
    fresh = drafting.people.person(
        figures.persons + deed.own("persons").below(10**9) + deed.chance.below(FRESH_PERSONS)
    )
    draft.receiver = _at_drop(drop, fresh, deed)
    draft.true_cents = draft.lines[0].cents * deed.chance.between(300, 900) // 100
    draft.lines[0].cents = max(DECLARED_MIN, draft.true_cents * deed.chance.between(20, 40) // 100)
    return draft


def _at_drop(drop: Identity, fresh: Identity, deed: Deed) -> Identity:
    if not deed.has_adapted:
        return replace(drop, name=fresh.name)
    return replace(drop, name=fresh.name, line=address_variant(drop.line, deed.chance), phone=fresh.phone)


def _borrowed_number(drafting: Drafting, deed: Deed) -> Draft:
    draft = _bought(drafting, deed)
    numbers = [each.ioss for each in drafting.parameters.marketplaces if each.from_week <= deed.moment.week]
    draft.ioss = deed.own("number", deed.actor.phase(deed.moment.week)).one_of(numbers)
    draft.marketplace, draft.is_tax_evaded = None, True
    return draft


_SCHEMES: Final[Mapping[Kind, Callable[[Drafting, Deed], Draft]]] = {
    Kind.UNDERVALUATION: _undervalued,
    Kind.SPLITTING: _split,
    Kind.GIFT_ABUSE: _false_gift,
    Kind.MISDESCRIPTION: _misdescribed,
    Kind.ORIGIN_FRAUD: _false_origin,
    Kind.COUNTERFEIT: _counterfeit,
    Kind.LINKED_DRUG_SENDERS: _drugs,
    Kind.NEW_IMPORTERS: _new_importer,
    Kind.BORROWED_IOSS: _borrowed_number,
}
