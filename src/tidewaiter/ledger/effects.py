"""What members say to one another, and what a machine asks of whoever drives it.

A machine (`sequencing`, `mirroring`) is given a message and a moment, and answers with effects, in an order that counts:

- `Persist(data, upto)`: append to the machine's journal, sync, and tell it `synced(upto)`. Several may be synced at
  once, in order; then the last `upto` is told. What may only be said afterwards is held back by the machine itself and
  comes as the answer to `synced`: a driver cannot get that wrong.
- `Keep(data)`: append to the journal, in order with the others. Nobody waits for it to be synced.
- `Send(to, message)` to a mirror, by its name in the policy, `Reply(caller, message)` to whoever asked, `FinalCheckpoint` and the like to keep or show.

Where appending or syncing fails, the driver tells `failed(why)`. The machine then says so to all who wait, and is of no
more use (`is_stopped`): nobody knows what is on the disk. Its journal is read again (`journals.whole_records`), what
is torn is cut off and **the rest is synced**, and a new machine is made of the records (`recovered`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from tidewaiter.ledger.batches import Batch, Promise, Slip
from tidewaiter.ledger.entries import TOGETHER_MAX, Entries
from tidewaiter.ledger.journals import framed

Caller = Hashable
"""Whoever asked, as the driver knows them."""


class Refuse(Struct, frozen=True, tag="refuse"):
    """That something is not taken: a word for machines, why, what can be done, and where (an entry's place, an index)."""

    code: str
    why: str
    hint: str
    place: str = ""


class Block(Struct, frozen=True, tag="block"):
    """What the sequencer sends: entries from index `first` on, the last of which tells the state; who signed for them;
    and the checkpoint after them, signed by the log."""

    first: int
    entries: Entries
    slips: Annotated[tuple[Slip, ...], Meta(max_length=TOGETHER_MAX)]
    note: bytes


class Cosigned(Struct, frozen=True, tag="cosigned"):
    """A member's cosignature on the checkpoint of a size: the line, as notes have it."""

    origin: str
    size: int
    line: str


class Declined(Struct, frozen=True, tag="declined"):
    """That a member does not cosign, why, and the size it holds durably or will once its disk says so."""

    origin: str
    size: int
    refuse: Refuse


class FinalCheckpoint(Struct, frozen=True, tag="final"):
    """A checkpoint that the quorum has cosigned."""

    size: int
    note: bytes


class Hashed(Struct, frozen=True):
    """Entries' leaf hashes, and the nodes above whole tiles that they completed: what a member that keeps tiles need not hash again."""

    leaves: Sequence[bytes]
    tops: Sequence[bytes]


class Persist(Struct, frozen=True):
    """Append to the journal, sync, and then tell `synced(upto)`.

    `record` is what `data` is the writing of; `hashed` are the hashes of the block's entries where it closes one.
    """

    data: bytes
    upto: int
    record: Struct
    hashed: Hashed | None = None


class Keep(Struct, frozen=True):
    """Append to the journal; it may be lost. `record` is what `data` is the writing of."""

    data: bytes
    record: Struct


class Send(Struct, frozen=True):
    """Send to a mirror, by its name in the policy; what it answers is given to `Sequencer.receive`."""

    to: str
    message: Message


class Reply(Struct, frozen=True):
    """Answer whoever asked."""

    caller: Caller
    message: Message


class Lagging(Struct, frozen=True):
    """A member is so far behind (it holds `size`) that it has to catch up from tiles."""

    member: str
    size: int


class Found(Struct, frozen=True, tag="found"):
    """Two checkpoints signed by one log that cannot both be (`equivocation.Evidence`, encoded): show them to everybody."""

    evidence: bytes


_ENCODE: Final = msgspec.msgpack.Encoder().encode
Message = Batch | Promise | Refuse | Block | Cosigned | Declined | FinalCheckpoint | Found
Effect = Persist | Keep | Send | Reply | FinalCheckpoint | Lagging | Found


class Durable:
    """What both machines have in common: nothing that rests on a record is said before the record is on disk."""

    def __init__(self) -> None:
        self.is_stopped = False
        self._upto = 0
        self._done = 0
        self._held: deque[tuple[int, Effect]] = deque()

    def _persist(self, record: Struct, hashed: Hashed | None = None) -> Persist:
        """Write a record; what is said `_after` this waits for it."""
        self._upto += 1
        return Persist(framed(_ENCODE(record)), self._upto, record, hashed)

    def _keep(self, record: Struct) -> Keep:
        """Write a record that nobody waits for."""
        return Keep(framed(_ENCODE(record)), record)

    def _after(self, *effects: Effect) -> list[Effect]:
        """Say this once everything written so far is on disk: at once where it is."""
        if self._done == self._upto:
            return list(effects)
        self._held.extend((self._upto, effect) for effect in effects)
        return []

    def synced(self, upto: int) -> list[Effect]:
        """What may be said now that everything up to this `Persist` is on disk."""
        self._done = max(self._done, upto)
        released: list[Effect] = []
        while self._held and self._held[0][0] <= self._done and not self.is_stopped:
            released.append(self._held.popleft()[1])
        return released

    def failed(self, why: str) -> list[Effect]:
        """What is to be said now that writing or syncing failed. The machine stops."""
        self.is_stopped = True
        waiting = [effect.caller for _, effect in self._held if isinstance(effect, Reply)]
        self._held.clear()
        said = Refuse(
            "storage.failed",
            f"it could not be kept for certain: {why}",
            "Hand in the same again, unchanged, under the same number; if it was kept after all, that is told then.",
        )
        return [Reply(caller, said) for caller in waiting]
