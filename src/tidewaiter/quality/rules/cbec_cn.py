"""China: how orders, payments, transport documents and declaration lists of cross-border e-commerce are filled in."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Severity
from tidewaiter.model.identifiers import ResidentNumber
from tidewaiter.model.money import Money
from tidewaiter.quality.registry import Context, Scope, Seen, rule

JURISDICTIONS = ("CN",)
SPECIFICATION = "General Administration of Customs: messages of the unified system of cross-border e-commerce, 202205"
TOLERANCE = Decimal("0.005")


@rule(
    "cbec.package_count",
    Severity.WARNING,
    source=f"{SPECIFICATION}, 3.5.4 and 3.9.4: packNo",
    scope=Scope(JURISDICTIONS, declared_as=("CBEC", "LOGISTICS")),
    about=("consignment.package_count",),
)
def package_count(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """One transport document, and one declaration list of retail imports, is one parcel: the number of packages is 1."""
    count = declaration.consignment.package_count
    if count is None or count == 1:
        return ()
    words = f"{count} packages are stated; retail imports are told parcel by parcel."
    return [Seen("consignment.package_count", count, words, "Write 1, and not the number of goods.")]


@rule(
    "cbec.amount_paid",
    Severity.WARNING,
    source=f"{SPECIFICATION}, 3.1.4: acturalPaid",
    scope=Scope(JURISDICTIONS, declared_as=("ORDER",)),
    about=("amount_paid",),
)
def amount_paid(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """What was paid is the price of the goods with freight and the tax collected, less what was paid otherwise than in
    money.
    """
    paid, goods = declaration.amount_paid, declaration.invoice_amount
    if paid is None or goods is None:
        return ()
    others = ((declaration.freight, 1), (declaration.tax_collected_at_sale, 1), (declaration.discount, -1))
    parts: list[tuple[Money, int]] = [(goods, 1), *((money, sign) for money, sign in others if money is not None)]
    if any(money.currency != paid.currency for money, _ in parts):
        return ()
    total = sum((sign * money.amount for money, sign in parts), Decimal(0))
    if abs(total - paid.amount) <= TOLERANCE:
        return ()
    words = f"Goods, freight and tax less the discount come to {total:f} {paid.currency}, but {paid} were paid."
    return [Seen("amount_paid", paid, words, "Which of the amounts is wrong?")]


@rule(
    "cbec.resident_number",
    Severity.WARNING,
    source=f"{SPECIFICATION}, buyerIdType and payerIdType: identity cards alone; GB 11643-1999",
    scope=Scope(JURISDICTIONS, declared_as=("CBEC", "ORDER", "PAYMENT")),
    about=("buyer", "payer"),
)
def resident_number(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Who buys and who pays is named by the number of an identity card: 18 characters, the last a check digit."""
    return [
        Seen(f"{name}.party_id", party.party_id, f"As a number of an identity card {problem}.")
        for name, party in (("buyer", declaration.buyer), ("payer", declaration.payer))
        if party is not None and party.party_id and (problem := ResidentNumber.problem(party.party_id))
    ]
