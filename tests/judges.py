"""Other implementations of the record's formats, run as their own processes: what `make judges` installs.

They are asked over what they publish: commands, HTTP, files. Nothing of theirs is imported here.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import ROOT
from tidewaiter.ledger.wire import written_base64
from tidewaiter.network.ports import free_ports

STARTS_WITHIN_SECONDS = 60.0
ANSWERS_WITHIN_SECONDS = 60.0


def bin_folder() -> Path:
    """Where the judges' commands lie (TIDEWAITER_JUDGES, else `.judges` of the project); skips where there are none."""
    folder = Path(os.environ.get("TIDEWAITER_JUDGES", ROOT / ".judges")) / "bin"
    missing = [name for name in ("aics-witness", "aics-tlog", "tlog-tiles", "python") if not (folder / name).exists()]
    if missing:
        pytest.skip(f"the outside judges are not installed in {folder} (make judges): {', '.join(missing)}")
    return folder


def run(bin_path: Path, name: str, *words: str | Path) -> subprocess.CompletedProcess[bytes]:
    """What a judge's command answered."""
    return subprocess.run(
        [bin_path / name, *words], capture_output=True, timeout=ANSWERS_WITHIN_SECONDS, check=False,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip


def verified(bin_path: Path, *words: str | Path) -> dict[str, Any]:
    """What `aics-tlog` answered, whatever it was; exit code and answer have to agree."""
    done = run(bin_path, "aics-tlog", *words)
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["ok"] is (done.returncode == 0), done
    return answer


class Witness:
    """One `aics-witness`: its own folder, key and database; started and stopped by whoever made it."""

    def __init__(self, bin_path: Path, folder: Path, name: str, port: int) -> None:
        self.name, self.url = name, f"http://127.0.0.1:{port}"
        self._command = bin_path / "aics-witness"
        self._config = folder / "witness.json"
        folder.mkdir()
        words = ["--name", name, "--listen", f"127.0.0.1:{port}"]
        self.vkey = self.does("init", *words).decode().strip()
        self._output = folder / "output"
        self._process: subprocess.Popen[bytes] | None = None

    def does(self, verb: str, *words: str) -> bytes:
        """What one of its commands prints."""
        done = subprocess.run(
            [self._command, verb, "--config", self._config, *words], capture_output=True, check=True,
            timeout=ANSWERS_WITHIN_SECONDS,
        )  # fmt: skip
        return done.stdout

    def start(self) -> None:
        """Serve, and come back once it answers."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [self._command, "serve", "--config", self._config], stdout=output, stderr=output
            )
        until = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=1).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"{self.name} does not serve: {self._output.read_text()}")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def asked(self, old_size: int, proof: Sequence[bytes], note: bytes) -> httpx.Response:
        """Its answer to `add-checkpoint`, c2sp.org/tlog-witness."""
        lines = "".join(f"{written_base64(each)}\n" for each in proof)
        body = f"old {old_size}\n{lines}\n".encode() + note
        return httpx.post(f"{self.url}/add-checkpoint", content=body, timeout=ANSWERS_WITHIN_SECONDS)


@contextmanager
def witnesses(bin_path: Path, folder: Path, count: int, log: tuple[str, str]) -> Iterator[list[Witness]]:
    """So many witnesses, each its own process, that trust one log: its origin and its key."""
    origin, vkey = log
    with ExitStack() as stack:
        made = []
        for number, port in enumerate(free_ports(count), start=1):
            witness = Witness(bin_path, folder / f"w{number}", f"judge.example/w{number}", port)
            witness.does("add-log", "--origin", origin, "--vkey", vkey)
            stack.callback(witness.kill)
            witness.start()
            made.append(witness)
        yield made
