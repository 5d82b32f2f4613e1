"""Several serving processes: all answer, one that is killed is replaced and loses nothing, and all end together.

Only processes started here are killed, each by its own id.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import SpawnProcess
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from api import parcels
from tidewaiter.cli.bench.meters import descendants
from tidewaiter.network.ports import free_port
from tidewaiter.store import Settings, open_store
from tidewaiter.store.senders import KeyHolder
from tidewaiter.web import beside
from tidewaiter.web.sessions import FORM_FIELD
from tidewaiter.web.workers import (
    FAILED_STARTS_MAX,
    WORKERS_MAX,
    ServeError,
    Staff,
    bound,
    process,
    workers_wanted,
)
from tidewaiter.workflow import replay
from tidewaiter.workflow.ports import Filter

PATIENCE_SECONDS = 120
COUNT = 60


class Running(Struct):
    """A server of two processes."""

    parent: subprocess.Popen[bytes]
    port: int
    folder: Path

    def workers(self) -> list[int]:
        """The ids of its serving processes; who keeps the books beside them gives way to them."""
        spawned = [pid for pid in descendants(self.parent.pid) if "spawn_main" in _command(pid)]
        return [pid for pid in spawned if _niceness(pid) < beside.NICE]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """Started, both processes serving; a short path, for a socket lies in it. The last test that uses it kills it."""
    folder = Path(tempfile.mkdtemp(prefix="tw-"))
    port = free_port()
    command = [sys.executable, "-c", f"from tidewaiter.web.serve import serve; serve(port={port}, workers=2)"]
    parent = subprocess.Popen(command, env={**os.environ, "TIDEWAITER_DATA": str(folder)})
    server = Running(parent, port, folder)
    try:
        wait_for(lambda: _is_well(port) and len(server.workers()) == 2)
        yield server
    finally:
        parent.terminate()  # where a test failed before the last
        parent.wait(PATIENCE_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_form_given_by_one_is_taken_by_any(running: Running) -> None:
    """They sign with one secret, wherever the next connection happens to end."""
    with open_store(Settings(data_folder=running.folder)) as store:
        sender_id = store.senders.ensure("Meridian Post").sender_id
    address = f"http://127.0.0.1:{running.port}/submit"
    page = httpx.get(address, timeout=PATIENCE_SECONDS)
    (token,) = set(re.findall(rf'name="{FORM_FIELD}" value="([^"]+)"', page.text))
    for number in range(12):
        body = parcels.message(parcels.announced(f"F-{number}")).decode()
        fields = {FORM_FIELD: token, "paste": body, "sender": str(sender_id)}
        answer = httpx.post(address, data=fields, cookies=dict(page.cookies), timeout=PATIENCE_SECONDS)
        assert answer.status_code == 303


def test_one_of_them_is_killed_and_nothing_acknowledged_is_lost(running: Running) -> None:
    before = running.workers()
    with open_store(Settings(data_folder=running.folder)) as store:
        sender = store.senders.ensure("Meridian Post")
        key = store.senders.issue_key(KeyHolder(name="post", role="declarant", sender_id=sender.sender_id))

        def hand_in(number: int) -> httpx.Response:
            if number == COUNT // 3:
                os.kill(before[0], signal.SIGKILL)
            body = parcels.message(parcels.announced(f"W-{number}"))
            while True:
                try:  # a connection each, so that both processes get some
                    return httpx.post(
                        f"http://127.0.0.1:{running.port}/api/v1/messages",
                        content=body, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE_SECONDS,
                    )  # fmt: skip
                except httpx.TransportError:
                    time.sleep(0.05)  # cut off: the same bytes again are safe

        with ThreadPoolExecutor(8) as senders:
            answers = list(senders.map(hand_in, range(COUNT)))
        assert {answer.status_code for answer in answers} <= {200, 201}
        wait_for(lambda: len(running.workers()) == 2 and before[0] not in running.workers())
        assert before[1] in running.workers()
        assert running.parent.poll() is None
        for number, answer in enumerate(answers):
            receipt = answer.json()
            assert receipt["is_complete"]
            assert store.find(f"W-{number}") == receipt["lines"][0]["declaration_id"]
        assert len(store.declarations(Filter(text="W-", limit=1000))) == COUNT
        wait_for(lambda: store.unprocessed() == [])
        assert store.broken_links() == []
        assert replay.replay_all(store, workers=1).is_clean


def test_they_end_with_the_one_who_started_them(running: Running) -> None:
    workers = running.workers()
    os.kill(running.parent.pid, signal.SIGKILL)
    running.parent.wait(PATIENCE_SECONDS)
    wait_for(lambda: not any(_is_alive(pid) for pid in workers))
    wait_for(lambda: not _processes_of(running.folder))


def test_it_gives_up_where_they_end_before_they_serve() -> None:
    started: list[int] = []

    def start(number: int, _: object) -> SpawnProcess:
        started.append(number)
        return process(math.sqrt, 4)  # which serves nobody

    with pytest.raises(ServeError, match="before they serve") as refused:
        Staff(start, 1).run()
    assert started == list(range(FAILED_STARTS_MAX))
    assert refused.value.hint


def test_a_port_that_is_taken_is_said_so() -> None:
    with bound("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(ServeError, match="cannot be used") as refused:
            bound("127.0.0.1", taken.getsockname()[1])
    assert "--port" in refused.value.hint
    with pytest.raises(ServeError, match="of 192"):
        bound("192.0.2.7", 0)  # an address of nobody (RFC 5737)


def test_how_many_serve() -> None:
    assert 1 <= workers_wanted() <= 8
    assert workers_wanted(3) == 3
    for number in (0, WORKERS_MAX + 1):
        with pytest.raises(ServeError):
            workers_wanted(number)


def wait_for(is_so: Callable[[], bool]) -> None:
    """Until it is so."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def _is_well(port: int) -> bool:
    try:
        return bool(httpx.get(f"http://127.0.0.1:{port}/health.json", timeout=2).json()["is_well"])
    except httpx.TransportError:
        return False


def _processes_of(folder: Path) -> list[int]:
    """Processes whose command line names the folder: the database's."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if str(folder) in _command(int(entry.name))]


def _niceness(pid: int) -> int:
    try:
        return os.getpriority(os.PRIO_PROCESS, pid)
    except ProcessLookupError:
        return beside.NICE


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
