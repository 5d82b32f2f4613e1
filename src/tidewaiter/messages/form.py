"""What every wire form can do: split a message into records, read one, write one, say where.

A *message* is what a sender hands over: one file or one request body. It is
split, cheaply and in bounded memory, into *records*, each holding the bytes of
one declaration and nothing but what is needed to read it. A record is read
alone, so that records can be read in parallel and any one of them again later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

from msgspec import Struct

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Finding, MappingNote


class Record(Struct, frozen=True, gc=False):
    """The bytes of one declaration within a message.

    `position` counts from 1; `offset` is where its own bytes begin in the
    (decompressed) message; `body` can be read by itself: what stood around it
    and is needed (an enclosing element, a header line) is part of it.
    """

    position: int
    offset: int
    body: bytes


class Reading(Struct, frozen=True):
    """What came of one record: a declaration, or the findings that say why there is none."""

    declaration: Declaration | None
    findings: tuple[Finding, ...] = ()
    notes: tuple[MappingNote, ...] = ()


class Form(Protocol):
    """One wire form."""

    name: str  # as typed on the command line and in the API: "wco-dm", "h7", "json", "csv"
    title: str
    media_types: tuple[str, ...]

    def recognises(self, head: bytes) -> bool:
        """True when the first bytes of a message (up to 64 KiB) are of this form."""

    def split(self, stream: BinaryIO) -> Iterator[Record]:
        """The records of a message in order, holding one at a time.

        Raises MessageError where the message as a whole cannot be followed any
        further; the records before that place have then been yielded.
        """

    def read(self, body: bytes) -> Reading:
        """One record's declaration, or findings. Never raises for bad data."""

    def write(self, declarations: Sequence[Declaration]) -> bytes:
        """A message with these declarations, such that reading it gives them back."""

    def locate(self, declaration: Declaration, pointer: str) -> str:
        """Where a canonical pointer (`goods_items[2].commodity_code`) lies in the sender's own terms."""
