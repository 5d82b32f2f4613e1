"""Who takes part: persons in households, sellers, and how their names, addresses and phones are written.

Nobody is kept in memory: a person or seller is worked out from seed and number.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from tidewaiter.simulation.chance import Chance
from tidewaiter.simulation.parameters import Parameters

PERSONS_A_HOUSEHOLD = 3
PRODUCTS_A_SELLER = 5
_LATIN = str.maketrans({"ø": "o", "Ø": "O", "å": "aa", "Å": "Aa", "æ": "ae", "Æ": "Ae"})
_GERMAN = str.maketrans({"ø": "oe", "Ø": "Oe", "å": "a", "Å": "A", "æ": "ae", "Æ": "Ae"})


class Identity(Struct, frozen=True):
    """A person or business as it would be written without a mistake."""

    name: str
    line: str
    city: str
    postcode: str
    country_code: str = ""
    phone: str = ""


class Seller(Struct, frozen=True):
    """A seller: who it is, what it sells (positions among products), its level of prices in per cent."""

    number: int
    identity: Identity
    marketplace: int
    products: tuple[int, ...]
    price_percent: int


class People:
    """The persons and sellers of one world."""

    def __init__(self, seed: int, parameters: Parameters) -> None:
        self._seed = seed
        self._parameters = parameters
        self._codes = tuple(sorted(parameters.countries))  # the order in the file is no figure
        self._weights = tuple(parameters.countries[code].weight for code in self._codes)
        self.seller = lru_cache(maxsize=20_000)(self._seller)

    def person(self, number: int) -> Identity:
        """A person; the three of one household share address and last name, and one in three their phone."""
        figures = self._parameters
        home = Chance(self._seed, "household", number // PERSONS_A_HOUSEHOLD)
        last = home.one_of(figures.last_names)
        line = f"{home.one_of(figures.streets)} {home.between(1, 180)}"
        town, postcode = home.one_of(figures.towns)
        shared = _phone(home)
        own = Chance(self._seed, "person", number)
        name = f"{own.one_of(figures.first_names)} {last}"
        return Identity(name, line, town, postcode, phone=shared if own.below(3) == 0 else _phone(own))

    def private_sender(self, chance: Chance, country_code: str) -> Identity:
        """A person abroad who sends something."""
        figures = self._parameters
        city, postcode = chance.one_of(figures.countries[country_code].cities)
        name = f"{chance.one_of(figures.first_names)} {chance.one_of(figures.last_names)}"
        line = f"{chance.between(1, 400)} Garden Street"
        return Identity(
            name, line, city, postcode, country_code, _foreign_phone(chance, figures.countries[country_code].dial)
        )

    def _seller(self, number: int) -> Seller:
        figures = self._parameters
        chance = Chance(self._seed, "seller", number)
        code = self._codes[chance.weighed(self._weights)]
        country = figures.countries[code]
        city, postcode = chance.one_of(country.cities)
        name = (
            f"{chance.one_of(country.names)} {chance.one_of(('Trading', 'Store', 'Goods', 'Import Export'))} {number}"
        )
        line = f"{chance.between(1, 900)} Market Road"
        products = tuple(chance.below(len(figures.products)) for _ in range(PRODUCTS_A_SELLER))
        return Seller(
            number=number,
            identity=Identity(name, line, city, postcode, code, _foreign_phone(chance, country.dial)),
            marketplace=chance.below(1_000_000),
            products=products,
            price_percent=chance.between(32, 84),
        )


def spoilt(identity: Identity, chance: Chance, parameters: Parameters) -> Identity:
    """The identity as careless people write it: typos, transliteration, variants of the address, initials, forms of the phone."""
    noise = parameters.noise
    name, line, city, phone = identity.name, identity.line, identity.city, identity.phone
    if chance.happens(noise.transliteration):
        table = chance.one_of((_LATIN, _GERMAN))
        name, line, city = name.translate(table), line.translate(table), city.translate(table)
    if chance.happens(noise.initial) and " " in name:
        first, _, last = name.partition(" ")
        name = f"{first[0]}. {last}"
    if chance.happens(noise.typo):
        at = chance.between(1, len(name) - 3) if len(name) > 4 else 0
        name = name[:at] + name[at + 1] + name[at] + name[at + 2 :] if chance.below(2) else name[:at] + name[at + 1 :]
    if chance.happens(noise.address_variant):
        line = address_variant(line, chance)
    if chance.happens(noise.phone_form) and phone.startswith("+45"):
        phone = chance.one_of(
            (phone[3:], f"0045{phone[3:]}", f"+45 {phone[3:5]} {phone[5:7]} {phone[7:9]} {phone[9:]}")
        )
    return Identity(name, line, city, identity.postcode, identity.country_code, phone)


def address_variant(line: str, chance: Chance) -> str:
    """The same address, otherwise written."""
    short = line.replace("gade", "g.").replace("vej ", "v. ")
    return chance.one_of((f"{line}, st. tv.", f"{line}, 1. th", line.upper(), short, line.replace(" ", "  ", 1)))


def _phone(chance: Chance) -> str:
    return f"+45{chance.between(20_000_000, 99_999_999)}"


def _foreign_phone(chance: Chance, dial: str) -> str:
    return f"+{dial}{chance.between(10**8, 10**9 - 1)}"
