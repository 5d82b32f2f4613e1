"""One version of a list, as it is published: immutable, named by the digest of its bytes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.model.canonical import canonical_bytes, digest
from tidewaiter.model.errors import ReplayError
from tidewaiter.model.judgement import Lane
from tidewaiter.risk.screening import Manner


class ListKind(StrEnum):
    """What a list is of, and how its values are held against a declaration."""

    PARTIES = "parties"  # names, screened; identifiers, phones and e-mails, exactly
    SELLERS = "sellers"  # the same, of sellers, consignors and marketplaces alone
    ADDRESSES = "addresses"  # "street and number, postcode"
    PHONES = "phones"  # by their last digits
    BRANDS = "brands"  # words of the description of goods
    GOODS = "goods"  # the same
    S10 = "s10"  # postal item numbers: one, or the first and last of a range
    IDENTITIES = "identities"  # of all these, each value told by what it is: "seller: …", "address: …", "phone: …"
    ALLOWED = "allowed"  # parties, exactly, whose hits on other lists are lifted
    AEO = "aeo"  # operators' identifiers with the status each has as authorised economic operator


class ListEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry: what to look for (each value alone is enough), why, from when to when. `lane` None: the list's.

    `status` is an operator's as authorised economic operator, in the code that the policy names it by; `senders` are the
    numbers of those whose messages may speak for the operator: the status counts in no other.
    """

    entry_id: str
    values: tuple[str, ...]
    words: str
    lane: Lane | None = None
    effective_from: date | None = None
    effective_until: date | None = None
    source: str = ""
    status: str = ""
    senders: tuple[int, ...] = ()

    def is_in_force(self, on: date) -> bool:
        """True on days from `effective_from` to `effective_until`, both included; an open end is no limit."""
        return (self.effective_from or on) <= on <= (self.effective_until or on)


class PublishedList(Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """A version of a list. `threshold` is how alike a name must be to be a hit (1: the same once accidents of writing are
    removed; None: as its manner has it); `lifts` are the lists whose hits an allow-list lifts. `manner` is how its names
    are screened: of what was published before there were two, it is the first (None).
    """

    name: str
    kind: ListKind
    title: str
    source: str
    entries: tuple[ListEntry, ...]
    lane: Lane = Lane.YELLOW
    threshold: Decimal | None = None
    lifts: tuple[str, ...] = ()
    manner: Manner | None = None

    @property
    def alike_from(self) -> float:
        """How alike a name must be to be a hit, from 0 to 1."""
        return float(self.threshold) if self.threshold is not None else self.screened.threshold

    @property
    def screened(self) -> Manner:
        """How its names are screened."""
        return self.manner or Manner.FIRST

    @cached_property
    def content(self) -> bytes:
        """The canonical bytes."""
        return canonical_bytes(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `content` in hexadecimal."""
        return digest(self.content)

    @classmethod
    def from_content(cls, content: bytes) -> PublishedList:
        """The list these bytes were made of. Raises ReplayError when they are not such bytes."""
        try:
            return msgspec.json.decode(content, type=cls)
        except msgspec.DecodeError as error:
            raise ReplayError(f"a kept list cannot be read: {error}") from error

    def __hash__(self) -> int:
        return hash(self.digest)

    def values_on(self, on: date) -> tuple[str, ...]:
        """The values of all entries in force on a day, as rules name them: `in list("NAME")`."""
        return tuple(value for entry in self.entries if entry.is_in_force(on) for value in entry.values)


WATCHING: Final = frozenset(set(ListKind) - {ListKind.ALLOWED, ListKind.AEO})  # kinds whose entries are hits
VALUES_MAX: Final = 200  # of one entry
VALUE_LENGTH_MAX: Final = 300
ENTRIES_MAX: Final = 200_000
