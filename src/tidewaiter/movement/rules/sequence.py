"""What is missing, or in an order that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from tidewaiter.model.finding import Severity
from tidewaiter.movement.course import Course
from tidewaiter.movement.registry import Circumstances, Seen, rule
from tidewaiter.movement.steps import MovementState, Step

_UCC: Final = "Regulation (EU) No 952/2013 (Union Customs Code)"
_ARRIVALS: Final = (Step.ARRIVED, Step.PRESENTED)


@rule("movement.delivered_before_release", Severity.ERROR, source=f"{_UCC}, Articles 134 and 194")
def delivered_before_release(way: Course, circumstances: Circumstances) -> Sequence[Seen]:
    """The goods were delivered while they were under customs supervision: nobody had released them."""
    return [
        Seen(
            each.moved.event_id, each.moved.happened_at.isoformat(),
            "The goods were delivered before they were released.", "find the goods; ask who let them go",
        )
        for each in way.of(Step.DELIVERED)
        if not _is_released(each.moved.happened_at, circumstances)
    ]  # fmt: skip


@rule("movement.exit_without_release", Severity.ERROR, source=f"{_UCC}, Articles 134 and 267")
def exit_without_release(way: Course, circumstances: Circumstances) -> Sequence[Seen]:
    """The goods left the territory, and were neither released nor sent back nor refused before."""
    sent_back = min((each.moved.happened_at for each in way.of(Step.RETURNED)), default=None)
    return [
        Seen(
            each.moved.event_id, each.moved.happened_at.isoformat(),
            "The goods left before they were released or sent back.", "ask the office of exit",
        )
        for each in way.of(Step.EXITED)
        if not _is_released(each.moved.happened_at, circumstances)
        and not circumstances.is_closed
        and not (sent_back is not None and sent_back <= each.moved.happened_at)
    ]  # fmt: skip


@rule("movement.presented_after_release", Severity.WARNING, source=f"{_UCC}, Articles 139 and 194")
def presented_after_release(way: Course, circumstances: Circumstances) -> Sequence[Seen]:
    """The goods were released, and only then presented to customs for the first time."""
    presented = next(way.of(Step.PRESENTED), None)
    released = circumstances.released_at
    if presented is None or released is None or presented.moved.happened_at <= released:
        return []
    words = f"First presented after release, which was at {released.isoformat()}."
    return [Seen(presented.moved.event_id, presented.moved.happened_at.isoformat(), words)]


@rule("movement.released_before_arrival", Severity.WARNING, source=f"{_UCC}, Articles 171 and 194")
def released_before_arrival(way: Course, _: Circumstances) -> Sequence[Seen]:
    """Release was told of goods that had not arrived anywhere by then."""
    return [
        Seen(each.moved.event_id, each.moved.happened_at.isoformat(), "Told as released before any arrival was told.")
        for each in way.of(Step.RELEASED)
        if not any(one.moved.happened_at <= each.moved.happened_at for one in way.of(*_ARRIVALS))
    ]


@rule("movement.release_unknown", Severity.WARNING, source=f"{_UCC}, Article 194(1): customs release the goods")
def release_unknown(way: Course, circumstances: Circumstances) -> Sequence[Seen]:
    """Release was told by somebody at a time when customs had not released the goods here."""
    return [
        Seen(each.moved.event_id, each.moved.happened_at.isoformat(), "Told as released; customs had not released it.")
        for each in way.of(Step.RELEASED)
        if not _is_released(each.moved.happened_at, circumstances)
    ]


@rule("movement.arrived_after_delivery", Severity.WARNING, source="own: goods that were delivered do not arrive again")
def arrived_after_delivery(way: Course, _: Circumstances) -> Sequence[Seen]:
    """The goods were delivered, did not come back, and are told to have arrived or been presented once more."""
    return [
        Seen(
            each.moved.event_id, each.moved.happened_at.isoformat(),
            f"Told as {each.moved.step.value} after delivery.", "ask who told it whether the parcel is the same",
        )
        for each in way.of(*_ARRIVALS)
        if each.before is MovementState.DELIVERED
    ]  # fmt: skip


@rule("movement.impossible_order", Severity.WARNING, source="own: the table of movement states")
def impossible_order(way: Course, _: Circumstances) -> Sequence[Seen]:
    """A step was told that cannot follow the one before it."""
    told_apart = {(MovementState.DELIVERED, step) for step in _ARRIVALS}
    told_apart.add((MovementState.RELEASED, Step.PRESENTED))
    return [
        Seen(
            each.moved.event_id, each.moved.step.value,
            f"Goods that are {each.before.value.replace('_', ' ')} cannot be {each.moved.step.value.replace('_', ' ')}.",
        )
        for each in way.passed
        if each.after is None and not each.moved.is_ahead and (each.before, each.moved.step) not in told_apart
    ]  # fmt: skip


@rule("movement.in_the_future", Severity.WARNING, source="own: a clock that is ahead, or a time made up")
def in_the_future(way: Course, _: Circumstances) -> Sequence[Seen]:
    """A step was told before the time at which it is said to have happened."""
    return [
        Seen(
            each.moved.event_id, each.moved.happened_at.isoformat(),
            f"Told at {each.moved.recorded_at.isoformat()}, before it happened.", "look at the clock, and at the offset",
        )
        for each in way.passed
        if each.moved.is_ahead
    ]  # fmt: skip


@rule("movement.quiet", Severity.WARNING, source="own choice: data/movement/limits.yaml, quiet_days")
def quiet(way: Course, circumstances: Circumstances) -> Sequence[Seen]:
    """The goods arrived, and nothing was told of them since."""
    days = circumstances.limits.quiet_days.value
    last = way.last_at()
    is_waiting = way.state in (MovementState.ARRIVED, MovementState.PRESENTED) and not circumstances.is_closed
    if last is None or not is_waiting or circumstances.at - last <= timedelta(days=days):
        return []
    event_id = next(each.moved.event_id for each in reversed(way.passed) if each.after is way.state)
    return [
        Seen(event_id, (circumstances.at - last).days, f"Nothing was told for more than {days} days after arrival.")
    ]


@rule("movement.stored_too_long", Severity.WARNING, source=f"{_UCC}, Article 149(1)")
def stored_too_long(way: Course, circumstances: Circumstances) -> Sequence[Seen]:
    """The goods are in temporary storage for longer than the law allows: neither released nor taken out again."""
    arrived = next(way.of(*_ARRIVALS), None)
    days = circumstances.limits.temporary_storage_days.value
    gone = (MovementState.RELEASED, MovementState.DELIVERED, MovementState.EXITED, MovementState.DESTROYED)
    if arrived is None or circumstances.is_closed or circumstances.released_at or way.state in gone:
        return []
    stored = circumstances.at - arrived.moved.happened_at
    if stored <= timedelta(days=days):
        return []
    return [Seen(arrived.moved.event_id, stored.days, f"In temporary storage for more than {days} days.")]


@rule("movement.lost", Severity.ERROR, source=f"{_UCC}, Articles 79 and 124(1)(g)")
def lost(way: Course, _: Circumstances) -> Sequence[Seen]:
    """The goods are told to be lost or stolen: a debt may have been incurred, and the parcel must not be released."""
    return [
        Seen(each.moved.event_id, each.moved.words or "lost", "The goods are told to be lost.", "find out where")
        for each in way.of(Step.LOST)
        if way.state is MovementState.LOST
    ]


def _is_released(at: datetime, circumstances: Circumstances) -> bool:
    return circumstances.released_at is not None and circumstances.released_at <= at
