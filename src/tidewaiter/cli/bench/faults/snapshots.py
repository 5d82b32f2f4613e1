"""Snapshots of simulated members (ADR 44): what one holds besides its journal, and may start from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from tidewaiter.cli.bench.faults.rules import again
from tidewaiter.ledger.contracts import Contract
from tidewaiter.ledger.effects import Block
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.merkle import Frontier, leaf_hashes
from tidewaiter.ledger.mirror_records import Record as MirrorRecord
from tidewaiter.ledger.mirror_records import Taken
from tidewaiter.ledger.resuming import Log, Resumed, resumed_at
from tidewaiter.ledger.sequencing import Admitted, Sealed
from tidewaiter.ledger.sequencing import Record as SequencerRecord
from tidewaiter.ledger.verdict import LedgerError

M = TypeVar("M")
_RECORDS = msgspec.msgpack.Decoder(MirrorRecord | SequencerRecord)


class Kept(Struct, Generic[M], frozen=True):
    """A snapshot: the checkpoint of a block, the edge of the log before it, the state before its last entry, and the memory."""

    note: bytes
    before: Frontier
    state: bytes
    memory: M


class Begun(Struct, Generic[M], frozen=True):
    """What a machine is made of: the contract, records, and where it goes on: behind so many records and entries."""

    contract: Contract
    records: Sequence[bytes]
    resumed: tuple[Resumed[M]] | tuple[()] = ()
    passed: int = 0
    size: int = 0


def kept(records: Sequence[bytes], contract: Contract, memory: M) -> Kept[M] | None:
    """A snapshot of a machine that stands just behind the last block of its records; None where it does not."""
    blocks = [block for _, block in blocks_in(records)]
    try:
        state = contract.state.snapshot_before_closing()
    except LedgerError:
        return None
    if not blocks or contract.state.size != blocks[-1].first + len(blocks[-1].entries):
        return None
    before = Frontier().extended(each for block in blocks[:-1] for each in leaf_hashes(block.entries))
    return Kept(blocks[-1].note, before, state, memory)


def start(begin: Callable[[], Contract], records: Sequence[bytes], snapshot: Kept[M] | None, log: Log) -> Begun[M]:
    """From a snapshot, where the records have its block; else from all of them. Raises LedgerError for one that is not of this log."""
    rules = begin()
    for end, block in blocks_in(records) if snapshot else ():
        if snapshot is not None and block.note == snapshot.note:
            contract = again(rules, snapshot.state)
            resumed = resumed_at(block, snapshot.before, contract, log, snapshot.memory)
            return Begun(contract, records[end:], (resumed,), end, resumed.frontier.size)
    return Begun(rules, records)


def blocks_in(records: Sequence[bytes]) -> Iterator[tuple[int, Block]]:
    """The blocks in records, and how many records there are up to the end of each."""
    admitted: list[Admitted] = []
    for end, record in enumerate(map(_RECORDS.decode, records), start=1):
        match record:
            case Taken(block):
                yield end, block
            case Admitted():
                admitted.append(record)
            case Sealed(entry, note):
                entries = Entries.joined([*(each.entries for each in admitted), Entries.of([entry])])
                yield end, Block(admitted[0].first, entries, tuple(each.slip for each in admitted), note)
                admitted = []
