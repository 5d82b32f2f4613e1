"""From a seizure to a list: what it proposes becomes a version of a list that a second person approves.

    propose_seized(store, kept, Draft("seized", by="ann", words="linked twice"), clock)

A seizure is one entry, named by its outcome, with all by which its people are known again. What it is linked to stays on
the alarm for 90 days without anybody's doing (`workflow.linking`); a list is for longer, and a person's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.errors import NotFoundError
from tidewaiter.model.judgement import Lane
from tidewaiter.risk.lists import ListEntry, ListKind, PublishedList
from tidewaiter.risk.lists.matching import is_value
from tidewaiter.risk.lists.published import VALUE_LENGTH_MAX
from tidewaiter.workflow.lists import ListError, Lists, ListStore, ListVersion
from tidewaiter.workflow.outcome_records import KeptOutcome
from tidewaiter.workflow.outcome_returns import proposed_entries
from tidewaiter.workflow.ports import Store

LISTED_DAYS: Final = 365  # that an entry stays in force after the seizure


class SeizureStore(Store, ListStore, Protocol):
    """What proposing needs of a store."""


class Draft(Struct, frozen=True, kw_only=True):
    """Which list a seizure is proposed for, by whom and why; of which kinds of identities (none: of all)."""

    name: str
    by: str
    words: str
    jurisdiction_code: str = ""
    kinds: tuple[str, ...] = ()


def propose_seized(store: SeizureStore, outcome_id: int, draft: Draft, clock: Callable[[], datetime]) -> ListVersion:
    """Propose the list in use, or a new one, with the seizure's entry added.

    Raises NotFoundError for no such outcome, ListError where there is nothing to propose, it stands on the list as it is, or
    the list is of another kind; ListWaitsError.
    """
    kept = store.outcomes.one(outcome_id)
    entry = _entry(store, kept, draft.kinds)
    lists = Lists(store, clock)
    listed = _listed(lists, draft)
    if entry in listed.entries:
        raise ListError(f"outcome {outcome_id} is on the list {draft.name!r} already", hint="there is nothing to add")
    others = (each for each in listed.entries if each.entry_id != entry.entry_id)
    proposed = replace(listed, entries=tuple(sorted((*others, entry), key=lambda each: each.entry_id)))
    return lists.propose(proposed, draft.jurisdiction_code, draft.by, draft.words or entry.words)


def _entry(store: SeizureStore, kept: KeptOutcome, kinds: Sequence[str]) -> ListEntry:
    proposed = [each for each in proposed_entries(store, kept) if not kinds or each.kind in kinds]
    told = (f"{each.kind}: {each.value}".replace("|", " ")[:VALUE_LENGTH_MAX] for each in proposed)
    values = tuple(value for value in told if not is_value(ListKind.IDENTITIES, value))
    if not values:
        raise ListError(
            f"outcome {kept.outcome_id} proposes nothing for a list",
            hint="a seizure that is in effect does, of a declaration that names somebody",
        )
    return ListEntry(
        entry_id=f"outcome-{kept.outcome_id}",
        values=values,
        words=f"{proposed[0].reason[:1].upper()}{proposed[0].reason[1:]}.",
        source=f"outcome {kept.outcome_id}, {kept.outcome.reference}",
        effective_until=kept.outcome.examined_at.date() + timedelta(LISTED_DAYS),
    )


def _listed(lists: Lists, draft: Draft) -> PublishedList:
    try:
        found = lists.content(draft.name, draft.jurisdiction_code)
    except NotFoundError:
        return PublishedList(
            name=draft.name,
            kind=ListKind.IDENTITIES,
            title="Seized before",
            source="examinations",
            entries=(),
            lane=Lane.RED,
        )
    if found.kind is not ListKind.IDENTITIES:
        raise ListError(
            f"the list {draft.name!r} is of {found.kind.value}, and a seizure tells identities of several kinds",
            hint="name a list of identities, or one that is not there yet",
        )
    return found
