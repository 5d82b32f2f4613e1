"""Declarations handed over to an administration's own system: each step it asked for, once, in order, in its form.

    Handing(store, store.connectors, post).round()

An administration that keeps its declarations elsewhere lets Tidewaiter decide on parcels and has what was decided handed
over: of one jurisdiction, at the steps it named (accepted, control, released …), as documents of one form, into a folder
or to an address. What it tells in return is `workflow.connector_events`'s.

Sending, failing and going on is `workflow.pushing`'s, as for webhooks. Into a folder each document comes exactly once: it
is put ready out of sight, the cursor is kept, then it is moved into view; whoever starts after a crash moves what the
cursor is past, and throws away what it is not. To an address it comes at least once, under one name that the signature
covers.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.messages.answers import Telling
from tidewaiter.model.decision import NoticeKind, State
from tidewaiter.model.errors import MessageError, NotFoundError, TidewaiterError
from tidewaiter.workflow import targets
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.exporting import telling
from tidewaiter.workflow.ports import Notice, Store
from tidewaiter.workflow.pushing import Answer, Course, Courses, Item, Post, Pusher, Sent, headers
from tidewaiter.workflow.targets import Target

AT_ONCE: Final = 200  # documents of one connector in one round, or a few more
TOGETHER: Final = 50  # documents put into a folder before the cursor is kept
DOCUMENTS: Final = "documents"  # the folder in which documents are left
READY: Final = ".ready"  # the folder in it where they wait for the cursor
NUMBER_DIGITS: Final = 12
WORDS_LENGTH_MAX: Final = 1_000
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9-]")


class Connector(Course, frozen=True, kw_only=True):
    """An administration's own system; `taken` is the last notice that was handed over or passed by."""

    connector_id: int
    name: str
    jurisdiction_code: str
    kinds: tuple[NoticeKind, ...]  # the steps at which it is handed a document
    datasets: tuple[str, ...]  # of which datasets; none named: of all
    target: str
    address: str  # a folder's absolute path, or https://…
    secret: bytes | None  # None: a folder
    set_aside: int = 0  # documents that could not be written

    @property
    def folder(self) -> Path | None:
        """Where it is handed documents and leaves events; None where it has an address."""
        return Path(self.address) if self.secret is None else None


class NewConnector(Struct, frozen=True, kw_only=True):
    """What an administrator says of a connector."""

    name: str
    jurisdiction_code: str
    kinds: tuple[NoticeKind, ...]
    datasets: tuple[str, ...]
    target: str
    address: str
    is_folder: bool
    after: int | None = None  # handed what comes after this notice; None: from now on


class NotWritten(Struct, frozen=True, kw_only=True):
    """A document that could not be written, and why."""

    connector_id: int
    notice_id: int
    declaration_id: int
    version: int
    kind: NoticeKind
    code: str
    words: str
    hint: str
    place: str
    recorded_at: datetime


class _Document(Struct, frozen=True):
    """What a notice is handed over as; or why there is nothing."""

    notice: Notice
    name: str = ""
    content: bytes = b""
    fault: Exception | None = None


class Stretch(Struct, frozen=True):
    """Notices that were looked at, up to a number, and those of them that a connector asked for."""

    until: int
    notices: Sequence[Notice]


class Connectors(Courses[Connector], Protocol):
    """What is kept of connectors."""

    def all(self) -> Sequence[Connector]:
        """Every connector."""

    def held(self, course_id: int) -> AbstractContextManager[Connector | None]:
        """One connector, held against other processes while in the `with`; None while another holds it."""

    def stretch(self, connector: Connector, after: int) -> Stretch | None:
        """The next notices after a number; None where there are none."""

    def set_aside(self, given: NotWritten) -> None:
        """Keep that a document could not be written; done again it changes nothing."""


def is_any_due(connectors: Connectors, at: datetime) -> bool:
    """Whether a round has something to do."""
    folders = (each.folder for each in connectors.all() if each.ended_at is None)
    return bool(connectors.due(at)) or any(folder is not None and _is_any_ready(folder) for folder in folders)


class Handing:
    """Hands over what is due; `post` sends to addresses."""

    def __init__(
        self, store: Store, connectors: Connectors, post: Post, *, clock: Callable[[], datetime] = now
    ) -> None:
        self._store = store
        self._connectors = connectors
        self._post = post
        self._pusher = Pusher(connectors, self._items, clock=clock)

    def round(self) -> Sent:
        """Hand over to every connector that is due, about AT_ONCE documents each."""
        for each in self._connectors.all():
            if each.folder is not None and each.ended_at is None and _is_any_ready(each.folder):
                with self._connectors.held(each.connector_id) as connector:
                    if connector is not None:
                        _finish(connector)
        return self._pusher.round()

    def _items(self, connector: Connector) -> Iterator[Item]:
        try:
            target = targets.by_name(connector.target)
        except TidewaiterError as error:  # not installed any more: nothing is passed by until it is
            yield Item(connector.taken, partial(_failing, error.detail))
            return
        _finish(connector)
        after, count = connector.taken, 0
        while count < AT_ONCE and (stretch := self._connectors.stretch(connector, after)) is not None:
            documents = (self._document(target, notice, told) for notice, told in self._tellings(stretch.notices))
            if connector.folder is None:
                yield from (self._to_address(connector, target, each) for each in documents)
            else:
                for some in _batches(documents, TOGETHER):
                    yield self._to_folder(connector, connector.folder / DOCUMENTS, some)
                    if _is_any_ready(connector.folder):
                        return  # it could not be moved into view: nothing overtakes it
            yield Item(stretch.until, _passing)
            after, count = stretch.until, count + len(stretch.notices)

    def _tellings(self, notices: Sequence[Notice]) -> Iterator[tuple[Notice, Telling | None]]:
        """What each notice tells, None where that cannot be read; one version is looked up once for all its notices.

        What waits for the declaration it is for is none itself, and is passed by: it is told of on that one.
        """
        about, told = (0, 0), None
        for notice in notices:
            if about != (notice.declaration_id, notice.version):
                about, told = (notice.declaration_id, notice.version), self._telling(notice)
            own = told and replace(
                told, kind=notice.kind, issued_at=notice.issued_at, reference_id=f"N{notice.notice_id}"
            )
            if own is None or own.evaluation.decision.state is not State.AWAITING_ORIGINAL:
                yield notice, own

    def _telling(self, notice: Notice) -> Telling | None:
        try:
            return telling(self._store, notice)
        except (NotFoundError, MessageError):
            return None

    def _document(self, target: Target, notice: Notice, told: Telling | None) -> _Document:
        try:
            if told is None:
                raise MessageError("the declaration could not be read", hint="its message is kept as received")
            content = target.write(told)
            content.decode()  # what is signed is text
        except Exception as error:  # whatever a target does wrong, it must not stop what follows
            return _Document(notice, fault=error)
        return _Document(notice, f"{name_of(notice)}{target.suffix}", content)

    def _to_address(self, connector: Connector, target: Target, document: _Document) -> Item:
        def send(at: datetime) -> Answer | None:
            if document.fault is not None:
                self._set_aside(connector, document.notice, document.fault, at)
                return None
            signed = headers(connector.secret or b"", name_of(document.notice), document.content, at)
            return self._post(connector.address, document.content, {**signed, "content-type": target.media_type})

        return Item(document.notice.notice_id, send)

    def _to_folder(self, connector: Connector, folder: Path, documents: Sequence[_Document]) -> Item:
        written = [each for each in documents if each.fault is None]

        def put_ready(at: datetime) -> Answer | None:
            for each in documents:
                if each.fault is not None:
                    self._set_aside(connector, each.notice, each.fault, at)
            return _put_ready(folder, written) if written else None

        return Item(documents[-1].notice.notice_id, put_ready, partial(_show, folder, [each.name for each in written]))

    def _set_aside(self, connector: Connector, notice: Notice, error: Exception, at: datetime) -> None:
        ours = error if isinstance(error, TidewaiterError) else None
        self._connectors.set_aside(
            NotWritten(
                connector_id=connector.connector_id, notice_id=notice.notice_id, declaration_id=notice.declaration_id,
                version=notice.version, kind=notice.kind, code=ours.code if ours else "connector.target",
                words=(ours.detail if ours else f"the target failed: {type(error).__name__}: {error}")[:WORDS_LENGTH_MAX],
                hint=ours.hint if ours else "tell who made the target", place=ours.place if ours else "",
                recorded_at=at,
            )
        )  # fmt: skip


def _batches(documents: Iterator[_Document], size: int) -> Iterator[Sequence[_Document]]:
    while some := list(islice(documents, size)):
        yield some


def _failing(words: str, _: datetime) -> Answer:
    return Answer(0, words)


def _passing(at: datetime) -> None:
    """Nothing is sent; the cursor passes on."""


def name_of(notice: Notice) -> str:
    """What the document of a notice is called: its number, so that names sort as they came, what happened, the version,
    and the number under which the declaration is registered here."""
    known_by = _UNSAFE.sub("-", notice.registered_id) or f"D{notice.declaration_id}"
    kind = notice.kind.value.replace("_", "-")
    return f"{notice.notice_id:0{NUMBER_DIGITS}d}-{kind}-v{notice.version}-{known_by}"


def prepare(folder: Path) -> None:
    """Make the folders in which documents are left. Raises OSError."""
    (folder / DOCUMENTS / READY).mkdir(parents=True, exist_ok=True)


# --- a folder --------------------------------------------------------------------------------------------------------


def _put_ready(folder: Path, documents: Sequence[_Document]) -> Answer:
    """Write whole documents out of sight. The folder is not made anew: where a disk is missing nothing is written."""
    try:
        for document in documents:
            with (folder / READY / document.name).open("wb") as file:
                file.write(document.content)
                file.flush()
                os.fsync(file.fileno())
        _keep(folder / READY)
    except OSError as error:
        return Answer(0, f"{error.strerror}: {folder}")
    return Answer(200, count=len(documents))


def _show(folder: Path, names: Sequence[str]) -> None:
    """Move documents into view, in order. What cannot be moved now is moved at the next round."""
    with contextlib.suppress(OSError):
        for name in names:
            (folder / READY / name).replace(folder / name)
        _keep(folder)


def _finish(connector: Connector) -> None:
    """Move into view what the cursor is past, in order; throw away what it is not past: it is written again.

    What is not there, or not ours to move, is said when there is something to write.
    """
    if connector.folder is None:
        return
    folder = connector.folder / DOCUMENTS
    with contextlib.suppress(OSError):
        names = sorted(path.name for path in (folder / READY).iterdir())
        is_past = [name[:NUMBER_DIGITS].isdecimal() and int(name[:NUMBER_DIGITS]) <= connector.taken for name in names]
        if any(is_past):
            _show(folder, [name for name, past in zip(names, is_past, strict=True) if past])
        for name, past in zip(names, is_past, strict=True):
            if not past:
                (folder / READY / name).unlink()


def _is_any_ready(folder: Path) -> bool:
    with contextlib.suppress(OSError), os.scandir(folder / DOCUMENTS / READY) as found:
        return any(found)
    return False


def _keep(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
