"""The names of a list as they are screened on a day: by decisions, and by whoever asks whom a name is like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from tidewaiter.risk.lists.identities import NAMES, identity_of, is_identifier
from tidewaiter.risk.lists.published import ListEntry, ListKind, PublishedList
from tidewaiter.risk.screening import Match, Screener

SCREENED: Final = frozenset(
    (ListKind.PARTIES, ListKind.SELLERS, ListKind.IDENTITIES)
)  # the kinds whose names are held against others
COMPILED_MAX: Final = 64  # lists at hand in one process


def whom(listed: PublishedList, text: str, on: date) -> Sequence[tuple[Match, ListEntry]]:
    """The entries in force on a day that a name is like, best first, each with what speaks for it."""
    entries = {each.entry_id: each for each in listed.entries if each.is_in_force(on)}
    found = screener(listed, since(listed, on)).found(text, listed.alike_from)
    return [(match, entries[match.entry_id]) for match in found]


@lru_cache(maxsize=COMPILED_MAX)
def screener(listed: PublishedList, on: date) -> Screener:
    """The names in force on a day, compiled once."""
    return listed.screened.screener(
        (entry.entry_id, value)
        for entry in listed.entries
        if entry.is_in_force(on)
        for value in _names(listed.kind, entry)
    )


def _names(kind: ListKind, entry: ListEntry) -> Iterator[str]:
    for value in entry.values:
        what, text = identity_of(value) if kind is ListKind.IDENTITIES else ("name", value)
        if what in NAMES and not is_identifier(text):
            yield text


def since(listed: PublishedList, on: date) -> date:
    """The first day since which the same entries are in force as on a day: one compiled list serves many days."""
    days = [entry.effective_from for entry in listed.entries if entry.effective_from is not None]
    days += [entry.effective_until + timedelta(1) for entry in listed.entries if entry.effective_until is not None]
    return max((day for day in days if day <= on), default=date.min)
