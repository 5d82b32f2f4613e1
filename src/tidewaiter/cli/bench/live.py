"""`bench live`: single declarations over HTTP at a fixed rate, each answered when its decision is durable.

The load is open: requests leave on schedule whether or not answers have come,
and a request's time counts from when it should have left. So a server that
falls behind is seen to. The server's processes, PostgreSQL and the client share
this machine; what each spends of it is told apart.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import re
import shutil
import socket
import tempfile
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop
from msgspec import Struct

from tidewaiter.cli.bench import parcels
from tidewaiter.cli.bench.meters import cpu_seconds
from tidewaiter.messages import forms
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.network.ports import free_port
from tidewaiter.store import Settings, open_store
from tidewaiter.store.senders import KeyHolder
from tidewaiter.web.workers import workers_wanted

HOST: Final = "127.0.0.1"
WARM_UP_SECONDS: Final = 2
SECONDS_MAX: Final = 600
RATE_MAX: Final = 5_000
CONNECTIONS_MAX: Final = 256
START_SECONDS_MAX: Final = 180
SETTLE_SECONDS: Final = 3  # from the first of the server's processes that listens to the last
STOP_SECONDS_MAX: Final = 30


class BenchError(TidewaiterError):
    """The measurement could not be made."""

    code = "bench"


class LiveReport(Struct, frozen=True, kw_only=True):
    """What one run measured: milliseconds from when a request should have left to its whole answer, and processor time.

    Processor time is milliseconds for one request, the warm-up's counted alike.
    """

    rate: int
    seconds: int
    workers: int
    requests: int
    failed: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    by_status: dict[str, int]
    cpu_ms_server: float
    cpu_ms_postgresql: float
    cpu_ms_client: float


class Spent(Struct, frozen=True):
    """Processor seconds since their start of the server's processes, of PostgreSQL's and of this one."""

    server: float
    postgresql: float
    client: float

    @classmethod
    def by_now(cls, server_pid: int, postgresql_pid: int) -> Spent:
        """What was spent until this moment."""
        return cls(cpu_seconds(server_pid), cpu_seconds(postgresql_pid), time.process_time())


def run(rate: int = 200, seconds: int = 20, workers: int | None = None) -> LiveReport:
    """Serve on a port of this machine, with a database of its own, and send `rate` declarations a second.

    Raises BenchError when the server does not come up, ServeError for a number of workers that cannot be.
    """
    if not (0 < rate <= RATE_MAX and 0 < seconds <= SECONDS_MAX):
        raise BenchError(f"the rate is up to {RATE_MAX} a second and the time up to {SECONDS_MAX} seconds")
    count = workers_wanted(workers)
    folder = Path(tempfile.mkdtemp(prefix="tw-bench-"))
    settings = Settings(data_folder=folder / "postgres")
    try:
        with open_store(settings) as store:
            sender = store.senders.ensure("bench")
            key = store.senders.issue_key(KeyHolder(name="bench", role="declarant", sender_id=sender.sender_id))
            port = free_port()
            server = multiprocessing.get_context("spawn").Process(target=_serve, args=(settings, port, count))
            server.start()
            try:
                _wait_for(port)
                bodies = _bodies(rate * (seconds + WARM_UP_SECONDS))
                before = Spent.by_now(server.pid or 0, store.server_pid)
                answers = uvloop.run(_answers(_Client(port, key), rate, bodies))
                after = Spent.by_now(server.pid or 0, store.server_pid)
                return _report((rate, seconds, count), answers, (before, after))
            finally:
                server.terminate()
                server.join(timeout=STOP_SECONDS_MAX)
                if server.is_alive():
                    server.kill()
                    server.join()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def row(report: LiveReport) -> dict[str, str]:
    """The report as a person reads it."""
    return {
        "requests": f"{report.requests:,} at {report.rate} a second, one declaration each",
        "not answered with a decision": f"{report.failed:,}"
        + (f" (statuses {report.by_status})" if report.failed else ""),
        "p50": f"{report.p50_ms:.1f} ms",
        "p90": f"{report.p90_ms:.1f} ms",
        "p99": f"{report.p99_ms:.1f} ms (aim: at most 50)",
        "longest": f"{report.max_ms:.1f} ms",
        "processor time for one request": "",
        f"  server (serving processes: {report.workers})": f"{report.cpu_ms_server:.2f} ms",
        "  PostgreSQL": f"{report.cpu_ms_postgresql:.2f} ms",
        "  this client": f"{report.cpu_ms_client:.2f} ms",
    }


def _serve(settings: Settings, port: int, workers: int) -> None:
    """What the server's process runs: the pages and REST as `tidewaiter serve` has them."""
    from tidewaiter.web.serve import serve

    with open_store(settings) as store:
        serve(host=HOST, port=port, workers=workers, store=store)


def _bodies(count: int) -> list[bytes]:
    form = forms.by_name("json")
    return [
        form.write([declaration])
        for declaration in parcels.declarations("json", count, int(time.time()), datetime.now(UTC).date())
    ]


async def _answers(client: _Client, rate: int, bodies: list[bytes]) -> list[tuple[int, float]]:
    """Status and seconds taken of each body, sent `rate` a second."""
    gc.collect()
    gc.disable()  # so that the client's own pauses are not counted as the server's
    began = time.perf_counter() + 0.1
    waiting = []
    for number, body in enumerate(bodies):
        due = began + number / rate
        if (pause := due - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        waiting.append(asyncio.create_task(client.post(body, due)))
    answers = await asyncio.gather(*waiting)
    gc.enable()
    client.close()
    return answers


def _report(load: tuple[int, int, int], answers: list[tuple[int, float]], spent: tuple[Spent, Spent]) -> LiveReport:
    """What the run came to; of the answers those of the warm-up are left out, of what was spent not."""
    (rate, seconds, workers), (before, after), all_count = load, spent, len(answers)
    answers = answers[rate * WARM_UP_SECONDS :]
    times = sorted(seconds_taken for _, seconds_taken in answers)
    by_status: dict[str, int] = {}
    for status, _ in answers:
        by_status[str(status)] = by_status.get(str(status), 0) + 1
    return LiveReport(
        rate=rate,
        seconds=seconds,
        workers=workers,
        requests=len(answers),
        failed=sum(status != 201 for status, _ in answers),
        p50_ms=_percentile(times, 50),
        p90_ms=_percentile(times, 90),
        p99_ms=_percentile(times, 99),
        max_ms=times[-1] * 1000,
        by_status=by_status,
        cpu_ms_server=(after.server - before.server) / all_count * 1000,
        cpu_ms_postgresql=(after.postgresql - before.postgresql) / all_count * 1000,
        cpu_ms_client=(after.client - before.client) / all_count * 1000,
    )


def _percentile(times: list[float], percent: int) -> float:
    return times[min(len(times) - 1, len(times) * percent // 100)] * 1000


class _Client:
    """Just enough HTTP to hand in a body over kept connections; written here so that it costs little itself.

    Of the connections that are free the one is used that was free longest: senders are many, and no single one of
    the server's processes has them all.
    """

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._head = (
            f"POST /api/v1/declarations/json HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
            f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode()
        self._idle: deque[_Connection] = deque()
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)

    async def post(self, body: bytes, due: float) -> tuple[int, float]:
        """Status (0: no answer) and seconds since it was due."""
        async with self._free:
            status = 0
            while not status:
                is_reused = bool(self._idle)
                try:
                    status = await self._once(body)
                except (OSError, EOFError, ValueError):
                    if not is_reused:  # a kept connection may have been closed as idle; handing in again is safe
                        break
        return status, time.perf_counter() - due

    async def _once(self, body: bytes) -> int:
        if self._idle:
            connection = self._idle.popleft()
        else:
            _, connection = await asyncio.get_running_loop().create_connection(_Connection, HOST, self._port)
        head, answer = await connection.ask(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)
        self._idle.append(connection)
        status = int(head.split(b" ", 2)[1])
        if status == 201:  # else it is a refusal, which says why
            receipt = msgspec.json.decode(answer, type=_Receipt)
            if not receipt.is_complete or receipt.record_count != 1:
                raise ValueError("answered without the decision")
        return status

    def close(self) -> None:
        """Close the kept connections."""
        for connection in self._idle:
            connection.close()


class _Receipt(Struct):
    is_complete: bool
    record_count: int


class _Connection(asyncio.Protocol):
    """One kept connection: one question at a time."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._answer: asyncio.Future[tuple[bytes, bytes]] | None = None
        self._seen = b""
        self._is_lost = False

    def ask(self, request: bytes) -> asyncio.Future[tuple[bytes, bytes]]:
        """Head and body of the answer. Raises EOFError where the connection ends before, ValueError for another answer."""
        self._answer, self._seen = asyncio.get_running_loop().create_future(), b""
        if self._is_lost:
            self._answer.set_exception(EOFError())
        else:
            self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Close it."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Told by the event loop."""
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        """Told by the event loop."""
        self._is_lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(EOFError())

    def data_received(self, data: bytes) -> None:
        """Told by the event loop: some of the answer is here, or all of it."""
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if not end or self._answer is None or self._answer.done():
            return
        found = _LENGTH.search(head)
        if found is None:
            self._answer.set_exception(ValueError("an answer of unknown length"))
        elif len(body) >= int(found[1]):
            self._answer.set_result((head, body))


_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            time.sleep(SETTLE_SECONDS)
            return
    raise BenchError("the server did not come up", hint="does `tidewaiter serve` start?")
