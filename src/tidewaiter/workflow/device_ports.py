"""What devices and flights need of a store, and the records that pass through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from tidewaiter.model.event_words import reference
from tidewaiter.model.finding import Finding
from tidewaiter.movement.flights import Handover, Permit, Position
from tidewaiter.movement.readings import Algorithm, DeviceKind
from tidewaiter.workflow.event_ports import Captor, Capture


class Device(Struct, frozen=True, kw_only=True):
    """A device that tells of goods. `key` is its secret, or its public key; `counter` is the largest of its readings."""

    device_id: str
    kind: DeviceKind
    algorithm: Algorithm
    key: bytes
    created_at: datetime
    celsius_min: Decimal | None = None
    celsius_max: Decimal | None = None
    ended_at: datetime | None = None
    counter: int = 0
    last_at: datetime | None = None

    @property
    def uri(self) -> str:
        """What events call it."""
        return reference("device", self.device_id)


class Arrived(Struct, frozen=True, kw_only=True):
    """A reading that is verified, as it is kept."""

    device_id: str
    counter: int
    digest: bytes
    read_at: datetime
    received_at: datetime
    transport: str
    body: bytes


class Received(Struct, frozen=True, kw_only=True):
    """What was there when a reading came: the one kept before under its counter, and whether one of a larger counter is."""

    is_behind: bool
    before: Arrived | None = None


class Refusal(Struct, frozen=True, kw_only=True):
    """How often readings were refused for a reason; `device_id` is "" for devices that are not ours."""

    device_id: str
    code: str
    count: int
    last_at: datetime
    detail: str


class Outcome(StrEnum):
    """What became of a reading that was not refused."""

    TAKEN = "taken"
    LATE = "late"  # taken, behind one that was made after it: it stands at its own time
    REPEATED = "repeated"  # sent again before its answer was heard; nothing changed


class Taken(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a reading is answered; `handover` where an aircraft asked to hand a parcel over."""

    outcome: Outcome
    device_id: str
    counter: int
    event_id: str
    handover: Handover | None = None


class Flight(Struct, frozen=True, kw_only=True):
    """A flight as permitted; `landed_at` when its aircraft told so."""

    permit: Permit
    landed_at: datetime | None = None


class DeviceStore(Protocol):
    """What is kept of devices and flights; each method is a transaction of its own."""

    def by_id(self, device_id: str) -> Device:
        """One device. Raises NotFoundError."""

    def receive(self, arrived: Arrived) -> Received:
        """Keep a reading, where none is kept under its counter."""

    def captured(self, device_id: str, counter: int, at: datetime) -> None:
        """Keep that a reading's event is written."""

    def waiting(self, before: datetime, limit: int) -> Sequence[Arrived]:
        """Readings received before a moment whose event is not written, the oldest first."""

    def refuse(self, device_id: str, code: str, detail: str, at: datetime) -> None:
        """Count a refusal."""

    def flight(self, flight_id: str) -> Flight:
        """One flight. Raises NotFoundError."""

    def flight_of(self, device_id: str, at: datetime) -> Flight | None:
        """The flight that an aircraft is on at a moment: the one whose time it is, else the last begun, else the next."""

    def in_flight(self, at: datetime) -> Sequence[Flight]:
        """The flights whose time it is, and that have not landed."""

    def positions(self, flight: Flight) -> Sequence[Position]:
        """Where a flight's aircraft told that it was, between the flights before and after it."""

    def landed(self, flight_id: str, at: datetime) -> None:
        """Keep when a flight ended."""

    def find_on_flight(self, flight_id: str, findings: Sequence[Finding], at: datetime) -> Sequence[Finding]:
        """Keep what is held against a flight; what is new of it."""

    def findings_on(self, flight_id: str) -> Sequence[Finding]:
        """What was held against a flight."""


class Capturer(Protocol):
    """The door by which events come in; see `workflow.capturing.Capturing`."""

    def capture(self, document: bytes, captor: Captor, at: datetime) -> Capture:
        """Keep the events of a document, and do what follows from them."""
