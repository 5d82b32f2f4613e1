"""Tiles in a folder are those of the specification, at every size, and again after a start."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tidewaiter.ledger.appending import TileWriter
from tidewaiter.ledger.effects import Hashed
from tidewaiter.ledger.merkle import Frontier, MemoryLog, leaf_hash
from tidewaiter.ledger.reading import verify_log
from tidewaiter.ledger.tiles import TILE_HEIGHT, tiles_of
from tidewaiter.network.tile_folder import TileFolder

ENTRIES = [b"entry %d" % number * (number % 3) for number in range(66_000)]
CUTS = [0, 1, 255, 256, 257, 1000, 1001, 65_000, 65_536, 66_000]


def again(first: int, end: int) -> list[bytes]:
    """What a journal gives again."""
    return ENTRIES[first:end]


def grown(folder: Path) -> TileFolder:
    tiles = TileFolder(folder, again)
    for start, end in itertools.pairwise(CUTS):
        tiles.add(ENTRIES[start:end])
    return tiles


def test_every_tile_is_what_a_writer_of_the_specification_writes(tmp_path: Path) -> None:
    tiles, writer = grown(tmp_path), TileWriter()
    expected = writer.add(ENTRIES) + writer.edge()
    assert {tile for tile, _ in expected} == set(tiles_of(len(ENTRIES)))
    for tile, data in expected:
        assert tiles.tile(tile) == data, tile.path
    assert tiles.frontier == writer.frontier


def test_hashes_that_a_machine_has_worked_out_lead_to_the_same_tiles(tmp_path: Path) -> None:
    tiles, edge = TileFolder(tmp_path / "told", again), Frontier()
    for start, end in itertools.pairwise(CUTS):
        hashes = [leaf_hash(entry) for entry in ENTRIES[start:end]]
        edge, tops = edge.grown(hashes, TILE_HEIGHT)
        tiles.add(ENTRIES[start:end], Hashed(hashes, tops))
    itself = grown(tmp_path / "itself")
    for tile in tiles_of(len(ENTRIES)):
        assert tiles.tile(tile) == itself.tile(tile), tile.path
    assert tiles.frontier == edge == itself.frontier


@pytest.mark.parametrize("size", CUTS[1:])
def test_the_log_is_whole_at_every_size_it_had(tmp_path: Path, size: int) -> None:
    tiles = grown(tmp_path)
    root = MemoryLog(map(leaf_hash, ENTRIES[:size])).root
    assert verify_log(tiles.read, size, root)
    assert tiles.entries(size - 1, size) == [ENTRIES[size - 1]]
    assert tiles.entries(0, size) == ENTRIES[:size]


def test_what_was_not_synced_is_written_again_and_the_rest_is_not(tmp_path: Path) -> None:
    tiles = TileFolder(tmp_path, again)
    tiles.add(ENTRIES[:1000])
    tiles.flushing()()
    tiles.add(ENTRIES[1000:2000])
    first, later = tmp_path / "tile/0/000", tmp_path / "tile/0/004"
    first.touch()
    before = first.stat().st_mtime_ns
    later.write_bytes(b"torn")
    anew = TileFolder(tmp_path, again)
    anew.add(ENTRIES[:2000])
    assert verify_log(anew.read, 2000, MemoryLog(map(leaf_hash, ENTRIES[:2000])).root)
    assert first.stat().st_mtime_ns == before


def test_no_tile_is_served_before_it_has_its_rows(tmp_path: Path) -> None:
    tiles = TileFolder(tmp_path, again)
    assert tiles.read("tile/0/000.p/1") is None
    tiles.add(ENTRIES[:300])
    assert tiles.read("tile/0/001.p/45") is None
    assert tiles.read("tile/0/001.p/44") is not None
    assert tiles.read("tile/1/000.p/1") is not None
    assert tiles.read("tile/1/000.p/2") is None
