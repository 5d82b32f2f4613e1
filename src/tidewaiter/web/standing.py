"""Where a declaration stands now: which holds are open, and what its sender is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tidewaiter.model.decision import Hold, HoldKind, State
from tidewaiter.release.states import Trigger
from tidewaiter.web import words
from tidewaiter.workflow.ports import Outcome, Transition

GONE: Final = frozenset(
    {State.REJECTED, State.REFUSED, State.INVALIDATED, State.RELEASED, State.CLEARED, State.APPLIED}
)  # nothing is waited for any more
SETTLES: Final = {
    Trigger.EXAMINED_SATISFACTORY.value: HoldKind.EXAMINATION,
    Trigger.DOCUMENTS_RECEIVED.value: HoldKind.DOCUMENTS,
    Trigger.PERMIT_GRANTED.value: HoldKind.PERMIT,
    Trigger.PAYMENT_RECEIVED.value: HoldKind.PAYMENT,
}
ORDERS: Final = {
    Trigger.EXAMINATION_ORDERED.value: HoldKind.EXAMINATION,
    Trigger.DOCUMENTS_REQUESTED.value: HoldKind.DOCUMENTS,
    Trigger.INFORMATION_REQUESTED.value: HoldKind.DOCUMENTS,
    Trigger.PERMIT_REQUIRED.value: HoldKind.PERMIT,
    Trigger.PAYMENT_REQUIRED.value: HoldKind.PAYMENT,
}
ASKED: Final = (Trigger.AMENDED.value, Trigger.INVALIDATION_REQUESTED.value)
ANSWERED: Final = (
    Trigger.AMENDMENT_GRANTED.value,
    Trigger.INVALIDATION_GRANTED.value,
    Trigger.REQUEST_REFUSED.value,
)


def open_holds(file: Outcome) -> tuple[Hold, ...]:
    """What must still happen before release, in the order in which it is worked off."""
    if file.row.state in GONE:
        return ()
    decided = file.evaluation.decision.holds
    found = {kind: [hold for hold in decided if hold.kind is kind] for kind in HoldKind}
    is_open = {kind: bool(found[kind]) for kind in HoldKind}
    for change in file.transitions:
        if change.trigger in SETTLES:
            is_open[SETTLES[change.trigger]] = False
        elif change.trigger in ORDERS:
            kind = ORDERS[change.trigger]
            is_open[kind] = True
            # What an officer ordered is not among the decision's holds.
            found[kind] = found[kind] or [Hold(kind, change.words or words.text(f"hold_public.{kind.value}"))]
    return tuple(hold for kind in HoldKind if is_open[kind] for hold in found[kind])


def open_request(transitions: Sequence[Transition]) -> str:
    """The trigger of a sender's request that nobody has answered yet; "" where there is none."""
    asked = ""
    for change in transitions:
        if change.trigger in ASKED and change.from_state is change.to_state:
            asked = change.trigger
        elif change.trigger in ANSWERED:
            asked = ""
    return asked


def told(hold: Hold) -> Hold:
    """The hold as its sender is told of it.

    A permit is asked for by its name, for that is law. What made customs examine or ask, whose id
    is the hold's reference, stays with officers.
    """
    if not hold.reference:
        return hold
    said = hold.words if hold.kind is HoldKind.PERMIT else words.text(f"hold_public.{hold.kind.value}")
    return Hold(hold.kind, said, "", hold.amount)
