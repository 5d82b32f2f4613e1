"""Which words of events are which step, and what declarations an event may be about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tidewaiter.model.event import Action, ErrorDeclaration, Event, EventType, SensorElement, SensorReport, Typed
from tidewaiter.model.event_words import DISPOSITION, STEP, STEPS, reference
from tidewaiter.movement import Point, Step, telling

AT = datetime(2026, 6, 1, 8, tzinfo=UTC)
LOUD = (SensorElement(device_id="d", reports=(SensorReport(exception="ALARM_CONDITION", type="Illuminance"),)),)


def event(**more: Any) -> Event:
    given: dict[str, Any] = {
        "event_id": "urn:uuid:1",
        "type": EventType.OBJECT,
        "action": Action.OBSERVE,
        "event_time": AT,
        "time_zone": "+00:00",
    }
    return Event(**given | more)


@pytest.mark.parametrize(
    ("more", "step"),
    [
        ({"biz_step": "loading"}, Step.LOADED),
        ({"biz_step": "shipping"}, Step.DEPARTED),
        ({"biz_step": "arriving"}, Step.ARRIVED),
        ({"biz_step": STEP["presenting"]}, Step.PRESENTED),
        ({"biz_step": STEP["exiting"], "disposition": "in_transit"}, Step.EXITED),
        ({"biz_step": "storing", "disposition": "stolen"}, Step.LOST),
        ({"disposition": DISPOSITION["seal_broken"]}, Step.SEAL_ALARM),
        ({"biz_step": "arriving", "sensors": LOUD}, Step.SEAL_ALARM),
        ({"biz_step": "cycle_counting"}, Step.SEEN),
        ({"biz_step": "https://other.example/word"}, Step.SEEN),
        ({}, Step.SEEN),
    ],
)
def test_which_word_is_which_step(more: dict[str, Any], step: Step) -> None:
    assert telling.step_of(event(**more)) is step


def test_each_word_of_ours_that_is_a_step_is_one_we_have() -> None:
    ours = {each.uri for each in STEPS}
    assert {word for word in telling.STEPS if word.startswith("https:")} <= ours


def test_what_an_event_tells_has_its_place_and_what_it_says() -> None:
    told = telling.moved(
        event(
            read_point="geo:51.9,1.3,40", sensors=LOUD, error_declaration=ErrorDeclaration(declared_at=AT, reason="no")
        )
    )
    assert (told.point, told.place, told.device_id) == (Point(51.9, 1.3, 40), "geo:51.9,1.3,40", "d")
    assert (told.is_void, told.words) == (True, "Illuminance")
    assert telling.moved(event(read_point="geo:99,1")).point is None


@pytest.mark.parametrize(
    ("place", "country"),
    [
        ("https://id.example/locode/GBHRW", "GB"), ("urn:x:unlocode:DKBLL", "DK"), ("https://id.example/locode/GBHRW/7", "GB"),
        ("https://id.example/locodes/GBHRW", ""), ("https://id.example/locode/GBHRWX", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_country_of_a_place_is_that_of_its_locode(place: str, country: str) -> None:
    assert telling.country_of(place) == country


@pytest.mark.parametrize(
    ("uri", "numbers"),
    [
        (reference("s10", "RR123456785SE"), ["RR123456785SE"]),
        (reference("mrn", "24GB9Z0000000042A1"), ["24GB9Z0000000042A1"]),
        (reference("device", "RR123456785SE"), []),
        ("urn:epcglobal:cbv:bt:5012345000008:24GB9Z0000000042A1", ["24GB9Z0000000042A1"]),
        ("urn:epc:id:sgtin:0614141.107346.1", []),
    ],
)
def test_the_numbers_a_declaration_may_be_known_by(uri: str, numbers: list[str]) -> None:
    assert list(telling.numbers_of(uri)) == [uri, *numbers]


def test_what_joins_things_is_about_the_things_joined() -> None:
    packed = event(type=EventType.AGGREGATION, action=Action.ADD, parent_id="bag", child_epcs=("a", "b"))
    assert telling.things_of(packed) == ("a", "b")
    assert [(each.child, each.is_in) for each in telling.contained(packed)] == [("a", True), ("b", True)]
    assert telling.associated(packed) == []
    emptied = event(type=EventType.AGGREGATION, action=Action.DELETE, parent_id="bag")
    assert telling.things_of(emptied) == ("bag",)
    assert [(each.child, each.is_in) for each in telling.contained(emptied)] == [("", False)]
    bound = event(type=EventType.ASSOCIATION, action=Action.ADD, parent_id="bag", child_epcs=("seal",))
    assert [each.child for each in telling.associated(bound)] == ["seal"]
    assert telling.transactions_of(event(biz_transactions=(Typed("x", "y"),))) == ("y",)
