"""Several processes that serve one port: a port bound once, handed to each, and a process that dies replaced.

Python runs one thread at a time in a process, so a second processor is of use
only to a second process. They share nothing but the port and the database:
sessions and forms are signed with the same secret, and whatever they write is
ordered by the database. Should the one who started them die, they end, too.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from typing import Final

from tidewaiter.model.errors import TidewaiterError

WORKERS_MAX: Final = 64
WORKERS_DEFAULT_MAX: Final = 8  # unless asked for: each takes memory and connections to the database
FAILED_STARTS_MAX: Final = 3  # processes in a row that ended before they served, until it is given up
GRACE_SECONDS: Final = 15  # to finish answers under way; then they are killed


CONTEXT: Final = multiprocessing.get_context("spawn")


class ServeError(TidewaiterError):
    """The pages and REST cannot be served."""

    code = "serve"


def workers_wanted(asked: int | None = None) -> int:
    """As many as were asked for; else one for each processor, within limits. Raises ServeError."""
    if asked is None:
        return max(1, min(len(os.sched_getaffinity(0)), WORKERS_DEFAULT_MAX))
    if not 1 <= asked <= WORKERS_MAX:
        raise ServeError(f"{asked} workers cannot serve", hint=f"from 1 to {WORKERS_MAX}")
    return asked


def bound(host: str, port: int) -> socket.socket:
    """The port, bound and not yet listening: callers are refused until somebody serves. Raises ServeError."""
    with contextlib.ExitStack() as failing:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, address = min(found, key=lambda each: each[0] is not socket.AF_INET)
            door = failing.enter_context(socket.socket(family, kind, protocol))
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(address)
        except OSError as error:
            raise ServeError(
                f"port {port} of {host} cannot be used: {error.strerror}", hint="choose another with --host or --port"
            ) from error
        failing.pop_all()
    return door


class Staff:
    """Keeps `count` processes running that `start(number, is_serving)` makes.

    `number` tells how many were started before; the process sets `is_serving`
    when it serves.
    """

    def __init__(self, start: Callable[[int, Event], SpawnProcess], count: int) -> None:
        self._start = start
        self._count = count
        self._started = 0
        self._failed_starts = 0
        self._at_work: dict[SpawnProcess, Event] = {}

    @property
    def pids(self) -> list[int]:
        """The processes at work."""
        return [process.pid for process in self._at_work if process.pid is not None]

    def run(self) -> None:
        """Until interrupted. Raises ServeError where processes keep ending before they serve."""
        try:
            while True:
                while len(self._at_work) < self._count:
                    self._hire()
                connection.wait([process.sentinel for process in self._at_work])
                for process in [process for process in self._at_work if not process.is_alive()]:
                    self._note_end(process)
        finally:
            self._dismiss()

    def _hire(self) -> None:
        is_serving = CONTEXT.Event()
        process = self._start(self._started, is_serving)
        self._started += 1
        process.start()
        self._at_work[process] = is_serving

    def _note_end(self, process: SpawnProcess) -> None:
        has_served = self._at_work.pop(process).is_set()
        self._failed_starts = 0 if has_served else self._failed_starts + 1
        logging.getLogger("tidewaiter.web").warning(
            "serving process %s ended (%s) and is replaced", process.pid, process.exitcode
        )
        if self._failed_starts >= FAILED_STARTS_MAX:
            raise ServeError("the serving processes end before they serve", hint="what they said before tells why")

    def _dismiss(self) -> None:
        for process in self._at_work:
            process.terminate()
        until = time.monotonic() + GRACE_SECONDS
        for process in self._at_work:
            process.join(max(0.0, until - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
        self._at_work.clear()


def process(work: Callable[..., None], *arguments: object) -> SpawnProcess:
    """A process that will do `work(*arguments)`; may have child processes of its own."""
    return CONTEXT.Process(target=work, args=arguments)


def leave_with_parent() -> None:
    """End this process by SIGTERM when the one that started it has ended, however that came about."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        connection.wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
