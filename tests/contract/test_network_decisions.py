"""What a member's operator decides with the others by commands: keys that follow, leaving, handing the log over; refusals and what is told then."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.cli.app import main
from tidewaiter.ledger.contracts import Role
from tidewaiter.network.founding import found, threshold
from tidewaiter.network.handing_in import Placed, Told
from tidewaiter.network.holding import checkpoint_of
from tidewaiter.network.home import Home
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.local import LocalError, LocalNetwork, Wanted

ORIGIN, NEXT, THIRD, FOURTH = (f"record.example/{number}" for number in (1, 2, 3, 4))
WITH_DATABASE = ("north", "south")
LABELS = ("log", "north", "south", "east")


@pytest.fixture(scope="module")
def net() -> Iterator[LocalNetwork]:
    folder = Path(tempfile.mkdtemp(prefix="tw-dec-"))
    try:
        with LocalNetwork(folder) as network:
            parts = {network.make(wanted(label)): "sequencer" if label == "log" else "mirror" for label in LABELS}
            found(ORIGIN, parts, threshold("quorum", 2, list(LABELS[1:])), datetime.now(UTC))  # type: ignore[arg-type]
            network.start(*LABELS)
            yield network
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wanted(label: str) -> Wanted:
    return Wanted(
        label=label, part="sequencer" if label == "log" else "mirror", database="own" if label in WITH_DATABASE else "none",
        roles=(Role.PORT,) if label == "log" else (Role.CUSTOMS,),
    )  # fmt: skip


class Commands:
    """Runs commands, and keeps what they printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object, code: int = 0) -> dict[str, Any]:
        self._capsys.readouterr()
        try:
            main([*(str(each) for each in words), "--json"])
        except SystemExit as left:
            said = self._capsys.readouterr()
            ended = left.code
        assert ended == code, f"{words}: {said.out} {said.err}"
        return json.loads(said.out) if said.out else {"said": " ".join(said.err.split())}


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(capsys)


def recorded(net: LocalNetwork, label: str, subject: str) -> Placed:
    """What became of a decision that a member records on a consignment."""
    with net.operator(label) as operator:
        operator.keep_key(subject)
        (placed,) = operator.tell([Told(type="decided", subject=subject, label="d:1", facts={"state": "accepted"})])
    assert placed.refuse is None, placed.refuse
    return placed


def copies(home: Home, to: Path, *names: str) -> list[Path]:
    to.mkdir(exist_ok=True)
    return [Path(shutil.copy(home.folder / "decisions" / name, to / name)) for name in names]


def test_a_key_to_submit_with_is_followed_by_another_without_anybody_else(net: LocalNetwork, command: Commands) -> None:
    home = net.homes["north"]
    old = submitter_number(next(home.keyring.submitters()))
    said = command("node", "rotate", home.folder)
    (step,) = said["steps"]
    assert step["state"].startswith("final as entry ")
    new = submitter_number(next(home.keyring.submitters()))
    assert new != old
    assert new in said["next"][0]
    assert json.loads(recorded(net, "north", "parcel 1").entry)["actor"] == new
    net.stop("north")
    net.start("north")
    assert json.loads(recorded(net, "north", "parcel 2").entry)["actor"] == new
    assert len(list((home.folder / "keys").glob("retired-submitter-*.key"))) == 1


def test_what_can_never_be_decided_is_refused_before_anything_is_written(
    net: LocalNetwork, command: Commands, tmp_path: Path
) -> None:
    home = net.homes["south"]
    assert "has no key deadbeef" in command("node", "rotate", home.folder, "--lost", "deadbeef", code=1)["said"]
    north = submitter_number(next(net.homes["north"].keyring.submitters()))
    assert "those that count are" in command("node", "rotate", home.folder, "--lost", north, code=1)["said"]
    assert "1 at least" in command("node", "quorum", home.folder, "--count", "0", code=2)["said"]
    said = command("node", "quorum", home.folder, "--count", "2", "--with", tmp_path, code=1)["said"]
    assert "is no member's folder" in said
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    for words in (
        ("node", "quorum", home.folder, "--count", "2", "--signed", tmp_path / "noise"),
        ("node", "countersign", home.folder, tmp_path / "noise"),
    ):
        assert f"at {tmp_path / 'noise'}" in command(*words, code=1)["said"]
    said = command("node", "leave", home.folder, "--policy", tmp_path / "noise", code=2)["said"]
    assert f"{tmp_path / 'noise'} is no policy" in said
    assert not (home.folder / "decisions").exists()


def test_what_a_member_cosigns_with_is_changed_by_the_quorum_and_counts(
    net: LocalNetwork, command: Commands, tmp_path: Path
) -> None:
    south, north = net.homes["south"], net.homes["north"]
    before = south.keyring.cosigner.verifier.text
    said = command("node", "rotate", south.folder, "--key", "cosigner", code=3)
    assert said["steps"][0]["state"] == "waiting"
    assert said["steps"][0]["signed by"] == "south"
    assert "1 spoke, not north, east; east, north could countersign" in said["next"][0]
    assert south.keyring.cosigner.verifier.text == before
    (copy,) = copies(south, tmp_path, "rotate-cosigner.json")
    (signed,) = command("node", "countersign", north.folder, copy)
    assert signed["by"] == "north"
    said = command("node", "rotate", south.folder, "--key", "cosigner", "--signed", copy)
    after = south.keyring.cosigner.verifier.text
    assert after != before
    assert said["next"][0] == f"south cosigns with {after} from now on"
    net.stop("east")  # with north alone there is no quorum: what becomes final now is cosigned with the new key
    placed = recorded(net, "north", "parcel 3")
    assert placed.index is not None
    net.await_final("south", placed.index + 1)
    net.start("east")
    net.await_final("east", placed.index + 1)


def test_what_was_decided_on_something_else_is_not_countersigned(
    net: LocalNetwork, command: Commands, tmp_path: Path
) -> None:
    body, file = tmp_path / "body.json", tmp_path / "old.json"
    body.write_text(json.dumps({"type": "member_left", "origin": ORIGIN, "decision": 1, "name": "south"}))
    main_ok("network", "statement", "write", body, "--out", file)
    said = command("node", "countersign", net.homes["north"].folder, file, code=1)
    assert "it is decision 1, and members have decided 1 times by now" in said["said"]


def test_who_does_not_count_is_sent_the_log_as_before(net: LocalNetwork, command: Commands) -> None:
    north = net.homes["north"]
    of = ("--of", "north", "--of", "south")
    said = command("node", "quorum", north.folder, "--count", 2, *of, "--with", net.homes["south"].folder)
    assert said["steps"][0]["says"] == "2 of north, south suffice"
    await_quorum(net, "south", 2)
    with net.operator("north") as operator:
        assert set(net.homes["north"].latest.standing.members) == set(LABELS)
        (placed,) = operator.tell([Told(type="held", subject="parcel 1", label="h:1")])
    assert placed.refuse is None
    net.await_final("east", (placed.index or 0) + 1)
    command("node", "quorum", north.folder, "--count", 2, "--with", net.homes["south"].folder)
    await_quorum(net, "south", 2)


def test_the_log_is_handed_over_and_goes_on(net: LocalNetwork, command: Commands, tmp_path: Path) -> None:
    log, north, south, east = (net.homes[each] for each in LABELS)
    with_all = ("--with", south.folder, "--with", east.folder)
    assert "cannot be reached" in command("node", "quorum", north.folder, "--count", 4, code=1)["said"]
    command("node", "quorum", north.folder, "--count", 3, *with_all)
    await_quorum(net, "south", 3)
    said = command("node", "hand-over", south.folder, "--to", NEXT, code=1)
    assert "which does not cosign that: the quorum is not met: quorum takes 3 of 3, 2 spoke, not south" in said["said"]
    said = command("node", "quorum", north.folder, "--count", 2, *with_all)
    assert said["steps"][0]["signed by"] == "east, north, south"
    await_quorum(net, "south", 2)
    said = command("node", "hand-over", south.folder, "--to", NEXT, code=1)
    assert "still runs the log" in said["said"]
    said = command("node", "hand-over", log.folder)
    assert said["log"] == ORIGIN
    said = command("node", "hand-over", south.folder, "--to", NEXT, code=3)
    assert said["steps"][0]["signed by"] == "south"
    assert "hand east, north copies" in said["next"][1]
    (closing,) = copies(south, tmp_path, "closing.note")
    command("node", "countersign", north.folder, closing)
    said = command("node", "hand-over", south.folder, "--to", NEXT, "--signed", closing, code=3)
    assert [each["state"] for each in said["steps"]] == ["waiting", "waiting"]
    for home in (log, north, east):
        main_ok("node", "join", home.folder, south.folder / "decisions" / "charter.json")
    signed = copies(south, tmp_path, "1-epoch.json", "2-quorum.json")
    command("node", "countersign", north.folder, *signed)
    again = ("node", "hand-over", south.folder, "--to", NEXT, "--signed", signed[0], "--signed", signed[1])
    assert [each["state"] for each in command(*again)["steps"]] == ["final as entry 0", "final as entry 2"]
    assert {each["state"] for each in command(*again)["steps"]} == {"done"}
    placed = recorded(net, "north", "parcel 4")
    note = net.await_final("north", (placed.index or 0) + 1)
    assert checkpoint_of(note).origin == NEXT
    standing = north.latest.standing
    assert standing.sequencer == "south"
    assert set(standing.read_policy.witnesses) == {"log", "north", "east"}


def await_quorum(net: LocalNetwork, label: str, count: int) -> None:
    """Return once a member counts so many."""
    until = time.monotonic() + 60
    while (policy := net.homes[label].latest.standing.read_policy).groups[policy.quorum].threshold != count:
        assert time.monotonic() < until, policy
        time.sleep(0.05)


def test_a_key_that_was_lost_is_followed_by_another_if_the_quorum_says_so(net: LocalNetwork, command: Commands) -> None:
    north = net.homes["north"]
    (key,) = north.keyring.submitters()
    net.stop("north")
    (north.folder / "keys" / f"submitter-{submitter_number(key)}.key").unlink()
    with pytest.raises(LocalError, match="--lost"):
        net.start("north")
    rotate = ("node", "rotate", north.folder, "--lost", submitter_number(key))
    said = command(*rotate, "--with", net.homes["log"].folder, code=3)
    assert "quorum takes 2 of 3, 1 spoke" in said["next"][0]
    others = [word for label in ("log", "east", "south") for word in ("--with", net.homes[label].folder)]
    said = command(*rotate, *others)
    (new,) = north.keyring.submitters()
    assert said["next"][0] == f"north submits with {submitter_number(new)} from now on"
    net.start("north")
    assert json.loads(recorded(net, "north", "parcel 6").entry)["actor"] == submitter_number(new)


def test_a_member_leaves_once_the_quorum_has_countersigned(
    net: LocalNetwork, command: Commands, tmp_path: Path
) -> None:
    east, north, log = (net.homes[each] for each in ("east", "north", "log"))
    assert "runs the log" in command("node", "leave", net.homes["south"].folder, code=1)["said"]
    said = command("node", "leave", east.folder, code=3)
    assert [each["state"] for each in said["steps"]] == ["waiting", "waiting"]
    signed = copies(east, tmp_path, "1-quorum.json", "2-leave.json")
    command("node", "countersign", north.folder, *signed)
    leave = ("node", "leave", east.folder, "--signed", signed[0], "--signed", signed[1])
    said = command(*leave, code=3)
    assert "2-leave.json: the quorum is not met: quorum takes 2 of 2, 1 spoke, not log" in said["next"][0]
    command("node", "countersign", log.folder, signed[1])
    said = command(*leave, code=3)
    assert "no member with a database" in said["next"][0]  # it keeps nothing itself; a member that does hands it in
    command("network", "statement", "hand-in", said["steps"][0]["file"], north.folder)
    said = command("node", "leave", east.folder, "--with", north.folder)
    assert [each["state"].partition(" ")[0] for each in said["steps"]] == ["done", "final"]
    assert "node stop" in said["next"][0]
    assert {each["state"] for each in command("node", "leave", east.folder)["steps"]} == {"done"}
    net.stop("east")
    placed = recorded(net, "north", "parcel 5")
    net.await_final("north", (placed.index or 0) + 1)
    assert set(north.latest.standing.read_policy.witnesses) == {"log", "north"}


def test_the_log_of_a_sequencer_that_is_gone_is_ended_by_its_mirrors(net: LocalNetwork, command: Commands) -> None:
    north, log = net.homes["north"], net.homes["log"]
    command("node", "quorum", north.folder, "--count", 1, "--with", log.folder)
    await_quorum(net, "north", 1)
    size = (recorded(net, "north", "parcel 7").index or 0) + 1
    net.await_final("north", size)
    net.await_final("log", size)
    net.kill("south")
    hand_over = ("node", "hand-over", north.folder, "--to", THIRD, "--with", log.folder)
    assert "does not answer" in command(*hand_over, code=1)["said"]
    said = command(*hand_over, "--gone")
    assert [each["state"] for each in said["steps"]] == ["final as entry 0", "final as entry 2"]
    net.start("south")
    main_ok("node", "join", net.homes["south"].folder, north.folder / "decisions" / "charter.json")
    net.pause("log")  # so that south alone makes it final: it counts since a decision that it only now catches up with
    try:
        placed = recorded(net, "north", "parcel 8")
        assert checkpoint_of(net.await_final("south", (placed.index or 0) + 1, 30)).origin == THIRD
    finally:
        net.resume("log")


def test_one_command_hands_the_log_over_where_all_folders_are_at_hand(net: LocalNetwork, command: Commands) -> None:
    log, south, north = (net.homes[each] for each in ("log", "south", "north"))
    net.await_final("log", 1)
    said = command("node", "hand-over", log.folder, "--to", FOURTH, "--with", north.folder, "--with", south.folder)
    assert [each["state"] for each in said["steps"]] == ["final as entry 0", "final as entry 2"]
    placed = recorded(net, "north", "parcel 9")
    assert checkpoint_of(net.await_final("south", (placed.index or 0) + 1)).origin == FOURTH


def main_ok(*words: object) -> None:
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in words])
    assert left.value.code == 0
