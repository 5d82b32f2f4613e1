"""The figures of a simulated world: typed, with the public figures they lean on, and a digest over all of them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from importlib.resources import files

import msgspec
from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tidewaiter.model.canonical import canonical_bytes, digest
from tidewaiter.model.errors import TidewaiterError


class ParametersError(TidewaiterError):
    """The parameters of a simulation cannot be used."""

    code = "simulation.parameters"


class Kind(StrEnum):
    """What actors do. Each has its own way of making a parcel (`simulation.schemes`)."""

    UNDERVALUATION = "undervaluation"
    SPLITTING = "splitting"
    GIFT_ABUSE = "gift_abuse"
    MISDESCRIPTION = "misdescription"
    ORIGIN_FRAUD = "origin_fraud"
    COUNTERFEIT = "counterfeit"
    LINKED_DRUG_SENDERS = "linked_drug_senders"
    NEW_IMPORTERS = "new_importers"
    BORROWED_IOSS = "borrowed_ioss"


class _Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is written in YAML: unknown keys are refused."""


class Prior(_Part, frozen=True, kw_only=True):
    """A public figure, who says so, and what this world makes of it."""

    figure: str
    source: str
    address: str | None = None
    read_on: date | None = None
    status: str
    used_for: str


class Channel(_Part, frozen=True, kw_only=True):
    """A way in: its share of parcels, and how many of them are violative, both per million."""

    share: int
    violative: int


class Product(_Part, frozen=True, kw_only=True):
    """Goods people order. `price` in cents and `mass` in grams are usual ones; `duty` is per million of the value;
    `months` lists the months in which three times as much is ordered; `from_week` is when it appears.
    """

    code: str
    price: int
    mass: int
    duty: int
    words: tuple[str, ...]
    months: tuple[int, ...] = ()
    from_week: int = 0


class Country(_Part, frozen=True, kw_only=True):
    """Where parcels come from: weight among all, dialling code, cities with postcodes, flights, and names of its sellers.

    From `late_from_week` three of ten parcels go by way of `late_route`.
    """

    weight: int
    dial: str
    cities: tuple[tuple[str, str], ...]
    flights: tuple[str, ...]
    names: tuple[str, ...]
    late_route: str = ""
    late_from_week: int = 0


class Marketplace(_Part, frozen=True, kw_only=True):
    """A marketplace: name, IOSS number, weight at the start, and what is added to it each week."""

    name: str
    ioss: str
    weight: int
    growth: int = 0
    from_week: int = 0


class Scheme(_Part, frozen=True, kw_only=True):
    """One scheme. `share` is its weight among violative parcels, `slots` how many actors are at work at once; an actor
    lives `lives` weeks (least, most) and changes its ways after `adapts_after` weeks; between two actors of a slot lie
    up to `rests` weeks; `from_week` is when the scheme appears; `detected` is how many of a million examinations of
    such a parcel find it.
    """

    share: int
    slots: int
    lives: tuple[int, int]
    adapts_after: int
    rests: int
    detected: int
    from_week: int = 0


class Brand(_Part, frozen=True, kw_only=True):
    """A made-up brand: its name, the code of its goods, and the wordings that counterfeiters move to, in order."""

    name: str
    code: str
    disguises: tuple[str, ...]


class Hidden(_Part, frozen=True, kw_only=True):
    """Goods that misdescribed parcels truly hold: what they are, and grams and cents of one piece."""

    words: str
    mass: int
    price: int


class Weighing(_Part, frozen=True, kw_only=True):
    """How masses come about. `weighed` of a million parcels have the gross mass that the carrier's scale showed, the
    others what the sender wrote; pieces of one product differ by up to `spread` per cent; `careless` of a million honest
    lines have a net mass written too low, by up to half; packaging weighs `packaging` grams (least, most), of one parcel in
    ten three times that.
    """

    weighed: int
    spread: int
    careless: int
    packaging: tuple[int, int]


class Noise(_Part, frozen=True, kw_only=True):
    """How identities are spoilt, each per million of parcels."""

    typo: int
    transliteration: int
    address_variant: int
    initial: int
    phone_form: int


class Parameters(_Part, frozen=True, kw_only=True):
    """All figures of a world. Amounts are cents of EUR, shares per million."""

    version: str
    first_day: date
    persons: int
    sellers: int
    new_sellers_a_week: int
    importing_country: str
    office: str
    threshold: int
    gift_limit: int
    vat: int
    honest_gifts: int
    honest_brands: int
    taxed_at_sale: int
    two_items: int
    months: tuple[int, ...]
    false_alarms: int
    noise: Noise
    channels: Mapping[str, Channel]
    priors: tuple[Prior, ...]
    products: tuple[Product, ...]
    countries: Mapping[str, Country]
    marketplaces: tuple[Marketplace, ...]
    brands: tuple[Brand, ...]
    schemes: Mapping[Kind, Scheme]
    weighing: Weighing
    hidden_goods: tuple[Hidden, ...]
    drug_covers: tuple[int, ...]
    cover_products: tuple[int, ...]
    drug_countries: tuple[str, ...]
    false_origins: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    streets: tuple[str, ...]
    towns: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes of all figures."""
        return digest(canonical_bytes(self))


def shipped() -> Parameters:
    """The parameters that ship with the package."""
    return read(files("tidewaiter.data").joinpath("simulation", "world.yaml").read_bytes(), "simulation/world.yaml")


def read(content: bytes, place: str) -> Parameters:
    """Parameters of YAML text. Raises ParametersError that names `place` and what is wrong there."""
    try:
        plain = YAML(typ="safe", pure=True).load(io.StringIO(content.decode()))
        parameters = msgspec.convert(plain, type=Parameters, strict=True)
    except (YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        detail = " ".join(str(error).split())
        raise ParametersError(f"{place}: {detail}", hint="Begin with a copy of data/simulation/world.yaml.") from error
    _check(parameters, place)
    return parameters


def _check(parameters: Parameters, place: str) -> None:
    """Raises ParametersError for what has the right types and no sense."""
    wares = len(parameters.products)
    wrong = {
        "schemes: name each of " + ", ".join(Kind): set(parameters.schemes) != set(Kind),
        "months: twelve weights above 0": len(parameters.months) != 12 or min(parameters.months) <= 0,
        "channels: shares that sum to 1000000": sum(each.share for each in parameters.channels.values()) != 1_000_000,
        "products: one at least from week 0": not any(each.from_week == 0 for each in parameters.products),
        "marketplaces: one at least from week 0": not any(each.from_week == 0 for each in parameters.marketplaces),
        "drug_countries, false_origins: countries that are described": not (
            {*parameters.drug_countries, *parameters.false_origins} <= set(parameters.countries)
        ),
        "cover_products, drug_covers: positions of products": not all(
            0 <= index < wares for index in (*parameters.cover_products, *parameters.drug_covers)
        ),
        "brands: one at least, each with the code of a product": not parameters.brands
        or not {each.code for each in parameters.brands} <= {each.code for each in parameters.products},
        "hidden_goods: one at least, mass and price above 0": min(
            (min(each.mass, each.price) for each in parameters.hidden_goods), default=0
        )
        <= 0,
        "weighing: spread up to 99, packaging from least to most": not (
            0 <= parameters.weighing.spread < 100
            and 0 <= parameters.weighing.packaging[0] <= parameters.weighing.packaging[1]
        ),
        "persons, sellers: above 0": min(parameters.persons, parameters.sellers) <= 0,
        "schemes: one at least from week 0": not any(s.from_week == 0 and s.share for s in parameters.schemes.values()),
        "schemes: slots above 0, lives from 1 up": any(
            s.slots <= 0 or s.lives[0] < 1 or s.lives[1] < s.lives[0] or s.rests < 0 or s.share < 0
            for s in parameters.schemes.values()
        ),
    }
    for words, is_wrong in wrong.items():
        if is_wrong:
            raise ParametersError(f"{place}: {words}", hint="See data/simulation/world.yaml.")
