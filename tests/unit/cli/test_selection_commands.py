"""What `tidewaiter list`, `risk policy check`, `risk budget`, `estimate` and `allocate` say of mistakes, before any database."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.cli.policies import told
from tidewaiter.risk.policy import read_policy

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


def test_a_plan_that_cannot_keep_the_budget_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY + 'minimum_share: "0.02"\n', encoding="utf-8")
    volume = ("--parcels", "4000", "--mandatory", "60", "--rules", "10", "--score", "5")
    code, _, err = ran(capsys, "risk", "policy", "plan", str(file), "--office", "GB1", *volume)
    assert code == output.EXIT_FINDINGS
    assert "come to 138.80 parcels in a day, more than the budget of 0" in err
    code, _, err = ran(capsys, "risk", "policy", "plan", str(file), "--office", "GB2", *volume)
    assert (code, "it has one for GB1" in err) == (output.EXIT_USAGE, True)
    file.write_text(POLICY.replace("parcels: 0", "parcels: 200"), encoding="utf-8")
    code, _, err = ran(capsys, "risk", "policy", "plan", str(file), "--office", "GB1", *volume)
    assert (code, err) == (output.EXIT_OK, "")


def test_a_policy_is_shown_a_row_for_each_office_and_step() -> None:
    text = POLICY + "scores:\n  value:\n    - {from_probability: '0.5', share: '1', lane: yellow}\n"
    rows = dict(told(msgspec.to_builtins(read_policy(text.encode(), "winter"))))
    assert rows["budgets.GB1"] == "parcels 0, random 0.1"
    assert rows["scores.value.1"] == "from_probability 0.5, share 1, lane yellow"
    assert rows["quality_rules"] == "description.mising"
    assert not any("{" in each for each in rows.values())
