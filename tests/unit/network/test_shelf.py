"""The shelf of statements: who has signed may change until an entry in a log stands for the statement."""

from __future__ import annotations

from pathlib import Path

from tidewaiter.ledger.contracts.statements import MemberLeft, Statement
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.network.rules import Shelf

LEFT = Statement.of(MemberLeft(origin="record.example/1", decision=1, name="east"))
FIRST, SECOND = (SignerKey("submitter", KeyType.ED25519, bytes([number]) * 32) for number in (1, 2))


def test_more_signatures_take_the_place_of_fewer_and_are_there_after_a_restart(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    assert shelf.put(LEFT.signed(FIRST).data) == LEFT.commitment
    both = LEFT.signed(FIRST).signed(SECOND)
    shelf.put(both.data)
    assert shelf[LEFT.commitment] == both.data
    assert Shelf(tmp_path)[LEFT.commitment] == both.data
    assert [path.name for path in tmp_path.iterdir()] == [LEFT.commitment]


def test_a_statement_that_an_entry_stands_for_stays_as_it_is(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    first = LEFT.signed(FIRST).data
    shelf.put(first)
    shelf.hold([LEFT.commitment])
    shelf.put(LEFT.signed(SECOND).data)
    assert shelf[LEFT.commitment] == first
    assert Shelf(tmp_path)[LEFT.commitment] == first
