"""A decision: the declaration's lane, category, holds, and what happens next."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

from msgspec import Struct

from tidewaiter.model.assessment import Assessment
from tidewaiter.model.finding import Finding
from tidewaiter.model.judgement import Judgement, Lane
from tidewaiter.model.money import Money
from tidewaiter.model.timing import Deadline


class State(StrEnum):
    """Where a declaration stands. Allowed transitions: `release.states`."""

    RECEIVED = "received"  # lodged before arrival, registered, decided provisionally
    REJECTED = "rejected"
    ACCEPTED = "accepted"
    UNDER_CONTROL = "under_control"  # examination of the goods ordered
    AWAITING_DOCUMENTS = "awaiting_documents"
    AWAITING_PERMIT = "awaiting_permit"
    AWAITING_PAYMENT = "awaiting_payment"
    RELEASED = "released"
    CLEARED = "cleared"
    REFUSED = "refused"
    INVALIDATED = "invalidated"
    AWAITING_ORIGINAL = "awaiting_original"  # a change that came before the declaration it is for
    APPLIED = "applied"  # such a change, carried out on that declaration or handed to an officer


# Where nothing is owed, handed on or counted any more.
CAME_TO_NOTHING: Final = frozenset({State.REJECTED, State.REFUSED, State.INVALIDATED})


class NoticeKind(StrEnum):
    """What customs tells the sender; each message form has its own code for it."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CONTROL = "control"
    DOCUMENTS = "documents"
    REQUEST = "request"  # customs asks the sender for information
    REQUEST_GRANTED = "request_granted"  # the sender's own request (amendment, invalidation) is granted
    REQUEST_REFUSED = "request_refused"
    TAX_LIABILITY = "tax_liability"  # what will be owed
    TAX_FINAL = "tax_final"  # what is owed, or was drawn from the account
    AMENDED = "amended"
    RELEASED = "released"
    CLEARED = "cleared"
    REFUSED = "refused"
    INVALIDATED = "invalidated"


class HoldKind(StrEnum):
    """Why goods may not go yet."""

    EXAMINATION = "examination"
    DOCUMENTS = "documents"
    PERMIT = "permit"
    PAYMENT = "payment"


class Hold(Struct, frozen=True, omit_defaults=True, gc=False):
    """Something that must happen before release, and who can make it happen."""

    kind: HoldKind
    words: str
    reference: str = ""
    amount: Money | None = None


class Category(StrEnum):
    """Immediate Release Guidelines categories (WCO)."""

    CORRESPONDENCE = "1"  # correspondence and documents, no duty
    LOW_VALUE_FREE = "2"  # low value, no duty or tax
    LOW_VALUE_DUTIABLE = "3"  # low value, duty or tax owed
    HIGH_VALUE = "4"  # full declaration


class Decision(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was decided on one version of one declaration.

    `state` is where the declaration goes now, `on_arrival` what it becomes when
    arrival is confirmed (release before arrival is a promise until then).
    """

    state: State
    lane: Lane | None
    category: Category | None
    dataset: str
    holds: tuple[Hold, ...]
    on_arrival: State | None
    words: str
    notices: tuple[NoticeKind, ...]


class Evaluation(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Everything the one evaluation path concluded; its canonical JSON is what replay compares."""

    legal_day: date
    findings: tuple[Finding, ...]
    assessment: Assessment | None
    judgement: Judgement | None
    decision: Decision
    deadlines: tuple[Deadline, ...] = ()  # of the law, by moment of the journey
