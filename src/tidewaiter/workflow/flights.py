"""Flights of drones watched: what each does that was not permitted, and whether it may hand a parcel over.

What is held against a flight is told as an alarm about its aircraft: all that it carries is held by the same rule as
under a seal. A parcel is handed to who receives it only when customs have released it, at the drop point of the permit.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

from tidewaiter.model.decision import State
from tidewaiter.model.event_words import REFERENCE, reference
from tidewaiter.model.finding import Finding
from tidewaiter.movement.flights import SEVERE, Handover, handover, observed
from tidewaiter.movement.readings import Reading
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.device_events import alarm_document, delivery_document
from tidewaiter.workflow.device_ports import Capturer, Device, DeviceStore, Flight
from tidewaiter.workflow.event_ports import OF_DEVICE, Captor
from tidewaiter.workflow.following_ports import Concerned, Within

_BEHIND: Final = Handover(
    is_allowed=False, code="flight.late", words="it asks with a reading from before: where it is now is not known",
    hint="ask again, with a reading made now",
)  # fmt: skip


class Carried(Protocol):
    """What flights need of the book of movements."""

    def concerned(self, numbers: Sequence[str]) -> list[Concerned]:
        """The declarations known by one of these numbers that are a parcel's, by their ids."""

    def within(self, things: Sequence[str], at: datetime) -> list[Within]:
        """These things, and all that is in or on them at a moment, as far as whose word goes that says so."""


class Flights:
    """Watches flights; safe in threads."""

    def __init__(
        self, devices: DeviceStore, movement: Carried, capturing: Capturer, *, clock: Callable[[], datetime] = now
    ) -> None:
        self._devices = devices
        self._movement = movement
        self._capturing = capturing
        self._clock = clock

    def told(self, device: Device, reading: Reading, at: datetime, *, is_behind: bool = False) -> Handover | None:
        """Do what follows from an aircraft's reading; whether it may hand over where it asks for that.

        One that `is_behind` came after a later one, so that it does not tell where the aircraft is.
        """
        flight = self._devices.flight_of(device.device_id, reading.at)
        if flight is not None and reading.landed and flight.landed_at is None:
            self._devices.landed(flight.permit.flight_id, reading.at)
            flight = self._devices.flight(flight.permit.flight_id)
        found = self._look(device, flight, at) if flight is not None else []
        if not reading.hand_over:
            return None
        return _BEHIND if is_behind else self._asked(device, flight, reading, found)

    def watch(self) -> list[Finding]:
        """Look at every flight whose time it is: of one that fell silent nothing comes that would have it looked at."""
        at = self._clock()
        return [
            finding
            for flight in self._devices.in_flight(at)
            for finding in self._look(self._devices.by_id(flight.permit.device_id), flight, at)
        ]

    def _look(self, device: Device, flight: Flight, at: datetime) -> list[Finding]:
        """What is held against a flight now; what is new and severe is told as an alarm."""
        permit = flight.permit
        found = observed(permit, self._devices.positions(flight), at, flight.landed_at)
        for each in self._devices.find_on_flight(permit.flight_id, found, at):
            if each.rule_id in SEVERE:
                name = f"flight {permit.flight_id}, {each.rule_id}"
                event_id = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{device.uri}/{name}')}"
                words = f"{each.rule_id}: {each.words} ({each.value})"
                self._capturing.capture(alarm_document(device, event_id, words, at), Captor(name), at)
        return found

    def _asked(self, device: Device, flight: Flight | None, reading: Reading, found: list[Finding]) -> Handover:
        point = reading.point
        if flight is None:
            return Handover(
                is_allowed=False, code="flight.unknown", words="no flight of this aircraft is permitted",
                hint="tidewaiter device permit",
            )  # fmt: skip
        if (self._clock() - reading.at).total_seconds() > flight.permit.contact_seconds:
            return _BEHIND
        if point is None:
            return Handover(
                is_allowed=False, code="flight.no_position", words="it does not say where it is", hint="give position"
            )
        uri = reference("s10", reading.hand_over) if not reading.hand_over.startswith(REFERENCE) else reading.hand_over
        number = uri.removeprefix(REFERENCE).partition("/")[2]
        declared = self._movement.concerned([uri, number])
        if not declared:
            return Handover(
                is_allowed=False, code="flight.parcel_unknown", words=f"nothing is declared as {number[:40]!r}",
                hint="give the parcel's item number",
            )  # fmt: skip
        aboard = [
            each.thing
            for each in self._movement.within([device.uri], reading.at)
            if each.thing in (uri, number)
            and (each.only_for is None or each.only_for in {one.sender_id for one in declared})
        ]
        if not aboard:
            return Handover(
                is_allowed=False, code="flight.not_aboard", words="nobody told that the parcel is aboard",
                hint="tell an aggregation with the aircraft as its parent",
            )  # fmt: skip
        kept = [*self._devices.findings_on(flight.permit.flight_id), *found]
        is_released = all(each.state in (State.RELEASED, State.CLEARED) for each in declared)
        answer = handover(flight.permit, point, reading.at, is_released=is_released, findings=kept)
        if answer.is_allowed:
            at = self._clock()
            self._capturing.capture(
                delivery_document(device, aboard[0], reading, at), Captor(OF_DEVICE + device.device_id), at
            )
        return answer
