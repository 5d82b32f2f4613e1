"""The state itself: marks, snapshots, and what is no snapshot."""

from __future__ import annotations

import msgspec
import pytest

from parties import Network, genesis, scope
from tidewaiter.cli.bench import contracts as bench
from tidewaiter.ledger.contracts import Applied, Contract, Refusal, State, apply
from tidewaiter.ledger.contracts.tree import BUCKETS, Tree
from tidewaiter.ledger.verdict import LedgerError


def busy() -> Network:
    network = Network()
    for on in ("a", "b", "c"):
        network.take("decided", "customs.north", on, state="accepted", assessed=1, debt="open")
        network.take("paid", "courier", on)
    network.take("permit_issued", "permits.north", "permit", until=network.at + 900_000)
    network.close()
    return network


def test_a_block_that_is_undone_leaves_nothing_behind() -> None:
    network = busy()
    state = network.state
    before = state.root(), state.snapshot()
    state.mark()
    network.take("released", "customs.north", "a")
    network.take("held", "customs.north", "b")
    network.take("permit_drawn", "customs.north", "c", permit=scope("permit"), share=1)
    network.take("moved", "courier", "new")
    network.close(500 * 86_400)
    assert state.root() != before[0]
    state.undo()
    assert (state.root(), state.snapshot()) == before
    # What was to be forgotten at the undone close is forgotten when its time does come.
    network.at = state.realm.clock
    network.close(400 * 86_400)
    assert set(state.scopes) == set()


def test_marks_are_one_at_a_time() -> None:
    state = busy().state
    for wrong in (state.undo, state.keep):
        with pytest.raises(LedgerError):
            wrong()
    state.mark()
    with pytest.raises(LedgerError):
        state.mark()
    state.keep()
    with pytest.raises(LedgerError):
        state.undo()


def test_what_is_kept_counts() -> None:
    network = busy()
    twin = State.restored(network.state.snapshot())
    network.state.mark()
    network.take("released", "customs.north", "a")
    network.state.keep()
    assert isinstance(apply(twin, network.log[-1][0]), Applied)
    assert twin.root() == network.state.root()


def test_what_is_no_snapshot_is_not_read() -> None:
    snapshot = busy().state.snapshot()
    spare = msgspec.msgpack.encode(["tidewaiter state v0", *msgspec.msgpack.decode(snapshot)[1:]])
    for wrong in (b"", b"\xc0", snapshot[:-1], snapshot + b"\0", spare, b"\x91" * 5000):
        with pytest.raises(LedgerError):
            State.restored(wrong)


def test_a_snapshot_that_was_altered_has_another_root() -> None:
    state = busy().state
    told = msgspec.msgpack.decode(state.snapshot())
    told[3][scope("a")][2] = 1
    altered = State.restored(msgspec.msgpack.encode(told, order="deterministic"))
    assert altered.root() != state.root()


def test_without_its_rules_a_state_takes_nothing_and_says_so() -> None:
    unknown = State.begin(genesis("00" * 32))
    answer = unknown.apply(Network().leaf("moved", "courier"))
    assert isinstance(answer, Refusal)
    assert answer.code == "rules.unknown"
    assert "00" * 32 in answer.why


def test_the_door_of_machines_answers_with_refusals_alone() -> None:
    network = Network()
    contract = Contract(network.state, {})
    assert contract.apply(network.leaf("moved", "courier")) is None
    refusal = contract.apply(network.leaf("released", "courier"))
    assert refusal is not None
    assert refusal.code == "actor.role"
    before = contract.root()
    contract.mark()
    assert contract.apply(network.leaf("moved", "courier")) is None
    contract.undo()
    assert contract.root() == before


def test_an_empty_tree_is_what_a_cleared_one_is() -> None:
    tree = Tree()
    empty = tree.root()
    tree.put(BUCKETS - 1, "x", b"1")
    assert tree.root() != empty
    tree.put(BUCKETS - 1, "x", None)
    assert tree.root() == empty


def test_the_measure_measures() -> None:
    report = bench.run(600)
    assert (report.entries, report.scopes) == (5400, 600)
    assert report.applied_per_second > 0
    assert bench.run(600).root == report.root
    assert bench.row(report)["entries"] == "5,400"
