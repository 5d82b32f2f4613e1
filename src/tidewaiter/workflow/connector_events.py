"""What an administration's own system tells: what happened there to a declaration, carried out here as an officer's act.

    ConnectorEvents(store, store.connectors, desk).take(connector, body, transport="rest")

A message holds one event, or many: one a line (JSON lines), or a JSON list. It is kept as it came before it is read. Each
event is carried out by the desk, as from the pages, in one transaction with the note that it was: told again under its id
it gets the answer it got. One that cannot be carried out is refused with code, place and hint, the rest goes on, and it
may be told again under the same id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.decision import State
from tidewaiter.model.errors import (
    ConflictError,
    LimitExceededError,
    MessageError,
    TidewaiterError,
    UnavailableError,
)
from tidewaiter.regimes import legal_day_at
from tidewaiter.release import Trigger
from tidewaiter.workflow.anew import Act
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.connectors import Connector
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.ports import CarriedOut, Store, Writing
from tidewaiter.workflow.records import Prior

MESSAGE_BYTES_MAX: Final = 2 * 1024 * 1024
EVENTS_MAX: Final = 500  # in one message: each is a transaction of its own
YEAR_MIN: Final = 1970
AHEAD_MAX: Final = timedelta(minutes=5)  # by which another's clock may be ahead of ours
_AT: Final = re.compile(r"^(.*?)(?: - at `\$\.?(.*?)`)?$", re.DOTALL)


class Happening(StrEnum):
    """What may happen there: the acts of an officer, and that the declaration was registered."""

    REGISTERED = "registered"
    ARRIVED = Trigger.ARRIVED.value
    EXAMINATION_ORDERED = Trigger.EXAMINATION_ORDERED.value
    EXAMINED_SATISFACTORY = Trigger.EXAMINED_SATISFACTORY.value
    EXAMINED_NOT_SATISFACTORY = Trigger.EXAMINED_NOT_SATISFACTORY.value
    DOCUMENTS_REQUESTED = Trigger.DOCUMENTS_REQUESTED.value
    INFORMATION_REQUESTED = Trigger.INFORMATION_REQUESTED.value
    DOCUMENTS_RECEIVED = Trigger.DOCUMENTS_RECEIVED.value
    PERMIT_REQUIRED = Trigger.PERMIT_REQUIRED.value
    PERMIT_GRANTED = Trigger.PERMIT_GRANTED.value
    PERMIT_REFUSED = Trigger.PERMIT_REFUSED.value
    PAYMENT_REQUIRED = Trigger.PAYMENT_REQUIRED.value
    PAYMENT_RECEIVED = Trigger.PAYMENT_RECEIVED.value
    AMENDMENT_GRANTED = Trigger.AMENDMENT_GRANTED.value
    INVALIDATION_REQUESTED = Trigger.INVALIDATION_REQUESTED.value
    INVALIDATION_GRANTED = Trigger.INVALIDATION_GRANTED.value
    REQUEST_REFUSED = Trigger.REQUEST_REFUSED.value
    RELEASED = Trigger.RELEASED.value
    CLEARED = Trigger.CLEARED.value
    REFUSED = Trigger.REFUSED.value


# Where a declaration stands when that has happened already: it is told nothing new.
_REACHED: Final = {
    Happening.RELEASED: (State.RELEASED, State.CLEARED),
    Happening.CLEARED: (State.CLEARED,),
    Happening.REFUSED: (State.REFUSED,),
}

Text = Annotated[str, Meta(max_length=200)]


class Event(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that happened in the administration's system."""

    event_id: Annotated[str, Meta(min_length=1, max_length=100, description="Yours, for this event alone")]
    declaration: Annotated[
        str,
        Meta(
            min_length=1, max_length=200, description="MRN, the number you registered it under, or sender's reference"
        ),
    ]
    happened: Annotated[Happening, Meta(description="What happened there")]
    at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="When, with its offset; of an arrival it names the day whose law is applied"),
    ] = None
    officer: Annotated[str, Meta(max_length=100, description="Who did it there; named in the course")] = ""
    words: Annotated[str, Meta(max_length=2_000, description="Why, for the course")] = ""
    registration_number: Annotated[
        str, Meta(max_length=100, description="Yours for the declaration; it may be named by it from then on")
    ] = ""


class EventOutcome(StrEnum):
    """What became of an event."""

    DONE = "done"
    ALREADY = "already"  # it stood so before; nothing changed
    REPEATED = "repeated"  # told before under this id; the answer of then
    REFUSED = "refused"


class EventAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one event is answered. `code`, `detail`, `place` and `hint` say why it was refused."""

    position: Annotated[int, Meta(description="Its line, or its place in the list, from 1")]
    outcome: EventOutcome
    event_id: Annotated[str, Meta(description="Empty where it could not be read")] = ""
    mrn: Annotated[str, Meta(description="The number the declaration is registered under here")] = ""
    state: Annotated[State | None, Meta(description="Where the declaration stands after it")] = None
    code: Annotated[str, Meta(description="Why not, for programs")] = ""
    detail: Annotated[str, Meta(description="Why not, for people")] = ""
    place: Annotated[str, Meta(description="Which member of the event")] = ""
    hint: Annotated[str, Meta(description="What can be done about it")] = ""


class EventAnswers(Struct, frozen=True):
    """What a message of events is answered: one answer each, in their order."""

    message_id: Annotated[int, Meta(description="The number under which the message is kept")]
    answers: tuple[EventAnswer, ...]

    def count(self, outcome: EventOutcome) -> int:
        """How many came to that."""
        return sum(answer.outcome is outcome for answer in self.answers)


class EventError(TidewaiterError):
    """An event cannot be read, or says what cannot be."""

    code = "event.invalid"


class EventStore(Protocol):
    """What is kept of what connectors send."""

    def keep_message(self, connector_id: int, content: bytes, transport: str, at: datetime) -> int:
        """Keep it as it came, and commit; its number."""

    def answer_message(self, message_id: int, answer: bytes) -> None:
        """Keep what was answered (JSON)."""

    def find(self, connector: Connector, reference: str) -> tuple[int, str]:
        """The declaration a reference names, and its MRN. Raises NotFoundError, EventError."""


class _Told(Struct, frozen=True):
    """One event where it stands."""

    connector: Connector
    message_id: int
    position: int
    body: bytes


class ConnectorEvents:
    """Carries out what connectors tell; safe in threads."""

    def __init__(self, store: Store, events: EventStore, desk: Desk, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._events = events
        self._desk = desk
        self._clock = clock

    def take(self, connector: Connector, body: bytes, *, transport: str) -> EventAnswers:
        """Keep a message, carry out its events in order, and answer each.

        Raises ConflictError where the connector is ended, LimitExceededError and MessageError where the message as a
        whole is not taken, and UnavailableError where the database does not answer: told again, what was carried out
        is not carried out twice.
        """
        if connector.ended_at is not None:
            raise ConflictError(
                f"connector {connector.name!r} is ended", hint="tidewaiter connector add connects another"
            )
        if len(body) > MESSAGE_BYTES_MAX:
            raise LimitExceededError(
                f"the message has more than {MESSAGE_BYTES_MAX // 1024**2} MiB", hint="send fewer events at a time"
            )
        message_id = self._events.keep_message(connector.connector_id, body, transport, self._clock())
        told = [_Told(connector, message_id, position, each) for position, each in split(body)]
        answers = EventAnswers(message_id, tuple(self._answer(each) for each in told))
        self._events.answer_message(message_id, msgspec.json.encode(answers.answers))
        return answers

    def _answer(self, told: _Told) -> EventAnswer:
        event: Event | None = None
        try:
            event = read(told.body, self._clock())
            return self._carry_out(told, event)
        except UnavailableError:
            raise
        except TidewaiterError as error:
            return EventAnswer(
                position=told.position, event_id=event.event_id if event else "", outcome=EventOutcome.REFUSED,
                code=error.code, detail=error.detail, place=error.place, hint=error.hint,
            )  # fmt: skip

    def _carry_out(self, told: _Told, event: Event) -> EventAnswer:
        digest = hashlib.sha256(canonical_bytes(event)).digest()  # of what it says, however it was written
        connector_id, at = told.connector.connector_id, self._clock()
        with self._store.writing() as transaction:
            before = transaction.events.answered(connector_id, event.event_id)
            if before is not None:
                if before[0] != digest:
                    raise ConflictError(
                        "this id was used for another event", hint="give each event an id of its own", place="event_id"
                    )
                given = msgspec.json.decode(before[1], type=EventAnswer)
                return replace(given, position=told.position, outcome=EventOutcome.REPEATED)
            declaration_id, mrn = self._events.find(told.connector, event.declaration)
            if event.registration_number:
                transaction.events.register(connector_id, declaration_id, event.registration_number, at)
            outcome, state = self._act(transaction, told.connector, event, transaction.prior(declaration_id))
            answer = EventAnswer(
                position=told.position,
                event_id=event.event_id,
                mrn=mrn,
                outcome=outcome,
                state=state,
            )
            transaction.events.keep(
                CarriedOut(
                    connector_id=connector_id, event_id=event.event_id, digest=digest, message_id=told.message_id,
                    position=told.position, declaration_id=declaration_id, answer=msgspec.json.encode(answer),
                    recorded_at=at,
                )
            )  # fmt: skip
        return answer

    def _act(
        self, transaction: Writing, connector: Connector, event: Event, prior: Prior
    ) -> tuple[EventOutcome, State]:
        if event.happened is Happening.REGISTERED:
            return EventOutcome.DONE, prior.state
        has_arrived = event.happened is Happening.ARRIVED and prior.is_arrived
        if has_arrived or prior.state in _REACHED.get(event.happened, ()):
            return EventOutcome.ALREADY, prior.state
        actor = f"connector {connector.name}" + (f", officer {event.officer}" if event.officer else "")
        act = Act(
            declaration_id=prior.declaration_id, trigger=Trigger(event.happened.value), actor=actor, words=event.words,
            legal_day=legal_day_at(connector.jurisdiction_code, event.at) if event.at is not None else None,
        )  # fmt: skip
        return EventOutcome.DONE, self._desk.carry_out(transaction, act)


def split(body: bytes) -> Sequence[tuple[int, bytes]]:
    """The events of a message with their place in it. Raises MessageError where there is none, LimitExceededError."""
    found: list[tuple[int, bytes]] = []
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"[":
        try:
            listed = msgspec.json.decode(start, type=list[msgspec.Raw])
        except msgspec.DecodeError as error:
            raise MessageError(f"the list cannot be read: {error}", hint="send one event a line") from error
        found = [(place, bytes(each)) for place, each in enumerate(listed, start=1)]
    elif _is_one(start):
        found = [(1, start.strip())]
    else:
        lines = enumerate(body.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1)
        found = [(place, line.strip()) for place, line in lines if line.strip()]
    if not found:
        raise MessageError("there is no event in the message", hint="send one event a line, as JSON")
    if len(found) > EVENTS_MAX:
        raise LimitExceededError(f"the message has more than {EVENTS_MAX} events", hint="send fewer at a time")
    return found


def read(body: bytes, at: datetime) -> Event:
    """One event. Raises EventError with the place of what is wrong; `at` is the present moment."""
    try:
        event = msgspec.json.decode(body, type=Event)
    except msgspec.DecodeError as error:
        said = _AT.match(str(error))
        words, place = (said[1], said[2] or "") if said else (str(error), "")
        raise EventError(
            f"the event cannot be read: {words}",
            hint=f"its members are {', '.join(Event.__struct_fields__)}",
            place=place,
        ) from error
    except UnicodeError as error:
        raise EventError(f"the event is no text in UTF-8: {error}", hint="send JSON in UTF-8") from error
    for member in ("event_id", "declaration", "officer", "words", "registration_number"):
        if "\x00" in getattr(event, member):
            raise EventError("it holds a NUL character", hint="leave it out", place=member)
    if event.happened is Happening.REGISTERED and not event.registration_number:
        raise EventError("it was registered, and no number is given", hint="give it", place="registration_number")
    if event.at is not None and event.at.year < YEAR_MIN:
        raise EventError("that is too long ago", hint="look at the year", place="at")
    if event.at is not None and event.at > at + AHEAD_MAX:
        raise EventError("it has not happened yet", hint="look at the clock, and at the offset", place="at")
    return event


def _is_one(start: bytes) -> bool:
    """Whether all of it is one JSON object."""
    try:
        return isinstance(msgspec.json.decode(start), dict)
    except (msgspec.DecodeError, UnicodeError):
        return False


def event_schema() -> bytes:
    """What an event is, as JSON Schema."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Event)), indent=2)
