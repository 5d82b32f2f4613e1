"""Snapshots of a member's copy of a log, beside its journal: from one of them it starts without replaying what is before (ADR 44).

A snapshot is believed for what the journal says at its place (`ledger.resuming`), and is never the only copy of anything. One that
is missing, damaged, of another log, or ahead of the journal is passed over for the one before, and at last for the whole journal.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct, structs

from tidewaiter.ledger.contracts import Contract, State
from tidewaiter.ledger.resuming import Log, Resumed, resumed_at
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.network.charter import Charter
from tidewaiter.network.failing import Failpoints
from tidewaiter.network.files import BEGINNING, NO_FAILPOINTS, SEGMENT_BYTES, DiskError, Place, write_durably
from tidewaiter.network.holding import Held, Holding, blocks_from
from tidewaiter.network.home import Origin
from tidewaiter.network.rules import Shelf

FORM: Final = "tidewaiter snapshot v1"
KEPT: Final = 2
DIGEST_BYTES: Final = 32
M = TypeVar("M")
Machine = TypeVar("Machine")
_ENCODE: Final = msgspec.msgpack.Encoder().encode
_LOG: Final = logging.getLogger(__name__)


class Snapshot(Struct, frozen=True, kw_only=True):
    """What a member knew at the end of a block. `first` is the block's first entry, `place` where it begins in the journal,
    `note` the checkpoint after it, `size` its size.

    `edge` are the hashes of the partial tiles before the block, `state` is the contract's before the block's last entry, and
    `memory` what the machine knew behind it.
    """

    form: str = FORM
    origin: str
    size: int
    first: int
    place: Place
    note: bytes
    edge: tuple[bytes, ...] = ()
    held: Held
    memory: bytes
    state: bytes

    @property
    def data(self) -> bytes:
        """The file: SHA-256, and what it is of."""
        body = _ENCODE(self)
        return hashlib.sha256(body).digest() + body

    @classmethod
    def parse(cls, data: bytes) -> Snapshot:
        """The snapshot in a file. Raises LedgerError where it is damaged, or of another form."""
        body = memoryview(data)[DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != data[:DIGEST_BYTES]:
            raise LedgerError("the file is not as it was written")
        try:
            read = msgspec.msgpack.decode(body, type=cls)
        except (msgspec.DecodeError, RecursionError) as error:
            raise LedgerError("the file is no snapshot") from error
        if read.form != FORM or min(read.first, *read.place) < 0 or read.place[0] < 1:
            raise LedgerError(f"the file is not of the form “{FORM}”")
        return read


class SnapshotFolder:
    """The last snapshots of one origin, each in a file that is called by its size."""

    def __init__(self, folder: Path, failpoints: Failpoints = NO_FAILPOINTS) -> None:
        self.folder, self._failpoints = folder, failpoints
        self._one_at_a_time = threading.Lock()

    def newest_first(self) -> Iterator[Path]:
        """The files, the newest first."""
        return iter(sorted(self.folder.glob("[0-9]*"), reverse=True))

    def write(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, and forget all but the last two. Raises DiskError; those before it are there then."""
        with self._one_at_a_time:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            write_durably(self.folder / f"{snapshot.size:020d}", snapshot.data, self._failpoints, mode=0o600)
            self._failpoints.at("snapshot.written")
            for path in [*list(self.newest_first())[KEPT:], *self.folder.glob(".*.new")]:
                path.unlink(missing_ok=True)


class Begun(NamedTuple, Generic[Machine]):
    """A member's part in an origin as it starts; `snapshot` is the one it started from."""

    holding: Holding
    contract: Contract
    machine: Machine
    snapshot: Snapshot | None


class Starting(Struct, Generic[M, Machine], frozen=True):
    """What it takes to start: the origin's folder and charter, the statements, how the contract stood at the beginning, what the
    machine's memory is, and how the machine is made."""

    origin: Origin
    charter: Charter
    shelf: Shelf
    failpoints: Failpoints
    begin: Callable[[], Contract]
    memory: type[M]
    make: Callable[[Holding, Contract, Iterable[bytes], Resumed[M] | None], Machine]

    def started(self) -> Begun[Machine]:
        """From the newest snapshot that is to be believed, or from the whole journal. Raises LedgerError, DamagedError for that alone."""
        for path in SnapshotFolder(self.origin.snapshots).newest_first():
            try:
                return self._from_snapshot(Snapshot.parse(path.read_bytes()))
            except Exception as error:  # whatever is wrong with a snapshot: the journal is what counts
                why = error.detail if isinstance(error, TidewaiterError) else repr(error)
                _LOG.warning("the snapshot %s of %s is passed over: %s", path.name, self.charter.origin, why)
        holding, contract = Holding(self.origin, self.shelf, self.failpoints), self.begin()
        return Begun(holding, contract, self.make(holding, contract, holding.records(), None), None)

    def _from_snapshot(self, snapshot: Snapshot) -> Begun[Machine]:
        log = Log(self.charter.origin, self.charter.log_key)
        found = next(blocks_from(self.origin.journal, snapshot.place), None)
        if snapshot.origin != log.origin or found is None or found.block.note != snapshot.note:
            raise LedgerError("the journal has no block that ends in its checkpoint at its place")
        holding = Holding(self.origin, self.shelf, self.failpoints)
        edge = holding.tiles.begin_at(snapshot.first, snapshot.edge)
        contract = Contract(State.restored(snapshot.state), self.shelf)
        memory = msgspec.msgpack.decode(snapshot.memory, type=self.memory)
        resumed = resumed_at(found.block, edge, contract, log, memory)
        if resumed.frontier.size != snapshot.size or contract.state.realm.origin != log.origin:
            raise LedgerError("it is of another size or origin than its checkpoint")
        holding.begin_at(snapshot.held, found)
        machine = self.make(holding, contract, holding.records(found.end), resumed)
        return Begun(holding, contract, machine, snapshot)


class Keeper:
    """Takes snapshots of one origin while its member runs, one for each segment's worth of the journal.

    `turn` is the member's place among those that keep the log and how many these are: they take theirs one after another.
    """

    def __init__(
        self, folder: SnapshotFolder, holding: Holding, begun: Snapshot | None, turn: tuple[int, int], every: int
    ) -> None:
        self._folder, self._holding = folder, holding
        self._every, self._ahead = every, every * turn[0] // turn[1]
        self._size = begun.size if begun else 0
        self._mile = self._mile_of(begun.place if begun else BEGINNING)
        self._taken: Snapshot | None = None

    @property
    def is_due(self) -> bool:
        """Whether the journal has grown by as much as is between two snapshots."""
        return self._holding.last is not None and self._mile_of(self._holding.last[1]) > self._mile

    def take(self, contract: Contract, memory: Struct) -> None:
        """Take a snapshot now, to be written later; nothing where there is one of this size, or the state is not just behind a block."""
        last = self._holding.last
        if last is None or self._holding.end == self._size:
            return
        first, place = last
        try:
            state = contract.state.snapshot_before_closing()
        except LedgerError:
            return
        if contract.state.size != self._holding.end:
            return
        self._size, self._mile = self._holding.end, self._mile_of(place)
        self._taken = Snapshot(
            origin=contract.state.realm.origin, size=self._size, first=first, place=place, note=self._holding.last_note,
            held=self._holding.held(), memory=_ENCODE(memory), state=state,
        )  # fmt: skip

    async def write(self) -> None:
        """Write the snapshot that was taken, once its block and the tiles before it are on disk; nobody depends on it."""
        taken, tiles = self._taken, self._holding.tiles
        if taken is None or tiles.size < taken.size or not tiles.is_safe_at(taken.first):
            return
        self._taken = None
        whole = structs.replace(taken, edge=tiles.edge(taken.first))
        try:
            await asyncio.to_thread(self._folder.write, whole)
        except DiskError as error:
            _LOG.warning("the snapshot at %d of %s is not kept: %s", whole.size, whole.origin, error.detail)

    def _mile_of(self, place: Place) -> int:
        position = (place[0] - 1) * SEGMENT_BYTES + min(place[1], SEGMENT_BYTES - 1)
        return (position + self._ahead) // self._every
