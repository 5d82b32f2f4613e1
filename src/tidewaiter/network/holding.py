"""What a member holds of one origin: the journal's blocks, tiles made of them, and the last final checkpoint."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.ledger import mirroring, sequencing
from tidewaiter.ledger.batches import Slip
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts.statements import QuorumChanged, Statement
from tidewaiter.ledger.effects import Block, FinalCheckpoint, Hashed, Keep, Persist
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.merkle import range_hash
from tidewaiter.ledger.mirroring import Taken
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.receipts import Receipt, issue
from tidewaiter.ledger.sequencing import Admitted, Sealed
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.failing import Failpoints
from tidewaiter.network.files import Place, read_from, read_journal
from tidewaiter.network.home import Origin
from tidewaiter.network.outbox import Sent
from tidewaiter.network.rules import Shelf, named_in
from tidewaiter.network.tile_folder import TileFolder

FINAL: Final = "final"
SETTLED: Final = "settled-"
"""How files begin that hold the checkpoint by which a decision on the quorum became final; then comes where its block ends."""
_RECORDS: Final = msgspec.msgpack.Decoder(sequencing.Record | mirroring.Record)


class _Waiting(Struct, frozen=True):
    """A block that is in the journal and not safe yet."""

    upto: int
    entries: Sequence[bytes]
    hashed: Hashed | None
    note: bytes


class Holding:
    """One origin's entries as this member has them. `note` is the last checkpoint whose entries are safe here.

    `governing` are the ends of blocks with statements that whoever holds this has not looked at yet.
    """

    def __init__(self, origin: Origin, shelf: Shelf, failpoints: Failpoints) -> None:
        self.origin, self.shelf = origin, shelf
        self.governing: deque[int] = deque()
        self.tiles = TileFolder(origin.tiles, self._entries_between, failpoints)
        self.note = b""
        self.final = origin.kept(FINAL)
        self._settled = {int(path.name.removeprefix(SETTLED)): path for path in origin.folder.glob(f"{SETTLED}*")}
        self._waiting: deque[_Waiting] = deque()
        self._places: dict[int, Place] = {}
        self._starts: list[int] = []
        self._last_read: tuple[int, tuple[bytes, ...]] = 0, ()
        self._next = 0
        self._entries: list[bytes] = []
        self._named: list[str] = []
        self._began: Place | None = None
        self._awaited: set[asyncio.Future[None]] = set()

    def records(self) -> Iterator[bytes]:
        """The journal's records, for the machine to be made of; what they hold is taken in on the way."""
        for place, record in read_journal(self.origin.journal):
            self._take_in(_RECORDS.decode(record), None, 0, place)
            self.safe(0)
            yield record

    def wrote(self, written: Persist | Keep, upto: int, place: Place) -> None:
        """A record was appended to the journal at a place."""
        self._take_in(written.record, written.hashed if isinstance(written, Persist) else None, upto, place)

    def _take_in(self, record: Struct, hashed: Hashed | None, upto: int, place: Place) -> None:
        match record:
            case Admitted(entries=entries):
                self._began = self._began or place
                self._entries += entries.written
                self._named += named_in(entries)
                self.shelf.hold(self._named)
            case Sealed(entry, note):
                self._queue(_Waiting(upto, (*self._entries, entry), hashed, note), self._named, self._began or place)
                self._entries, self._named, self._began = [], [], None
            case Taken(block):
                waiting = _Waiting(upto, block.entries.written, hashed, block.note)
                self._queue(waiting, named_in(block.entries), place)
            case FinalCheckpoint(note=note):
                self.final = note

    def safe(self, upto: int) -> None:
        """Everything up to this `Persist` is on disk: what was sealed by then may be served."""
        while self._waiting and self._waiting[0].upto <= upto:
            block = self._waiting.popleft()
            self.tiles.add(block.entries, block.hashed)
            self.note = block.note

    def _queue(self, block: _Waiting, named: list[str], place: Place) -> None:
        self._places[self._next] = place
        self._starts.append(self._next)
        self._next += len(block.entries)
        if named:
            self.shelf.hold(named)
            self.governing.append(self._next)
        self._waiting.append(block)

    @property
    def size(self) -> int:
        """How many entries are safe and served."""
        return self.tiles.size

    @property
    def final_size(self) -> int:
        """The size of the last final checkpoint; 0 before the first."""
        return checkpoint_of(self.final).size if self.final else 0

    def become_final(self, note: bytes) -> None:
        """Keep a checkpoint that the quorum has cosigned, in memory; whoever waits for it is told."""
        self.final = note
        awaited, self._awaited = self._awaited, set()
        for future in awaited:
            if not future.done():
                future.set_result(None)

    def settle(self, size: int, note: bytes) -> None:
        """Keep the checkpoint by which a decision on the quorum became final, durably, before anything rests on it."""
        self.origin.keep(f"{SETTLED}{size}", note)
        self._settled[size] = self.origin.folder / f"{SETTLED}{size}"

    @property
    def last_settled(self) -> FinalCheckpoint | None:
        """The last of them; None where there is none."""
        if not self._settled:
            return None
        note = self._settled[max(self._settled)].read_bytes()
        return FinalCheckpoint(checkpoint_of(note).size, note)

    async def await_final(self, size: int, seconds: float) -> bytes:
        """The last final checkpoint, once it has this size; sooner or later what there is when the time is over."""
        until = asyncio.get_running_loop().time() + seconds
        while self.final_size < size and (left := until - asyncio.get_running_loop().time()) > 0:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._awaited.add(future)
            try:
                async with asyncio.timeout(left):
                    await future
            except TimeoutError:
                break
            finally:
                self._awaited.discard(future)
        return self.final

    def root(self, size: int) -> bytes:
        """The root that the entries held here had at a size."""
        return range_hash(self.tiles.nodes(size), 0, size)

    def receipt(self, index: int) -> Receipt:
        """The receipt of an entry under the last final checkpoint. Raises LedgerError where it is not final yet."""
        size = self.final_size
        if not 0 <= index < size:
            raise LedgerError(f"entry {index} is not final; final are {size}", hint="ask again in a second")
        return issue(self.tiles.nodes(size), index, SignedNote.parse(self.final), size)

    def sent(self, block: Block) -> Sent:
        """A block with the statements that go with it."""
        statements = tuple(self.shelf[each] for each in named_in(block.entries) if each in self.shelf)
        settled = self._settled.get(block.first)
        return Sent(block, statements, settled.read_bytes() if settled else b"")

    def statement_of(self, policy: str) -> bytes:
        """The last statement in the log by which the members have agreed on a policy. Raises LedgerError where there is none."""
        found: dict[int, bytes] = {}
        for commitment, data in self.shelf.items():
            body = Statement.parse(data).said
            if isinstance(body, QuorumChanged) and body.policy == policy and self.shelf.is_held(commitment):
                found[body.decision] = data
        if not found:
            raise LedgerError("no statement brought this policy")
        return found[max(found)]

    def blocks(self, first: int, count: int) -> list[Sent]:
        """The blocks from one that begins at `first` on, as they were sent. Raises LedgerError where none begins there."""
        if first not in self._places:
            raise LedgerError(f"no block begins at {first}", hint="ask from the size that you hold")
        found = self._read_blocks(first, self._places[first])
        return [self.sent(block) for block in islice(found, count) if checkpoint_of(block.note).size <= self.size]

    def _entries_between(self, first: int, end: int) -> list[bytes]:
        """Entries from one up to another, out of the journal; whoever reads a log reads on in the block that was read last."""
        found: list[bytes] = []
        while first < end:
            start, entries = self._last_read
            if not start <= first < start + len(entries):
                start = self._starts[bisect_right(self._starts, first) - 1]
                entries = next(self._read_blocks(start, self._places[start])).entries.written
                self._last_read = start, entries
            found += entries[first - start : end - start]
            first = start + len(entries)
        return found

    def _read_blocks(self, first: int, place: Place) -> Iterator[Block]:
        entries: list[Entries] = []
        slips: list[Slip] = []
        for record in read_from(self.origin.journal, place):
            match _RECORDS.decode(record):
                case Taken(block):
                    yield block
                case Admitted(slip=slip, entries=admitted):
                    entries.append(admitted)
                    slips.append(slip)
                case Sealed(entry, note):
                    block = Block(first, Entries.joined([*entries, Entries.of([entry])]), tuple(slips), note)
                    yield block
                    first += len(block.entries)
                    entries, slips = [], []


def checkpoint_of(note: bytes) -> Checkpoint:
    """The checkpoint that a note is. Raises LedgerError."""
    return Checkpoint.parse(SignedNote.parse(note).text)
