"""The states of a movement: which step leads where, and what each means for the declaration.

One table. It follows the Union Customs Code, Regulation (EU) No 952/2013: goods are brought in and conveyed (art. 135),
arrive and are presented (139), are in temporary storage (144), may be examined (188), are released (194) and, where they go
out, exit (267). What carriers add (loaded, departed, handed over, delivered) are business steps of the GS1 Core Business
Vocabulary 2.0.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Step(StrEnum):
    """What may happen to goods on their way, in the order that counts for two of the same moment."""

    LOADED = "loaded"
    DEPARTED = "departed"
    ARRIVED = "arrived"
    PRESENTED = "presented"
    EXAMINED = "examined"
    SEAL_BOUND = "seal_bound"
    SEAL_OPENED = "seal_opened"
    SEAL_CLOSED = "seal_closed"
    SEAL_ALARM = "seal_alarm"
    RELEASED = "released"
    HANDED_OVER = "handed_over"
    EXITED = "exited"
    DELIVERED = "delivered"
    RETURNED = "returned"
    LOST = "lost"
    DESTROYED = "destroyed"
    SEEN = "seen"  # somewhere, at some time: no step of its own


class MovementState(StrEnum):
    """Where the goods are by what was told."""

    ANNOUNCED = "announced"
    LOADED = "loaded"
    DEPARTED = "departed"
    ARRIVED = "arrived"
    PRESENTED = "presented"
    UNDER_EXAMINATION = "under_examination"
    RELEASED = "released"
    HANDED_OVER = "handed_over"
    EXITED = "exited"
    DELIVERED = "delivered"
    RETURNED = "returned"
    LOST = "lost"
    DESTROYED = "destroyed"


class Meaning(StrEnum):
    """What a step is to the declaration."""

    NOTHING = "nothing"  # it is kept, shown, and held against the others
    ARRIVAL = "arrival"  # the goods are there: decided by the law of that day
    EXIT = "exit"  # handed on to returns, where a refund may wait for it
    ALARM = "alarm"  # held


S, M = Step, MovementState

LEADS_TO: Final = {
    S.LOADED: M.LOADED,
    S.DEPARTED: M.DEPARTED,
    S.ARRIVED: M.ARRIVED,
    S.PRESENTED: M.PRESENTED,
    S.EXAMINED: M.UNDER_EXAMINATION,
    S.RELEASED: M.RELEASED,
    S.HANDED_OVER: M.HANDED_OVER,
    S.EXITED: M.EXITED,
    S.DELIVERED: M.DELIVERED,
    S.RETURNED: M.RETURNED,
    S.LOST: M.LOST,
    S.DESTROYED: M.DESTROYED,
}
"""Where a step leads; seals and sightings lead nowhere."""

MEANINGS: Final = {
    S.ARRIVED: Meaning.ARRIVAL,
    S.PRESENTED: Meaning.ARRIVAL,
    S.EXITED: Meaning.EXIT,
    S.SEAL_ALARM: Meaning.ALARM,
}

_CARRIED: Final = frozenset((S.LOADED, S.DEPARTED, S.ARRIVED, S.HANDED_OVER))
_AT_CUSTOMS: Final = frozenset((S.PRESENTED, S.EXAMINED, S.RELEASED))
_ENDINGS: Final = frozenset((S.EXITED, S.RETURNED, S.LOST, S.DESTROYED))
_ON_THE_WAY: Final = _CARRIED | _AT_CUSTOMS | _ENDINGS | {S.DELIVERED}

TABLE: Final[dict[MovementState, frozenset[Step]]] = {
    M.ANNOUNCED: _ON_THE_WAY,
    M.LOADED: _ON_THE_WAY,
    M.DEPARTED: _ON_THE_WAY,
    M.ARRIVED: _ON_THE_WAY,
    M.PRESENTED: _ON_THE_WAY,
    M.UNDER_EXAMINATION: _ON_THE_WAY,
    M.RELEASED: _CARRIED | _ENDINGS | {S.EXAMINED, S.RELEASED, S.DELIVERED},
    M.HANDED_OVER: _ON_THE_WAY,
    M.DELIVERED: frozenset((S.RETURNED, S.LOST, S.DESTROYED)),
    M.RETURNED: _CARRIED | _ENDINGS | {S.DELIVERED},
    M.EXITED: frozenset((S.LOST, S.DESTROYED)),
    M.LOST: _ON_THE_WAY,  # found again
    M.DESTROYED: frozenset(),
}
"""Which steps may follow a state. A step that was not told is not missed by the table: rules say what is missing."""


def after(state: MovementState, step: Step) -> MovementState | None:
    """The state that follows; the same where the step leads nowhere, None where it cannot be."""
    if step not in LEADS_TO:
        return state
    return LEADS_TO[step] if step in TABLE[state] else None


def mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {M.ANNOUNCED.value}"]
    for state, steps in TABLE.items():
        lines += [f"    {state.value} --> {LEADS_TO[step].value}: {step.value}" for step in Step if step in steps]
    return "\n".join(lines) + "\n"
