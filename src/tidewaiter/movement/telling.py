"""What an event tells of a movement: which step, where, of which things, and what is in or on what from then on.

Words are those of the Core Business Vocabulary 2.0 and our own (`model.event_words`). Which of them is which step is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from tidewaiter.model.errors import InvalidIdentifierError
from tidewaiter.model.event import Action, Event, EventType
from tidewaiter.model.event_words import DISPOSITION, REFERENCE, STEP
from tidewaiter.movement.course import Moved
from tidewaiter.movement.geography import Point
from tidewaiter.movement.steps import Step

ALARM: Final = "ALARM_CONDITION"
STEPS: Final = {
    "loading": Step.LOADED,
    "departing": Step.DEPARTED,
    "shipping": Step.DEPARTED,
    "arriving": Step.ARRIVED,
    "receiving": Step.HANDED_OVER,
    "accepting": Step.HANDED_OVER,
    "consigning": Step.HANDED_OVER,
    "destroying": Step.DESTROYED,
    STEP["presenting"]: Step.PRESENTED,
    STEP["examining"]: Step.EXAMINED,
    STEP["releasing"]: Step.RELEASED,
    STEP["seal_binding"]: Step.SEAL_BOUND,
    STEP["seal_opening"]: Step.SEAL_OPENED,
    STEP["seal_closing"]: Step.SEAL_CLOSED,
    STEP["seal_alarming"]: Step.SEAL_ALARM,
    STEP["handing_over"]: Step.HANDED_OVER,
    STEP["exiting"]: Step.EXITED,
    STEP["delivering"]: Step.DELIVERED,
    STEP["returning"]: Step.RETURNED,
    STEP["destroying"]: Step.DESTROYED,
    STEP["losing"]: Step.LOST,
    STEP["drone_taking_off"]: Step.DEPARTED,
    STEP["drone_dropping"]: Step.HANDED_OVER,
}
"""Which business step is which step of a movement; all others say where goods were seen, and no more."""

DISPOSITIONS: Final = {
    "destroyed": Step.DESTROYED,
    "disposed": Step.DESTROYED,
    "stolen": Step.LOST,
    "returned": Step.RETURNED,
    DISPOSITION["lost"]: Step.LOST,
    DISPOSITION["seal_broken"]: Step.SEAL_ALARM,
}
"""Which disposition is a step, where the business step is none."""

_KINDS_OF_THINGS: Final = frozenset(("device", "receptacle", "container", "flight", "vehicle", "lot", "stock", "place"))
_CBV_TRANSACTION: Final = re.compile(r"urn:epcglobal:cbv:bt:[0-9]{1,13}:(.+)", re.ASCII)
_LOCODE: Final = re.compile(
    r"(?:^|[/:=])(?:un)?locode[/:=]([A-Z]{2})[A-Z2-9]{3}(?:[/:.?#]|$)", re.ASCII | re.IGNORECASE
)


class Contained(Struct, frozen=True):
    """That a thing is in (or on) another from a moment on, or is no more: `child` is "" for all that was in it."""

    parent: str
    child: str
    at: datetime
    is_in: bool


def moved(event: Event) -> Moved:
    """What an event tells, as one thing told of whatever it is about."""
    device_id = next((each.device_id for each in event.sensors if each.device_id), "")
    return Moved(
        event_id=event.event_id,
        step=step_of(event),
        happened_at=event.event_time,
        recorded_at=event.recorded_at or event.event_time,
        place=event.read_point or event.biz_location,
        point=point_of((event.read_point, event.biz_location)),
        device_id=device_id,
        is_void=event.error_declaration is not None,
        words="; ".join(_alarms(event)) or (event.error_declaration.reason if event.error_declaration else ""),
    )


def step_of(event: Event) -> Step:
    """The step an event tells: an alarm above all, then its business step, then its disposition."""
    if any(report.exception == ALARM for each in event.sensors for report in each.reports):
        return Step.SEAL_ALARM
    return STEPS.get(event.biz_step) or DISPOSITIONS.get(event.disposition) or Step.SEEN


def point_of(places: Iterable[str]) -> Point | None:
    """The first of these places that is a point on the earth."""
    for each in places:
        if each.startswith("geo:"):
            try:
                return Point.parse(each)
            except InvalidIdentifierError:
                continue
    return None


def country_of(place: str) -> str:
    """The country of a place by the UN/LOCODE in its URI (`…/locode/GBHRW`); "" where it has none."""
    found = _LOCODE.search(place)
    return found[1].upper() if found else ""


def things_of(event: Event) -> tuple[str, ...]:
    """The things that an event is about: of one that joins or parts things, what is joined or parted."""
    if event.type in (EventType.AGGREGATION, EventType.ASSOCIATION) and event.child_epcs:
        return event.child_epcs
    return event.things


def transactions_of(event: Event) -> tuple[str, ...]:
    """The business transactions that an event names: a declaration may be one."""
    return tuple(each.id for each in event.biz_transactions)


def numbers_of(uri: str) -> Iterator[str]:
    """What a declaration may be known by: the URI, and the number in it where it is a reference of ours or of CBV's."""
    yield uri
    if uri.startswith(REFERENCE):
        kind, _, number = uri.removeprefix(REFERENCE).partition("/")
        if number and kind not in _KINDS_OF_THINGS:
            yield number
    elif found := _CBV_TRANSACTION.fullmatch(uri):
        yield found[1]


def contained(event: Event) -> list[Contained]:
    """What an aggregation says is in what from then on; nothing of other events."""
    return _parented(event) if event.type is EventType.AGGREGATION else []


def associated(event: Event) -> list[Contained]:
    """What an association says is on what from then on: a device on a receptacle or container."""
    return _parented(event) if event.type is EventType.ASSOCIATION else []


def _parented(event: Event) -> list[Contained]:
    if not event.parent_id or event.error_declaration is not None:
        return []
    is_in = event.action is not Action.DELETE
    children = event.child_epcs or (("",) if not is_in else ())
    return [Contained(event.parent_id, child, event.event_time, is_in) for child in children]


def _alarms(event: Event) -> Iterator[str]:
    for each in event.sensors:
        for report in each.reports:
            if report.exception == ALARM:
                yield report.string_value or report.type.rpartition("/")[2] or "alarm"
