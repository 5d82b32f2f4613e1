"""Statements: who may change members, keys, quorum, rules and origins, and what counts afterwards."""

from __future__ import annotations

import hashlib

import pytest
from msgspec import structs

from parties import BEGAN, ORIGIN, Network, genesis, number, policy, public, scope, signer
from tidewaiter.ledger.contracts import VERSION_1, Applied, Refusal, Role, RuleSet, State
from tidewaiter.ledger.contracts.ruling import Case, rule
from tidewaiter.ledger.contracts.statements import (
    EpochClosed,
    KeyRegistered,
    KeyRotated,
    MemberJoined,
    MemberLeft,
    QuorumChanged,
    RulesChanged,
    Statement,
)
from tidewaiter.ledger.jcs import canonical_json
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import written_base64

NORTH, SOUTH = "customs.north", "customs.south"
UNTIL = BEGAN + 90 * 86_400


@rule("movement.weekday", "moved", "Move it on another day.", "a rule that only this test has")
def _weekday(case: Case) -> str:
    """Nothing is moved in this quarter of an hour."""
    return "it is this quarter of an hour" if case.leaf.at == BEGAN else ""


VERSION_2 = RuleSet(2, VERSION_1.before, (*VERSION_1.within, _weekday))


@pytest.fixture
def network() -> Network:
    return Network()


def text(name: str) -> str:
    return written_base64(public(name))


def joined(decision: int = 1, name: str = "post", key: str = "post") -> MemberJoined:
    return MemberJoined(origin=ORIGIN, decision=decision, name=name, roles=(Role.CARRIER,), key=text(key))


def taken(answer: Applied | Refusal) -> None:
    assert isinstance(answer, Applied), answer


def code(answer: Applied | Refusal) -> str:
    assert isinstance(answer, Refusal)
    return answer.code


def test_a_member_joins_when_the_quorum_signs(network: Network) -> None:
    assert network.refused("moved", "post") == "actor.known"
    assert code(network.say(joined(), NORTH, "post")) == "statement.quorum"
    assert code(network.say(joined(), "market", "zone", "port", "post")) == "statement.quorum"
    assert code(network.say(joined(), NORTH, SOUTH)) == "key.new"
    taken(network.say(joined(), NORTH, SOUTH, "post"))
    network.take("moved", "post")
    assert code(network.say(joined(), NORTH, SOUTH, "post")) == "key.new"
    assert network.replayed().root() == network.state.root()


def test_no_quorum_takes_nobody(network: Network) -> None:
    text = policy(NORTH, SOUTH).replace("quorum members", "quorum none")
    changed = QuorumChanged(origin=ORIGIN, decision=1, policy=text)
    facts = {"policy": hashlib.sha256(text.encode()).hexdigest()}
    answer = network.say(changed, NORTH, SOUTH, **facts)
    assert code(answer) == "quorum.reachable"
    assert isinstance(answer, Refusal)
    assert "nobody has to sign" in answer.why


def test_a_decision_counts_once_and_knows_the_one_before(network: Network) -> None:
    taken(network.say(joined(), NORTH, SOUTH, "post"))
    left = MemberLeft(origin=ORIGIN, decision=2, name="post")
    assert code(network.say(joined(1, "post.two", "two"), NORTH, SOUTH, "two")) == "statement.decision"
    assert code(network.say(joined(3, "post.two", "two"), NORTH, SOUTH, "two")) == "statement.decision"
    taken(network.say(left, NORTH, SOUTH))
    assert network.refused("moved", "post") == "actor.live"
    assert code(network.say(left, NORTH, SOUTH)) == "statement.decision"
    assert code(network.say(joined(3), NORTH, SOUTH, "post")) == "key.new"
    taken(network.say(joined(3, key="another"), NORTH, SOUTH, "another"))
    network.take("moved", "another")


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (joined(name="courier"), "member.joins"), (joined(name="seal"), "member.joins"), (joined(name="A b"), "member.joins"),
        (structs.replace(joined(), roles=()), "member.joins"),
        (structs.replace(joined(), roles=(Role.SEQUENCER,)), "member.joins"), (structs.replace(joined(), origin="other"), "statement.bound"),
        (structs.replace(joined(), key="A" * 43 + "="), "key.new"),
        (MemberLeft(origin=ORIGIN, decision=1, name="nobody"), "member.leaves"),
        (MemberLeft(origin=ORIGIN, decision=0, name="market"), "statement.quorum"),
    ],
)  # fmt: skip
def test_what_no_quorum_can_decide(network: Network, body: MemberJoined | MemberLeft, refused: str) -> None:
    signers = (NORTH, SOUTH, "post") if isinstance(body, MemberJoined) else (NORTH, SOUTH)
    before = network.state.snapshot()
    assert code(network.say(body, *signers)) == refused
    assert network.state.snapshot() == before


def test_no_change_leaves_a_quorum_out_of_reach(network: Network) -> None:
    def change(policy: str, decision: int) -> Applied | Refusal:
        told = hashlib.sha256(policy.encode()).hexdigest()
        return network.say(QuorumChanged(origin=ORIGIN, decision=decision, policy=policy), NORTH, SOUTH, policy=told)

    assert code(change(policy(NORTH, "nobody"), 1)) == "quorum.reachable"
    assert code(change("quorum nobody\n", 1)) == "quorum.reachable"
    stranger = change(policy(NORTH, SOUTH, "stranger"), 1)  # the members suffice, and yet
    assert isinstance(stranger, Refusal)
    assert (stranger.code, "counts on stranger" in stranger.why) == ("quorum.reachable", True)
    taken(change(policy(NORTH, SOUTH, "market", threshold=3), 1))
    assert code(network.say(joined(2), NORTH, SOUTH, "post")) == "statement.quorum"
    gone = MemberLeft(origin=ORIGIN, decision=2, name="market")
    assert code(network.say(gone, NORTH, SOUTH, "market")) == "quorum.reachable"
    taken(network.say(joined(2), NORTH, SOUTH, "market", "post"))
    other = QuorumChanged(origin=ORIGIN, decision=3, policy=policy(NORTH, SOUTH))
    assert code(network.say(other, NORTH, SOUTH, "market", policy="00" * 32)) == "quorum.reachable"


def test_an_empty_quorum_still_takes_a_member() -> None:
    alone = Network(State.begin(structs.replace(genesis(), policy="quorum none\n")))
    assert code(alone.say(joined(), "post")) == "statement.quorum"
    taken(alone.say(joined(), "market", "post"))


def test_a_key_is_followed_by_another_one(network: Network) -> None:
    turn = KeyRotated(origin=ORIGIN, old=number("courier"), new=text("courier two"))
    assert code(network.say(turn, "courier two", "market", by="market")) == "key.rotated"
    assert code(network.say(turn, "courier", by="market")) == "key.new"
    network.take("held", NORTH)
    taken(network.say(turn, "courier", "courier two"))
    assert network.refused("moved", "courier") == "actor.live"
    network.take("moved", "courier two")
    assert code(network.say(turn, "courier", "courier two", by="market")) in ("key.new", "statement.signed")
    assert network.state.submitters[number("courier")] == public("courier")


def test_who_follows_lifts_what_went_before(network: Network) -> None:
    network.take("held", "permits.north")
    turn = KeyRotated(origin=ORIGIN, old=number("permits.north"), new=text("permits two"))
    taken(network.say(turn, "permits.north", "permits two"))
    network.take("hold_lifted", "permits two")


def test_a_stolen_key_is_ended_by_the_quorum(network: Network) -> None:
    ended = KeyRotated(origin=ORIGIN, old=number("courier"), decision=1)
    assert code(network.say(ended, NORTH, by="market")) == "statement.quorum"
    assert code(network.say(structs.replace(ended, decision=0), NORTH, by="market")) == "key.rotated"
    taken(network.say(ended, NORTH, SOUTH, by="market"))
    assert network.refused("moved", "courier") == "actor.live"
    assert code(network.say(joined(2), NORTH, "courier", "post", by="market")) == "statement.signed"
    log = KeyRotated(origin=ORIGIN, old=network.state.realm.sequencer, new=text("thief"), decision=2)
    assert code(network.say(log, NORTH, SOUTH, "thief", by="market")) == "key.rotated"


def test_a_member_registers_further_keys_within_its_roles(network: Network) -> None:
    wide = KeyRegistered(
        origin=ORIGIN, key=text("desk"), roles=(Role.CARRIER, Role.CUSTOMS), until=UNTIL, member="courier"
    )
    narrow = structs.replace(wide, roles=(Role.CARRIER,))
    assert code(network.say(wide, "courier", "desk")) == "key.vouched"
    assert code(network.say(narrow, NORTH, "desk")) == "key.vouched"
    taken(network.say(narrow, "courier", "desk"))
    network.take("moved", "desk")
    assert network.refused("paid", "desk") == "actor.role"
    network.at = UNTIL
    assert network.refused("moved", "desk") == "actor.live"


def test_an_authority_vouches_for_a_key_that_names_nobody(network: Network) -> None:
    body = KeyRegistered(origin=ORIGIN, key=text("pseudonym"), roles=(Role.CARRIER,), until=UNTIL)
    assert code(network.say(body, "courier", "pseudonym")) == "key.vouched"
    assert code(network.say(structs.replace(body, roles=(Role.CUSTOMS,)), NORTH, "pseudonym")) == "key.vouched"
    assert code(network.say(structs.replace(body, until=BEGAN), NORTH, "pseudonym")) == "key.vouched"
    assert code(network.say(structs.replace(body, until=UNTIL + 1), NORTH, "pseudonym")) == "key.vouched"
    taken(network.say(body, NORTH, "pseudonym"))
    key = network.state.keys[number("pseudonym")]
    assert (key.member, key.by, key.party) == ("", NORTH, number("pseudonym"))
    network.take("moved", "pseudonym")
    ended = KeyRotated(origin=ORIGIN, old=number("pseudonym"))
    assert code(network.say(ended, SOUTH)) == "key.rotated"
    taken(network.say(ended, NORTH))
    assert network.refused("moved", "pseudonym") == "actor.live"


def test_other_rules_apply_from_the_position_they_were_signed_for(network: Network) -> None:
    network = Network(State.begin(genesis(), (VERSION_1, VERSION_2)))
    old = State.begin(genesis())
    facts: dict[str, str | int] = {"rules": VERSION_2.hash, "position": 3}
    body = RulesChanged(origin=ORIGIN, decision=1, rules=VERSION_2.hash, position=3)
    assert code(network.say(body, NORTH, SOUTH, rules=VERSION_1.hash, position=3)) == "rules.ahead"
    late = structs.replace(body, position=1)
    assert code(network.say(late, NORTH, SOUTH, rules=VERSION_2.hash, position=1)) == "rules.ahead"
    taken(network.say(body, NORTH, SOUTH, **facts))
    network.take("moved", "courier")
    network.take("moved", "courier")
    assert network.refused("moved", "courier") == "movement.weekday"
    network.at += 900
    network.take("moved", "courier")
    assert network.state.realm.rules == VERSION_2.hash
    for leaf, statement in network.log[:3]:
        taken(old.apply(leaf, statement))
    stopped = old.apply(network.log[3][0])
    assert isinstance(stopped, Refusal)
    assert stopped.code == "rules.unknown"
    assert VERSION_2.hash in stopped.why
    fresh = State.begin(genesis(), (VERSION_1, VERSION_2))
    for leaf, statement in network.log:
        taken(fresh.apply(leaf, statement))
    assert fresh.root() == network.state.root()


def test_an_origin_goes_on_in_the_next(network: Network) -> None:
    network.take("decided", NORTH, state="accepted", assessed=1, debt="none")
    paid = network.take("paid", "courier")
    network.close()
    root, state = b"\x07" * 32, network.state.root().hex()
    size = network.state.size
    following = Network(network.state.following("network.example/2028", root))
    body = EpochClosed(
        origin="network.example/2028", decision=1, closed=ORIGIN, size=size, root=root.hex(), state=state,
        key=text("sequencer two"),
    )  # fmt: skip
    assert following.refused("moved", "courier") == "epoch.first"
    for wrong in ({"size": size + 1}, {"root": "00" * 32}, {"state": "00" * 32}, {"closed": "x"}):
        answer = following.say(structs.replace(body, **wrong), NORTH, SOUTH, "sequencer two")
        assert code(answer) == "epoch.follows"
    assert code(following.say(body, NORTH, "sequencer two")) == "statement.quorum"
    taken(following.say(body, NORTH, SOUTH, "sequencer two"))
    assert code(following.say(body, NORTH, SOUTH, "sequencer two")) == "epoch.first"
    assert following.take("refunded", NORTH, share=5) == size + 1
    assert following.state.scopes[scope("parcel")].payments == ((paid, 5),)
    assert code(following.close()) == "actor.live"
    leaf = following.leaf("state", "sequencer two", root=following.state.root().hex())
    taken(following.apply(leaf))
    with pytest.raises(LedgerError, match="another one"):
        following.state.following("network.example/2028", root)


def test_a_signature_that_does_not_hold_spoils_the_statement(network: Network) -> None:
    good = Statement.of(joined())
    for name in (NORTH, SOUTH, "post"):
        good = good.signed(signer(name))
    forged = structs.replace(good, signatures={**good.signatures, number("courier"): good.signatures[number(NORTH)]})
    assert code(network.state_it(forged)) == "statement.signed"
    other = Statement.of(joined(name="another"))
    assert code(network.state_it(structs.replace(good, body=other.body))) == "statement.signed"
    stranger = good.signed(signer("stranger"))
    assert code(network.state_it(stranger)) == "statement.signed"
    parts = [Statement.of(joined()).signed(signer(n)) for n in (NORTH, SOUTH, "post")]
    taken(network.state_it(parts[0].merged(parts[1:])))
    with pytest.raises(LedgerError, match="another statement"):
        good.merged([other])


def test_an_entry_without_its_statement_is_refused(network: Network) -> None:
    statement = Statement.of(joined()).signed(signer(NORTH)).signed(signer(SOUTH)).signed(signer("post"))
    leaf = Leaf(
        actor=number("courier"),
        at=BEGAN,
        commitment=statement.commitment,
        facts={},
        scope=scope("g"),
        type="member_joined",
    )
    other = Statement.of(joined(name="other")).data
    for data in (None, b"", b"{}", other, statement.data + b" ", b"[" * 100_000):
        assert code(network.apply(leaf, data)) == "statement.bound"
    assert code(network.apply(structs.replace(leaf, type="member_left"), statement.data)) == "statement.bound"
    taken(network.apply(leaf, statement.data))


@pytest.mark.parametrize(
    "body",
    [
        {"type": "member_joined"}, {"type": "unknown", "origin": "x"},
        {"type": "member_left", "origin": "x", "decision": 1, "name": "y", "more": 1},
        {"type": "member_left", "origin": "x", "decision": -1, "name": "y"},
    ],
)  # fmt: skip
def test_what_is_no_statement_is_not_read(body: dict[str, object]) -> None:
    with pytest.raises(LedgerError):
        Statement.parse(canonical_json({"body": body, "signatures": {}}))


def test_a_statement_reads_as_it_was_written() -> None:
    statement = Statement.of(joined()).signed(signer(NORTH))
    assert Statement.parse(statement.data) == statement
    assert statement.said == joined()


def test_no_network_begins_without_members_and_keys() -> None:
    for wrong in (
        structs.replace(genesis(), founders=()), structs.replace(genesis(), at=1), structs.replace(genesis(), policy="x"),
        structs.replace(genesis(), founders=genesis().founders * 2), structs.replace(genesis(), origin=""),
        structs.replace(genesis(), founders=(structs.replace(genesis().founders[0], roles=(Role.SEQUENCER,)),)),
        structs.replace(genesis(), sequencer=genesis().founders[0].public), structs.replace(genesis(), sequencer=b"short"),
    ):  # fmt: skip
        with pytest.raises(LedgerError):
            State.begin(wrong)
