"""A world as columns: what a declaration shows, and, apart from it, what is true and what an examination would find."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import numpy as np
from msgspec import Struct

from tidewaiter.model.declaration import Declaration
from tidewaiter.risk.history.identities import Keys, phone_text
from tidewaiter.simulation.oracle import Oracle
from tidewaiter.simulation.parameters import Kind, Parameters
from tidewaiter.simulation.world import Parcel, Size, World

Array = np.ndarray[Any, np.dtype[Any]]

SEEN: Final = (
    "day", "cents", "grams", "net", "lines", "gift", "ioss", "marketplace", "stream", "product", "words", "origin", "route",
    "country", "consignor", "sender_address", "sender_phone", "household", "person", "phone", "invoice", "taxed_by",
)  # fmt: skip
KINDS: Final = tuple(Kind)
HARMFUL: Final = frozenset((Kind.MISDESCRIPTION, Kind.COUNTERFEIT, Kind.LINKED_DRUG_SENDERS))  # goods, not money
RINGS: Final = frozenset((Kind.LINKED_DRUG_SENDERS, Kind.NEW_IMPORTERS))  # many names, one address or phone
_SECRET: Final = b"simulation"
S10_LENGTH: Final = 13


class Columns(Struct, frozen=True):
    """What declarations show, each an array of shape (parcels,) in order of arrival. Days count from 0, money is cents,
    masses grams; names, addresses, phones and words are 64-bit numbers, -1 where there is none.
    """

    seen: dict[str, Array]

    def __getitem__(self, name: str) -> Array:
        """One column."""
        return self.seen[name]

    def __len__(self) -> int:
        return len(self.seen["day"])


class Aim(StrEnum):
    """What is looked for: money that is owed; goods that may not come in at all, or the parcels of rings, each worth the same."""

    REVENUE = "revenue"
    HARM = "harm"
    RINGS = "rings"


class Truth(Struct, frozen=True):
    """What is true, for measuring alone: scheme (position in KINDS, -1 for none), cents evaded, each of shape (parcels,)."""

    scheme: Array
    evaded: Array


class Inspector:
    """Examines the parcels that it is asked for, and no others; it keeps which these were."""

    def __init__(self, is_found: Array, cents: Array) -> None:
        self._is_found = is_found
        self._cents = cents
        self.asked = np.zeros(len(is_found), dtype=bool)

    def examine(self, at: Array) -> tuple[Array, Array]:
        """Of the parcels at these positions: whether they were not in order (B1), and the cents reassessed where they were."""
        self.asked[at] = True
        found = self._is_found[at]
        return found, np.where(found, self._cents[at], 0)


class Prepared(Struct, frozen=True):
    """One world: what is seen, what is true, and which of the parcels an examination would object to (B1)."""

    columns: Columns
    truth: Truth
    objected: Array

    def inspector(self, aim: Aim = Aim.REVENUE) -> Inspector:
        """One that answers as the oracle does; the reassessed amount is what was evaded, where the scheme is seen.

        For harm and rings, what is seen of other schemes counts for nothing, and each parcel of them for 100 cents.
        """
        if aim is Aim.REVENUE:
            return Inspector(self.objected, self.truth.evaded)
        return Inspector(self.objected & self.is_wrong(aim), np.full(len(self.objected), 100))

    def is_wrong(self, aim: Aim) -> Array:
        """Which parcels truly are what is looked for: for revenue any scheme."""
        kinds = {Aim.REVENUE: frozenset(KINDS), Aim.HARM: HARMFUL, Aim.RINGS: RINGS}[aim]
        wanted = [place for place, kind in enumerate(KINDS) if kind in kinds]
        return np.isin(self.truth.scheme, wanted)


def prepared(size: Size, parameters: Parameters, told: Callable[[int], None] = lambda _: None) -> Prepared:
    """The columns of a world with noisy identities; `told` hears of each day how many parcels it brought."""
    rows: list[tuple[int, ...]] = []
    schemes: list[int] = []
    evaded: list[int] = []
    truth: dict[str, Kind] = {}
    for day, parcels in World(size, parameters, is_noisy=True).days():
        before = len(rows)
        number = (day - parameters.first_day).days
        for parcel in parcels:
            rows.append(_shown(parcel.declaration, number))
            schemes.append(KINDS.index(parcel.truth.scheme) if parcel.truth else -1)
            evaded.append(parcel.truth.evaded_cents if parcel.truth else 0)
            _note(parcel, truth)
        told(len(rows) - before)
    oracle = Oracle(size.seed, size.parcels, parameters, truth)
    outcomes = oracle.inspect(f"SW{number:09d}" for number in range(1, len(rows) + 1))
    table = np.array(rows, dtype=np.int64)
    seen = {name: np.ascontiguousarray(table[:, place]) for place, name in enumerate(SEEN)}
    return Prepared(
        Columns(seen),
        Truth(np.array(schemes, dtype=np.int64), np.array(evaded, dtype=np.int64)),
        np.array([each.outcome == "B1" for each in outcomes]),
    )


def _note(parcel: Parcel, truth: dict[str, Kind]) -> None:
    if parcel.truth is not None:
        truth[parcel.truth.parcel] = parcel.truth.scheme


def _shown(declaration: Declaration, day: int) -> tuple[int, ...]:
    """A row of SEEN, of nothing but what the declaration says."""
    keys = Keys(declaration, _SECRET)
    item, sender, consignment = declaration.goods_items[0], declaration.consignor, declaration.consignment
    assert sender is not None
    assert sender.address is not None
    assert consignment is not None
    invoice, gross = declaration.invoice_amount, consignment.gross_mass_kg
    label = consignment.transport_documents[0].document_id if consignment.transport_documents else ""
    references = [party.party_id for party in declaration.fiscal_references]
    place = declaration.marketplace.name if declaration.marketplace else ""
    address = sender.address
    return (
        day,
        int(invoice.amount * 100) if invoice else 0,
        int(gross * 1000) if gross else 0,
        sum(int((each.net_mass_kg or 0) * 1000) for each in declaration.goods_items),
        len(declaration.goods_items),
        int("C08" in item.additional_procedure_codes),
        int(bool(references)),
        _number(place),
        _number(label[:2] if len(label) == S10_LENGTH else ""),
        int(item.commodity_code[:6]),
        _number(item.description),
        _number(item.origin_country_code),
        _number(consignment.export_country_code),
        _number(address.country_code),
        _key(keys.consignor),
        _number(f"{address.country_code}|{address.city}|{address.line}".casefold()),
        _number(phone_text(sender.phone)),
        _key(keys.household),
        _key(keys.person),
        _key(keys.phone),
        _number(declaration.invoice_id),
        _number(references[0] if references else ""),
    )


def _key(number: int | None) -> int:
    return -1 if number is None else number


def _number(text: str) -> int:
    """A text as a number by which equals are told; -1 for none."""
    if not text:
        return -1
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def codes(column: Array) -> Array:
    """Small whole numbers from 0 by which equal values are told, of shape (parcels,)."""
    return np.unique(column, return_inverse=True)[1]


def mixed(first: Array, second: Array) -> Array:
    """64-bit numbers by which equal pairs are told; two pairs in 2^64 come to the same by chance."""
    one, other = first.astype(np.uint64), second.astype(np.uint64)
    both = (one ^ (one >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) + other
    both = (both ^ (both >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
    found: Array = (both ^ (both >> np.uint64(31))).astype(np.int64)
    return found
