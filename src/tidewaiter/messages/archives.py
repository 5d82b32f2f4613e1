"""Gzip and zip, taken apart in bounded memory: each file within is a message of its own.

What is neither passes through unchanged. An archive within an archive is
refused. Names within an archive are labels: nothing is ever written to a path.
"""

from __future__ import annotations

import io
import itertools
import lzma
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, Protocol, cast

from msgspec import Struct

from tidewaiter.messages.characters import shown
from tidewaiter.messages.limits import (
    ARCHIVE_BYTES_MAX,
    ARCHIVE_DIRECTORY_BYTES_MAX,
    ARCHIVE_MEMBERS_MAX,
    ARCHIVE_RATIO_MAX,
)
from tidewaiter.model.errors import LimitExceededError, MessageError

HEAD_BYTES: Final = 64 * 1024
FREE_BYTES: Final = 1024 * 1024  # what may come out of any archive, however well it was compressed
SPOOL_BYTES: Final = 16 * 1024 * 1024  # a zip that cannot be sought is kept in memory up to here, beyond it on disk

GZIP: Final = b"\x1f\x8b"
ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_SEND_ALONE = "Unpack it and send the files in it."
_CUT_SHORT = "The file may have been damaged or cut short on its way; send it again."
_NOT_DATA = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|Thumbs\.db$)")  # left behind by file managers
_OFFICE = frozenset({"[Content_Types].xml", "mimetype"})


def is_archive(head: bytes) -> bool:
    """Whether a file that begins so is taken for a gzip or zip."""
    return head.startswith((GZIP, *ZIP))


class Member(Struct, frozen=True):
    """One message: a file by itself, or one within an archive.

    `name` is for people (`night.zip/part-1.xml`). `stream` is buffered and
    raises MessageError when the archive turns out to be damaged or a bomb.
    """

    name: str
    stream: io.BufferedReader

    def head(self) -> bytes:
        """The first bytes, up to 64 KiB, without using them up."""
        return self.stream.peek(HEAD_BYTES)[:HEAD_BYTES]


def members(stream: BinaryIO, name: str) -> Iterator[Member]:
    """The messages in a file, in order; each is to be read before the next is asked for.

    Raises MessageError where an archive as a whole cannot be followed. What is
    wrong with one member only is raised when that member is read.
    """
    outer = stream if isinstance(stream, io.BufferedReader) else _buffered(_Reads(stream.read))
    head = outer.peek(HEAD_BYTES)
    if head.startswith(GZIP):
        label = name[:-3] if name.lower().endswith(".gz") else name
        yield _member(label, _Gunzipped(outer, name))
    elif head.startswith(ZIP):
        yield from _of_zip(outer, name)
    else:
        yield Member(name, outer)


def _member(name: str, source: _Source) -> Member:
    """A member as a buffered stream; an archive within an archive raises when read."""
    unpacked = _buffered(_Reads(source.read))
    try:
        head = unpacked.peek(HEAD_BYTES)
    except MessageError as error:
        return Member(name, _buffered(_Raises(error)))
    if head.startswith((GZIP, *ZIP)) or head[257:262] == b"ustar":
        nested = MessageError("an archive within an archive is not read", hint=_SEND_ALONE, place=name)
        return Member(name, _buffered(_Raises(nested)))
    return Member(name, unpacked)


def _buffered(raw: io.RawIOBase) -> io.BufferedReader:
    return io.BufferedReader(raw, HEAD_BYTES)


class _Reads(io.RawIOBase):
    """A raw stream over a `read(count)`, which fills whatever buffer it is given as far as it can."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        super().__init__()
        self._read = read
        self._error: MessageError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._error:
            raise self._error
        view = memoryview(buffer).cast("B")
        filled = 0
        try:
            while filled < len(view) and (part := self._read(len(view) - filled)):
                view[filled : filled + len(part)] = part
                filled += len(part)
        except MessageError as error:
            if filled == 0:
                raise
            self._error = error  # what was unpacked before it is good, and handed on first
        return filled


class _Raises(io.RawIOBase):
    """A stream that cannot be read, and says why."""

    def __init__(self, error: MessageError) -> None:
        super().__init__()
        self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise self._error


class _Source(Protocol):
    """Something unpacked bit by bit."""

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; b"" at the end. Raises MessageError for what cannot be unpacked."""


class _Limits:
    """Counts what comes out of an archive and raises LimitExceededError beyond what is documented."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._total = 0

    def count(self, size: int, unpacked: int, packed: int) -> None:
        """Notes `size` more bytes, after which this member has `unpacked` bytes from `packed` ones."""
        self._total += size
        if unpacked > FREE_BYTES and unpacked > packed * ARCHIVE_RATIO_MAX:
            raise LimitExceededError(
                f"the archive unpacks to more than {ARCHIVE_RATIO_MAX} times its size",
                hint="Send it unpacked, or as several smaller archives.",
                place=self._place,
            )
        if self._total > ARCHIVE_BYTES_MAX:
            raise LimitExceededError(
                f"the archive unpacks to more than {ARCHIVE_BYTES_MAX // 1024**3} GiB",
                hint="Send it as several smaller archives.",
                place=self._place,
            )


# --- gzip (RFC 1952) ---------------------------------------------------------------------------------------------


class _Gunzipped:
    """The contents of a gzip stream: of its members one after another, as RFC 1952 has it."""

    def __init__(self, packed: BinaryIO, name: str) -> None:
        self._packed = packed
        self._name = name
        self._limits = _Limits(name)
        self._inflater = zlib.decompressobj(wbits=31)
        self._waiting = b""
        self._taken = 0
        self._given = 0

    def read(self, count: int) -> bytes:
        """Up to `count` unpacked bytes; b"" at the end."""
        while True:
            if self._inflater.eof:
                if not self._begins_another():
                    return b""
            elif not self._waiting:
                self._waiting = self._packed.read(HEAD_BYTES)
                self._taken += len(self._waiting)
                if not self._waiting:
                    raise MessageError("the gzip file ends too early", hint=_CUT_SHORT, place=self._name)
            data = self._inflated(count)
            if data:
                self._given += len(data)
                self._limits.count(len(data), self._given, self._taken)
                return data

    def _inflated(self, count: int) -> bytes:
        try:
            data = self._inflater.decompress(self._waiting, count)
        except zlib.error as error:
            raise MessageError(f"the gzip file is damaged: {error}", hint=_CUT_SHORT, place=self._name) from error
        self._waiting = self._inflater.unconsumed_tail
        return data

    def _begins_another(self) -> bool:
        """Whether a further gzip member follows; zeros after the last are padding."""
        rest = self._inflater.unused_data
        while not rest.strip(b"\x00") and (more := self._packed.read(HEAD_BYTES)):
            rest = more
            self._taken += len(more)
        rest = rest.lstrip(b"\x00")
        if not rest:
            return False
        if not rest.startswith(GZIP[:1]):
            raise MessageError("after the gzip data stands something else", hint=_CUT_SHORT, place=self._name)
        self._inflater = zlib.decompressobj(wbits=31)
        self._waiting = rest
        return True


# --- zip (APPNOTE.TXT 6.3) ---------------------------------------------------------------------------------------


def _of_zip(outer: io.BufferedReader, name: str) -> Iterator[Member]:
    with _seekable(outer) as file:
        _check_directory_size(file, name)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, RuntimeError, ValueError, OSError) as error:
            raise MessageError(f"the zip file is damaged: {error}", hint=_CUT_SHORT, place=name) from error
        with archive:
            wanted = _wanted(archive, name)
            limits = _Limits(name)
            for info in wanted:
                label = f"{name}/{shown(info.filename)}"
                if info.flag_bits & 0x1:
                    locked = MessageError("the file is encrypted", hint="Send it without a password.", place=label)
                    yield Member(label, _buffered(_Raises(locked)))
                else:
                    yield _member(label, _Unzipped(archive, info, label, limits))


def _wanted(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The files in the archive that may be messages. Raises MessageError for an archive that is a trap or no data."""
    infos = archive.infolist()
    if any(info.filename in _OFFICE for info in infos):
        words = "the file is an office document (spreadsheet or text), not data"
        raise MessageError(words, hint="Save the table as “CSV UTF-8” and send that.", place=name)
    wanted = [info for info in infos if not info.filename.endswith("/") and not _NOT_DATA.search(info.filename)]
    if not wanted:
        raise MessageError("the archive holds no file", hint="Put the messages into it.", place=name)
    by_offset = sorted(infos, key=lambda info: info.header_offset)
    for info, following in itertools.pairwise(by_offset):
        if info.header_offset + 30 + info.compress_size > following.header_offset:
            words = f"files in the archive overlap: {shown(info.filename)} and {shown(following.filename)}"
            raise MessageError(words, hint="Pack the files anew.", place=name)
    return wanted


def _seekable(outer: io.BufferedReader) -> BinaryIO:
    """The archive as a file that can be sought, as the directory of a zip stands at its end."""
    if outer.seekable():
        return cast(BinaryIO, _Unclosed(outer))
    spool = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115  the caller closes it
    while part := outer.read(HEAD_BYTES):
        spool.write(part)
    spool.seek(0)
    return cast(BinaryIO, spool)


class _Unclosed:
    """A file that belongs to someone else and is not to be closed by us."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Unclosed:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def close(self) -> None:
        """Leaves the file open."""


def _check_directory_size(file: BinaryIO, name: str) -> None:
    """Raises before a directory is loaded that would not fit: number of files and bytes are told at the file's end."""
    size = file.seek(0, io.SEEK_END)
    tail_at = max(0, size - 65_557)
    file.seek(tail_at)
    tail = file.read(65_557)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise MessageError("the zip file ends too early", hint=_CUT_SHORT, place=name)
    count, directory_bytes = struct.unpack_from("<HL", tail, at + 10)
    if at >= 20 and tail.startswith(b"PK\x06\x07", at - 20):
        (large_at,) = struct.unpack_from("<Q", tail, at - 12)
        file.seek(min(large_at, size))
        large = file.read(56)
        if len(large) == 56 and large.startswith(b"PK\x06\x06"):
            count, directory_bytes = struct.unpack_from("<QQ", large, 32)
    file.seek(0)
    if count > ARCHIVE_MEMBERS_MAX or directory_bytes > ARCHIVE_DIRECTORY_BYTES_MAX:
        words = f"the archive holds {count:,} files; at most {ARCHIVE_MEMBERS_MAX:,} are read"
        raise LimitExceededError(words, hint="Send it as several archives.", place=name)


class _Unzipped:
    """The contents of one file in a zip."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, label: str, limits: _Limits) -> None:
        self._archive = archive
        self._info = info
        self._label = label
        self._limits = limits
        self._given = 0
        self._file: Any = None

    def read(self, count: int) -> bytes:
        """Up to `count` unpacked bytes; b"" at the end."""
        if self._info.compress_type not in _METHODS:
            words = "the file is compressed in a way that is not read"
            raise MessageError(words, hint="Use deflate, the usual one.", place=self._label)
        try:
            if self._file is None:
                self._file = self._archive.open(self._info)
            data: bytes = self._file.read(count)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError, ValueError) as error:
            words = f"the file in the archive is damaged: {shown(str(error))}"
            raise MessageError(words, hint=_CUT_SHORT, place=self._label) from error
        except MemoryError as error:  # LZMA names the size of its window, of up to 4 GiB
            words = "the file in the archive wants more memory to unpack than it may have"
            raise MessageError(words, hint="Use deflate, the usual one.", place=self._label) from error
        self._given += len(data)
        self._limits.count(len(data), self._given, self._info.compress_size)
        return data
