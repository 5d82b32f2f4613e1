"""Who owes what, who collects it, and when: an assessment's charges under the regime's obligations.

The models of revenue collection are the WCO's (Framework of Standards on Cross-Border E-Commerce, standard 8): buyer,
vendor, intermediary, principal's account. Which one a charge follows is the regime's word, not ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from tidewaiter.model.assessment import Assessment, Charge, Collection
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import LawDataError
from tidewaiter.model.money import Money
from tidewaiter.regimes import Regime
from tidewaiter.regimes.law import Obligation as Law
from tidewaiter.revenue.due import due_on, period_of

BY_COLLECTION = {Collection.BORDER: "obligation.border", Collection.SALE: "obligation.sale"}
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


class Obligation(Struct, frozen=True, kw_only=True):
    """One amount that somebody owes: charges of one law, one payer and one day together.

    `liable` and `collector` are roles; `payer` is the identifier or name that
    the declaration gives for who pays it in. `amounts` are by type of charge.
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
    beneficiary: str = ""


def obligations(assessment: Assessment, declaration: Declaration, regime: Regime) -> tuple[Obligation, ...]:
    """What follows from an assessment, in the order of its charges. Charges that are relieved oblige nobody."""
    sums: dict[str, dict[str, Decimal]] = {}
    for measure_id, charge in _obliging(assessment, regime):
        amounts = sums.setdefault(measure_id, {})
        amounts[charge.type_code] = amounts.get(charge.type_code, Decimal(0)) + charge.result.amount
    currency = assessment.due.currency
    return tuple(
        _obligation(measure_id, amounts, currency, (assessment.legal_day, declaration, regime))
        for measure_id, amounts in sums.items()
        if any(amounts.values())
    )


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
            yield uses.get((charge.measure_id, charge.collection)) or BY_COLLECTION[charge.collection], charge


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
    measure_id: str, amounts: dict[str, Decimal], currency: str, given: tuple[date, Declaration, Regime]
) -> Obligation:
    on, declaration, regime = given
    law: Law | None = regime.law.obligations.get(measure_id)
    if law is None:
        raise LawDataError(f"{regime.jurisdiction_code}: {measure_id} is not part of the law on {on}", place=measure_id)
    pays_in = law.collector if law.collector != "customs" else law.liable
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
        beneficiary=law.beneficiary,
    )
