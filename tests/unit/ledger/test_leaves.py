"""Entries of the record have one writing, and tell a quarter hour."""

from datetime import UTC, datetime

import pytest

from tidewaiter.ledger.jcs import canonicalized
from tidewaiter.ledger.leaves import FACTS_MAX, WHOLE_MAX, Leaf, bucket, key_number
from tidewaiter.ledger.verdict import LedgerError

LEAF = Leaf(
    actor="0a" * 16, at=1_795_833_000, commitment="b7" * 32, facts={"state": 'a"\\ z', "debt": "none", "share": -3},
    scope="c1" * 16, type="decided",
)  # fmt: skip


def test_an_entry_is_what_rfc_8785_writes_and_is_read_again() -> None:
    assert canonicalized(LEAF.entry()) == LEAF.entry()
    assert Leaf.parse(LEAF.entry()) == LEAF


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"actor"', b'{ "actor"'),
        (b'"type":"decided"}', b'"type":"decided","more":1}'),
        (b'"type":"decided"', b'"type":"Decided"'),
        (b"1795833000", b"1795833001"),
        (b"1795833000", b"-900"),
        (b"1795833000", b"1795833000.0"),
        (b'"share":-3', b'"share":-3e0'),
        (b'"share":-3', b'"share":9007199254740992'),
        (b'"share":-3', b'"share":true'),
        (b'"share":-3', b'"share":null'),
        (b'"share":-3', '"share":"ü"'.encode()),
        (b'"share":-3', b'"share":"a\\nb"'),
        (b'"share":-3', b'"debt":"open"'),
        (b'"debt":"none","share":-3', b'"share":-3,"debt":"none"'),
        (b'"none"', b'"\\u006eone"'),
        (b"c1c1", b"C1C1"),
        (b'"scope":"c1', b'"scope":"\\n1'),
    ],
)
def test_another_writing_is_refused(old: bytes, new: bytes) -> None:
    assert old in LEAF.entry()
    with pytest.raises(LedgerError):
        Leaf.parse(LEAF.entry().replace(old, new, 1))


def test_facts_are_few_and_whole() -> None:
    entry = LEAF.entry().replace(b'"share":-3', f'"share":{WHOLE_MAX}'.encode())
    assert Leaf.parse(entry).facts["share"] == WHOLE_MAX
    many = b"{" + b",".join(f'"f{place:02}":0'.encode() for place in range(FACTS_MAX + 1)) + b"}"
    with pytest.raises(LedgerError, match="length"):
        Leaf.parse(LEAF.entry().replace(b'{"debt":"none","share":-3,"state":"a\\"\\\\ z"}', many))


def test_a_moment_is_told_to_the_quarter_hour() -> None:
    assert bucket(datetime(2026, 11, 28, 2, 44, 59, 999, tzinfo=UTC)) == bucket(
        datetime(2026, 11, 28, 2, 30, tzinfo=UTC)
    )
    assert bucket(datetime(2026, 11, 28, 2, 45, tzinfo=UTC)) % 900 == 0


def test_a_key_is_named_by_its_hash() -> None:
    assert key_number(b"\x00" * 32) == "66687aadf862bd776c8fc18b8e9f8e20"  # sha256sum of 32 zero bytes begins so
