"""`tidewaiter classify`: candidates with their words, and an exit code that says whether they can be built on."""

from __future__ import annotations

import json

import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["classify", *arguments])
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


def test_candidates_with_their_words(capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run(capsys, "wireless earbuds with charging case", "--json")
    found = json.loads(said)
    assert code == output.EXIT_OK
    assert found[0]["hs_code"] == "851830"
    assert "wireless earbud" in found[0]["because_of"]


@pytest.mark.parametrize(("text", "words"), [("gift", "vague"), ("qwxz zzkv", "no word of it is known")])
def test_what_cannot_be_told_is_said(capsys: pytest.CaptureFixture[str], text: str, words: str) -> None:
    code, _, aside = run(capsys, text)
    assert code == output.EXIT_FINDINGS
    assert words in aside


def test_nothing_to_classify_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, aside = run(capsys)
    assert code == output.EXIT_USAGE
    assert "tidewaiter classify" in aside
