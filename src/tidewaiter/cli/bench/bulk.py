"""`bench bulk`: a night's file through the real intake into a real PostgreSQL, and what it costs."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
from msgspec import Struct

from tidewaiter.cli.bench import parcels
from tidewaiter.cli.bench.meters import PeakMemory, cpu_seconds
from tidewaiter.cli.bench.stages import stages
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.workflow.crew import workers_wanted
from tidewaiter.workflow.intake import Intake

SAMPLE = 1_000  # consignments that the steps are timed on
TABLES = ("message_chunk", "declaration", "goods_item", "notice", "evidence_block")
ON = date(2026, 11, 20)  # a day whose law is known


class BulkReport(Struct, frozen=True, kw_only=True):
    """What one run measured. CPU figures are microseconds of processor time for one consignment."""

    form: str
    consignments: int
    workers: int
    seconds: float
    consignments_a_second: float
    file_bytes: int
    counts: dict[str, int]
    cpu_us_total: float
    cpu_us_intake: float
    cpu_us_postgresql: float
    cpu_us_by_step: dict[str, float]
    peak_memory_bytes: int
    copy_seconds: float
    ratio_to_copy: float


def run(form_name: str, count: int, *, workers: int | None = None, seed: int = 1) -> BulkReport:
    """Generate, hand in and measure `count` consignments in one form, in a temporary folder of its own."""
    with _server() as (folder, server):
        file = folder / f"parcels.{form_name}"
        with file.open("wb") as stream:
            for part in parcels.message(form_name, count, seed, ON):
                stream.write(part)
        ensure_database(server, "intake")
        ensure_database(server, "copy")
        PostgresStore(server.url("copy")).close()
        with PostgresStore(server.url("intake")) as store:
            measured = _hand_in(store, server, (file, form_name), workers or workers_wanted())
        copy_seconds = _copy_again(server, folder)
        size = file.stat().st_size
    by_step = stages(b"".join(parcels.message(form_name, min(count, SAMPLE), seed, ON)), form_name, ON)
    seconds, server_cpu, own_cpu, counts, peak = measured
    done = sum(counts.values())
    return BulkReport(
        form=form_name,
        consignments=done,
        workers=workers or workers_wanted(),
        seconds=seconds,
        consignments_a_second=done / seconds,
        file_bytes=size,
        counts=counts,
        cpu_us_total=(server_cpu + own_cpu) / done * 1e6,
        cpu_us_intake=own_cpu / done * 1e6,
        cpu_us_postgresql=server_cpu / done * 1e6,
        cpu_us_by_step=by_step,
        peak_memory_bytes=peak,
        copy_seconds=copy_seconds,
        ratio_to_copy=copy_seconds / seconds,
    )


def row(report: BulkReport) -> dict[str, str]:
    """The report as a person reads it."""
    steps = {f"  {step}": f"{micros:.0f} us" for step, micros in report.cpu_us_by_step.items()}
    return {
        "consignments": f"{report.consignments:,} of two items, {report.file_bytes / 1e6:.0f} MB",
        "durable consignments a second": f"{report.consignments_a_second:,.0f} with {report.workers} workers",
        "ratio to COPY of the same rows": f"{report.ratio_to_copy:.2f} (COPY: {report.copy_seconds:.2f} s)",
        "peak memory": f"{report.peak_memory_bytes / 2**20:,.0f} MiB, all processes",
        "processor time for one consignment": f"{report.cpu_us_total:.0f} us",
        "  intake and workers": f"{report.cpu_us_intake:.0f} us, their start counted",
        "  PostgreSQL": f"{report.cpu_us_postgresql:.0f} us",
        "each step by itself, in one process": "",
        **steps,
    }


def _hand_in(
    store: PostgresStore, server: EmbeddedServer, source: tuple[Path, str], workers: int
) -> tuple[float, float, float, dict[str, int], int]:
    """Wall seconds, processor seconds of the server and of ours, what became of the records, peak memory."""
    sender = store.senders.ensure("bench")
    postmaster = server.postmaster_pid()
    with Intake(store, workers=workers) as intake, PeakMemory(lambda: (os.getpid(), postmaster)) as memory:
        cpu_before = cpu_seconds(postmaster), cpu_seconds(os.getpid())
        began = time.perf_counter()
        with source[0].open("rb") as stream:
            receipt = intake.submit(
                stream,
                sender_id=sender.sender_id,
                file_name=source[0].name,
                transport="bench",
                form_name=source[1],
                legal_day=ON,
            )
        seconds = time.perf_counter() - began
        server_cpu = cpu_seconds(postmaster) - cpu_before[0]
        own_cpu = cpu_seconds(os.getpid()) - cpu_before[1]  # workers and what they are forked from among it
    return seconds, server_cpu, own_cpu, receipt.counts, memory.peak_bytes


def _copy_again(server: EmbeddedServer, folder: Path) -> float:
    """Seconds that PostgreSQL takes to COPY the very same rows into the same tables and indexes, durably.

    As in the intake there is one connection and one transaction.
    """
    dumps = {table: folder / f"{table}.copy" for table in TABLES}
    with psycopg.connect(server.url("intake")) as connection:
        for table, dump in dumps.items():
            with dump.open("wb") as stream, connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                for data in copy:
                    stream.write(data)
    began = time.perf_counter()
    with psycopg.connect(server.url("copy")) as connection:
        for table, dump in dumps.items():
            with dump.open("rb") as stream, connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                while data := stream.read(1024 * 1024):
                    copy.write(data)
    return time.perf_counter() - began


@contextmanager
def _server() -> Iterator[tuple[Path, EmbeddedServer]]:
    """A folder and a server for this run alone."""
    folder = Path(tempfile.mkdtemp(prefix="tw-bench-"))
    try:
        with EmbeddedServer(folder / "postgres") as server:
            yield folder, server
    finally:
        shutil.rmtree(folder, ignore_errors=True)
