"""`bench contracts`: how many entries a second of one processor the contracts take, with a state root for every block."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

from msgspec import Struct

from tidewaiter.ledger.contracts import VERSION_1, Applied, Founder, Genesis, Role, State
from tidewaiter.ledger.entries import EntryReader
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import Fact, Leaf, key_number

BLOCK = 1000
_TOGETHER = 500
"""Parcels that go their way side by side, so that a block holds entries on many of them."""
_AT = 1_800_000_000
_STEPS: tuple[tuple[str, str, dict[str, Fact]], ...] = (
    ("loaded", "carrier", {}), ("departed", "carrier", {}),
    ("decided", "customs", {"state": "accepted", "debt": "open", "assessed": 1}), ("arrived", "carrier", {}),
    ("presented", "carrier", {}), ("paid", "carrier", {}), ("released", "customs", {}), ("handed_over", "carrier", {}),
    ("delivered", "carrier", {}),
)  # fmt: skip


class Report(Struct, frozen=True, kw_only=True):
    """Entries a second of processor time: applied, with the root of each block; the same with reading them; and what is kept."""

    entries: int
    scopes: int
    applied_per_second: float
    read_and_applied_per_second: float
    root_share: float
    snapshot_bytes: int
    restored_seconds: float
    root: str


def run(parcels: int) -> Report:
    """Let so many parcels go their way, and measure. Raises RuntimeError where an entry is refused."""
    keys = {name: _key(name) for name in ("customs", "carrier", "sequencer")}
    entries = [leaf.entry() for leaf in _leaves(parcels, {name: key_number(key) for name, key in keys.items()})]
    started = time.process_time()
    leaves = EntryReader().leaves(entries)
    reading = time.process_time() - started
    state, sequencer = _begun(keys), key_number(keys["sequencer"])
    rooting = 0.0
    started = time.process_time()
    for place, leaf in enumerate(leaves, 1):
        if not isinstance(answer := state.apply(leaf), Applied):
            raise RuntimeError(f"{leaf.type} was refused: {answer.why}")
        if place % BLOCK == 0:
            before = time.process_time()
            root = state.root()
            rooting += time.process_time() - before
            state.apply(_closing(sequencer, root))
    applying = time.process_time() - started
    started = time.process_time()
    snapshot = state.snapshot()
    restored = State.restored(snapshot)
    if restored.root() != state.root():
        raise RuntimeError("a snapshot led to another state")
    return Report(
        entries=len(leaves),
        scopes=len(state.scopes),
        applied_per_second=len(leaves) / applying,
        read_and_applied_per_second=len(leaves) / (applying + reading),
        root_share=rooting / applying,
        snapshot_bytes=len(snapshot),
        restored_seconds=time.process_time() - started,
        root=state.root().hex(),
    )


def row(report: Report) -> dict[str, object]:
    """The report as a row to print."""
    return {
        "entries": f"{report.entries:,}",
        "scopes": f"{report.scopes:,}",
        "applied/CPU-s": f"{report.applied_per_second:,.0f}",
        "read and applied/CPU-s": f"{report.read_and_applied_per_second:,.0f}",
        "of which roots": f"{report.root_share:.0%}",
        "snapshot bytes/scope": f"{report.snapshot_bytes / report.scopes:,.0f}",
        "written and read again": f"{report.restored_seconds:.2f} s",
    }


def _begun(keys: dict[str, bytes]) -> State:
    founders = (
        Founder("customs.bench", keys["customs"], (Role.CUSTOMS,)),
        Founder("carrier", keys["carrier"], (Role.CARRIER, Role.COLLECTOR)),
    )
    return State.begin(Genesis("bench.example/1", _AT, founders, keys["sequencer"], "quorum none\n", VERSION_1.hash))


def _leaves(parcels: int, numbers: dict[str, str]) -> Iterator[Leaf]:
    for first in range(0, parcels, _TOGETHER):
        for kind, by, facts in _STEPS:
            for parcel in range(first, min(first + _TOGETHER, parcels)):
                scope = hashlib.sha256(b"scope %d" % parcel).hexdigest()[:32]
                commitment = hashlib.sha256(f"{kind} {parcel}".encode()).hexdigest()
                yield Leaf(actor=numbers[by], at=_AT, commitment=commitment, facts=facts, scope=scope, type=kind)


def _closing(sequencer: str, root: bytes) -> Leaf:
    facts: dict[str, Fact] = {"root": root.hex()}
    return Leaf(actor=sequencer, at=_AT, commitment="0" * 64, facts=facts, scope=sequencer, type="state")


def _key(name: str) -> bytes:
    return SignerKey("key", KeyType.ED25519, hashlib.sha256(name.encode()).digest()).verifier.public
