"""Officers who may sign in: the command makes the line, the settings read it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.web import sessions
from tidewaiter.web.settings import OFFICERS_VARIABLE, WebSettings

PASSWORD = "tide and time"


def line(name: str, password: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    with pytest.raises(SystemExit) as left:
        main(["officer", "line", name])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_the_line_lets_the_officer_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line("Anna Ng", PASSWORD, monkeypatch) == output.EXIT_OK
    printed = capsys.readouterr().out
    assert PASSWORD not in printed
    file = tmp_path / "officers.txt"
    file.write_text(printed)
    settings = WebSettings.from_environment({OFFICERS_VARIABLE: str(file)})
    assert not settings.is_local
    assert sessions.password_is_right(settings, "Anna Ng", PASSWORD)
    assert not sessions.password_is_right(settings, "Anna Ng", PASSWORD + "!")


@pytest.mark.parametrize(
    ("name", "password"),
    [("a:b", PASSWORD), ("", PASSWORD), ("#anna", PASSWORD), ("anna ", PASSWORD), ("anna", "short")],
)
def test_what_could_not_be_read_back_is_refused(
    name: str, password: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line(name, password, monkeypatch) == output.EXIT_USAGE
    assert capsys.readouterr().out == ""
