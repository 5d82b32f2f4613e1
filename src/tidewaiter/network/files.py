"""Files that are there after the power went: written beside, synced, renamed, and their folder synced."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from tidewaiter.ledger.journals import HEAD_BYTES, whole_records
from tidewaiter.model.errors import TidewaiterError, UnavailableError
from tidewaiter.network.failing import Failpoints

SEGMENT_BYTES: Final = 64 * 1024 * 1024
Place = tuple[int, int]
"""Where a record stands in a journal: the number of the file, from 1, and the byte in it."""
BEGINNING: Final[Place] = (1, 0)
NO_FAILPOINTS: Final = Failpoints()
_SYNCFS: Final[Callable[[int], int] | None] = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
"""syncfs(2), of Linux: since 5.8 it tells of what could not be written."""


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


def sync_together(paths: Iterable[Path], top: Path) -> None:
    """Return once files below `top`, and the names of their folders up to it, are safe. Raises OSError.

    Where the system can sync a whole file system at once it does: for hundreds of small files at a third of the time, and others who
    sync on that disk wait once and not for each.
    """
    if _SYNCFS is not None:
        descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if _SYNCFS(descriptor) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        finally:
            os.close(descriptor)
        return
    folders: set[Path] = set()
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
        folders.update(each for each in path.parents if each == top or top in each.parents)
    for folder in sorted(folders):
        sync_folder(folder)


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


class Journal:
    """Bytes appended one after another and safe after `sync`, in numbered files of a folder.

    A new file is begun where the last has grown large, so that reading again takes them one at a time. After an error
    nothing more is taken: what is in the file then is known only by reading it again.
    """

    def __init__(
        self, folder: Path, failpoints: Failpoints = NO_FAILPOINTS, *, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self.folder, self._failpoints, self._segment_bytes = folder, failpoints, segment_bytes
        self._broken = ""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        segments = segments_of(folder)
        self._number = len(segments)
        self._descriptor, self._bytes = -1, 0
        if segments:
            self._open(segments[-1])
        else:
            self._next_segment()

    def append(self, data: bytes) -> Place:
        """Write behind what is there, and say where it stands; it is not safe yet. Raises DiskError."""
        self._refuse_broken()
        self._failpoints.at("journal.append")
        try:
            if self._failpoints.is_due("journal.torn"):
                _write_all(self._descriptor, data[: len(data) // 2])
            self._failpoints.at("journal.torn")
            _write_all(self._descriptor, data)
        except OSError as error:
            raise self._break(error) from error
        place = self._number, self._bytes
        self._bytes += len(data)
        return place

    def turn(self) -> None:
        """Begin a new file where the last has grown large; not while another thread syncs. Raises DiskError."""
        if self._bytes < self._segment_bytes:
            return
        self.sync()
        try:
            os.close(self._descriptor)
            self._next_segment()
        except OSError as error:
            raise self._break(error) from error

    def sync(self) -> None:
        """Return once all that was appended is safe. Raises DiskError."""
        self._refuse_broken()
        self._failpoints.at("journal.sync")
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise self._break(error) from error
        self._failpoints.at("journal.synced")

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _next_segment(self) -> None:
        self._number += 1
        self._open(self.folder / f"{self._number:08d}.journal")
        sync_folder(self.folder)

    def _open(self, segment: Path) -> None:
        self._descriptor = os.open(segment, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._bytes = os.fstat(self._descriptor).st_size

    def _refuse_broken(self) -> None:
        if self._broken:
            raise DiskError(
                f"the journal cannot be written any more: {self._broken}", hint="make room and start the member again"
            )

    def _break(self, error: OSError) -> DiskError:
        self._broken = error.strerror or str(error)
        return _disk_error(self.folder, error)


def read_journal(folder: Path, begin: Place = BEGINNING) -> Iterator[tuple[Place, bytes]]:
    """The records of a journal and where each stands, from the first; or from a place on at which one ends or begins.

    A torn end, which nobody was told of, is cut off, and the rest synced. Raises DamagedError where what does not fit
    has whole records behind it: that is no torn end.
    """
    segments = segments_of(folder)
    first, skipped = begin
    for number, segment in enumerate(segments[first - 1 :], start=first):
        data = segment.read_bytes()
        records, end = whole_records(memoryview(data)[skipped:])
        place, end, skipped = skipped, skipped + end, 0
        for record in records:
            yield (number, place), record
            place += HEAD_BYTES + len(record)
        if end < len(data):
            if segment != segments[-1] or _goes_on(data, end):
                raise DamagedError(
                    f"{segment.name} is damaged at byte {end}", hint="take the member's copy anew from another member"
                )
            os.truncate(segment, end)
        if segment == segments[-1]:
            with segment.open("rb") as file:
                os.fsync(file.fileno())


def read_from(folder: Path, place: Place) -> Iterator[tuple[Place, bytes]]:
    """The whole records of a journal from a place on, and where each stands; nothing is cut off."""
    first, offset = place
    for number, segment in enumerate(segments_of(folder)[first - 1 :], start=first):
        with segment.open("rb") as file:
            file.seek(offset)
            while len(head := file.read(HEAD_BYTES)) == HEAD_BYTES:
                data = head + file.read(int.from_bytes(head[:4], "big"))
                records, _ = whole_records(data)
                if not records:
                    return
                yield (number, offset), records[0]
                offset += len(data)
        offset = 0


def segments_of(folder: Path) -> list[Path]:
    """The files of a journal in their order."""
    return sorted(folder.glob("*.journal"))


def _goes_on(data: bytes, place: int) -> bool:
    """Whether a whole record stands behind the one at a place that is not whole."""
    end = place + HEAD_BYTES + int.from_bytes(data[place : place + 4], "big")
    return end < len(data) and bool(whole_records(memoryview(data)[end:])[0])


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _disk_error(path: Path, error: OSError) -> DiskError:
    return DiskError(f"{path.name} could not be written: {error.strerror}", hint="make room, or look at the disk")
