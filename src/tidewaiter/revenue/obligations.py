"""Who owes what, who collects it, and when: an assessment's charges under the regime's obligations.

The models of revenue collection are the WCO's (Framework of Standards on Cross-Border E-Commerce, standard 8): buyer,
vendor, intermediary, principal's account. Which one a charge follows is the regime's word, not ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from tidewaiter.model.assessment import Assessment, Charge, Collection
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import LawDataError
from tidewaiter.model.money import Money
from tidewaiter.regimes import Regime
from tidewaiter.regimes.law import Obligation as Law
from tidewaiter.revenue.due import due_on, period_of

BASE_QUANTUM = Decimal("0.0001")  # as the accounts keep amounts
_BY_COLLECTION = {Collection.BORDER.value: "obligation.border", Collection.SALE.value: "obligation.sale"}
PARTIES = {
    "buyer": ("buyer", "consignee", "importer"),
    "importer": ("importer", "consignee", "buyer"),
    "recipient": ("consignee", "importer", "buyer"),
    "seller": ("seller", "marketplace", "exporter", "consignor"),
    "marketplace": ("marketplace", "seller"),
    "declarant": ("declarant", "representative", "submitter"),
    "carrier": ("submitter", "declarant", "representative"),
    "post": ("submitter", "declarant"),
}


class Model(StrEnum):
    """The models of revenue collection of the WCO's Framework of Standards, standard 8."""

    BUYER = "buyer"  # who receives the goods pays customs
    VENDOR = "vendor"  # the seller pays, at the sale or at the border
    INTERMEDIARY = "intermediary"  # a marketplace, carrier or post collects from another and pays in
    PRINCIPAL = "principal's account"  # the declarant's or importer's own account with customs, settled by the period


class Part(Struct, frozen=True):
    """What one type of charge at one rate comes to, and of what. The amounts are in the obligation's currency."""

    type_code: str
    rate: str
    base: Decimal
    amount: Decimal


class Obligation(Struct, frozen=True, kw_only=True):
    """One amount that somebody owes: charges of one law, one payer and one day together.

    `liable` and `collector` are roles; `payer` is the identifier or name that
    the declaration gives for who pays it in, `sureties` are all who may secure
    it, the payer first. `amounts` are by type of charge, `parts` by type and rate.
    `is_at_sale`: a scheme collects it elsewhere.
    """

    measure_id: str
    title: str
    liable: str
    jointly_liable: tuple[str, ...]
    collector: str
    moment: str
    account: str
    payer: str
    amount: Money
    amounts: dict[str, Decimal]
    due: date
    period: str
    is_guaranteed: bool
    jurisdiction_code: str
    parts: tuple[Part, ...]
    is_at_sale: bool = False
    sureties: tuple[str, ...] = ()
    beneficiary: str = ""

    @property
    def scheme(self) -> str:
        """The account it is booked to, each jurisdiction's its own: "DK IOSS"."""
        return scheme_of(self.jurisdiction_code, self.account)


def scheme_of(jurisdiction_code: str, account: str) -> str:
    """The name of a jurisdiction's account of the law."""
    return f"{jurisdiction_code} {account}"


def default_obligation(collection: str) -> str:
    """The obligation of a charge whose scheme names none; "" for what is not collected."""
    return _BY_COLLECTION.get(collection, "")


def model_of(law: Law) -> Model:
    """Which model of revenue collection an obligation of the law follows.

    The principal's account is none of the law's: an operator is granted one (`revenue.guarantees`), and what is
    owed under another model is then settled through it.
    """
    if law.collector == "customs":
        return Model.VENDOR if law.liable in ("seller", "marketplace") else Model.BUYER
    return Model.VENDOR if law.collector == "seller" else Model.INTERMEDIARY


def obligations(assessment: Assessment, declaration: Declaration, regime: Regime) -> tuple[Obligation, ...]:
    """What follows from an assessment, in the order of its charges. Charges that are relieved oblige nobody."""
    found: dict[tuple[str, bool], list[Charge]] = {}
    for measure_id, charge in _obliging(assessment, regime):
        found.setdefault((measure_id, charge.collection is Collection.SALE), []).append(charge)
    return tuple(
        _obligation(key, charges, assessment, (declaration, regime))
        for key, charges in found.items()
        if any(charge.result.amount for charge in charges)
    )


def is_owed(assessment: Assessment) -> bool:
    """True where a charge obliges somebody: else nobody need be looked for in the declaration."""
    return any(charge.result.amount and charge.collection is not Collection.NONE for charge in assessment.charges)


def payer_of(declaration: Declaration, role: str) -> str:
    """Identifier, else name, of the party that plays a role; "" where nobody is named."""
    for field in PARTIES.get(role, ()):
        party = getattr(declaration, field)
        if party is not None and (party.party_id or party.name):
            return str(party.party_id or party.name)
    return ""


def _obliging(assessment: Assessment, regime: Regime) -> Iterator[tuple[str, Charge]]:
    uses = _uses(regime, assessment.scheme)
    for charge in assessment.charges:
        if charge.collection is not Collection.NONE:
            yield uses.get((charge.measure_id, charge.collection)) or default_obligation(charge.collection), charge


@lru_cache(maxsize=1024)
def _uses(regime: Regime, scheme_id: str) -> dict[tuple[str, str], str]:
    """Which obligation each charge of a scheme, and of what stands beside any scheme, is under."""
    law = regime.law
    schemes = [each.charges for each in law.schemes if each.measure_id == scheme_id]
    found: dict[tuple[str, str], str] = {}
    for uses in (*schemes, *(addon.charges for addon in law.addons)):
        for use in uses:
            found[use.charge, use.collection] = use.obligation
    return found


def _obligation(
    key: tuple[str, bool], charges: Sequence[Charge], assessment: Assessment, given: tuple[Declaration, Regime]
) -> Obligation:
    measure_id, is_at_sale = key
    declaration, regime = given
    on, currency = assessment.legal_day, assessment.due.currency
    law: Law | None = regime.law.obligations.get(measure_id)
    if law is None:
        raise LawDataError(f"{regime.jurisdiction_code}: {measure_id} is not part of the law on {on}", place=measure_id)
    pays_in = law.collector if law.collector != "customs" else law.liable
    sureties = (payer_of(declaration, role) for role in (pays_in, law.liable, *law.jointly_liable))
    parts = tuple(_parts(charges))
    amounts: dict[str, Decimal] = {}
    for part in parts:
        amounts[part.type_code] = amounts.get(part.type_code, Decimal(0)) + part.amount
    return Obligation(
        measure_id=measure_id,
        title=law.title,
        liable=law.liable,
        jointly_liable=law.jointly_liable,
        collector=law.collector,
        moment=law.moment,
        account=law.account,
        payer=payer_of(declaration, pays_in) or payer_of(declaration, law.liable),
        amount=Money(sum(amounts.values(), Decimal(0)), currency),
        amounts=amounts,
        due=due_on(law.due, on),
        period=period_of(law.due, on),
        is_guaranteed=law.is_guaranteed,
        jurisdiction_code=regime.jurisdiction_code,
        parts=parts,
        is_at_sale=is_at_sale,
        sureties=tuple(dict.fromkeys(filter(None, sureties))),
        beneficiary=law.beneficiary,
    )


def _parts(charges: Iterable[Charge]) -> Iterator[Part]:
    """The charges by type and rate, in the order in which they are met."""
    sums: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for charge in charges:
        key = (charge.type_code, charge.rate)
        base, amount = sums.get(key, (Decimal(0), Decimal(0)))
        sums[key] = (base + charge.base.amount, amount + charge.result.amount)
    for (type_code, rate), (base, amount) in sums.items():
        yield Part(type_code, rate, base.quantize(BASE_QUANTUM), amount)
