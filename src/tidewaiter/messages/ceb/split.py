"""A stream → the records of its messages, each in the message it stood in.

A message is one CEBnnnMessage, a batch of them below one root element, or an envelope of the electronic port with
one in base64 (`DxpMsg`, `DxpMsgSv`, or JSON with a `messageBody`). A record is handed on with what stands around all
of them, since none can be read without: the root element, who transmits, the signature.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO, Final

import msgspec

from tidewaiter.messages import limits, xml, xml_split
from tidewaiter.messages.ceb.tables import load
from tidewaiter.messages.form import Record
from tidewaiter.model.errors import LimitExceededError, MessageError

_MESSAGE: Final = re.compile(rb"CEB(\d{3})(?:Message)?")
_ENVELOPES: Final = frozenset({b"DxpMsg"})
_ROOT_TAG: Final = re.compile(rb"<(?:[\w.-]+:)?(CEB\d{3}(?:Message)?|DxpMsg)[\s/>]")
_CLOSERS: Final = {1: b"-->", 2: b"]]>", 3: b"?>"}
_OPENED, _CLOSED = 4, 5
_DEPTH_MAX: Final = 8  # objects around the body of a message in JSON
_WORDS: Final = "a CEBnnnMessage"
_DOCUMENTS: Final = xml_split.Documents(
    frozenset(),
    _ENVELOPES | {b"CEB%03d%b" % (number, word) for number in range(1000) for word in (b"Message", b"")},
    _WORDS,
)


def split(stream: BinaryIO) -> Iterator[Record]:
    """The records in order. Raises MessageError where the message cannot be followed."""
    position = 0
    for offset, message in _messages(stream):
        for own, body in _records(message):
            position += 1
            yield Record(position, offset + own, body)


def _messages(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each CEBnnnMessage with where it begins."""
    head = stream.read(xml_split.CHUNK)
    if head.lstrip(xml.UTF8_BOM + b" \t\r\n").startswith(b"{"):
        while len(head) <= limits.RECORD_BYTES_MAX and (more := stream.read(xml_split.CHUNK)):
            head += more
        yield 0, _from_json(head)
        return
    for record in xml_split.split(_Joined(head, stream), _DOCUMENTS):  # type: ignore[arg-type]
        found = _ROOT_TAG.search(record.body)
        if found and found[1] in _ENVELOPES:
            yield record.offset, _from_envelope(record.body)
        else:
            yield record.offset, record.body


class _Joined:
    """A stream of which the beginning was read already."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        """The beginning, then what the stream still has."""
        taken, self._head = self._head, b""
        return taken or self._stream.read(size)


def _records(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Each record of one message with where it begins; the message itself where no more than one can be told apart."""
    found = _ROOT_TAG.search(message)
    number = _MESSAGE.match(found[1]) if found else None
    known = load().messages.get(number[1].decode()) if number else None
    spans = list(_spans(message, known.record.encode())) if known else []
    if len(spans) < 2 or len(message) > limits.RECORD_BYTES_MAX:
        yield 0, message
        return
    before, after = message[: spans[0][0]], message[spans[-1][1] :]
    between = [message[spans[at][1] : spans[at + 1][0]] for at in range(len(spans) - 1)]
    rest = b"".join(text for text in between if text.strip()) + after
    if len(spans) > limits.CEB_RECORDS_MAX or len(before) + len(rest) > limits.CEB_AROUND_BYTES_MAX:
        raise LimitExceededError(
            f"the message has {len(spans)} records, and {len(before) + len(rest)} bytes around them; at most"
            f" {limits.CEB_RECORDS_MAX} and {limits.CEB_AROUND_BYTES_MAX} are read",
            hint="send fewer records in one message, and nothing but who transmits and the signature beside them",
            place="byte 1",
        )
    for start, end in spans:
        yield start, before + message[start:end] + rest


def _spans(message: bytes, name: bytes) -> Iterator[tuple[int, int]]:
    """Where each element of that name begins and ends; one that is not closed ends where the next begins."""
    pattern, at, opened = _pattern(name), 0, -1
    while found := pattern.search(message, at):
        at = found.end()
        if found.lastindex in _CLOSERS:
            end = message.find(_CLOSERS[found.lastindex], at)
            at = len(message) if end < 0 else end
        elif found.lastindex == _OPENED:
            if opened >= 0:
                yield opened, found.start()
            opened = found.start()
            if message[at - 2 : at] == b"/>":
                yield opened, at
                opened = -1
        elif opened >= 0:
            yield opened, at
            opened = -1


@lru_cache(maxsize=64)
def _pattern(name: bytes) -> re.Pattern[bytes]:
    """1-3 a comment, CDATA or instruction, 4 the start tag, 5 the end tag, with whatever prefix."""
    prefix, escaped = rb"(?:[\w.-]+:)?", re.escape(name)
    start = rb"(%b%b(?:\s[^<>]*+)?/?>)" % (prefix, escaped)
    return re.compile(rb"<(?:(!--)|(!\[CDATA\[)|(\?)|%b|(/%b%b\s*>))" % (start, prefix, escaped))


def _from_envelope(body: bytes) -> bytes:
    """The message within a DxpMsg."""
    root = xml.parse(body)
    texts = [each.text or "" for each in root.iter() if xml.local_name(each) == "Data"]
    if len(texts) != 1:
        raise MessageError(
            f"the envelope holds {len(texts) or 'no'} Data", hint="put one message in base64 into it", place="/DxpMsg"
        )
    return _decoded(texts[0], "/DxpMsg/Data")


def _from_json(body: bytes) -> bytes:
    """The message within an envelope in JSON: what `messageBody` holds as `data`, at whatever depth."""
    if len(body) > limits.RECORD_BYTES_MAX:
        words = f"the envelope is longer than {limits.RECORD_BYTES_MAX} bytes"
        raise LimitExceededError(words, hint="send fewer records", place="byte 1")
    try:
        content = msgspec.json.decode(body.removeprefix(xml.UTF8_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(
            f"the envelope is not JSON: {error}", hint="send it again in full", place="byte 1"
        ) from error
    found = _body(content, 0)
    if found is None:
        words = "the envelope has no messageBody with data"
        raise MessageError(words, hint=f"send {_WORDS} in it, in base64", place="/")
    return _decoded(found, "messageBody/data")


def _body(content: Any, depth: int) -> str | None:
    if not isinstance(content, dict) or depth > _DEPTH_MAX:
        return None
    body = content.get("messageBody")
    if isinstance(body, dict) and isinstance(body.get("data"), str):
        return str(body["data"])
    return next((text for each in content.values() if (text := _body(each, depth + 1)) is not None), None)


def _decoded(text: str, place: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MessageError(f"the message is not in base64: {error}", hint="encode it again", place=place) from error
