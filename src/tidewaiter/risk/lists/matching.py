"""A declaration held against the lists of a day: exact keys cost one look-up each, names are screened and remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Final, Protocol

from msgspec.structs import replace

from tidewaiter.model.declaration import Address, Declaration, Party
from tidewaiter.model.errors import InvalidIdentifierError
from tidewaiter.model.identifiers import S10Id
from tidewaiter.model.judgement import Reason, ReasonKind
from tidewaiter.model.words import PhraseIndex, words_of
from tidewaiter.risk.history.identities import household_text, phone_text
from tidewaiter.risk.lists.identities import KINDS, identity_of, is_identifier, parted
from tidewaiter.risk.lists.published import WATCHING, ListEntry, ListKind, PublishedList
from tidewaiter.risk.lists.screened import COMPILED_MAX, screener, since
from tidewaiter.risk.watch_list import LINE_ROLES, PARTY_ROLES, identifier_key, name_key

SELLER_ROLES: Final = ("consignor", "seller", "marketplace", "exporter")
VALUE_LENGTH_MAX: Final = 200
_EXACTLY: Final = 1.0

Placed = tuple[str, Party]


class ListIndex:
    """The lists of one day, compiled. Any number of threads may use it."""

    def __init__(self, lists: Sequence[PublishedList], on: date) -> None:
        self._matchers = [_compiled(each, since(each, on)) for each in lists if each.kind in WATCHING]
        self._allowed = [_Allowed(each, on) for each in lists if each.kind is ListKind.ALLOWED]

    def reasons(self, declaration: Declaration) -> list[Reason]:
        """One reason for each entry that is found, with what was matched; those of an allowed party are lifted."""
        if not self._matchers:
            return []
        parties = list(_parties(declaration))
        found: list[Reason] = []
        for matcher in self._matchers:
            found += matcher.reasons(declaration, parties)
        for allowed in self._allowed:
            found = allowed.lifted(found, dict(parties))
        return found


class _Parties:
    """Names, screened; identifiers, phones and e-mails, exactly. Of each entry the first place where it is found."""

    roles: Sequence[str] = PARTY_ROLES

    def __init__(self, listed: PublishedList, on: date) -> None:
        self._list = listed
        self._entries = {entry.entry_id: entry for entry in listed.entries if entry.is_in_force(on)}
        self._identifiers: dict[str, str] = {}
        self._exact: dict[str, str] = {}
        for entry in self._entries.values():
            for value in entry.values:
                if is_identifier(value):
                    self._identifiers.setdefault(identifier_key(value), entry.entry_id)
                else:
                    self._exact.setdefault(name_key(value), entry.entry_id)
        self._threshold = listed.alike_from
        self._names = screener(listed, on) if self._threshold < _EXACTLY else None

    def reasons(self, declaration: Declaration, parties: Sequence[Placed]) -> list[Reason]:
        """The entries that the parties are found under."""
        found: dict[str, Reason] = {}
        for place, party in parties:
            if place.rpartition(".")[2] not in self.roles:
                continue
            for entry_id, field, value, words in self._hits(party):
                if entry_id not in found:
                    entry = self._entries[entry_id]
                    found[entry_id] = _reason(self._list, entry, f"{place}.{field}", value, words)
        return list(found.values())

    def _hits(self, party: Party) -> Iterator[tuple[str, str, str, str]]:
        for field in ("party_id", "phone", "email"):
            value: str = getattr(party, field)
            if value and (entry_id := self._identifiers.get(identifier_key(value))) is not None:
                yield entry_id, field, value, "the same identifier"
        if not party.name:
            return
        if self._names is None:
            entry_id = self._exact.get(name_key(party.name))
            if entry_id is not None:
                yield entry_id, "name", party.name, "the same name"
            return
        for match in self._names.found(party.name, self._threshold):
            yield match.entry_id, "name", party.name, match.words


class _Sellers(_Parties):
    roles = SELLER_ROLES


class _Keyed:
    """Addresses and phones by a key of their own."""

    def __init__(
        self, listed: PublishedList, on: date, key: Callable[[str], str], read: Callable[[Party], str]
    ) -> None:
        self._list = listed
        self._read = read
        self._entries: dict[str, ListEntry] = {}
        for entry in listed.entries:
            if entry.is_in_force(on):
                for value in entry.values:
                    if found := key(value):
                        self._entries.setdefault(found, entry)
        self._field = "address.line" if listed.kind is ListKind.ADDRESSES else "phone"

    def reasons(self, declaration: Declaration, parties: Sequence[Placed]) -> list[Reason]:
        """The entries that the parties are found under."""
        found: dict[str, Reason] = {}
        for place, party in parties:
            entry = self._entries.get(self._read(party)) if self._entries else None
            if entry is not None and entry.entry_id not in found:
                value = party.phone if self._field == "phone" else party.address.line if party.address else ""
                what = "the same number" if self._field == "phone" else "the same address"
                found[entry.entry_id] = _reason(self._list, entry, f"{place}.{self._field}", value, what)
        return list(found.values())


class _Goods:
    """Brands and goods by the words of descriptions."""

    def __init__(self, listed: PublishedList, on: date) -> None:
        self._list = listed
        self._entries = [entry for entry in listed.entries if entry.is_in_force(on)]
        phrases = [
            (phrase, number)
            for number, entry in enumerate(self._entries)
            for value in entry.values
            if (phrase := tuple(words_of(value)))
        ]
        self._index = PhraseIndex(phrases)

    def reasons(self, declaration: Declaration, parties: Sequence[Placed]) -> list[Reason]:
        """The entries whose words stand in a description, each at the first line that has them."""
        found: dict[int, Reason] = {}
        for line, item in enumerate(declaration.goods_items, 1):
            for number, phrase in self._index.found(words_of(item.description)).items():
                if number not in found:
                    place = f"goods_items[{line}].description"
                    words = f"the words “{' '.join(phrase)}”"
                    found[number] = _reason(self._list, self._entries[number], place, item.description, words)
        return list(found.values())


class _Numbers:
    """Postal item numbers: one, or a range of one service and country."""

    def __init__(self, listed: PublishedList, on: date) -> None:
        self._list = listed
        self._ranges: dict[tuple[str, str], list[tuple[int, int, ListEntry]]] = {}
        for entry in listed.entries:
            if entry.is_in_force(on):
                for value in entry.values:
                    first, last = s10_range(value)
                    of_kind = self._ranges.setdefault((first[0], first[2]), [])
                    of_kind.append((first[1], last[1], entry))

    def reasons(self, declaration: Declaration, parties: Sequence[Placed]) -> list[Reason]:
        """The entries in whose range the item's number lies."""
        found: dict[str, Reason] = {}
        for number, document in enumerate(declaration.consignment.transport_documents, 1):
            parts = _s10(document.document_id)
            if parts is None:
                continue
            for first, last, entry in self._ranges.get((parts[0], parts[2]), ()):
                if first <= parts[1] <= last and entry.entry_id not in found:
                    place = f"consignment.transport_documents[{number}].document_id"
                    found[entry.entry_id] = _reason(
                        self._list, entry, place, document.document_id, "a number of the range"
                    )
        return list(found.values())


class _Identities:
    """Entries of values of several kinds, each held against the declaration as its kind is; of each the first place."""

    def __init__(self, listed: PublishedList, on: date) -> None:
        self._matchers = [_compiled(each, on) for each in parted(listed)]

    def reasons(self, declaration: Declaration, parties: Sequence[Placed]) -> list[Reason]:
        """The entries that the parties are found under."""
        found: dict[str, Reason] = {}
        for matcher in self._matchers:
            for reason in matcher.reasons(declaration, parties):
                found.setdefault(reason.reason_id, reason)
        return list(found.values())


class _Allowed:
    """Parties whose hits on other lists are lifted while their entry is in force."""

    def __init__(self, listed: PublishedList, on: date) -> None:
        self._list = listed
        self._keys: dict[str, ListEntry] = {}
        for entry in listed.entries:
            if entry.is_in_force(on):
                for value in entry.values:
                    self._keys.setdefault(identifier_key(value) if is_identifier(value) else name_key(value), entry)

    def lifted(self, reasons: Sequence[Reason], parties: Mapping[str, Party]) -> list[Reason]:
        """The reasons, those of the lists it lifts that an allowed party gave marked as lifted, with why."""
        return [self._lifted(reason, parties) for reason in reasons]

    def _lifted(self, reason: Reason, parties: Mapping[str, Party]) -> Reason:
        if reason.reason_id.split(".")[1] not in self._list.lifts or reason.is_lifted:
            return reason
        party = next((party for place, party in parties.items() if reason.pointer.startswith(f"{place}.")), None)
        entry = self._entry(party) if party is not None else None
        if entry is None:
            return reason
        until = f" until {entry.effective_until}" if entry.effective_until is not None else ""
        return replace(reason, is_lifted=True, words=f"{reason.words} Lifted: allowed{until}. {entry.words}")

    def _entry(self, party: Party) -> ListEntry | None:
        keys = (identifier_key(party.party_id) if party.party_id else "", name_key(party.name) if party.name else "")
        return next((entry for key in keys if key and (entry := self._keys.get(key)) is not None), None)


def s10_range(text: str) -> tuple[tuple[str, int, str], tuple[str, int, str]]:
    """The first and last number of "RR123456785CN" or of "RR000000005CN-RR000099990CN": service, serial, country.

    Raises ValueError for what is none.
    """
    ends = [part.strip() for part in text.split("-")]
    found = [_s10(part) for part in ends]
    if len(ends) > 2 or any(each is None for each in found):
        raise ValueError("it is no postal item number, nor two with a hyphen between them")
    first, last = found[0], found[-1]
    assert first is not None
    assert last is not None
    if (first[0], first[2]) != (last[0], last[2]) or last[1] < first[1]:
        raise ValueError("the last number of a range is not behind the first, of one service and country")
    return first, last


def _s10(text: str) -> tuple[str, int, str] | None:
    try:
        number = str(S10Id.parse(text))
    except InvalidIdentifierError:
        return None
    return number[:2], int(number[2:10]), number[11:13]


def address_of(text: str) -> Address:
    """ "Nørregade 12, 2100" as an address: what stands behind the last comma is the postcode."""
    line, _, postcode = text.rpartition(",")
    return Address(line=line.strip(), postcode=postcode.strip())


def _parties(declaration: Declaration) -> Iterator[Placed]:
    for role in PARTY_ROLES:
        party = getattr(declaration, role)
        if party is not None:
            yield role, party
    for place, item in enumerate(declaration.goods_items, 1):
        for role in LINE_ROLES:
            party = getattr(item, role)
            if party is not None:
                yield f"goods_items[{place}].{role}", party


def _reason(listed: PublishedList, entry: ListEntry, pointer: str, value: str, matched: str) -> Reason:
    return Reason(
        reason_id=f"list.{listed.name}.{entry.entry_id}",
        kind=ReasonKind.LIST,
        lane=entry.lane or listed.lane,
        words=f"{listed.title}: {matched}. {entry.words}".strip(),
        pointer=pointer,
        value=value[:VALUE_LENGTH_MAX],
    )


def _of_addresses(listed: PublishedList, on: date) -> _Keyed:
    def read(party: Party) -> str:
        return household_text(party.address) if party.address is not None else ""

    return _Keyed(listed, on, lambda text: household_text(address_of(text)), read)


def _of_phones(listed: PublishedList, on: date) -> _Keyed:
    return _Keyed(listed, on, phone_text, lambda party: phone_text(party.phone) if party.phone else "")


class _Matcher(Protocol):
    def reasons(self, declaration: Declaration, parties: Sequence[Placed]) -> list[Reason]:
        """The entries that a declaration is found under."""


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(listed: PublishedList, on: date) -> _Matcher:
    return _MATCHERS[listed.kind](listed, on)


_MATCHERS: Mapping[ListKind, Callable[[PublishedList, date], _Matcher]] = {
    ListKind.PARTIES: _Parties,
    ListKind.SELLERS: _Sellers,
    ListKind.ADDRESSES: _of_addresses,
    ListKind.PHONES: _of_phones,
    ListKind.BRANDS: _Goods,
    ListKind.GOODS: _Goods,
    ListKind.S10: _Numbers,
    ListKind.IDENTITIES: _Identities,
}


def is_value(kind: ListKind, value: str) -> str:
    """Why a value is none of a list of this kind, in words; "" where it is one."""
    if kind is ListKind.S10:
        try:
            s10_range(value)
        except ValueError as error:
            return str(error)
        return ""
    if kind is ListKind.ADDRESSES:
        return "" if household_text(address_of(value)) else "write street and number, then the postcode behind a comma"
    if kind is ListKind.PHONES:
        return "" if phone_text(value) else "it has too few digits"
    if kind is ListKind.AEO:
        return (
            ""
            if is_identifier(value) and "@" not in value
            else "it is no identifier: a status goes by EORI, not by name"
        )
    if kind is ListKind.IDENTITIES:
        what, text = identity_of(value)
        return is_value(KINDS[what], text) if what else f"say what it is: {', '.join(f'{each}: …' for each in KINDS)}"
    return "" if list(_worded(value)) else "it has no letter or digit"


def _worded(value: str) -> Iterable[str]:
    return (character for character in value if character.isalnum())
