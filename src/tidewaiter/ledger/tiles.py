"""The files a log is laid out in: c2sp.org/tlog-tiles.

A tile holds up to 256 hashes of nodes eight levels apart, a bundle up to 256 entries. Full ones never change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.merkle import HASH_BYTES, SIZE_MAX, row_above
from tidewaiter.ledger.verdict import LedgerError

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
LEVEL_MAX: Final = 63
ENTRIES: Final = -1
"""The level of bundles of entries, below the leaves."""
ENTRY_BYTES_MAX: Final = 2**16 - 1
"""Bytes of one entry: its length stands before it in two bytes."""

_PATH: Final = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


class Tile(Struct, frozen=True, order=True):
    """Which file: its level (`ENTRIES` for a bundle), its index in the level, and how many of 256 places are taken."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where it is served, below the address of the log."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        steps = [digits[place : place + 3] for place in range(0, len(digits), 3)]
        index = "/".join([*(f"x{step}" for step in steps[:-1]), steps[-1]])
        return f"tile/{level}/{index}" + (f".p/{self.width}" if self.is_partial else "")

    @property
    def is_partial(self) -> bool:
        """Whether places are free, so that the file is of one size of the log only."""
        return self.width < TILE_WIDTH

    @property
    def full(self) -> Tile:
        """The same tile with all its places taken, as it will be once the log is large enough."""
        return Tile(self.level, self.index)

    @classmethod
    def parse(cls, path: str) -> Tile:
        """The tile served at a path. Raises LedgerError where no tile has this path."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise LedgerError(f"no tile of a log has the path “{path[:200]}”")
        level = ENTRIES if match[1] == "entries" else int(match[1])
        digits = match[2].replace("/", "").replace("x", "")
        tile = cls(level, int(digits), int(match[3] or TILE_WIDTH))
        if level > LEVEL_MAX or tile.index > SIZE_MAX or tile.path != path:
            raise LedgerError(f"no tile of a log has the path “{path[:200]}”")
        return tile


def tiles_of(size: int) -> Iterator[Tile]:
    """Every file of a log of this size: bundles, then level by level."""
    yield from changed(0, size)


def changed(old_size: int, size: int) -> Iterator[Tile]:
    """The files that a log of `size` has and that it had not, or less full, at `old_size`: what appending writes."""
    if not 0 <= old_size <= size <= SIZE_MAX:
        raise LedgerError(f"a log does not grow from {old_size} to {size} entries")
    for level in (ENTRIES, *range(LEVEL_MAX + 1)):
        before, after = (each >> TILE_HEIGHT * max(level, 0) for each in (old_size, size))
        if after == 0:
            return
        first, last = before // TILE_WIDTH, after // TILE_WIDTH
        if before != after:
            yield from (Tile(level, index) for index in range(first, last))
            if after % TILE_WIDTH:
                yield Tile(level, last, after % TILE_WIDTH)


def hashes_in(tile: bytes, width: int) -> list[bytes]:
    """The hashes of a tile. Raises LedgerError where there are not `width` of them."""
    if len(tile) != width * HASH_BYTES:
        raise LedgerError(f"a tile of {width} hashes has {len(tile)} bytes instead of {width * HASH_BYTES}")
    return [tile[place : place + HASH_BYTES] for place in range(0, len(tile), HASH_BYTES)]


def entries_in(bundle: bytes, width: int) -> list[bytes]:
    """The entries of a bundle. Raises LedgerError where there are not `width` of them, or bytes besides."""
    entries: list[bytes] = []
    place = 0
    while place < len(bundle):
        end = place + 2 + int.from_bytes(bundle[place : place + 2], "big")
        if place + 2 > len(bundle) or end > len(bundle):
            raise LedgerError(f"a bundle breaks off within its entry {len(entries)}")
        entries.append(bundle[place + 2 : end])
        place = end
    if len(entries) != width:
        raise LedgerError(f"a bundle has {len(entries)} entries instead of {width}")
    return entries


def bundle_of(entries: Sequence[bytes]) -> bytes:
    """The bytes of a bundle. Raises LedgerError for an entry that is too large."""
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise LedgerError(f"an entry has {len(entry)} bytes; {ENTRY_BYTES_MAX} are the most")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def top_of(hashes: Sequence[bytes]) -> bytes:
    """The hash over neighbours whose number is a power of two."""
    while len(hashes) > 1:
        hashes = row_above(hashes)
    return hashes[0]
