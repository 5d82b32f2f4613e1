"""Exits that events of movement tell, handed in as the proof that returns wait for.

A return waits until somebody tells that it has left. Where customs say so in an event, or a carrier whom the administration
entrusted to tell of all, that is handed in as an exit event, as a message of its own: kept as such, and decided on as others are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from tidewaiter.model.returned import ExitEvent, ExitKind
from tidewaiter.workflow.return_records import ReturnReceipt
from tidewaiter.workflow.returning import Handed

AT_ONCE: Final = 500
CUSTOMS: Final = "customs"


class ToldExit(Struct, frozen=True, kw_only=True):
    """That a return consignment has left, as an event of movement tells it.

    `carrier` and `carrier_id` are of the sender that told it; neither where customs did. `claimant_id` is who handed the return in.
    """

    event_id: str
    happened_at: datetime
    place: str
    waybill: str
    carrier: str
    carrier_id: int | None
    claimant_id: int


class ExitBook(Protocol):
    """What is known of exits and of the returns that wait for them."""

    def told_exits(self, limit: int) -> Sequence[ToldExit]:
        """Exits of return consignments that wait, by those whose word counts for all, and not handed in yet."""


class Submitting(Protocol):
    """Takes exit events."""

    def submit_events(self, handed: Handed) -> ReturnReceipt:
        """Keep exit events, and decide the cases that waited for them."""


class Exits:
    """Hands in what was told since the last time."""

    def __init__(self, book: ExitBook, returning: Submitting) -> None:
        self._book, self._returning = book, returning

    def look(self) -> list[ReturnReceipt]:
        """Hand in the exits that returns wait for; what became of each."""
        return [self._returning.submit_events(_handed(each)) for each in self._book.told_exits(AT_ONCE)]


def _handed(told: ToldExit) -> Handed:
    event = ExitEvent(
        event_id=f"{told.event_id} {told.waybill}",
        kind=ExitKind.DEPARTED if told.carrier else ExitKind.CONFIRMED,
        happened_at=told.happened_at,
        place=told.place,
        reported_by=told.carrier or CUSTOMS,
        waybill=told.waybill,
    )
    return Handed(
        body=msgspec.json.encode({"exit_events": [event]}),
        sender_id=told.claimant_id if told.carrier_id is None else told.carrier_id,
        transport="event",
        is_of_officer=told.carrier_id is None,
    )
