"""Who is behind a name, an address, a phone: keys that stay the same when it is written otherwise.

Every key is made of one record alone, so that it can be made anywhere, in any order, again. What is spelt otherwise,
abbreviated, in another script, or with a floor behind it, comes to the same key; two people or homes that come to one
key by chance are counted together, which a rule's words must allow for.

    household   postcode, house number, and the first consonants of the street
    person      the household, and the first consonants of the last name
    phone       its last digits
    consignor   country, and the name's words without legal forms; else its identifier
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from tidewaiter.model.declaration import Address, Declaration, Party
from tidewaiter.model.transliteration import latin
from tidewaiter.risk.watch_list import name_key

PHONE_DIGITS: Final = 8  # the last ones: enough to tell people of one country apart, and without any prefix
PHONE_DIGITS_MIN: Final = 6
STREET_CONSONANTS: Final = 2
NAME_CONSONANTS: Final = 3
_NUMBER = re.compile(r"[0-9]+")
_NOT_LETTERS = re.compile(r"[^a-z]+")
_VOWELS = re.compile(r"[aeiouyhw]+")  # with h and w, which transliterations add and drop
_DOUBLED = re.compile(r"(.)\1+")
_NOT_CODE = re.compile(r"[^a-z0-9]+")


class Keys:
    """The keys of one declaration as signed 64-bit numbers; None where what makes one is missing.

    They are made under a secret of up to 64 bytes, so that nobody finds a phone number by trying all there are.
    """

    __slots__ = ("consignor", "household", "person", "phone")

    def __init__(self, declaration: Declaration, secret: bytes) -> None:
        scope = declaration.jurisdiction_code
        receiver = declaration.consignee or declaration.importer
        home = household_text(receiver.address) if receiver is not None and receiver.address is not None else ""
        who = skeleton(_last_word(receiver.name), NAME_CONSONANTS) if receiver is not None and home else ""
        phone = phone_text(receiver.phone) if receiver is not None else ""
        sender = consignor_text(declaration)
        self.household = keyed_number(secret, f"household|{scope}|{home}") if home else None
        self.person = keyed_number(secret, f"person|{scope}|{home}|{who}") if who else None
        self.phone = keyed_number(secret, f"phone|{scope}|{phone}") if phone else None
        self.consignor = keyed_number(secret, f"consignor|{scope}|{sender}") if sender else None


def household_text(address: Address) -> str:
    """Postcode, house number and street's consonants of an address; "" where it lacks postcode or number and street."""
    postcode = _NOT_CODE.sub("", latin(address.postcode))
    line = latin(address.line)
    number = _NUMBER.search(line)
    street = skeleton(line[: number.start()] if number is not None and number.start() else line, STREET_CONSONANTS)
    if not postcode or not street:
        return ""
    return f"{postcode}|{number[0].lstrip('0') if number is not None else ''}|{street}"


def phone_text(phone: str) -> str:
    """The last digits of a phone number; "" where there are too few to tell anybody by."""
    digits = "".join(character for character in latin(phone) if character.isdecimal())
    return digits[-PHONE_DIGITS:] if len(digits) >= PHONE_DIGITS_MIN else ""


def consignor_text(declaration: Declaration) -> str:
    """Who sends: the consignor, else the seller, else the exporter; by country and name, else by identifier; or ""."""
    for party in (declaration.consignor, declaration.seller, declaration.exporter):
        if party is not None and (text := _party_text(party)):
            return text
    return ""


def skeleton(text: str, consonants: int) -> str:
    """The first letter and the first consonants behind it, each run of one consonant once."""
    letters = _NOT_LETTERS.sub("", latin(text))
    if not letters:
        return ""
    return letters[0] + _DOUBLED.sub(r"\1", _VOWELS.sub("", letters[1:]))[:consonants]


def _party_text(party: Party) -> str:
    name = name_key(latin(party.name)) if party.name else ""
    country = party.address.country_code if party.address is not None else ""
    if name:
        return f"{country}|{name}"
    return f"id|{party.party_id}" if party.party_id else ""


def _last_word(name: str) -> str:
    words = latin(name).replace(",", " ").split()
    return words[-1] if words else ""


def keyed_number(secret: bytes, text: str) -> int:
    """A text as a signed 64-bit number under a secret of up to 64 bytes, from which nobody reads what it is of."""
    found = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8, key=secret[:64]).digest()
    return int.from_bytes(found, "big", signed=True)
