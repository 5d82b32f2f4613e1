"""A log in tiles that others wrote: verified against each of its checkpoints, and every file made again from its entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tidewaiter.cli.conformance.case import Case
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import ALL_TYPES, VerifierKey
from tidewaiter.ledger.merkle import MemoryLog, leaf_hash
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.proving import prove_consistency, prove_inclusion, verify_consistency, verify_inclusion
from tidewaiter.ledger.reading import TileReader, verify_log
from tidewaiter.ledger.signing import check
from tidewaiter.ledger.tiles import ENTRIES, TILE_HEIGHT, TILE_WIDTH, Tile, bundle_of
from tidewaiter.ledger.verdict import PROVED, LedgerError, Verdict

PROOFS_OF_INCLUSION_MAX = 1_000  # spread over a log that has more entries


def logs(folder: Path) -> Iterator[Path]:
    """The folders of logs: those with a file `checkpoint` and a folder `tile`."""
    for path in sorted(folder.rglob("checkpoint")):
        if path.is_file() and (path.parent / "tile").is_dir():
            yield path.parent


class OutsideLog:
    """One log, and what was counted of it. Keys are read from files `*.vkey` beside it or further up."""

    def __init__(self, path: Path, samples: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(samples))
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []
        above = [path, *(each for each in path.parents if each.is_relative_to(samples))]
        self.key_files = [file for each in above for file in sorted(each.glob("*.vkey"))]

    def cases(self) -> Iterator[Case]:
        """A case for each checkpoint, for each step from one to another, and for each file of the log."""
        checkpoints: dict[int, Checkpoint] = {}
        for path in sorted(self.path.glob("checkpoint*")):
            name = f"{self.name}: {path.name}"
            try:
                note = SignedNote.parse(path.read_bytes())
                checkpoint = Checkpoint.parse(note.text)
                verdict = self._checkpoint(note, checkpoint)
            except LedgerError as error:
                yield Case(name, False, error.detail)
                continue
            self.counts["checkpoints"] += 1
            if checkpoints.setdefault(checkpoint.size, checkpoint).root != checkpoint.root:
                verdict = Verdict("another checkpoint of this size has another root")
            yield Case(name, bool(verdict), verdict.reason)
        if checkpoints:
            yield from self._steps([checkpoints[size] for size in sorted(checkpoints)])
            yield from self._files(checkpoints[max(checkpoints)].size)

    def _read(self, path: str) -> bytes | None:
        file = self.path / path
        return file.read_bytes() if file.is_file() else None

    def _checkpoint(self, note: SignedNote, checkpoint: Checkpoint) -> Verdict:
        """Whether note, signature, tiles, entries and proofs of inclusion agree."""
        if note.data != note.with_signatures().data or checkpoint.text != note.text:
            return Verdict("it is not written again as it was read")
        keys = [VerifierKey.parse(file.read_text().strip(), ALL_TYPES) for file in self.key_files]
        if keys:
            checked = check(note, keys)
            if not checked.verdict:
                return checked.verdict
            self.counts["checkpoints whose signature was verified"] += 1
        elif not self.notes:
            self.notes.append(f"{self.name}: signatures are not verified, no key lies beside the log (*.vkey)")
        verdict = verify_log(self._read, checkpoint.size, checkpoint.root)
        return verdict if not verdict else self._inclusions(checkpoint)

    def _inclusions(self, checkpoint: Checkpoint) -> Verdict:
        size, root = checkpoint.size, checkpoint.root
        reader = TileReader(self._read, size)
        for index in range(0, size, max(1, size // PROOFS_OF_INCLUSION_MAX)):
            proof = prove_inclusion(reader.node, index, size)
            verdict = verify_inclusion(leaf_hash(reader.entry(index)), index, size, root, proof)
            self.counts["proofs of inclusion read from tiles"] += 1
            if not verdict:
                return Verdict(f"entry {index}: {verdict.reason}")
        return PROVED

    def _steps(self, checkpoints: list[Checkpoint]) -> Iterator[Case]:
        """From each checkpoint to the next and to the last."""
        last = checkpoints[-1]
        for old, following in pairwise(checkpoints):
            for new in dict.fromkeys((following, last)) if old.size else ():
                name = f"{self.name}: from {old.size} to {new.size}"
                self.counts["proofs of consistency read from tiles"] += 1
                try:
                    proof = prove_consistency(TileReader(self._read, new.size).node, old.size, new.size)
                    verdict = verify_consistency((old.size, old.root), (new.size, new.root), proof)
                except LedgerError as error:
                    verdict = Verdict(error.detail)
                yield Case(name, bool(verdict), verdict.reason)

    def _files(self, size: int) -> Iterator[Case]:
        """Every file below `tile`, of whatever size of the log, is what the entries lead to."""
        reader = TileReader(self._read, size)
        try:
            entries = [reader.entry(index) for index in range(size)]
        except LedgerError as error:
            yield Case(f"{self.name}: entries", False, error.detail)
            return
        log = MemoryLog(map(leaf_hash, entries))
        for path in sorted(each for each in (self.path / "tile").rglob("*") if each.is_file()):
            name = path.relative_to(self.path).as_posix()
            self.counts["files of logs made again from entries"] += 1
            try:
                passed = served(Tile.parse(name), entries, log) == path.read_bytes()
                yield Case(f"{self.name}: {name}", passed, "" if passed else "the entries lead to other bytes")
            except LedgerError as error:
                yield Case(f"{self.name}: {name}", False, error.detail)


def served(tile: Tile, entries: list[bytes], log: MemoryLog) -> bytes:
    """The bytes that our own log of these entries serves as a tile. Raises LedgerError where it has no such tile."""
    first = tile.index * TILE_WIDTH
    if tile.level == ENTRIES:
        rows = entries[first : first + tile.width]
        if len(rows) < tile.width:
            raise LedgerError(f"the log has too few entries for {tile.path}")
        return bundle_of(rows)
    return b"".join(log.node(TILE_HEIGHT * tile.level, first + place) for place in range(tile.width))
