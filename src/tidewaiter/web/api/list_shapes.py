"""Lists, their versions and whom a name is like, as they travel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from tidewaiter.model.judgement import Lane
from tidewaiter.risk.lists import ListEntry, ListKind, PublishedList
from tidewaiter.risk.lists.files import read_entries
from tidewaiter.risk.screening import Manner, Match
from tidewaiter.web.api.officers import BODY_BYTES_MAX, Code, Why
from tidewaiter.workflow.lists import Changes, ListVersion

NAME_PATTERN = "^[a-z][a-z0-9_]{1,39}$"
NAME_LENGTH_MAX = 300  # of a name that is asked for
ListName = Annotated[
    str, Meta(pattern=NAME_PATTERN, description="The list's name, as rules write it", examples=["offenders"])
]
Text = Annotated[str, Meta(min_length=1, max_length=200)]


class ListVersionWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A version of a list to be proposed."""

    kind: Annotated[ListKind, Meta(description="What it is a list of")]
    title: Annotated[Text, Meta(description="What an officer reads before each hit")]
    source: Annotated[Text, Meta(description="Where it comes from")]
    entries: Annotated[
        str,
        Meta(
            max_length=BODY_BYTES_MAX,
            description="CSV with a header: id, values (between |), words, and lane, from, until, source, status, senders if wanted",
            examples=["id,values,words\ne1,Bright Star Trading Ltd,Seized twice."],
        ),
    ]
    lane: Annotated[Lane, Meta(description="Where hits go; an entry may say otherwise")] = Lane.YELLOW
    threshold: Annotated[
        str, Meta(pattern=r"^(1|0\.[0-9]{1,4})?$", description="How alike names must be; empty: as was measured")
    ] = ""
    lifts: Annotated[
        tuple[ListName, ...], Meta(max_length=50, description="Of an allow-list: lists whose hits it lifts")
    ] = ()
    words: Why = ""
    jurisdiction_code: Code = ""

    def listed(self, name: str) -> PublishedList:
        """The same under a name. Raises ListFileError with every line that is wrong."""
        return PublishedList(
            name=name, kind=self.kind, title=self.title, source=self.source,
            entries=read_entries(self.entries, self.kind), lane=self.lane, threshold=Decimal(self.threshold) if self.threshold else None, lifts=self.lifts,
        )  # fmt: skip


class ListEndWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """A list is to go out of use."""

    words: Why = ""
    jurisdiction_code: Code = ""


class ListAnswerWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """A second person's answer."""

    is_approved: Annotated[bool, Meta(description="Whether the version decides from now on")]


class ScreeningWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """A name to be held against a list."""

    text: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX, description="The name, as it is written")]
    on: Annotated[date | None, Meta(description="As of a day; today if none")] = None
    jurisdiction_code: Code = ""


class ListVersionShape(Struct, frozen=True, kw_only=True):
    """A version of a list, without its entries."""

    version_id: Annotated[int, Meta(description="Its number")]
    name: Annotated[str, Meta(description="The list's name")]
    jurisdiction_code: Annotated[str, Meta(description="Empty: everywhere")]
    digest: Annotated[str, Meta(description="SHA-256 of the content; empty where the list is to go out of use")]
    entries: Annotated[int, Meta(description="How many")]
    words: Annotated[str, Meta(description="Why it was proposed")]
    proposed_by: str
    proposed_at: datetime
    answered_by: Annotated[str, Meta(description="Empty while it waits")]
    answered_at: datetime | None
    is_approved: Annotated[bool | None, Meta(description="None while it waits")]

    @classmethod
    def of(cls, version: ListVersion) -> ListVersionShape:
        """A version as it travels."""
        return cls(
            version_id=version.version_id, name=version.name, jurisdiction_code=version.jurisdiction_code,
            digest=version.digest, entries=version.entry_count, words=version.words, proposed_by=version.proposed_by,
            proposed_at=version.proposed_at, answered_by=version.answered_by or "", answered_at=version.answered_at,
            is_approved=version.is_approved,
        )  # fmt: skip


class ListVersionPage(Struct, frozen=True):
    """Versions, the latest first."""

    versions: list[ListVersionShape]


class ListShape(Struct, frozen=True, kw_only=True):
    """A list, without its entries."""

    name: str
    jurisdiction_code: Annotated[str, Meta(description="Empty: everywhere")]
    kind: ListKind
    title: Annotated[str, Meta(description="What an officer reads before each hit")]
    source: Annotated[str, Meta(description="Where it comes from")]
    lane: Lane
    lifts: Annotated[tuple[str, ...], Meta(description="Of an allow-list: lists whose hits it lifts")]
    manner: Annotated[Manner, Meta(description="How its names are screened")]
    alike_from: Annotated[str, Meta(description="How alike a name must be to be a hit, to 1")]
    digest: Annotated[str, Meta(description="SHA-256 of the content, which decisions name")]
    entries: Annotated[int, Meta(description="How many")]
    in_force: Annotated[int, Meta(description="How many are in force today")]

    @classmethod
    def of(cls, listed: PublishedList, jurisdiction_code: str, today: date) -> ListShape:
        """A list as it travels."""
        return cls(
            name=listed.name, jurisdiction_code=jurisdiction_code, kind=listed.kind, title=listed.title,
            source=listed.source, lane=listed.lane, lifts=listed.lifts, manner=listed.screened,
            alike_from=f"{listed.alike_from:g}", digest=listed.digest, entries=len(listed.entries),
            in_force=sum(each.is_in_force(today) for each in listed.entries),
        )  # fmt: skip


class ListsPage(Struct, frozen=True):
    """Lists in use."""

    lists: list[ListShape]


class EntryShape(Struct, frozen=True, kw_only=True):
    """One entry of a list."""

    entry_id: str
    values: Annotated[tuple[str, ...], Meta(description="Each alone is enough")]
    words: Annotated[str, Meta(description="Why")]
    lane: Annotated[Lane | None, Meta(description="None: the list's")]
    effective_from: date | None
    effective_until: date | None
    source: str
    status: Annotated[str, Meta(description="Of an operator: the status as authorised economic operator")]
    senders: Annotated[tuple[int, ...], Meta(description="The senders that may speak for the operator")]

    @classmethod
    def of(cls, entry: ListEntry) -> EntryShape:
        """An entry as it travels."""
        return cls(
            entry_id=entry.entry_id, values=entry.values, words=entry.words, lane=entry.lane,
            effective_from=entry.effective_from, effective_until=entry.effective_until, source=entry.source,
            status=entry.status, senders=entry.senders,
        )  # fmt: skip


class ListContent(Struct, frozen=True, kw_only=True):
    """A list with some of its entries, and where the next begin."""

    head: ListShape
    entries: list[EntryShape]
    next_after: Annotated[int | None, Meta(description="What to ask for next; none: these were the last")]

    @classmethod
    def of(cls, head: ListShape, entries: Sequence[ListEntry], after: int, limit: int) -> ListContent:
        """So many entries behind a place."""
        end = after + limit
        shown = [EntryShape.of(each) for each in entries[after:end]]
        return cls(head=head, entries=shown, next_after=end if end < len(entries) else None)


class ChangesShape(Struct, frozen=True):
    """Entries by id: what the version would change of the list in use, were it approved now."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    @classmethod
    def of(cls, changes: Changes) -> ChangesShape:
        """Changes as they travel."""
        return cls(changes.added, changes.removed, changes.changed)


class ProposedContent(Struct, frozen=True):
    """A version, what it would change, and what it holds; no content where the list is to go out of use."""

    version: ListVersionShape
    changes: ChangesShape
    content: ListContent | None


class LikeShape(Struct, frozen=True, kw_only=True):
    """An entry that a name is like."""

    entry_id: str
    listed: Annotated[str, Meta(description="The name on the list")]
    score: Annotated[str, Meta(description="How alike, to 1")]
    because: Annotated[str, Meta(description="Which words speak for it")]
    words: Annotated[str, Meta(description="Why it is on the list")]

    @classmethod
    def of(cls, match: Match, entry: ListEntry) -> LikeShape:
        """A match as it travels."""
        return cls(
            entry_id=entry.entry_id,
            listed=match.listed,
            score=f"{match.score:.4f}",
            because=match.words,
            words=entry.words,
        )


class LikePage(Struct, frozen=True):
    """Whom a name is like."""

    matches: Annotated[list[LikeShape], Meta(description="The likest first; none: nobody")]
