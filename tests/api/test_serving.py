"""The server as a process: it says nothing, answers, and leaves nothing running behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tidewaiter.cli.bench.meters import descendants
from tidewaiter.network.ports import free_port
from tidewaiter.web.serve import is_loopback, reachable
from tidewaiter.web.settings import SettingsError, WebSettings

PATIENCE_SECONDS = 120
LOCKED_OUT = WebSettings(secret=b"s" * 32)
WITH_PASSWORD = WebSettings(secret=b"s" * 32, officers={"anna": "$argon2id$x"})


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("127.8.9.1", True),
        ("0.0.0.0", False),
        ("192.0.2.7", False),
    ],
)
def test_what_is_loopback(host: str, *, is_local: bool) -> None:
    assert is_loopback(host) is is_local


def test_strangers_are_not_let_in_without_a_password() -> None:
    with pytest.raises(SettingsError, match="without a password"):
        reachable(LOCKED_OUT, "192.0.2.7")
    assert "192.0.2.7" in reachable(WITH_PASSWORD, "192.0.2.7").hosts
    with pytest.raises(SettingsError, match="under no name"):
        reachable(WITH_PASSWORD, "0.0.0.0")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the server's database lies: a short path, for a socket lies in it."""
    made = Path(tempfile.mkdtemp(prefix="tw-"))
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize(("ending", "workers"), [(signal.SIGTERM, 2), (signal.SIGINT, 1), (signal.SIGINT, 2)])
def test_it_answers_and_ends_with_its_database(folder: Path, ending: int, workers: int) -> None:
    port = free_port()
    said = f"from tidewaiter.web.serve import serve; serve(port={port}, workers={workers})"
    command = [sys.executable, "-c", said]
    running = subprocess.Popen(command, env={**os.environ, "TIDEWAITER_DATA": str(folder)})
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while not _is_well(port):
            assert running.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        assert len(_servers(folder)) > 0
        below = descendants(running.pid)
        assert len(below) >= (workers if workers > 1 else 0)
    finally:
        running.send_signal(ending)
        running.wait(PATIENCE_SECONDS)
    assert _servers(folder) == []
    until = time.monotonic() + PATIENCE_SECONDS
    while any(Path(f"/proc/{pid}").exists() for pid in below):  # the interpreter's own helper goes a moment later
        assert time.monotonic() < until
        time.sleep(0.1)


def _is_well(port: int) -> bool:
    try:
        return bool(httpx.get(f"http://127.0.0.1:{port}/health.json", timeout=2).json()["is_well"])
    except httpx.TransportError:
        return False


def _servers(folder: Path) -> list[str]:
    """Processes whose command line names the folder, as the kernel lists them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words and "postgres" in words:
            found.append(entry.parent.name)
    return found
