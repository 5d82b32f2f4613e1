"""Devices that publish over MQTT, by a real broker: an alarm holds what it guards; what is forged is refused and counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from brokers import broker
from contract.test_devices import NUMBER, SECRET, House, follow
from contract.test_following import BAG, SEAL, parcel, put_in, put_on, state
from tidewaiter.model.decision import State
from tidewaiter.movement.readings import sign_with_secret
from tidewaiter.store import PostgresStore
from tidewaiter.web.listening import Broker, listening

WAIT_SECONDS = 60.0

# The broker closes its sockets from another thread than the one that opened them.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)


@pytest.fixture
def port() -> Iterator[int]:
    with broker() as found:
        yield found


@pytest.fixture
def house(store: PostgresStore) -> House:
    return House(store)


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so: for as long as it may take, and no longer."""
    ends_at = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < ends_at, "it did not come to be"
        time.sleep(0.02)


def publish(port: int, device_id: str, *payloads: bytes) -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for payload in payloads:
        client.publish(f"tidewaiter/devices/{device_id}/readings", payload, qos=1).wait_for_publish(WAIT_SECONDS)
    client.disconnect()
    client.loop_stop()


def test_an_alarm_that_is_published_holds_what_the_device_guards(house: House, port: int) -> None:
    one = parcel(house.store, NUMBER, "IMA")
    house.add("seal-1")
    follow(house, put_in(BAG, f"https://tidewaiter.example/voc/ref/s10/{NUMBER}"), put_on(BAG, SEAL))
    body = house.body(1, alarm="wire cut")
    good = sign_with_secret(SECRET, "seal-1", body).encode() + b"\n" + body
    forged = sign_with_secret(b"x" * 32, "seal-1", body).encode() + b"\n" + house.body(2)
    with listening(house.devices, Broker(host="127.0.0.1", port=port, is_plain=True)) as heard:
        until(lambda: heard.is_subscribed)
        publish(port, "seal-1", good, good, forged, b"no signature")
        until(lambda: heard.taken + heard.refused == 4)
    assert (heard.taken, heard.refused) == (2, 2)
    assert state(house.store, one) is State.UNDER_CONTROL
    assert len(house.store.devices.readings("seal-1", 10)) == 1, "sent twice, it is one"
    assert {each.code: each.count for each in house.store.devices.refusals()} == {
        "device.forged": 1,
        "device.reading": 1,
    }


def test_an_alarm_that_is_published_behind_a_newer_reading_holds(house: House, port: int) -> None:
    one = parcel(house.store, NUMBER, "IMA")
    house.add("seal-1")
    follow(house, put_in(BAG, f"https://tidewaiter.example/voc/ref/s10/{NUMBER}"), put_on(BAG, SEAL))
    bodies = [
        house.body(2, seal="closed"),
        house.body(1, ago=60, alarm="wire cut"),
        house.body(1, alarm="told otherwise"),
    ]
    signed = [sign_with_secret(SECRET, "seal-1", body).encode() + b"\n" + body for body in bodies]
    with listening(house.devices, Broker(host="127.0.0.1", port=port, is_plain=True)) as heard:
        until(lambda: heard.is_subscribed)
        publish(port, "seal-1", *signed, signed[1])
        until(lambda: heard.taken + heard.refused == 4)
    assert (heard.taken, heard.refused) == (3, 1)
    assert state(house.store, one) is State.UNDER_CONTROL
    assert [each.body for each in house.store.devices.readings("seal-1", 10)] == bodies[:2]
    assert {each.code: each.count for each in house.store.devices.refusals()} == {"device.replayed": 1}
