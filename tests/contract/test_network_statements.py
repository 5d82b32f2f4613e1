"""Statements as members of different organisations use them: one writes, each signs a copy, one gathers and hands in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidewaiter.cli.app import main
from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.contracts.statements import Statement
from tidewaiter.network.founding import found, threshold
from tidewaiter.network.home import Home
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.local import LocalNetwork, Wanted

LABELS = ("log", "north", "south")


def run(*words: object) -> int:
    try:
        main([str(each) for each in words])
    except SystemExit as left:
        return int(left.code or 0)
    return 0


def test_members_sign_copies_and_one_hands_the_statement_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = LocalNetwork(tmp_path / "n")
    roles = {"log": (Role.PORT,), "north": (Role.CUSTOMS,), "south": (Role.CUSTOMS,)}
    with network:
        parts = {
            network.make(
                Wanted(
                    label=each,
                    part="sequencer" if each == "log" else "mirror",
                    roles=roles[each],
                    database="own" if each == "north" else "none",
                )
            ): "sequencer" if each == "log" else "mirror"
            for each in LABELS
        }
        charter = found("record.example/1", parts, threshold("quorum", 2, ["north", "south"]), datetime.now(UTC))
        network.start(*LABELS)
        home: dict[str, Home] = network.homes
        body, first, second = tmp_path / "body.json", tmp_path / "north.json", tmp_path / "south.json"
        standing = charter.with_policy(threshold("quorum", 1, ["north", "south"]))
        content = {"policy": standing.policy, "decision": 1, "origin": charter.origin, "type": "quorum_changed"}
        body.write_text(json.dumps(content, indent=2))
        for file, label in ((first, "north"), (second, "south")):
            assert run("network", "statement", "write", body, "--out", file) == 0
            assert run("network", "statement", "sign", file, home[label].folder) == 0
        capsys.readouterr()
        assert run("network", "statement", "hand-in", first, home["north"].folder, "--json") == 3
        assert json.loads(capsys.readouterr().out)["refused"] == "statement.quorum"
        assert run("network", "statement", "gather", first, second) == 0
        numbers = {submitter_number(next(home[each].keyring.submitters())) for each in ("north", "south")}
        assert set(Statement.parse(first.read_bytes()).signatures) == numbers
        capsys.readouterr()
        assert run("network", "statement", "hand-in", first, home["north"].folder, "--json") == 0
        entry = json.loads(capsys.readouterr().out)["entry"]
        network.await_final("north", entry + 1)
        network.await_final("south", entry + 1)
        network.stop()
        network.start(
            *LABELS
        )  # each replays the journal with the signatures that counted, and not with those first handed in
        with network.operator("south") as operator:
            assert operator.status()["origins"][-1]["frozen"] == ""
            assert operator.checkpoint_size(charter.origin) > entry
        again = tmp_path / "again.json"
        again.write_bytes(first.read_bytes())
        assert run("network", "statement", "sign", again, home["north"].folder, "--key", "0" * 32) == 2


def test_signatures_on_another_statement_are_not_gathered(tmp_path: Path) -> None:
    files = []
    for name in ("east", "west"):
        body, file = tmp_path / f"{name}.body", tmp_path / f"{name}.json"
        body.write_text(json.dumps({"type": "member_left", "origin": "record.example/1", "decision": 1, "name": name}))
        assert run("network", "statement", "write", body, "--out", file) == 0
        files.append(file)
    before = files[0].read_bytes()
    assert run("network", "statement", "gather", *files) != 0
    assert files[0].read_bytes() == before
    assert run("network", "statement", "write", files[0], "--out", tmp_path / "x") == 2
