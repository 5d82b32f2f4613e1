"""Devices, their readings and flights in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row

from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.movement.flights import RULES, SEVERE, Permit, Position
from tidewaiter.movement.readings import Algorithm, DeviceKind, read
from tidewaiter.store.connections import Connections
from tidewaiter.workflow.device_ports import Arrived, Device, Flight, Received, Refusal

POSITIONS_MAX: Final = 20_000  # of one flight
_AROUND: Final = timedelta(
    hours=1
)  # before and after a permit's time in which its aircraft's positions are the flight's
_DEVICE: Final = ", ".join(Device.__struct_fields__)
_READING: Final = ", ".join(Arrived.__struct_fields__)
_FLIGHT: Final = "permit::text, landed_at"


class PostgresDevices:
    """See `workflow.device_ports.DeviceStore`. Made by `PostgresStore`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    # --- devices -----------------------------------------------------------------------------------------------

    def add(self, device: Device) -> Device:
        """A new device. Raises ConflictError where the id was given before."""
        with self._connections.lend() as connection:
            try:
                connection.execute(
                    "INSERT INTO device (device_id, kind, algorithm, key, celsius_min, celsius_max, created_at)"
                    " VALUES (%s, %s, %s, %b, %s, %s, %s)",
                    [
                        device.device_id, device.kind.value, device.algorithm.value, device.key, device.celsius_min,
                        device.celsius_max, device.created_at,
                    ],
                )  # fmt: skip
            except UniqueViolation as error:
                raise ConflictError(
                    f"{device.device_id!r} is or was a device", hint="tidewaiter device list"
                ) from error
        return self.by_id(device.device_id)

    def end(self, device_id: str, at: datetime) -> Device:
        """Take a device out of use. Raises NotFoundError."""
        with self._connections.lend() as connection:
            connection.execute(
                "UPDATE device SET ended_at = %s WHERE device_id = %s AND ended_at IS NULL", [at, device_id]
            )
        return self.by_id(device_id)

    def by_id(self, device_id: str) -> Device:
        """One device. Raises NotFoundError."""
        for found in self._devices("WHERE device_id = %s", [device_id.replace("\x00", "")]):
            return found
        raise NotFoundError(f"there is no device {device_id[:60]!r}", hint="tidewaiter device list")

    def all(self) -> list[Device]:
        """Every device, by id."""
        return self._devices("ORDER BY device_id", [])

    def _devices(self, tail: str, parameters: Sequence[Any]) -> list[Device]:
        with self._connections.lend() as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(f"SELECT {_DEVICE} FROM device {tail}".encode(), parameters).fetchall()
        return [
            Device(
                **{
                    **row,
                    "kind": DeviceKind(row["kind"]),
                    "algorithm": Algorithm(row["algorithm"]),
                    "key": bytes(row["key"]),
                }
            )
            for row in found
        ]

    # --- readings ----------------------------------------------------------------------------------------------

    def receive(self, arrived: Arrived) -> Received:
        """Keep a reading, where none has its counter; see `workflow.device_ports.DeviceStore`."""
        with self._connections.lend() as connection, connection.transaction():
            last = connection.execute(
                "SELECT counter FROM device WHERE device_id = %s FOR UPDATE", [arrived.device_id]
            ).fetchone()
            assert last is not None
            kept = connection.execute(
                f"INSERT INTO device_reading ({_READING}) VALUES (%s, %s, %b, %s, %s, %s, %b) ON CONFLICT DO NOTHING",
                [getattr(arrived, name) for name in Arrived.__struct_fields__],
            )
            if kept.rowcount:
                connection.execute(
                    "UPDATE device SET counter = greatest(counter, %s), last_at = %s WHERE device_id = %s",
                    [arrived.counter, arrived.received_at, arrived.device_id],
                )
                return Received(is_behind=arrived.counter < last[0])
        (before,) = self._readings("device_id = %s AND counter = %s", [arrived.device_id, arrived.counter])
        return Received(is_behind=arrived.counter < last[0], before=before)

    def captured(self, device_id: str, counter: int, at: datetime) -> None:
        """Keep that a reading's event is written."""
        with self._connections.lend() as connection:
            connection.execute(
                "UPDATE device_reading SET captured_at = %s WHERE device_id = %s AND counter = %s AND captured_at IS NULL",
                [at, device_id, counter],
            )

    def waiting(self, before: datetime, limit: int) -> list[Arrived]:
        """Readings received before a moment whose event is not written, the oldest first."""
        condition = "captured_at IS NULL AND received_at < %s ORDER BY received_at, counter LIMIT %s"
        return self._readings(condition, [before, limit])

    def readings(self, device_id: str, limit: int) -> list[Arrived]:
        """A device's readings, the last first."""
        return self._readings("device_id = %s ORDER BY counter DESC LIMIT %s", [device_id, limit])

    def refuse(self, device_id: str, code: str, detail: str, at: datetime) -> None:
        """Count a refusal."""
        with self._connections.lend() as connection:
            connection.execute(
                "INSERT INTO device_refusal VALUES (%s, %s, 1, %s, %s) ON CONFLICT (device_id, code) DO UPDATE SET"
                " count = device_refusal.count + 1, last_at = EXCLUDED.last_at, detail = EXCLUDED.detail",
                [device_id, code, at, detail.replace("\x00", "")],
            )

    def refusals(self) -> list[Refusal]:
        """What was refused, by device and reason."""
        with self._connections.lend() as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute("SELECT * FROM device_refusal ORDER BY device_id, code").fetchall()
        return [Refusal(**row) for row in found]

    def _readings(self, condition: str, parameters: Sequence[Any]) -> list[Arrived]:
        with self._connections.lend() as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(
                f"SELECT {_READING} FROM device_reading WHERE {condition}".encode(), parameters
            ).fetchall()
        return [Arrived(**{**row, "digest": bytes(row["digest"]), "body": bytes(row["body"])}) for row in found]

    # --- flights -----------------------------------------------------------------------------------------------

    def permit(self, permit: Permit, actor: str, at: datetime) -> None:
        """Keep a flight's permit. Raises ConflictError where the flight has one, or its aircraft flies at that time by another.

        By which of two a position is judged could not be told, nor at which drop point it hands over.
        """
        content = msgspec.json.encode(permit).decode()
        with self._connections.lend() as connection, connection.transaction():
            connection.execute("SELECT FROM device WHERE device_id = %s FOR UPDATE", [permit.device_id])
            other = connection.execute(
                "SELECT flight_id FROM flight WHERE device_id = %s AND flight_id <> %s AND begins_at < %s AND ends_at > %s"
                " AND landed_at IS NULL LIMIT 1",
                [permit.device_id, permit.flight_id, permit.ends_at, permit.begins_at],
            ).fetchone()
            if other is not None:
                words = f"{permit.device_id} is on flight {other[0]!r} at that time"
                raise ConflictError(words, hint="an aircraft has one permit at a time: end one before the other begins")
            done = connection.execute(
                "INSERT INTO flight (flight_id, device_id, begins_at, ends_at, permit, actor, added_at)"
                " VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s) ON CONFLICT DO NOTHING",
                [permit.flight_id, permit.device_id, permit.begins_at, permit.ends_at, content, actor, at],
            )
        if not done.rowcount:
            raise ConflictError(
                f"flight {permit.flight_id!r} is permitted before", hint="give each flight a number of its own"
            )

    def flight(self, flight_id: str) -> Flight:
        """One flight. Raises NotFoundError."""
        for found in self._flights("flight_id = %s", [flight_id.replace("\x00", "")]):
            return found
        raise NotFoundError(f"there is no flight {flight_id[:60]!r}", hint="tidewaiter device flights")

    def flights(self, limit: int) -> list[Flight]:
        """Flights, the last to begin first."""
        return self._flights("true ORDER BY begins_at DESC, flight_id LIMIT %s", [limit])

    def flight_of(self, device_id: str, at: datetime) -> Flight | None:
        """The flight that an aircraft is on at a moment: whose time it is, else the last begun, else the next."""
        found = self._flights(
            "device_id = %s ORDER BY (begins_at <= %s AND ends_at >= %s) DESC, begins_at <= %s DESC,"
            " abs(extract(epoch FROM begins_at - %s)) LIMIT 1",
            [device_id, at, at, at, at],
        )
        return found[0] if found else None

    def in_flight(self, at: datetime) -> list[Flight]:
        """The flights whose time it is, and that have not landed."""
        return self._flights("begins_at <= %s AND ends_at >= %s AND landed_at IS NULL ORDER BY flight_id", [at, at])

    def positions(self, flight: Flight) -> list[Position]:
        """Where a flight's aircraft told that it was: from an hour before its time to an hour after, or until it landed."""
        permit = flight.permit
        until = flight.landed_at or permit.ends_at + _AROUND
        found = self._readings(
            f"device_id = %s AND read_at BETWEEN %s AND %s ORDER BY counter LIMIT {POSITIONS_MAX}",
            [permit.device_id, permit.begins_at - _AROUND, until],
        )
        told = [(each, read(each.body, each.received_at, _AROUND).point) for each in found]
        return [
            Position(f"{each.device_id}/{each.counter}", each.read_at, point)
            for each, point in told
            if point is not None
        ]

    def landed(self, flight_id: str, at: datetime) -> None:
        """Keep when a flight ended."""
        with self._connections.lend() as connection:
            connection.execute(
                "UPDATE flight SET landed_at = %s WHERE flight_id = %s AND landed_at IS NULL", [at, flight_id]
            )

    def find_on_flight(self, flight_id: str, findings: Sequence[Finding], at: datetime) -> list[Finding]:
        """Keep what is held against a flight; what is new of it."""
        new: list[Finding] = []
        with self._connections.lend() as connection:
            for each in findings:
                done = connection.execute(
                    "INSERT INTO flight_finding VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    [flight_id, each.rule_id, each.pointer, each.value, at],
                )
                if done.rowcount:
                    new.append(each)
        return new

    def findings_on(self, flight_id: str) -> list[Finding]:
        """What was held against a flight."""
        with self._connections.lend() as connection:
            found = connection.execute(
                "SELECT rule_id, event_id, value FROM flight_finding WHERE flight_id = %s ORDER BY found_at, rule_id",
                [flight_id],
            ).fetchall()
        return [
            Finding(rule_id, Severity.ERROR if rule_id in SEVERE else Severity.WARNING, event_id, RULES[rule_id], value)
            for rule_id, event_id, value in found
        ]

    def _flights(self, condition: str, parameters: Sequence[Any]) -> list[Flight]:
        with self._connections.lend() as connection:
            found = connection.execute(
                f"SELECT {_FLIGHT} FROM flight WHERE {condition}".encode(), parameters
            ).fetchall()
        return [Flight(permit=msgspec.json.decode(row[0], type=Permit), landed_at=row[1]) for row in found]
