"""Logs in tiles: paths as published, bytes as defined, and whole logs read back, proved and refused."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgers import entries, naive_path, naive_root
from tidewaiter.ledger.appending import TileWriter
from tidewaiter.ledger.merkle import SIZE_MAX, MemoryLog, leaf_hash, root_of
from tidewaiter.ledger.proving import prove_consistency, prove_inclusion, verify_consistency, verify_inclusion
from tidewaiter.ledger.reading import TileReader, rows_of, verify_log
from tidewaiter.ledger.tiles import ENTRIES, Tile, bundle_of, changed, entries_in, hashes_in, tiles_of
from tidewaiter.ledger.verdict import LedgerError

BIG = 256 * 256 + 700  # a full tile of level 1, and partial ones of levels 0, 1 and 2


def written(*steps: int) -> tuple[TileWriter, dict[str, bytes]]:
    """A log that grew by these steps, and every file that was ever written of it."""
    writer, files = TileWriter(), {}
    every = entries(sum(steps))
    for step in steps:
        for tile, data in [*writer.add(every[writer.size : writer.size + step]), *writer.edge()]:
            assert files.get(tile.path, data) == data, f"{tile.path} changed"
            files[tile.path] = data
    return writer, files


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067), "tile/0/x001/x234/067"),  # the example of the specification
        (Tile(0, 0), "tile/0/000"),
        (Tile(63, 999), "tile/63/999"),
        (Tile(1, 1000, 17), "tile/1/x001/000.p/17"),
        (Tile(ENTRIES, 256, 255), "tile/entries/256.p/255"),
        (Tile(ENTRIES, 123456789), "tile/entries/x123/x456/789"),
    ],
)
def test_paths_are_the_published_ones(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert Tile.parse(path) == tile


@given(st.builds(Tile, st.integers(-1, 63), st.integers(0, SIZE_MAX), st.integers(1, 256)))
def test_paths_are_read_as_they_are_written(tile: Tile) -> None:
    assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "tile/64/000", "tile/00/000", "tile/-1/000", "tile/0/00", "tile/0/0000", "tile/0/001/000",
        "tile/0/x000/001", "tile/0/x001/x002", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/",
        "tile/0/../000", "/tile/0/000", "tile/0/000\n", "tile/data/000", "tile/0/٠٠٠", "tile/0/" + "x999/" * 6 + "999", "tile/0/" + "x999/" * 2_000 + "999",
    ],
)  # fmt: skip
def test_no_other_path_names_a_tile(path: str) -> None:
    with pytest.raises(LedgerError, match="no tile"):
        Tile.parse(path)


def test_a_log_of_70000_has_the_tiles_of_the_specification() -> None:
    tiles = list(tiles_of(70_000))
    hashes = [tile for tile in tiles if tile.level >= 0]
    assert len([tile for tile in hashes if tile.level == 0 and not tile.is_partial]) == 273
    assert [tile for tile in hashes if tile.is_partial] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [tile for tile in hashes if tile.level == 1 and not tile.is_partial] == [Tile(1, 0)]
    assert list(tiles_of(256)) == [Tile(ENTRIES, 0), Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []


@settings(max_examples=40)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=4))
def test_what_is_written_is_what_the_plan_says(steps: list[int]) -> None:
    writer = TileWriter()
    every = entries(sum(steps))
    for step in steps:
        before = dict(writer.edge())
        plan = set(changed(writer.size, writer.size + step))
        new = writer.add(every[writer.size : writer.size + step])
        edge = [each for each in writer.edge() if each[0] not in before]
        assert {tile for tile, _ in [*new, *edge]} == plan
    assert writer.frontier.root == root_of(leaf_hash(entry) for entry in every)


def test_tiles_hold_the_hashes_that_are_defined_for_them() -> None:
    leaves = entries(BIG)
    _, files = written(BIG)
    assert set(files) == {tile.path for tile in tiles_of(BIG)}
    hashes = [leaf_hash(entry) for entry in leaves]
    assert files["tile/0/003"] == b"".join(hashes[768:1024])
    assert files["tile/1/000"][32:64] == naive_root(leaves[256:512])
    assert files["tile/2/000.p/1"] == naive_root(leaves[: 256 * 256])
    assert files["tile/entries/258.p/188"] == bundle_of(leaves[258 * 256 :])


def test_a_log_is_read_proved_and_verified_out_of_its_tiles() -> None:
    writer, files = written(BIG)
    reader, root = TileReader(files.get, BIG), writer.frontier.root
    memory = MemoryLog(leaf_hash(entry) for entry in entries(BIG))
    assert root == memory.root
    for index in (0, 255, 256, 65_535, 65_536, BIG - 1):
        proof = prove_inclusion(reader.node, index, BIG)
        assert proof == prove_inclusion(memory.node, index, BIG)
        assert verify_inclusion(leaf_hash(reader.entry(index)), index, BIG, root, proof)
    for old_size in (1, 255, 256, 700, 65_536, BIG - 1, BIG):
        proof = prove_consistency(reader.node, old_size, BIG)
        old_root = MemoryLog(leaf_hash(entry) for entry in entries(old_size)).root
        assert verify_consistency((old_size, old_root), (BIG, root), proof)
    assert verify_log(files.get, BIG, root)


@settings(max_examples=25)
@given(st.integers(1, 600), st.data())
def test_a_log_goes_on_from_its_tiles(size: int, data: st.DataObject) -> None:
    whole, files = written(size)
    first = data.draw(st.integers(0, size))
    _, before = written(first)
    left = {tile.level: rows_of(before.get, tile) for tile in tiles_of(first) if tile.is_partial}
    top = max((tile.level for tile in tiles_of(first)), default=ENTRIES)
    resumed = TileWriter.resumed(first, left.get(ENTRIES, []), [left.get(level, []) for level in range(top + 1)])
    added = dict([*resumed.add(entries(size)[first:]), *resumed.edge()])
    assert {tile.path: value for tile, value in added.items() if files[tile.path] != value} == {}
    assert resumed.frontier == whole.frontier


@settings(max_examples=60)
@given(st.sampled_from(sorted(written(700)[1])), st.data())
def test_one_bit_in_any_file_is_found(path: str, data: st.DataObject) -> None:
    writer, files = written(700)
    at = data.draw(st.integers(0, len(files[path]) - 1))
    altered = bytearray(files[path])
    altered[at] ^= 1 << data.draw(st.integers(0, 7))
    verdict = verify_log({**files, path: bytes(altered)}.get, 700, writer.frontier.root)
    assert not verdict
    assert verdict.reason


def test_what_is_wrong_with_a_log_is_said() -> None:
    writer, files = written(300, 400)
    root = writer.frontier.root
    assert verify_log(files.get, 700, root)
    assert verify_log(files.get, 0, hashlib.sha256().digest())
    without = {path: data for path, data in files.items() if path != "tile/0/001"}
    assert verify_log(without.get, 700, root).reason == "tile/0/001 is missing"
    other = {**files, "tile/1/000.p/2": files["tile/1/000.p/2"][::-1]}
    assert verify_log(other.get, 700, root).reason == "tile/1/000.p/2 is not what the entries lead to"
    assert "another root" in verify_log(files.get, 700, hashlib.sha256(b"x").digest()).reason
    assert "is missing" in verify_log(files.get, 701, root).reason
    assert verify_log(files.get, -1, root).reason == "a log has no -1 entries"


def test_partial_tiles_may_go_once_the_full_ones_are_there() -> None:
    _, files = written(300, 400)
    kept = {path: data for path, data in files.items() if path != "tile/entries/001.p/44" and path != "tile/0/001.p/44"}
    leaves = entries(300)
    assert verify_log(kept.get, 300, naive_root(leaves))
    assert prove_inclusion(TileReader(kept.get, 300).node, 299, 300) == naive_path(299, leaves)


def test_bundles_and_tiles_that_are_not_whole_are_refused() -> None:
    assert entries_in(bundle_of([b"", b"x" * 65_535]), 2) == [b"", b"x" * 65_535]
    for bundle, width in ((b"\x00", 1), (b"\x00\x02a", 1), (b"\x00\x01a", 2), (b"\x00\x01a\x00\x00", 1)):
        with pytest.raises(LedgerError):
            entries_in(bundle, width)
    with pytest.raises(LedgerError, match="65536 bytes"):
        TileWriter().add([b"x" * 65_536])
    with pytest.raises(LedgerError, match="instead of 64"):
        hashes_in(b"x" * 63, 2)
    for size, left, levels in ((2, [b"a"], [[b"a" * 32]]), (1, [b"a"], [[b"a"]]), (1, [b"a"], [[b"a" * 32]])):
        with pytest.raises(LedgerError):
            TileWriter.resumed(size, left, levels)
    with pytest.raises(LedgerError, match="does not grow"):
        list(changed(3, 2))
    with pytest.raises(LedgerError, match="no entry 3"):
        TileReader({}.get, 3).entry(3)
    with pytest.raises(LedgerError, match="no node"):
        TileReader({}.get, 3).node(1, 1)
