"""What must happen before release, from the judgement, the assessment and the declaration."""

from __future__ import annotations

from tidewaiter.model.assessment import Assessment
from tidewaiter.model.decision import Hold, HoldKind
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.judgement import Judgement, Lane, Reason, ReasonKind
from tidewaiter.release.timing import Timing

SECURITY_AUTHORISATIONS = frozenset({"CGU", "DPO"})
"""Comprehensive guarantee, deferred payment: Delegated Regulation (EU) 2015/2446, Annex A, authorisation types."""
SECURITY_DOCUMENTS = frozenset({"C505", "C506"})
"""The same two, as document codes."""


def holds(
    declaration: Declaration, assessment: Assessment, judgement: Judgement, *, timing: Timing | None, is_assessed: bool
) -> tuple[Hold, ...]:
    """Holds in the order in which they are worked off: examination, documents, permit, payment."""
    found: list[Hold] = []
    if judgement.lane is not Lane.GREEN:
        found += _from_reasons(judgement.reasons, timing)
    if assessment.unresolved:
        words = "; ".join(assessment.unresolved)
        found.append(Hold(HoldKind.DOCUMENTS, f"What is owed cannot be worked out yet: {words}"))
    if is_assessed and assessment.due.amount > 0 and not is_secured(declaration):
        words = f"Pay {assessment.due}, or name a guarantee or payment account."
        found.append(Hold(HoldKind.PAYMENT, words, amount=assessment.due))
    return tuple(sorted(found, key=lambda hold: _ORDER[hold.kind]))


_ORDER = {kind: position for position, kind in enumerate(HoldKind)}


def is_secured(declaration: Declaration) -> bool:
    """True when the declaration names a guarantee or an account that the amount due can be drawn on."""
    return (
        bool(declaration.guarantee_ids)
        or any(held.category_code in SECURITY_AUTHORISATIONS for held in declaration.authorisations)
        or any(document.type_code in SECURITY_DOCUMENTS for document in declaration.documents)
        or any(
            document.type_code in SECURITY_DOCUMENTS for item in declaration.goods_items for document in item.documents
        )
    )


def _from_reasons(reasons: tuple[Reason, ...], timing: Timing | None) -> list[Hold]:
    found: dict[tuple[HoldKind, str], Hold] = {}
    for reason in reasons:
        if reason.is_lifted:
            continue
        if reason.lane in (Lane.RED, Lane.YELLOW):
            kind = _kind(reason.lane, reason.permit_code, timing)
            found.setdefault((kind, reason.reason_id), Hold(kind, _words(kind, reason), reason.reason_id))
        if reason.lane is Lane.RED and reason.kind is ReasonKind.RESTRICTED and reason.permit_code:
            permit = Hold(HoldKind.PERMIT, _words(HoldKind.PERMIT, reason), reason.permit_code)
            found.setdefault((HoldKind.PERMIT, reason.permit_code), permit)
    return list(found.values())


def _kind(lane: Lane, permit_code: str, timing: Timing | None) -> HoldKind:
    if lane is Lane.RED:  # goods that were released before are no longer there to be examined
        return HoldKind.DOCUMENTS if timing is Timing.SUPPLEMENTARY else HoldKind.EXAMINATION
    return HoldKind.PERMIT if permit_code else HoldKind.DOCUMENTS


def _words(kind: HoldKind, reason: Reason) -> str:
    """What the sender is told. Only a control of the goods is a reason to share; who is watched for is not."""
    because = f" {reason.words}" if reason.kind in (ReasonKind.PROHIBITED, ReasonKind.RESTRICTED) else ""
    match kind:
        case HoldKind.EXAMINATION:
            return f"The goods will be examined.{because}"
        case HoldKind.PERMIT:
            return f"Hand in the {reason.permit_words} (document code {reason.permit_code}).{because}"
        case _ if reason.kind is ReasonKind.CLAIM:
            return f"{reason.words} It must be told or put right, or shown by papers."
        case _:
            return f"Hand in the invoice and whatever shows what the goods are.{because}"
