"""Air waybills that others wrote, and a folder of our own: what passes and what does not."""

from __future__ import annotations

from pathlib import Path

from tidewaiter.cli.conformance.cargo import Run
from waybills import FFM, FHL, FWB, xfhl, xfwb, xfzb


def test_every_outside_waybill_gives_what_it_states_and_the_published_errors(samples: Path) -> None:
    run = Run()
    cases = list(run.cases(samples))
    assert [case for case in cases if not case.passed] == []
    assert run.counts["waybills read"] >= 8
    assert run.counts["messages spoilt in one place"] >= 100
    assert run.counts["published codes compared"] >= 22
    assert run.counts["published status notifications compared"] >= 1
    assert any(line.endswith(": INVALID_BILL_QTY") for line in run.information(samples))


def written(folder: Path, **messages: str) -> Path:
    for name, message in messages.items():
        (folder / name).write_text(message)
    return folder


def test_any_folder_will_do(tmp_path: Path) -> None:
    plain = FWB.replace("T3L22MC", "T3K22MC")
    run = Run()
    cases = list(run.cases(written(tmp_path, a=xfwb(), b=xfzb(), c=plain + FHL, d=FFM, e=xfhl(("KEEL5", "1", "1")))))
    assert [case for case in cases if not case.passed] == []
    assert (run.counts["waybills read"], run.counts["manifests read"]) == (4, 2)
    assert "House waybill “KEEL5” is listed, but was not sent." in "\n".join(run.information(tmp_path))


def test_what_cannot_be_read_fails(tmp_path: Path) -> None:
    cases = list(Run().cases(written(tmp_path, a=xfwb()[:900], b="FWB/17\nnot a waybill\n" + "x" * 10)))
    assert [case.name for case in cases if not case.passed] == ["a: split"]


def test_a_guide_with_other_codes_fails(tmp_path: Path) -> None:
    guide = "<td>MISSING_TONNAGE</td> ERR/422/MISSING_WEIGHT CSN/ZZ/22NOV1902/X"
    failed = {case.name: case.reason for case in Run().cases(written(tmp_path, **{"g.md": guide})) if not case.passed}
    assert "MISSING_TONNAGE" in failed["g.md: error codes"]
    assert "ZZ" in failed["g.md: status codes"]


def test_answers_of_others_are_looked_through(tmp_path: Path) -> None:
    known = written(tmp_path, a="PER\n007-1\nERR/422/MISSING_WEIGHT\n", b="PSN\n007-1\nCSN/SF/22NOV1902/DONE\n")
    assert all(case.passed for case in Run().cases(known))
    (case,) = [
        case for case in Run().cases(written(tmp_path, c="PER\n007-1\nERR/422/MISSING_MOON\n")) if not case.passed
    ]
    assert "MISSING_MOON" in case.reason
