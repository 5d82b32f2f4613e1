"""EPCIS 2.0 on outside files: what is good is taken in and found again, what is spoilt is told apart.

Files are known by what is in them: JSON with events is a sample (schemas and contexts are not), JSON with `openapi` and
`paths` is a description of the interface. Each event is taken in by a store of its own, asked for by every value that it
has, held against what was sent, and spoilt in a few ways of which each must be refused at its place.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tidewaiter.cli.conformance.case import Case
from tidewaiter.messages.epcis import vocabulary, writing
from tidewaiter.messages.epcis.conditions import ELEMENTS, terms_of
from tidewaiter.messages.epcis.fields import read_time
from tidewaiter.messages.epcis.querying import PARAMETERS, Query
from tidewaiter.messages.epcis.reading import DOCUMENT_BYTES_MAX, read
from tidewaiter.model.event import Action, Event, EventType
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.workflow.capturing import Capturing, key_of
from tidewaiter.workflow.event_ports import Captor, Scope

FOLDER: Final = "gs1-epcis2"
_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TYPES: Final = frozenset(EventType)
# The parameter that asks for each kind of value an index knows an event by.
_ASKED: Final = {
    "type": "eventType", "action": "EQ_action", "bizStep": "EQ_bizStep", "disposition": "EQ_disposition",
    "set": "EQ_persistentDisposition_set", "unset": "EQ_persistentDisposition_unset", "readPoint": "EQ_readPoint",
    "bizLocation": "EQ_bizLocation", "transformationID": "EQ_transformationID", "eventID": "EQ_eventID",
    "errorReason": "EQ_errorReason", "correctiveEventID": "EQ_correctiveEventID", "deviceID": "EQ_deviceID",
    "report.type": "EQ_type", "exception": "EQ_exception", "epc": "MATCH_epc", "parentID": "MATCH_parentID",
    "inputEPC": "MATCH_inputEPC", "outputEPC": "MATCH_outputEPC", "epcClass": "MATCH_epcClass",
    "inputEPCClass": "MATCH_inputEPCClass", "outputEPCClass": "MATCH_outputEPCClass",
}  # fmt: skip


class Run:
    """One run of the suite, and what it counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def cases(self, samples: Path) -> Iterator[Case]:
        """Every case below the folder of the standard, or below the folder itself where it has none of that name."""
        folder = samples / FOLDER if (samples / FOLDER).is_dir() else samples
        with ExitStack() as leaving:
            stores = _Stores(leaving)
            for path in sorted(each for each in folder.rglob("*") if each.suffix in (".json", ".jsonld")):
                name = str(path.relative_to(folder))
                content = _json(path)
                if isinstance(content, dict) and "openapi" in content and "paths" in content:
                    yield from self._interface(name, content)
                elif events := _events(content):
                    self.counts["documents"] += 1
                    data = path.read_bytes()
                    yield self._taken_in(stores.without(read(data).events), name, data, events)
                    yield from self._spoilt(name, data)

    def information(self, samples: Path) -> list[str]:
        """What was counted."""
        return [f"{what}: {count}" for what, count in sorted(self.counts.items())]

    def _taken_in(self, store: PostgresStore, name: str, data: bytes, sent: list[Any]) -> Case:
        captured = Capturing(store).capture(data, Captor("conformance"), _AT)
        if not captured.is_success:
            wrong = captured.findings[0]
            return Case(name, False, f"refused: {wrong.words} (at {wrong.place or '/'})")
        ids = [*captured.event_ids, *captured.known_ids]
        document = read(data)
        Capturing(store).capture(_master_data(document.events), Captor("conformance"), _AT)
        if len(document.events) != len(sent):
            return Case(name, False, f"{len(sent)} events were sent, {len(document.events)} read")
        for event, source in zip(document.events, sent, strict=True):
            self.counts["events"] += 1
            if event.event_id not in ids:
                return Case(name, False, f"{event.event_id} was not kept")
            prefixes = vocabulary.prefixes_of(_json_of(data).get("@context"))
            if (difference := _difference(_plain(source, prefixes), _plain(_told(event), prefixes))) != "":
                return Case(name, False, f"another event comes back: {difference}")
            if (missed := self._not_found(store, event)) != "":
                return Case(name, False, f"{missed} does not find it")
            if (missed := self._not_found_by_master_data(store, event)) != "":
                return Case(name, False, f"{missed} finds it, or does not, against its master data")
        return Case(name, True, f"{len(sent)} events")

    def _not_found(self, store: PostgresStore, event: Event) -> str:
        """The first query that does not find an event it is true of, or finds it where it is not; "" where none is."""
        for term in terms_of(event):
            field, value = _TERM.split(term, 1)
            if field in _ASKED:
                asked, other = {_ASKED[field]: [value]}, {_ASKED[field]: [_other(field, value)]}
            else:
                type_, _, number = value.partition(" ")
                asked, other = {f"EQ_{field}_{type_}": [number]}, {f"EQ_{field}_{type_}": ["urn:x:another"]}
                if not type_:
                    continue
            self.counts["queries"] += 2
            key = {"EQ_eventID": [event.event_id]}
            for parameters, is_wanted in ((asked, True), (other, False)):
                if set(parameters) == set(key) and not is_wanted:
                    continue
                found = list(store.events.select(Query.parse(key | parameters), Scope()))
                if any(kept.event.body == event.body for kept in found) is not is_wanted:
                    return f"{next(iter(parameters))}={next(iter(parameters.values()))[0]}"
        return ""

    def _not_found_by_master_data(self, store: PostgresStore, event: Event) -> str:
        """The first query about attributes of an event's elements that is answered against what was told of them."""
        key = {"EQ_eventID": [event.event_id]}
        for field, elements in ELEMENTS.items():
            for element in filter(None, elements(event)):
                for name, value, is_wanted in (
                    (f"HASATTR_{field}", _ATTRIBUTE, True), (f"HASATTR_{field}", "urn:x:another", False),
                    (f"EQATTR_{field}_{_ATTRIBUTE}", f"of {element}", True),
                    (f"EQATTR_{field}_{_ATTRIBUTE}", "of another", False),
                ):  # fmt: skip
                    self.counts["queries of master data"] += 1
                    found = list(store.events.select(Query.parse(key | {name: [value]}), Scope()))
                    if any(kept.event.body == event.body for kept in found) is not is_wanted:
                        return f"{name}={value}"
        return ""

    def _spoilt(self, name: str, data: bytes) -> Iterator[Case]:
        """Each event with one thing made wrong: it has to be refused, at that place."""
        for what, field, value in (
            ("no moment", "eventTime", "yesterday"), ("no offset", "eventTimeZoneOffset", "CET"),
            ("an unknown field", "notAField", 1), ("an unknown step", "bizStep", "no_such_step"),
            ("no URI", "eventID", "not a uri"),
        ):  # fmt: skip
            spoilt = json.loads(data)
            events = _events(spoilt)
            events[0][field] = value
            self.counts["spoilt documents"] += 1
            found = read(json.dumps(spoilt).encode()).findings
            is_told = any(each.place.endswith(f"/{field}") for each in found)
            yield Case(f"{name}: {what}", is_told, "" if is_told else f"told: {[each.words for each in found]}")

    def _interface(self, name: str, content: dict[str, Any]) -> Iterator[Case]:
        """Every path and parameter of a description is served."""
        from tidewaiter.web.api.epcis import PATHS

        served = {
            "/" + "/".join("{}" if step is None else step for step in path.steps): {*path.handlers, "OPTIONS"}
            for path in PATHS
        }
        for path, methods in content["paths"].items():
            template = "/".join("{}" if step.startswith("{") else step for step in path.split("/"))
            wanted = {each.upper() for each in methods if each not in ("parameters", "summary", "description")}
            self.counts["paths"] += 1
            yield Case(f"{name}: {path}", wanted <= served.get(template, set()), f"{', '.join(sorted(wanted))}")
        known = {*PARAMETERS, "perPage", "nextPageToken", *_TIMING}
        for parameter in content.get("components", {}).get("parameters", {}).values():
            if parameter.get("in") == "query":
                self.counts["parameters"] += 1
                yield Case(f"{name}: {parameter['name']}", parameter["name"] in known, "a parameter of a query")


_TIMING: Final = (
    "second", "minute", "hour", "dayOfMonth", "month", "dayOfWeek", "reportIfEmpty", "stream", "initialRecordTime",
)  # fmt: skip


_TERM: Final = re.compile("[=~]")  # behind a field: a value as it was written, or a GS1 key in its one form
_ATTRIBUTE: Final = "urn:epcglobal:cbv:mda:conformance"


def _master_data(events: Sequence[Event]) -> bytes:
    """A document that tells one attribute of every element that events name: which element it is of."""
    every = {each for event in events for elements in ELEMENTS.values() for each in elements(event) if each}
    told = [
        {"id": _as_uri(each), "attributes": [{"id": _ATTRIBUTE, "attribute": f"of {each}"}]} for each in sorted(every)
    ]
    header = {"epcisMasterData": {"vocabularyList": [{"type": "urn:x:any", "vocabularyElementList": told}]}}
    content = {"type": "EPCISDocument", "schemaVersion": "2.0", "epcisBody": {"eventList": []}, "epcisHeader": header}
    return json.dumps(content).encode()


def _as_uri(element: str) -> str:
    """The element as master data names it: by a URI, also where it is a word of CBV."""
    for kind, known in (
        ("BizStep", vocabulary.BIZ_STEPS),
        ("Disp", vocabulary.DISPOSITIONS),
        ("ER", vocabulary.ERROR_REASONS),
    ):
        if element in known:
            return f"https://ref.gs1.org/cbv/{kind}-{element}"
    return element


def _other(field: str, value: str) -> str:
    """Another value of a field."""
    known: dict[str, list[str]] = {"type": list(EventType), "action": list(Action)}
    return next(str(each) for each in known.get(field, ["urn:x:another"]) if each != value)


class _Stores:
    """Stores of their own for what is taken in: documents that use one id for two events go to different ones."""

    def __init__(self, leaving: ExitStack) -> None:
        self._leaving = leaving
        folder = Path(leaving.enter_context(tempfile.TemporaryDirectory()))
        self._server = EmbeddedServer(folder)
        self._server.open()
        leaving.callback(self._server.close)
        self._opened: list[tuple[PostgresStore, dict[str, bytes]]] = []

    def without(self, events: Sequence[Event]) -> PostgresStore:
        """A store that has no other event under the ids of these."""
        mine = {key_of(event): event.body for event in events}
        for store, kept in self._opened:
            if all(kept.get(key, body) == body for key, body in mine.items()):
                kept.update(mine)
                return store
        name = f"conformance_{len(self._opened) + 1}"
        ensure_database(self._server, name)
        store = self._leaving.enter_context(PostgresStore(self._server.url(name)))
        self._opened.append((store, mine))
        return store


def _json(path: Path) -> Any:
    if path.stat().st_size > DOCUMENT_BYTES_MAX:
        return None
    try:
        return json.loads(path.read_bytes(), parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def _json_of(data: bytes) -> dict[str, Any]:
    content = json.loads(data)
    return content if isinstance(content, dict) else {}


def _events(content: Any) -> list[Any]:
    """The events of a document, or the one that it is; none where it is something else."""
    if not isinstance(content, dict):
        return []
    if content.get("type") in _TYPES and "eventTime" in content:
        return [content]
    body = content.get("epcisBody")
    results = body.get("queryResults") if isinstance(body, dict) else None
    if isinstance(results, dict):
        body = results.get("resultsBody")
    found = body.get("eventList") if isinstance(body, dict) else None
    return found if isinstance(found, list) else []


def _told(event: Event) -> Any:
    return json.loads(json.dumps(writing.told(event), default=str), parse_float=Decimal)


def _plain(value: Any, prefixes: dict[str, str], name: str = "") -> Any:
    """A value with what may be written in several ways in one: names written out, moments in UTC, numbers as numbers."""
    if isinstance(value, dict):
        inner = {
            vocabulary.expanded(key, prefixes): _plain(each, prefixes, key)
            for key, each in value.items()
            if key not in ("@context", "recordTime", "eventID")
        }
        return {key: each for key, each in inner.items() if each not in ({}, [], None)}
    if isinstance(value, list):
        return [_plain(each, prefixes, name) for each in value]
    if isinstance(value, str):
        moment = read_time(value) if name.lower().endswith("time") else None
        if moment is not None:
            return moment
        for words in (
            vocabulary.BIZ_STEPS,
            vocabulary.DISPOSITIONS,
            vocabulary.TRANSACTION_TYPES,
            vocabulary.MEASUREMENTS,
        ):
            if (word := vocabulary.word(value, words, prefixes)) in words:
                return word
        number = _number(value)
        return number if number is not None else vocabulary.expanded(value, prefixes)
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except ArithmeticError:
        return None


def _difference(sent: Any, back: Any, place: str = "") -> str:
    """Where two values differ, in words; "" where they do not. What stands alone where a list may is a list of one."""
    if isinstance(sent, dict) and isinstance(back, dict):
        for key in sent.keys() | back.keys():
            if key not in sent or key not in back:
                return f"{place}/{key} is {'more' if key in back else 'missing'}"
            if (found := _difference(sent[key], back[key], f"{place}/{key}")) != "":
                return found
        return ""
    if isinstance(back, list) and not isinstance(sent, list):
        sent = [sent]
    if isinstance(sent, list) and isinstance(back, list) and len(sent) == len(back):
        return next((d for one, two in zip(sent, back, strict=True) if (d := _difference(one, two, place)) != ""), "")
    return "" if sent == back else f"{place} is {back!r} instead of {sent!r}"
