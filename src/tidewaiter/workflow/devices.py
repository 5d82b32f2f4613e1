"""Readings of devices taken in: verified, kept once, told as events, and answered.

    Devices(store.devices, capturing, flights).take("seal-1", body, signature, transport="http")

A reading is kept before its event is written, so that one that was acknowledged is not lost; `catch_up` writes what a crash
left. Each counter counts once, in whatever order readings come: one that was held up on its way stands at its own time, so
that no alarm is lost behind a newer reading. One that is sent again soon, because its answer was not heard, is answered
again and changes nothing; later it is refused, as is another one under its counter, and one that the device did not sign.
Refusals are counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from tidewaiter.model.errors import NotFoundError
from tidewaiter.movement import limits
from tidewaiter.movement.readings import DeviceError, DeviceKind, Reading, is_signed, parted, read
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.device_events import event_id_of, reading_document
from tidewaiter.workflow.device_ports import Arrived, Capturer, Device, DeviceStore, Outcome, Taken
from tidewaiter.workflow.event_ports import OF_DEVICE, Captor
from tidewaiter.workflow.flights import Carried, Flights

AGAIN_WITHIN: Final = timedelta(minutes=5)  # a reading that comes once more is one whose answer was not heard
BEFORE_REGISTERED: Final = timedelta(days=30)  # that a device may have read what it tells
UNKNOWN: Final = "device.unknown"
WAITING_MAX: Final = 1_000


class Devices:
    """Takes readings; safe in threads."""

    def __init__(
        self, devices: DeviceStore, capturing: Capturer, flights: Flights, *, clock: Callable[[], datetime] = now
    ) -> None:
        self._devices = devices
        self._capturing = capturing
        self._flights = flights
        self._clock = clock

    def take(self, device_id: str, body: bytes, signature: str, *, transport: str) -> Taken:
        """Take one reading. Raises DeviceError where it is refused, which is counted."""
        at = self._clock()
        try:
            device = self._device(device_id)
            reading = _verified(device, body, signature, at)
            arrived = Arrived(
                device_id=device_id, counter=reading.counter, digest=hashlib.sha256(body).digest(), read_at=reading.at,
                received_at=at, transport=transport, body=body,
            )  # fmt: skip
            received = self._devices.receive(arrived)
            before = received.before
            if before is not None and (before.digest != arrived.digest or at - before.received_at > AGAIN_WITHIN):
                raise DeviceError(
                    "device.replayed", f"a reading {reading.counter} of this device was taken before",
                    hint="each reading has a larger counter than the one made before it", place="counter",
                )  # fmt: skip
        except DeviceError as error:
            self._devices.refuse("" if error.code == UNKNOWN else device_id, error.code, error.detail, at)
            raise
        outcome = Outcome.REPEATED if before is not None else Outcome.LATE if received.is_behind else Outcome.TAKEN
        return self._told(device, reading, arrived, outcome)

    def take_payload(self, device_id: str, payload: bytes, *, transport: str) -> Taken:
        """Take one reading with its signature on the line before it. Raises DeviceError where it is refused."""
        try:
            signature, body = parted(payload)
        except DeviceError as error:
            self._devices.refuse("", error.code, error.detail, self._clock())
            raise
        return self.take(device_id, body, signature, transport=transport)

    def catch_up(self) -> int:
        """Write the events of readings that were kept and not told before a crash; how many."""
        found = self._devices.waiting(self._clock() - timedelta(seconds=60), WAITING_MAX)
        for arrived in found:
            device = self._devices.by_id(arrived.device_id)
            reading = read(arrived.body, arrived.received_at, _ahead())
            self._told(device, reading, arrived, Outcome.LATE if arrived.counter < device.counter else Outcome.TAKEN)
        return len(found)

    def _device(self, device_id: str) -> Device:
        try:
            device = self._devices.by_id(device_id)
        except NotFoundError as error:
            raise DeviceError(
                UNKNOWN, f"no device {device_id[:60]!r} is registered", hint="tidewaiter device add",
                place="device_id",
            ) from error  # fmt: skip
        if device.ended_at is not None:
            raise DeviceError("device.ended", f"device {device_id!r} is out of use", hint="register another")
        return device

    def _told(self, device: Device, reading: Reading, arrived: Arrived, outcome: Outcome) -> Taken:
        """The event written, and what follows for an aircraft."""
        at = self._clock()
        event_id = event_id_of(device, arrived.digest)
        captor = Captor(OF_DEVICE + device.device_id)
        self._capturing.capture(reading_document(device, reading, event_id, at), captor, at)
        handover = None
        if device.kind is DeviceKind.AIRCRAFT:
            handover = self._flights.told(device, reading, at, is_behind=outcome is Outcome.LATE)
        self._devices.captured(device.device_id, arrived.counter, at)
        return Taken(
            outcome=outcome, device_id=device.device_id, counter=arrived.counter, event_id=event_id, handover=handover
        )


def _verified(device: Device, body: bytes, signature: str, at: datetime) -> Reading:
    if not is_signed(device.algorithm, device.key, device.device_id, body, signature):
        raise DeviceError(
            "device.forged", "the signature is not this device's over these bytes",
            hint="sign the device's id and the reading, byte for byte, with the device's own key", place="signature",
        )  # fmt: skip
    reading = read(body, at, _ahead())
    if reading.at < device.created_at - BEFORE_REGISTERED:
        raise DeviceError(
            "device.reading", f"it says that it was read at {reading.at.isoformat()}, long before the device was registered",
            hint="a clock that lost its time counts from its own beginning: set it, and read again", place="at",
        )  # fmt: skip
    return reading


def _ahead() -> timedelta:
    return timedelta(seconds=limits().clock_seconds.value)


class WatchedStore(Protocol):
    """What taking readings needs of a store."""

    @property
    def devices(self) -> DeviceStore:
        """Devices, their readings and flights."""

    @property
    def following(self) -> Carried:
        """What events told of declarations."""


def devices_of(store: WatchedStore, capturing: Capturer) -> Devices:
    """Where readings are taken in on a store, events going through this door."""
    return Devices(store.devices, capturing, flights_of(store, capturing))


def flights_of(store: WatchedStore, capturing: Capturer) -> Flights:
    """What watches flights on a store."""
    return Flights(store.devices, store.following, capturing)
