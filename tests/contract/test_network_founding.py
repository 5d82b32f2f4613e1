"""Founding a network as an operator does it, with what is easily got wrong: each refusal says what, where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidewaiter.cli.app import main

ORIGIN = "record.example/2026"


def run(*words: object) -> int:
    try:
        main([str(each) for each in words])
    except SystemExit as left:
        return int(left.code or 0)
    return 0


@pytest.fixture
def folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Path]:
    """Folders of a port and of customs, and the card of a courier whose folder is elsewhere."""
    found = {}
    for place, label in enumerate(("port", "customs", "courier")):
        found[label] = tmp_path / label
        words = ("--label", label, "--name", f"{label}.example", "--listen", f"127.0.0.1:{18_700 + place}")
        assert run("node", "init", found[label], *words) == 0
    capsys.readouterr()
    assert run("node", "card", found["courier"]) == 0
    found["courier"] = tmp_path / "courier.card"
    found["courier"].write_text(capsys.readouterr().out)
    found["cut"], found["noise"] = tmp_path / "cut", tmp_path / "noise"
    found["cut"].write_bytes(found["courier"].read_bytes()[:100])
    found["noise"].write_bytes(bytes(range(256)) * 400)
    return found


@pytest.mark.parametrize(
    ("members", "more", "code", "said"),
    [
        (("port", "customs"), ("--quorum", "1", "--witness", "custom"), 2, "custom: there is no such member"),
        (("port", "customs", "customs"), ("--quorum", "1"), 2, "two members have one label"),
        (("customs", "courier"), ("--quorum", "1"), 2, "the folder of port, which is to run the log"),
        (("port", "customs"), ("--quorum", "2"), 2, "2 of 1 members beside the sequencer are no quorum"),
        (("port", "customs", "cut"), ("--quorum", "1"), 1, "no member's card"),
        (("port", "customs", "noise"), ("--quorum", "1"), 1, "a card has 65536 bytes at most"),
    ],
)
def test_what_is_named_wrong_is_said_and_nothing_is_founded(
    folders: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    members: tuple[str, ...],
    more: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    out = folders["port"].parent / "charter.json"
    words = ("network", "found", ORIGIN, *(folders[each] for each in members), "--sequencer", "port", "--out", out)
    assert run(*words, *more) == code
    told = " ".join(capsys.readouterr().err.split())
    assert said in told
    assert code == 2 or f"at {folders[members[-1]]}" in told
    assert not out.exists()
    assert not list((folders["port"] / "keys").glob("log-*.key"))


def test_founding_that_went_wrong_on_the_way_is_done_again_and_a_log_is_founded_once(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere, out = folders["port"].parent / "nowhere/charter.json", folders["port"].parent / "charter.json"
    words = ("network", "found", ORIGIN, folders["port"], folders["courier"], folders["customs"], "--sequencer", "port")
    assert run(*words, "--quorum", "1", "--out", nowhere) == 1
    assert run(*words, "--quorum", "1", "--out", out) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "two quorums may have nobody in common" in told
    assert "with 2 it could not" in told
    assert run(*words, "--quorum", "2", "--out", out) == 1
    assert "port has founded “record.example/2026” already" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("file", ["cut", "noise", "courier"])
def test_what_is_no_charter_is_said_with_its_name(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str], file: str
) -> None:
    assert run("node", "join", folders["customs"], folders[file]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "this is no charter" in told
    assert f"at {folders[file]}" in told


def test_nobody_has_the_sequencers_role(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--label", "port", "--name", "port.example", "--roles", "sequencer")
    assert run("node", "init", tmp_path / "port", *words) == 1
    assert "the charter names who runs the log" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "port").exists()
