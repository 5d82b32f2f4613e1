"""The EPCIS interface: events captured and asked for, and the lists of what they were told with."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import Response

from tidewaiter.messages.epcis import writing
from tidewaiter.messages.epcis.fields import Wrong
from tidewaiter.messages.epcis.querying import Query
from tidewaiter.messages.epcis.reading import DOCUMENT_BYTES_MAX
from tidewaiter.model.event import EventType
from tidewaiter.store.movements import FIELDS
from tidewaiter.web.api.epcis_answers import (
    LIMITS,
    PREFIX,
    Page,
    Refused,
    answer,
    next_link,
    problem_of,
    read_token,
)
from tidewaiter.web.api.epcis_asked import Asked
from tidewaiter.web.house import House, now
from tidewaiter.workflow.event_ports import Capture

SIMPLE: Final = "SimpleEventQuery"
PARAMETERS: Final = {
    "eventTypes": "eventType",
    "epcs": "MATCH_anyEPC",
    "bizSteps": "EQ_bizStep",
    "bizLocations": "EQ_bizLocation",
    "readPoints": "EQ_readPoint",
    "dispositions": "EQ_disposition",
}
"""The lists of resources, and the parameter that asks for the events of one of them."""
BEHAVIOURS: Final = {"rollback": True, "proceed": False}


def top(_: House, asked: Asked) -> Response[bytes]:
    """The resources there are."""
    del asked
    return answer(writing.collection(["events", *PARAMETERS, "capture", "queries"]))


# --- capture ---------------------------------------------------------------------------------------------------


def capture(house: House, asked: Asked) -> Response[bytes]:
    """Keep a document and take its events in; what became of them is told at the job's address."""
    wanted = asked.headers.get("gs1-capture-error-behaviour", "rollback")
    if wanted not in BEHAVIOURS:
        raise Refused("ValidationException", 400, f"{wanted[:40]!r} is no behaviour", "rollback or proceed")
    found = house.capturing.capture(asked.body, asked.captor, now(), is_all_or_nothing=BEHAVIOURS[wanted])
    _refuse_unreadable(found)
    headers = {"Location": f"{PREFIX}/capture/{found.capture_id}", **LIMITS, "GS1-Capture-Error-Behaviour": wanted}
    return answer(status=202, headers=headers)


def _refuse_unreadable(found: Capture) -> None:
    """What is no document at all is refused at once; the bytes are kept all the same."""
    for finding in found.findings:
        if finding.rule_id in ("epcis.too_large", "epcis.too_many"):
            raise Refused("CaptureLimitExceededException", 413, finding.words, finding.hint)
        if finding.rule_id in (
            "epcis.not_json",
            "epcis.no_document",
            "epcis.no_events",
            "epcis.version",
            "epcis.too_deep",
        ):
            raise Refused("ValidationException", 400, f"{finding.words} (at {finding.place or '/'})", finding.hint)


def captures(house: House, asked: Asked) -> Response[bytes]:
    """The jobs, newest first."""
    page = Page(asked.parameters)
    before = page.after.get("after")
    found = house.store.events.captures(asked.scope, before if isinstance(before, int) else None, page.size + 1)
    more = found[page.size :]
    link = next_link(f"{PREFIX}/capture", asked.parameters, {"after": found[page.size - 1][0]}) if more else {}
    return answer(msgspec.json.encode([_job(each) for _, each in found[: page.size]]), headers=link)


def one_capture(house: House, asked: Asked) -> Response[bytes]:
    """One job."""
    return answer(msgspec.json.encode(_job(house.store.events.capture(asked.names[0], asked.scope))))


def _job(found: Capture) -> dict[str, Any]:
    job: dict[str, Any] = {
        "captureID": found.capture_id,
        "createdAt": writing.moment(found.received_at),
        "running": found.is_running,
        "success": found.is_success,
        "captureErrorBehaviour": "rollback" if found.is_all_or_nothing else "proceed",
        "errors": [problem_of(each) for each in found.findings],
        "eventIDs": [*found.event_ids, *found.known_ids],
    }
    if found.finished_at is not None and not found.is_running:
        job["finishedAt"] = writing.moment(found.finished_at)
    return job


def add_event(house: House, asked: Asked) -> Response[bytes]:
    """Keep one event."""
    found = house.capturing.capture(asked.body, asked.captor, now())
    _refuse_unreadable(found)
    for finding in found.findings:
        if finding.rule_id == "epcis.conflict":
            raise Refused("ResourceAlreadyExistsException", 409, finding.words, finding.hint)
        if not found.is_success:
            raise Refused("ValidationException", 400, f"{finding.words} (at {finding.place or '/'})", finding.hint)
    ids = (*found.event_ids, *found.known_ids)
    if len(ids) != 1:
        raise Refused("ValidationException", 400, f"there are {len(ids)} events", "send one, or all to /capture")
    return answer(status=201, headers={"Location": f"{PREFIX}/events/{quote(ids[0], safe='')}"})


# --- events ----------------------------------------------------------------------------------------------------


def events(house: House, asked: Asked) -> Response[bytes]:
    """The events that meet the parameters."""
    return page_of(house, asked, Query.parse(asked.asked_for(), asked.prefixes), SIMPLE)


def one_event(house: House, asked: Asked) -> Response[bytes]:
    """An event, and what took it back."""
    found = list(islice(house.store.events.select(Query.parse({"EQ_eventID": [asked.names[0]]}), asked.scope), 2))
    if not found:
        raise Refused("NoSuchNameException", 404, f"no event {asked.names[0][:100]} is kept")
    return answer(writing.query_document([each.event for each in found], now(), SIMPLE))


def page_of(house: House, asked: Asked, query: Query, name: str) -> Response[bytes]:
    """A page of what a query finds."""
    page = Page(asked.parameters)
    after = page.after.get("after")
    if after is not None and not isinstance(after, int):
        raise Refused("NoSuchNameException", 404, "there is no such page", "begin with the first one")
    left = page.after.get("left", query.limit)
    size = page.size if left is None else min(page.size, max(left, 0))
    if query.maximum is not None and after is None:
        count = sum(1 for _ in islice(house.store.events.select(query, asked.scope), query.maximum + 1))
        if count > query.maximum:
            words = f"more than maxEventCount={query.maximum} events meet the query"
            raise Refused("QueryTooLargeException", 413, words, "narrow it, or ask for eventCountLimit")
    found = list(islice(house.store.events.select(query, asked.scope, after), size + 1))
    shown = found[:size]
    link: dict[str, str] = {}
    if len(found) > size and (left is None or left > size):
        place: dict[str, Any] = {"after": shown[-1].number}
        if left is not None:
            place["left"] = left - size
        path = "/".join(quote(step, safe="") for step in asked.steps)
        link = next_link(f"{PREFIX}/{path}", asked.parameters, place)
    return answer(writing.query_document([each.event for each in shown], now(), name), headers=link)


# --- lists of resources ----------------------------------------------------------------------------------------


def listed(house: House, asked: Asked) -> Response[bytes]:
    """What events were told with: types, EPCs, steps, places, dispositions."""
    name = asked.steps[0]
    page = Page(asked.parameters)
    if name == "eventTypes":
        return answer(writing.collection(list(EventType)))
    after = str(page.after.get("after", ""))
    found = house.store.events.values(FIELDS[name], asked.scope, after, page.size + 1)
    more = found[page.size :]
    link = next_link(f"{PREFIX}/{name}", asked.parameters, {"after": found[page.size - 1]}) if more else {}
    return answer(writing.collection(found[: page.size]), headers=link)


def one(house: House, asked: Asked) -> Response[bytes]:
    """What there is of one of them."""
    if not _is_known(house, asked):
        raise Refused("NoSuchNameException", 404, f"{asked.names[0][:100]} is not among {asked.steps[0]}")
    return answer(writing.collection(["events"]))


def events_of(house: House, asked: Asked) -> Response[bytes]:
    """The events of one of them."""
    parameter = PARAMETERS[asked.steps[0]]
    if parameter in asked.parameters:
        raise Refused("QueryParameterException", 400, f"{parameter} is said by the path already")
    return page_of(house, asked, _query(asked, asked.asked_for()), SIMPLE)


def _is_known(house: House, asked: Asked) -> bool:
    if asked.steps[0] == "eventTypes":
        return asked.names[0] in list(EventType)
    return any(True for _ in islice(house.store.events.select(_query(asked, {}), asked.scope), 1))


def _query(asked: Asked, others: dict[str, Any]) -> Query:
    try:
        return Query.parse({**others, PARAMETERS[asked.steps[0]]: [asked.names[0]]}, asked.prefixes)
    except Wrong as wrong:
        if wrong.place == (PARAMETERS[asked.steps[0]],):
            raise Refused(
                "NoSuchNameException", 404, f"{asked.names[0][:100]} is not among {asked.steps[0]}"
            ) from wrong
        raise


def drop_token(_: House, asked: Asked) -> Response[bytes]:
    """A page that is not asked for any more. Tokens hold nothing here but a place, so there is nothing to forget."""
    read_token(asked.names[0])
    return answer(status=204)


__all__ = ["DOCUMENT_BYTES_MAX", "PARAMETERS", "SIMPLE", "page_of"]
