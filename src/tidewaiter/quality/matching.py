"""A declaration held against what third parties claim of the parcel: what is missing, and where they disagree.

A fact is compared where at least two of them state it. What the declaration states stands first; where it is silent
the claims are compared with one another, in the order in which trade makes them. Names are compared by letters and
digits alone, numbers by value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from tidewaiter.model.claim import Claim, ClaimKind
from tidewaiter.model.declaration import Address, Declaration, GoodsItem, Party
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money
from tidewaiter.model.words import plain
from tidewaiter.quality import waybills
from tidewaiter.quality.waybills import DIFFERS, MISSING

SOURCE: Final = "The law of the jurisdiction: claims its dataset wants; WCO Framework of Standards, standard 1"
MEANINGS: Final = {
    MISSING: "The order, payment or transport of the parcel must be told by whoever has it first hand: the marketplace, "
    "the payment provider, the carrier. Until then the goods wait.",
    DIFFERS: "What the declaration says of a parcel must agree with what marketplace, payment provider and carrier say "
    "of it, and these with one another. Nor may a waybill and the manifest it is on.",
}

VALUE_LENGTH_MAX = 200
_WHO: Final = {
    ClaimKind.PRODUCT: "the catalogue",
    ClaimKind.ORDER: "the order",
    ClaimKind.PAYMENT: "the payment",
    ClaimKind.LOGISTICS: "the transport document",
    ClaimKind.MANIFEST: "the manifest",
}
_FROM: Final = {
    ClaimKind.PRODUCT: "marketplace or seller",
    ClaimKind.ORDER: "marketplace or seller",
    ClaimKind.PAYMENT: "payment provider",
    ClaimKind.LOGISTICS: "carrier",
    ClaimKind.MANIFEST: "carrier or forwarder",
}


class _Fact(NamedTuple):
    pointer: str
    shown: str
    compared: object


def references(declaration: Declaration) -> tuple[str, tuple[str, ...]]:
    """What a declaration and its claims find one another by: the order's number ("" for none), those of transport."""
    documents = declaration.consignment.transport_documents
    numbers = [each.document_id for each in documents]
    if waybills.is_manifest(declaration) or waybills.is_filing(declaration):
        numbers += [*waybills.listed(declaration), declaration.consignment.master_document_id]
    return declaration.invoice_id, tuple(dict.fromkeys(number for number in numbers if number))


def concerns(claim: Claim, declaration: Declaration) -> bool:
    """Whether a claim is on this parcel: by the number of the order, or of transport.

    An order's number is unique within one marketplace, a transport document's within one carrier; where the declaration
    names that party by its identifier, the claim must name the same: whoever knows no more than a number holds nothing up.
    """
    stated = claim.stated
    if claim.kind is ClaimKind.MANIFEST:
        return waybills.is_filing(declaration) and waybills.concerns(stated, declaration)
    if claim.kind is ClaimKind.LOGISTICS:
        ours, theirs = references(declaration)[1], references(stated)[1]
        return not set(ours).isdisjoint(theirs) and _may_be_one(
            declaration.consignment.carrier, stated.consignment.carrier
        )
    is_order = bool(stated.invoice_id) and stated.invoice_id == declaration.invoice_id
    return is_order and _may_be_one(declaration.marketplace, stated.marketplace)


def match(declaration: Declaration, claims: Sequence[Claim], wanted: Sequence[ClaimKind]) -> list[Finding]:
    """What is missing of the claims `wanted`, and every disagreement, each told once, at the declaration's place."""
    told = [claim for claim in claims if concerns(claim, declaration)]
    found = [_missing(kind, declaration) for kind in wanted if not any(claim.kind is kind for claim in told)]
    known = {fact.pointer: (fact, "the declaration") for fact in _facts(declaration)}
    for claim in sorted(told, key=lambda claim: (tuple(ClaimKind).index(claim.kind), claim.declaration_id)):
        if claim.kind is ClaimKind.MANIFEST:
            found += waybills.against_manifest(declaration, claim.stated, claim.source)
            continue
        who = f"{_WHO[claim.kind]} (from {claim.source})" if claim.source else _WHO[claim.kind]
        pairs = _Pairs(declaration.goods_items, claim.stated.goods_items)
        facts = [*_facts(claim.stated), *_facts_on_items(pairs.both, theirs=True)]
        known |= {fact.pointer: (fact, "the declaration") for fact in _facts_on_items(pairs.both, theirs=False)}
        for fact in facts:
            first, said_by = known.setdefault(fact.pointer, (fact, who))
            if first.compared != fact.compared:
                found.append(_differs(first, said_by, fact, who))
        if claim.kind is ClaimKind.ORDER:
            found += _unpaired(pairs, who)
    return found


def product_differences(place: str, item: GoodsItem, product: GoodsItem) -> Iterator[Finding]:
    """Where a line at `place` says something else of a product than the catalogue does, whichever of them is right.

    Codes agree as far as both go: a subheading agrees with each code below it.
    """
    depth = min(len(item.commodity_code), len(product.commodity_code))
    for name, cut in (("commodity_code", depth), ("origin_country_code", None), ("gtin", None)):
        ours, theirs = getattr(item, name), getattr(product, name)
        if ours and theirs and ours[:cut] != theirs[:cut]:
            declared = _Fact(f"{place}.{name}", ours, ours)
            yield _differs(
                declared, "the declaration", _Fact(declared.pointer, theirs, theirs), _WHO[ClaimKind.PRODUCT]
            )


def _missing(kind: ClaimKind, declaration: Declaration) -> Finding:
    order, transport = references(declaration)
    number = ", ".join(transport) if kind is ClaimKind.LOGISTICS else order
    pointer = "consignment.transport_documents" if kind is ClaimKind.LOGISTICS else "invoice_id"
    named = f" for “{number[:60]}”" if number else ", and the declaration names no number to find it by"
    return Finding(
        MISSING,
        Severity.WARNING,
        pointer,
        f"{_WHO[kind].capitalize()} has not been told by the {_FROM[kind]}{named}.",
        value=number[:VALUE_LENGTH_MAX],
        hint="The declaration is looked at again as soon as it is.",
    )


_NAMES: Final = {"line": "address", "party_id": "identifier", "gross_mass_kg": "gross mass, kg"}


def _differs(first: _Fact, said_by: str, other: _Fact, who: str) -> Finding:
    name = _NAMES.get(first.pointer.rpartition(".")[2], first.pointer.rpartition(".")[2].replace("_", " "))
    words = f"{who[:1].upper()}{who[1:]} says “{other.shown}” for {name}; {said_by} says “{first.shown}”."
    hint = "Whichever is wrong must be corrected by who sent it."
    return Finding(DIFFERS, Severity.WARNING, first.pointer, words, first.shown[:VALUE_LENGTH_MAX], hint)


# --- what is stated ------------------------------------------------------------------------------------------

_AMOUNTS = ("freight", "insurance", "discount", "tax_collected_at_sale", "amount_paid")
_PARTIES: tuple[tuple[str, Callable[[Declaration], Party | None]], ...] = (
    ("marketplace", lambda each: each.marketplace),
    ("seller", lambda each: each.seller),
    ("buyer", lambda each: each.buyer or each.payer),  # who pays is to be who buys
    ("consignee", lambda each: each.consignee),
    ("consignment.carrier", lambda each: each.consignment.carrier),
)


def _facts(stated: Declaration) -> Iterator[_Fact]:
    yield from _amount("invoice_amount", stated.invoice_amount or stated.prices_of_lines)
    for name in _AMOUNTS:
        yield from _amount(name, getattr(stated, name))
    for name, party_of in _PARTIES:
        yield from _party(name, party_of(stated))
    yield from _number("consignment.gross_mass_kg", stated.consignment.gross_mass_kg)
    count = stated.consignment.package_count
    yield from _number("consignment.package_count", None if count is None else Decimal(count))


class _Pairs:
    """Lines of the declaration and of a claim that are the same goods: by product number, else by line number.

    `both` is (line from 1, the declaration's item, the claim's item).
    """

    def __init__(self, ours: Sequence[GoodsItem], theirs: Sequence[GoodsItem]) -> None:
        has_numbers = all(item.sku for item in (*ours, *theirs))
        others = dict(_keyed(theirs, has_numbers=has_numbers))
        self.both: list[tuple[int, GoodsItem, GoodsItem]] = []
        self.ours_alone: list[tuple[int, GoodsItem]] = []
        for line, (key, item) in enumerate(_keyed(ours, has_numbers=has_numbers), start=1):
            other = others.pop(key, None)
            if other is None:
                self.ours_alone.append((line, item))
            else:
                self.both.append((line, item, other))
        self.theirs_alone = list(others.values()) if theirs else []
        if not theirs:
            self.ours_alone = []


def _keyed(items: Sequence[GoodsItem], *, has_numbers: bool) -> Iterator[tuple[str, GoodsItem]]:
    """Each item with what it is known by; the same product on several lines is counted."""
    seen: Counter[str] = Counter()
    for item in items:
        name = plain(item.sku) if has_numbers else str(item.line_no)
        seen[name] += 1
        yield f"{name}:{seen[name]}", item


def _facts_on_items(pairs: Sequence[tuple[int, GoodsItem, GoodsItem]], *, theirs: bool) -> Iterator[_Fact]:
    for line, ours, other in pairs:
        yield from _item(f"goods_items[{line}]", other if theirs else ours)


def _unpaired(pairs: _Pairs, who: str) -> Iterator[Finding]:
    for item in pairs.theirs_alone:
        words = f"{who[:1].upper()}{who[1:]} has goods that the declaration has not: {_named(item)}."
        yield Finding(DIFFERS, Severity.WARNING, "goods_items", words, item.sku[:VALUE_LENGTH_MAX])
    for line, item in pairs.ours_alone:
        words = f"The declaration has goods that {who} has not: {_named(item)}."
        yield Finding(DIFFERS, Severity.WARNING, f"goods_items[{line}]", words, item.sku[:VALUE_LENGTH_MAX])


def _named(item: GoodsItem) -> str:
    return item.description[:60] or item.sku[:60] or f"line {item.line_no}"


def _item(place: str, item: GoodsItem) -> Iterator[_Fact]:
    yield from _amount(f"{place}.invoice_price", item.invoice_price)
    if item.quantity is not None:
        shown = f"{item.quantity:f} {item.quantity_unit}".strip()
        yield _Fact(f"{place}.quantity", shown, (item.quantity, item.quantity_unit))


def _amount(pointer: str, money: Money | None) -> Iterator[_Fact]:
    if money is not None:
        yield _Fact(pointer, str(money), (money.amount, money.currency))


def _number(pointer: str, number: Decimal | None) -> Iterator[_Fact]:
    if number is not None:
        yield _Fact(pointer, f"{number:f}", number)


def _party(name: str, party: Party | None) -> Iterator[_Fact]:
    if party is None:
        return
    texts = [("party_id", party.party_id), ("name", party.name)]
    texts.append(("address.line", _line(party.address)))
    for part, text in texts:
        if text:
            yield _Fact(f"{name}.{part}", text[:VALUE_LENGTH_MAX], plain(text))


def _line(address: Address | None) -> str:
    return address.line if address else ""


def _may_be_one(ours: Party | None, theirs: Party | None) -> bool:
    if ours is None or not ours.party_id:
        return True
    return theirs is not None and plain(ours.party_id) == plain(theirs.party_id)


def rows() -> list[dict[str, str]]:
    """These rules as rows of the reference, as `quality.report` has them."""
    return [
        {
            "rule": rule_id,
            "severity": "warning",
            "scope": "where the law wants claims",
            "words": words,
            "source": SOURCE,
        }
        for rule_id, words in MEANINGS.items()
    ]
