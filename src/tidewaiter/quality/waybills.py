"""Waybills that belong together: houses with their master and with the manifest that lists them.

What is listed and was not sent, sent and not listed, or stated otherwise, and houses that do not add up to their
master, are findings at the place of the filing concerned. Masses are compared with the tolerance of scales, counts
exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from tidewaiter.model.declaration import Declaration, Document, GoodsItem
from tidewaiter.model.finding import Finding, Severity

MISSING: Final = "claim.missing"
DIFFERS: Final = "claim.differs"

# As the datasets of the law name them.
FILED: Final = "PLACI"
MANIFESTS: Final = ("HOUSE_MANIFEST", "FLIGHT_MANIFEST")

MASS_TOLERANCE_KG: Final = Decimal("0.5")
MASS_TOLERANCE_SHARE: Final = Decimal("0.01")
LISTED_MAX: Final = 10_000  # waybills of one manifest that are looked for
VALUE_LENGTH_MAX: Final = 200

_NUMBER: Final = "consignment.transport_documents[1].document_id"


class Told(Struct, frozen=True):
    """A finding on one of several filings, which its position, from 0, names."""

    position: int
    finding: Finding


def is_filing(declaration: Declaration) -> bool:
    """Whether it is a waybill filed before loading."""
    return declaration.procedure_category == FILED


def is_manifest(declaration: Declaration) -> bool:
    """Whether it lists waybills that are carried together."""
    return declaration.procedure_category in MANIFESTS


def listed(declaration: Declaration) -> tuple[str, ...]:
    """The numbers of the waybills that a manifest lists; none for anything else."""
    if not is_manifest(declaration):
        return ()
    numbers = (_number(item.transport_documents) for item in declaration.goods_items[:LISTED_MAX])
    return tuple(number for number in numbers if number)


def concerns(manifest: Declaration, filing: Declaration) -> bool:
    """Whether a manifest is on this waybill: it is listed, or the master of the manifest or of the same master."""
    number = _number(filing.consignment.transport_documents)
    master = manifest.consignment.master_document_id
    return bool(
        (number and (number in listed(manifest) or number == master))
        or (master and master == filing.consignment.master_document_id)
    )


def against_manifest(filing: Declaration, manifest: Declaration, source: str = "") -> list[Finding]:
    """What a manifest that concerns a waybill says otherwise than the waybill does."""
    who = f"the manifest (from {source})" if source else "the manifest"
    number, master = _number(filing.consignment.transport_documents), manifest.consignment.master_document_id
    if number and number == master:
        return list(_of_master(filing, manifest, who))
    item = next((each for each in manifest.goods_items if _number(each.transport_documents) == number), None)
    if item is None:
        words = f"{_capital(who)} of {master or 'the flight'} does not list waybill “{number[:60]}”."
        return [Finding(DIFFERS, Severity.WARNING, _NUMBER, words, number[:VALUE_LENGTH_MAX])]
    return [
        *_count("consignment.package_count", filing.consignment.package_count, _pieces(item), who),
        *_mass("consignment.gross_mass_kg", filing.consignment.gross_mass_kg, item.gross_mass_kg, who),
    ]


def _of_master(filing: Declaration, manifest: Declaration, who: str) -> Iterator[Finding]:
    own, theirs = filing.consignment, manifest.consignment
    yield from _count("consignment.package_count", own.package_count, theirs.package_count, who)
    yield from _mass("consignment.gross_mass_kg", own.gross_mass_kg, theirs.gross_mass_kg, who)
    masses = [item.gross_mass_kg for item in manifest.goods_items]
    counts = [_pieces(item) for item in manifest.goods_items]
    together = f"the houses on {who} together"
    yield from _count("consignment.package_count", own.package_count, _sum_of(counts), together)
    yield from _mass("consignment.gross_mass_kg", own.gross_mass_kg, _total(masses), together)


def together(filings: Sequence[Declaration]) -> list[Told]:
    """What does not fit among waybills and manifests handed in together, each told once, in the order of the filings.

    A consolidated master without any house or manifest is told too. Filings of another kind are passed over.
    """
    found: list[Told] = []
    sent = {_number(each.consignment.transport_documents) for each in filings if is_filing(each)} - {""}
    for position, filing in enumerate(filings):
        if is_manifest(filing):
            found += (Told(position, finding) for finding in _not_sent(filing, sent))
        elif is_filing(filing):
            on_it = [each for each in filings if is_manifest(each) and concerns(each, filing)]
            told = [finding for each in on_it for finding in against_manifest(filing, each)]
            told += _against_houses(filing, _houses(filings, filing), has_manifest=bool(on_it))
            found += (Told(position, finding) for finding in dict.fromkeys(told))
    return found


def _not_sent(manifest: Declaration, sent: set[str]) -> Iterator[Finding]:
    """Listed houses that were not sent. A flight lists masters that others file: nothing is wanted of it."""
    if manifest.procedure_category != MANIFESTS[0]:
        return
    for line, item in enumerate(manifest.goods_items, start=1):
        number = _number(item.transport_documents)
        if number and number not in sent:
            words = f"House waybill “{number[:60]}” is listed, but was not sent."
            pointer = f"goods_items[{line}].transport_documents[1].document_id"
            yield Finding(MISSING, Severity.WARNING, pointer, words, number[:VALUE_LENGTH_MAX], "Send its data too.")


def _houses(filings: Sequence[Declaration], master: Declaration) -> list[Declaration]:
    number = _number(master.consignment.transport_documents)
    return [each for each in filings if is_filing(each) and number and each.consignment.master_document_id == number]


def _against_houses(master: Declaration, houses: Sequence[Declaration], *, has_manifest: bool) -> Iterator[Finding]:
    """Houses that do not add up to their master; a consolidation of which no house was sent."""
    if houses:
        who = f"the {len(houses)} houses sent together" if len(houses) > 1 else "the one house sent"
        counts = [house.consignment.package_count for house in houses]
        masses = [house.consignment.gross_mass_kg for house in houses]
        yield from _count("consignment.package_count", master.consignment.package_count, _sum_of(counts), who)
        yield from _mass("consignment.gross_mass_kg", master.consignment.gross_mass_kg, _total(masses), who)
    elif master.type_code == "741" and not has_manifest:
        number = _number(master.consignment.transport_documents)
        words = "The master waybill is of a consolidation, but none of its houses was sent."
        yield Finding(MISSING, Severity.WARNING, _NUMBER, words, number[:VALUE_LENGTH_MAX], "Send its house waybills.")


def _count(pointer: str, own: int | None, theirs: int | None, who: str) -> Iterator[Finding]:
    if own is not None and theirs is not None and own != theirs:
        words = f"{_capital(who)} has {theirs} pieces; the waybill has {own}."
        yield Finding(DIFFERS, Severity.WARNING, pointer, words, str(own), _HINT)


def _mass(pointer: str, own: Decimal | None, theirs: Decimal | None, who: str) -> Iterator[Finding]:
    if own is None or theirs is None:
        return
    if abs(own - theirs) > max(MASS_TOLERANCE_KG, MASS_TOLERANCE_SHARE * abs(own)):
        words = f"{_capital(who)} has {theirs:f} kg; the waybill has {own:f} kg."
        yield Finding(DIFFERS, Severity.WARNING, pointer, words, f"{own:f}", _HINT)


_HINT: Final = "Whichever is wrong must be corrected by who sent it."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(documents: Sequence[Document]) -> str:
    return next((each.document_id for each in documents if each.document_id), "")


def _pieces(item: GoodsItem) -> int | None:
    return item.packagings[0].count if item.packagings else None


def _sum_of(counts: Sequence[int | None]) -> int | None:
    """The sum; None unless each is known."""
    known = [each for each in counts if each is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _total(masses: Sequence[Decimal | None]) -> Decimal | None:
    known = [each for each in masses if each is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(masses) else None
