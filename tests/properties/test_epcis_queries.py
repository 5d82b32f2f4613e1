"""What is read is what was written, and the store finds what a look at every event finds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import events
from database import TEMPLATE
from tidewaiter.messages.epcis import writing
from tidewaiter.messages.epcis.conditions import matches
from tidewaiter.messages.epcis.fields import Wrong
from tidewaiter.messages.epcis.querying import PARAMETERS, Query
from tidewaiter.messages.epcis.reading import read
from tidewaiter.model.event import Event
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.workflow.capturing import Capturing
from tidewaiter.workflow.event_ports import Captor, Scope

AT = datetime(2026, 11, 21, tzinfo=UTC)
VALUES: dict[str, Any] = {
    "eventType": st.sampled_from(["ObjectEvent", "AggregationEvent", "TransformationEvent"]),
    "EQ_action": st.sampled_from(["ADD", "OBSERVE", "DELETE"]),
    "EQ_bizStep": st.sampled_from([*events.STEPS, "urn:epcglobal:cbv:bizstep:shipping"]),
    "EQ_errorReason": st.just("incorrect_data"),
    "EQ_type": st.sampled_from(["Temperature", "gs1:RelativeHumidity"]),
    "EQ_exception": st.just("ALARM_CONDITION"),
    "EQ_component": st.just("x"),
    "EQ_stringValue": st.sampled_from(["a", "b"]),
    "EQ_hexBinaryValue": st.sampled_from(["f0", "0f"]),
    "EQ_booleanValue": st.sampled_from(["true", "false"]),
    "EXISTS_errorDeclaration": st.sampled_from(["true", "false"]),
    "EXISTS_ilmd": st.sampled_from(["true", "false"]),
    "EQ_correctiveEventID": st.sampled_from(events.IDS),
    "EQ_transformationID": st.just("urn:epc:id:gdti:0614141.12345.400"),
    "EQ_bizTransaction_po": st.sampled_from(["urn:epcglobal:cbv:bt:1:a", "urn:epcglobal:cbv:bt:1:b"]),
    "EQ_source_location": st.sampled_from(events.PLACES),
    "EQ_destination_possessing_party": st.sampled_from(events.PLACES),
    "EQ_value_CEL": st.integers(-5, 5).map(str),
    "GE_minValue_CEL": st.integers(-5, 0).map(str),
    "LT_maxValue_P1": st.integers(0, 5).map(str),
    "EQ_https://halmstad.example/own/note": st.sampled_from(["x", "3"]),
    "GT_https://halmstad.example/own/note": st.sampled_from(["2", "3"]),
    "EXISTS_https://halmstad.example/own/note": st.just("true"),
    "EQ_INNER_https://halmstad.example/own/core": st.just("5"),
    "EQ_ILMD_https://halmstad.example/own/lot": st.sampled_from(["1", "2"]),
}


def _strategy(name: str) -> st.SearchStrategy[str]:
    if name in VALUES:
        found: st.SearchStrategy[str] = VALUES[name]
        return found
    verb, _, field = name.partition("_")
    if "isposition" in field:
        return st.sampled_from(events.DISPOSITIONS)
    if field.endswith("Time") or field == "time":
        return st.integers(0, 20).map(lambda hours: (AT - timedelta(hours=hours)).isoformat())
    if field == "quantity":
        return st.integers(0, 9).map(str)
    if verb == "MATCH":
        values = events.CLASSES if "Class" in field else [*events.EPCS, "urn:epc:idpat:sgtin:4012345.011111.*"]
        return st.sampled_from(values)
    return st.sampled_from([*events.PLACES, *events.DEVICES])


_SETTINGS = ("orderBy", "orderDirection", "eventCountLimit", "maxEventCount")
NAMES = sorted({*PARAMETERS, *VALUES} - set(_SETTINGS))


@given(st.lists(events.events(), min_size=1, max_size=3))
def test_what_is_written_is_read_again(told: list[dict[str, Any]]) -> None:
    first = read(events.document(*told))
    assert first.findings == ()
    again = read(writing.document(first.events, AT))
    assert again.events == first.events
    asked = writing.query_document(first.events, AT, "q")
    assert read(asked).events == first.events
    for event, source in zip(first.events, told, strict=True):
        assert json.loads(event.body).keys() >= source.keys()


@pytest.fixture(scope="module")
def store(postgres_server: EmbeddedServer) -> Iterator[PostgresStore]:
    name = "epcis_properties"
    ensure_database(postgres_server, name, TEMPLATE)
    with PostgresStore(postgres_server.url(name)) as opened:
        yield opened


_RUNS = itertools.count(1)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(events.events(), min_size=5, max_size=9), st.data())
def test_the_store_finds_what_a_look_at_every_event_finds(
    store: PostgresStore, told: list[dict[str, Any]], data: st.DataObject
) -> None:
    sender = store.senders.ensure(f"sender {next(_RUNS)}").sender_id  # one that sees its own alone
    kept: list[Event] = []
    for number, each in enumerate(told):
        mine = each | {"eventID": f"urn:uuid:00000000-0000-4000-9000-{sender:06d}{number:06d}"}
        at = AT + timedelta(seconds=number // 2)
        captured = Capturing(store).capture(events.document(mine), Captor("tester", sender), at)
        assert captured.is_success, captured.findings
        kept += [
            kept.event for kept in store.events.select(Query.parse({"EQ_eventID": [mine["eventID"]]}), Scope(sender))
        ]
    assert len(kept) == len(told)
    for _ in range(12):
        names = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
        asked = {name: data.draw(st.lists(_strategy(name), min_size=1, max_size=2)) for name in names}
        asked |= {"orderBy": [data.draw(st.sampled_from(["eventTime", "recordTime"]))]}
        asked |= {"orderDirection": [data.draw(st.sampled_from(["ASC", "DESC"]))]}
        query = Query.parse(asked)
        found = [each.event for each in store.events.select(query, Scope(sender))]
        wanted = [event for event in kept if query.takes(event, lambda one, other: one == other)]
        assert sorted(event.event_id for event in found) == sorted(event.event_id for event in wanted), asked
        keys = [query.key(event) for event in found]
        assert keys == sorted(keys, reverse=query.is_descending), asked


@pytest.fixture(scope="module")
def pool() -> list[Event]:
    """Some hundreds of events, the same in every run."""
    found: list[Event] = []

    @settings(
        max_examples=60, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(events.events(), min_size=3, max_size=8))
    def collect(told: list[dict[str, Any]]) -> None:
        found.extend(read(events.document(*told)).events)

    collect()
    return found


OF_NOTHING = {  # fields that these events do not have: nothing is to be found by them
    "EQ_component", "EQ_deviceMetadata", "EQ_rawData", "EQ_coordinateReferenceSystem", "EQ_certificationInfo",
    "EQ_eventID", "GE_recordTime", "LT_recordTime",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_tells_events_apart(pool: list[Event], name: str) -> None:
    outcomes: set[bool] = set()

    @settings(max_examples=6, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(_strategy(name))
    def ask(value: str) -> None:
        query = Query.parse({name: [value]})
        outcomes.update(query.takes(event, lambda one, other: one == other) for event in pool)

    ask()
    assert outcomes == ({False} if name in OF_NOTHING else {True, False})


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("urn:epc:id:sgtin:1.2.3", "urn:epc:id:sgtin:1.2.3"),
        ("urn:epc:id:sgtin:1.2.3", "urn:epc:idpat:sgtin:1.2.*"),
        ("urn:epc:id:sgtin:1.2.3", "urn:epc:idpat:sgtin:1.*.*"),
        ("https://id.gs1.org/01/09521141111116/21/1", "https://id.gs1.org/01/09521141111116/21/*"),
        ("urn:epc:idpat:sgtin:1.2.*", "urn:epc:idpat:sgtin:1.2.*"),
    ],
)
def test_a_pattern_matches_by_its_stars(text: str, pattern: str) -> None:
    assert matches(text, pattern)
    assert not matches(text + "0", pattern.replace("*", "9"))
    assert not matches(text, pattern.replace("1", "7"))


def test_a_parameter_that_is_none_is_told() -> None:
    for name in ("EQ_bizTransaction_no_type", "GE_bizStep", "EQ_value", "", "EXISTS_", "INNER"):
        with pytest.raises(Wrong):
            Query.parse({name: ["1"]})
