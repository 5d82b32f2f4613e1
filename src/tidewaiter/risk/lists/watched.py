"""One person's notes on the watch list as a list that two persons stand behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from tidewaiter.risk.lists.matching import is_value
from tidewaiter.risk.lists.published import ListEntry, ListKind, PublishedList
from tidewaiter.risk.watch_list import WatchListEntry

EXACTLY = Decimal(1)


def watched(name: str, entries: Iterable[WatchListEntry]) -> PublishedList:
    """The entries as a list of identities whose names are matched as the watch list does: the same but for accidents of
    writing. An address that lists cannot know a household by (without postcode) is left out; so is an entry of these alone.
    """
    found = [(entry, tuple(_values(entry))) for entry in entries]
    return PublishedList(
        name=name,
        kind=ListKind.IDENTITIES,
        title="Watched",
        source="the watch list",
        threshold=EXACTLY,
        entries=tuple(
            ListEntry(
                entry_id=entry.entry_id,
                values=values,
                words=entry.words,
                lane=entry.lane,
                effective_from=entry.effective_from,
                effective_until=entry.effective_until,
                source="the watch list",
            )
            for entry, values in sorted(found, key=lambda each: each[0].entry_id)
            if values
        ),
    )


def _values(entry: WatchListEntry) -> Iterator[str]:
    told = [
        *(f"name: {name}" for name in entry.names),
        *(f"identifier: {identifier}" for identifier in entry.identifiers),
        *(f"address: {address.line}, {address.postcode}" for address in entry.addresses if address.postcode),
    ]
    return (value for each in told if not is_value(ListKind.IDENTITIES, value := each.replace("|", " ")))
