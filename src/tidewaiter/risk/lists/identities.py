"""Lists of identities: one entry tells all by which somebody is known again, each value with what it is.

seller: Bright Star Trading | identifier: CN12345 | address: Nørregade 12, 2100 | phone: +45 20 30 40 50
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from tidewaiter.risk.lists.published import ListKind, PublishedList

KINDS: Final[Mapping[str, ListKind]] = {  # how a value of each sort is held against a declaration
    "name": ListKind.PARTIES,
    "seller": ListKind.SELLERS,
    "identifier": ListKind.PARTIES,
    "address": ListKind.ADDRESSES,
    "phone": ListKind.PHONES,
}
NAMES: Final = frozenset(("name", "seller"))  # the sorts that are screened
IDENTIFIER_DIGITS_MIN: Final = 5


def identity_of(value: str) -> tuple[str, str]:
    """What a value is, and the value: "phone: 20304050" as ("phone", "20304050"); the former is "" where it is not told."""
    what, colon, text = value.partition(":")
    what = what.strip().lower()
    return (what, text.strip()) if colon and what in KINDS else ("", value.strip())


def parted(listed: PublishedList) -> Iterator[PublishedList]:
    """The same entries as lists of one kind each, under the same name."""
    for kind in dict.fromkeys(KINDS.values()):
        entries = []
        for entry in listed.entries:
            told = [identity_of(value) for value in entry.values]
            if values := tuple(text for what, text in told if KINDS.get(what) is kind):
                entries.append(replace(entry, values=values))
        if entries:
            yield replace(listed, kind=kind, entries=tuple(entries))


def is_identifier(value: str) -> bool:
    """True for a value that is a number or an address of e-mail and no name."""
    digits = sum(character.isdigit() for character in value)
    return "@" in value or (digits >= IDENTIFIER_DIGITS_MIN and " " not in value.strip())
