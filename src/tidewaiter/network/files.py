"""Files that are there after the power went: written beside, synced, renamed, and their folder synced."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError, UnavailableError
from tidewaiter.network.failing import Failpoints

_HEAD: Final = struct.Struct(">IIB")
RECORD_BYTES_MAX: Final = 256 * 1024 * 1024
NO_FAILPOINTS: Final = Failpoints()


class DiskError(UnavailableError):
    """A member's disk does not take what has to be kept: it is full, or broken. Nothing was acknowledged."""

    code = "network.disk"


class DamagedError(TidewaiterError):
    """What was kept is no longer as it was written; a member that goes on from it might sign what it once denied."""

    code = "network.damaged"


def sync_folder(folder: Path) -> None:
    """Return once the names in a folder are safe."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, data: bytes, failpoints: Failpoints = NO_FAILPOINTS, *, mode: int = 0o644) -> None:
    """Put a file in its place, whole and safe, or leave what was there. Raises DiskError."""
    beside = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        try:
            os.fchmod(descriptor, mode)
            failpoints.at("file.write")
            _write_all(descriptor, data)
            failpoints.at("file.sync")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        failpoints.at("file.rename")
        beside.rename(path)
        failpoints.at("folder.sync")
        sync_folder(path.parent)
    except OSError as error:
        raise _disk_error(path, error) from error


class Record(Struct, frozen=True):
    """One record of a journal: its kind and its bytes."""

    kind: int
    body: bytes


class Journal:
    """Records one after another in one file, safe after `sync`: length, checksum, kind, bytes.

    Several may be appended before one `sync` makes all of them safe. After an error nothing more is taken: what is
    in the file then is known only by reading it again.
    """

    def __init__(self, path: Path, failpoints: Failpoints = NO_FAILPOINTS) -> None:
        self.path = path
        self._failpoints = failpoints
        self._broken = ""
        is_new = not path.exists()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if is_new:
            sync_folder(path.parent)
        self.bytes = os.fstat(self._descriptor).st_size

    def append(self, kind: int, parts: Sequence[bytes]) -> None:
        """Write a record behind the others; it is not safe yet. Raises DiskError."""
        self._refuse_broken()
        length = sum(map(len, parts))
        if length > RECORD_BYTES_MAX:
            raise DiskError(f"a record of {length} bytes is too large for the journal")
        checksum = zlib.crc32(bytes([kind]))
        for part in parts:
            checksum = zlib.crc32(part, checksum)
        data = b"".join([_HEAD.pack(length, checksum, kind), *parts])
        self._failpoints.at("journal.append")
        try:
            if self._failpoints.is_due("journal.torn"):
                _write_all(self._descriptor, data[: len(data) // 2])
            self._failpoints.at("journal.torn")
            _write_all(self._descriptor, data)
        except OSError as error:
            self._broken = error.strerror or str(error)
            raise _disk_error(self.path, error) from error
        self.bytes += len(data)

    def sync(self) -> None:
        """Return once all that was appended is safe. Raises DiskError."""
        self._refuse_broken()
        self._failpoints.at("journal.sync")
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._broken = error.strerror or str(error)
            raise _disk_error(self.path, error) from error
        self._failpoints.at("journal.synced")

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _refuse_broken(self) -> None:
        if self._broken:
            raise DiskError(
                f"{self.path.name} cannot be written any more: {self._broken}",
                hint="make room and start the member again",
            )


def read_journal(path: Path) -> Iterator[Record]:
    """The records of a journal, from the first; a torn end, which nobody was told of, is cut off.

    Raises DamagedError where what does not fit has whole records behind it: that is no torn end.
    """
    data = path.read_bytes() if path.exists() else b""
    place = 0
    while place < len(data):
        record, end = _record_at(data, place)
        if record is None:
            if end < len(data) and _record_at(data, end)[0] is not None:
                raise DamagedError(
                    f"{path.name} is damaged at byte {place}", hint="take the member's copy anew from another member"
                )
            _cut(path, place)
            return
        yield record
        place = end


def _record_at(data: bytes, place: int) -> tuple[Record | None, int]:
    """The record at a place and where the next one begins; None where there is no whole one."""
    if place + _HEAD.size > len(data):
        return None, len(data)
    length, checksum, kind = _HEAD.unpack_from(data, place)
    start, end = place + _HEAD.size, place + _HEAD.size + length
    if length > RECORD_BYTES_MAX or end > len(data):
        return None, len(data)
    body = data[start:end]
    if zlib.crc32(body, zlib.crc32(bytes([kind]))) != checksum:
        return None, end
    return Record(kind, body), end


def _cut(path: Path, length: int) -> None:
    with path.open("r+b") as file:
        file.truncate(length)
        os.fsync(file.fileno())


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _disk_error(path: Path, error: OSError) -> DiskError:
    return DiskError(f"{path.name} could not be written: {error.strerror}", hint="make room, or look at the disk")
