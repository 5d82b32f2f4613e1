"""`tidewaiter event`: events of movement, taken in and shown."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store
from tidewaiter.messages.epcis import writing
from tidewaiter.messages.epcis.fields import Wrong
from tidewaiter.messages.epcis.querying import Query
from tidewaiter.model.errors import NotFoundError
from tidewaiter.web.house import capturing_on, now
from tidewaiter.workflow.event_ports import Captor, Kept, Scope

app = App(name="event")
INDEXED_AT_ONCE: Final = 500


@app.command
def capture(
    files: Annotated[list[Path], Parameter(help="EPCIS 2.0 documents in JSON.")],
    *,
    sender: Annotated[str, Parameter(help="On whose behalf; as an officer when left out.")] = "",
    proceed: Annotated[bool, Parameter(negative="", help="Keep the good events of a document with bad ones.")] = False,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Take in events, and show what became of each document."""
    rows, has_findings = [], False
    with opened_store() as store:
        by = Captor(sender or "officer", store.senders.by_name(sender).sender_id if sender else None)
        capturing = capturing_on(store)
        for path in files:
            if not path.is_file():
                raise UsageError(f"there is no file {path}")
            found = capturing.capture(path.read_bytes(), by, now(), is_all_or_nothing=not proceed)
            has_findings |= bool(found.findings)
            rows.append({
                "capture": found.capture_id, "file": path.name, "new": len(found.event_ids), "known": len(found.known_ids),
                "wrong": "; ".join(f"{each.place or '/'}: {each.words}" for each in found.findings),
            })  # fmt: skip
    output.print_rows(rows, output_as)
    return output.EXIT_FINDINGS if has_findings else output.EXIT_OK


@app.command
def index() -> int:
    """Index events that an earlier release kept anew, so that they are found by either form of a GS1 key."""
    count = after = 0
    with opened_store() as store:
        while True:
            found, after = store.events.index_again(after, INDEXED_AT_ONCE)
            count += found
            if found < INDEXED_AT_ONCE:
                break
    output.out().print(f"{count} events are indexed")
    return output.EXIT_OK


@app.command(name="list")
def list_(
    *query: Annotated[str, Parameter(help="Parameters of EPCIS's query, like EQ_bizStep=shipping.")],
    limit: int = 50,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """List events that meet a query, in the order they were told."""
    parameters: dict[str, list[str]] = {}
    for each in query:
        name, _, value = each.partition("=")
        parameters.setdefault(name, []).extend(value.split("|"))
    try:
        asked = Query.parse(parameters)
    except Wrong as wrong:
        raise UsageError(wrong.words, hint=wrong.hint) from wrong
    with opened_store() as store:
        found = list(islice(store.events.select(asked, Scope()), limit))
    output.print_rows([_row(each) for each in found], output_as)
    return output.EXIT_OK


@app.command
def show(event_id: str) -> int:
    """Print an event as EPCIS has it, and what took it back."""
    with opened_store() as store:
        found = list(store.events.select(Query.parse({"EQ_eventID": [event_id]}), Scope()))
    if not found:
        raise NotFoundError(f"no event {event_id} is kept")
    output.print_json(msgspec.Raw(writing.query_document([each.event for each in found], now(), "SimpleEventQuery")))
    return output.EXIT_OK


def _row(kept: Kept) -> dict[str, object]:
    event = kept.event
    return {
        "no.": kept.number, "event": event.event_id, "happened": f"{event.event_time:%Y-%m-%d %H:%M:%S}Z",
        "step": event.biz_step.rsplit("/", 1)[-1], "place": event.read_point, "about": ", ".join(event.things[:3]),
        "taken back": event.error_declaration is not None,
    }  # fmt: skip
