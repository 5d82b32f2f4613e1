"""A world as files: the same parcels in every form, the truth apart, and nothing half-made passes for whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.simulation.parameters import shipped
from tidewaiter.simulation.summary import Manifest
from tidewaiter.simulation.world import Size, World
from tidewaiter.workflow.simulating import (
    By,
    SimulationFolderError,
    declarations,
    opened,
    oracle_of,
    publish,
    truths,
    writable,
)  # fmt: skip


def make(folder: Path, form: str = "json", by: By = By.DAY) -> Manifest:
    world = World(Size(9, 2, 300), shipped(), is_noisy=True)
    return publish(world, writable(form), by, folder, lambda _: None)


@pytest.mark.parametrize("form", ["csv", "h7", "wco-dm", "ens", "ceb", "cargo-xml", "postal", "marketplace"])
def test_the_same_world_in_any_form(form: str, tmp_path: Path) -> None:
    manifest = make(tmp_path / form, form)
    assert manifest.parcels_digest == make(tmp_path / "json").parcels_digest
    assert sum(1 for _ in declarations(tmp_path / form)) == 300


def test_by_flight_each_file_holds_one_flight(tmp_path: Path) -> None:
    make(tmp_path / "w", by=By.FLIGHT)
    names = sorted(path.name for path in (tmp_path / "w" / "messages").iterdir())
    assert "2025-01-06-QX120-01.jsonl" in names


def test_two_runs_are_the_same_files(tmp_path: Path) -> None:
    make(tmp_path / "a")
    make(tmp_path / "b")
    for path in sorted((tmp_path / "a").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_the_truth_is_apart_and_the_oracle_knows_it(tmp_path: Path) -> None:
    manifest = make(tmp_path / "w")
    rows = list(truths(tmp_path / "w"))
    assert len(rows) == sum(tally.violative for tally in manifest.channels.values())
    found = oracle_of(tmp_path / "w").inspect(row["parcel"] for row in rows)
    assert any(each.outcome == "B1" for each in found)
    assert all(each.finding in ("", row["scheme"]) for each, row in zip(found, rows, strict=True))
    messages = b"".join(path.read_bytes() for path in (tmp_path / "w" / "messages").iterdir())
    assert not any(row["actor"].encode() in messages for row in rows)


def test_what_is_not_whole_or_was_changed_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "w")
    with pytest.raises(SimulationFolderError, match="not empty"):
        make(tmp_path / "w")
    with (tmp_path / "w" / "truth.csv").open("a") as file:
        file.write("\n")
    with pytest.raises(SimulationFolderError, match="was changed"):
        opened(tmp_path / "w")
    (tmp_path / "w" / "world.json").unlink()
    with pytest.raises(SimulationFolderError, match="no whole simulation"):
        opened(tmp_path / "w")
    with pytest.raises(SimulationFolderError, match="not written"):
        writable("edifact")


def test_an_experiment_is_told_by_plan(capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "simulate",
        "experiment",
        "--seeds",
        "3",
        "--weeks",
        "20",
        "--parcels",
        "200",
        "--plan",
        "random only",
        "--json",
    ]
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == output.EXIT_OK
    told = json.loads(capsys.readouterr().out)
    assert [row["plan"] for row in told["summary"]] == ["random only"]
    assert told["runs"]["random only"]["3"]["examined"] == 40


@pytest.mark.parametrize(
    "words",
    [["--seeds", "3-"], ["--seeds", "9-1"], ["--seeds", "1-9999999999"], ["--weeks", "19"], ["--plan", "none such"]],
)
def test_an_experiment_that_makes_no_sense_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["simulate", "experiment", *words])
    assert left.value.code == 2
    assert capsys.readouterr().err


def test_the_commands_say_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "w")
    (tmp_path / "ids").write_text("SW000000001\nSW000000002\n")
    for words, expected in (
        (["world", "--out", folder, "--parcels", "400", "--weeks", "3", "--seed", "4"], "violative"),
        (["describe", folder], "undervaluation"),
        (["describe", folder, "--by-week"], "week"),
        (["inspect", folder, str(tmp_path / "ids"), "--csv"], "SW000000002,"),
        (["trends", folder], "rising words"),
    ):
        with pytest.raises(SystemExit) as left:
            main(["simulate", *words])
        assert left.value.code == output.EXIT_OK
        assert expected in capsys.readouterr().out
