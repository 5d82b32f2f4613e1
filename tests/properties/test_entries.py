"""Entries that are read many at once are read as one by one, whatever was read before, and however they are spoilt."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.ledger import entries as reading
from tidewaiter.ledger.entries import WRITTEN_OUT_MAX, Entries, EntryReader
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf
from tidewaiter.ledger.verdict import LedgerError

ENCODE, DECODE = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Entries).decode
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
        together = Entries.of(each)
        assert list(together) == each
        assert list(DECODE(ENCODE(together))) == each
        assert len(together) == len(each)
        try:
            read = EntryReader().leaves(DECODE(ENCODE(together)))
        except LedgerError as error:
            read = error.place
        assert read == one_by_one(each)


texts = st.text(max_size=8) | st.sampled_from([',"commitment":"', ',"scope":"', '","type":"paid"}', '","facts":{'])
honest = st.builds(Leaf.entry, leaves).map(lambda entry: Entries.of([entry]).kinds[0])


@settings(max_examples=1500, deadline=None)
@given(
    st.lists(honest | st.tuples(texts, texts, texts), max_size=3), st.lists(st.integers(-1, 3), max_size=5), st.binary(max_size=6 * 48),
    st.booleans(),
)  # fmt: skip
def test_what_a_liar_writes_together_is_read_as_it_stands_or_refused(
    kinds: list[tuple[str, str, str]],
    which: list[int],
    numbers: bytes,
    is_of_length: bool,  # noqa: FBT001
) -> None:
    """Whatever is read is what each entry says that is written out; a liar may also say too much, or too little."""
    if is_of_length:
        numbers = (numbers + bytes(5 * 48))[: 48 * len(which)]
    entries = Entries(tuple(kinds), tuple(which), numbers)
    try:
        leaves = EntryReader().leaves(entries)
    except LedgerError:
        return
    assert [Leaf.parse(entry) for entry in entries] == leaves
    assert [Leaf.parse(entry) for entry in Entries(tuple(kinds), tuple(which), numbers).written] == leaves


def test_numbers_may_not_stand_where_a_kind_has_other_words() -> None:
    """A kind whose numbers would be facts: the entries are well written, and are not of that kind."""
    entry = (
        Leaf(actor="0a" * 16, at=0, commitment="0" * 64, facts={"a": "0" * 64}, scope="0" * 32, type="paid")
        .entry()
        .decode()
    )
    begin = entry.index('"a":"') + 5
    between, behind = '"},"scope":"', '","type":"paid"}'
    with pytest.raises(LedgerError):
        EntryReader().leaves(Entries(((entry[:begin], between, behind),), (0,), b"\x11" * 48))


def test_few_bytes_do_not_become_many() -> None:
    kind = Entries.of(
        [Leaf(actor="0a" * 16, at=0, commitment="b7" * 32, facts={}, scope="c1" * 16, type="paid").entry()]
    ).kinds[0]
    count = WRITTEN_OUT_MAX // 100
    with pytest.raises(LedgerError, match="written out"):
        EntryReader().leaves(Entries((kind,), (0,) * count, bytes(48 * count)))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "REMEMBERED", 10)
    reader = EntryReader()
    made = [
        Leaf(actor="0a" * 16, at=0, commitment="b7" * 32, facts={"share": share}, scope="c1" * 16, type="refunded")
        for share in range(100)
    ]
    assert reader.leaves([leaf.entry() for leaf in made]) == made
    assert len(reader._told) <= 10
