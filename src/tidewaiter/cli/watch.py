"""`tidewaiter watch`: the list of parties that officers want to see."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.judgement import Lane
from tidewaiter.risk.watch_list import WatchListEntry

app = App(name="watch")

EntryId = Annotated[str, Parameter(help="The entry's own id.")]


@app.command
def add(
    entry_id: EntryId,
    *,
    why: Annotated[str, Parameter(help="Why, in words an officer reads.")],
    name: Annotated[tuple[str, ...], Parameter(help="A name to look for; may be repeated.")] = (),
    identifier: Annotated[tuple[str, ...], Parameter(help="An EORI, phone or e-mail; may be repeated.")] = (),
    lane: Lane = Lane.RED,
    until: Annotated[date | None, Parameter(help="The last day it is in force.")] = None,
) -> int:
    """Add an entry, or replace the one with this id."""
    entry = WatchListEntry(
        entry_id=entry_id, words=why, lane=lane, names=name, identifiers=identifier, effective_until=until
    )
    with opened_store() as store:
        version = store.senders.change_watch_list([canonical_bytes(entry)], [], actor="cli", words=why)
    output.out().print(f"watch list version {version}")
    return output.EXIT_OK


@app.command
def remove(entry_id: EntryId, *, why: Annotated[str, Parameter(help="Why, in words.")]) -> int:
    """Take an entry off the list."""
    with opened_store() as store:
        version = store.senders.change_watch_list([], [entry_id], actor="cli", words=why)
    output.out().print(f"watch list version {version}")
    return output.EXIT_OK


@app.command
def propose(
    *,
    to: Annotated[str, Parameter(help="The list's name; nothing of a list in use is kept but what stands here.")],
    by: Annotated[str, Parameter(help="Who says so.")],
    why: Annotated[str, Parameter(help="Why, in words.")],
) -> int:
    """Propose the entries as a list, exactly matched, that another person approves; then take them off here."""
    from tidewaiter.risk.lists.watched import watched
    from tidewaiter.workflow.lists import ListError, Lists

    with opened_store() as store:
        entries = msgspec.json.decode(store.senders.watch_list().entries, type=list[WatchListEntry])
        listed = watched(to, entries)
        if not listed.entries:
            raise ListError("the watch list has no entry that a list could hold")
        found = Lists(store, lambda: datetime.now(UTC)).propose(listed, "", by, why)
    left = len(entries) - len(listed.entries)
    output.out().print(
        f"version {found.version_id} of {to}: {found.entry_count:,} entries wait for a second person's answer"
        + (f"; {left} could not be taken" if left else "")
    )
    return output.EXIT_OK


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List the entries in force."""
    with opened_store() as store:
        entries = msgspec.json.decode(store.senders.watch_list().entries, type=list[WatchListEntry])
    rows = [
        {
            "id": e.entry_id,
            "names": e.names,
            "identifiers": e.identifiers,
            "lane": e.lane.value,
            "until": e.effective_until,
            "why": e.words,
        }
        for e in entries
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK
