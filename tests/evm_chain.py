"""A chain for tests: anvil, in its own process on loopback, as npm brings it."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from conftest import ROOT
from tidewaiter.network.adapters.evm_wire import EvmKey
from tidewaiter.network.ports import free_port

PACKAGE = (
    "@foundry-rs/anvil-linux-{}"  # it carries the program itself, so that nothing has to be downloaded by a script
)
VERSION = "1.7.1"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
FETCHED_WITHIN_SECONDS = 120
STARTS_WITHIN_SECONDS = 60.0
WEALTH = 10**21  # in the smallest unit


def key(name: str) -> EvmKey:
    """The key of an account, whose secret follows from a name: for tests, and for nothing else."""
    return EvmKey(hashlib.sha256(name.encode()).digest())


def ask(url: str, method: str, *parameters: object) -> object:
    """What the node answers."""
    question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    return httpx.post(url, json=question, timeout=60).raise_for_status().json()["result"]


def fund(url: str, *keys: EvmKey) -> None:
    """Give accounts what they need to pay for gas."""
    for each in keys:
        ask(url, "anvil_setBalance", each.address.text, hex(WEALTH))


def anvil() -> Path:
    """The program; fetched once from npm into `.cache`. Skips, saying so, where it cannot be had."""
    found = shutil.which("anvil")
    if found:
        return Path(found)
    machine = MACHINES.get(platform.machine())
    if platform.system() != "Linux" or machine is None:
        pytest.skip("there is no anvil here, and none is fetched for this kind of machine")
    package, folder = PACKAGE.format(machine), ROOT / ".cache" / "npm"
    program = folder / "node_modules" / package / "bin" / "anvil"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("there is no anvil here, and no npm to fetch it with")
        folder.mkdir(parents=True, exist_ok=True)
        words = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefix", folder]
        try:
            done = subprocess.run(
                [*words, f"{package}@{VERSION}"], capture_output=True, timeout=FETCHED_WITHIN_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm did not fetch {package} within {FETCHED_WITHIN_SECONDS} s")
        if done.returncode or not program.exists():
            pytest.skip(f"npm cannot fetch {package}: {done.stderr.decode()[-300:]}")
    return program


@contextmanager
def chain(folder: Path, *words: str) -> Iterator[str]:
    """The address of a new chain; what it came to is kept in the folder, and gone on with when it is opened again."""
    port = free_port()
    state = folder / "state.json"
    command = [anvil(), "--host", "127.0.0.1", "--port", str(port), "--accounts", "1", "--state", state, *words]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with (folder / "anvil.output").open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + STARTS_WITHIN_SECONDS
        while True:
            try:
                ask(url, "eth_chainId")
                break
            except httpx.TransportError:
                said = (folder / "anvil.output").read_text()[-500:]
                assert process.poll() is None, said
                assert time.monotonic() < until, said
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def root(text: str) -> bytes:
    """A root made up from a text."""
    return hashlib.sha256(text.encode()).digest()
