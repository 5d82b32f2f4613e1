"""The state machine of a declaration: which state follows which trigger, and what the sender is told.

One table, read top down; what is not in it is forbidden. It follows the Union Customs
Code, Regulation (EU) No 952/2013 (lodging before presentation, art. 171; acceptance, 172; amendment, 173;
invalidation, 174; release, 194), and the sequences of notices of the annotated
scenarios of the United Kingdom's Customs Declaration Service.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from tidewaiter.model.decision import NoticeKind, State
from tidewaiter.model.errors import TransitionError


class Trigger(StrEnum):
    """What happens to a declaration."""

    # What the sender does.
    ANNOUNCED = "announced"  # lodged before the goods arrive
    ACCEPTED = "accepted"  # lodged, without error, and the goods are there
    REJECTED = "rejected"  # lodged, or come to arrival, with errors
    ARRIVED = "arrived"  # arrival confirmed
    AMENDED = "amended"
    CLAIMED = "claimed"  # a third party said something of the parcel, or took it back: decided anew
    AWAITED = "awaited"  # an amendment or withdrawal that came before the declaration it is for
    APPLIED = "applied"  # that declaration has come, and the change is carried out on it
    AMENDMENT_REJECTED = "amendment_rejected"  # the amended version has errors: the old one stands
    INVALIDATION_REQUESTED = "invalidation_requested"
    DOCUMENTS_RECEIVED = "documents_received"
    PAYMENT_RECEIVED = "payment_received"  # paid, or secured by a guarantee
    # What customs orders.
    EXAMINATION_ORDERED = "examination_ordered"
    DOCUMENTS_REQUESTED = "documents_requested"
    INFORMATION_REQUESTED = "information_requested"
    PERMIT_REQUIRED = "permit_required"
    PAYMENT_REQUIRED = "payment_required"
    # What customs or another authority finds.
    EXAMINED_SATISFACTORY = "examined_satisfactory"
    EXAMINED_NOT_SATISFACTORY = "examined_not_satisfactory"
    PERMIT_GRANTED = "permit_granted"
    PERMIT_REFUSED = "permit_refused"
    AMENDMENT_GRANTED = "amendment_granted"  # where an officer decides on it
    INVALIDATION_GRANTED = "invalidation_granted"
    REQUEST_REFUSED = "request_refused"
    RELEASED = "released"
    CLEARED = "cleared"
    REFUSED = "refused"


class When(StrEnum):
    """Which declarations a notice is sent for."""

    ALWAYS = "always"
    ASSESSED = "assessed"  # charges are worked out on this dataset
    AMENDED = "amended"  # the declaration was amended on the way


class Announcement(Struct, frozen=True):
    """A notice that goes with a transition, and for which declarations."""

    kind: NoticeKind
    when: When = When.ALWAYS


class Transition(Struct, frozen=True):
    """Where a trigger leads, and what the sender is told, in order."""

    to: State
    announcements: tuple[Announcement, ...] = ()


S, T, N = State, Trigger, NoticeKind
_TAX_LIABILITY = Announcement(N.TAX_LIABILITY, When.ASSESSED)
_TAX_FINAL = Announcement(N.TAX_FINAL, When.ASSESSED)


def _to(state: State, *told: NoticeKind | Announcement) -> Transition:
    return Transition(state, tuple(n if isinstance(n, Announcement) else Announcement(n) for n in told))


def _requests(state: State) -> dict[Trigger, Transition]:
    """Where the goods are under control or gone, an officer answers amendments and invalidations.

    UCC art. 173(2) and 174: once customs have said they will examine, or have
    released, the sender can ask but not act.
    """
    return {
        T.AMENDED: _to(state, N.RECEIVED),
        T.AMENDMENT_REJECTED: _to(state, N.REJECTED),
        T.INVALIDATION_REQUESTED: _to(state, N.RECEIVED),
        T.INVALIDATION_GRANTED: _to(S.INVALIDATED, N.REQUEST_GRANTED, N.INVALIDATED),
        T.REQUEST_REFUSED: _to(state, N.REQUEST_REFUSED),
    }


def _open(state: State) -> dict[Trigger, Transition]:
    """Accepted and waiting for something: the sender may still amend or withdraw; customs may ask for more."""
    return {
        T.AMENDED: _to(S.ACCEPTED, N.RECEIVED, N.REQUEST_GRANTED, _TAX_LIABILITY),
        T.AMENDMENT_REJECTED: _to(state, N.REJECTED),
        T.INVALIDATION_REQUESTED: _to(S.INVALIDATED, N.RECEIVED, N.REQUEST_GRANTED, N.INVALIDATED),
        T.EXAMINATION_ORDERED: _to(S.UNDER_CONTROL, N.CONTROL),
        T.REFUSED: _to(S.REFUSED, N.REFUSED),
    } | _asked(state)


def _asked(state: State) -> dict[Trigger, Transition]:
    """More is asked for, or handed in, while the declaration waits for something else first."""
    return {
        T.DOCUMENTS_REQUESTED: _to(state, N.DOCUMENTS),
        T.INFORMATION_REQUESTED: _to(state, N.REQUEST),
        T.PERMIT_REQUIRED: _to(state, N.DOCUMENTS),
        T.PAYMENT_REQUIRED: _to(state),
        T.DOCUMENTS_RECEIVED: _to(state),
        T.PERMIT_GRANTED: _to(state),
        T.PERMIT_REFUSED: _to(S.REFUSED, N.REFUSED),
        T.PAYMENT_RECEIVED: _to(state),
    }


TABLE: dict[State | None, dict[Trigger, Transition]] = {
    None: {
        T.ANNOUNCED: _to(S.RECEIVED, N.RECEIVED, _TAX_LIABILITY),
        T.ACCEPTED: _to(S.ACCEPTED, N.ACCEPTED, _TAX_LIABILITY),
        T.REJECTED: _to(S.REJECTED, N.REJECTED),
        T.AWAITED: _to(S.AWAITING_ORIGINAL, N.RECEIVED),
    },
    # No declaration, but a change that overtook the one it is for. The sender is told on that one what came of it.
    S.AWAITING_ORIGINAL: {T.APPLIED: _to(S.APPLIED), T.REJECTED: _to(S.REJECTED, N.REJECTED)},
    # Announced: nothing is accepted yet, so an amendment simply replaces what was announced. It is answered
    # at once where it changes what will be owed; otherwise its result follows acceptance.
    S.RECEIVED: _asked(S.RECEIVED)
    | {
        T.ARRIVED: _to(S.ACCEPTED, N.RECEIVED, N.ACCEPTED, _TAX_LIABILITY),
        T.REJECTED: _to(S.REJECTED, N.REJECTED),
        T.AMENDED: _to(
            S.RECEIVED,
            Announcement(N.RECEIVED, When.ASSESSED),
            Announcement(N.REQUEST_GRANTED, When.ASSESSED),
            _TAX_LIABILITY,
        ),
        T.CLAIMED: _to(S.RECEIVED),
        T.AMENDMENT_REJECTED: _to(S.RECEIVED, N.REJECTED),
        T.INVALIDATION_REQUESTED: _to(S.INVALIDATED, N.RECEIVED, N.REQUEST_GRANTED, N.REJECTED),
        T.REFUSED: _to(S.REFUSED, N.REFUSED),
    },
    S.ACCEPTED: _open(S.ACCEPTED)
    | {
        T.DOCUMENTS_REQUESTED: _to(S.AWAITING_DOCUMENTS, N.DOCUMENTS),
        T.INFORMATION_REQUESTED: _to(S.AWAITING_DOCUMENTS, N.REQUEST),
        T.PERMIT_REQUIRED: _to(S.AWAITING_PERMIT, N.DOCUMENTS),
        T.PAYMENT_REQUIRED: _to(S.AWAITING_PAYMENT),
        T.RELEASED: _to(S.RELEASED, N.RELEASED),
        T.CLEARED: _to(S.CLEARED, _TAX_FINAL, Announcement(N.AMENDED, When.AMENDED), N.CLEARED),
    },
    S.UNDER_CONTROL: _asked(S.UNDER_CONTROL)
    | _requests(S.UNDER_CONTROL)
    | {
        T.AMENDMENT_GRANTED: _to(S.UNDER_CONTROL, N.REQUEST_GRANTED, _TAX_LIABILITY),
        T.EXAMINED_SATISFACTORY: _to(S.ACCEPTED),
        T.EXAMINED_NOT_SATISFACTORY: _to(S.REFUSED, N.REFUSED),
        T.REFUSED: _to(S.REFUSED, N.REFUSED),
    },
    S.AWAITING_DOCUMENTS: _open(S.AWAITING_DOCUMENTS)
    | {T.DOCUMENTS_RECEIVED: _to(S.ACCEPTED), T.CLAIMED: _to(S.ACCEPTED)},
    S.AWAITING_PERMIT: _open(S.AWAITING_PERMIT) | {T.PERMIT_GRANTED: _to(S.ACCEPTED)},
    S.AWAITING_PAYMENT: _open(S.AWAITING_PAYMENT) | {T.PAYMENT_RECEIVED: _to(S.ACCEPTED)},
    S.RELEASED: _requests(S.RELEASED)
    | {
        T.AMENDMENT_GRANTED: _to(S.RELEASED, N.REQUEST_GRANTED, _TAX_LIABILITY),
        T.PAYMENT_RECEIVED: _to(S.RELEASED),
        T.CLEARED: _to(S.CLEARED, _TAX_FINAL, Announcement(N.AMENDED, When.AMENDED), N.CLEARED),
    },
    S.CLEARED: _requests(S.CLEARED) | {T.AMENDMENT_GRANTED: _to(S.CLEARED, N.REQUEST_GRANTED, _TAX_FINAL, N.AMENDED)},
    S.REJECTED: {},
    S.REFUSED: {},
    S.INVALIDATED: {},
    S.APPLIED: {},
}

_HINTS = {
    None: "lodge the declaration first",
    S.REJECTED: "a rejected declaration is closed; put the errors right and lodge a new one",
    S.REFUSED: "customs refused the goods; an appeal or a new declaration is needed",
    S.INVALIDATED: "the declaration was withdrawn; lodge a new one",
    S.AWAITING_ORIGINAL: "it is carried out when the declaration it is for comes",
    S.APPLIED: "it was carried out; change the declaration it was for",
    S.CLEARED: "the declaration is cleared; ask for a correction, a repayment or an invalidation",
    S.RELEASED: "the goods are released; ask for a correction, a repayment or an invalidation",
    S.RECEIVED: "the goods have not arrived; confirm arrival first",
}


def transition(state: State | None, trigger: Trigger) -> Transition:
    """The table's row for a trigger in a state (None: not lodged yet). Raises TransitionError where there is none."""
    found = TABLE[state].get(trigger)
    if found is None:
        allowed = ", ".join(may(state)) or "nothing"
        where = f"{state.value!r}" if state else "not lodged"
        raise TransitionError(
            f"a declaration that is {where} cannot be {trigger.value!r}",
            hint=_HINTS.get(state, f"possible now: {allowed}"),
        )
    return found


def after(state: State | None, trigger: Trigger) -> State:
    """The state that follows. Raises TransitionError with a hint where the trigger is not allowed."""
    return transition(state, trigger).to


def may(state: State | None) -> tuple[Trigger, ...]:
    """The triggers allowed in a state, in the order of `Trigger`."""
    return tuple(trigger for trigger in Trigger if trigger in TABLE[state])


def mermaid() -> str:
    """The table as a Mermaid state diagram; triggers that change nothing are left out."""
    lines = ["stateDiagram-v2"]
    for state, row in TABLE.items():
        for to in State:
            triggers = [trigger.value for trigger in Trigger if trigger in row and row[trigger].to is to is not state]
            if triggers:
                lines.append(f"    {state.value if state else '[*]'} --> {to.value}: {', '.join(triggers)}")
    lines += [f"    {state.value} --> [*]" for state, row in TABLE.items() if state and not row]
    return "\n".join(lines) + "\n"
