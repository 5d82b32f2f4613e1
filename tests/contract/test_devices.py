"""Readings of devices, on a real database: taken once, refused with their reason, told as events; flights watched."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace

from contract.test_following import BAG, SEAL, found, parcel, put_in, put_on, state
from tidewaiter.model.decision import State
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.model.event_words import reference
from tidewaiter.movement import MovementState, Point, Step, course
from tidewaiter.movement.flights import Permit
from tidewaiter.movement.readings import Algorithm, DeviceError, DeviceKind, sign_with_secret, signed_text
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.capturing import Capturing
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.device_ports import Device, Outcome, Taken
from tidewaiter.workflow.devices import Devices
from tidewaiter.workflow.flights import Flights
from tidewaiter.workflow.following import Following
from tidewaiter.workflow.following_ports import Done

pytestmark = pytest.mark.usefixtures("lawful")

SECRET = b"k" * 32
NUMBER = "RR123456785GB"
DEPOT, DROP = Point(51.95, 1.25), Point(51.96, 1.35)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.at


class House:
    """Devices and flights on a store, by one clock."""

    def __init__(self, store: PostgresStore) -> None:
        self.store, self.clock = store, Clock()
        capturing = Capturing(store, (Following(store, Desk(store), clock=self.clock),))
        self.flights = Flights(store.devices, store.following, capturing, clock=self.clock)
        self.devices = Devices(store.devices, capturing, self.flights, clock=self.clock)

    def add(self, device_id: str, kind: DeviceKind = DeviceKind.SEAL, **more: Any) -> Device:
        given: dict[str, Any] = {"algorithm": Algorithm.HMAC_SHA256, "key": SECRET} | more
        return self.store.devices.add(Device(device_id=device_id, kind=kind, created_at=self.clock(), **given))

    def body(self, counter: int, ago: float = 0, **members: Any) -> bytes:
        at = self.clock() - timedelta(seconds=ago)
        return json.dumps({"counter": counter, "at": at.isoformat()} | members).encode()

    def send(self, device_id: str, counter: int, ago: float = 0, **members: Any) -> Taken:
        body = self.body(counter, ago, **members)
        return self.devices.take(device_id, body, sign_with_secret(SECRET, device_id, body), transport="test")


@pytest.fixture
def house(store: PostgresStore) -> House:
    return House(store)


def follow(house: House, *events: Any) -> None:
    with house.store.writing() as writing:
        Following(house.store, Desk(house.store)).follow(writing, events)


def refused(house: House, device_id: str, body: bytes, signature: str) -> DeviceError:
    with pytest.raises(DeviceError) as error:
        house.devices.take(device_id, body, signature, transport="test")
    assert error.value.hint
    return error.value


def test_an_alarm_of_a_seal_holds_what_it_guards(house: House) -> None:
    here, other = parcel(house.store, NUMBER, "IMA"), parcel(house.store, "RR473124829GB", "IMA")
    house.add("seal-1")
    follow(house, put_in(BAG, reference("s10", NUMBER)), put_on(BAG, SEAL))
    taken = house.send("seal-1", 1, alarm="wire cut", position="geo:51.96,1.35")
    assert taken.outcome is Outcome.TAKEN
    assert state(house.store, here) is State.UNDER_CONTROL
    finding = found(house.store, here)["movement.seal_alarm"]
    assert (finding.done, finding.event_id) == (Done.HELD, taken.event_id)
    assert "wire cut" in finding.words
    assert state(house.store, other) is State.AWAITING_PAYMENT


def test_opened_closed_and_warm_are_told_as_they_were_read(house: House) -> None:
    one = parcel(house.store, NUMBER)
    house.add("seal-1", celsius_max=8)
    follow(house, put_in(BAG, reference("s10", NUMBER)), put_on(BAG, SEAL))
    house.send("seal-1", 1, ago=7200, seal="closed")
    house.send("seal-1", 2, ago=3600, seal="opened")
    house.send("seal-1", 3, temperature_celsius="4.5")
    house.send("seal-1", 4, temperature_celsius="8.1")
    way = course(house.store.following.told([one])[one])
    now = house.clock()
    told = [(each.moved.step.value, each.moved.happened_at) for each in way.passed if each.moved.device_id]
    assert [step for step, _ in told] == ["seal_closed", "seal_opened", "seal_alarm", "seen"]
    assert [at for _, at in told] == [now - timedelta(hours=2), now - timedelta(hours=1), now, now]
    assert set(found(house.store, one)) == {"movement.seal_opened", "movement.seal_alarm"}
    assert "8.1 °C, at most 8 °C" in found(house.store, one)["movement.seal_alarm"].words


def test_a_reading_sent_again_is_answered_again_and_changes_nothing(house: House) -> None:
    house.add("seal-1")
    body = house.body(7, seal="closed")
    signature = sign_with_secret(SECRET, "seal-1", body)
    first = house.devices.take("seal-1", body, signature, transport="test")
    again = house.devices.take("seal-1", body, signature, transport="test")
    assert (first.outcome, again.outcome) == (Outcome.TAKEN, Outcome.REPEATED)
    assert first.event_id == again.event_id
    assert len(house.store.devices.readings("seal-1", 10)) == 1
    house.clock.at += timedelta(seconds=301)
    assert refused(house, "seal-1", body, signature).code == "device.replayed"


def test_an_alarm_that_comes_behind_a_newer_reading_holds_and_stands_at_its_own_time(house: House) -> None:
    one = parcel(house.store, NUMBER, "IMA")
    house.add("seal-1")
    follow(house, put_in(BAG, reference("s10", NUMBER)), put_on(BAG, SEAL))
    assert house.send("seal-1", 3, seal="closed").outcome is Outcome.TAKEN
    assert house.send("seal-1", 1, ago=120, seal="opened").outcome is Outcome.LATE
    late = house.body(2, ago=60, alarm="wire cut")
    signature = sign_with_secret(SECRET, "seal-1", late)
    outcomes = [house.devices.take("seal-1", late, signature, transport="test").outcome for _ in range(2)]
    assert outcomes == [Outcome.LATE, Outcome.REPEATED]
    assert state(house.store, one) is State.UNDER_CONTROL
    told = [each.moved for each in course(house.store.following.told([one])[one]).passed if each.moved.device_id]
    assert [each.step.value for each in told] == ["seal_opened", "seal_alarm", "seal_closed"]
    assert house.store.devices.by_id("seal-1").counter == 3
    house.clock.at += timedelta(seconds=301)
    assert refused(house, "seal-1", late, signature).code == "device.replayed"


def test_what_is_forged_replayed_unknown_or_ended_is_refused_and_counted(house: House) -> None:
    house.add("seal-1")
    house.add("seal-2", key=b"o" * 32)
    house.send("seal-1", 5)
    older, other = house.body(5, ago=1), house.body(5, seal="opened")

    def code(device_id: str, body: bytes, signer: str = "seal-1") -> tuple[str, str]:
        error = refused(house, device_id, body, sign_with_secret(SECRET, signer, body))
        return error.code, error.place

    assert code("seal-1", older) == ("device.replayed", "counter")
    assert code("seal-1", other) == ("device.replayed", "counter")
    assert code("seal-2", house.body(9), "seal-2") == ("device.forged", "signature")
    assert code("seal-1", house.body(9), "seal-2") == ("device.forged", "signature")
    assert code("seal-9", house.body(9)) == ("device.unknown", "device_id")
    assert code("seal-1", house.body(9, position="nowhere")) == ("device.reading", "position")
    house.store.devices.end("seal-1", house.clock())
    assert code("seal-1", house.body(10))[0] == "device.ended"
    counted = {(each.device_id, each.code): each.count for each in house.store.devices.refusals()}
    assert counted == {
        ("seal-1", "device.replayed"): 2, ("seal-2", "device.forged"): 1, ("seal-1", "device.forged"): 1,
        ("", "device.unknown"): 1, ("seal-1", "device.reading"): 1, ("seal-1", "device.ended"): 1,
    }  # fmt: skip
    assert house.store.devices.by_id("seal-1").counter == 5


def test_a_device_may_sign_with_a_private_key_of_its_own(house: House) -> None:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    house.add("tracker-1", DeviceKind.TRACKER, algorithm=Algorithm.ED25519, key=public)
    body = house.body(1, position="geo:51.9,1.3")
    signature = base64.b64encode(private.sign(signed_text("tracker-1", body))).decode()
    payload = signature.encode() + b"\n" + body
    assert house.devices.take_payload("tracker-1", payload, transport="mqtt").outcome is Outcome.TAKEN
    with pytest.raises(DeviceError):
        house.devices.take_payload("tracker-1", body, transport="mqtt")


def test_a_device_is_registered_once(house: House) -> None:
    house.add("seal-1")
    with pytest.raises(ConflictError):
        house.add("seal-1")
    with pytest.raises(NotFoundError):
        house.store.devices.by_id("seal-2")


def test_what_a_crash_left_is_told_afterwards(house: House) -> None:
    one = parcel(house.store, NUMBER, "IMA")
    house.add("seal-1")
    follow(house, put_in(BAG, reference("s10", NUMBER)), put_on(BAG, SEAL))

    class Broken:
        def capture(self, *_: Any) -> Any:
            raise ConflictError("the lights went out")

    body = house.body(1, alarm="cut")
    broken = Devices(house.store.devices, Broken(), house.flights, clock=house.clock)
    with pytest.raises(ConflictError):
        broken.take("seal-1", body, sign_with_secret(SECRET, "seal-1", body), transport="test")
    assert state(house.store, one) is State.AWAITING_PAYMENT
    house.clock.at += timedelta(minutes=2)
    assert house.devices.catch_up() == 1
    assert house.devices.catch_up() == 0
    assert state(house.store, one) is State.UNDER_CONTROL


# --- drones -----------------------------------------------------------------------------------------------------


@pytest.fixture
def drone(house: House) -> Device:
    aircraft = house.add("uas-1", DeviceKind.AIRCRAFT)
    permit = Permit(
        flight_id="F-1", authorisation_id="OAT-2026-17", device_id="uas-1", begins_at=house.clock() - timedelta(minutes=10),
        ends_at=house.clock() + timedelta(minutes=20), altitude_max_m=120, drop_point=DROP, drop_tolerance_m=50,
        contact_seconds=30, line=(DEPOT, DROP), width_m=400,
    ).check()  # fmt: skip
    house.store.devices.permit(permit, "anna", house.clock())
    return aircraft


def test_an_aircraft_has_one_permit_at_a_time(house: House, drone: Device) -> None:
    permit = house.store.devices.flight("F-1").permit
    with pytest.raises(ConflictError, match="on flight 'F-1' at that time"):
        house.store.devices.permit(replace(permit, flight_id="F-2"), "anna", house.clock())
    later = replace(permit, flight_id="F-3", begins_at=permit.ends_at, ends_at=permit.ends_at + timedelta(minutes=9))
    house.store.devices.permit(later, "anna", house.clock())
    assert house.store.devices.flight("F-3").permit == later


def test_a_flight_out_of_its_corridor_holds_what_it_carries(house: House, drone: Device) -> None:
    one = parcel(house.store, NUMBER, "IMA")
    follow(house, put_in(drone.uri, reference("s10", NUMBER)))
    house.send("uas-1", 1, position="geo:51.955,1.3,90")
    assert state(house.store, one) is State.AWAITING_PAYMENT
    house.send("uas-1", 2, position="geo:51.965,1.3,90")
    assert state(house.store, one) is State.UNDER_CONTROL
    assert [each.rule_id for each in house.store.devices.findings_on("F-1")] == ["drone.outside_corridor"]
    assert "drone.outside_corridor" in found(house.store, one)["movement.seal_alarm"].words


def test_a_flight_that_falls_silent_is_found_by_the_watch(house: House, drone: Device) -> None:
    one = parcel(house.store, NUMBER)
    follow(house, put_in(drone.uri, reference("s10", NUMBER)))
    house.send("uas-1", 1, position="geo:51.955,1.3,90")
    assert house.flights.watch() == []
    house.clock.at += timedelta(seconds=31)
    assert [each.rule_id for each in house.flights.watch()] == ["drone.contact_lost"]
    assert found(house.store, one)["movement.seal_alarm"].done is Done.ON_ALARM


def test_a_parcel_is_handed_over_when_it_is_released_and_at_the_drop_point(house: House, drone: Device) -> None:
    one = parcel(house.store, NUMBER, "IMA")
    there = DROP.uri + ",5"

    def ask(counter: int, position: str = there) -> tuple[bool, str]:
        answer = house.send("uas-1", counter, position=position, hand_over=NUMBER).handover
        assert answer is not None
        return answer.is_allowed, answer.code

    assert ask(1) == (False, "flight.not_aboard")
    follow(house, put_in(drone.uri, reference("s10", NUMBER)))
    assert ask(2) == (False, "flight.not_released")
    Desk(house.store).act(one, Trigger.PAYMENT_RECEIVED, "anna")
    assert state(house.store, one) is State.CLEARED
    house.clock.at = datetime.now(UTC) + timedelta(seconds=2)
    assert ask(3, "geo:51.9605,1.35,5") == (False, "flight.not_at_drop_point")
    assert ask(4) == (True, "")
    way = course(house.store.following.told([one])[one])
    assert way.state is MovementState.DELIVERED
    house.clock.at += timedelta(seconds=5)
    assert ask(5) == (False, "flight.not_aboard")
    house.send("uas-1", 6, position="geo:51.965,1.3,90")
    assert "drone.outside_corridor" in {each.rule_id for each in house.store.devices.findings_on("F-1")}
    assert found(house.store, one) == {}


def test_a_parcel_handed_over_is_answered_again_for_the_same_reading(house: House, drone: Device) -> None:
    one = parcel(house.store, NUMBER, "IMA")
    Desk(house.store).act(one, Trigger.PAYMENT_RECEIVED, "anna")
    follow(house, put_in(drone.uri, reference("s10", NUMBER)))
    house.clock.at = datetime.now(UTC) + timedelta(seconds=2)
    body = house.body(1, position=DROP.uri + ",5", hand_over=NUMBER)
    signature = sign_with_secret(SECRET, "uas-1", body)
    for outcome in (Outcome.TAKEN, Outcome.REPEATED):
        taken = house.devices.take("uas-1", body, signature, transport="test")
        assert taken.handover is not None
        assert (taken.outcome, taken.handover.is_allowed) == (outcome, True)
    assert len(list(course(house.store.following.told([one])[one]).of(Step.DELIVERED))) == 1


def test_nothing_is_handed_over_on_a_reading_that_comes_behind_a_newer_one(house: House, drone: Device) -> None:
    one = parcel(house.store, NUMBER, "IMA")
    Desk(house.store).act(one, Trigger.PAYMENT_RECEIVED, "anna")
    follow(house, put_in(drone.uri, reference("s10", NUMBER)))
    house.clock.at = datetime.now(UTC) + timedelta(seconds=2)
    house.send("uas-1", 2, position="geo:51.955,1.3,90")
    late = house.send("uas-1", 1, ago=1, position=DROP.uri + ",5", hand_over=NUMBER).handover
    assert late is not None
    assert (late.is_allowed, late.code) == (False, "flight.late")
    body = house.body(3, position=DROP.uri + ",5", hand_over=NUMBER)
    for is_repeated in (False, True):
        taken = house.devices.take("uas-1", body, sign_with_secret(SECRET, "uas-1", body), transport="test")
        assert taken.handover is not None
        assert (taken.outcome is Outcome.REPEATED, taken.handover.is_allowed) == (is_repeated, True)
        house.send("uas-1", 5 + is_repeated, position=DROP.uri + ",5")


def test_where_an_aircraft_was_a_while_ago_is_no_place_to_hand_over(house: House, drone: Device) -> None:
    one = parcel(house.store, NUMBER, "IMA")
    Desk(house.store).act(one, Trigger.PAYMENT_RECEIVED, "anna")
    follow(house, put_in(drone.uri, reference("s10", NUMBER)))
    house.clock.at = datetime.now(UTC) + timedelta(seconds=2)
    body = house.body(1, position=DROP.uri + ",5", hand_over=NUMBER)
    house.clock.at += timedelta(seconds=31)
    taken = house.devices.take("uas-1", body, sign_with_secret(SECRET, "uas-1", body), transport="test")
    assert taken.handover is not None
    assert (taken.handover.is_allowed, taken.handover.code) == (False, "flight.late")
    assert course(house.store.following.told([one])[one]).state is MovementState.ANNOUNCED


@pytest.mark.parametrize(
    ("more", "place"),
    [({"at": "2015-01-01T00:00:09+00:00"}, "at"), ({"temperature_celsius": "1e400"}, "temperature_celsius"),
     ({"temperature_celsius": "-300"}, "temperature_celsius")],
)  # fmt: skip
def test_an_alarm_of_a_device_without_its_senses_is_not_taken_and_lost(
    house: House, more: dict[str, str], place: str
) -> None:
    house.add("seal-1")
    body = house.body(1, alarm="cut", **more)
    with pytest.raises(DeviceError) as error:
        house.devices.take("seal-1", body, sign_with_secret(SECRET, "seal-1", body), transport="test")
    assert (error.value.code, error.value.place) == ("device.reading", place)
    assert house.send("seal-1", 1, alarm="cut").outcome is Outcome.TAKEN
