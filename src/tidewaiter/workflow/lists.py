"""Lists in use: a version is proposed by one person and decides once another approved it; none is changed, all are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.errors import ConflictError, NotFoundError, TidewaiterError, TransitionError
from tidewaiter.risk import PartKind
from tidewaiter.risk.lists import ListEntry, PublishedList
from tidewaiter.risk.lists.screened import SCREENED
from tidewaiter.risk.screening import NEWEST
from tidewaiter.workflow.rules_naming import rule_sets_naming
from tidewaiter.workflow.targeting import Library

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")


class ListError(TidewaiterError):
    """A list that cannot be proposed."""

    code = "list.refused"


class ListWaitsError(ConflictError):
    """A version of the list waits for an answer already."""

    code = "list.waits"


class ListAnswerError(TransitionError):
    """An answer that cannot be given: it was answered, or by whoever proposed it."""

    code = "list.answer"


class ListVersion(Struct, frozen=True, kw_only=True):
    """A version of a list; `digest` is "" where the list is to go out of use. `is_approved` is None while it waits."""

    version_id: int
    name: str
    jurisdiction_code: str
    digest: str
    entry_count: int
    words: str
    proposed_by: str
    proposed_at: datetime
    answered_by: str | None = None
    answered_at: datetime | None = None
    is_approved: bool | None = None


class Changes(Struct, frozen=True):
    """What a version would change of the list in use: the ids of entries that come, go, and are written otherwise."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class NewVersion(Struct, frozen=True, kw_only=True):
    """A version as it is proposed."""

    name: str
    jurisdiction_code: str
    digest: str
    entry_count: int
    words: str
    proposed_by: str
    proposed_at: datetime


class ListVersions(Protocol):
    """What lists need of the store."""

    def propose(self, new: NewVersion, content: bytes | None) -> ListVersion:
        """Keep a version and its content. Raises ListWaitsError where another waits for an answer."""

    def answer(
        self, version_id: int, by: str, at: datetime, *, is_approved: bool, refuse: Callable[[str], None] | None = None
    ) -> ListVersion:
        """Answer it; what is approved is in use from the same transaction on. Raises ListAnswerError, NotFoundError.

        `refuse` is asked by the list's name before one goes out of use, while nobody else can change what is in use.
        """

    def versions(self, name: str = "") -> list[ListVersion]:
        """Every version, the latest first; of one list or of all."""


class ListStore(Library, Protocol):
    """A store of lists."""

    @property
    def lists(self) -> ListVersions:
        """The versions."""


class Lists:
    """Proposing and answering."""

    def __init__(self, store: ListStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def propose(self, listed: PublishedList, jurisdiction_code: str, by: str, words: str) -> ListVersion:
        """Propose a version; names are screened in the newest manner. Raises ListError for a name that rules could not
        write, ListWaitsError.
        """
        if not _NAME.fullmatch(listed.name):
            raise ListError(
                f"{listed.name[:60]!r} is no name of a list",
                hint="small letters, digits and _, beginning with a letter",
            )
        if listed.kind in SCREENED and listed.manner is None:
            listed = replace(listed, manner=NEWEST)
        return self._store.lists.propose(self._new(listed, jurisdiction_code, by, words), listed.content)

    def propose_end(self, name: str, jurisdiction_code: str, by: str, words: str) -> ListVersion:
        """Propose that a list goes out of use. Raises NotFoundError, and ListError where rules in use name it."""
        self.content(name, jurisdiction_code)
        self._refuse_named(name)
        new = NewVersion(
            name=name, jurisdiction_code=jurisdiction_code, digest="", entry_count=0, words=words, proposed_by=by,
            proposed_at=self._clock(),
        )  # fmt: skip
        return self._store.lists.propose(new, None)

    def answer(self, version_id: int, by: str, *, is_approved: bool) -> ListVersion:
        """Approve or refuse. Raises ListAnswerError where whoever answers proposed it, or it was answered; NotFoundError;
        ListError where a list that rules in use name would end.
        """
        found = self.version(version_id)
        if found.proposed_by.strip().casefold() == by.strip().casefold():
            raise ListAnswerError("whoever answers is somebody else than who proposed it", hint="ask a second person")
        return self._store.lists.answer(
            version_id, by, self._clock(), is_approved=is_approved, refuse=self._refuse_named
        )

    def content(self, name: str, jurisdiction_code: str = "") -> PublishedList:
        """The version in use. Raises NotFoundError."""
        for each in self._store.parts.in_use():
            part = each.part
            if part.kind is PartKind.LIST and part.name == name and each.jurisdiction_code == jurisdiction_code:
                return PublishedList.from_content(self._store.knowledge(part.digest))
        raise NotFoundError(f"no list {name!r} is in use", hint="tidewaiter list versions shows what was proposed")

    def version(self, version_id: int) -> ListVersion:
        """One version, however it stands. Raises NotFoundError."""
        found = next((each for each in self._store.lists.versions() if each.version_id == version_id), None)
        if found is None:
            raise NotFoundError(f"there is no version {version_id} of a list")
        return found

    def proposed(self, version: ListVersion) -> PublishedList | None:
        """What a version holds; None where the list is to go out of use."""
        return PublishedList.from_content(self._store.knowledge(version.digest)) if version.digest else None

    def changes(self, version: ListVersion) -> Changes:
        """What a version would change, were it approved now."""
        proposed = self.proposed(version)
        with suppress(NotFoundError):
            in_use = self.content(version.name, version.jurisdiction_code)
            return _changes(in_use.entries, proposed.entries if proposed is not None else ())
        return _changes((), proposed.entries if proposed is not None else ())

    def in_use(self) -> Sequence[tuple[str, PublishedList]]:
        """Every list in use with its jurisdiction ("": everywhere)."""
        return [
            (each.jurisdiction_code, PublishedList.from_content(self._store.knowledge(each.part.digest)))
            for each in self._store.parts.in_use()
            if each.part.kind is PartKind.LIST
        ]

    def _refuse_named(self, name: str) -> None:
        if naming := rule_sets_naming(self._store, PartKind.LIST, name):
            told = ", ".join(map(str, naming))
            raise ListError(f"rules in use name the list {name!r}: {told}", hint="publish rules that do not, first")

    def _new(self, listed: PublishedList, jurisdiction_code: str, by: str, words: str) -> NewVersion:
        return NewVersion(
            name=listed.name, jurisdiction_code=jurisdiction_code, digest=listed.digest,
            entry_count=len(listed.entries), words=words, proposed_by=by, proposed_at=self._clock(),
        )  # fmt: skip


def _changes(before: Sequence[ListEntry], after: Sequence[ListEntry]) -> Changes:
    old, new = ({each.entry_id: each for each in entries} for entries in (before, after))
    return Changes(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(key for key in old.keys() & new.keys() if old[key] != new[key])),
    )
