"""`tidewaiter message inspect`: what a person is shown of a message, without a database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidewaiter.cli.app import main


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["message", "inspect", *arguments])
    return int(ended.value.code or 0)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = run(*arguments)
    return code, capsys.readouterr().out


def write(path: Path, **changed: object) -> Path:
    item = {
        "line_no": 1,
        "description": "Cotton shirt, woven",
        "commodity_code": "620520",
        "origin_country_code": "Dänemark",
    }
    declaration = {
        "functional_reference_id": "A-1", "jurisdiction_code": "GB", "goods_items": [item], "colour": "blue", **changed,
    }  # fmt: skip
    path.write_text(json.dumps(declaration), encoding="utf-8")
    return path


def test_elements_findings_and_notes_stand_at_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = shown(capsys, str(write(tmp_path / "one.json")), "--on", "2026-06-15")
    lines = said.splitlines()
    assert code == 3
    at = next(place for place, line in enumerate(lines) if line.strip() == "Origin country code: Dänemark")
    assert "(code.country) [at /goods_items/0/origin_country_code]" in lines[at + 1]
    assert any(line.strip().startswith("~ /colour") for line in lines), "what was not understood"
    assert any("(data.required)" in line for line in lines), "what is missing stands below"
    assert "  Goods item 1" in lines
    assert lines[-1] == "1 record, 1 of them would be rejected"


def test_as_json_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = shown(capsys, str(write(tmp_path / "one.json")), "--on", "2026-06-15", "--json")
    record = json.loads(said)["shown"][0]
    assert code == 3
    assert record["form"] == "json"
    assert (
        next(line["value"] for line in record["lines"] if line["pointer"] == "goods_items[1].commodity_code")
        == "620520"
    )


def test_what_comes_before_a_break_is_shown_and_the_break_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = write(tmp_path / "one.json").read_text(encoding="utf-8")
    path = tmp_path / "broken.json"
    path.write_text(f"[{whole}, {whole[:60]}", encoding="utf-8")
    code = run(str(path), "--on", "2026-06-15")
    said = capsys.readouterr()
    assert code == 1
    assert "Record 1" in said.out
    assert said.err


def test_a_limit_counts_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = write(tmp_path / "one.json").read_text(encoding="utf-8")
    path = tmp_path / "three.json"
    path.write_text(f"[{whole},{whole},{whole}]", encoding="utf-8")
    _, said = shown(capsys, str(path), "--limit", "2", "--on", "2026-06-15")
    assert said.count("Record ") == 2
    assert said.endswith("3 records, 3 of them would be rejected; the first 2 are shown\n")


@pytest.mark.parametrize(("code", "rule"), [("ZZ", "law.not_in_force"), ("", "law.no_jurisdiction")])
def test_where_no_law_is_known_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str, rule: str
) -> None:
    ended, said = shown(capsys, str(write(tmp_path / "one.json", jurisdiction_code=code)), "--on", "2026-06-15")
    assert (ended, f"({rule})" in said) == (3, True)
    withdrawn = write(tmp_path / "two.json", jurisdiction_code=code, function="cancellation")
    ended, said = shown(capsys, str(withdrawn), "--on", "2026-06-15")
    assert (ended, f"({rule})" in said) == (0, False), "it falls under the law of what it withdraws"
