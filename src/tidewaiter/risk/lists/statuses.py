"""The status of authorised economic operators, as lists tell it: it lowers odds, and exempts from nothing (risk.selection).

A status is found by identifier alone (EORI, or what stands for one): a name is written by anybody. So is an identifier: a
status counts only of what a sender handed in that the entry lets speak for the operator. It is the importer's, and where
goods lines name other importers, theirs as well, all alike; of a declaration without importer the declarant's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Final

from msgspec import Struct

from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.risk.lists.published import ListEntry, ListKind, PublishedList
from tidewaiter.risk.lists.screened import COMPILED_MAX, since
from tidewaiter.risk.watch_list import identifier_key


class TraderStatus(Struct, frozen=True):
    """A trader's status, "" for none. `unvouched` is stated and does not count: the sender may not speak for the trader."""

    counted: str = ""
    unvouched: str = ""


NO_STATUS: Final = TraderStatus()


class StatusIndex:
    """The operators' lists of one day, compiled."""

    def __init__(self, lists: Sequence[PublishedList], on: date) -> None:
        self._entries = [_compiled(each, since(each, on)) for each in lists if each.kind is ListKind.AEO]

    def status(self, declaration: Declaration, sender_id: int | None) -> TraderStatus:
        """The status of the trader that a declaration is of; none where several traders do not have the same.

        `sender_id` is of the sender that intake let in; None where none is known, who may speak for nobody.
        """
        if not self._entries:
            return NO_STATUS
        found = [self._of(party) for party in _traders(declaration)]
        vouched = {next((each.status for each in entries if sender_id in each.senders), "") for entries in found}
        if len(vouched) == 1 and (status := vouched.pop()):
            return TraderStatus(status)
        stated = {next((each.status for each in entries), "") for entries in found}
        return TraderStatus(unvouched=stated.pop()) if len(stated) == 1 else NO_STATUS

    def _of(self, party: Party) -> list[ListEntry]:
        key = identifier_key(party.party_id)
        return [entry for each in self._entries for entry in each.get(key, ())] if key else []


def _traders(declaration: Declaration) -> Iterator[Party]:
    importers = [declaration.importer, *(item.importer for item in declaration.goods_items)]
    named = [party for party in importers if party is not None]
    if named:
        yield from named
    elif declaration.declarant is not None:
        yield declaration.declarant


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(listed: PublishedList, on: date) -> dict[str, list[ListEntry]]:
    found: dict[str, list[ListEntry]] = {}
    for entry in listed.entries:
        if entry.is_in_force(on):
            for value in entry.values:
                found.setdefault(identifier_key(value), []).append(entry)
    return found
