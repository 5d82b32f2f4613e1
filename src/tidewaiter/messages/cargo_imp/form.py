"""The form "cargo-imp"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from tidewaiter.messages.cargo_imp.read import locate, read
from tidewaiter.messages.faults import Fault, fault
from tidewaiter.messages.form import Reading, Record
from tidewaiter.messages.limits import RECORD_BYTES_MAX
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import LimitExceededError, MessageError

_CHUNK: Final = 1024 * 1024
_HEADER: Final = re.compile(rb"^(?:FWB|FHL|FFM)/[0-9]{1,2}[ \t]*\r?$", re.MULTILINE)
_LINES_BEFORE_MAX: Final = 40  # of a teletype envelope
_HOUSE: Final = re.compile(rb"^HBS/", re.MULTILINE)
_PARTY: Final = re.compile(rb"^(?:SHP|CNE)(?:/|[ \t]*\r?$)", re.MULTILINE)
_BOM: Final = b"\xef\xbb\xbf"


class CargoImpForm:
    """IATA Cargo-IMP: master waybill, house waybill, flight manifest."""

    name = "cargo-imp"
    title = "IATA Cargo-IMP texts FWB, FHL, FFM"
    media_types: tuple[str, ...] = ("text/plain",)

    def recognises(self, head: bytes) -> bool:
        """A line that says FWB, FHL or FFM and a version, at the beginning or after a teletype envelope."""
        plain = head.removeprefix(_BOM).lstrip()
        if plain[:1] in (b"<", b"{", b"["):
            return False
        return _HEADER.search(b"\n".join(plain.split(b"\n", _LINES_BEFORE_MAX)[:_LINES_BEFORE_MAX])) is not None

    def split(self, stream: BinaryIO) -> Iterator[Record]:
        """The messages in a text, in order; a message with several houses and their parties as one record each.

        Raises MessageError where no message begins.
        """
        position = 0
        for offset, message in _messages(stream):
            for within, body in _houses(message):
                position += 1
                yield Record(position, offset + within, body)
        if not position:
            words = "there is no message behind a line FWB, FHL or FFM with a version"
            raise MessageError(words, hint="Begin with FWB/17 or FHL/5.", place="line 1")

    def read(self, body: bytes) -> Reading:
        """One message's declaration, or findings. Never raises for bad data."""
        if len(body) > RECORD_BYTES_MAX:
            words = f"the message is larger than {RECORD_BYTES_MAX // 1024**2} MiB"
            return Reading(None, (fault(Fault.LIMIT, "", words),))
        try:
            text = body.removeprefix(_BOM).decode()
        except UnicodeDecodeError as error:
            words = f"the text is not UTF-8: byte 0x{body[error.start]:02X}"
            line_no = body.count(b"\n", 0, error.start) + 1
            return Reading(None, (fault(Fault.ENCODING, "", words, hint="Save it as UTF-8.", place=f"line {line_no}"),))
        return read(text)

    def write(self, declarations: Sequence[Declaration]) -> bytes:
        """The texts that these declarations were read from. Raises MessageError for what was not read from one.

        A waybill in text needs airports, rates and routing that a declaration does not hold.
        """
        return b"".join(self._written(declaration) for declaration in declarations)

    def locate(self, declaration: Declaration, pointer: str) -> str:
        """Line and segment of a canonical pointer."""
        return locate(declaration, pointer)

    def _written(self, declaration: Declaration) -> bytes:
        text = "\n".join(extra.value for extra in declaration.extras)
        body = "".join(f"{line}\r\n" for line in text.split("\n")).encode("utf-8", "surrogatepass")
        if self.read(body).declaration != declaration:
            raise MessageError(
                "only a declaration that was read from a Cargo-IMP text, and is as it was then, can be written as one",
                hint="Write it as cargo-xml.",
            )
        return body


def _messages(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each message with where it begins, from its first line to the next one's; what stands before the first is its envelope."""
    data, base, start = b"", 0, -1
    is_at_end = False
    while not is_at_end:
        chunk = stream.read(_CHUNK)
        is_at_end = not chunk
        data += chunk
        whole = len(data) if is_at_end else data.rfind(b"\n") + 1
        for found in _HEADER.finditer(data, 0, whole):
            if start < 0:
                start = 0
            elif found.start() > start and _HEADER.search(data, start, found.start()):
                yield base + start, data[start : found.start()][: RECORD_BYTES_MAX + 1]
                start = found.start()
        if start > 0:
            data, base, start = data[start:], base + start, 0
        if start < 0 and len(data) > RECORD_BYTES_MAX:
            hint = "Begin with FWB/17 or FHL/5."
            raise MessageError("no message begins in the first lines", hint=hint, place="line 1")
        if len(data) > 2 * RECORD_BYTES_MAX:
            hint = "Begin each waybill with a line of its own: FWB/17 or FHL/5."
            raise LimitExceededError("a message is too long to be a waybill", hint=hint, place=f"byte {base + 1}")
    if start >= 0 and data.strip():
        yield base + start, data[: RECORD_BYTES_MAX + 1]


def _houses(message: bytes) -> Iterator[tuple[int, bytes]]:
    """A house waybill message with several houses and their parties, as one message for each house."""
    begins = [found.start() for found in _HOUSE.finditer(message)]
    if len(begins) < 2 or not _PARTY.search(message):
        yield 0, message
        return
    head = message[: begins[0]]
    for begin, end in zip(begins, [*begins[1:], len(message)], strict=True):
        yield begin, head + message[begin:end]
