"""The outline of a declaration: its codes, and what is there at all, without names, words, amounts and masses.

Parcels differ from one another in nearly everything but their outline. Rules that look
at nothing else (`rule(..., by_outline=True)`) say the same of every declaration of one
outline, line by line, so that they need not be asked again where they saw nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from operator import attrgetter
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import astuple

from tidewaiter.model.declaration import Declaration, Document, GoodsItem, Party
from tidewaiter.model.money import Money

LINES_MAX: Final = 20  # longer declarations are rare and their outlines long: not worth remembering
LENGTH_MAX: Final = 20_000  # characters of an outline: longer ones hold no codes but somebody's mischief
REMEMBERED_MAX: Final = 2_000_000  # characters that one set of rules remembers, some thousand outlines

WHOLE: Final = (
    "function", "type_code", "procedure_category", "registered_id", "goods_item_count",
    "consignment.export_country_code", "consignment.destination_country_code", "consignment.goods_location",
)  # fmt: skip
PARTIES: Final = (
    "consignor", "consignee", "importer", "exporter", "seller", "buyer", "declarant", "representative", "marketplace",
    "payer",
)  # fmt: skip
AMOUNTS: Final = ("invoice_amount", "freight", "insurance", "discount", "tax_collected_at_sale", "amount_paid")
LINE: Final = (
    "commodity_code", "origin_country_code", "procedure_code", "previous_procedure_code",
    "additional_procedure_codes",
)  # fmt: skip
LINE_AMOUNTS: Final = ("invoice_price", "unit_price", "customs_value", "statistical_value", "freight")

_of_whole = attrgetter(*WHOLE)
_parties_of = attrgetter(*PARTIES)
_amounts_of = attrgetter(*AMOUNTS)
_of_line = attrgetter(*LINE)
_line_amounts_of = attrgetter(*LINE_AMOUNTS)


class Outline(NamedTuple):
    """The whole with its line numbers, and each line; equal for declarations that are alike in these."""

    whole: Hashable
    lines: tuple[Hashable, ...]


def outline(declaration: Declaration) -> Outline:
    """The outline of a declaration."""
    items = declaration.goods_items
    whole = (
        _of_whole(declaration),
        tuple([None if party is None else _party(party) for party in _parties_of(declaration)]),
        _currencies(_amounts_of(declaration)),
        _types(declaration.consignment.transport_documents),
        _roles(declaration.fiscal_references),
        tuple([bool(amendment.pointers) for amendment in declaration.amendments]),
        tuple([item.line_no for item in items]),
    )
    return Outline(whole, tuple([_line(item) for item in items]))


def _line(item: GoodsItem) -> Hashable:
    return (
        _of_line(item),
        item.quantity is None,
        _currencies(_line_amounts_of(item)),
        tuple([packaging.count for packaging in item.packagings]),
        _types(item.transport_documents),
        _roles(item.fiscal_references),
        item.consignor and _party(item.consignor),
        item.consignee and _party(item.consignee),
        item.importer and _party(item.importer),
    )


def _party(party: Party) -> Hashable:
    """Number and country, and whether there is a name and anything more of an address."""
    address = party.address
    if address is None:
        return party.party_id, bool(party.name)
    is_located = bool(address.line or address.city or address.postcode)
    return party.party_id, bool(party.name), address.country_code, is_located


def _types(documents: tuple[Document, ...]) -> Hashable:
    return tuple([document.type_code for document in documents])


def _roles(references: tuple[Party, ...]) -> Hashable:
    return tuple([(party.role_code, party.party_id) for party in references])


def _currencies(amounts: Iterable[Money | None]) -> Hashable:
    return tuple([None if money is None else money.currency for money in amounts])


class Silent:
    """Outlines on which a set of rules saw nothing; as many as fit, then it begins anew."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, set[Hashable]] = {}
        self._length = 0

    def __contains__(self, seen: Outline) -> bool:
        lines = self._lines.get(seen.whole)
        return lines is not None and lines.issuperset(seen.lines)

    def add(self, seen: Outline) -> None:
        """The rules saw nothing here."""
        length = _length(seen)
        if length > LENGTH_MAX:
            return
        if self._length + length > REMEMBERED_MAX:
            self._lines, self._length = {}, 0
        self._lines.setdefault(seen.whole, set()).update(seen.lines)
        self._length += length


def _length(value: object) -> int:
    """Characters of all texts in an outline, and a few for each thing in it."""
    if isinstance(value, str):
        return len(value) + 1
    if isinstance(value, Struct):
        value = astuple(value)
    return 8 + sum(map(_length, value)) if isinstance(value, tuple) else 8
