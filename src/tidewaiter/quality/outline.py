"""The outline of a declaration: its codes, and what is there at all, without names, words, amounts and masses.

Parcels differ from one another in nearly everything but their outline. Rules that look
at nothing else (`rule(..., by_outline=True)`) say the same of every declaration of one
outline, line by line, so that they need not be asked again where they saw nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from operator import attrgetter
from typing import Final, NamedTuple

from tidewaiter.model.declaration import Declaration, GoodsItem, Party
from tidewaiter.model.money import Money

LINES_MAX: Final = 20  # longer declarations are rare and their outlines long: not worth remembering
OUTLINES_MAX: Final = 16_384  # remembered by one set of rules, lines counted

WHOLE: Final = (
    "function", "type_code", "procedure_category", "registered_id", "amendments", "goods_item_count",
    "fiscal_references", "consignment.export_country_code", "consignment.destination_country_code",
    "consignment.goods_location", "consignment.arrival_on",
)  # fmt: skip
PARTIES: Final = (
    "consignor", "consignee", "importer", "exporter", "seller", "buyer", "declarant", "representative", "marketplace",
    "payer",
)  # fmt: skip
AMOUNTS: Final = ("invoice_amount", "freight", "insurance", "discount", "tax_collected_at_sale", "amount_paid")
LINE: Final = (
    "commodity_code", "origin_country_code", "procedure_code", "previous_procedure_code",
    "additional_procedure_codes", "fiscal_references", "transport_documents", "consignor", "importer",
)  # fmt: skip
LINE_AMOUNTS: Final = ("invoice_price", "customs_value", "statistical_value", "freight")

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
        tuple([document.type_code for document in declaration.consignment.transport_documents]),
        tuple([item.line_no for item in items]),
    )
    return Outline(whole, tuple([_line(item) for item in items]))


def _line(item: GoodsItem) -> Hashable:
    return (
        _of_line(item),
        item.quantity is None,
        _currencies(_line_amounts_of(item)),
        tuple([packaging.count for packaging in item.packagings]),
    )


def _party(party: Party) -> Hashable:
    """Number and country, and whether there is a name and anything more of an address."""
    address = party.address
    if address is None:
        return party.party_id, bool(party.name)
    is_located = bool(address.line or address.city or address.postcode)
    return party.party_id, bool(party.name), address.country_code, is_located


def _currencies(amounts: Iterable[Money | None]) -> Hashable:
    return tuple([None if money is None else money.currency for money in amounts])


class Silent:
    """Outlines on which a set of rules saw nothing; as many as fit, then it begins anew."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, set[Hashable]] = {}
        self._count = 0

    def __contains__(self, seen: Outline) -> bool:
        lines = self._lines.get(seen.whole)
        return lines is not None and lines.issuperset(seen.lines)

    def add(self, seen: Outline) -> None:
        """The rules saw nothing here."""
        if self._count >= OUTLINES_MAX:
            self._lines, self._count = {}, 0
        self._lines.setdefault(seen.whole, set()).update(seen.lines)
        self._count += 1 + len(seen.lines)
