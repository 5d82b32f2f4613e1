"""Ports for servers of a process's own."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import tidewaiter
from tidewaiter.network import ports
from tidewaiter.network.ports import BLOCK, BLOCKS, FIRST, free_port, free_ports

ASK = "from tidewaiter.network.ports import free_ports; print(*free_ports(200), flush=True); input()"


def test_processes_that_ask_at_once_are_given_different_ports() -> None:
    code = str(Path(tidewaiter.__file__).parents[1])
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": code}
        )
        for _ in range(3)
    ]
    given = [set(free_ports(200))]
    for each in asking:
        assert each.stdout is not None
        given.append({int(port) for port in each.stdout.readline().split()})
    for each in asking:
        each.communicate(b"\n")
    assert [len(each) for each in given] == [200] * 4
    assert len(set.union(*given)) == 800
    assert all(FIRST <= port < FIRST + BLOCK * BLOCKS <= 32_768 for each in given for port in each)


def test_one_that_somebody_listens_on_is_not_given() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port := free_port()))
        assert port not in {free_port() for _ in range(2 * BLOCK)}
    assert port in {free_port() for _ in range(2 * BLOCK)}


def test_where_no_file_can_be_locked_the_system_gives_a_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file := tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(ports.tempfile, "tempdir", str(file))
    given = {ports._Block().next() for _ in range(3)}
    assert all(port > 1024 for port in given)
