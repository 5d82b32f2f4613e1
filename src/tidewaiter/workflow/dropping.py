"""Messages taken from folders, as partners leave them by SFTP or a shared disk, and answered beside them.

    ROOT/<sender>/in/night.xml   → taken once it no longer grows
    ROOT/<sender>/out/night.xml.receipt.json
    ROOT/<sender>/done/2026-06-15/night.xml   the file, as it came

A file is moved only when its answer is written, and handed in again after a crash it gets the same answer: nothing is
lost or counted twice. What cannot be taken in at all goes to `refused`, with the reason in its answer.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
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


class Dropped(Struct, frozen=True):
    """A file that can be taken."""

    sender: str
    path: Path


class Taken(Struct, frozen=True, kw_only=True):
    """What became of a file. `reason` is "" where it was taken in."""

    sender: str
    file_name: str
    reason: str = ""


Submit = Callable[[Dropped, BinaryIO], object]  # hands one file in; its receipt


def prepare(root: Path, sender: str) -> None:
    """Make the folders of one sender."""
    for name in FOLDERS:
        (root / sender / name).mkdir(parents=True, exist_ok=True)


def waiting(root: Path, at: float, quiet_seconds: float = QUIET_SECONDS) -> Iterator[Dropped]:
    """The files that can be taken, each sender's oldest first; links, folders and files still growing are left alone."""
    for box in sorted(root.iterdir()):
        if not box.is_symlink():
            yield from waiting_in(box, at, quiet_seconds)


def waiting_in(box: Path, at: float, quiet_seconds: float = QUIET_SECONDS) -> Iterator[Dropped]:
    """The files of one sender that can be taken, the oldest first."""
    inbox = box / "in"
    if not inbox.is_dir() or inbox.is_symlink():
        return
    found = []
    for entry in os.scandir(inbox):
        status = entry.stat(follow_symlinks=False)
        is_whole = not entry.name.startswith(".") and not entry.name.lower().endswith(GROWING)
        if stat.S_ISREG(status.st_mode) and is_whole and at - status.st_mtime >= quiet_seconds:
            found.append((status.st_mtime, entry.name))
    for _, name in sorted(found):
        yield Dropped(box.name, inbox / name)


def take(dropped: Dropped, submit: Submit, on: date | None = None) -> Taken:
    """Hand a file in, write its answer beside, and put it away.

    Raises UnavailableError where it cannot be taken in now, and OSError: the file is then left where it is.
    """
    box = dropped.path.parent.parent
    reason = ""
    try:
        # Whoever may write here may have put a link in its place since it was looked at.
        with os.fdopen(os.open(dropped.path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            answer = canonical_bytes(submit(dropped, stream))
    except UnavailableError:
        raise
    except TidewaiterError as error:
        reason = error.detail
        answer = msgspec.json.encode(
            {"code": error.code, "detail": error.detail, "hint": error.hint, "place": error.place}
        )
    _write(box / "out" / (dropped.path.name + RECEIPT), answer)
    day = on or datetime.now(UTC).date()
    kept = box / ("refused" if reason else "done") / day.isoformat()
    kept.mkdir(parents=True, exist_ok=True)
    dropped.path.rename(_free(kept / dropped.path.name))
    return Taken(sender=dropped.sender, file_name=dropped.path.name, reason=reason)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: whoever fetches it never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meanwhile = path.with_name(f".{path.name}.part")
    with meanwhile.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    meanwhile.replace(path)


def _free(path: Path) -> Path:
    """The path, or one beside it where a file of that name was put away today before."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return free
