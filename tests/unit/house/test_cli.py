"""Every command says what it does, and errors are words with an exit code."""

from __future__ import annotations

import pytest
from cyclopts import App

from tidewaiter.cli import output
from tidewaiter.cli.app import build, main


def leaves(app: App, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], App]]:
    names = [name for name in app if not name.startswith("-")]
    if not names:
        return [(path, app)]
    return [leaf for name in names for leaf in leaves(app[name], (*path, name))]


@pytest.mark.parametrize(
    ("path", "command"), leaves(build()), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_each_command_is_documented(path: tuple[str, ...], command: App) -> None:
    assert command.help, f"tidewaiter {' '.join(path)} says nothing of itself"


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["no-such-command"])
    assert left.value.code == output.EXIT_USAGE
    assert "--help" in capsys.readouterr().err


def test_an_error_says_what_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["regime", "show", "GB", "--on", "1850-01-01"])
    assert left.value.code == output.EXIT_ERROR
    assert "hint" in capsys.readouterr().err
