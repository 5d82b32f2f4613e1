"""The intake of an installation that has no other servers: a file beside the log, synced before anything is told.

It survives the end of the process and, as far as the disk does, of the machine. One process holds it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct

from tidewaiter.network.adapters.intake import (
    WAITING_MAX,
    Check,
    Delivered,
    Offered,
    Reached,
    Stored,
    refuse_out_of_turn,
    refuse_unfit,
    refuse_when_behind,
    replayed,
    told_again,
)
from tidewaiter.network.adapters.journal import Journal
from tidewaiter.network.files import write_durably


class _Kept(Struct, frozen=True):
    batch: Offered
    stored_at: int


class EmbeddedIntake:
    """Batches in a journal. Implements `Intake`; positions count from 1.

    `start` holds the last numbers that were taken in the origin before this one.
    """

    def __init__(self, path: Path, check: Check, start: Mapping[str, int] = MappingProxyType({})) -> None:
        self._check = check
        self._start = start
        self._journal = Journal(path)
        self._told = path.with_name(f"{path.name}.reached")
        self._reached = msgspec.json.decode(self._told.read_bytes(), type=Reached) if self._told.exists() else Reached()
        self._places: list[int] = []
        self._positions: dict[str, list[int]] = {}
        for place in self._journal.places():
            self._remember(place, self._read(place).batch.submitter)

    async def offer(self, batch: Offered) -> Stored:
        """Where the batch is stored, once the disk has it. Raises RefusedError, BusyError."""
        refuse_unfit(batch, self._check)
        taken, before = self._positions.get(batch.submitter, []), self._start.get(batch.submitter, 0)
        following = before + len(taken) + 1
        refuse_out_of_turn(batch, following)
        if batch.number <= before:
            raise replayed(batch, following)
        if batch.number < following:
            position = taken[batch.number - before - 1]
            return told_again(batch, position, self._read(self._places[position - 1]).batch.data)
        refuse_when_behind(len(self._places), self._reached)
        kept = _Kept(batch, time.time_ns() // 1_000_000)
        (place,) = self._journal.append([msgspec.msgpack.encode(kept)])
        return Stored(self._remember(place, batch.submitter))

    async def next_number(self, submitter: str) -> int:
        """The number under which this submitter's next batch is taken."""
        return self._start.get(submitter, 0) + len(self._positions.get(submitter, [])) + 1

    async def after(self, position: int, count: int) -> Sequence[Delivered]:
        """Up to `count` batches behind a position, in order."""
        places = self._places[position : position + count]
        kept = [self._read(place) for place in places]
        return [Delivered(at, each.batch, each.stored_at) for at, each in enumerate(kept, start=position + 1)]

    async def reached(self) -> Reached:
        """How far the log is final, as the file beside this one has it."""
        return self._reached

    async def tell_reached(self, position: int, room: int = WAITING_MAX) -> None:
        """Note beside the file how far the log is final; never less than before. Raises DiskError."""
        if position >= self._reached.position:
            reached = Reached(position, room, time.time_ns() // 1_000_000)
            write_durably(self._told, msgspec.json.encode(reached))
            self._reached = reached

    async def close(self) -> None:
        """Let go of the file."""
        self._journal.close()

    def _read(self, place: int) -> _Kept:
        return msgspec.msgpack.decode(self._journal.read(place), type=_Kept)

    def _remember(self, place: int, submitter: str) -> int:
        self._places.append(place)
        self._positions.setdefault(submitter, []).append(len(self._places))
        return len(self._places)
