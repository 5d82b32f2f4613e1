"""`tidewaiter risk`, as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.messages import forms
from tidewaiter.risk.rules.reference import sample

RULES = """\
rule watch
    title: Watches
    words: Look at the watch.
    lane: red
    when: item.commodity_code.startsWith("91") && feature("seen") > 2
rule shirt
    title: Shirts
    words: Look at the shirt.
    lane: yellow
    when: item.commodity_code.startsWith("61")   &&   item.net_mass_kg > 5
"""


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["risk", *words])
    said = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, said.out, said.err


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "a.rules"
    file.write_text(RULES)
    return file


def test_check_tells_the_digest_or_every_mistake(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", str(rules), "--json")
    assert code == output.EXIT_OK
    assert json.loads(out)["rules"] == 2
    rules.write_text(RULES.replace("commodity_code", "commodity_cod"))
    code, out, _ = run(capsys, "check", str(rules), "--json")
    assert code == output.EXIT_FINDINGS
    assert [(each["place"], each["rule"]) for each in json.loads(out)] == [
        ("line 5, column 11", "watch"),
        ("line 10, column 11", "shirt"),
    ]


def test_format_writes_what_reads_the_same(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, before, _ = run(capsys, "check", str(rules), "--json")
    assert run(capsys, "format", str(rules), "--write")[0] == output.EXIT_OK
    assert '"61") && item.net_mass_kg > 5' in rules.read_text()
    assert run(capsys, "check", str(rules), "--json")[1] == before


def test_try_says_what_hits_and_why(rules: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = tmp_path / "message.json"
    message.write_bytes(forms.by_name("json").write([sample().declaration]))
    facts, context = tmp_path / "facts.json", tmp_path / "context.json"
    facts.write_text('{"features": {"seen": "3"}}')
    context.write_text('{"features": {"seen": "number"}}')
    words = ("try", str(rules), "--declaration", str(message), "--on", "2026-07-01", "--json")
    code, out, _ = run(capsys, *words, "--context", str(context), "--facts", str(facts))
    assert code == output.EXIT_FINDINGS
    found = [(row["what"], row["line"], row["rule"]) for row in json.loads(out)]
    assert found[:3] == [("lane", "", ""), ("hit", 1, "watch"), ("near miss", 2, "shirt")]
    assert "item.net_mass_kg > 5: missing" in out
    code, out, _ = run(capsys, *words)
    assert code == output.EXIT_OK
    facts.write_text('{"features": {"seen": "many"}}')
    code, _, err = run(capsys, *words, "--context", str(context), "--facts", str(facts))
    assert code == output.EXIT_USAGE
    assert "'many' is no value for seen" in err


def test_import_prints_rules_and_tells_what_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "selectivity.txt"
    file.write_text('If ComCod = "080810" Then RedLane IS 100; Endif;')
    code, out, err = run(capsys, "import", str(file), "--from", "asycuda")
    assert (code, err) == (output.EXIT_OK, "")
    assert 'item.commodity_code.startsWith("080810")' in out
    file.write_text("If Weight > 5 Then RedLane IS 100; Endif;")
    code, out, err = run(capsys, "import", str(file), "--from", "asycuda")
    assert (code, out) == (output.EXIT_FINDINGS, "")
    assert "line 1, column 4" in err
    code, out, _ = run(capsys, "import", str(file), "--from", "asycuda", "--field", "Weight=item.net_mass_kg")
    assert code == output.EXIT_OK
    assert "item.net_mass_kg > 5" in out


def test_tables_forms_and_fields(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "rules in no table" in run(capsys, "table", str(rules))[1]
    code, out, _ = run(capsys, "form", str(rules), "shirt", "--json")
    assert code == output.EXIT_OK
    assert [row["operator"] for row in json.loads(out)] == ["startsWith", ">"]
    code, _, err = run(capsys, "form", str(rules), "shirts")
    assert code == output.EXIT_USAGE
    assert "did you mean shirt?" in err
    _, out, _ = run(capsys, "fields", "net mass", "--json")
    assert [row["field"] for row in json.loads(out)] == ["item.net_mass_kg"]
