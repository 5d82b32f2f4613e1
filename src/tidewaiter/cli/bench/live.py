"""`bench live`: single declarations over HTTP at a fixed rate, each answered when its decision is durable.

The load is open: requests leave on schedule whether or not answers have come,
and a request's time counts from when it should have left. So a server that
falls behind is seen to. Server and client are processes of this machine.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import shutil
import socket
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.cli.bench import parcels
from tidewaiter.messages import forms
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.store import Settings, open_store
from tidewaiter.store.senders import KeyHolder

HOST: Final = "127.0.0.1"
WARM_UP_SECONDS: Final = 2
SECONDS_MAX: Final = 600
RATE_MAX: Final = 5_000
CONNECTIONS_MAX: Final = 256
START_SECONDS_MAX: Final = 60


class BenchError(TidewaiterError):
    """The measurement could not be made."""

    code = "bench"


class LiveReport(Struct, frozen=True, kw_only=True):
    """What one run measured, in milliseconds from when a request should have left to its whole answer."""

    rate: int
    seconds: int
    requests: int
    failed: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    by_status: dict[str, int]


def run(rate: int = 200, seconds: int = 20) -> LiveReport:
    """Serve on a port of this machine, with a database of its own, and send `rate` declarations a second.

    Raises BenchError when the server does not come up.
    """
    if not (0 < rate <= RATE_MAX and 0 < seconds <= SECONDS_MAX):
        raise BenchError(f"the rate is up to {RATE_MAX} a second and the time up to {SECONDS_MAX} seconds")
    folder = Path(tempfile.mkdtemp(prefix="tw-bench-"))
    settings = Settings(data_folder=folder / "postgres")
    try:
        with open_store(settings) as store:
            sender = store.senders.ensure("bench")
            key = store.senders.issue_key(KeyHolder(name="bench", role="declarant", sender_id=sender.sender_id))
            port = _free_port()
            server = multiprocessing.get_context("spawn").Process(target=_serve, args=(settings, port), daemon=True)
            server.start()
            try:
                _wait_for(port)
                bodies = _bodies(rate * (seconds + WARM_UP_SECONDS))
                return asyncio.run(_measured(_Client(port, key), (rate, seconds), bodies))
            finally:
                server.terminate()
                server.join(timeout=20)
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
    }


def _serve(settings: Settings, port: int) -> None:
    """What the server's process runs: the pages and REST as `tidewaiter serve` has them."""
    from tidewaiter.web.serve import serve

    with open_store(settings) as store:
        serve(host=HOST, port=port, store=store)


def _bodies(count: int) -> list[bytes]:
    form = forms.by_name("json")
    return [
        form.write([declaration])
        for declaration in parcels.declarations("json", count, int(time.time()), datetime.now(UTC).date())
    ]


async def _measured(client: _Client, load: tuple[int, int], bodies: list[bytes]) -> LiveReport:
    rate, seconds = load
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
    await client.close()
    answers = answers[rate * WARM_UP_SECONDS :]
    times = sorted(seconds_taken for _, seconds_taken in answers)
    by_status: dict[str, int] = {}
    for status, _ in answers:
        by_status[str(status)] = by_status.get(str(status), 0) + 1
    return LiveReport(
        rate=rate,
        seconds=seconds,
        requests=len(answers),
        failed=sum(status != 201 for status, _ in answers),
        p50_ms=_percentile(times, 50),
        p90_ms=_percentile(times, 90),
        p99_ms=_percentile(times, 99),
        max_ms=times[-1] * 1000,
        by_status=by_status,
    )


def _percentile(times: list[float], percent: int) -> float:
    return times[min(len(times) - 1, len(times) * percent // 100)] * 1000


class _Client:
    """Just enough HTTP to hand in a body over kept connections; written here so that it costs little itself."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._head = (
            f"POST /api/v1/declarations/json HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
            f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)

    async def post(self, body: bytes, due: float) -> tuple[int, float]:
        """Status (0: no answer) and seconds since it was due."""
        async with self._free:
            status = 0
            while not status:
                is_reused = bool(self._idle)
                try:
                    status = await self._once(body)
                except (OSError, asyncio.IncompleteReadError, ValueError):
                    if not is_reused:  # a kept connection may have been closed as idle; handing in again is safe
                        break
        return status, time.perf_counter() - due

    async def _once(self, body: bytes) -> int:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(HOST, self._port)
        writer.write(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)
        status, is_decided = await _answer(reader)
        self._idle.append((reader, writer))
        if not is_decided:
            raise ValueError("answered without the decision")
        return status

    async def close(self) -> None:
        """Close the kept connections."""
        for _, writer in self._idle:
            writer.close()
            await writer.wait_closed()


class _Receipt(Struct):
    is_complete: bool
    record_count: int


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status, and whether it came with the decision on the one record (or is a refusal, which says why)."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    length = next(line.split(":", 1)[1] for line in head.split("\r\n") if line.startswith("content-length:"))
    body = await reader.readexactly(int(length))
    if status != 201:
        return status, True
    receipt = msgspec.json.decode(body, type=_Receipt)
    return status, receipt.is_complete and receipt.record_count == 1


def _free_port() -> int:
    with socket.socket() as asking:
        asking.bind((HOST, 0))
        return int(asking.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise BenchError("the server did not come up", hint="does `tidewaiter serve` start?")
