"""`bench bulk`: a night's file through the real intake into a real PostgreSQL, and what it costs."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.cli.bench import filings, rule_sets
from tidewaiter.cli.bench.meters import PeakMemory, cpu_seconds
from tidewaiter.cli.bench.stages import stages
from tidewaiter.risk import PartKind
from tidewaiter.risk.facts import feature_kinds
from tidewaiter.risk.rules import Context
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.workflow.crew import workers_wanted
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.models import Said, use_model
from tidewaiter.workflow.processing import SLICE_RECORDS
from tidewaiter.workflow.targeting import Change, in_use

SAMPLE = 1_000  # consignments that the steps are timed on
TABLES = ("message_chunk", "declaration", "goods_item", "notice", "evidence_block")
LOOK_EVERY_SECONDS = 0.05  # at how far the intake is
ON = date(2026, 11, 20)  # a day whose law is known


class BulkReport(Struct, frozen=True, kw_only=True):
    """What one file came to. CPU figures are microseconds of processor time for one consignment.

    `steady_a_second` leaves out what comes before the second slice is durable: reading the law, starting the workers;
    0 where the file was too short to tell. COPY is of all files of a run; each is given its share by consignments.
    """

    form: str
    consignments: int
    workers: int
    seconds: float
    start_seconds: float
    consignments_a_second: float
    steady_a_second: float
    file_bytes: int
    counts: dict[str, int]
    cpu_us_total: float
    cpu_us_intake: float
    cpu_us_workers: float
    cpu_us_postgresql: float
    cpu_us_by_step: dict[str, float]
    peak_memory_bytes: int
    copy_seconds: float
    ratio_to_copy: float


class Spent(Struct, frozen=True, kw_only=True):
    """What handing in one file took: seconds by the clock and of processors, and what became of its records."""

    seconds: float
    first_durable: tuple[float, int]  # seconds until the second slice was durable, records durable by then
    intake_cpu: float
    workers_cpu: float
    postgresql_cpu: float
    counts: dict[str, int]
    peak_bytes: int


def run(
    kind: str, count: int, *, workers: int | None = None, seed: int = 1, rules: int = 0, model: bytes = b""
) -> tuple[BulkReport, ...]:
    """Generate, hand in and measure `count` consignments of one kind, in a temporary folder of its own.

    One report for each file of the kind (`filings.parts`), in the order they came in. With `rules` so many targeting
    rules decide (`rule_sets`), with `model` each is scored by it, too.
    """
    workers = workers or workers_wanted()
    measured: list[tuple[filings.Part, int, Spent]] = []
    with _server() as (folder, server):
        ensure_database(server, "intake")
        ensure_database(server, "copy")
        PostgresStore(server.url("copy")).close()
        with PostgresStore(server.url("intake")) as store:
            if rules:
                _publish(store, rules)
            if model:
                said = Said(by="bench", approved_by="", words="for measuring", at=datetime.now(UTC))
                use_model(store, "measured", model, said, on_trial=True)
            for number, part in enumerate(filings.parts(kind)):
                file = folder / f"{number}.{part.form}"
                with file.open("wb") as stream:
                    for data in filings.message(part, count, seed, ON):
                        stream.write(data)
                measured.append((part, file.stat().st_size, _hand_in(store, server, (file, part.form), workers)))
            used = in_use(store)
            contents = {each.part.digest: store.knowledge(each.part.digest) for each in used.parts}
        copy_seconds = _copy_again(server, folder)
    in_all = sum(sum(spent.counts.values()) for _, _, spent in measured)
    reports = []
    for part, size, spent in measured:
        body = b"".join(filings.message(part, min(count, SAMPLE), seed, ON))
        done = sum(spent.counts.values())
        share = copy_seconds * done / in_all
        start, before = spent.first_durable
        micros = 1e6 / done
        reports.append(
            BulkReport(
                form=part.title,
                consignments=done,
                workers=workers,
                seconds=spent.seconds,
                start_seconds=start,
                consignments_a_second=done / spent.seconds,
                steady_a_second=(done - before) / (spent.seconds - start) if 0 < before < done else 0.0,
                file_bytes=size,
                counts=spent.counts,
                cpu_us_total=(spent.intake_cpu + spent.workers_cpu + spent.postgresql_cpu) * micros,
                cpu_us_intake=spent.intake_cpu * micros,
                cpu_us_workers=spent.workers_cpu * micros,
                cpu_us_postgresql=spent.postgresql_cpu * micros,
                cpu_us_by_step=stages(body, part.form, ON, replace(used, contents=contents.__getitem__)),
                peak_memory_bytes=spent.peak_bytes,
                copy_seconds=share,
                ratio_to_copy=share / spent.seconds,
            )
        )
    return tuple(reports)


def row(report: BulkReport) -> dict[str, str]:
    """The report as a person reads it."""
    steps = {f"  {step}": f"{micros:.0f} us" for step, micros in report.cpu_us_by_step.items()}
    steady = f"{report.steady_a_second:,.0f}" if report.steady_a_second else "the file is too short to tell"
    return {
        "consignments": f"{report.consignments:,}, {report.file_bytes / 1e6:.0f} MB",
        "what became of them": ", ".join(f"{count:,} {state}" for state, count in report.counts.items()),
        "durable a second, from the first byte": f"{report.consignments_a_second:,.0f} with {report.workers} workers",
        "durable a second, once under way": f"{steady} (start: {report.start_seconds:.1f} s)",
        "ratio to COPY of the same rows": f"{report.ratio_to_copy:.2f} (COPY: {report.copy_seconds:.2f} s)",
        "peak memory": f"{report.peak_memory_bytes / 2**20:,.0f} MiB, all processes",
        "processor time for one record": f"{report.cpu_us_total:.0f} us",
        "  who splits and writes": f"{report.cpu_us_intake:.0f} us, the law's reading counted",
        "  workers": f"{report.cpu_us_workers:.0f} us, their start counted",
        "  PostgreSQL": f"{report.cpu_us_postgresql:.0f} us",
        "each step by itself, in one process": "",
        **steps,
    }


def _publish(store: PostgresStore, count: int) -> None:
    """Put so many made-up rules in use, on what is declared and on the features there are."""
    made = rule_sets.rule_set(rule_sets.made_rules(count, context=Context(features=feature_kinds())))
    store.keep_knowledge({made.digest: (PartKind.RULES, made.text.encode())})
    change = Change(kind=PartKind.RULES, name="made", digest=made.digest)
    store.parts.change((change,), actor="bench", words="made up for measuring", at=datetime.now(UTC))


def _hand_in(store: PostgresStore, server: EmbeddedServer, source: tuple[Path, str], workers: int) -> Spent:
    sender = store.senders.ensure("bench")
    postmaster = server.postmaster_pid()
    with (
        Intake(store, workers=workers) as intake,
        PeakMemory(lambda: (os.getpid(), postmaster)) as memory,
        _Progress(server.url("intake")) as progress,
    ):
        before = cpu_seconds(postmaster), cpu_seconds(os.getpid()), time.process_time()
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
        intake_cpu = time.process_time() - before[2]
        postgresql_cpu = cpu_seconds(postmaster) - before[0]
        own_cpu = cpu_seconds(os.getpid()) - before[1]  # workers and what they are forked from among it
    at, durable = progress.second_slice
    return Spent(
        seconds=seconds,
        first_durable=(max(at - began, 0.0), durable),
        intake_cpu=intake_cpu,
        workers_cpu=max(own_cpu - intake_cpu, 0.0),
        postgresql_cpu=postgresql_cpu,
        counts=receipt.counts,
        peak_bytes=memory.peak_bytes,
    )


class _Progress:
    """When the second slice of the message that comes in became durable, seen from outside."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.second_slice = (0.0, 0)  # by the clock of `time.perf_counter`, records durable by then

    def __enter__(self) -> _Progress:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stopped.wait(LOOK_EVERY_SECONDS):
                row = connection.execute(
                    "SELECT record_count FROM message WHERE processed_at IS NULL ORDER BY message_id DESC LIMIT 1"
                ).fetchone()
                if row is not None and row[0] > SLICE_RECORDS:
                    self.second_slice = time.perf_counter(), int(row[0])
                    return


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
