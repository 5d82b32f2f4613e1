"""What following needs of a store, and the records that pass through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from tidewaiter.model.decision import State
from tidewaiter.model.event import Event
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.movement import Moved
from tidewaiter.movement.telling import Contained
from tidewaiter.workflow.ports import Store, Writing
from tidewaiter.workflow.records import ChangeOfState, Prior


class Done(StrEnum):
    """What followed from a finding that holds goods."""

    NOTHING = ""  # it holds nothing
    HELD = "held"  # sent to examination
    ON_ALARM = "on_alarm"  # not there yet: whatever is decided of it asks the alarm
    AT_CUSTOMS = "at_customs"  # under examination before
    GONE = "gone"  # released before: to be called back, or audited
    ENDED = "ended"  # refused, withdrawn or rejected before
    FAILED = "failed"  # it could not be held; words say why


class Concerned(Struct, frozen=True, kw_only=True):
    """A declaration that an event concerns, as it stands; `released_at` and `controlled_at` as rules of movement ask.

    `legal_day` is the day by whose law it was looked at last.
    """

    declaration_id: int
    sender_id: int | None
    state: State
    is_arrived: bool
    jurisdiction_code: str
    transport_document_id: str
    legal_day: date
    released_at: datetime | None = None
    controlled_at: datetime | None = None


class MovementFinding(Struct, frozen=True, kw_only=True):
    """A finding as it is kept: when, what followed, and what an officer answered."""

    declaration_id: int
    rule_id: str
    event_id: str
    severity: Severity
    words: str
    value: str
    hint: str
    found_at: datetime
    ended_at: datetime | None = None
    done: Done = Done.NOTHING
    done_words: str = ""
    answered_at: datetime | None = None
    answered_by: str = ""
    answer: str = ""

    @property
    def is_open(self) -> bool:
        """Whether somebody is still to look at it."""
        return self.answered_at is None and self.ended_at is None


class Followed(Struct, frozen=True, kw_only=True):
    """What followed from one finding, with words for it."""

    declaration_id: int
    rule_id: str
    event_id: str
    done: Done
    words: str = ""


class Alarming(Struct, frozen=True, kw_only=True):
    """A finding for whose sake a parcel is on the alarm."""

    declaration_id: int
    jurisdiction_code: str
    transport_document_id: str
    rule_id: str
    words: str
    found_at: datetime


class Waiting(Struct, frozen=True, kw_only=True):
    """What follows from an event for one declaration, and is still to be done."""

    waiting_no: int
    declaration_id: int
    event_id: str
    is_void: bool
    is_new: bool


class Telling(StrEnum):
    """Who told of something."""

    CUSTOMS = "customs"  # an officer, or this system
    DEVICE = "device"  # what travels with the goods
    CARRIER = "carrier"  # whoever the administration entrusted to tell of all: carriers, posts, ports
    DECLARANT = "declarant"  # a sender, of its own


class Teller(Struct, frozen=True):
    """Who told of something; `name` is that of a carrier, which answers for what it tells to all."""

    telling: Telling
    name: str = ""


class Within(Struct, frozen=True):
    """A thing that is in, on or under another one: as everybody's word goes, or (`only_for`) as one sender said of its own."""

    thing: str
    only_for: int | None = None


class FollowingBook(Protocol):
    """What is kept of movements, as one transaction of the writer sees it."""

    def contain(self, kind: str, event_id: str, told: Sequence[Contained]) -> None:
        """Keep what is in ("in") or on ("on") what."""

    def take_back(self, event_id: str) -> None:
        """Forget what an event said of what is in or on what."""

    def within(self, things: Sequence[str], at: datetime) -> list[Within]:
        """These things, what each of them is on, and all that is in those at a moment, as far as whose word goes that says so."""

    def happened_to(self, told: Sequence[Contained], kind: str, but: str) -> list[Event]:
        """What was told before, of later moments, of what things are in or on by these words; `but` is their own event."""

    def concerned(self, numbers: Sequence[str], event_id: str = "", only_for: int | None = None) -> list[Concerned]:
        """The declarations known by one of these numbers, as far as whoever told the event may move them.

        With `only_for`, those of this sender alone.
        """

    def standing(self, declaration_ids: Sequence[int]) -> list[Concerned]:
        """How declarations stand now, by their ids."""

    def add(self, declaration_ids: Sequence[int], moved: Moved) -> list[int]:
        """Keep that something was told of declarations; those it was not told of before. Told before, it stays as it was."""

    def wait(self, moved: Moved, declaration_ids: Sequence[int], new: Sequence[int], cause: Moved) -> None:
        """Keep that an event is still to be carried out on declarations, some of which it is new to.

        `cause` is the event that was told just now: its capture has not ended till this is done.
        """

    def waiting_among(self, declaration_ids: Sequence[int]) -> set[int]:
        """Those of the declarations on which something told earlier is still to be carried out."""

    def waiting(self, after: int, limit: int) -> list[Waiting]:
        """What is still to be carried out, in the order told, behind a number."""

    def take(self, waiting: Sequence[Waiting], at: datetime) -> list[Waiting]:
        """Those that nobody carried out meanwhile, which wait no more; a capture of which none is left ends at this moment."""

    def told(self, declaration_ids: Sequence[int]) -> Mapping[int, list[Moved]]:
        """All that was told of each."""

    def told_of(self, event_id: str) -> list[int]:
        """The declarations that an event was found to concern."""

    def acts(self, declaration_ids: Sequence[int]) -> Mapping[int, dict[str, str]]:
        """What was done on which event, with words."""

    def act(self, done: Sequence[tuple[int, str, str]], at: datetime) -> None:
        """Keep what was done on which event (declaration, event, words)."""

    def keep(self, found: Mapping[int, Sequence[Finding]], at: datetime) -> tuple[list[tuple[int, Finding]], set[int]]:
        """Keep what rules see of each declaration now: those that are new; and whose alarm has changed, as one is seen no more or again."""

    def done(self, followed: Sequence[Followed]) -> None:
        """Keep what followed from findings."""

    def priors(self, declaration_ids: Sequence[int]) -> list[Prior]:
        """Declarations as they stand, by their ids."""

    def change_together(self, changes: Sequence[ChangeOfState]) -> None:
        """Write changes of state with their transitions, notices and entries, in few statements whatever their number.

        Raises TransitionError, with nothing of it to be kept, where one does not stand as it did.
        """

    def alarming(self, jurisdiction_code: str) -> list[Alarming]:
        """The open findings for whose sake parcels of a jurisdiction are on the alarm."""

    def jurisdiction_of(self, place: str) -> str:
        """Before whose customs goods arrive at a place; "" where it is not known."""


class FollowingStore(Store, Protocol):
    """A store with what is kept of movements, outside of a transaction."""

    @property
    def following(self) -> FollowingBook:
        """What is kept of movements; every call is a transaction of its own."""


class FollowingWriting(Writing, Protocol):
    """The writer's transaction with the book of movements."""

    def attempt(self) -> AbstractContextManager[None]:
        """While in the `with`: what is raised undoes what was written in it, and nothing else of the transaction."""

    @property
    def following(self) -> FollowingBook:
        """What is kept of movements."""
