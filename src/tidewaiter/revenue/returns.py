"""Returned goods: matched to their import, and what is given back, by the law's own conditions.

Given back without a person when the match is sure, the evidence is there and the window is open; a case for an officer
when not. Never more than was charged and not yet given back, line by line and type by type.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from msgspec import Struct

from tidewaiter.model.assessment import Assessment, Charge, Collection
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.regimes import Regime
from tidewaiter.regimes.conditions import Facts
from tidewaiter.regimes.law import Refund

ZERO = Decimal(0)
CENT = Decimal("0.01")


class ReturnedItem(Struct, frozen=True, kw_only=True):
    """One kind of article that goes back: told by line number, product number or barcode, and how many."""

    quantity: Decimal
    line_no: int | None = None
    sku: str = ""
    gtin: str = ""


class ReturnClaim(Struct, frozen=True, kw_only=True):
    """A return consignment and what is asked for it.

    `evidence` are kinds of proof with their references ("exit event" → its
    number): what counts is the regime's word.
    """

    return_id: str
    reason: str
    claimed_on: date
    waybill: str = ""
    order_id: str = ""
    items: tuple[ReturnedItem, ...] = ()  # empty: everything goes back
    evidence: dict[str, str] = {}


class Imported(Struct, frozen=True, kw_only=True):
    """The import that goods came in by, as it stands: what was charged on it and already given back, by line and type."""

    subject: str
    declaration: Declaration
    assessment: Assessment
    given_back: dict[str, Decimal] = {}  # type of charge → amount
    returned: dict[int, Decimal] = {}  # line → quantity
    is_paid: bool = True  # False: secured by a guarantee, which is released instead


class Outcome(StrEnum):
    """What becomes of a claim."""

    REFUND = "refund"
    GUARANTEE_RELEASE = "guarantee release"
    CASE = "case"  # an officer decides
    REFUSED = "refused"


class RefundDecision(Struct, frozen=True, kw_only=True):
    """The outcome, what is given back by type, and every reason in words."""

    outcome: Outcome
    amounts: dict[str, Decimal]
    currency: str
    reasons: tuple[str, ...]
    measure_id: str = ""
    quantities: dict[int, Decimal] = {}


def matches(claim: ReturnClaim, declaration: Declaration) -> tuple[str, ...]:
    """By what a return and an import belong together: waybill, order, article; empty where nothing does."""
    found = []
    documents = [each.document_id for each in declaration.consignment.transport_documents]
    documents += [each.document_id for item in declaration.goods_items for each in item.transport_documents]
    if claim.waybill and claim.waybill in documents:
        found.append("waybill")
    if claim.order_id and claim.order_id == declaration.invoice_id:
        found.append("order")
    if claim.items and all(_line_of(each, declaration) is not None for each in claim.items):
        found.append("articles")
    return tuple(found)


def decide_refund(claim: ReturnClaim, imported: Imported, regime: Regime) -> RefundDecision:
    """What a claim comes to. A function of its arguments: the same claim gives the same answer again."""
    currency = imported.assessment.due.currency
    reasons: list[str] = []
    law = _law(claim, imported, regime)
    if law is None:
        words = f"no rule is modelled for goods {claim.reason} in {regime.jurisdiction_code}"
        return RefundDecision(outcome=Outcome.CASE, amounts={}, currency=currency, reasons=(words,))
    measure_id, refund = law
    matched = matches(claim, imported.declaration)
    if not {"waybill", "order"} & set(matched):
        reasons.append("neither waybill nor order is that of the import")
    last = imported.assessment.legal_day + timedelta(days=int(regime.figures[refund.window_days].value))
    if claim.claimed_on > last:
        words = f"the window closed on {last}"
        return RefundDecision(
            outcome=Outcome.REFUSED, amounts={}, currency=currency, reasons=(words,), measure_id=measure_id
        )
    reasons += [f"no proof: {each}" for each in refund.evidence if not claim.evidence.get(each)]
    quantities = _quantities(claim, imported, reasons)
    amounts = _amounts(quantities, imported, refund) if quantities else {}
    if not any(amounts.values()) and not reasons:
        return RefundDecision(
            outcome=Outcome.REFUSED, amounts={}, currency=currency, measure_id=measure_id,
            reasons=("nothing was charged that could be given back",),
        )  # fmt: skip
    if imported.assessment.unresolved:
        reasons.append("not all that is owed on the import is known")
    outcome = Outcome.CASE if reasons else Outcome.REFUND if imported.is_paid else Outcome.GUARANTEE_RELEASE
    told = tuple(reasons) or (f"matched by {' and '.join(matched)}, {refund.title.lower()}",)
    return RefundDecision(
        outcome=outcome, amounts=amounts, currency=currency, reasons=told, measure_id=measure_id, quantities=quantities
    )


def _law(claim: ReturnClaim, imported: Imported, regime: Regime) -> tuple[str, Refund] | None:
    facts = Facts(imported.declaration, regime.worth)
    facts.customs_value = imported.assessment.customs_value.amount
    for measure_id, refund in regime.law.refunds.items():
        if refund.reason == claim.reason and regime.predicate(refund.when, measure_id)(facts):
            return measure_id, refund
    return None


def _quantities(claim: ReturnClaim, imported: Imported, reasons: list[str]) -> dict[int, Decimal]:
    """How many of each line go back; what does not fit the import is a reason for an officer to look."""
    declaration = imported.declaration
    if not claim.items:
        return {
            item.line_no: left
            for item in declaration.goods_items
            if (left := _count(item) - imported.returned.get(item.line_no, ZERO)) > 0
        }
    found: dict[int, Decimal] = {}
    for each in claim.items:
        item = _line_of(each, declaration)
        if item is None:
            reasons.append(f"no line of the import is {each.sku or each.gtin or f'line {each.line_no}'}")
            continue
        found[item.line_no] = found.get(item.line_no, ZERO) + each.quantity
    lines = {item.line_no: item for item in declaration.goods_items}
    for line_no, quantity in found.items():
        left = _count(lines[line_no]) - imported.returned.get(line_no, ZERO)
        if quantity <= 0 or quantity > left:
            reasons.append(f"line {line_no}: {quantity} go back, and {left} of the import are left")
            found[line_no] = max(min(quantity, left), ZERO)
    return found


def _line_of(wanted: ReturnedItem, declaration: Declaration) -> GoodsItem | None:
    for item in declaration.goods_items:
        if wanted.line_no is not None and item.line_no != wanted.line_no:
            continue
        if wanted.sku and item.sku != wanted.sku:
            continue
        if wanted.gtin and item.gtin != wanted.gtin:
            continue
        if wanted.line_no is not None or wanted.sku or wanted.gtin:
            return item
    return None


def _count(item: GoodsItem) -> Decimal:
    """How many articles a line is; a line without quantity is one."""
    quantity = item.quantity
    return quantity if quantity is not None and quantity.is_finite() and quantity > 0 else Decimal(1)


def _amounts(quantities: Mapping[int, Decimal], imported: Imported, refund: Refund) -> dict[str, Decimal]:
    """The share of each charge that falls on what goes back, rounded down, and never more than is left of it."""
    lines = {item.line_no: item for item in imported.declaration.goods_items}
    shares = {line_no: quantity / _count(lines[line_no]) for line_no, quantity in quantities.items()}
    whole = _share_of_all(shares, imported)
    given: dict[str, Decimal] = {}
    charged: dict[str, Decimal] = {}
    for charge in imported.assessment.charges:
        if charge.collection is not Collection.BORDER:
            continue
        charged[charge.type_code] = charged.get(charge.type_code, ZERO) + charge.result.amount
        if charge.kind in refund.refunds:
            part = whole if charge.line_no == 0 else shares.get(charge.line_no, ZERO)
            given[charge.type_code] = given.get(charge.type_code, ZERO) + _part(charge, part)
    return {
        code: max(min(amount, charged[code] - imported.given_back.get(code, ZERO)), ZERO)
        for code, amount in given.items()
    }


def _part(charge: Charge, share: Decimal) -> Decimal:
    if share >= 1:
        return charge.result.amount
    return (charge.result.amount * share).quantize(CENT, ROUND_DOWN)


def _share_of_all(shares: Mapping[int, Decimal], imported: Imported) -> Decimal:
    """Which part of the consignment goes back, by price: for what was charged on the whole."""
    prices = {
        item.line_no: item.invoice_price.amount if item.invoice_price else ZERO
        for item in imported.declaration.goods_items
    }
    total = sum(prices.values(), ZERO)
    if not total:
        return Decimal(1) if all(shares.get(line_no, ZERO) >= 1 for line_no in prices) else ZERO
    return sum((prices[line_no] * share for line_no, share in shares.items()), ZERO) / total
