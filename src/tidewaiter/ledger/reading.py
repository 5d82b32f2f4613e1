"""Proofs, entries and the whole of a log, read out of its tiles.

What lies in tiles is not authenticated by lying there: a proof made here is worth something once it was verified
against the root of a checkpoint that one believes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tidewaiter.ledger.appending import TileWriter
from tidewaiter.ledger.merkle import EMPTY_ROOT, SIZE_MAX
from tidewaiter.ledger.tiles import (
    ENTRIES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    bundle_of,
    entries_in,
    hashes_in,
    top_of,
)
from tidewaiter.ledger.verdict import PROVED, LedgerError, Verdict

Read = Callable[[str], bytes | None]
"""The bytes served at a path below a log's address; None where nothing is."""

TILES_KEPT: Final = 256
"""Tiles a reader keeps by it: 2 MB of hashes at most."""


class TileReader:
    """A log of one size, read from tiles that are fetched as they are needed."""

    def __init__(self, read: Read, size: int) -> None:
        if not 0 <= size <= SIZE_MAX:
            raise LedgerError(f"a log has no {size} entries")
        self.size = size
        self._read = read
        self._kept: dict[Tile, list[bytes]] = {}

    def node(self, level: int, index: int) -> bytes:
        """The hash of a node. Raises LedgerError where a tile is missing or not as it should be."""
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise LedgerError(f"a log of {self.size} entries has no node {index} at level {level}")
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        hashes = self._rows(tile_level, first // TILE_WIDTH)
        place = first % TILE_WIDTH
        return top_of(hashes[place : place + (1 << height)])

    def entry(self, index: int) -> bytes:
        """An entry. Raises LedgerError where there is none."""
        if not 0 <= index < self.size:
            raise LedgerError(f"a log of {self.size} entries has no entry {index}")
        return self._rows(ENTRIES, index // TILE_WIDTH)[index % TILE_WIDTH]

    def _rows(self, level: int, index: int) -> list[bytes]:
        taken = self.size >> TILE_HEIGHT * max(level, 0)
        tile = Tile(level, index, min(TILE_WIDTH, taken - index * TILE_WIDTH))
        if tile not in self._kept:
            if len(self._kept) >= TILES_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[tile] = rows_of(self._read, tile)
        return self._kept[tile]


def rows_of(read: Read, tile: Tile) -> list[bytes]:
    """The hashes or entries of a tile, out of the full tile where the partial one is no longer kept.

    Raises LedgerError where neither is there, or not with as many rows as it should have.
    """
    rows_in = entries_in if tile.level == ENTRIES else hashes_in
    data = read(tile.path)
    if data is not None:
        return rows_in(data, tile.width)
    data = read(tile.full.path) if tile.is_partial else None
    if data is None:
        raise LedgerError(f"{tile.path} is missing")
    return rows_in(data, TILE_WIDTH)[: tile.width]


def verify_log(read: Read, size: int, root: bytes) -> Verdict:
    """Whether a whole log is what a checkpoint says: every entry read, every tile worked out anew and compared.

    Takes the bundles in order, one at a time, so that a log of any size fits.
    """
    if not 0 <= size <= SIZE_MAX:
        return Verdict(f"a log has no {size} entries")
    writer = TileWriter()
    try:
        for index in range(-(-size // TILE_WIDTH)):
            bundle = Tile(ENTRIES, index, min(TILE_WIDTH, size - index * TILE_WIDTH))
            for tile, expected in writer.add(rows_of(read, bundle)):
                _compare(read, tile, expected)
        for tile, expected in writer.edge():
            _compare(read, tile, expected)
    except LedgerError as error:
        return Verdict(error.detail)
    found = writer.frontier.root if size else EMPTY_ROOT
    return PROVED if found == root else Verdict("the entries lead to another root than the checkpoint's")


def _compare(read: Read, tile: Tile, expected: bytes) -> None:
    rows = rows_of(read, tile)
    if (bundle_of(rows) if tile.level == ENTRIES else b"".join(rows)) != expected:
        raise LedgerError(f"{tile.path} is not what the entries lead to")
