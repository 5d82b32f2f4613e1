"""What must happen before release, from the judgement, the assessment and the declaration."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

from msgspec import Struct

from tidewaiter.model.assessment import Assessment
from tidewaiter.model.decision import Hold, HoldKind
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.judgement import Judgement, Lane, Reason, ReasonKind
from tidewaiter.model.money import Money
from tidewaiter.regimes.law import Content
from tidewaiter.release.timing import Timing

AUTHORISATIONS: Final = "security.authorisations"
DOCUMENTS: Final = "security.documents"
"""The rules of a law that list under which codes a declaration names what secures it."""
NAMED_MAX: Final = 3  # named in the words of a hold; more are counted
WORDS_LENGTH_MAX: Final = 120  # of each


class Security(Struct, frozen=True):
    """A guarantee, account or authorisation that a declaration names: its number ("" where none is given), and words."""

    security_id: str
    words: str


class Securities(Struct, frozen=True):
    """What a declaration names to secure what it owes. `are_granted`: all of it is known to be granted, and enough."""

    named: tuple[Security, ...] = ()
    are_granted: bool = False


NOTHING_NAMED = Securities()


def holds(
    assessment: Assessment, judgement: Judgement, securities: Securities, *, timing: Timing | None, is_assessed: bool
) -> tuple[Hold, ...]:
    """Holds in the order in which they are worked off: examination, documents, permit, payment."""
    found: list[Hold] = []
    if judgement.lane is not Lane.GREEN:
        found += _from_reasons(judgement.reasons, timing)
    if assessment.unresolved:
        words = "; ".join(assessment.unresolved)
        found.append(Hold(HoldKind.DOCUMENTS, f"What is owed cannot be worked out yet: {words}"))
    if is_assessed and assessment.due.amount > 0 and not (securities.named and securities.are_granted):
        found.append(Hold(HoldKind.PAYMENT, _payment_words(assessment.due, securities.named), amount=assessment.due))
    return tuple(sorted(found, key=lambda hold: _ORDER[hold.kind]))


_ORDER = {kind: position for position, kind in enumerate(HoldKind)}


def securities_of(declaration: Declaration, law: Content) -> tuple[Security, ...]:
    """What a declaration names to secure what it owes, each once, in its order. Nothing is said of whether it is granted."""
    authorisations, documents = (law.rules.get(rule, "").split() for rule in (AUTHORISATIONS, DOCUMENTS))
    found = [Security(each, f"guarantee {each}") for each in declaration.guarantee_ids]
    handed_in = (declaration.documents, *(item.documents for item in declaration.goods_items))
    found += [
        Security(each.document_id, f"authorisation {each.document_id or 'without a number'} ({each.type_code})")
        for each in chain.from_iterable(handed_in)
        if each.type_code in documents
    ]
    found += [
        Security("", f"authorisation {each.category_code} of {each.holder_id or 'no holder'}")
        for each in declaration.authorisations
        if each.category_code in authorisations
    ]
    return tuple(dict.fromkeys(found))


def _payment_words(due: Money, named: Sequence[Security]) -> str:
    """What must happen before the goods go. Whether a guarantee is granted and enough is found after the decision."""
    if not named:
        return f"Pay {due}, or name a guarantee or payment account."
    said = " or ".join(each.words[:WORDS_LENGTH_MAX] for each in named[:NAMED_MAX])
    more = f" or another of {len(named)} named" if len(named) > NAMED_MAX else ""
    return (
        f"{due} is owed: it waits until {said}{more} is found to cover it. It must be granted to who owes the amount or is"
        " liable for it, be in force on the day, and have enough free; else pay."
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
        case _ if reason.kind is ReasonKind.DECLARED_BEFORE:
            return f"{reason.words} Withdraw one of the two, or show by papers that the goods are others."
        case _:
            return f"Hand in the invoice and whatever shows what the goods are.{because}"
