"""What a witness, which replays nothing, takes from statements: whose keys count, and who suffices."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.contracts.statements import KeyRotated, QuorumChanged, Statement
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.wire import written_base64
from tidewaiter.network.files import NO_FAILPOINTS
from tidewaiter.network.founding import found, threshold
from tidewaiter.network.home import Home, MemberConfig
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.witness_side import WitnessSide

ORIGIN = "record.example/1"
LABELS = ("log", "north", "south", "zone")
FOLLOWING = SignerKey("submitter", KeyType.ED25519, bytes(32))


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Home]:
    made = {
        each: Home.make(tmp_path / each, MemberConfig(label=each, name=f"{each}.example", roles=(Role.CUSTOMS,)))
        for each in LABELS
    }
    parts = {made[each]: {"log": "sequencer", "zone": "witness"}.get(each, "mirror") for each in LABELS}
    found(ORIGIN, parts, threshold("quorum", 2, list(LABELS[1:])), datetime.now(UTC))  # type: ignore[arg-type]
    return made


def witness(homes: dict[str, Home]) -> WitnessSide:
    return WitnessSide(homes["zone"].latest, homes["zone"].keyring.cosigner, NO_FAILPOINTS)


def key(homes: dict[str, Home], label: str) -> SignerKey:
    return next(homes[label].keyring.submitters())


def rotation(homes: dict[str, Home], *by: SignerKey, decision: int = 0) -> bytes:
    new = written_base64(FOLLOWING.verifier.public)
    body = KeyRotated(origin=ORIGIN, old=submitter_number(key(homes, "north")), new=new, decision=decision)
    statement = Statement.of(body)
    for each in by:
        statement = statement.signed(each)
    return statement.data


def lowered(homes: dict[str, Home], *by: SignerKey) -> bytes:
    policy = homes["zone"].latest.charter.policy.replace("group quorum 2", "group quorum 1")
    statement = Statement.of(QuorumChanged(origin=ORIGIN, decision=1, policy=policy))
    for each in by:
        statement = statement.signed(each)
    return statement.data


def test_a_key_that_followed_counts_and_the_one_before_no_more_also_after_a_restart(homes: dict[str, Home]) -> None:
    side, north, south = witness(homes), key(homes, "north"), key(homes, "south")
    assert "1 spoke" in side.take_statement(lowered(homes, FOLLOWING, south))
    assert side.take_statement(rotation(homes, north, FOLLOWING)) == ""
    assert "1 spoke" in side.take_statement(lowered(homes, north, south))
    again = witness(homes)
    assert again.take_statement(rotation(homes, north, FOLLOWING)) == ""
    assert again.take_statement(lowered(homes, FOLLOWING, south)) == ""
    assert "group quorum 1" in witness(homes).charter.policy


def test_a_key_is_followed_by_its_own_word_or_the_quorums_and_by_one_that_somebody_has(homes: dict[str, Home]) -> None:
    side, north, south, zone = witness(homes), *(key(homes, each) for each in ("north", "south", "zone"))
    assert side.take_statement(rotation(homes, north)) == "the new key has not signed"
    assert side.take_statement(rotation(homes, FOLLOWING)) == "it is not signed by the old key"
    assert side.take_statement(rotation(homes, FOLLOWING, south, zone)) == "it is not signed by the old key"
    assert "1 spoke" in side.take_statement(rotation(homes, FOLLOWING, south, decision=1))
    assert side.charter == homes["zone"].latest.charter
    assert side.take_statement(rotation(homes, FOLLOWING, south, zone, decision=1)) == ""
    assert side.charter.members["north"].submitters[0] == FOLLOWING.verifier.public
