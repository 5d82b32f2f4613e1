"""The suite on whole tariff files finds what is wrong with an import, and tells files by their content."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidewaiter.cli.conformance import tariff_files

NOMENCLATURE = """goods_code,suffix,start,end,hier_pos,indent,description,descr_start
0100000000,80,31-12-1971,,2.0,0,ANIMALS,31-12-1971
0101000000,80,01-01-1972,,4.0,0,Horses,01-01-1972
0101210000,80,01-01-2012,,6.0,1,Pure-bred,01-01-2019
0101290000,80,01-01-2012,,6.0,1,Other,01-01-2021
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tariff" / "some").mkdir(parents=True)
    (tmp_path / "tariff" / "some" / "b.csv").write_text(NOMENCLATURE)
    return tmp_path


def reasons(folder: Path) -> dict[str, str]:
    tariff_files._files.cache_clear()
    return {case.name: "" if case.passed else case.reason for case in tariff_files.cases(folder)}


def test_a_file_is_imported_and_its_leaves_are_counted(folder: Path) -> None:
    assert set(reasons(folder).values()) == {""}
    (line,) = tariff_files.information(folder)[:1]
    assert line == "some/b.csv: taken for TARIC nomenclature; 4 lines, 2 declarable, 0 measures, 0 not understood"


def test_a_file_that_cannot_be_imported_is_a_failed_case(folder: Path) -> None:
    (folder / "tariff" / "other.json").write_text(NOMENCLATURE + NOMENCLATURE.splitlines()[-1])
    found = reasons(folder)
    assert "other.json line 6: code 0101290000" in found["other.json: imported whole"]


def test_translations_that_differ_in_days_are_a_failed_case(folder: Path) -> None:
    (folder / "tariff" / "c.csv").write_text(
        NOMENCLATURE.replace("01-01-2012,,6.0,1,Other", "01-01-2013,,6.0,1,Andere")
    )
    found = reasons(folder)
    assert found["c.csv and some/b.csv: the same line alike in both"] == "1 days or depth differ: 0101290000"


def test_what_is_no_tariff_is_passed_over(folder: Path) -> None:
    (folder / "tariff" / "notes.csv").write_text("a,b\n1,2\n")
    assert not any("notes" in name for name in reasons(folder))
