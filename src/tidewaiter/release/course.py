"""Walking the table: from what was decided to the states passed and the notices sent."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from tidewaiter.model.decision import Decision, HoldKind, NoticeKind, State
from tidewaiter.model.errors import TransitionError
from tidewaiter.release.states import Trigger, When, transition

ORDERS = {  # what customs orders for a hold, in the order in which holds are worked off
    HoldKind.EXAMINATION: Trigger.EXAMINATION_ORDERED,
    HoldKind.DOCUMENTS: Trigger.DOCUMENTS_REQUESTED,
    HoldKind.PERMIT: Trigger.PERMIT_REQUIRED,
    HoldKind.PAYMENT: Trigger.PAYMENT_REQUIRED,
}
_SETTLES = {
    Trigger.EXAMINED_SATISFACTORY: HoldKind.EXAMINATION,
    Trigger.DOCUMENTS_RECEIVED: HoldKind.DOCUMENTS,
    Trigger.PERMIT_GRANTED: HoldKind.PERMIT,
    Trigger.PAYMENT_RECEIVED: HoldKind.PAYMENT,
}
_ORDERED = {trigger: kind for kind, trigger in ORDERS.items()} | {Trigger.INFORMATION_REQUESTED: HoldKind.DOCUMENTS}
_ASKS_ONLY = (State.UNDER_CONTROL, State.RELEASED, State.CLEARED)  # an amendment waits for an officer here
_TAKES_A_DECISION = (Trigger.ARRIVED, Trigger.CLAIMED, Trigger.AMENDED, Trigger.AMENDMENT_GRANTED)


class Standing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a declaration stands between two messages: all that the next step depends on.

    `open_holds` are asked for and not yet settled, `settled_holds` were settled before.
    """

    state: State | None = None
    is_assessed: bool = True
    is_amended: bool = False
    open_holds: tuple[HoldKind, ...] = ()
    settled_holds: tuple[HoldKind, ...] = ()


class Step(Struct, frozen=True, kw_only=True):
    """What one trigger led to: the states passed, the notices to send, and where the declaration stands now."""

    standing: Standing
    triggers: tuple[Trigger, ...]
    states: tuple[State, ...]
    notices: tuple[NoticeKind, ...]

    @property
    def state(self) -> State:
        """The state reached."""
        return self.states[-1]


def lodge(trigger: Trigger, hold_kinds: Iterable[HoldKind], *, is_assessed: bool) -> Step:
    """The step from nothing to where a lodged declaration stands, its holds asked for or the goods cleared."""
    walk = _Walk(Standing(is_assessed=is_assessed))
    walk.take(trigger)
    walk.announce_holds(hold_kinds)
    return walk.step()


def standing(decision: Decision, *, is_assessed: bool) -> Standing:
    """Where a declaration stands just after it was lodged and decided so."""
    kinds = dict.fromkeys(hold.kind for hold in decision.holds)
    if decision.state is State.RECEIVED:  # nobody is told of an examination before the goods are there
        kinds.pop(HoldKind.EXAMINATION, None)
    return Standing(state=decision.state, is_assessed=is_assessed, open_holds=tuple(kinds))


def follow(before: Standing, trigger: Trigger, decision: Decision | None = None) -> Step:
    """What a trigger leads to: its own transition, then the next hold or clearance where the way is free.

    ARRIVED, CLAIMED, AMENDED and AMENDMENT_GRANTED need the decision on the declaration
    as it now is, evaluated with the goods there (or not yet there, as the case
    may be). Holds settled before arrival stay settled; an amended version is
    looked at anew. A decision of rejection turns an arrival into a rejection
    and an amendment into a refused one.
    Raises TransitionError where the table does not allow the trigger.
    """
    if trigger in _TAKES_A_DECISION and decision is None:
        raise TransitionError(f"{trigger.value!r} needs a decision", hint="evaluate the declaration as it now is")
    walk = _Walk(before)
    if decision is not None and decision.state is State.REJECTED:
        walk.take(Trigger.REJECTED if trigger is Trigger.ARRIVED else Trigger.AMENDMENT_REJECTED)
        return walk.step()
    walk.take(trigger)
    if decision is not None and walk.is_decided_anew:
        walk.announce_holds(hold.kind for hold in decision.holds if hold.kind not in walk.settled)
    elif walk.state is State.ACCEPTED:
        walk.announce_holds(tuple(walk.open))
    return walk.step()


class _Walk:
    """One walk over the table; what has been announced before is not announced again."""

    def __init__(self, before: Standing) -> None:
        self.before = before
        self.state = before.state
        self.open = list(before.open_holds)
        self.settled = list(before.settled_holds)
        self.is_amended = before.is_amended
        self.is_decided_anew = False
        self.triggers: list[Trigger] = []
        self.states: list[State] = []
        self.notices: list[NoticeKind] = []

    def take(self, trigger: Trigger, *, is_told: bool = True) -> None:
        """One transition, with its notices unless the sender was told before."""
        row = transition(self.state, trigger)
        if trigger is Trigger.AMENDMENT_GRANTED or (trigger is Trigger.AMENDED and self.state not in _ASKS_ONLY):
            self.is_amended = self.is_decided_anew = True
            self.settled = []
        elif trigger in (Trigger.ARRIVED, Trigger.CLAIMED):
            self.is_decided_anew = True
        settled = _SETTLES.get(trigger)
        if settled is not None:
            self.settled += [settled] if settled not in self.settled else []
            self.open = [kind for kind in self.open if kind is not settled]
        ordered = _ORDERED.get(trigger)
        if ordered is not None and ordered not in self.open:
            self.open.append(ordered)
            self.settled = [kind for kind in self.settled if kind is not ordered]
        self.state = row.to
        self.triggers.append(trigger)
        self.states.append(row.to)
        if is_told:
            self.notices += [told.kind for told in row.announcements if self._concerns(told.when)]

    def announce_holds(self, hold_kinds: Iterable[HoldKind]) -> None:
        """Every hold is asked for at once; the first one names the state. Without any, the goods are cleared."""
        wanted, known = set(hold_kinds), set(self.open)
        if self.state in (State.RELEASED, State.CLEARED):
            return  # the goods are gone: what is still owed is claimed, not waited for
        if self.state is State.UNDER_CONTROL:
            wanted.add(HoldKind.EXAMINATION)
        self.open = [kind for kind in self.open if kind in wanted]
        for kind, order in ORDERS.items():
            is_ordered_here = kind is not HoldKind.EXAMINATION or self.state is State.ACCEPTED
            if kind in wanted and is_ordered_here:
                self.take(order, is_told=kind not in known and not self._is_repeated(kind))
        if not wanted and self.state is State.ACCEPTED:
            self.take(Trigger.CLEARED)

    def step(self) -> Step:
        """What came of it."""
        after = Standing(
            state=self.state,
            is_assessed=self.before.is_assessed,
            is_amended=self.is_amended,
            open_holds=tuple(self.open),
            settled_holds=tuple(self.settled),
        )
        return Step(
            standing=after, triggers=tuple(self.triggers), states=tuple(self.states), notices=tuple(self.notices)
        )

    def _is_repeated(self, kind: HoldKind) -> bool:
        """A permit is asked for by the same notice as documents: one is enough."""
        return kind is HoldKind.PERMIT and NoticeKind.DOCUMENTS in self.notices

    def _concerns(self, when: When) -> bool:
        match when:
            case When.ASSESSED:
                return self.before.is_assessed
            case When.AMENDED:
                return self.is_amended
            case _:
                return True
