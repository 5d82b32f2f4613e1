"""What follows from events, on a real database: arrival decided, goods held, findings kept, corrections told."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from contract.test_connectors import declared, hand_in
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Consignment, Document
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.event import Action, ErrorDeclaration, Event, EventType, SensorElement, SensorReport
from tidewaiter.model.event_words import STEP, reference
from tidewaiter.movement import MovementState, course
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.following import Following
from tidewaiter.workflow.following_ports import Done, MovementFinding
from tidewaiter.workflow.recording import subject_of
from tidewaiter.workflow.replay import replay

pytestmark = pytest.mark.usefixtures("lawful")

_NUMBERS = itertools.count(1)
BAG = reference("receptacle", "DKCPHAGBLALBAUN60001001110005")
SEAL = reference("device", "seal-1")
HARWICH = "https://id.example/locode/GBHRW"


def ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def parcel(store: PostgresStore, number: str, type_code: str = "IMD", **changes: Any) -> int:
    """A parcel announced under this item number."""
    documents = (Document(type_code="N741", document_id=number),)
    hand_in(
        store, declared(number, type_code=type_code, consignment=Consignment(transport_documents=documents), **changes)
    )
    return store.find(number)


def event(step: str, *numbers: str, hours: float = 1, **more: Any) -> Event:
    given: dict[str, Any] = {
        "event_id": f"urn:uuid:00000000-0000-4000-8000-{next(_NUMBERS):012d}", "type": EventType.OBJECT,
        "action": Action.OBSERVE, "event_time": ago(hours), "time_zone": "+00:00", "recorded_at": datetime.now(UTC),
        "biz_step": step, "epcs": tuple(reference("s10", each) for each in numbers),
    }  # fmt: skip
    return Event(**given | more)


def put_in(parent: str, *children: str, hours: float = 5, action: Action = Action.ADD, **more: Any) -> Event:
    return event(
        "packing", type=EventType.AGGREGATION, parent_id=parent, child_epcs=children, action=action, hours=hours, **more
    )


def put_on(parent: str, device: str, hours: float = 5) -> Event:
    return event(
        "installing", type=EventType.ASSOCIATION, parent_id=parent, child_epcs=(device,), action=Action.ADD, hours=hours
    )


def alarm(device: str, hours: float = 0.1) -> Event:
    sensors = (
        SensorElement(device_id=device, reports=(SensorReport(exception="ALARM_CONDITION", string_value="cut"),)),
    )
    return event("sensor_reporting", hours=hours, epcs=(device,), sensors=sensors)


def follow(store: PostgresStore, *events: Event) -> None:
    with store.writing() as writing:
        Following(store, Desk(store)).follow(writing, events)


def state(store: PostgresStore, declaration_id: int) -> State:
    return store.outcome(declaration_id).row.state


def found(store: PostgresStore, declaration_id: int) -> dict[str, MovementFinding]:
    return {each.rule_id: each for each in store.following.findings(declaration_id)}


def test_an_arrival_where_the_law_is_made_is_decided_by_the_law_of_its_day(store: PostgresStore) -> None:
    one = parcel(store, "RR123456785GB")
    assert state(store, one) is State.RECEIVED
    arrived = event("arriving", "RR123456785GB", hours=30, read_point=HARWICH)
    follow(store, arrived)
    outcome = store.outcome(one)
    assert outcome.row.is_arrived
    assert outcome.row.legal_day == arrived.event_time.date()
    assert [each.trigger for each in outcome.transitions][1] == Trigger.ARRIVED
    assert replay(store, one).differences == ()
    assert course(store.following.told([one])[one]).state is MovementState.ARRIVED


def test_no_arrival_told_of_a_day_before_the_declaration_is_decided_by_older_law(store: PostgresStore) -> None:
    number = "RR123456785GB"
    one = parcel(store, number)
    lodged = store.outcome(one).row.legal_day
    follow(store, event(STEP["presenting"], number, hours=24 * 365 * 4))
    outcome = store.outcome(one)
    assert (outcome.row.is_arrived, outcome.row.legal_day) == (True, lodged)


@pytest.mark.parametrize("place", ["", "https://id.example/locode/DKBLL", "urn:epc:id:sgln:0614141.07346.1234"])
def test_an_arrival_elsewhere_is_none_before_this_customs(store: PostgresStore, place: str) -> None:
    one = parcel(store, "RR123456785GB")
    follow(store, event("arriving", "RR123456785GB", read_point=place))
    assert state(store, one) is State.RECEIVED
    follow(store, event(STEP["presenting"], "RR123456785GB", read_point=place))
    assert store.outcome(one).row.is_arrived, "presented is presented"


def test_a_place_may_be_said_to_be_one_of_arrival(store: PostgresStore) -> None:
    one = parcel(store, "RR123456785GB")
    place = "urn:epc:id:sgln:0614141.07346.1234"
    store.following.add_place(place, "GB", "Tidemouth sorting office", ("anna", datetime.now(UTC)))
    follow(store, event("arriving", "RR123456785GB", read_point=place))
    assert store.outcome(one).row.is_arrived


def test_all_in_a_receptacle_arrive_with_it_and_what_was_taken_out_does_not(store: PostgresStore) -> None:
    numbers = ["RR123456785GB", "RR473124829GB", "RR690010009GB"]
    ids = [parcel(store, each) for each in numbers]
    box = reference("container", "MSKU1234565")
    follow(
        store,
        put_in(BAG, *[reference("s10", each) for each in numbers]),
        put_in(box, BAG),
        put_in(BAG, reference("s10", numbers[2]), hours=3, action=Action.DELETE),
        event("arriving", epcs=(box,), read_point=HARWICH),
    )
    assert [store.outcome(each).row.is_arrived for each in ids] == [True, True, False]


def test_events_told_late_stand_where_they_happened_and_twice_change_nothing(store: PostgresStore) -> None:
    one = parcel(store, "RR123456785GB")
    late = event("departing", "RR123456785GB", hours=20)
    arrived = event("arriving", "RR123456785GB", read_point=HARWICH)
    follow(store, arrived)
    before = store.outcome(one)
    follow(store, late, arrived)
    assert [each.moved.step for each in course(store.following.told([one])[one]).passed] == ["departed", "arrived"]
    assert store.outcome(one).transitions == before.transitions
    assert found(store, one) == {}


def test_an_alarm_holds_all_that_the_device_guards(store: PostgresStore) -> None:
    here = parcel(store, "RR123456785GB")
    away = parcel(store, "RR473124829GB")
    other = parcel(store, "RR690010009GB")
    follow(
        store,
        put_in(BAG, reference("s10", "RR123456785GB"), reference("s10", "RR473124829GB")),
        put_on(BAG, SEAL),
        alarm(SEAL),
    )
    for each in (here, away):
        assert found(store, each)["movement.seal_alarm"].done is Done.ON_ALARM
        assert state(store, each) is State.RECEIVED
    assert found(store, other) == {}
    follow(store, event(STEP["presenting"], "RR123456785GB", "RR690010009GB", hours=0))
    assert state(store, here) is State.UNDER_CONTROL
    assert state(store, other) is State.AWAITING_PAYMENT
    judgement = store.decision(here).evaluation.judgement
    assert judgement is not None
    assert "movement.seal_alarm" in [reason.reason_id for reason in judgement.reasons]
    assert replay(store, here).differences == ()


def test_what_was_answered_is_off_the_alarm(store: PostgresStore) -> None:
    one = parcel(store, "RR123456785GB")
    follow(store, put_in(BAG, reference("s10", "RR123456785GB")), put_on(BAG, SEAL), alarm(SEAL))
    (finding,) = store.following.open_findings(10)
    of = (one, finding.rule_id, finding.event_id)
    store.following.answer(of, "anna", "the seal froze", datetime.now(UTC))
    with store.writing() as writing:
        Following(store, Desk(store)).renew_alarm(writing, "GB")
    follow(store, event(STEP["presenting"], "RR123456785GB", hours=0))
    assert state(store, one) is not State.UNDER_CONTROL


def test_what_waits_is_sent_to_examination_at_once(store: PostgresStore) -> None:
    one = parcel(store, "RR123456785GB", "IMA")
    assert state(store, one) is State.AWAITING_PAYMENT
    follow(store, event("sensor_reporting", "RR123456785GB", sensors=alarm(SEAL).sensors))
    assert state(store, one) is State.UNDER_CONTROL
    assert found(store, one)["movement.seal_alarm"].done is Done.HELD
    assert replay(store, one).differences == ()


def test_an_arrival_taken_back_is_told_and_undoes_no_decision(store: PostgresStore) -> None:
    one = parcel(store, "RR123456785GB")
    arrived = event("arriving", "RR123456785GB", read_point=HARWICH)
    follow(store, arrived)
    before = state(store, one)
    wrong = ErrorDeclaration(declared_at=datetime.now(UTC), reason="wrong parcel")
    follow(store, replace(arrived, error_declaration=wrong))
    assert course(store.following.told([one])[one]).state is MovementState.ANNOUNCED
    assert state(store, one) is before
    assert "arrival confirmed" in found(store, one)["movement.taken_back"].words


def test_delivered_before_release_is_a_case_and_ends_when_taken_back(store: PostgresStore) -> None:
    one = parcel(store, "RR123456785GB")
    delivered = event(STEP["delivering"], "RR123456785GB")
    follow(store, delivered)
    finding = found(store, one)["movement.delivered_before_release"]
    assert (finding.done, finding.is_open) == (Done.ON_ALARM, True)
    wrong = ErrorDeclaration(declared_at=datetime.now(UTC), reason="another parcel")
    follow(store, replace(delivered, error_declaration=wrong))
    assert not found(store, one)["movement.delivered_before_release"].is_open


def test_what_is_taken_back_is_off_the_alarm_when_the_parcel_arrives(store: PostgresStore) -> None:
    one, other = parcel(store, "RR123456785GB"), parcel(store, "RR473124829GB")
    delivered, too = event(STEP["delivering"], "RR123456785GB"), event(STEP["delivering"], "RR473124829GB")
    following = Following(store, Desk(store))
    wrong = ErrorDeclaration(declared_at=datetime.now(UTC), reason="another parcel")
    for told in (delivered, too, replace(delivered, error_declaration=wrong)):
        with store.writing() as writing:
            is_left = following.follow(writing, [told])
        assert is_left is (told.error_declaration is not None)
        following.go_on()
    for number in ("RR123456785GB", "RR473124829GB"):
        follow(store, event("arriving", number, read_point=HARWICH, hours=0.01))
    assert State.UNDER_CONTROL is state(store, other) is not state(store, one)


def test_an_event_of_nothing_we_know_is_left_alone(store: PostgresStore) -> None:
    follow(store, event("arriving", "RR000000005GB", read_point=HARWICH))
    assert store.following.open_findings(10) == []


def test_what_follows_is_on_the_record(store: PostgresStore) -> None:
    one = parcel(store, "RR123456785GB", "IMA")
    arrived = event("arriving", "RR123456785GB", read_point=HARWICH)
    loud = alarm(SEAL)
    follow(store, put_in(BAG, reference("s10", "RR123456785GB")), put_on(BAG, SEAL), arrived, loud)
    with store.writing() as writing:
        found = writing._connection.execute(
            "SELECT subject, label, convert_from(entry, 'UTF8')::json ->> 'type' FROM record_entry ORDER BY leaf_index"
        ).fetchall()
    subject = f"declaration:{one}"
    assert (subject, f"event:{arrived.event_id}", "arrived") in found
    assert (f"device:{SEAL}", f"event:{loud.event_id}", "seal_alarm") in found
    assert (subject, f"hold:movement.seal_alarm:{loud.event_id}", "held") in found


def entries(store: PostgresStore, declaration_id: int) -> list[tuple[str, dict[str, str | int]]]:
    leaves = (Leaf.parse(each.entry) for each in store.logs.of_subject(f"declaration:{declaration_id}"))
    return [(leaf.type, leaf.facts) for leaf in leaves]


def test_a_release_lifts_on_the_record_what_held_the_goods(store: PostgresStore) -> None:
    one = parcel(store, "RR123456785GB")
    follow(store, put_in(BAG, reference("s10", "RR123456785GB")), put_on(BAG, SEAL), alarm(SEAL))
    follow(store, event(STEP["presenting"], "RR123456785GB", hours=0))
    desk = Desk(store)
    desk.act(one, Trigger.EXAMINED_SATISFACTORY, "officer anna", "nothing found")
    if state(store, one) is State.AWAITING_PAYMENT:
        desk.act(one, Trigger.PAYMENT_RECEIVED, "cashier", "paid")
    types = [type_ for type_, _ in entries(store, one)]
    assert types.count("held") == 1
    assert state(store, one) in (State.RELEASED, State.CLEARED), desk.possible(state(store, one))
    lifted = types.index("hold_lifted")
    assert types.index("held") < lifted
    assert entries(store, one)[lifted + 1][1]["state"] in ("released", "cleared")
    follow(store, event(STEP["delivering"], "RR123456785GB", hours=0))
    assert entries(store, one)[-1] == ("delivered", {})


def test_a_delivery_without_release_is_told_as_irregular(store: PostgresStore) -> None:
    one = parcel(store, "RR123456785GB")
    follow(store, event(STEP["delivering"], "RR123456785GB", hours=24 * 9))
    told = [facts for type_, facts in entries(store, one) if type_ == "delivered"]
    assert told == [{"irregular": 1}]


def test_an_arrival_that_fails_half_way_leaves_nothing_behind_and_the_event_stands(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = parcel(store, "RR123456785GB")
    before = store.outcome(one)
    carry_out = Desk.carry_out

    def half_way(desk: Desk, *arguments: Any) -> State:
        carry_out(desk, *arguments)
        raise TidewaiterError("the law broke off")

    monkeypatch.setattr(Desk, "carry_out", half_way)
    follow(store, event("arriving", "RR123456785GB", hours=30, read_point=HARWICH))
    assert store.outcome(one) == before
    assert found(store, one)["movement.not_carried_out"].words == "Arrival was not carried out: the law broke off"
    store.logs.seal()
    types = [Leaf.parse(each.entry).type for each in store.logs.of_subject(subject_of(one))]
    assert types == ["decided", "arrived"]
    assert [each.moved.step for each in course(store.following.told([one])[one]).passed] == ["arrived"]
