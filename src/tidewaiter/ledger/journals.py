"""Records in a file that may end torn: each with its length and a checksum before it.

A record is four bytes of length, the first eight of the SHA-256 of what it says, and that. What a crash left half
written is told from what is whole, and nothing after it counts.
"""

from __future__ import annotations

import hashlib
from typing import Final

HEAD_BYTES: Final = 12
RECORD_BYTES_MAX: Final = 2**28


def framed(record: bytes) -> bytes:
    """A record as it stands in a journal."""
    return len(record).to_bytes(4, "big") + hashlib.sha256(record).digest()[:8] + record


def whole_records(data: bytes | memoryview) -> tuple[list[bytes], int]:
    """The records up to the first that is torn, and how many bytes they take: there the journal is to be cut off."""
    records: list[bytes] = []
    place, view = 0, memoryview(data)
    while place + HEAD_BYTES <= len(view):
        length = int.from_bytes(view[place : place + 4], "big")
        end = place + HEAD_BYTES + length
        if length > RECORD_BYTES_MAX or end > len(view):
            break
        record = bytes(view[place + HEAD_BYTES : end])
        if hashlib.sha256(record).digest()[:8] != view[place + 4 : place + HEAD_BYTES]:
            break
        records.append(record)
        place = end
    return records, place
