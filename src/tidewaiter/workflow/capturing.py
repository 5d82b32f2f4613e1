"""Events taken in: kept as they came, read, written once, put on the record, and followed, in one transaction.

    captured = Capturing(store, followers).capture(document, Captor("Halmstad Parcels", sender_id=3), at)

A follower is told of events as they are written, in the writer's transaction: what it changes is kept together with
them, or not at all. What would hold up others who write, it keeps there to be done, and does in transactions of its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final, Protocol, cast

from msgspec.structs import replace

from tidewaiter.messages.epcis.reading import Document, read
from tidewaiter.model.canonical import digest
from tidewaiter.model.event import Event
from tidewaiter.model.event_words import NEAREST, VOCABULARY
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.workflow.event_ports import Captor, Capture, Events, EventWriting, Scope
from tidewaiter.workflow.ports import Writing
from tidewaiter.workflow.recording import Recording

CaptureWriting = EventWriting
Captured = Capture
CONFLICT: Final = "epcis.conflict"
NOT_YOURS: Final = "epcis.not_yours"


class Follower(Protocol):
    """What follows from events, in the transaction that keeps them."""

    def follow(self, writing: CaptureWriting, events: Sequence[Event]) -> bool:
        """Do what follows from events that are new, in the order they were told. They are already written.

        Whatever it raises undoes all: a follower that cannot understand an event leaves it alone and keeps a finding.
        True where something of it is kept to be done later, in transactions of its own: by `go_on`.
        """

    def go_on(self) -> int:
        """Do what is kept to be done; how much. Safe to call at any time, also after a crash, and by several at once."""


class CaptureStore(Protocol):
    """What capturing needs of the store."""

    @property
    def events(self) -> Events:
        """Events as they are kept."""

    def writing(self, count: int = 1) -> AbstractContextManager[Writing]:
        """One transaction of the one writer."""


class Capturing:
    """Takes events in; safe in threads."""

    def __init__(self, store: CaptureStore, followers: Sequence[Follower] = ()) -> None:
        self._store = store
        self._followers = tuple(followers)

    def capture(self, content: bytes, by: Captor, at: datetime, *, is_all_or_nothing: bool = True) -> Capture:
        """Keep what was handed in, then read it and keep its events: what became of them.

        Where all or nothing is wanted and one event is wrong, none is kept; else the others go on. An event that is
        known already is named and not kept twice; another one under the id of a known one is a finding.
        """
        capture = self.receive(content, by, at, is_all_or_nothing=is_all_or_nothing)
        return self.finish(capture, content)

    def receive(self, content: bytes, by: Captor, at: datetime, *, is_all_or_nothing: bool = True) -> Capture:
        """Keep what was handed in, as it came; durable when this returns."""
        capture = Capture(capture_id=str(uuid.uuid4()), captor=by, is_all_or_nothing=is_all_or_nothing, received_at=at)
        self._store.events.receive(capture, content)
        return capture

    def resume(self, before: datetime) -> list[Capture]:
        """Read what was kept before a moment and not read, because something broke off.

        One that fails again keeps no other back; what the first of them raised is raised when all were tried.
        """
        found: list[Capture] = []
        failed: list[Exception] = []
        for capture_id in self._store.events.unfinished(before):
            try:
                capture = self._store.events.capture(capture_id, _ALL)
                found.append(self.finish(capture, self._store.events.content(capture_id)))
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return found

    def finish(self, capture: Capture, content: bytes) -> Capture:
        """Read what is kept, and write its events."""
        document = read(content)
        waiting: list[Follower] = []
        with self._store.writing() as transaction:
            writing = cast(EventWriting, transaction)
            finished, new = self._write(writing, capture, document)
            if new:
                waiting = [each for each in self._followers if each.follow(writing, new)]
            writing.movements.finish(finished)
        for follower in waiting:
            follower.go_on()
        return finished

    def _write(self, writing: EventWriting, capture: Capture, document: Document) -> tuple[Capture, list[Event]]:
        """Write the events of a document; what became of the capture, and those that are new."""
        book = writing.movements
        findings = list(document.findings)
        known = dict(book.known(document.events))
        taking_back = [event for event in document.events if event.error_declaration is not None]
        own = capture.captor.sender_id
        tellers = book.tellers(taking_back) if taking_back and own is not None else {}
        new: list[Event] = []
        again: list[str] = []
        for event in document.events:
            key, told = key_of(event), digest_of(event)
            if event.error_declaration is not None and tellers.get(event.event_id, own) != own:
                words = "this event was told by somebody else, who alone takes it back"
                hint = "tell an event of your own of how it was, or ask customs"
                findings.append(Finding(NOT_YOURS, Severity.ERROR, event.event_id, words, event.event_id, hint))
            elif key not in known:
                known[key] = told
                new.append(replace(event, recorded_at=capture.received_at))
            elif known[key] == told:
                again.append(event.event_id)
            else:
                words = "another event is kept under this id"
                hint = "take that one back by an error declaration, and tell the right one under an id of its own"
                findings.append(Finding(CONFLICT, Severity.ERROR, event.event_id, words, event.event_id, hint))
        is_success = all(each.severity is not Severity.ERROR for each in findings)
        if not is_success and capture.is_all_or_nothing:
            new, again = [], []
        if is_success or not capture.is_all_or_nothing:
            book.know(document.master_data, capture.captor)
        if new:
            book.add(new, capture.capture_id, capture.captor)
            writing.record.append([_recording(event) for event in new])
        finished = replace(
            capture,
            finished_at=capture.received_at,
            is_success=is_success,
            event_ids=tuple(event.event_id for event in new),
            known_ids=tuple(again),
            findings=tuple(findings),
        )
        return finished, new


def key_of(event: Event) -> str:
    """What two events have in common only if they are one: the id, and whether it takes back."""
    return f"{event.event_id} {'void' if event.error_declaration is not None else 'told'}"


def digest_of(event: Event) -> bytes:
    """The SHA-256 of an event in its one writing."""
    return bytes.fromhex(digest(event.body))


def _recording(event: Event) -> Recording:
    """The entry of an event: that something moved, and the digest and fields of what was told."""
    step = NEAREST.get(event.biz_step, event.biz_step)
    fields = [
        ("event_sha256", digest(event.body)),
        ("event_id", event.event_id),
        ("event_time", event.event_time.isoformat()),
        ("biz_step", event.biz_step),
        ("nearest_step", step if not step.startswith(VOCABULARY) else ""),
        ("read_point", event.read_point),
        ("things", " ".join(event.things)),
    ]
    facts: dict[str, Any] = {"void": 1} if event.error_declaration is not None else {}
    label = "void" if event.error_declaration is not None else "told"
    return Recording("moved", f"event:{event.event_id}", label, fields, facts, event.recorded_at or event.event_time)


_ALL: Final = Scope()
