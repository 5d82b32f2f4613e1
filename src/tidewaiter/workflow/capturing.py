"""Events taken in: kept as they came, read, written once, put on the record, and followed, all in one transaction.

    captured = Capturing(store, followers).capture(document, Captor("Halmstad Parcels", sender_id=3), at)

A follower is told of events as they are written, in the writer's transaction: what it changes is kept together with
them, or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tidewaiter.model.event import Event
from tidewaiter.model.finding import Finding
from tidewaiter.workflow.ports import Writing
from tidewaiter.workflow.recording import Recorded


class Captor(Struct, frozen=True):
    """Who tells of events: by name, and as which sender (None: an officer or a part of this system)."""

    name: str
    sender_id: int | None = None


class CaptureWriting(Writing, Recorded, Protocol):
    """The writer's transaction with the record and the book of events."""


class Follower(Protocol):
    """What follows from events, in the transaction that keeps them."""

    def follow(self, writing: CaptureWriting, events: Sequence[Event]) -> None:
        """Do what follows from events that are new, in the order they were told. They are already written.

        Whatever it raises undoes all: a follower that cannot understand an event leaves it alone and keeps a finding.
        """


class Captured(Struct, frozen=True, kw_only=True):
    """What became of a capture: its number, which events are new, which were known, what was wrong with others."""

    capture_id: str
    captured_at: datetime
    event_ids: tuple[str, ...] = ()
    known_ids: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
