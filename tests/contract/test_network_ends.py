"""The end of a log whose sequencer is gone in the midst of something: nothing that a mirror holds is left out, and its members go on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tidewaiter.cli.app import main
from tidewaiter.ledger.contracts import Role
from tidewaiter.network.bringing import level
from tidewaiter.network.founding import found, threshold
from tidewaiter.network.handing_in import Placed, Told
from tidewaiter.network.holding import checkpoint_of
from tidewaiter.network.local import LocalNetwork, Wanted

FIRST, SECOND = "record.example/1", "record.example/2"
MIRRORS = ("north", "south", "east")


@pytest.fixture(params=[MIRRORS], ids=["three"])
def net(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    with LocalNetwork(tmp_path_factory.mktemp("n")) as network:
        parts = {network.make(Wanted(label="log", part="sequencer", roles=(Role.PORT,))): "sequencer"}
        parts |= {
            network.make(
                Wanted(label=each, part="mirror", roles=(Role.CUSTOMS,), database="own" if each == "north" else "none")
            ): "mirror"
            for each in request.param
        }
        found(FIRST, parts, threshold("quorum", 2, list(request.param)), datetime.now(UTC))  # type: ignore[arg-type]
        network.start(*network.homes)
        yield network


def command(*words: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in words])
    assert not ended.value.code


def recorded(net: LocalNetwork, subject: str) -> Placed:
    """What became of a decision that north records on a consignment."""
    with net.operator("north") as operator:
        operator.keep_key(subject)
        (placed,) = operator.tell([Told(type="decided", subject=subject, label="d:1", facts={"state": "accepted"})])
    assert placed.refuse is None, placed.refuse
    return placed


def await_held(net: LocalNetwork, label: str, index: int | None) -> int:
    """How many entries of the first log a member holds, once an entry is among them."""
    assert index is not None
    for _ in range(1200):
        said = httpx.get(net.homes[label].config.address, trust_env=False).json()
        size = next(each["size"] for each in said["origins"] if each["origin"] == FIRST)
        if size > index:
            return int(size)
        time.sleep(0.05)
    raise AssertionError(f"{label} does not get entry {index}")


def handed_over(net: LocalNetwork, to: str, *at_hand: str) -> None:
    folders = [word for each in at_hand for word in ("--with", net.homes[each].folder)]
    command("node", "hand-over", net.homes[to].folder, "--to", SECOND, "--gone", *folders)


def ended_with(net: LocalNetwork, label: str) -> int:
    follows = net.homes[label].latest.charter.follows
    assert follows is not None
    return checkpoint_of(follows.closing).size


def goes_on(net: LocalNetwork) -> None:
    """What is recorded becomes final in the second log."""
    index = recorded(net, "a parcel of the second log").index
    assert index is not None
    assert checkpoint_of(net.await_final("north", index + 1)).origin == SECOND


def test_what_one_mirror_alone_holds_is_brought_to_the_others_and_is_in_the_end(net: LocalNetwork) -> None:
    net.await_final("east", (recorded(net, "parcel 1").index or 0) + 1)
    net.stop("south", "east")
    held = await_held(net, "north", recorded(net, "parcel 2").index)
    net.kill("log")
    net.start("south", "east")
    handed_over(net, "east", "north", "south")
    assert [ended_with(net, each) for each in MIRRORS] == [held] * 3
    goes_on(net)


@pytest.mark.parametrize("net", [(*MIRRORS, "west")], indirect=True, ids=["four"])
def test_who_was_away_at_the_end_of_a_log_is_brought_the_rest_and_takes_part_in_the_next(
    net: LocalNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    net.stop("east")
    held = await_held(net, "south", recorded(net, "parcel 1").index)
    net.kill("log")
    handed_over(net, "north", "south", "west")
    east, charter = net.homes["east"].folder, net.homes["north"].folder / "decisions" / "charter.json"
    with pytest.raises(SystemExit) as refused:
        main(["node", "join", str(east), str(charter)])
    assert refused.value.code == 1
    assert "start it first" in " ".join(capsys.readouterr().err.split())
    net.start("east")
    command("node", "join", east, charter)
    assert await_held(net, "east", held - 1) == held
    index = recorded(net, "parcel 2").index
    assert index is not None
    assert checkpoint_of(net.await_final("east", index + 1)).origin == SECOND


def test_an_end_behind_another_quorum_that_nobody_knows_to_be_final_is_cosigned_by_both(
    net: LocalNetwork, tmp_path: Path
) -> None:
    south = net.homes["south"]
    before = south.latest.charter
    following = south.keyring.next_cosigner().verifier.text
    policy = before.policy.replace(south.keyring.cosigner.verifier.text, following)
    statement, body = tmp_path / "statement.json", tmp_path / "body.json"
    body.write_text(json.dumps({"type": "quorum_changed", "origin": FIRST, "decision": 1, "policy": policy}))
    command("network", "statement", "write", body, "--out", statement)
    for each in ("north", "south"):
        command("network", "statement", "sign", statement, net.homes[each].folder)
    index = recorded(net, "parcel 1").index
    assert index is not None
    net.await_final("east", index + 1)
    net.stop("south", "east")
    command("network", "statement", "hand-in", statement, net.homes["north"].folder)
    await_held(net, "north", index + 2)
    net.kill("log")
    net.start("south", "east")
    handed_over(net, "east", "north", "south")
    latest = [net.homes[each].latest for each in MIRRORS]
    assert {each.charter.members["south"].key for each in latest} == {following}
    assert {each.charter.follows.settled for each in latest if each.charter.follows} == {b""}
    goes_on(net)


def test_mirrors_are_brought_what_others_hold_and_who_does_not_answer_is_left_out(net: LocalNetwork) -> None:
    net.stop("south", "east")
    held = await_held(net, "north", recorded(net, "parcel 1").index)
    net.kill("log")
    net.start("south")
    found = level(net.homes["north"].latest.standing)
    assert {name: each.size for name, each in found.items()} == {"north": held, "south": held}
