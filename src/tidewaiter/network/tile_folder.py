"""The tiles of a log in a folder (c2sp.org/tlog-tiles), grown as blocks come, and served at any size up to the last.

The journal is what is safe at once, and what bundles of entries are made of when somebody asks. Tiles of hashes are made in memory
as blocks come; `flushing` writes and syncs the full ones, in a thread, and then says in a file how far: at a start everything
behind that is written again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tidewaiter.ledger.appending import frontier_of, widths_at
from tidewaiter.ledger.effects import Hashed
from tidewaiter.ledger.merkle import Frontier, NodeHash, leaf_hashes
from tidewaiter.ledger.reading import TileReader
from tidewaiter.ledger.tiles import ENTRIES, TILE_HEIGHT, TILE_WIDTH, Tile, bundle_of, hashes_in, top_of
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.failing import Failpoints
from tidewaiter.network.files import NO_FAILPOINTS, DiskError, sync_together, write_durably

_SYNCED: Final = "synced"


class TileFolder:
    """One log's tiles below a folder. `size` is how many entries were added; `entries_at` gives those from one up to another again."""

    def __init__(
        self, folder: Path, entries_at: Callable[[int, int], Sequence[bytes]], failpoints: Failpoints = NO_FAILPOINTS
    ) -> None:
        self.folder, self.size, self._entries_at = folder, 0, entries_at
        self._failpoints = failpoints
        self._entries: list[bytes] = []
        self._levels: list[list[bytes]] = [[]]
        self._fresh: dict[Tile, bytes] = {}
        self._one_at_a_time = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._trusted = _read_number(folder / _SYNCED)

    def add(self, entries: Sequence[bytes], hashed: Hashed | None = None) -> None:
        """Add entries, with their hashes where they are known. Raises LedgerError."""
        hashes = hashed.leaves if hashed else leaf_hashes(entries)
        tops = iter(hashed.tops if hashed else ())
        place = 0
        while place < len(entries):
            room = TILE_WIDTH - len(self._levels[0])
            self._entries += entries[place : place + room]
            self._levels[0] += hashes[place : place + room]
            taken = min(room, len(entries) - place)
            self.size += taken
            place += taken
            if len(self._levels[0]) == TILE_WIDTH:
                self._fill(next(tops, None))

    def edge(self, size: int) -> tuple[bytes, ...]:
        """The hashes of the partial tiles that the log had at a size, by level. Raises LedgerError where it has not come so far."""
        rows = []
        for level, width in enumerate(widths_at(size)):
            row = self.tile(Tile(level, size >> TILE_HEIGHT * (level + 1), width)) if width else b""
            if row is None:
                raise LedgerError(f"the log here has no {size} entries")
            rows.append(row)
        return tuple(rows)

    def begin_at(self, size: int, edge: Sequence[bytes]) -> Frontier:
        """Stand at a size with the hashes of its partial tiles, the whole ones being on disk; the nodes at that edge.

        Raises LedgerError where they are not as many as the size has, or tiles before it may not be on the disk.
        """
        levels = [hashes_in(row, width) if width else [] for row, width in zip(edge, widths_at(size), strict=True)]
        if not self.is_safe_at(size):
            raise LedgerError(f"whole tiles are on the disk up to {self._trusted} only")
        self.size, self._levels = size, levels or [[]]
        return frontier_of(size, levels)

    def is_safe_at(self, size: int) -> bool:
        """Whether all whole tiles that the log has at a size are on the disk."""
        return self._trusted >= size - size % TILE_WIDTH

    def flushing(self) -> Callable[[], None]:
        """What waits for the disk, to be called in a thread: it returns once every full tile so far is written and safe.

        A start would not write those again. The call raises DiskError; the tiles stay in memory then.
        """
        return partial(self._flush, dict(self._fresh), self.size)

    def _flush(self, fresh: dict[Tile, bytes], size: int) -> None:
        with self._one_at_a_time:
            self._write_fresh(fresh, size)

    def _write_fresh(self, fresh: dict[Tile, bytes], size: int) -> None:
        self._failpoints.at("fold.begin")
        paths = {tile: self.folder / tile.path for tile in fresh}
        try:
            for folder in {path.parent for path in paths.values()}:
                folder.mkdir(parents=True, exist_ok=True)
            for tile, data in fresh.items():
                paths[tile].write_bytes(data)
            sync_together(paths.values(), self.folder)
        except OSError as error:
            raise DiskError(
                f"tiles could not be written: {error.strerror}", hint="make room, or look at the disk"
            ) from error
        self._failpoints.at("fold.tiles")
        write_durably(self.folder / _SYNCED, f"{size}\n".encode(), self._failpoints)
        self._trusted = max(self._trusted, size)
        for tile in fresh:
            self._fresh.pop(tile, None)

    def read(self, path: str) -> bytes | None:
        """What is served at a path; None where the log has no such tile yet. Raises LedgerError for what is no path."""
        return self.tile(Tile.parse(path))

    def tile(self, tile: Tile) -> bytes | None:
        """The bytes of a tile, partial ones cut out of what there is by now; None where there are not as many rows."""
        reach = TILE_HEIGHT * max(tile.level, 0)
        if (tile.index << TILE_HEIGHT) + tile.width > self.size >> reach:
            return None
        if tile.level == ENTRIES:
            first = tile.index << TILE_HEIGHT
            return bundle_of(self.entries(first, first + tile.width))
        rows = self._rows_in_memory(tile)
        if rows is None:
            data = self._fresh.get(tile.full) or (self.folder / tile.full.path).read_bytes()
            if not tile.is_partial:
                return data
            rows = hashes_in(data, TILE_WIDTH)
        return b"".join(rows[: tile.width])

    def entries(self, first: int, end: int) -> list[bytes]:
        """The entries from one up to another. Raises LedgerError where there are not as many."""
        if not 0 <= first <= end <= self.size:
            raise LedgerError(f"the log has no entries from {first} up to {end}")
        kept = self.size - len(self._entries)
        before = list(self._entries_at(first, min(end, kept))) if first < kept else []
        return before + self._entries[max(0, first - kept) : max(0, end - kept)]

    def reader(self, size: int | None = None) -> TileReader:
        """A reader of the log at a size; as it is now where none is named."""
        return TileReader(self.read, self.size if size is None else size)

    def nodes(self, size: int | None = None) -> NodeHash:
        """The nodes of the log at a size."""
        return self.reader(size).node

    @property
    def frontier(self) -> Frontier:
        """Size and root of all that was added."""
        reader = self.reader()
        hashes, left = [], self.size
        while left:
            level = left.bit_length() - 1
            start = self.size - left
            hashes.append(reader.node(level, start >> level))
            left -= 1 << level
        return Frontier(self.size, tuple(hashes))

    def _rows_in_memory(self, tile: Tile) -> list[bytes] | None:
        level = tile.level
        if level >= len(self._levels) or tile.index != self.size >> TILE_HEIGHT * (level + 1):
            return None
        return self._levels[level]

    def _fill(self, top: bytes | None) -> None:
        """A tile of the lowest level is full; `top` is the hash over it, where it is known."""
        self._entries = []
        for level in range(len(self._levels)):
            hashes = self._levels[level]
            if len(hashes) < TILE_WIDTH:
                return
            self._write(Tile(level, (self.size >> TILE_HEIGHT * (level + 1)) - 1), b"".join(hashes))
            self._levels[level] = []
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(top or top_of(hashes))
            top = None

    def _write(self, tile: Tile, data: bytes) -> None:
        if (tile.index + 1) << TILE_HEIGHT * (tile.level + 1) <= self._trusted:
            return
        self._fresh[tile] = data


def _read_number(path: Path) -> int:
    try:
        return int(path.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return 0
