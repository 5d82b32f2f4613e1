"""From a message to its records: archives opened, forms found, records numbered through."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct

from tidewaiter.messages import archives, forms
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import MessageError, NotFoundError
from tidewaiter.release import amended
from tidewaiter.workflow.ports import KeptMessage, Store
from tidewaiter.workflow.records import Kept, Place

if TYPE_CHECKING:
    from typing_extensions import Buffer  # of collections.abc from Python 3.12 on


SMALL_BYTES = 1024 * 1024  # a message up to here is kept in one piece, and its records are quickly found again


class Piece(Struct, frozen=True, gc=False):
    """One record of a message: its number in the whole, the form of its part, its bytes."""

    position: int
    form: str
    body: bytes


def pieces(stream: BinaryIO, file_name: str, requested_form: str) -> Iterator[Piece]:
    """The records of a message in order, holding one at a time; the same bytes always give the same records.

    Raises MessageError where the message cannot be followed any further.
    """
    position = 0
    for member in archives.members(stream, file_name):
        form = forms.by_name(requested_form) if requested_form else forms.detect(member.head())
        for record in form.split(member.stream):
            position += 1
            yield Piece(position, form.name, record.body)


def pieces_again(store: Store, message: KeptMessage) -> Iterator[Piece]:
    """The records of a kept message, from its bytes as they were received."""
    stream = io.BufferedReader(ChunkStream(store.message_bytes(message.message_id)), 1024 * 1024)
    return pieces(stream, message.file_name, message.requested_form)


def pieces_taken_in(store: Store, message: KeptMessage) -> Iterator[Piece]:
    """The records of a kept message up to where it breaks off, as when it was taken in."""
    try:
        yield from pieces_again(store, message)
    except MessageError:
        return


def piece_at(store: Store, message: KeptMessage, position: int) -> Piece:
    """One record of a kept message, found by going through it. Raises NotFoundError."""
    for piece in pieces_again(store, message):
        if piece.position == position:
            return piece
    raise NotFoundError(f"message {message.message_id} has no record {position}")


def sources_of(kept: Kept) -> tuple[Place, ...]:
    """The records that the declaration of a kept decision is made of."""
    return kept.sources or ((Place(kept.message_id, kept.position),) if kept.message_id is not None else ())


def content(store: Store, sources: tuple[Place, ...], message: KeptMessage | None = None) -> Declaration | None:
    """The declaration that these records come to: the first as amended by the others. None if it cannot be read.

    `message` is one of theirs that is at hand already.
    """
    declaration: Declaration | None = None
    for place in sources:
        at_hand = message if message is not None and message.message_id == place.message_id else None
        form, body = store.record_at(place, at_hand)
        own = forms.by_name(form).read(body).declaration
        if own is None:
            return None
        declaration = own if declaration is None else amended(declaration, own)
    return declaration


class ChunkStream(io.RawIOBase):
    """Chunks of bytes as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer from the next bytes; 0 at the end."""
        view = memoryview(buffer).cast("B")
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
