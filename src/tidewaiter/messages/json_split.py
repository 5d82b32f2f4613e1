"""Where one JSON declaration ends and the next begins, in a stream of any length (RFC 8259, JSON Lines).

Four layouts are followed: JSON Lines; a list of declarations; an object whose
member `declarations` is such a list; and declarations one after another,
however they are indented. Only the part of the message at hand is in memory.

A declaration that is not well-formed must not take the next one with it. The
strict decoder says where a well-formed value ends; where it cannot, brackets
are counted with an eye for strings; where that fails too, the scan goes on at
the next thing that begins as the first declaration did.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

import msgspec

from tidewaiter.messages.form import Record
from tidewaiter.messages.limits import RECORD_BYTES_MAX
from tidewaiter.messages.shape import elements
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import MessageError

CHUNK_BYTES = 1024 * 1024
HEAD_BYTES = 64 * 1024
LIST_MEMBER = "declarations"
BOM = b"\xef\xbb\xbf"

_HINT = "Send one declaration a line (JSON Lines), a list of declarations, or {“declarations”: [ … ]}."
_SPACE = b" \t\r\n"
_NOT_SPACE = re.compile(rb"[^ \t\r\n]")
_NOT_SEPARATOR = re.compile(rb"[^ \t\r\n,]")
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(")?|[{}\[\]]', re.DOTALL)
_SCALAR_END = re.compile(rb"[,\]}\n]")
_NAME = re.compile(rb'\s*("(?:[^"\\]|\\.)*+")\s*:\s*')
_FIRST_NAME = re.compile(rb'\{\s*"([^"\\]*+)"\s*:')
_LONE_BRACE = re.compile(rb"^[ \t]*\{[ \t\r]*$", re.MULTILINE)  # an indented declaration begins
_LIST_NAME = b'"declarations"'
# The decoder's own words; should they change, brackets are counted instead, which is slower and no less right.
_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_TRUNCATED = "Input data was truncated"
_VALUE = msgspec.json.Decoder(msgspec.Raw)


def records(stream: BinaryIO) -> Iterator[Record]:
    """The declarations of a JSON message in order. Raises MessageError where it cannot be followed further."""
    window = Window(stream)
    window.grow_to(HEAD_BYTES)
    window.skip(len(BOM) if window.data.startswith(BOM) else 0)
    first = window.next_byte(_NOT_SPACE)
    if first == b"":
        raise MessageError("the message is empty", hint=_HINT, place="byte 0")
    if first == b"[":
        window.skip(1)
        yield from _listed(window, is_enclosed=False)
    elif first == b"{":
        yield from _of_objects(window)
    else:
        raise MessageError(
            f"a JSON message begins with {{ or [, this one with {window.data[window.at : window.at + 20]!r}",
            hint=_HINT,
            place=f"byte {window.offset}",
        )


class Window:
    """The part of a stream at hand: `data[at:]` is what has not been used yet."""

    def __init__(self, stream: BinaryIO) -> None:
        # One read at a time, so that an archive's damage takes nothing with it that was read before.
        self._read = getattr(stream, "read1", stream.read)
        self._error: MessageError | None = None
        self.data = b""
        self.at = 0
        self.is_at_end = False
        self._base = 0

    @property
    def offset(self) -> int:
        """Where `data[at]` lies in the message, bytes from 0."""
        return self._base + self.at

    @property
    def waiting(self) -> int:
        """How many bytes are at hand and unused."""
        return len(self.data) - self.at

    def grow(self) -> bool:
        """Reads on, at least doubling what is at hand so that long values stay cheap; false at the end."""
        if self.is_at_end:
            return False
        wanted = max(CHUNK_BYTES, self.waiting)
        parts = [self.data[self.at :]]
        try:
            while wanted > 0 and (part := self._read(wanted)):
                parts.append(part)
                wanted -= len(part)
        except MessageError as error:
            if self._error or len(parts) == 1:
                raise
            self._error, wanted = error, 0  # what came before it is handed on first
        self.is_at_end = wanted > 0
        self._base += self.at
        self.at = 0
        self.data = b"".join(parts)
        return len(parts) > 1

    def grow_to(self, count: int) -> None:
        """Reads until `count` bytes are at hand or the message ends."""
        while self.waiting < count and self.grow():
            pass

    def skip(self, count: int) -> None:
        """Moves on by `count` bytes."""
        self.at += count

    def next_byte(self, wanted: re.Pattern[bytes]) -> bytes:
        """Moves to the next byte that matches and returns it; b"" at the end of the message."""
        while True:
            found = wanted.search(self.data, self.at)
            if found:
                self.at = found.start()
                return found.group()
            self.at = len(self.data)
            if not self.grow():
                return b""


# --- layouts -----------------------------------------------------------------------------------------------------


def _of_objects(window: Window) -> Iterator[Record]:
    """The message begins with an object: JSON Lines, the object with the list, or objects in a row."""
    if _finds_list(window):
        yield from _listed(window, is_enclosed=True)
    elif _is_lines(window):
        yield from _lines(window)
    else:
        yield from _in_a_row(window)


def _finds_list(window: Window) -> bool:
    """Moves just behind the `[` of the member `declarations` when the message is an object with one."""
    data = window.data
    at = window.at + 1
    strangers: list[bytes] = []
    while found := _NAME.match(data, at):
        value_at = found.end()
        if found[1] == _LIST_NAME and data[value_at : value_at + 1] == b"[":
            _refuse_beside_list(strangers, window.offset)
            window.at = value_at + 1
            return True
        strangers.append(found[1])
        end = _value_end(memoryview(data)[value_at:])
        if end is None:
            return False
        at = value_at + end
        separator = _NOT_SPACE.search(data, at)
        if separator is None or separator.group() != b",":
            return False
        at = separator.end()
    return False


def _refuse_beside_list(names: list[bytes], offset: int) -> None:
    """Raises MessageError for members that no declaration would carry on, so that nothing is dropped unseen."""
    strangers = [name.decode("utf-8", "replace") for name in names if name != b'"$schema"']
    if strangers:
        raise MessageError(
            f"beside the list “{LIST_MEMBER}” stands {', '.join(strangers[:5])}, which belongs to no declaration",
            hint="Leave it out, or put it into each declaration it is true of.",
            place=f"byte {offset}",
        )


def _is_lines(window: Window) -> bool:
    """True when each line is a declaration: the first line is whole, or plainly broken rather than indented."""
    head = window.data[window.at : window.at + HEAD_BYTES]
    line, newline, rest = head.partition(b"\n")
    end = _value_end(line) or _brackets_end(line)
    if end is not None:
        return not line[end:].strip(_SPACE) and not _LONE_BRACE.search(rest)
    if not newline:
        return True
    # An indented object never goes on with another "{" after anything but an opening or a comma.
    return rest.lstrip(_SPACE).startswith(b"{") and not line.rstrip(_SPACE).endswith((b"[", b",", b":", b"{"))


def _lines(window: Window) -> Iterator[Record]:
    """JSON Lines: whatever stands between two line ends is one declaration."""
    position = 0
    while True:
        end = window.data.rfind(b"\n", window.at)
        if end >= 0:
            offset = window.offset
            for line in window.data[window.at : end].split(b"\n"):
                if body := line.strip(_SPACE):
                    position += 1
                    yield Record(position, offset + line.find(body[:1]), body[: RECORD_BYTES_MAX + 1])
                offset += len(line) + 1
            window.at = end + 1
        elif window.waiting > RECORD_BYTES_MAX:
            position += 1
            yield Record(position, window.offset, window.data[window.at : window.at + RECORD_BYTES_MAX + 1])
            _skip_line(window)
        if not window.grow():
            break
    rest = window.data[window.at :]
    if body := rest.strip(_SPACE):
        yield Record(position + 1, window.offset + rest.find(body[:1]), body[: RECORD_BYTES_MAX + 1])


def _skip_line(window: Window) -> None:
    """Moves behind the next line end without keeping what is passed over."""
    while (end := window.data.find(b"\n", window.at)) < 0:
        window.at = len(window.data)
        if not window.grow():
            return
    window.at = end + 1


def _listed(window: Window, *, is_enclosed: bool) -> Iterator[Record]:
    """The members of a list whose `[` has been read, then nothing but its `]` (and the `}` it is enclosed in)."""
    position = 0
    scan = _Scan(window)
    while (byte := window.next_byte(_NOT_SEPARATOR)) != b"]":
        if byte == b"":
            raise MessageError(
                f"the list of declarations is not closed: the message ends after declaration {position}",
                hint="The file may have been cut short; send it again. The declarations before this place were read.",
                place=f"byte {window.offset}",
            )
        position += 1
        yield scan.record(position)
    window.skip(1)
    if position == 0:
        raise MessageError("the list holds no declaration", hint=_HINT, place=f"byte {window.offset}")
    _expect_end(window, is_enclosed=is_enclosed)


def _expect_end(window: Window, *, is_enclosed: bool) -> None:
    byte = window.next_byte(_NOT_SPACE)
    if is_enclosed and byte == b"}":
        window.skip(1)
        byte = window.next_byte(_NOT_SPACE)
    elif is_enclosed and byte == b"":
        raise MessageError(
            "the message ends before its closing }",
            hint="The file may have been cut short; the declarations in it were read.",
            place=f"byte {window.offset}",
        )
    if byte:
        raise MessageError(
            f"after the list of declarations stands {window.data[window.at : window.at + 40]!r}",
            hint="Put nothing but the list into the message.",
            place=f"byte {window.offset}",
        )


def _in_a_row(window: Window) -> Iterator[Record]:
    """Objects one after another, over any number of lines."""
    position = 0
    scan = _Scan(window)
    while window.next_byte(_NOT_SEPARATOR):
        position += 1
        yield scan.record(position)


# --- one value ---------------------------------------------------------------------------------------------------


class _Scan:
    """Takes one value after another off a window, whatever state they are in."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._marker: re.Pattern[bytes] | None = None

    def record(self, position: int) -> Record:
        """The value that begins at the window's place, and moves behind it."""
        window = self._window
        if self._marker is None:
            self._marker = _marker(window.data, window.at)
        while (end := self._end()) is None and window.waiting <= RECORD_BYTES_MAX and window.grow():
            pass
        offset = window.offset
        # Without an end the message stops, or the limit is passed, inside this value.
        length = window.waiting if end is None else end
        body = window.data[window.at : window.at + min(length, RECORD_BYTES_MAX + 1)]
        window.skip(length)
        if end is None:
            self._skip_to_next()
        return Record(position, offset, body.rstrip(_SPACE))

    def _end(self) -> int | None:
        """How long the value is; None when more must be read to tell."""
        window = self._window
        view = memoryview(window.data)[window.at :]
        if view[0] not in b'{["':
            found = _SCALAR_END.search(view, 1)  # a stray bracket is a value of its own
            return found.start() if found else None
        try:
            return _value_end_or_raise(view)
        except (msgspec.DecodeError, RecursionError) as error:
            is_cut = str(error) == _TRUNCATED and not window.is_at_end and window.waiting <= RECORD_BYTES_MAX
        ends = [_brackets_end(view), None if is_cut else self._next_marked()]
        return min((end for end in ends if end is not None), default=None)

    def _next_marked(self) -> int | None:
        """How far it is to the next thing that begins as the first declaration did."""
        if self._marker is None:
            return None
        found = self._marker.search(self._window.data, self._window.at + 1)
        return found.start() + 1 - self._window.at if found else None

    def _skip_to_next(self) -> None:
        """Passes over the rest of a value that is larger than the limit, keeping none of it."""
        window = self._window
        while window.grow():
            end = self._next_marked()
            if end is not None:
                window.skip(end)
                return
            # A marker may lie across two chunks.
            window.at = max(window.at, len(window.data) - HEAD_BYTES)
        window.at = len(window.data)


def _marker(data: bytes, at: int) -> re.Pattern[bytes] | None:
    """What the beginning of a further declaration looks like: `}`, perhaps a comma, `{` and the same first name.

    None where that name also occurs deeper in a declaration and would mislead.
    """
    found = _FIRST_NAME.match(data, at)
    if found is None or found[1].decode("utf-8", "replace") not in _names_at_top_only():
        return None
    return re.compile(rb"\}(?=\s*,?\s*\{\s*\"" + re.escape(found[1]) + rb"\"\s*:)")


@cache
def _names_at_top_only() -> frozenset[str]:
    deeper: set[str] = set()
    waiting = [element.group for element in elements(Declaration).values() if element.group]
    while waiting:
        inner = elements(waiting.pop())
        deeper |= inner.keys()
        waiting += [element.group for element in inner.values() if element.group]
    return frozenset(elements(Declaration).keys() - deeper)


def _value_end(view: memoryview | bytes) -> int | None:
    """How long the well-formed value at the beginning is; None when it is not whole or not well-formed."""
    try:
        return _value_end_or_raise(view)
    except (msgspec.DecodeError, RecursionError):
        return None


def _value_end_or_raise(view: memoryview | bytes) -> int:
    try:
        _VALUE.decode(view)
    except msgspec.DecodeError as error:
        found = _TRAILING.search(str(error))
        if found is None:
            raise
        return int(found[1]) - 1
    return len(view)


def _brackets_end(view: memoryview | bytes) -> int | None:
    """How long the value is by counting brackets outside strings, well-formed or not; None when not closed."""
    depth = 0
    for token in _TOKEN.finditer(view):
        byte = token.group()[:1]
        if byte in b"{[":
            depth += 1
        elif byte in b"}]":
            depth -= 1
            if depth <= 0:
                return token.end()
        elif token[1] is None:
            return None
    return None
