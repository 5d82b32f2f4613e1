"""What a member holds of one origin: the journal's blocks, tiles made of them, and the last final checkpoint."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from tidewaiter.ledger import mirror_records, sequencing
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts.statements import QuorumChanged, Statement
from tidewaiter.ledger.effects import Block, FinalCheckpoint, Hashed, Keep, Persist
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.journals import HEAD_BYTES
from tidewaiter.ledger.merkle import range_hash
from tidewaiter.ledger.mirror_records import Taken
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.receipts import Receipt, issue
from tidewaiter.ledger.sequencing import Admitted, Sealed
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.failing import Failpoints
from tidewaiter.network.files import BEGINNING, Place, read_from, read_journal
from tidewaiter.network.home import Origin
from tidewaiter.network.outbox import Sent
from tidewaiter.network.rules import Shelf, named_in
from tidewaiter.network.tile_folder import TileFolder

FINAL: Final = "final"
SETTLED: Final = "settled-"
"""How files begin that hold the checkpoint by which a decision on the quorum became final; then comes where its block ends."""
MARK_BYTES: Final = 2**20
"""Of every so many bytes of a journal it is known for good where a block begins; from there the others are found by reading."""
_RECORDS: Final = msgspec.msgpack.Decoder(sequencing.Record | mirror_records.Record)


class _Waiting(Struct, frozen=True):
    """A block that is in the journal and not safe yet."""

    upto: int
    entries: Sequence[bytes]
    hashed: Hashed | None
    note: bytes


class Held(Struct, frozen=True):
    """What is known of the blocks up to one: where some of them begin, and which statements their entries stand for."""

    marks: tuple[tuple[int, int, int], ...]
    named: tuple[str, ...]


class Found(NamedTuple):
    """A block in a journal: where its first record begins, and where its last one ends."""

    place: Place
    block: Block
    end: Place


class _Span(NamedTuple):
    """Where the blocks begin that hold the entries from one up to another."""

    first: int = 0
    end: int = 0
    starts: tuple[int, ...] = ()
    places: tuple[Place, ...] = ()


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
        self._marks: list[tuple[int, int, int]] = []
        self._span = _Span()
        self._stands_for: list[str] = []
        self.last_note = b""
        self._last_read: tuple[int, tuple[bytes, ...]] = 0, ()
        self._next = 0
        self._entries: list[bytes] = []
        self._named: list[str] = []
        self._began: Place | None = None
        self._awaited: set[asyncio.Future[None]] = set()

    def records(self, begin: Place = BEGINNING) -> Iterator[bytes]:
        """The journal's records, from a place on, for the machine to be made of; what they hold is taken in on the way."""
        for place, record in read_journal(self.origin.journal, begin):
            self._take_in(_RECORDS.decode(record), None, 0, place)
            self.safe(0)
            yield record

    def begin_at(self, held: Held, found: Found) -> None:
        """Hold what was held at the end of a block, the tiles before which are there; `records` gives what is behind it."""
        self._marks, self._stands_for = list(held.marks), list(held.named)
        self.shelf.hold(held.named)
        self._next = found.block.first
        self._queue(_Waiting(0, found.block.entries.written, None, found.block.note), [], found.place)
        self.safe(0)

    def held(self) -> Held:
        """What is known of the blocks so far."""
        return Held(tuple(self._marks), tuple(self._stands_for))

    @property
    def last(self) -> tuple[int, Place] | None:
        """The first entry of the last block, and where that begins in the journal; None before the first."""
        return (self._starts[-1], self._places[self._starts[-1]]) if self._starts else None

    @property
    def end(self) -> int:
        """Where the last block ends, safe or not."""
        return self._next

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
        if not self._marks or place[0] != self._marks[-1][1] or place[1] - self._marks[-1][2] >= MARK_BYTES:
            self._marks.append((self._next, *place))
        self._next += len(block.entries)
        self.last_note = block.note
        if named:
            self.shelf.hold(named)
            self.governing.append(self._next)
            self._stands_for += named
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
        start, place = self._block_at(first) if 0 <= first < self._next else (-1, BEGINNING)
        if start != first:
            raise LedgerError(f"no block begins at {first}", hint="ask from the size that you hold")
        found = (each.block for each in islice(blocks_from(self.origin.journal, place), count))
        return [self.sent(block) for block in found if checkpoint_of(block.note).size <= self.size]

    def _entries_between(self, first: int, end: int) -> list[bytes]:
        """Entries from one up to another, out of the journal; whoever reads a log reads on in the block that was read last."""
        found: list[bytes] = []
        while first < end:
            start, entries = self._last_read
            if not start <= first < start + len(entries):
                start, place = self._block_at(first)
                entries = next(blocks_from(self.origin.journal, place)).block.entries.written
                self._last_read = start, entries
            found += entries[first - start : end - start]
            first = start + len(entries)
        return found

    def _block_at(self, index: int) -> tuple[int, Place]:
        """The first entry of the block that holds an entry, and where that begins in the journal."""
        if self._starts and index >= self._starts[0]:
            start = self._starts[bisect_right(self._starts, index) - 1]
            return start, self._places[start]
        span = self._span
        if not span.first <= index < span.end:
            span = self._span = self._span_of(index)
        number = bisect_right(span.starts, index) - 1
        return span.starts[number], span.places[number]

    def _span_of(self, index: int) -> _Span:
        """The blocks between two marks, of those before the one that this member started from. Raises LedgerError."""
        number = bisect_right(self._marks, index, key=lambda mark: mark[0])
        first, *place = self._marks[number - 1]
        end = self._marks[number][0] if number < len(self._marks) else self._starts[0]
        starts: list[int] = []
        places: list[Place] = []
        for found in blocks_from(self.origin.journal, (place[0], place[1])):
            if found.block.first >= end:
                break
            starts.append(found.block.first)
            places.append(found.place)
        if starts[:1] != [first]:
            raise LedgerError(f"the journal has no block at {first} where it had one", hint="delete the snapshots")
        return _Span(first, end, tuple(starts), tuple(places))


def blocks_from(journal: Path, begin: Place) -> Iterator[Found]:
    """The whole blocks of a journal, from a place on at which one begins. Raises LedgerError for what is no record of one."""
    admitted: list[Admitted] = []
    began = begin
    for place, record in read_from(journal, begin):
        try:
            read = _RECORDS.decode(record)
        except (msgspec.DecodeError, RecursionError) as error:
            raise LedgerError("a record of the journal cannot be read") from error
        end = place[0], place[1] + HEAD_BYTES + len(record)
        match read:
            case Taken(block):
                yield Found(place, block, end)
            case Admitted():
                began = began if admitted else place
                admitted.append(read)
            case Sealed(entry, note) if admitted:
                entries = Entries.joined([*(each.entries for each in admitted), Entries.of([entry])])
                slips = tuple([each.slip for each in admitted])
                yield Found(began, Block(admitted[0].first, entries, slips, note), end)
                admitted = []


def checkpoint_of(note: bytes) -> Checkpoint:
    """The checkpoint that a note is. Raises LedgerError."""
    return Checkpoint.parse(SignedNote.parse(note).text)
