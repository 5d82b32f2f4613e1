"""One way to write a record as bytes, and one digest over them."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="string")


def canonical_bytes(record: Any) -> bytes:
    """The record as JSON: fields in a fixed order, keys sorted, decimals as strings."""
    return _ENCODER.encode(record)


def digest(data: bytes) -> str:
    """SHA-256 of `data` in lower-case hexadecimal, 64 characters."""
    return hashlib.sha256(data).hexdigest()
