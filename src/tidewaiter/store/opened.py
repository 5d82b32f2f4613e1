"""What was opened last: blocks of evidence and records of small messages, neither of which ever changes once committed.

Whoever looks up one record of a block after another, as claims on the parcels of a file are looked up, opens it once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from msgspec import Struct

from tidewaiter.model.errors import NotFoundError
from tidewaiter.workflow.pieces import Piece, piece_at, pieces_taken_in
from tidewaiter.workflow.ports import KeptMessage, Store
from tidewaiter.workflow.records import Kept

BYTES_MAX: Final = 32 * 1024 * 1024  # of what is held open, as it was before it was read
MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024  # of the records of one small message

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class OpenedBlock(Struct, frozen=True):
    """One block of evidence. `first_position` is that of its first record in the message, None where it spans none."""

    block_id: int
    message_id: int | None
    first_position: int | None
    kept: tuple[Kept, ...]
    bodies: tuple[bytes, ...] | None

    def index(self, message_id: int, position: int) -> int | None:
        """Which of its decisions is that on a record of a message as it was lodged; None where none is."""
        if self.message_id != message_id or self.first_position is None:
            return None
        index = position - self.first_position
        return index if 0 <= index < len(self.kept) else None


class Opened(Generic[Key, Value]):
    """The last few things opened, up to `BYTES_MAX` of them; safe in threads."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._held: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """One of them, which is then the last one used."""
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[0]

    def all(self) -> list[Value]:
        """All of them, the last one used first."""
        with self._lock:
            return [value for value, _ in reversed(self._held.values())]

    def put(self, key: Key, value: Value, size: int) -> None:
        """Hold one more, of a size in bytes; those used longest ago go."""
        with self._lock:
            if key in self._held or size > self._bytes_max:
                return
            self._held[key] = (value, size)
            self._bytes += size
            while self._bytes > self._bytes_max:
                _, (_, gone) = self._held.popitem(last=False)
                self._bytes -= gone


OpenedMessages = Opened[int, tuple[Piece, ...]]  # by message_id
OpenedBlocks = Opened[int, OpenedBlock]  # by block_id


def small_record(store: Store, opened: OpenedMessages, message: KeptMessage, position: int) -> Piece:
    """One record of a small message, which is gone through once as long as it is held open. Raises NotFoundError."""
    found = opened.get(message.message_id)
    if found is None:
        pieces: list[Piece] = []
        size = 0
        for piece in pieces_taken_in(store, message):
            pieces.append(piece)
            size += len(piece.body)
            if size > MESSAGE_BYTES_MAX:  # an archive of much more than it weighs
                return piece_at(store, message, position)
        found = tuple(pieces)
        opened.put(message.message_id, found, size)
    if not 0 < position <= len(found):
        raise NotFoundError(f"message {message.message_id} has no record {position}")
    return found[position - 1]
