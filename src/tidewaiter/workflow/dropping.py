"""Messages taken from folders, as partners leave them by SFTP or a shared disk, and answered beside them.

    ROOT/<sender>/in/night.xml   → taken once it no longer grows
    ROOT/<sender>/out/night.xml.receipt.json
    ROOT/<sender>/done/2026-06-15/night.xml   the file, as it came

A file is moved only when its answer is written, and handed in again after a crash it gets the same answer: nothing is
lost or counted twice. What cannot be taken in at all goes to `refused`, with the reason in its answer; what cannot be
taken in now (the database does not answer) stays where it is.

Partners may write in these folders, so nothing here is reached through a link: folders are opened one within the other,
and what is in them by its name in the folder that was opened.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.errors import TidewaiterError, UnavailableError

QUIET_SECONDS: Final = 2.0  # a file not written to for so long is whole
GROWING: Final = (
    ".part",
    ".partial",
    ".filepart",
    ".tmp",
    ".temp",
    ".crdownload",
    ".swp",
)  # as clients name them meanwhile
FOLDERS: Final = ("in", "out", "done", "refused")
RECEIPT: Final = ".receipt.json"
NAME_BYTES_MAX: Final = 200  # of a file's name: what is added to it for its answer must have room, too
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class Dropped(Struct, frozen=True):
    """A file that can be taken."""

    sender: str
    path: Path

    @property
    def file_name(self) -> str:
        """Its name in characters that can be kept and shown, whatever the bytes are."""
        return os.fsencode(self.path.name).decode("utf-8", "replace")


class Taken(Struct, frozen=True, kw_only=True):
    """What became of a file. `reason` is "" where it was taken in."""

    sender: str
    file_name: str
    reason: str = ""


Submit = Callable[[Dropped, BinaryIO], object]  # hands one file in; its receipt
Trouble = Callable[[Path, OSError], None]  # is told of a folder that cannot be looked into


def prepare(root: Path, sender: str) -> None:
    """Make the folders of one sender."""
    for name in FOLDERS:
        (root / sender / name).mkdir(parents=True, exist_ok=True)


def waiting(
    root: Path, at: float, quiet_seconds: float = QUIET_SECONDS, trouble: Trouble = lambda _, __: None
) -> Iterator[Dropped]:
    """The files that can be taken, each sender's oldest first; links, folders and files still growing are left alone.

    A folder that cannot be looked into keeps nobody else waiting; `trouble` is told.
    """
    for box in sorted(root.iterdir()):
        try:
            found = [] if box.is_symlink() else waiting_in(box, at, quiet_seconds)
        except OSError as error:
            trouble(box / "in", error)
            continue
        yield from found


def waiting_in(box: Path, at: float, quiet_seconds: float = QUIET_SECONDS) -> list[Dropped]:
    """The files of one sender that can be taken, the oldest first. Raises OSError where its folder cannot be looked into."""
    inbox = box / "in"
    if not inbox.is_dir() or inbox.is_symlink():
        return []
    found = []
    for entry in os.scandir(inbox):
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # gone since the folder was read: its sender, or another process, took it
            continue
        is_whole = not entry.name.startswith(".") and not entry.name.lower().endswith(GROWING)
        if stat.S_ISREG(status.st_mode) and is_whole and status.st_mtime <= at - quiet_seconds:
            found.append((status.st_mtime, entry.name))
    return [Dropped(box.name, inbox / name) for _, name in sorted(found)]


def take(dropped: Dropped, submit: Submit, on: date | None = None) -> Taken:
    """Hand a file in, write its answer beside, and put it away.

    Raises UnavailableError where it cannot be handed in now, and OSError where it cannot be read or put away; it then
    stays where it is. So does a file that was changed or replaced meanwhile: it is taken again as it then is.
    """
    name = dropped.path.name
    if len(os.fsencode(name)) > NAME_BYTES_MAX:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    with ExitStack() as opened:
        box = opened.enter_context(_opened(dropped.path.parent.parent))
        inbox, out, done, refused = (opened.enter_context(_opened(each, box)) for each in FOLDERS)
        # Whoever may write here may have put a link or a pipe in its place since it was looked at.
        found = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=inbox)
        stream = opened.enter_context(os.fdopen(found, "rb"))
        before = os.fstat(found)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        reason, answer = _answered(dropped, submit, stream)
        _write(out, name + RECEIPT, answer)
        day = (on or datetime.now(UTC).date()).isoformat()
        kept = opened.enter_context(_opened(day, refused if reason else done))
        if _is_as_it_was(before, os.stat(name, dir_fd=inbox, follow_symlinks=False)):
            os.rename(name, _free(name, kept), src_dir_fd=inbox, dst_dir_fd=kept)
    return Taken(sender=dropped.sender, file_name=dropped.file_name, reason=reason)


def _answered(dropped: Dropped, submit: Submit, stream: BinaryIO) -> tuple[str, bytes]:
    """Why it was refused, "" where it was not; and the answer."""
    try:
        return "", canonical_bytes(submit(dropped, stream))
    except UnavailableError:
        raise  # nothing is wrong with the file
    except TidewaiterError as error:
        told = {"code": error.code, "detail": error.detail, "hint": error.hint, "place": error.place}
        return error.detail, msgspec.json.encode(told)


def _is_as_it_was(before: os.stat_result, now: os.stat_result) -> bool:
    return (before.st_ino, before.st_dev, before.st_size, before.st_mtime_ns) == (
        now.st_ino,
        now.st_dev,
        now.st_size,
        now.st_mtime_ns,
    )


@contextmanager
def _opened(name: str | Path, within: int | None = None) -> Iterator[int]:
    """A folder, made where there is none; one that is a link is not followed. Raises OSError."""
    try:
        folder = os.open(name, _FOLDER, dir_fd=within)
    except FileNotFoundError:
        os.mkdir(name, dir_fd=within)
        folder = os.open(name, _FOLDER, dir_fd=within)
    try:
        yield folder
    finally:
        os.close(folder)


def _write(folder: int, name: str, content: bytes) -> None:
    """Whole or not at all, and for good: whoever fetches it never sees half of it."""
    meanwhile = f".{name}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(meanwhile, flags, 0o666, dir_fd=folder), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(meanwhile, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def _free(name: str, folder: int) -> str:
    """The name, or one like it where a file of that name was put away today before."""
    there = set(os.listdir(folder))
    path, number, free = Path(name), 1, name
    while free in there:
        number += 1
        free = f"{path.stem} ({number}){path.suffix}"
    return free
