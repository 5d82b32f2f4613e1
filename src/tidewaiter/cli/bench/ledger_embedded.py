"""`bench ledger-embedded`: entries made durable in the embedded record, and receipts, on a real PostgreSQL."""

from __future__ import annotations

import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.commitments import entry_seed, root_over, scope_id
from tidewaiter.ledger.leaves import Leaf, bucket
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.reading import TileReader, verify_log
from tidewaiter.ledger.receipts import issue, verify_receipt
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.store.record import entry_line
from tidewaiter.workflow.recording_logs import policy_of

RECEIPTS: Final = 500
KEY: Final = bytes(range(32))


class EmbeddedReport(Struct, frozen=True, kw_only=True):
    """What it came to. Durable: committed with the server's own fsync, `synchronous_commit` and `fsync` as they come.

    `appended_a_second` is of entries made before; `made_a_second` of making them, with a commitment over twelve
    fields each, in one process. `sealed_a_second` is of tiles and signed checkpoints made of what was committed.
    """

    entries: int
    batch: int
    made_a_second: float
    appended_a_second: float
    batch_milliseconds_p50: float
    batch_milliseconds_p99: float
    sealed_a_second: float
    appended_and_sealed_a_second: float
    bytes_an_entry: float
    receipt_bytes: int
    receipt_milliseconds: float
    fsync: str


def run(entries: int, batch: int) -> EmbeddedReport:
    """Append so many entries in batches, each a transaction of its own; then seal, verify all, and issue receipts."""
    folder = Path(tempfile.mkdtemp(prefix="tw-"))
    server = EmbeddedServer(folder)
    try:
        server.open()
        ensure_database(server, "record")
        with PostgresStore(server.url("record")) as store:
            return _measured(store, entries, batch)
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def _measured(store: PostgresStore, entries: int, batch: int) -> EmbeddedReport:
    at = datetime.now(UTC)
    began = time.perf_counter()
    batches = [_lines(store, range(first, min(entries, first + batch)), at) for first in range(0, entries, batch)]
    made = time.perf_counter() - began
    took = []
    for lines in batches:
        began = time.perf_counter()
        with store.writing() as transaction:
            transaction.record.append_made(lines, b"", at)
        took.append(time.perf_counter() - began)
    began = time.perf_counter()
    sealed = store.logs.seal()
    sealing = time.perf_counter() - began
    assert sealed.entries == entries
    (log,) = store.logs.logs()
    assert verify_log(lambda path: store.logs.file(log, path), log.sealed_size, log.root)
    size, milliseconds = _receipts(store, entries)
    took.sort()
    return EmbeddedReport(
        entries=entries,
        batch=batch,
        made_a_second=entries / made,
        appended_a_second=entries / sum(took),
        batch_milliseconds_p50=took[len(took) // 2] * 1000,
        batch_milliseconds_p99=took[min(len(took) - 1, len(took) * 99 // 100)] * 1000,
        sealed_a_second=entries / sealing,
        appended_and_sealed_a_second=entries / (sum(took) + sealing),
        bytes_an_entry=sum(map(len, batches)) / entries,
        receipt_bytes=size,
        receipt_milliseconds=milliseconds,
        fsync=store.setting("fsync"),
    )


def _lines(store: PostgresStore, numbers: range, at: datetime) -> bytes:
    actor, scope = store.record_keeper.identity.actor, scope_id(KEY)
    lines = []
    for number in numbers:
        label = f"record:{number}"
        fields = [(f"field_{place}", f"value {place} of {number}") for place in range(12)]
        leaf = Leaf(
            actor=actor, at=bucket(at), commitment=root_over(entry_seed(KEY, label), fields),
            facts={"assessed": 1, "debt": "none", "state": "released"}, scope=scope, type="decided",
        )  # fmt: skip
        lines.append(entry_line(f"declaration:{number}", label, leaf.entry()))
    return "".join(lines).encode()


def _receipts(store: PostgresStore, entries: int) -> tuple[int, float]:
    """Bytes of the longest of some receipts, and milliseconds to verify one."""
    (log,) = store.logs.logs()
    reader, note = TileReader(lambda path: store.logs.file(log, path), log.sealed_size), SignedNote.parse(log.note)
    policy = policy_of(store.logs)
    found = [
        (issue(reader.node, index, note, log.sealed_size).text, store.logs.after(log.origin_id, index, 1)[0].entry)
        for index in range(0, entries, max(1, entries // RECEIPTS))
    ]
    began = time.perf_counter()
    for text, entry in found:
        assert verify_receipt(text, entry, policy).verdict
    return max(len(text) for text, _ in found), (time.perf_counter() - began) / len(found) * 1000
