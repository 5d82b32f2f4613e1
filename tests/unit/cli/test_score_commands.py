"""`tidewaiter score`: trained from a table, handed to ONNX Runtime and compared, refused where it must be."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main

RECIPE = {
    "label": "bad",
    "chains": [{"name": "goods", "levels": [{"columns": [["hs", 4]]}, {"columns": [["hs", 2]]}]}],
    "numbers": ["price"],
}


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["score", *words])
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out, printed.err


@pytest.fixture
def trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with rows.csv, and the model learnt from it. One row's label is not known."""
    chance = random.Random(5)
    rows = [
        {"hs": f"{c}{chance.randrange(9):02}", "price": str(n % 90), "bad": str(int(chance.random() < (0.6 if c == "61" else 0.1)))}
        for n, c in enumerate(chance.choices(("61", "85"), k=500))
    ]  # fmt: skip
    rows.append({"hs": "6101", "price": "1", "bad": ""})
    with (tmp_path / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "recipe.json").write_text(json.dumps(RECIPE), encoding="utf-8")
    code, out, err = ran(
        capsys, "train", str(tmp_path / "rows.csv"), "--recipe", str(tmp_path / "recipe.json"), "--out", str(tmp_path)
    )
    assert code == output.EXIT_OK, err
    assert "500 rows, which weigh as much as 500 alike" in out
    return tmp_path


def test_onnx_runtime_comes_to_the_same_to_the_last_digit(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = trained / "model.onnx"
    words = ("export", str(trained / "model.json"), "--onnx", str(graph))
    assert ran(capsys, *words)[0] == output.EXIT_OK
    assert graph.read_bytes()
    code, out, err = ran(capsys, *words, "--check", str(trained / "rows.csv"), "--json")
    assert code == output.EXIT_OK, err
    ways = json.loads(out)
    assert len(ways) == 5
    assert {each["records"] for each in ways} == {501}
    assert [each["different"] for each in ways] == [0] * 5


def test_how_to_learn_may_be_told(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("train", str(trained / "rows.csv"), "--recipe", str(trained / "recipe.json"), "--out", str(trained))
    how = trained / "how.json"
    how.write_text(json.dumps({"rounds": 7, "leaves": 3, "rising": True}), encoding="utf-8")
    assert ran(capsys, *words, "--how", str(how))[0] == output.EXIT_OK
    assert len(json.loads((trained / "model.json").read_bytes())["trees"]) == 7
    how.write_text(json.dumps({"roundz": 7}), encoding="utf-8")
    code, _, err = ran(capsys, *words, "--how", str(how))
    assert code == output.EXIT_USAGE
    assert "roundz" in err


def test_what_cannot_be_learnt_from_is_told(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("--out", str(trained))
    assert ran(capsys, "train", *out)[0] == output.EXIT_USAGE  # neither a table nor what is kept
    rows = str(trained / "rows.csv")
    assert (
        ran(capsys, "train", rows, "--from-kept", "--from", "2026-01-01", "--to", "2026-02-01", *out)[0]
        == output.EXIT_USAGE
    )
    assert (
        ran(capsys, "train", "--from-kept", "--from", "2026-03-01", "--to", "2026-02-01", *out)[0] == output.EXIT_USAGE
    )
    code, _, err = ran(capsys, "export", rows, "--onnx", str(trained / "x.onnx"))
    assert (code, "rows.csv" in err) == (output.EXIT_USAGE, True), err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"propensity": "chosen"}, "the recipe names what is no column: chosen"),
        ({"group": ["hs", "parcel"]}, "the recipe names what is no column: parcel"),
        ({"label": "fraud"}, "the recipe names what is no column: fraud"),
        ({"label": "price"}, "record 3, price must be 0 or 1: '2'"),
        ({"propensity": "price"}, "record 1, price must be over 0 and up to 1: '0'"),
        ({"propensity": "hs", "numbers": ["bad"]}, "hs must be over 0 and up to 1"),
    ],
)
def test_a_recipe_that_does_not_fit_the_table_is_told_with_its_place(
    trained: Path, change: dict[str, object], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = trained / "other.json"
    other.write_text(json.dumps(RECIPE | change), encoding="utf-8")
    code, _, err = ran(
        capsys, "train", str(trained / "rows.csv"), "--recipe", str(other), "--out", str(trained / "new")
    )
    assert code == output.EXIT_USAGE
    assert told in " ".join(err.split())
    assert not (trained / "new").exists()


def test_a_number_that_is_none_is_told_by_the_record_of_the_file(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = trained / "rows.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([lines[0], "6101,1,", "6101,heavy,1", *lines[1:]]) + "\n", encoding="utf-8")
    code, _, err = ran(
        capsys, "train", str(file), "--recipe", str(trained / "recipe.json"), "--out", str(trained / "new")
    )
    assert code == output.EXIT_USAGE
    assert "record 2, price is no number: 'heavy'" in " ".join(err.split())


def test_too_few_rows_are_told_with_how_many_there_are(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "few.csv"
    file.write_text("hs,price,bad\n6101,1,1\n8501,2,0\n8502,3,0\n", encoding="utf-8")
    code, _, err = ran(
        capsys, "train", str(file), "--recipe", str(trained / "recipe.json"), "--out", str(trained / "new")
    )
    assert code == output.EXIT_USAGE
    assert "too little to learn from: 3 rows, 1 of them not in order" in " ".join(err.split())


def test_a_file_that_is_no_recipe_or_not_there_is_refused_with_a_hint(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, recipe, broken = (trained / name for name in ("rows.csv", "recipe.json", "broken.json"))
    broken.write_text("{bad", encoding="utf-8")
    to = ("--out", str(trained / "other"))
    for words, told in (
        ((str(rows), "--recipe", str(broken)), '"label"'),
        ((str(rows), "--recipe", str(trained / "none.json")), '"label"'),
        ((str(rows), "--recipe", str(recipe), "--how", str(broken)), '"rounds"'),
    ):
        code, _, err = ran(capsys, "train", *words, *to)
        assert code == output.EXIT_USAGE
        assert told in err.partition("hint")[2], err
    code, _, err = ran(capsys, "train", str(trained / "none.csv"), "--recipe", str(recipe), *to)
    assert (code, "look at the name" in " ".join(err.split())) == (output.EXIT_ERROR, True)
