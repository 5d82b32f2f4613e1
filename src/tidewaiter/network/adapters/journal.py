"""A file that only grows: records, each with its length and digest, written in units that are synced before they count.

A unit is what one `append` wrote. One that a crash cut off at the end, in whatever part, was never told to anybody: it
is dropped when the file is opened again. A unit that is damaged with a sound one behind it was told, since nothing is
written before the unit ahead of it is on the disk: then the file is refused, and nothing is guessed.

Unlike the journal of a member (`network.files`) this is one file, which one process holds, which gives records back by
their place, and which takes what belongs together in one piece.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import UnavailableError

_HEAD: Final = struct.Struct(">I16s")
RECORD_BYTES_MAX: Final = 16 * 1024 * 1024


class Journal:
    """One such file, held by one process; raises UnavailableError where another one holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_sound = True
        is_new = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_new:
                _sync_folder(path.parent)
            size = os.fstat(self._file).st_size
            self._end = self._sound_end(size)
            if self._end < size:
                os.ftruncate(self._file, self._end)
            # What is whole here may not have been synced by who wrote it; from now on it counts.
            os.fsync(self._file)
        except BlockingIOError as error:
            os.close(self._file)
            raise UnavailableError(f"{path} is held by another process") from error
        except BaseException:
            os.close(self._file)
            raise

    def append(self, records: Sequence[bytes]) -> list[int]:
        """Where these records begin, once they are on the disk: all of them or, where that raises, none that counts."""
        if not self._is_sound:
            raise UnavailableError(f"{self.path} could not be written before", hint="make room, and open it again")
        if not records:
            return []
        if any(len(record) > RECORD_BYTES_MAX for record in records):
            raise LedgerError(f"a record has more than {RECORD_BYTES_MAX} bytes")
        unit = b"".join(_HEAD.pack(len(record), _digest(record)) + record for record in records)
        places, place = [], self._end + _HEAD.size
        for record in records:
            places.append(place)
            place += _HEAD.size + len(record)
        try:
            _write_all(self._file, _HEAD.pack(len(unit), _digest(unit)) + unit)
            os.fsync(self._file)
        except OSError as error:
            # What of it reached the disk is unknown: nothing of it counts, and nothing is written behind it.
            self._is_sound = False
            raise UnavailableError(
                f"{self.path} cannot be written: {error.strerror}", hint="make room, and open it again"
            ) from error
        self._end = place
        return places

    def read(self, place: int) -> bytes:
        """The record that begins at a place of `append` or `places`. Raises LedgerError where it is damaged."""
        size, digest = self._head(place)
        record = os.pread(self._file, size, place + _HEAD.size)
        if _digest(record) != digest:
            raise LedgerError(f"{self.path} is damaged at byte {place}", hint="take it from another copy")
        return record

    def places(self) -> Iterator[int]:
        """Where each record begins, in order."""
        place = 0
        while place < self._end:
            end = place + _HEAD.size + self._head(place)[0]
            place += _HEAD.size
            while place < end:
                yield place
                place += _HEAD.size + self._head(place)[0]

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _head(self, place: int) -> tuple[int, bytes]:
        length, digest = _HEAD.unpack(os.pread(self._file, _HEAD.size, place))
        return length, digest

    def _sound_end(self, size: int) -> int:
        """Where the last whole unit ends. Raises LedgerError where one is damaged that another stands behind."""
        place = 0
        while place + _HEAD.size <= size:
            length, digest = self._head(place)
            following = place + _HEAD.size + length
            if following > size or _digest(os.pread(self._file, length, place + _HEAD.size)) != digest:
                self._refuse_unless_last(place, size)
                break
            place = following
        return place

    def _refuse_unless_last(self, place: int, size: int) -> None:
        """Raises LedgerError where a whole unit ends the file behind a damaged place: then that is no torn end."""
        rest = os.pread(self._file, size - place, place)
        for offset in range(1, len(rest) - _HEAD.size):
            length, digest = _HEAD.unpack_from(rest, offset)
            unit = rest[offset + _HEAD.size : offset + _HEAD.size + length]
            if 0 < length == len(unit) and self._is_unit(unit) and _digest(unit) == digest:
                raise LedgerError(
                    f"{self.path} is damaged before byte {place + offset}", hint="take it from another copy"
                )

    def _is_unit(self, data: bytes) -> bool:
        """Whether these bytes are records one after another; a record by itself is none."""
        place = 0
        while place + _HEAD.size <= len(data):
            place += _HEAD.size + _HEAD.unpack_from(data, place)[0]
        return place == len(data)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:16]


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
