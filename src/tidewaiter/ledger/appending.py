"""Growing a log: which tiles come about when entries are added, and with which bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tidewaiter.ledger.merkle import HASH_BYTES, Frontier, leaf_hash, parts
from tidewaiter.ledger.tiles import ENTRIES, TILE_WIDTH, Tile, bundle_of, top_of
from tidewaiter.ledger.verdict import LedgerError

Written = tuple[Tile, bytes]
"""A file to be written."""


class TileWriter:
    """The right edge of a log in tiles: what is needed to add to it, at most 256 entries and 256 hashes a level.

    Who keeps a log writes what `add` gives, then what `edge` gives, and then the checkpoint, in this order: readers
    fetch no tile that a checkpoint has not promised.
    """

    def __init__(self) -> None:
        self.size = 0
        self._entries: list[bytes] = []
        self._levels: list[list[bytes]] = []

    @classmethod
    def resumed(cls, size: int, entries: Sequence[bytes], levels: Sequence[Sequence[bytes]]) -> TileWriter:
        """The edge of a log of this size: the entries of its partial bundle, and the hashes of its partial tiles by level.

        Raises LedgerError where they are not as many as that size has.
        """
        writer = cls()
        writer.size = size
        writer._entries = list(entries)
        writer._levels = [list(level) for level in levels]
        widths = widths_at(size)
        if [len(level) for level in levels] != widths or len(entries) != (widths or [0])[0]:
            raise LedgerError(f"these are not the entries and hashes at the edge of a log of {size}")
        if any(len(each) != HASH_BYTES for level in levels for each in level):
            raise LedgerError("a hash at the edge of a log is not 32 bytes long")
        if widths and [leaf_hash(entry) for entry in entries] != list(levels[0]):
            raise LedgerError("the entries at the edge of a log do not have the hashes kept of them")
        return writer

    def add(self, entries: Iterable[bytes]) -> list[Written]:
        """Add entries; gives the tiles and bundles that were filled by them, in the order they were.

        Raises LedgerError for an entry that is too large; those before it are added then, and it is not.
        """
        written: list[Written] = []
        for entry in entries:
            bundle_of([entry])
            self._entries.append(entry)
            self.size += 1
            if len(self._entries) == TILE_WIDTH:
                written.append((Tile(ENTRIES, self.size // TILE_WIDTH - 1), bundle_of(self._entries)))
                self._entries = []
            self._add_hash(leaf_hash(entry), written)
        return written

    def _add_hash(self, added: bytes, written: list[Written]) -> None:
        reach = 1
        for level in range(len(self._levels) + 1):
            if level == len(self._levels):
                self._levels.append([])
            hashes = self._levels[level]
            hashes.append(added)
            if len(hashes) < TILE_WIDTH:
                return
            reach *= TILE_WIDTH
            written.append((Tile(level, self.size // reach - 1), b"".join(hashes)))
            added = top_of(hashes)
            self._levels[level] = []

    def edge(self) -> list[Written]:
        """The partial bundle and tiles of the log as it is now; what they replace may go once a checkpoint says so."""
        written: list[Written] = []
        if self._entries:
            bundle = Tile(ENTRIES, self.size // TILE_WIDTH, len(self._entries))
            written.append((bundle, bundle_of(self._entries)))
        reach = TILE_WIDTH
        for level, hashes in enumerate(self._levels):
            if hashes:
                written.append((Tile(level, self.size // reach, len(hashes)), b"".join(hashes)))
            reach *= TILE_WIDTH
        return written

    @property
    def frontier(self) -> Frontier:
        """The size and root of the log as it is now, as nodes."""
        return frontier_of(self.size, self._levels)


def frontier_of(size: int, levels: Sequence[Sequence[bytes]]) -> Frontier:
    """The edge of a log as nodes, out of the hashes of its partial tiles by level. Raises LedgerError where they are not as many."""
    hashes = [
        top_of(row[index << level : (index + 1) << level])
        for row in reversed(levels)
        for level, index in parts(0, len(row))
    ]
    return Frontier(size, tuple(hashes))


def widths_at(size: int) -> list[int]:
    """How many hashes the partial tile of each level has in a log of a size; 0 where the last one is whole."""
    widths = []
    while size:
        widths.append(size % TILE_WIDTH)
        size //= TILE_WIDTH
    return widths
