"""What `tidewaiter list`, `risk policy check`, `risk budget`, `estimate` and `allocate` say of mistakes, before any database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main

POLICY = """\
title: Winter
selection_share: "0.03"
selection_lane: red
quality_lane: blue
quality_rules: [description.mising]
budgets: {GB1: {parcels: 0}}
"""


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(words)
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out, " ".join(printed.err.split())


def test_every_wrong_line_of_a_list_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "list.csv"
    file.write_text(
        "id,values,words,lane,from,until,source\n"
        "1,Bright Star,Watches.,pink,,,case 1\n"
        "2,,Gifts.,red,,,case 2\n"
        "3,Golden Sun,Gifts.,red,2026-13-01,,case 3\n",
        encoding="utf-8",
    )
    said = ("--kind", "parties", "--title", "T", "--source", "S", "--by", "ann", "--why", "w")
    code, _, err = ran(capsys, "list", "propose", "offenders", str(file), *said)
    assert code == output.EXIT_ERROR
    for place in ("line 2, lane", "line 3, values", "line 4, from"):
        assert err.count(place) == 1, err


def test_a_policy_that_can_be_used_is_told_what_comes_to_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY, encoding="utf-8")
    code, out, _ = ran(capsys, "risk", "policy", "check", str(file))
    assert code == output.EXIT_OK
    assert "no rule is called description.mising" in " ".join(out.split())
    assert "less than a parcel is kept for chance" in " ".join(out.split())
    assert "nothing is wrong" not in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("budget",), "is before the first"),
        (("estimate",), "is before the first"),
        (("allocate", "--office", "GB1", "--parcels", "5"), "is before the first"),
        (("allocate", "--office", "GB1", "--parcels", "0"), "1 or more"),
    ],
)
def test_days_in_the_wrong_order_and_no_parcels_are_refused(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = ran(capsys, "risk", *words, "--from", "2026-07-14", "--to", "2026-07-01")
    assert code == output.EXIT_USAGE
    assert told in err
