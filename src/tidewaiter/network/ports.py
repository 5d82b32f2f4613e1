"""Ports of loopback for servers that this process starts: no other process that asks here is given the same."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

FIRST: Final = 20_000
"""From here to 32 767: below what systems give to those who name no port, so that no call that goes out takes one away."""
BLOCK: Final = 256
BLOCKS: Final = (32_768 - FIRST) // BLOCK


class _Block:
    """So many ports in a row that are this process's own for as long as it lives, by a lock on a file; given in turn."""

    def __init__(self) -> None:
        folder = Path(tempfile.gettempdir()) / f"tidewaiter-ports-{os.getuid()}"
        self._first, self._lock = 0, -1
        with contextlib.suppress(OSError):  # somebody else's folder, or a full disk: as where all blocks are taken
            folder.mkdir(mode=0o700, exist_ok=True)
            self._first, self._lock = self._locked(folder)
        self._given = 0

    @staticmethod
    def _locked(folder: Path) -> tuple[int, int]:
        for number in range(BLOCKS):
            lock = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                return FIRST + number * BLOCK, lock
        return 0, -1

    def next(self) -> int:
        """The next port that nobody listens on; what the system gives where all blocks, or all ports of this one, are taken."""
        for _ in range(BLOCK if self._first else 0):
            port = self._first + self._given % BLOCK
            self._given += 1
            if _bound(port):
                return port
        return _bound(0)


def free_port() -> int:
    """A port of loopback that nobody listens on now, and that nobody else who asks here is given while this process lives.

    One that was given comes again after 256 others, where nobody listens on it then.
    """
    return _own(os.getpid()).next()


def free_ports(count: int) -> list[int]:
    """So many different ports, each as from `free_port`."""
    found: list[int] = []
    while len(found) < count:
        if (port := free_port()) not in found:
            found.append(port)
    return found


def _bound(port: int) -> int:
    """The port that a socket could be bound to; 0 where somebody has it."""
    with socket.socket() as asking:
        try:
            asking.bind(("127.0.0.1", port))
        except OSError:
            return 0
        return int(asking.getsockname()[1])


@cache
def _own(_process: int) -> _Block:
    """The block of a process: one that is forked off has another than its parent."""
    return _Block()
