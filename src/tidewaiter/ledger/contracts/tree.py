"""The hash over a state of many small records, worked out again only where something changed.

Records lie in buckets that are numbered. A bucket's hash is over its records in the order of their names; sixteen hashes side
by side have one above them, where any of them is there, up to one root over all numbers that a bucket may have. The same
records give the same root, in whatever order they came.

Buckets that are changed together should have numbers near each other: then what is above them is hashed once.
"""

from __future__ import annotations

import hashlib
from typing import Final

LEVELS: Final = 14
FAN: Final = 16
BUCKETS: Final = FAN**LEVELS
"""How many buckets there can be; those that are empty cost nothing."""
_NOTHING: Final = bytes(32)
_BUCKET: Final = b"\x00"
_NODE: Final = b"\x01"


class Tree:
    """Records by bucket and name, and the root over them."""

    def __init__(self) -> None:
        self._levels: list[dict[int, bytes]] = [{} for _ in range(LEVELS + 1)]
        self._buckets: dict[int, dict[str, bytes]] = {}
        self._dirty: set[int] = set()

    def put(self, bucket: int, name: str, record: bytes | None) -> None:
        """Keep a record, which tells its own length and name, instead of the one of this name; or none any more."""
        held = self._buckets.get(bucket)
        if held is None:
            held = self._buckets[bucket] = {}
        if record is None:
            held.pop(name, None)
        else:
            held[name] = record
        self._dirty.add(bucket)

    def root(self) -> bytes:
        """The hash over all records."""
        hashes, dirty = self._levels[0], self._dirty
        for bucket in dirty:
            held = self._buckets[bucket]
            if held:
                records = b"".join([held[name] for name in sorted(held)])
                hashes[bucket] = hashlib.sha256(_BUCKET + records).digest()
            else:
                hashes.pop(bucket, None)
                del self._buckets[bucket]
        for level in range(1, LEVELS + 1):
            dirty = {each // FAN for each in dirty}
            _hash_above(self._levels[level - 1], self._levels[level], dirty)
        self._dirty = set()
        return self._levels[LEVELS].get(0, _NOTHING)


def _hash_above(below: dict[int, bytes], here: dict[int, bytes], dirty: set[int]) -> None:
    for each in dirty:
        found = [below.get(child, _NOTHING) for child in range(each * FAN, (each + 1) * FAN)]
        if any(child is not _NOTHING for child in found):
            here[each] = hashlib.sha256(_NODE + b"".join(found)).digest()
        else:
            here.pop(each, None)
