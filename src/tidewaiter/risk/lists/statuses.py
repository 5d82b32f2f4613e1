"""The status of authorised economic operators, as lists tell it: it lowers odds, and exempts from nothing (risk.selection).

A status is found by identifier alone (EORI, or what stands for one): a name is written by anybody. It is the importer's,
and where goods lines name other importers, theirs as well, all alike; of a declaration without importer the declarant's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache

from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.risk.lists.published import ListKind, PublishedList
from tidewaiter.risk.lists.screened import COMPILED_MAX, since
from tidewaiter.risk.watch_list import identifier_key


class StatusIndex:
    """The operators' lists of one day, compiled."""

    def __init__(self, lists: Sequence[PublishedList], on: date) -> None:
        self._statuses = [_compiled(each, since(each, on)) for each in lists if each.kind is ListKind.AEO]

    def status(self, declaration: Declaration) -> str:
        """The status of the trader that a declaration is of; "" for none, or where several traders do not have the same."""
        if not self._statuses:
            return ""
        found = {self._of(party) for party in _traders(declaration)}
        return found.pop() if len(found) == 1 else ""

    def _of(self, party: Party) -> str:
        key = identifier_key(party.party_id)
        return next((each[key] for each in self._statuses if key in each), "") if key else ""


def _traders(declaration: Declaration) -> Iterator[Party]:
    importers = [declaration.importer, *(item.importer for item in declaration.goods_items)]
    named = [party for party in importers if party is not None]
    if named:
        yield from named
    elif declaration.declarant is not None:
        yield declaration.declarant


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(listed: PublishedList, on: date) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in listed.entries:
        if entry.is_in_force(on):
            for value in entry.values:
                found.setdefault(identifier_key(value), entry.status)
    return found
