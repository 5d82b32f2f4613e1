"""What the workflow needs of the store for events, in its own verbs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final, Protocol

from msgspec import Struct

from tidewaiter.messages.epcis.master_data import MasterData
from tidewaiter.messages.epcis.querying import Query
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.event import Event
from tidewaiter.model.finding import Finding
from tidewaiter.workflow.ports import Writing
from tidewaiter.workflow.recording import Recorded

OF_DEVICE: Final = "device "
"""How the name of a captor begins that is a device."""
QUERIES_MAX: Final = 100
"""Named queries of one sender, or of all officers together."""
SUBSCRIPTIONS_MAX: Final = 50
"""Subscriptions by web hook of one sender to all its queries, or of all officers together: each is looked at every second."""


class StandingLimitError(TidewaiterError):
    """Somebody has as many standing queries, subscriptions or connections as one may have: others are to have some, too."""

    code = "epcis.standing_limit"


class Captor(Struct, frozen=True):
    """Who tells of events: by name, and as which sender (None: an officer or a part of this system)."""

    name: str
    sender_id: int | None = None


class Capture(Struct, frozen=True, kw_only=True):
    """What was handed in, and what became of it; `finished_at` is None while it is not read.

    `is_waiting` where something that follows from an event it names is still to be done.
    """

    capture_id: str
    captor: Captor
    is_all_or_nothing: bool
    received_at: datetime
    finished_at: datetime | None = None
    is_success: bool = True
    event_ids: tuple[str, ...] = ()
    known_ids: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    is_waiting: bool = False

    @property
    def is_running(self) -> bool:
        """Whether not all is done: what it told is still to be read, or to be carried out."""
        return self.finished_at is None or self.is_waiting


class Kept(Struct, frozen=True):
    """An event with the number under which it is kept: rising in the order in which events came."""

    number: int
    event: Event


class Scope(Struct, frozen=True):
    """Whose events may be seen: all where there is no sender, else those it told or that are about its parcels."""

    sender_id: int | None = None


class EventBook(Protocol):
    """The events that are kept, as the writer's transaction sees them."""

    def known(self, events: Sequence[Event]) -> Mapping[str, bytes]:
        """The digests of those that are kept under the ids of these, by `key_of`."""

    def tellers(self, events: Sequence[Event]) -> Mapping[str, int | None]:
        """Which sender told the events that are kept under the ids of these; None where it was an officer or this system."""

    def add(self, events: Sequence[Event], capture_id: str, captor: Captor) -> None:
        """Keep events that are new, in this order."""

    def know(self, told: MasterData, captor: Captor) -> None:
        """Keep what somebody tells of places and elements; what the same one told of an element before is replaced."""

    def finish(self, capture: Capture) -> None:
        """Keep what became of a capture."""


class EventWriting(Writing, Recorded, Protocol):
    """The writer's transaction with the record and the book of events."""

    @property
    def movements(self) -> EventBook:
        """The events that are kept."""


class NamedQuery(Struct, frozen=True, kw_only=True):
    """A query under a name of its owner's (None: officers')."""

    query_id: int
    name: str
    sender_id: int | None
    parameters: dict[str, Any]
    created_at: datetime


class Subscription(Struct, frozen=True, kw_only=True):
    """A query that answers by itself to an address; `schedule` is None where each event is told as it comes."""

    subscription_id: str
    query: NamedQuery
    dest: str
    secret: bytes
    schedule: dict[str, str] | None
    is_empty_reported: bool
    initial_at: datetime | None
    created_at: datetime
    seen: int
    next_at: datetime
    failures: int = 0
    last_failure: str = ""
    notified_at: datetime | None = None


class Events(Protocol):
    """Events as they are kept, read and subscribed to; every method is a transaction of its own."""

    def receive(self, capture: Capture, content: bytes) -> None:
        """Keep what was handed in, as it came."""

    def content(self, capture_id: str) -> bytes:
        """What was handed in. Raises NotFoundError."""

    def capture(self, capture_id: str, scope: Scope) -> Capture:
        """One capture. Raises NotFoundError, also for somebody else's."""

    def captures(self, scope: Scope, before: int | None, limit: int) -> list[tuple[int, Capture]]:
        """Captures with their numbers, newest first."""

    def unfinished(self, before: datetime) -> list[str]:
        """Captures that were kept before a moment and not read, oldest first."""

    def select(self, query: Query, scope: Scope, after: int | None = None) -> Iterator[Kept]:
        """Events that meet a query, in its order; with `after`, behind the event of that number in this order."""

    def newer(self, query: Query, scope: Scope, seen: int, limit: int) -> tuple[list[Kept], int]:
        """Events that meet a query with larger numbers, in the order of numbers, and how far was looked."""

    def last_number(self) -> int:
        """The largest number of an event; 0 where there is none."""

    def values(self, field: str, scope: Scope, after: str, limit: int) -> list[str]:
        """The words or numbers of one field that events were told with, in order, behind one of them."""

    def name_query(self, name: str, scope: Scope, parameters: dict[str, Any], at: datetime) -> NamedQuery:
        """Keep a query under a name. Raises ConflictError where the name is taken, StandingLimitError for one too many."""

    def query(self, name: str, scope: Scope) -> NamedQuery:
        """A named query. Raises NotFoundError."""

    def queries(self, scope: Scope, after: str, limit: int) -> list[NamedQuery]:
        """Named queries by name, behind one of them."""

    def forget_query(self, query: NamedQuery) -> None:
        """End a named query and its subscriptions."""

    def subscribe(self, subscription: Subscription) -> None:
        """Keep a subscription. Raises StandingLimitError where its owner has as many as one may have."""

    def subscriptions(
        self, query: NamedQuery, after: tuple[datetime, str] | None = None, limit: int = SUBSCRIPTIONS_MAX
    ) -> list[Subscription]:
        """The subscriptions to a query, oldest first, behind one of a moment and id."""

    def subscription(self, query: NamedQuery, subscription_id: str) -> Subscription:
        """One subscription to a query. Raises NotFoundError."""

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""

    def due(self, at: datetime, limit: int) -> list[Subscription]:
        """Subscriptions that are to be looked at now."""

    def told(self, subscription: Subscription) -> None:
        """Keep how far a subscription has come, and when it is looked at next."""

    def serving(self) -> AbstractContextManager[bool]:
        """Claim the subscriptions for this process; False when another one serves them."""
