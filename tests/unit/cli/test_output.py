"""What commands say on standard error."""

from __future__ import annotations

import pytest

from tidewaiter.cli import output

PATH = "/" + "/".join(f"folder{number}" for number in range(30)) + "/rows.csv"


def test_what_another_program_reads_keeps_paths_whole(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("error", f"{PATH}: not a model", hint=f"look at {PATH}", place=PATH, code="model-malformed")
    assert capsys.readouterr().err.splitlines() == [
        f"error model-malformed {PATH}: not a model",
        f"  at    {PATH}",
        f"  hint  look at {PATH}",
    ]
