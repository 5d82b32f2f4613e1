"""What devices send: read with the place of what is wrong, and verified against the specifications of the signatures."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tidewaiter.movement.readings import (
    Algorithm,
    DeviceError,
    SealTold,
    is_signed,
    parted,
    read,
    sign_with_secret,
    signed_text,
)

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
AHEAD = timedelta(minutes=5)
SECRET = b"s" * 32


def body(**members: Any) -> bytes:
    return json.dumps({"counter": 1, "at": "2026-06-01T09:59:00+02:00"} | members).encode()


def test_a_reading_is_read_with_its_time_in_utc() -> None:
    told = read(body(position="geo:51.9,1.3,4", seal="opened", temperature_celsius="4.5", alarm="shock"), NOW, AHEAD)
    assert told.at == datetime(2026, 6, 1, 7, 59, tzinfo=UTC)
    assert (told.seal, told.temperature_celsius, told.alarm) == (SealTold.OPENED, Decimal("4.5"), "shock")
    assert told.point is not None
    assert told.point.altitude_m == 4


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (body(counter=0), "counter"),
        (body(at="2026-06-01T09:59:00"), "at"),
        (body(at="2026-06-01T08:06:00Z"), "at"),
        (body(seal="melted"), "seal"),
        (body(position="here"), "position"),
        (body(alarm="\x00"), "alarm"),
        (body(other=1), ""),
        (b"{", ""),
        (b"\xff", ""),
        (body(alarm="x" * 9000), ""),
    ],
)
def test_what_cannot_be_read_is_refused_with_code_place_and_hint(given: bytes, place: str) -> None:
    with pytest.raises(DeviceError) as refused:
        read(given, NOW, AHEAD)
    assert (refused.value.code, refused.value.place) == ("device.reading", place)
    assert refused.value.hint


def test_a_signature_is_of_this_device_and_these_bytes() -> None:
    signature = sign_with_secret(SECRET, "seal-1", body())
    assert is_signed(Algorithm.HMAC_SHA256, SECRET, "seal-1", body(), signature)
    assert not is_signed(Algorithm.HMAC_SHA256, SECRET, "seal-2", body(), signature)
    assert not is_signed(Algorithm.HMAC_SHA256, b"t" * 32, "seal-1", body(), signature)
    assert not is_signed(Algorithm.HMAC_SHA256, SECRET, "seal-1", body() + b" ", signature)


def test_a_device_may_have_a_private_key_of_its_own() -> None:
    private = Ed25519PrivateKey.from_private_bytes(SECRET)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = base64.b64encode(private.sign(signed_text("seal-1", body()))).decode()
    assert is_signed(Algorithm.ED25519, public, "seal-1", body(), signature)
    assert not is_signed(Algorithm.ED25519, public, "seal-1", body(counter=2), signature)


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("signature", ["", "é", "%%%", "AAAA", "A" * 500])
def test_what_is_no_signature_is_none(algorithm: Algorithm, signature: str) -> None:
    assert not is_signed(algorithm, SECRET, "seal-1", body(), signature)


def test_over_mqtt_the_signature_stands_before_the_body() -> None:
    assert parted(b"c2ln\n{}\n") == ("c2ln", b"{}\n")
    for payload in (b"{}", b"x" * 300 + b"\n{}", b"\xff\n{}"):
        with pytest.raises(DeviceError):
            parted(payload)
