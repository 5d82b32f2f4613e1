"""Where JSON declarations begin and end, in every layout, whole or broken, in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Iterator

import msgspec
import pytest

from tidewaiter.messages import json_split
from tidewaiter.messages.form import Record
from tidewaiter.messages.limits import RECORD_BYTES_MAX
from tidewaiter.model.errors import MessageError

A = b'{"functional_reference_id":"a","goods_items":[{"line_no":1,"sku":"}{\\"]["},{"line_no":2}]}'
B = b'{"functional_reference_id":"b"}'
C = b'{"functional_reference_id":"c"}'


def split(message: bytes) -> list[bytes]:
    """The bodies, having checked that each stands at its offset and is counted."""
    records = list(json_split.records(io.BytesIO(message)))
    for position, record in enumerate(records, 1):
        assert record.position == position
        assert message[record.offset : record.offset + len(record.body)] == record.body
    return [record.body for record in records]


@pytest.mark.parametrize(
    "message",
    [
        b"%s\n%s",
        b"\xef\xbb\xbf%s\n%s\n",
        b"\n\n%s\r\n\r\n%s\r\n",
        b"[%s,%s]",
        b"  [ %s ,\n %s ]\n ",
        b'{"declarations":[%s,%s]}',
        b'{ "$schema": "x", "declarations" : [ %s , %s ] } ',
        b"%s%s",
        b"%s  %s",
        b"[%s %s]",
    ],
)
def test_every_layout_gives_the_same_records(message: bytes) -> None:
    assert split(message % (A, B)) == [A, B]


def test_an_indented_object_may_follow_one_on_a_line() -> None:
    assert split(b'{}\n{\n  "submitter": {}\n}\n') == [b"{}", b'{\n  "submitter": {}\n}']


def test_indented_objects_in_a_row_are_followed() -> None:
    first, second = msgspec.json.format(A, indent=2), msgspec.json.format(B, indent=4)
    assert split(first + b"\n" + second + b"\n") == [first, second]


# what is broken in the middle, and the bodies that come of it
BROKEN = [
    (b'{"functional_reference_id":"x","sku":NaN}', 3),
    (b'{"functional_reference_id":"x","sku":"19" wide"}', 3),
    (b'{"functional_reference_id":"x","sku":"no end}', 3),
    (b'{"functional_reference_id":"x","sku":[1,2}', 3),
    (b'{"functional_reference_id":"x","sku":"\\ud800"}', 3),
    (b'{"functional_reference_id":"x","sku":"\xe9"}', 3),
    (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 3),
    (b"nan", 3),
    (b'"text"', 3),
    (b"12", 3),
]


@pytest.mark.parametrize(("broken", "count"), BROKEN)
@pytest.mark.parametrize("layout", [b"[%s,%s,%s]", b"%s\n%s\n%s\n", b'{"declarations":[%s,%s,%s]}'])
def test_a_broken_record_does_not_take_the_next_with_it(layout: bytes, broken: bytes, count: int) -> None:
    bodies = split(layout % (A, broken, B))
    assert len(bodies) == count
    assert bodies == [A, broken, B]


# message, how many records come first, a word in what is then said
UNFOLLOWABLE = [
    (b"", 0, "empty"),
    (b" \n ", 0, "empty"),
    (b"hello", 0, "begins with"),
    (b"[]", 0, "no declaration"),
    (b"[%s,%s" % (A, B), 2, "not closed"),
    (b'[%s,{"functional_reference_id":"b' % A, 2, "not closed"),
    (b'{"declarations":[%s' % A, 1, "not closed"),
    (b'{"declarations":[%s]' % A, 1, "closing }"),
    (b"[%s] %s" % (A, B), 1, "after the list"),
    (b'{"declarations":[%s],"sender":"x"}' % A, 1, "after the list"),
    (b'{"sender":"x","declarations":[%s]}' % A, 0, "sender"),
]


@pytest.mark.parametrize(("message", "count", "word"), UNFOLLOWABLE)
def test_what_cannot_be_followed_is_said_after_what_could(message: bytes, count: int, word: str) -> None:
    records = json_split.records(io.BytesIO(message))
    assert len([record for _, record in zip(range(count), records, strict=False)]) == count
    with pytest.raises(MessageError) as caught:
        next(records)
    assert word in caught.value.detail
    assert caught.value.hint
    assert caught.value.place.startswith("byte ")


class Dripping(io.RawIOBase):
    """A stream that gives a few bytes at a time, and never more than it is asked for."""

    def __init__(self, parts: Iterator[bytes], size: int) -> None:
        super().__init__()
        self._parts = parts
        self._size = size
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        while not self._waiting and (part := next(self._parts, None)):
            self._waiting = part
        given, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
        return given


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("layout", [b"[%s,%s,%s]", b"%s\n%s\n%s"])
def test_records_may_lie_across_any_number_of_reads(layout: bytes, size: int) -> None:
    stream = Dripping(iter([layout % (A, B, C)]), size)
    assert [record.body for record in json_split.records(stream)] == [A, B, C]  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", ["lines", "list"])
def test_a_long_message_is_never_held_as_a_whole(layout: str) -> None:
    count, padding = 400, b'{"functional_reference_id":"%d","sku":"' + b"x" * 50_000 + b'"}'

    def parts() -> Iterator[bytes]:
        yield b"[" if layout == "list" else b""
        for no in range(count):
            yield padding % no
            yield (b"," if no < count - 1 else b"]") if layout == "list" else b"\n"

    stream = Dripping((part for part in parts() if part), 60_000)
    largest = 0
    seen = 0
    for record in json_split.records(stream):  # type: ignore[arg-type]
        seen += 1
        largest = max(largest, len(record.body))
    assert seen == count
    assert largest < 51_000


@pytest.mark.parametrize("layout", [b"%s\n%s\n%s\n", b"[%s,%s,%s]"])
def test_a_record_beyond_the_limit_is_cut_and_the_next_is_read(layout: bytes) -> None:
    huge = b'{"functional_reference_id":"h","sku":"' + b"x" * (RECORD_BYTES_MAX + 2_000_000) + b'"}'
    records: list[Record] = list(json_split.records(io.BytesIO(layout % (A, huge, B))))
    assert [record.body for record in (records[0], records[2])] == [A, B]
    assert len(records[1].body) == RECORD_BYTES_MAX + 1


def test_the_decoder_still_says_where_a_value_ends() -> None:
    """Splitting is fast because of these words; without them it counts brackets, which is slower."""
    with pytest.raises(msgspec.DecodeError, match=r"trailing characters \(byte 10\)"):
        msgspec.json.decode(b'{"a":"b"},{', type=msgspec.Raw)
    with pytest.raises(msgspec.DecodeError, match="Input data was truncated"):
        msgspec.json.decode(b'{"a":"b"', type=msgspec.Raw)


@pytest.mark.parametrize("stray", [b"]", b"}", b":", b"]]", b"} ]"])
def test_a_stray_bracket_is_a_record_of_its_own_and_the_scan_goes_on(stray: bytes) -> None:
    indented = b'{\n "functional_reference_id": "a"\n}\n'
    bodies = split(indented + stray + b"\n" + indented)
    assert bodies[0] == bodies[-1] == indented.strip()
    assert b"".join(bodies[1:-1]).replace(b" ", b"") == stray.replace(b" ", b"")
