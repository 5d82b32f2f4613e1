"""Identifiers as types, with the checks their standards give.

Each is a `str` with three questions that cost little and never raise:
`shape_problem` (is it built as the standard says?), `check_digit_problem` (does
its check digit agree? asked only of what is well built) and `problem` (either).
`parse` raises InvalidIdentifierError on either. Callers that must not refuse a
number for its check digit alone, as published examples carry wrong ones, ask
for the two apart.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from operator import mul
from typing import ClassVar, Self

from tidewaiter.model.errors import InvalidIdentifierError


class Identifier(str):
    """A text known to be well built; make one with `parse`."""

    __slots__ = ()
    kind: ClassVar[str] = "an identifier"

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """What is wrong with how `text` is built, in words, or None."""
        return None if text else "it is empty"

    @classmethod
    def check_digit_problem(cls, text: str) -> str | None:  # noqa: ARG003 (most identifiers have none)
        """What is wrong with the check digit of a well-built `text`, in words, or None."""
        return None

    @classmethod
    def problem(cls, text: str) -> str | None:
        """What is wrong with `text`, in words, or None."""
        return cls.shape_problem(text) or cls.check_digit_problem(text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """`text` as this kind of identifier. Raises InvalidIdentifierError."""
        if problem := cls.problem(text):
            raise InvalidIdentifierError(f"{text[:40]!r} is not {cls.kind}: {problem}")
        return cls(text)


class S10Id(Identifier):
    """A postal item number of UPU standard S10: RR123456785DK."""

    __slots__ = ()
    kind = "a postal item number (UPU S10)"

    _SHAPE = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}", re.ASCII)

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """S10 has two letters, nine digits and the country of the posting office, without spaces."""
        return None if cls._SHAPE.fullmatch(text) else "it should be 2 letters, 9 digits and 2 letters"

    @classmethod
    def check_digit(cls, serial: str) -> str:
        """The ninth digit belonging to the first eight (S10, clause on the check digit)."""
        # Written out, and on the bytes, as every parcel passes here; the weights sum to 44, a multiple of 11.
        a, b, c, d, e, f, g, h = serial.encode("ascii")
        rest = 11 - (8 * a + 6 * b + 4 * c + 2 * d + 3 * e + 5 * f + 9 * g + 7 * h) % 11
        return "0" if rest == 10 else "5" if rest == 11 else str(rest)

    @classmethod
    def check_digit_problem(cls, text: str) -> str | None:
        """The ninth digit is computed from the eight before it."""
        right = cls.check_digit(text[2:10])
        return None if text[10] == right else f"its check digit is {text[10]}, and {right} would be right"


class Awb(Identifier):
    """An IATA air waybill number: airline prefix, serial number, check digit: 020-12345675."""

    __slots__ = ()
    kind = "an air waybill number (IATA)"

    _SHAPE = re.compile(r"[0-9]{3}[- ]?[0-9]{8}", re.ASCII)

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """IATA Resolution 600a: three digits of the airline and eight more, one hyphen or space allowed between."""
        return None if cls._SHAPE.fullmatch(text) else "it should be 3 digits of the airline and 8 digits"

    @classmethod
    def check_digit_problem(cls, text: str) -> str | None:
        """The last digit is the remainder of the seven before it when divided by 7."""
        right = str(int(text[-8:-1]) % 7)
        return None if text[-1] == right else f"its last digit is {text[-1]}, and {right} would be right"


class Eori(Identifier):
    """An economic operator's number in the EU, Great Britain (GB) or Northern Ireland (XI).

    Country code and up to 15 characters (Delegated Regulation (EU) 2015/2446,
    Annex B, data element 13 05 017 000). Only countries whose own pattern is
    settled are checked closer; check digits are those of national numbers.
    """

    __slots__ = ()
    kind = "an EORI number"

    _SHAPE = re.compile(r"[A-Z]{2}[A-Z0-9\-]{1,15}", re.ASCII)
    _NATIONAL: ClassVar[dict[str, tuple[str, re.Pattern[str]]]] = {
        country: (words, re.compile(pattern, re.ASCII))
        for country, words, pattern in (
            ("BE", "10 digits", r"[0-9]{10}"),
            ("DK", "8 digits", r"[0-9]{8}"),
            ("FI", "7 digits, a hyphen and 1 digit", r"[0-9]{7}-?[0-9]"),
            ("GB", "12 or 15 digits", r"[0-9]{12}([0-9]{3})?"),
            ("GR", "9 digits", r"[0-9]{9}"),
            ("HR", "11 digits", r"[0-9]{11}"),
            ("NL", "9 digits", r"[0-9]{9}"),
            ("PT", "9 digits", r"[0-9]{9}"),
            ("SE", "10 digits", r"[0-9]{10}"),
            ("SI", "8 digits", r"[0-9]{8}"),
            ("XI", "12 or 15 digits", r"[0-9]{12}([0-9]{3})?"),
        )
    }

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """A country and 1 to 15 letters or digits; closer where the country's own pattern is known."""
        return _eori_shape_problem(text)

    @classmethod
    def has_national_pattern(cls, text: str) -> bool:
        """True where `text` begins with a country whose own pattern is checked."""
        return text[:2] in cls._NATIONAL

    @classmethod
    def check_digit_problem(cls, text: str) -> str | None:
        """Danish numbers are company (CVR) numbers, all of which satisfy modulus 11 (Danish Business Authority)."""
        if not text.startswith("DK"):
            return None
        a, b, c, d, e, f, g, h = text[2:].encode("ascii")
        # The weights sum to 30, and 48 is the byte of the digit 0.
        total = 2 * a + 7 * b + 6 * c + 5 * d + 4 * e + 3 * f + 2 * g + h - 48 * 30
        return "its check digit does not agree, so no such Danish number exists" if total % 11 else None


# Declarants and couriers come again and again: what was found of their numbers is remembered.
@lru_cache(maxsize=8192)
def _eori_shape_problem(text: str) -> str | None:
    if not Eori._SHAPE.fullmatch(text) or text[:2] not in country_codes():
        return "it should be a country code and up to 15 letters or digits"
    national = Eori._NATIONAL.get(text[:2])
    if national and not national[1].fullmatch(text[2:]):
        return f"after {text[:2]} it should have {national[0]}"
    return None


class Ioss(Identifier):
    """A VAT number of the import one-stop shop: IM, three digits of the member state, seven more.

    Council Implementing Regulation (EU) 2020/194, Annex I. How the last digit is
    computed is not published, so it is not checked.
    """

    __slots__ = ()
    kind = "an IOSS number"

    _SHAPE = re.compile(r"IM[0-9]{10}", re.ASCII)

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """IM and ten digits."""
        return None if cls._SHAPE.fullmatch(text) else "it should be IM and 10 digits"


class VatNumber(Identifier):
    """A VAT registration number with its country in front: DK13585628."""

    __slots__ = ()
    kind = "a VAT number"

    _SHAPE = re.compile(r"[A-Z]{2}[A-Z0-9+*.\- ]{2,15}", re.ASCII)

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """A country and up to 15 more characters; by the country's own rules where python-stdnum has them."""
        if not cls._SHAPE.fullmatch(text):
            return "it should be a country code and the national number"
        return _vat_problem(text)


@lru_cache(maxsize=4096)
def _vat_problem(text: str) -> str | None:
    """What the country's own rules say of a VAT number; None for countries without known rules."""
    from stdnum.exceptions import InvalidChecksum, ValidationError
    from stdnum.util import get_cc_module

    country = {"EL": "gr", "XI": "gb"}.get(text[:2], text[:2].lower())
    module = get_cc_module(country, "vat")
    if module is None:
        return None
    try:
        module.validate(text[2:])
    except InvalidChecksum:
        return "its check digit does not agree"
    except ValidationError:
        return f"{text[:2]} numbers are built differently"
    return None


class HSCode(Identifier):
    """A commodity code: an HS subheading (6 digits) or a national code under it (8 or 10)."""

    __slots__ = ()
    kind = "a commodity code"

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """6, 8 or 10 digits without dots or spaces."""
        if text.isascii() and text.isdigit() and len(text) in (6, 8, 10):
            return None
        return "it should be 6, 8 or 10 digits, without dots or spaces"

    @property
    def subheading(self) -> str:
        """The six digits that mean the same in every country of the HS."""
        return self[:6]


class Mrn(Identifier):
    """A movement (master) reference number: year, country, 12 characters, a letter, a check digit.

    Implementing Regulation (EU) 2015/2447, Annex B, data element 12 01 001 000 on
    the MRN; the check digit is that of ISO 6346 over the seventeen characters.
    """

    __slots__ = ()
    kind = "an MRN"

    _SHAPE = re.compile(r"[0-9]{2}[A-Z]{2}[A-Z0-9]{13}[0-9]", re.ASCII)

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """Two digits, a country, thirteen letters or digits, a digit."""
        return None if cls._SHAPE.fullmatch(text) else "it should be 2 digits, a country, 13 letters or digits, a digit"

    @classmethod
    def check_digit_problem(cls, text: str) -> str | None:
        """The eighteenth character by ISO 6346."""
        right = cls.check_digit(text[:17])
        return None if text[17] == right else f"its check digit is {text[17]}, and {right} would be right"

    @classmethod
    def check_digit(cls, text: str) -> str:
        """The digit for the characters before it (ISO 6346: letters from A = 10, skipping multiples of 11)."""
        return str(sum(map(mul, map(_iso_6346_values().__getitem__, text), _POWERS_OF_TWO)) % 11 % 10)

    @classmethod
    def issue(cls, year: int, country: str, serial: int, letter: str) -> Self:
        """A new number for the `serial`th declaration of a year; `letter` says the procedure (R: import).

        Raises InvalidIdentifierError where the parts do not fit.
        """
        if not 0 <= serial < 10**12:
            raise InvalidIdentifierError(f"serial number {serial} does not fit 12 digits")
        body = f"{year % 100:02d}{country}{serial:012d}{letter}"
        if len(country) != 2 or len(letter) != 1 or not _are_capitals(country + letter):
            raise InvalidIdentifierError(f"{country!r} and {letter!r} are not a country and a procedure letter")
        return cls(body + cls.check_digit(body))


_POWERS_OF_TWO = tuple(1 << place for place in range(17))


def _are_capitals(text: str) -> bool:
    return text.isascii() and text.isalpha() and text.isupper()


@cache
def _iso_6346_values() -> dict[str, int]:
    letters = [value for value in range(10, 39) if value % 11]
    return {str(digit): digit for digit in range(10)} | dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", letters, strict=True))


class Gtin(Identifier):
    """A trade item number of GS1 (the bar code): 8, 12, 13 or 14 digits."""

    __slots__ = ()
    kind = "a bar code number (GTIN)"

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """8, 12, 13 or 14 digits."""
        if text.isascii() and text.isdigit() and len(text) in (8, 12, 13, 14):
            return None
        return "it should be 8, 12, 13 or 14 digits"

    @classmethod
    def check_digit_problem(cls, text: str) -> str | None:
        """GS1 General Specifications 7.9: weights 3 and 1 from the right, up to the next multiple of ten."""
        total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(text)))
        return None if total % 10 == 0 else "its check digit does not agree"


class ResidentNumber(Identifier):
    """A citizen identification number of the People's Republic of China (GB 11643-1999)."""

    __slots__ = ()
    kind = "a number of an identity card"

    _SHAPE = re.compile(r"[1-9]\d{5}(\d{4})(\d\d)(\d\d)\d{3}[\dX]", re.ASCII)

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """Six digits of the place, eight of the day of birth, three of a series, and a digit or X."""
        found = cls._SHAPE.fullmatch(text.upper())
        if found is None:
            return "it should be 17 digits and a digit or X"
        try:
            date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            return "its digits 7 to 14 are no day of birth"
        return None

    @classmethod
    def check_digit_problem(cls, text: str) -> str | None:
        """ISO/IEC 7064, MOD 11-2: each digit by a power of two, X for ten."""
        digits = text.upper()
        total = sum((10 if digit == "X" else int(digit)) * 2 ** (17 - place) for place, digit in enumerate(digits))
        return None if total % 11 == 1 else "its check digit does not agree"


class Ucr(Identifier):
    """A unique consignment reference: up to 35 characters chosen by the trader (WCO UCR guidelines)."""

    __slots__ = ()
    kind = "a unique consignment reference"

    _SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9/().,_:+\- ]{0,34}", re.ASCII)

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """1 to 35 letters, digits and common marks, beginning with a letter or digit."""
        return None if cls._SHAPE.fullmatch(text) else "it should be up to 35 letters, digits, hyphens or slashes"


class CountryCode(Identifier):
    """A country of ISO 3166-1 (two letters), or one of the codes customs add to it."""

    __slots__ = ()
    kind = "a country code"

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """Assigned in ISO 3166-1, or used in customs statistics beside it."""
        return None if text in country_codes() else "no country has this code in ISO 3166-1"


class CurrencyCode(Identifier):
    """A currency of ISO 4217 (three letters)."""

    __slots__ = ()
    kind = "a currency code"

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """Assigned in ISO 4217."""
        return None if text in currency_codes() else "no currency has this code in ISO 4217"


# Beside ISO 3166-1, Implementing Regulation (EU) 2020/1470 on the nomenclature of countries uses EU (the Union),
# QP-QZ (high seas, stores, not determined), XC and XL (Ceuta, Melilla), XK (Kosovo), XS (Serbia) and, since the
# Northern Ireland protocol, XI and XU. The UK Integrated Tariff also names continental shelves (ZB Belgian, ZD Danish,
# ZE Irish, ZF French, ZG German, ZH Netherlands, ZN Norwegian, ZU United Kingdom).
_CUSTOMS_COUNTRIES = frozenset(
    {"EU", "XC", "XI", "XK", "XL", "XS", "XU"}
    | {"Q" + letter for letter in "PQRSUVWXYZ"}
    | {"Z" + letter for letter in "BDEFGHNU"}
)


@cache
def country_codes() -> frozenset[str]:
    """The two-letter codes that name a country or territory in customs declarations."""
    import pycountry

    return _CUSTOMS_COUNTRIES | {country.alpha_2 for country in pycountry.countries}


@cache
def currency_codes() -> frozenset[str]:
    """The three-letter codes of ISO 4217 now in use."""
    import pycountry

    return frozenset(currency.alpha_3 for currency in pycountry.currencies)


class QuoteId(Identifier):
    """The number of a quote: TWQ and five groups of eight, of which the latter three are its signature.

    Ours, not a standard's: 10 bytes of number and 15 of signature in the base 32 of Douglas Crockford, which has no
    I, L, O and U, so that it can be read out and typed. Whether the signature is right only its issuer can tell.
    """

    __slots__ = ()
    kind = "the number of a quote"

    NUMBER_BYTES: ClassVar[int] = 10
    SIGNATURE_BYTES: ClassVar[int] = 15
    PREFIX: ClassVar[str] = "TWQ"
    GROUP: ClassVar[int] = 8
    _ALPHABET: ClassVar[str] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    _SHAPE = re.compile(rf"TWQ(?:-[{_ALPHABET}]{{8}}){{5}}", re.ASCII)

    @classmethod
    def shape_problem(cls, text: str) -> str | None:
        """A quote's number is written TWQ-XXXXXXXX-XXXXXXXX-XXXXXXXX-XXXXXXXX-XXXXXXXX."""
        if cls._SHAPE.fullmatch(text):
            return None
        return "it has TWQ and five groups of eight letters and digits, joined by hyphens"

    @classmethod
    def typed(cls, text: str) -> Self:
        """The number that somebody typed: small letters, blanks, missing hyphens, O for 0 and I or L for 1 are put right.

        Raises InvalidIdentifierError for what is no such number.
        """
        letters = re.sub(r"[\s\-\u2010-\u2015]+", "", text[:LENGTH_READ_MAX]).upper()
        body = letters.removeprefix(cls.PREFIX).translate({ord("O"): "0", ord("I"): "1", ord("L"): "1"})
        groups = [body[start : start + cls.GROUP] for start in range(0, len(body), cls.GROUP)]
        return cls.parse("-".join([cls.PREFIX, *groups]) if letters.startswith(cls.PREFIX) else text)

    @classmethod
    def of(cls, number: bytes, signature: bytes) -> Self:
        """The number of these bytes, written out."""
        value = int.from_bytes(number + signature, "big")
        count = (cls.NUMBER_BYTES + cls.SIGNATURE_BYTES) * 8 // 5
        letters = "".join(cls._ALPHABET[value >> 5 * place & 31] for place in reversed(range(count)))
        return cls.parse("-".join([cls.PREFIX, *re.findall("." * cls.GROUP, letters)]))

    @property
    def parts(self) -> tuple[bytes, bytes]:
        """Number and signature as bytes."""
        value = 0
        for letter in self.removeprefix(self.PREFIX).replace("-", ""):
            value = value << 5 | self._ALPHABET.index(letter)
        data = value.to_bytes(self.NUMBER_BYTES + self.SIGNATURE_BYTES, "big")
        return data[: self.NUMBER_BYTES], data[self.NUMBER_BYTES :]


LENGTH_READ_MAX = 200  # of what somebody typed


def network_address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The network address that a text is, IPv4 in IPv6's clothes as IPv4 (RFC 4291, 2.5.5.2); None where it is none."""
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
