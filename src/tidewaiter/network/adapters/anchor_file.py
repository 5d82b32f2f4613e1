"""Anchors in a file: for one who keeps them apart from the network, on a disk or medium of their own.

It is worth as much as whoever keeps it is believed; a notary, a court or a newspaper may be that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.adapters.anchors import Anchored, origin_hash, refuse_unfit
from tidewaiter.network.adapters.journal import Journal


class _Line(Struct, frozen=True):
    origin_hash: bytes
    size: int
    root: bytes


class FileAnchor:
    """Anchors of any number of logs in a journal. Implements `Anchor`."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)
        self.place = path.name
        self._anchors: dict[bytes, list[Anchored]] = {}
        for number, place in enumerate(self._journal.places(), start=1):
            try:
                line = msgspec.msgpack.decode(self._journal.read(place), type=_Line)
            except msgspec.DecodeError as error:
                raise LedgerError(f"{path} is no file of anchors") from error
            self._remember(line, number)

    def latest(self, origin: str) -> Anchored | None:
        """The largest anchor of a log."""
        found = self._anchors.get(origin_hash(origin), [])
        return found[-1] if found else None

    def find(self, origin: str, size: int) -> Anchored | None:
        """The anchor of a log at a size."""
        return next((each for each in self.history(origin) if each.size == size), None)

    def history(self, origin: str) -> Sequence[Anchored]:
        """All anchors of a log, in order."""
        return tuple(self._anchors.get(origin_hash(origin), ()))

    def publish(self, checkpoint: Checkpoint) -> Anchored:
        """The anchor of this checkpoint, once the disk has it. Raises AnchorRefusedError or UnavailableError."""
        there = refuse_unfit(checkpoint, self.latest(checkpoint.origin), self.find(checkpoint.origin, checkpoint.size))
        if there is not None:
            return there
        line = _Line(origin_hash(checkpoint.origin), checkpoint.size, checkpoint.root)
        self._journal.append([msgspec.msgpack.encode(line)])
        number = sum(map(len, self._anchors.values())) + 1
        return self._remember(line, number)

    def close(self) -> None:
        """Let go of the file."""
        self._journal.close()

    def _remember(self, line: _Line, number: int) -> Anchored:
        anchored = Anchored(line.size, line.root, where=f"{self._journal.path.name}, record {number}")
        self._anchors.setdefault(line.origin_hash, []).append(anchored)
        return anchored
