"""An interchange into records: one for each consignment (CNI) of each message, or one for a message without any.

A record holds what is needed to read it alone: the service string advice, UNB,
the message from UNH to its first consignment, and the consignment itself. Its
first line says where its segments stand in the message, and what is wrong with
the message as a whole: a message whose segments are not as many as it counts
is not to be trusted in any part.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from tidewaiter.messages.edifact.syntax import (
    ADVICE,
    ADVICE_BYTES,
    Segment,
    parsed,
    quoted,
    segments,
    separators_of,
    tag,
)
from tidewaiter.messages.form import Record
from tidewaiter.messages.json_split import BOM, HEAD_BYTES, Window
from tidewaiter.messages.limits import RECORD_BYTES_MAX
from tidewaiter.model.errors import LimitExceededError, MessageError

MARK: Final = b"#edifact "

_NOT_SPACE = re.compile(rb"[^ \t\r\n\x00]")
_HINT = "An interchange begins with UNA or UNB and ends with UNZ."
_CUT = "It may have been cut short; send it again. The messages before this place were read."


class Mark(Struct, array_like=True, frozen=True):
    """The first line of a record: how many segments stand before the consignment, where that begins (UNH is 1), faults."""

    header: int
    first: int
    faults: tuple[str, ...] = ()


def records(stream: BinaryIO) -> Iterator[Record]:
    """The consignments of one or more interchanges in order. Raises MessageError where they cannot be followed further."""
    window = Window(stream)
    window.grow_to(HEAD_BYTES)
    window.skip(len(BOM) if window.data.startswith(BOM) else 0)
    position = 0
    while window.next_byte(_NOT_SPACE):
        for record in _Interchange(window).records():
            position += 1
            yield msgspec.structs.replace(record, position=position)
    if position == 0:
        raise MessageError("the interchange holds no message", hint=_HINT, place="byte 0")


class _Interchange:
    """One interchange, from its UNA or UNB to its UNZ."""

    def __init__(self, window: Window) -> None:
        self._window = window
        head = window.data[window.at : window.at + ADVICE_BYTES]
        self._separators = separators_of(head)
        if head.startswith(ADVICE):
            window.skip(ADVICE_BYTES)
        self._header = b""
        self._messages = 0

    def records(self) -> Iterator[Record]:
        """The consignments, each with position 0."""
        message: list[tuple[int, bytes]] = []
        size = 0
        for offset, segment in segments(self._window, self._separators):
            name = tag(segment)
            if not self._header:
                self._begin(offset, name, segment)
            elif name in ("UNH", "UNZ", "UNE", "UNG"):
                if message:
                    yield from self._split(message, "the message has no UNT at its end")
                message, size = ([(offset, segment)], len(segment)) if name == "UNH" else ([], 0)
                if name == "UNZ":
                    self._end(offset, segment)
                    return
            elif name == "UNT" and message:
                yield from self._split(message, self._miscounted(message, segment))
                message, size = [], 0
            elif message:
                message.append((offset, segment))
                size += len(segment)
                self._refuse_above_limit(size, offset)
            else:
                words = f"segment {name} stands outside any message"
                raise MessageError(words, hint="A message begins with UNH.", place=f"byte {offset}")
        if message:
            yield from self._split(message, "the interchange ends within the message")
        raise MessageError(
            f"the interchange has no UNZ at its end; {self._messages} messages were read",
            hint=_CUT,
            place=f"byte {self._window.offset}",
        )

    def _begin(self, offset: int, name: str, segment: bytes) -> None:
        if name != "UNB":
            words = f"an interchange begins with UNB, this one with {quoted(segment[:20])}"
            raise MessageError(words, hint=_HINT, place=f"byte {offset}")
        self._header = segment

    def _end(self, offset: int, segment: bytes) -> None:
        counted = self._read(segment).value(1)
        if counted != str(self._messages) and counted.lstrip("0") != str(self._messages):
            words = f"UNZ counts “{counted[:20]}” messages, and {self._messages} are there"
            raise MessageError(words, hint=_CUT, place=f"byte {offset}")
        theirs, ours = self._read(segment).value(2), self._read(self._header).value(5)
        if theirs != ours:
            words = f"UNZ closes the interchange “{theirs[:20]}”, UNB opened “{ours[:20]}”"
            raise MessageError(words, hint="Two interchanges may have been mixed up.", place=f"byte {offset}")

    def _miscounted(self, message: list[tuple[int, bytes]], trailer: bytes) -> str:
        """What UNT says that is not so, "" for nothing."""
        end, begin = self._read(trailer), self._read(message[0][1])
        counted = end.value(1)
        if counted.lstrip("0") != str(len(message) + 1):
            return f"UNT counts “{counted[:20]}” segments, and {len(message) + 1} are there, UNH and UNT included"
        if end.value(2) != begin.value(1):
            return f"UNT closes the message “{end.value(2)[:20]}”, UNH opened “{begin.value(1)[:20]}”"
        return ""

    def _read(self, segment: bytes) -> Segment:
        try:
            return parsed(segment.decode("latin-1"), self._separators)
        except ValueError:
            return Segment(tag(segment), ())

    def _refuse_above_limit(self, size: int, offset: int) -> None:
        if size > RECORD_BYTES_MAX:
            words = f"a message is longer than {RECORD_BYTES_MAX // 1024**2} MiB"
            raise LimitExceededError(words, hint="Split it into several messages.", place=f"byte {offset}")

    def _split(self, message: list[tuple[int, bytes]], fault: str) -> Iterator[Record]:
        """The records of one message."""
        self._messages += 1
        starts = [at for at, (_, segment) in enumerate(message) if tag(segment) == "CNI"]
        shared = message[: starts[0]] if starts else message
        before = self._separators.advice + self._header + b"".join(segment for _, segment in shared)
        faults = (fault,) if fault else ()
        for start, end in itertools.pairwise([*starts, len(message)]):
            mark = msgspec.json.encode(Mark(len(shared), start + 1, faults))
            own = b"".join(segment for _, segment in message[start:end])
            yield Record(0, message[start][0], MARK + mark + b"\n" + before + own)
        if not starts:
            mark = msgspec.json.encode(Mark(len(shared), len(shared) + 1, faults))
            yield Record(0, message[0][0], MARK + mark + b"\n" + before)
