"""The hash over a state of many small records, worked out again only where something changed.

Records lie in 65,536 buckets. A bucket's hash is over its records in the order of their names; sixteen hashes side by side
have one above them, so that four steps lead to the root. The same records give the same root, in whatever order they came.
"""

from __future__ import annotations

import hashlib
from typing import Final

LEVELS: Final = 4
FAN: Final = 16
BUCKETS: Final = FAN**LEVELS
_NOTHING: Final = bytes(32)
_BUCKET: Final = b"\x00"
_NODE: Final = b"\x01"


class Tree:
    """Records by bucket and name, and the root over them."""

    def __init__(self) -> None:
        empty = [_NOTHING]
        for _ in range(LEVELS):
            empty.append(_above([empty[-1]] * FAN))
        self._levels = [[empty[level]] * (BUCKETS >> (4 * level)) for level in range(LEVELS + 1)]
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
        leaves, dirty = self._levels[0], self._dirty
        sha256 = hashlib.sha256
        for bucket in dirty:
            held = self._buckets[bucket]
            if held:
                leaves[bucket] = sha256(_BUCKET + b"".join([held[name] for name in sorted(held)])).digest()
            else:
                leaves[bucket] = _NOTHING
                del self._buckets[bucket]
        for level in range(1, LEVELS + 1):
            below, here = self._levels[level - 1], self._levels[level]
            dirty = {each >> 4 for each in dirty}
            for each in dirty:
                here[each] = _above(below[each << 4 : (each + 1) << 4])
        self._dirty = set()
        return self._levels[LEVELS][0]


def _above(hashes: list[bytes]) -> bytes:
    return hashlib.sha256(_NODE + b"".join(hashes)).digest()
