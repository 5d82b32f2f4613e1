"""What the record is told of money: payments, guarantees reserved, decisions on returns. Never an amount in the open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_UP, Decimal
from typing import Final

from tidewaiter.ledger.leaves import Fact
from tidewaiter.model.canonical import canonical_bytes, digest
from tidewaiter.model.decision import State
from tidewaiter.revenue.postings import Kind, Posting
from tidewaiter.revenue.returns import GIVING, Outcome
from tidewaiter.workflow.recording import DECIDED, Recording, clean, decision_facts, subject_of
from tidewaiter.workflow.return_records import Earlier, NewDecision

SHARE_WHOLE: Final = 1_000_000_000
"""What a share of all is told as: parts per thousand million, rounded up."""

_TYPES: Final[Mapping[str, str]] = {
    Kind.PAYMENT: "paid",
    Kind.ALLOCATION: "paid",
    Kind.RESERVED: "guaranteed",
}
# Where a case stands that gives nothing back, in the states of declarations: one set of words for all decisions.
_STATES: Final[Mapping[Outcome, State]] = {
    Outcome.REFUSED: State.REFUSED,
    Outcome.WAITING: State.AWAITING_DOCUMENTS,
    Outcome.CASE: State.UNDER_CONTROL,
    Outcome.BY_SELLER: State.ACCEPTED,  # as a claim on the seller: no goods are cleared by it
}
_DECLARATION: Final = "declaration:"


def posting_recording(posting: Posting, at: datetime) -> Recording | None:
    """The entry of a payment or a guarantee; None for postings that only carry out what a decision said.

    It is on the one declaration that the posting is about; on the posting's own subject where it is about several.
    """
    type_ = _TYPES.get(posting.kind)
    if type_ is None:
        return None
    about = {each.about for each in posting.entries if each.about.startswith(_DECLARATION)}
    subject = about.pop() if len(about) == 1 else posting.subject or f"posting:{posting.key}"
    sums: dict[str, Decimal] = {}
    for entry in posting.entries:
        sums[entry.currency] = sums.get(entry.currency, Decimal(0)) + max(entry.amount, Decimal(0))
    fields = (
        ("posting_sha256", posting.digest),
        ("kind", posting.kind),
        ("key", clean(posting.key)),
        ("booked_on", posting.booked_on.isoformat()),
        ("amount", ", ".join(f"{amount:f} {currency}" for currency, amount in sorted(sums.items()))),
    )
    return Recording(type_, subject, f"posting:{posting.key}", fields, {}, at)


def return_recording(new: NewDecision, return_id: str, due: Decimal, earlier: Earlier) -> Recording:
    """The entry of a decision on a return; `due` is what was due on its import, in the decision's currency.

    Shares are rounded so that parts come to what the whole comes to: with what was given back before, and without.
    """
    decision, declaration_id = new.decision, new.considered.declaration_id
    fields = (
        ("decision_sha256", digest(canonical_bytes(decision))),
        ("considered_sha256", digest(canonical_bytes(new.considered))),
        ("return_id", clean(return_id)),
        ("outcome", decision.outcome.value),
        ("amount", f"{decision.total:f} {decision.currency}".strip()),
        ("actor", clean(new.actor)),
        ("decided_at", new.decided_at.isoformat()),
    )
    label = f"return:{new.case_no}:{new.version}"
    if decision.outcome in GIVING and declaration_id is not None:
        before = sum((each.amount for each in earlier.lines), Decimal(0))
        share = share_of(before + decision.total, due) - share_of(before, due)
        given: dict[str, Fact] = {"share": share}
        return Recording("refunded", subject_of(declaration_id), label, fields, given, new.decided_at)
    facts = decision_facts(_STATES.get(decision.outcome, State.UNDER_CONTROL), "none", is_assessed=False)
    return Recording(DECIDED, f"return:{new.case_no}", label, fields, facts, new.decided_at)


def share_of(amount: Decimal, whole: Decimal) -> int:
    """A part as contracts see it: parts per thousand million of the whole, rounded up; 0 of nothing."""
    return int((amount * SHARE_WHOLE / whole).to_integral_value(ROUND_UP)) if whole > 0 else 0
