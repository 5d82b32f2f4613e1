"""The watch list: parties an officer wants to see, matched exactly once the accidents of writing are removed.

Case, accents, punctuation, word order and legal forms ("Ltd", "GmbH") do not matter;
everything else does. Similar but unequal names are the screening engine's work, which
joins here as one more source of reasons.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from tidewaiter.model.declaration import Address, Declaration, Party
from tidewaiter.model.judgement import Lane, Reason, ReasonKind
from tidewaiter.model.words import words_of

PARTY_ROLES = (
    "consignor",
    "consignee",
    "importer",
    "exporter",
    "seller",
    "buyer",
    "marketplace",
    "declarant",
    "representative",
    "payer",
)
LINE_ROLES = ("consignor", "consignee", "importer")  # of a goods item, where lines differ
# fmt: off
_LEGAL_FORMS = frozenset((
    "ltd", "limited", "plc", "llp", "llc", "inc", "incorporated", "corp", "corporation", "co", "company", "gmbh",
    "ug", "ag", "kg", "ohg", "mbh", "se", "sa", "sas", "sarl", "sprl", "srl", "spa", "snc", "bv", "nv", "cv", "vof",
    "aps", "as", "ivs", "ab", "oy", "oyj", "asa", "ou", "uab", "sia", "doo", "dd", "zrt", "kft", "sp", "zoo", "pty",
    "pte", "pvt",
))
# fmt: on


class WatchListEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry: whom to look for, why, and which lane a hit asks for.

    `identifiers` are matched with a party's identifier, telephone and e-mail;
    an address needs its line, country, and postcode or city.
    """

    entry_id: str
    words: str
    lane: Lane = Lane.RED
    names: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    effective_from: date | None = None
    effective_until: date | None = None

    def is_in_force(self, on: date) -> bool:
        """True on days from `effective_from` to `effective_until`, both included; an open end is no limit."""
        return (self.effective_from or on) <= on <= (self.effective_until or on)


def name_key(name: str) -> str:
    """A name with its words sorted and legal forms dropped; "" when nothing remains."""
    words = words_of(name)
    return " ".join(sorted(word for word in words if word not in _LEGAL_FORMS) or sorted(words))


def identifier_key(identifier: str) -> str:
    """An identifier, telephone number or e-mail address without spaces, punctuation and case."""
    return "".join(words_of(identifier))


def address_key(address: Address) -> str:
    """An address as one text; "" unless line, country, and postcode or city are there."""
    place = identifier_key(address.postcode) or " ".join(words_of(address.city))
    line = " ".join(words_of(address.line))
    return f"{line}|{place}|{address.country_code.upper()}" if line and place and address.country_code else ""


class WatchIndex:
    """The entries of one day by each of their keys."""

    def __init__(self, entries: Iterable[WatchListEntry], on: date) -> None:
        self._names: dict[str, list[WatchListEntry]] = {}
        self._identifiers: dict[str, list[WatchListEntry]] = {}
        self._addresses: dict[str, list[WatchListEntry]] = {}
        for entry in sorted(entries, key=lambda entry: entry.entry_id):
            if entry.is_in_force(on):
                self._add(entry)
        self.is_empty = not (self._names or self._identifiers or self._addresses)

    def _add(self, entry: WatchListEntry) -> None:
        for table, keys in (
            (self._names, map(name_key, entry.names)),
            (self._identifiers, map(identifier_key, entry.identifiers)),
            (self._addresses, map(address_key, entry.addresses)),
        ):
            for key in dict.fromkeys(keys):
                if key:
                    table.setdefault(key, []).append(entry)

    def reasons(self, declaration: Declaration) -> list[Reason]:
        """One reason for each entry that a party of the declaration is found under, and one for those of its lines."""
        found: list[Reason] = []
        for role in PARTY_ROLES:
            party = getattr(declaration, role)
            if party is not None:
                self._look_up(party, role, role, found, set())
        seen: dict[str, set[str]] = {role: set() for role in LINE_ROLES}
        for place, item in enumerate(declaration.goods_items, 1):
            for role in LINE_ROLES:
                party = getattr(item, role)
                if party is not None:
                    self._look_up(party, role, f"goods_items[{place}].{role}", found, seen[role])
        return found

    def _look_up(self, party: Party, role: str, pointer: str, found: list[Reason], seen: set[str]) -> None:
        for table, key, field, value in self._keys(party):
            for entry in table.get(key, ()):
                if entry.entry_id not in seen:
                    seen.add(entry.entry_id)
                    found.append(_reason(entry, role, f"{pointer}.{field}", key, value))

    def _keys(self, party: Party) -> Iterable[tuple[dict[str, list[WatchListEntry]], str, str, str]]:
        if self._names and party.name:
            yield self._names, name_key(party.name), "name", party.name
        if self._identifiers:
            for field in ("party_id", "phone", "email"):
                value: str = getattr(party, field)
                if value:
                    yield self._identifiers, identifier_key(value), field, value
        if self._addresses and party.address is not None:
            yield self._addresses, address_key(party.address), "address.line", party.address.line


def _reason(entry: WatchListEntry, role: str, pointer: str, key: str, value: str) -> Reason:
    what = {"name": "name", "line": "address"}.get(pointer.rpartition(".")[2], "identifier")
    matched = key.replace("|", " ")
    return Reason(
        reason_id=f"watch_list.{entry.entry_id}",
        kind=ReasonKind.WATCH_LIST,
        lane=entry.lane,
        words=f"The {role}'s {what} is on the watch list (matched: {matched}). {entry.words}",
        pointer=pointer,
        value=value[:200],
    )
