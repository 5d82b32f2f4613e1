"""A network on this machine: members with folders, keys and databases of their own, each a process, on loopback.

For the demonstration, for measuring, and for tests that kill, cut off and fill up. All ends when the block is left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.contracts import Role
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.network.charter import Part
from tidewaiter.network.holding import checkpoint_of
from tidewaiter.network.home import Home, MemberConfig
from tidewaiter.network.operator import DeclinedError, NotRunningError, Operator, runs
from tidewaiter.network.ports import free_port
from tidewaiter.store import Settings, open_store

START_SECONDS_MAX: Final = 60
STOP_SECONDS_MAX: Final = 20
_RUN: Final = "import sys; from tidewaiter.cli.app import main; main(['node', 'run', sys.argv[1]])"


class LocalError(TidewaiterError):
    """A member on this machine did not do what it was started for."""

    code = "network.local"


class Wanted(Struct, frozen=True, kw_only=True):
    """A member to be made."""

    label: str
    part: Part
    roles: tuple[Role, ...]
    database: str = "none"
    house: bool = False


class LocalNetwork:
    """Members below one folder. `with LocalNetwork(folder) as network:`; each process ends when the block is left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.homes: dict[str, Home] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> LocalNetwork:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def make(self, wanted: Wanted) -> Home:
        """Make a member's folder, with a free port of loopback."""
        config = MemberConfig(
            label=wanted.label, name=f"{wanted.label}.example", listen=f"127.0.0.1:{free_port()}", roles=wanted.roles,
            database=wanted.database, house=wanted.house,
        )  # fmt: skip
        home = Home.make(self.folder / wanted.label, config)
        if wanted.house:
            with open_store(Settings(data_folder=home.folder / "postgres")) as store:
                home.keyring.take_submitter(store.record_keeper.identity.seed)
        self.homes[wanted.label] = home
        return home

    def start(self, *labels: str, environment: Mapping[str, str] | None = None, before: Sequence[str] = ()) -> None:
        """Start members, all at once, and wait until each answers; `before` stands before the command.

        Raises LocalError with the end of the log of one that does not come up.
        """
        for label in labels:
            self.homes[label].operator_socket.unlink(
                missing_ok=True
            )  # left by one that was killed: nobody answers there
            log = (self.homes[label].folder / "log").open("ab")
            with log:
                self.processes[label] = subprocess.Popen(  # noqa: S603 our own program
                    [*before, sys.executable, "-c", _RUN, str(self.homes[label].folder)],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
                    start_new_session=True,
                )  # fmt: skip
        for label in labels:
            self._await(label)

    def _await(self, label: str) -> None:
        until = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < until and self.processes[label].poll() is None:
            if runs(self.homes[label]):
                with contextlib.suppress(NotRunningError), self.operator(label) as operator:
                    operator.ask("/ready")
                    return
            time.sleep(0.02)
        raise LocalError(f"{label} did not come up: {self.log_of(label)[-1500:]}", hint="read its log")

    def log_of(self, label: str) -> str:
        """What a member's process has written."""
        path = self.homes[label].folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def operator(self, label: str) -> Operator:
        """Speak with a member."""
        return Operator(self.homes[label])

    def kill(self, label: str) -> None:
        """End a member's process as the kernel does, without a chance to say anything."""
        process = self.processes.pop(label)
        process.kill()
        process.wait()
        self.homes[label].operator_socket.unlink(missing_ok=True)

    def is_running(self, label: str) -> bool:
        """Whether a member's process is there."""
        process = self.processes.get(label)
        return process is not None and process.poll() is None

    def pause(self, label: str) -> None:
        """Let a member's process stand still, as a machine that hangs."""
        self.processes[label].send_signal(signal.SIGSTOP)

    def resume(self, label: str) -> None:
        """Let it go on."""
        self.processes[label].send_signal(signal.SIGCONT)

    def stop(self, *labels: str) -> None:
        """Have members leave; all of them where none is named."""
        chosen = {label: self.processes.pop(label) for label in (labels or tuple(self.processes))}
        for process in chosen.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in chosen.values():
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def await_final(self, label: str, size: int, seconds: float = 90) -> bytes:
        """The final checkpoint of at least this size, as a member has it. Raises LocalError where none comes in time."""
        until = time.monotonic() + seconds
        with self.operator(label) as operator:
            while time.monotonic() < until:
                try:
                    note = operator.final(size - 1)
                except DeclinedError as error:
                    if error.code not in {"final.none", "final.crowded"}:
                        raise
                else:
                    if checkpoint_of(note).size >= size:
                        return note
                time.sleep(0.05)
        raise LocalError(f"{size} entries did not become final at {label} within {seconds:g} seconds")
