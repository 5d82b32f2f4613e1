"""The quote: what was asked, what came out of the one evaluation path, who pays, whether the goods may come in.

Nothing here is worked out anew: amounts are the assessment's, obligations are revenue's, controls are risk's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from tidewaiter.assessment.compiled import charging_law
from tidewaiter.assessment.engine import NOT_ASSESSED, UNDETERMINED
from tidewaiter.assessment.valuation import rounded
from tidewaiter.model.assessment import Assessment, Citation
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.judgement import Reason, ReasonKind
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import Basket
from tidewaiter.regimes import Regime
from tidewaiter.revenue.obligations import Obligation

GOODS_KINDS: Final = (ReasonKind.PROHIBITED, ReasonKind.RESTRICTED)
# What a basket says; findings about anything else would be about our stand-ins, not about the buyer's goods.
SAID: Final = (
    "goods_items", "freight", "insurance", "discount", "jurisdiction_code", "seller_registration_id",
    "transport_mode_code", "export_country_code", "consignment.export_country_code", "fiscal_references",
)  # fmt: skip
NOT_SAID: Final = (".packagings", ".additional_procedure_codes")
OWN_NAMES: Final = {"consignment.export_country_code": "export_country_code", "fiscal_references": "seller_registration_id"}  # fmt: skip


class Entry(StrEnum):
    """Whether the goods may come in."""

    FREE = "free"  # nothing known stands against it
    PERMIT = "permit"  # with the documents named
    PROHIBITED = "prohibited"
    UNKNOWN = "unknown"  # no controls are known for the jurisdiction: never taken as "everything is allowed"


class Admission(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What goods controls say of the basket.

    `controls_of` is whose controls were looked at: the jurisdiction's own, those
    of a union it belongs to, or "" where none are known; `looked_at` the titles
    of all that was. Random selection and watch lists have no part in it.
    """

    entry: Entry
    controls_of: str = ""
    looked_at: str = ""
    controls: tuple[Reason, ...] = ()
    citations: dict[str, Citation] = {}


class Cost(Struct, frozen=True, kw_only=True):
    """What it comes to, in the jurisdiction's currency.

    `goods` is their price less discount, `transport` freight and insurance; with what is `due` at the border and
    `collected_at_sale` they make `total`. Without `is_known` something is owed on top that could not be worked out.
    """

    goods: Money
    transport: Money
    due: Money
    collected_at_sale: Money
    total: Money
    is_known: bool


class Quote(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a basket costs under the law of one day. Its canonical bytes are kept, and its number is made of them.

    `valid_until` is the last day on which the law is known to be the same, and
    no more than thirty days on; another day's rates of exchange may still
    differ, which a comparison then shows.
    """

    basket: Basket
    legal_day: date
    valid_until: date
    regime_digest: str
    dataset: str
    dataset_title: str
    declaration: Declaration
    assessment: Assessment
    cost: Cost
    obligations: tuple[Obligation, ...]
    admission: Admission
    findings: tuple[Finding, ...] = ()
    words: tuple[str, ...] = ()
    software_version: str = ""


class QuoteImpossibleError(TidewaiterError):
    """Nothing can be said of what the basket costs; `findings` say why and what to do."""

    code = "quote.impossible"

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = next((each for each in findings if each.severity is Severity.ERROR), None)
        detail = first.words if first else "Nothing could be worked out."
        super().__init__(detail, hint=first.hint if first else "", place=first.pointer if first else "")
        self.findings = tuple(findings)


def about_goods(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings on what the basket itself says, in its own terms; errors on anything else as they are."""
    kept = []
    for each in findings:
        is_said = each.pointer.startswith(SAID) and not any(name in each.pointer for name in NOT_SAID)
        if is_said or each.severity is Severity.ERROR:
            kept.append(_in_own_terms(each))
    return tuple(dict.fromkeys(kept))


def _in_own_terms(finding: Finding) -> Finding:
    for name, own in OWN_NAMES.items():
        if finding.pointer.startswith(name):
            return Finding(finding.rule_id, finding.severity, own, finding.words, finding.value, finding.hint)
    return finding


def determined(assessment: Assessment | None, findings: Sequence[Finding]) -> Assessment:
    """The assessment, if anything could be worked out. Raises QuoteImpossibleError with everything that was found."""
    if assessment is None:
        raise QuoteImpossibleError(findings)
    if assessment.scheme in (UNDETERMINED, NOT_ASSESSED):
        reasons = assessment.unresolved or tuple(step.words for step in assessment.steps)
        more = [Finding("quote.undetermined", Severity.ERROR, "goods_items", f"{words[:1].upper()}{words[1:]}.") for words in reasons]  # fmt: skip
        raise QuoteImpossibleError([*findings, *more])
    return assessment


def cost_of(declaration: Declaration, assessment: Assessment, regime: Regime) -> Cost:
    """What goods, transport and charges come to; transport is converted and rounded as values are."""
    rounding = charging_law(regime).value_rounding
    parts = [declaration.freight, declaration.insurance]
    transport = sum((rounded(regime.amount(each), rounding) for each in parts if each is not None), Decimal(0))
    goods, due, at_sale = assessment.intrinsic_value, assessment.due, assessment.collected_at_sale
    moved = Money(transport, regime.currency)
    return Cost(
        goods=goods,
        transport=moved,
        due=due,
        collected_at_sale=at_sale,
        total=goods + moved + due + at_sale,
        is_known=not assessment.unresolved,
    )


def admission_of(reasons: Sequence[Reason], citations: Mapping[str, Citation], controls_of: str) -> Admission:
    """Whether the goods may come in, by the reasons that are about goods alone; `citations` are of all that was looked at."""
    found = tuple(reason for reason in reasons if reason.kind in GOODS_KINDS)
    open_ = [reason for reason in found if not reason.is_lifted]
    if any(reason.kind is ReasonKind.PROHIBITED for reason in open_):
        entry = Entry.PROHIBITED
    elif open_:
        entry = Entry.PERMIT
    else:
        entry = Entry.FREE if controls_of else Entry.UNKNOWN
    named = {reason.measure_id for reason in found}
    cited = {measure_id: citation for measure_id, citation in citations.items() if measure_id in named}
    return Admission(entry=entry, controls_of=controls_of, controls=found, citations=cited)
