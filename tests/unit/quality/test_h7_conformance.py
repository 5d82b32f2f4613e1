"""The h7 conformance suite: what it fills in, what it expects, and that it passes on the published files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidewaiter.cli.conformance import h7
from tidewaiter.cli.conformance.h7_mutations import clean
from tidewaiter.messages import forms
from tidewaiter.model.identifiers import Eori, Ioss, Mrn

HEADER = "#,VR #ID,Item Code \n"


def message(**replaced: str) -> bytes:
    text = forms.by_name("h7").write([clean()]).decode()
    for old, new in replaced.items():
        text = text.replace(f">{old.replace('_', '-')}<", f">{new}<")
    return text.encode()


def test_placeholders_get_well_formed_values_the_same_for_the_same_name() -> None:
    data = b"<a>{{DeclarantEORI}}</a><b>{{ImporterEORI}}</b><c>{{ DeclarantEORI }}</c><d>{{MRN}}</d><e>{{IOSS}}</e><f>{{CVR}}</f>"
    a, b, c, d, e, f = (part.partition(b"<")[0].decode() for part in h7.filled(data).split(b">")[1::2])
    assert a == c != b
    assert Eori.problem(a) is None
    assert Eori.problem(b) is None
    assert Mrn.problem(d) is None
    assert Ioss.problem(e) is None
    assert Eori.problem(f"DK{f}") is None
    assert h7.filled(b"{{LRN}}") == b"TIDEWAITER-0001"
    assert h7.filled(b"{{SomeDate}}{{Whatever}}") == b"2026-03-022"


def test_expectations_stand_beside_the_message(tmp_path: Path) -> None:
    for name in ("plain", "rejected", "control", "listed"):
        (tmp_path / f"{name}.xml").write_bytes(message())
    (tmp_path / "rejected.expected.json").write_text(json.dumps({"verdict": "rejected", "codes": ["DK1018"]}))
    (tmp_path / "control.ctl").write_text("<Number>DK1009</Number><Number>DK-VR49</Number>")
    (tmp_path / "expected.csv").write_text("file,verdict,codes\nlisted.xml,rejected,DK1001 DK1002\n")
    said = {path.stem: h7.expectation(path) for path in tmp_path.glob("*.xml")}
    assert said["plain"] == h7.Expectation()
    assert said["rejected"] == h7.Expectation(is_accepted=False, codes=frozenset({"DK1018"}))
    assert said["control"] == h7.Expectation(is_accepted=False, codes=frozenset({"DK1009", "DK-VR49"}))
    assert said["listed"] == h7.Expectation(is_accepted=False, codes=frozenset({"DK1001", "DK1002"}))


@pytest.mark.parametrize(
    ("data", "expected", "outcome"),
    [
        (message(), {}, "passed"),
        (message(IMA="IMQ"), {}, "failed"),
        (message(IMA="IMQ"), {"verdict": "rejected"}, "passed"),
        (message(IMA="IMQ"), {"codes": ["DK1005"]}, "passed"),
        (message(IMA="IMQ"), {"codes": ["DK1018"]}, "failed"),
        (message(), {"verdict": "rejected"}, "failed"),
        (message()[:-30], {}, "failed"),
        (message()[:-30], {"verdict": "rejected"}, "passed"),
    ],
)
def test_a_message_is_judged_against_its_expectation(
    tmp_path: Path, data: bytes, expected: dict[str, object], outcome: str
) -> None:
    folder = tmp_path / "eu-h7-denmark" / "deep"
    folder.mkdir(parents=True)
    (folder / "a.xml").write_bytes(data)
    (folder / "other.xml").write_text("<Declaration><ProcedureCategory>I2</ProcedureCategory></Declaration>")
    if expected:
        (folder / "a.expected.json").write_text(json.dumps(expected))
    (case,) = h7.message_cases(tmp_path)
    assert case.passed is (outcome == "passed"), case.reason
    assert case.name == "deep/a.xml"


def test_without_published_files_every_row_of_the_packaged_table_is_tried(tmp_path: Path) -> None:
    cases = list(h7.cases(tmp_path))
    assert len(cases) == 2 + 66
    assert [case for case in cases if not case.passed] == []
    information = h7.information(tmp_path)
    assert information[0].startswith("77 rows of rules: 51 implemented in full, 15")
    assert "messages were judged by the rules alone" in information[-1]


def test_a_published_row_that_is_unknown_here_fails(tmp_path: Path) -> None:
    (tmp_path / "dk_h7_validation_rules.csv").write_text(f"{HEADER}2,VR #5,DK1005\n3,VR #999,DK9\n4,VR #1,DK1002\n")
    outcomes = {case.name: case.passed for case in h7.rule_cases(tmp_path) if case.name.startswith("row")}
    assert outcomes == {"row 2 VR 5 DK1005": True, "row 3 VR 999": False, "row 4 VR 1 DK1002": False}


def test_the_published_files_pass(samples: Path) -> None:
    cases = list(h7.cases(samples))
    assert [case for case in cases if not case.passed] == []
    assert len(cases) > 70
