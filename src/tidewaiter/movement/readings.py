"""What devices send: one reading, signed, numbered and timed. Read and verified here; who may send is the caller's affair.

A reading is JSON with `counter` (rising by each reading), `at` (its own time, with offset) and what was read:

    {"counter": 17, "at": "2026-06-15T09:12:00Z", "position": "geo:51.9612,1.3511,12;u=8", "seal": "opened",
     "temperature_celsius": "4.5", "alarm": "shock"}

It is signed over `tidewaiter reading v1`, the device's id and the body, a line each (the body last, as it is): by Ed25519
(RFC 8032), or HMAC-SHA-256 (RFC 2104) with the device's key. Over HTTP the signature is in the header
`Tidewaiter-Signature`, over MQTT it stands before the body, on a line of its own; base64 in both.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta, Struct

from tidewaiter.model.errors import InvalidIdentifierError, TidewaiterError
from tidewaiter.movement.geography import Point

BODY_BYTES_MAX: Final = 8 * 1024
SIGNATURE_BYTES_MAX: Final = 200
CELSIUS: Final = (Decimal("-273.15"), Decimal(10_000))
"""Nothing is colder, and no sensor that travels with goods tells more."""
_PREFIX: Final = b"tidewaiter reading v1\n"
_AT: Final = re.compile(r"^(.*?)(?: - at `\$\.?(.*?)`)?$", re.DOTALL)


class DeviceError(TidewaiterError):
    """A reading is not taken; `code` says why: it cannot be read, is forged, replayed, or of no device of ours."""

    def __init__(self, code: str, detail: str, *, hint: str = "", place: str = "") -> None:
        super().__init__(detail, hint=hint, place=place)
        self.code = code


class Algorithm(StrEnum):
    """How a device signs."""

    ED25519 = "ed25519"
    HMAC_SHA256 = "hmac-sha256"


class DeviceKind(StrEnum):
    """What a device is."""

    SEAL = "seal"  # a smart security device that tells when it is opened
    TRACKER = "tracker"
    LOGGER = "logger"  # of temperature
    AIRCRAFT = "aircraft"  # an unmanned one


class SealTold(StrEnum):
    """What a seal may tell."""

    BOUND = "bound"
    OPENED = "opened"
    CLOSED = "closed"


class Reading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One reading."""

    counter: Annotated[int, Meta(ge=1, le=2**53 - 1, description="Rises by each reading of the device")]
    at: Annotated[datetime, Meta(tz=True, description="When it was read, with its offset")]
    position: Annotated[str, Meta(max_length=100, description="Where, as a geo URI (RFC 5870)")] = ""
    seal: Annotated[SealTold | None, Meta(description="What became of the seal")] = None
    temperature_celsius: Annotated[Decimal | None, Meta(description="Degrees Celsius")] = None
    alarm: Annotated[str, Meta(max_length=200, description="Why the device gives alarm; it gives none where empty")] = (
        ""
    )
    landed: Annotated[bool, Meta(description="An aircraft has landed: nothing more is heard of it")] = False
    hand_over: Annotated[
        str, Meta(max_length=60, description="The parcel that an aircraft asks to hand over where it is")
    ] = ""

    @property
    def point(self) -> Point | None:
        """Where it was read; None where it does not say."""
        return Point.parse(self.position) if self.position else None


def signed_text(device_id: str, body: bytes) -> bytes:
    """The bytes that a device signs."""
    return _PREFIX + device_id.encode() + b"\n" + body


def sign_with_secret(secret: bytes, device_id: str, body: bytes) -> str:
    """The signature of a device that has a secret, base64."""
    return base64.b64encode(hmac.digest(secret, signed_text(device_id, body), hashlib.sha256)).decode()


def is_signed(algorithm: Algorithm, key: bytes, device_id: str, body: bytes, signature: str) -> bool:
    """Whether a signature (base64) is the device's: `key` is its secret, or its public key (32 bytes)."""
    if len(signature) > SIGNATURE_BYTES_MAX:
        return False
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    text = signed_text(device_id, body)
    if algorithm is Algorithm.HMAC_SHA256:
        return hmac.compare_digest(hmac.digest(key, text, hashlib.sha256), given)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(given, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def read(body: bytes, now: datetime, ahead: timedelta) -> Reading:
    """One reading. Raises DeviceError with the place of what is wrong; `ahead` is by how much a clock may be ahead."""
    if len(body) > BODY_BYTES_MAX:
        raise DeviceError(
            "device.reading", f"it has more than {BODY_BYTES_MAX} bytes", hint="send one reading at a time"
        )
    try:
        found = msgspec.json.decode(body, type=Reading)
    except (msgspec.DecodeError, UnicodeError) as error:
        said = _AT.match(str(error))
        words, place = (said[1], said[2] or "") if said else (str(error), "")
        raise DeviceError(
            "device.reading", f"the reading cannot be read: {words}",
            hint=f"its members are {', '.join(Reading.__struct_fields__)}", place=place,
        ) from error  # fmt: skip
    if found.at > now + ahead:
        raise DeviceError("device.reading", "it was not read yet", hint="look at the device's clock", place="at")
    for member in ("alarm", "hand_over"):
        if "\x00" in getattr(found, member):
            raise DeviceError("device.reading", "it holds a NUL character", hint="leave it out", place=member)
    celsius = found.temperature_celsius
    if celsius is not None and not (celsius.is_finite() and CELSIUS[0] <= celsius <= CELSIUS[1]):
        words = f"it is no temperature from {CELSIUS[0]} to {CELSIUS[1]}"
        raise DeviceError("device.reading", words, hint="write degrees Celsius", place="temperature_celsius")
    try:
        _ = found.point
    except InvalidIdentifierError as error:
        raise DeviceError("device.reading", error.detail, hint=error.hint, place="position") from error
    return msgspec.structs.replace(found, at=found.at.astimezone(UTC))


def parted(payload: bytes) -> tuple[str, bytes]:
    """The signature and the body of what came over MQTT. Raises DeviceError where there is no line of a signature."""
    first, newline, body = payload.partition(b"\n")
    if not newline or len(first) > SIGNATURE_BYTES_MAX or not first.isascii():
        raise DeviceError(
            "device.reading", "the signature is not on a line of its own before the reading",
            hint="send the signature (base64), a line feed, and the reading",
        )  # fmt: skip
    return first.decode().strip(), body
