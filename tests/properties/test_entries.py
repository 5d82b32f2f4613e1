"""Entries that are read many at once are read as one by one, whatever was read before, and however they are spoilt."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.ledger import entries as reading
from tidewaiter.ledger.entries import EntryReader
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf
from tidewaiter.ledger.verdict import LedgerError

HEX = "0123456789abcdef"
TRICKY = (
    b'"', b",", b'","scope":"', b',"scope":"', b',"commitment":"', b"\\", b"{", b"}", b"\x00", b"\xff", b"A", b"0", b" ",
    b'","facts":{}', b'","type":"paid"}', "\u00e9".encode(),
)  # fmt: skip
leaves = st.builds(
    Leaf,
    actor=st.sampled_from(["0a" * 16, "b1" * 16]),
    at=st.integers(0, 3).map(lambda place: place * BUCKET_SECONDS),
    commitment=st.text(HEX, min_size=64, max_size=64),
    facts=st.dictionaries(
        st.sampled_from(["debt", "scope", "commitment", "type"]),
        st.sampled_from(["open", 1, -7, ',"scope":"', '","type":"paid"}', "\\"]),
        max_size=2,
    ),
    scope=st.text(HEX, min_size=32, max_size=32),
    type=st.sampled_from(["paid", "decided", "scope"]),
)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """An entry with a piece of it cut out, doubled, or replaced by what might mislead a reader."""
    entry = draw(leaves).entry()
    begin = draw(st.integers(0, len(entry)))
    end = draw(st.integers(begin, min(len(entry), begin + draw(st.sampled_from([0, 1, 2, 32, 64, 400])))))
    put = draw(st.sampled_from([b"", *TRICKY]) | st.just(entry[begin:end] * 2) | st.binary(max_size=3))
    return entry[:begin] + put + entry[end:]


def one_by_one(entries: list[bytes]) -> list[Leaf] | str:
    """What is read so; or the place of the first that is none."""
    read = []
    for place, entry in enumerate(entries):
        try:
            read.append(Leaf.parse(entry))
        except LedgerError:
            return f"entries/{place}"
    return read


@settings(max_examples=1500, deadline=None)
@given(st.lists(leaves.map(Leaf.entry) | spoilt(), max_size=6), st.lists(leaves.map(Leaf.entry) | spoilt(), max_size=6))
def test_many_at_once_are_read_as_one_by_one(before: list[bytes], entries: list[bytes]) -> None:
    reader = EntryReader()
    for each in (before, entries):
        try:
            read: list[Leaf] | str = reader.leaves(each)
        except LedgerError as error:
            read = error.place
        assert read == one_by_one(each)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "REMEMBERED", 10)
    reader = EntryReader()
    made = [
        Leaf(actor="0a" * 16, at=0, commitment="b7" * 32, facts={"share": share}, scope="c1" * 16, type="refunded")
        for share in range(100)
    ]
    assert reader.leaves([leaf.entry() for leaf in made]) == made
    assert len(reader._forms) <= 10
