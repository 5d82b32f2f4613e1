"""The shelf of statements: who has signed may change until an entry in a log stands for the statement."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidewaiter.ledger.contracts.statements import MemberLeft, QuorumChanged, Statement
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.files import NO_FAILPOINTS
from tidewaiter.network.holding import Holding
from tidewaiter.network.home import Origin
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


def test_a_policy_that_members_came_back_to_is_shown_by_the_last_decision_in_the_log(tmp_path: Path) -> None:
    """A witness passes over decisions that are no later than the last it took up."""
    shelf = Shelf(tmp_path / "statements")
    holding = Holding(Origin(tmp_path), shelf, NO_FAILPOINTS)
    policies = ("two of three", "three of three", "two of three", "two of three")
    decided = [
        Statement.of(QuorumChanged(origin="record.example/1", decision=number, policy=policy)).signed(FIRST)
        for number, policy in enumerate(policies, start=1)
    ]
    for each in decided:
        shelf.put(each.data)
    with pytest.raises(LedgerError):
        holding.statement_of("two of three")
    shelf.hold(each.commitment for each in decided[:3])  # the fourth was refused
    assert holding.statement_of("two of three") == decided[2].data
    assert holding.statement_of("three of three") == decided[1].data
