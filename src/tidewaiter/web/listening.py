"""Readings of devices over MQTT: a client of a broker that devices publish to.

    with listening(devices, broker) as heard:
        … heard.taken, heard.refused

Devices publish to `tidewaiter/devices/ID/readings`, at least once (QoS 1): the signature, a line feed, the reading. A message
is acknowledged to the broker when the reading is taken or refused, both of which are kept; while the database does not
answer none is, and the broker, where the session is kept, sends it again. MQTT 3.1.1 (OASIS, 2014) by paho-mqtt.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from msgspec import Struct
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tidewaiter.model.errors import TidewaiterError, UnavailableError
from tidewaiter.movement.readings import BODY_BYTES_MAX, SIGNATURE_BYTES_MAX, DeviceError
from tidewaiter.workflow.devices import Devices

TOPIC: Final = "tidewaiter/devices/+/readings"
QOS: Final = 1
KEEP_ALIVE_SECONDS: Final = 30
PAYLOAD_BYTES_MAX: Final = BODY_BYTES_MAX + SIGNATURE_BYTES_MAX + 1

_LOG = logging.getLogger(__name__)


class Broker(Struct, frozen=True, kw_only=True):
    """Where the broker is and how it lets us in; with TLS unless it is told otherwise."""

    host: str
    port: int = 8883
    client_id: str = "tidewaiter"
    user: str = ""
    password: str = ""
    is_plain: bool = False


class Listener:
    """Hears what devices publish; `paho` calls it in its own thread."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self.taken = 0
        self.refused = 0
        self.is_subscribed = False

    def connected(self, client: Client, *_: Any) -> None:
        """Subscribe: after each connection, as a broker may have forgotten."""
        client.subscribe(TOPIC, QOS)

    def subscribed(self, *_: Any) -> None:
        """The broker has answered: what is published from now on is heard."""
        self.is_subscribed = True

    def heard(self, client: Client, _: Any, message: MQTTMessage) -> None:
        """Take one reading, and acknowledge it unless the database did not answer."""
        device_id = message.topic.split("/")[2]
        try:
            if len(message.payload) > PAYLOAD_BYTES_MAX:
                raise DeviceError("device.reading", f"it has more than {BODY_BYTES_MAX} bytes")
            self._devices.take_payload(device_id, bytes(message.payload), transport="mqtt")
            self.taken += 1
        except UnavailableError as error:
            _LOG.warning("a reading of %s is left with the broker: %s", device_id, error.detail)
            return
        except TidewaiterError as error:
            self.refused += 1
            _LOG.warning("a reading of %s is refused: %s: %s", device_id, error.code, error.detail)
        client.ack(message.mid, message.qos)


@contextmanager
def listening(devices: Devices, broker: Broker) -> Iterator[Listener]:
    """A listener, connected and subscribed as soon as the broker answers, and again whenever it is lost; until left.

    Raises OSError where the broker cannot be reached at first.
    """
    client = Client(CallbackAPIVersion.VERSION2, client_id=broker.client_id, clean_session=False, manual_ack=True)
    listener = Listener(devices)
    client.on_connect = listener.connected
    client.on_subscribe = listener.subscribed
    client.on_message = listener.heard
    if broker.user:
        client.username_pw_set(broker.user, broker.password)
    if not broker.is_plain:
        client.tls_set()
    client.connect(broker.host, broker.port, KEEP_ALIVE_SECONDS)
    client.loop_start()
    try:
        yield listener
    finally:
        client.disconnect()
        client.loop_stop()
