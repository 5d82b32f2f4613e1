"""Numbers and bytes as the specifications of C2SP write them in text; each has one writing, and no other is read."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from tidewaiter.ledger.merkle import HASH_BYTES, SIZE_MAX
from tidewaiter.ledger.verdict import LedgerError

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def written_base64(data: bytes) -> str:
    """Base 64 of RFC 4648, section 4, with padding."""
    return base64.b64encode(data).decode()


def read_base64(text: str, what: str) -> bytes:
    """The bytes that are written so. Raises LedgerError, also where the same bytes would be written otherwise."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise LedgerError(f"{what} is not base 64") from error
    if written_base64(data) != text:
        raise LedgerError(f"{what} is not base 64 as it is to be written")
    return data


def read_hash(text: str, what: str) -> bytes:
    """A hash in base 64. Raises LedgerError for anything but 32 bytes."""
    data = read_base64(text, what)
    if len(data) != HASH_BYTES:
        raise LedgerError(f"{what} has {len(data)} bytes instead of {HASH_BYTES}")
    return data


def read_decimal(text: str, what: str) -> int:
    """A number from 0 up to 2**63 - 1 without leading zeroes. Raises LedgerError."""
    if not _DECIMAL.fullmatch(text) or int(text) > SIZE_MAX:
        raise LedgerError(f"{what} is not a decimal number as it is to be written: “{text[:40]}”")
    return int(text)
