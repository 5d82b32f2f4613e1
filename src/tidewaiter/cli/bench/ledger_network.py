"""`bench ledger`: entries a second that a quorum of validating mirrors has made final, with real processes.

A sequencer and four mirrors, each a process with its own folder, on loopback: every batch signed, every entry parsed, hashed,
held to the contract and synced by each of them. Whoever hands in runs here, and shares the machine. A batch leaves when it is
due whether or not others were answered, and its time counts from then.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from msgspec import Struct

from tidewaiter.cli.bench.live import BenchError
from tidewaiter.cli.bench.meters import cpu_seconds
from tidewaiter.ledger.batches import Promise, write_batch
from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import Fact, Leaf, bucket
from tidewaiter.ledger.receipts import verify_receipt
from tidewaiter.network.charter import Charter
from tidewaiter.network.client import Peer, PeerError
from tidewaiter.network.founding import found, threshold
from tidewaiter.network.handing_in import BATCH_PATH
from tidewaiter.network.holding import checkpoint_of
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.local import LocalNetwork, Wanted
from tidewaiter.network.sequencer_side import FINAL_PATH
from tidewaiter.network.serving import MSGPACK

MIRRORS: Final = 4
QUORUM: Final = 3
BATCH_ENTRIES: Final = 500
STEPS: Final[tuple[tuple[str, dict[str, Fact]], ...]] = (
    ("decided", {"state": "accepted"}),
    ("assessed", {"debt": "open"}),
    ("paid", {}),
    ("released", {}),
)
"""What is recorded of each consignment: the contract looks at each step, and refuses the last without those before."""
ENTRIES_MAX: Final = 2_000_000
SECONDS_MAX: Final = 120
RECEIPTS: Final = 200


class NetworkReport(Struct, frozen=True, kw_only=True):
    """What one run measured. Milliseconds are from when a batch was due to when its last entry was final, at the submitter.

    `cpu_us` is processor time for one entry: the sequencer's, and that of each mirror (the mean).
    """

    offered: int
    entries: int
    final_per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    killed: str
    lost: int
    held: dict[str, int]
    cpu_us_sequencer: float
    cpu_us_mirror: float
    cpu_us_client: float
    receipt_ms: float
    receipt_bytes: int


def run(entries: int, rate: int, *, kill: bool) -> NetworkReport:
    """Found a network in a folder of its own and hand in `entries` at `rate` a second (0: as fast as they are answered).

    With `kill`, one mirror's process is killed in the middle. Raises BenchError.
    """
    if not (0 < entries <= ENTRIES_MAX) or rate < 0 or (rate and entries / rate > SECONDS_MAX):
        raise BenchError(f"at most {ENTRIES_MAX:,} entries, and {SECONDS_MAX} seconds")
    folder = Path(tempfile.mkdtemp(prefix="tw-bench-"))
    try:
        with LocalNetwork(folder) as network:
            labels = ["sequencer", *(f"mirror-{number}" for number in range(1, MIRRORS + 1))]
            homes = [network.make(Wanted(label=each, part="mirror", roles=(Role.CUSTOMS,))) for each in labels]
            quorum = threshold("mirrors", QUORUM, labels[1:])
            parts = {home: "mirror" if number else "sequencer" for number, home in enumerate(homes)}
            charter = found("bench.example/1", parts, quorum, datetime.now(UTC))  # type: ignore[arg-type]
            network.start(*labels)
            keys = [next(home.keyring.submitters()) for home in homes]
            load = _Load(charter, _batches(charter, keys, entries), rate, len(keys))
            return uvloop.run(_measured(network, load, labels[-1] if kill else ""))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def row(report: NetworkReport) -> dict[str, str]:
    """The report as a person reads it."""
    offered = f"{report.offered:,} a second" if report.offered else "as fast as they are answered"
    return {
        "entries": f"{report.entries:,}, handed in {offered}, in batches of {BATCH_ENTRIES}",
        "final": f"{report.final_per_second:,.0f} a second (aim: at least 25,000); quorum {QUORUM} of {MIRRORS} mirrors",
        "from handing in to final": f"p50 {report.p50_ms:.0f} ms, p99 {report.p99_ms:.0f} ms (aim: below 500), longest {report.max_ms:.0f} ms",
        "killed in the middle": report.killed or "nobody",
        "promised and not in the log": f"{report.lost:,}",
        "processor time for one entry": f"sequencer {report.cpu_us_sequencer:.1f} µs, each mirror {report.cpu_us_mirror:.1f} µs, "
        f"whoever hands in {report.cpu_us_client:.1f} µs",
        "a receipt": f"{report.receipt_bytes:,} bytes (aim: below 2,500), verified in {report.receipt_ms:.2f} ms (aim: below 1)",
    }


class _Load:
    """What is handed in, by whom, when; and what came of it."""

    def __init__(self, charter: Charter, batches: list[tuple[bytes, bytes]], rate: int, submitters: int) -> None:
        self.charter, self.batches, self.rate, self.submitters = charter, batches, rate, submitters
        self.due = [0.0] * len(batches)
        self.promises: dict[int, Promise] = {}
        self.finals: list[tuple[int, float]] = []
        self.note = b""
        self.handed_in = asyncio.Event()

    @property
    def end(self) -> int:
        """Behind the last entry that was promised."""
        return max((each.first + each.count for each in self.promises.values()), default=0)


async def _measured(network: LocalNetwork, load: _Load, killed: str) -> NetworkReport:
    url = load.charter.members[load.charter.sequencer].url
    pids = {label: process.pid for label, process in network.processes.items()}
    before = {label: cpu_seconds(pid) for label, pid in pids.items()}
    own = time.process_time()
    gc.collect()
    gc.disable()
    watching = asyncio.create_task(_watch(load, Peer(url, seconds=30)))
    began = time.perf_counter()
    handing = [asyncio.create_task(_hand_in(load, Peer(url), number, began)) for number in range(load.submitters)]
    half = asyncio.create_task(_kill_in_the_middle(network, load, killed)) if killed else None
    await asyncio.gather(*handing)
    load.handed_in.set()
    try:
        await asyncio.wait_for(watching, 30)
    except TimeoutError as error:
        raise BenchError(f"of {load.end} entries that were promised only {load.finals[-1:]} became final") from error
    if half is not None:
        await half
    spent = {label: cpu_seconds(pid) - before[label] for label, pid in pids.items() if label != killed}
    own = time.process_time() - own
    gc.enable()
    return await _report(load, (began, killed), spent, own)


async def _hand_in(load: _Load, peer: Peer, number: int, began: float) -> None:
    """One submitter's batches, one after another."""
    for place in range(number, len(load.batches), load.submitters):
        load.due[place] = time.perf_counter()
        if load.rate:
            load.due[place] = began + place * BATCH_ENTRIES / load.rate
            await asyncio.sleep(load.due[place] - time.perf_counter())
        while True:
            answer = await peer.post(BATCH_PATH, load.batches[place][0], MSGPACK)
            if answer.status != 503:
                break
            await asyncio.sleep(0.01)
        if answer.status != 200:
            raise BenchError(f"a batch was refused: {answer.body[:500].decode(errors='replace')}")
        promise = msgspec.msgpack.decode(answer.body, type=Promise)
        if promise.refused:
            raise BenchError(f"an entry was refused: {promise.refused[0]}")
        load.promises[place] = promise


async def _watch(load: _Load, peer: Peer) -> None:
    """Note when each checkpoint became final, until all is."""
    size = 0
    while not (load.handed_in.is_set() and size >= load.end):
        try:
            answer = await peer.get(f"{FINAL_PATH}?after={size}")
        except PeerError:
            continue
        if answer.status == 200:
            load.note, size = answer.body, checkpoint_of(answer.body).size
            load.finals.append((size, time.perf_counter()))


async def _kill_in_the_middle(network: LocalNetwork, load: _Load, label: str) -> None:
    while len(load.promises) < len(load.batches) // 2:
        await asyncio.sleep(0.01)
    network.kill(label)


async def _report(load: _Load, run_of: tuple[float, str], spent: dict[str, float], own: float) -> NetworkReport:
    (began, killed), count = run_of, sum(promise.count for promise in load.promises.values())
    times = sorted(_final_at(load, promise) - load.due[place] for place, promise in load.promises.items())
    mirrors = [seconds for label, seconds in spent.items() if label != load.charter.sequencer]
    receipt_ms, receipt_bytes, lost = await _receipts(load)
    peer = Peer(load.charter.members[load.charter.sequencer].url)
    status = msgspec.json.decode((await peer.get("/")).body)
    return NetworkReport(
        offered=load.rate, entries=count, final_per_second=count / (load.finals[-1][1] - began),
        p50_ms=_percentile(times, 50), p99_ms=_percentile(times, 99), max_ms=times[-1] * 1000, killed=killed, lost=lost,
        held=status["origins"][-1]["mirrors"], cpu_us_sequencer=spent[load.charter.sequencer] / count * 1e6,
        cpu_us_mirror=statistics.fmean(mirrors) / count * 1e6, cpu_us_client=own / count * 1e6,
        receipt_ms=receipt_ms, receipt_bytes=receipt_bytes,
    )  # fmt: skip


def _final_at(load: _Load, promise: Promise) -> float:
    return next(at for size, at in load.finals if size >= promise.first + promise.count)


def _percentile(times: list[float], percent: int) -> float:
    return times[min(len(times) - 1, len(times) * percent // 100)] * 1000


async def _receipts(load: _Load) -> tuple[float, int, int]:
    """Milliseconds to verify a receipt (p50), its bytes, and how many promised entries have none.

    Asked for is the last entry of each batch of which it was promised where it stands; of a mirror that keeps a copy.
    """
    policy = load.charter.read_policy
    mirror = next(iter(load.charter.of_part("mirror").values()))
    peer, lost, sizes, took = Peer(mirror.url), 0, [0], [0.0]
    places = list(load.promises)[:: max(1, len(load.promises) // RECEIPTS)]
    for place in places:
        promise, entry = load.promises[place], load.batches[place][1]
        answer = await peer.get(f"/record/receipts/{promise.first + promise.count - 1}")
        began = time.perf_counter()
        believed = verify_receipt(answer.body, entry, policy)
        took.append(time.perf_counter() - began)
        sizes.append(len(answer.body))
        lost += not believed.verdict
    return statistics.median(took[1:]) * 1000, max(sizes), lost


def _batches(charter: Charter, keys: list[SignerKey], entries: int) -> list[tuple[bytes, bytes]]:
    """Batches as they travel, each with its last entry; whole consignments in each, by each key in turn."""
    at = bucket(datetime.now(UTC))
    batches = []
    for place in range(-(-entries // BATCH_ENTRIES)):
        key = keys[place % len(keys)]
        made = [
            Leaf(
                actor=submitter_number(key),
                at=at,
                commitment=os.urandom(32).hex(),
                facts=dict(facts),
                scope=scope,
                type=kind,
            ).entry()
            for scope in (os.urandom(16).hex() for _ in range(BATCH_ENTRIES // len(STEPS)))
            for kind, facts in STEPS
        ]
        batch = write_batch(charter.origin, key, place // len(keys) + 1, made)
        batches.append((msgspec.msgpack.encode(batch), made[-1]))
    return batches
