"""The course of a movement: what was told of a parcel, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from tidewaiter.movement.geography import Point
from tidewaiter.movement.limits import limits
from tidewaiter.movement.steps import LEADS_TO, MovementState, Step, after

_ORDER = {step: position for position, step in enumerate(Step)}


class Moved(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing told of a parcel: a step, when and where it happened (aware UTC), and who told it.

    `is_void`: told under the id of another, which is taken back by it. `device_id` is the device that told it, "" where it
    was none.
    """

    event_id: str
    step: Step
    happened_at: datetime
    recorded_at: datetime
    place: str = ""
    point: Point | None = None
    by: str = ""
    device_id: str = ""
    is_void: bool = False
    words: str = ""

    @property
    def is_ahead(self) -> bool:
        """Whether it was told before it is said to have happened, by more than clocks differ."""
        return self.happened_at > self.recorded_at + timedelta(seconds=limits().clock_seconds.value)


class Passed(Struct, frozen=True):
    """One thing told, with the state before it and after it; `after` is None where it cannot be: in that state, or not yet."""

    moved: Moved
    before: MovementState
    after: MovementState | None


class Course(Struct, frozen=True):
    """All that was told and stands, in the order it happened; what was taken back; and the state reached."""

    passed: tuple[Passed, ...]
    undone: tuple[Moved, ...] = ()

    @property
    def state(self) -> MovementState:
        """Where the goods are now."""
        return next((each.after for each in reversed(self.passed) if each.after is not None), MovementState.ANNOUNCED)

    def of(self, *steps: Step) -> Iterator[Passed]:
        """What was told of these steps, in order."""
        return (each for each in self.passed if each.moved.step in steps)

    def last_at(self) -> datetime | None:
        """When the last step was taken that moved the goods; None where there was none."""
        told = (each.moved for each in reversed(self.passed) if not each.moved.is_ahead)
        return next((each.happened_at for each in told if each.step in LEADS_TO), None)


def course(told: Iterable[Moved]) -> Course:
    """The course of one parcel, the same whatever the order in which it was told, and however often.

    What was told under one id counts once, as it was first recorded. What was taken back counts no more. What was told as
    still to come is shown, and leads nowhere: else a clock that is ahead would have the last word for as long as it is.
    """
    first: dict[str, Moved] = {}
    void: set[str] = set()
    for each in sorted(told, key=_when_recorded):
        if each.is_void:
            void.add(each.event_id)
        else:
            first.setdefault(each.event_id, each)
    undone = tuple(sorted((each for each in first.values() if each.event_id in void), key=when))
    state = MovementState.ANNOUNCED
    passed: list[Passed] = []
    for each in sorted((each for each in first.values() if each.event_id not in void), key=when):
        reached = None if each.is_ahead else after(state, each.step)
        passed.append(Passed(each, state, reached))
        state = state if reached is None else reached
    return Course(tuple(passed), undone)


def when(moved: Moved) -> tuple[datetime, int, str]:
    """What two things told are put in order by: their moment, then their steps, then their ids."""
    return moved.happened_at, _ORDER[moved.step], moved.event_id


def _when_recorded(moved: Moved) -> tuple[datetime, tuple[datetime, int, str], str]:
    return moved.recorded_at, when(moved), moved.place
