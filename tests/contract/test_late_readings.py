"""Readings in whatever order they come, twice, changed, and over restarts: each counter counts once, with its first bytes."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.test_devices import NUMBER, SECRET, House, follow
from contract.test_following import BAG, SEAL, parcel, put_in, put_on, reference, state
from tidewaiter.model.decision import State
from tidewaiter.movement import course
from tidewaiter.movement.readings import DeviceError, sign_with_secret
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.device_ports import Outcome

pytestmark = pytest.mark.usefixtures("lawful")

DEVICES = count(1)
COUNTERS = st.integers(1, 6)
ACTS = st.one_of(
    st.tuples(st.just("sent"), COUNTERS),
    st.tuples(st.just("changed"), COUNTERS),  # other bytes under the same counter, signed by the device
    st.tuples(st.just("forged"), COUNTERS),
    st.tuples(st.just("later"), st.sampled_from((60, 301))),  # seconds that pass
    st.tuples(st.just("restarted"), st.just(0)),
)


def answered(house: House, device_id: str, body: bytes, secret: bytes = SECRET) -> str:
    """The outcome of a reading, or the code of its refusal."""
    try:
        return house.devices.take(device_id, body, sign_with_secret(secret, device_id, body), transport="test").outcome
    except DeviceError as error:
        return error.code


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=st.lists(ACTS, min_size=4, max_size=14))
def test_each_counter_counts_once_in_whatever_order(
    store: PostgresStore, database_url: str, acts: list[tuple[str, int]]
) -> None:
    house, device_id = House(store), f"seal-{next(DEVICES)}"
    house.add(device_id)
    begun, opened = house.clock.at, [store]
    bodies = {n: house.body(n, ago=100 - 10 * n, seal="opened" if n % 2 else "closed") for n in range(1, 7)}
    changed = {n: house.body(n, ago=100 - 10 * n, alarm="told otherwise") for n in bodies}
    kept, replayed = {}, 0  # by counter: the bytes, and when they came
    try:
        for act, number in acts:
            at = house.clock.at
            if act == "later":
                house.clock.at += timedelta(seconds=number)
            elif act == "restarted":
                opened.append(PostgresStore(database_url))
                house = House(opened[-1])
                house.clock.at = at
            elif act == "forged":
                assert answered(house, device_id, bodies[number], b"x" * 32) == "device.forged"
            else:
                body = bodies[number] if act == "sent" else changed[number]
                if number not in kept:
                    expected = Outcome.LATE if number < max(kept, default=0) else Outcome.TAKEN
                    kept[number] = (body, at)
                elif kept[number][0] == body and (at - kept[number][1]).total_seconds() <= 300:
                    expected = Outcome.REPEATED
                else:
                    expected, replayed = "device.replayed", replayed + 1
                assert answered(house, device_id, body) == expected
        readings = house.store.devices.readings(device_id, 100)
        assert {each.counter: each.body for each in readings} == {n: body for n, (body, _) in kept.items()}
        assert [each.read_at for each in readings] == [
            begun - timedelta(seconds=100 - 10 * n) for n in sorted(kept, reverse=True)
        ]
        assert house.store.devices.by_id(device_id).counter == max(kept, default=0)
        refusals = {each.code: each.count for each in store.devices.refusals() if each.device_id == device_id}
        assert refusals.get("device.replayed", 0) == replayed
    finally:
        for each in opened[1:]:
            each.close()


def test_a_late_alarm_holds_after_a_restart_and_moves_nothing_back(store: PostgresStore, database_url: str) -> None:
    house = House(store)
    one = parcel(store, NUMBER, "IMA")
    house.add("seal-1")
    follow(house, put_in(BAG, reference("s10", NUMBER)), put_on(BAG, SEAL))
    late = house.body(1, ago=120, alarm="wire cut", position="geo:51.9,1.2")
    newer = house.body(2, ago=60, position="geo:51.95,1.25")
    assert answered(house, "seal-1", newer) == Outcome.TAKEN
    before = course(store.following.told([one])[one])
    assert state(store, one) is State.AWAITING_PAYMENT
    with PostgresStore(database_url) as again:
        restarted = House(again)
        restarted.clock.at = house.clock.at
        assert answered(restarted, "seal-1", late) == Outcome.LATE
        assert answered(restarted, "seal-1", late) == Outcome.REPEATED
        assert answered(restarted, "seal-1", newer) == Outcome.REPEATED
        assert state(again, one) is State.UNDER_CONTROL
        after = course(again.following.told([one])[one])
        assert after.passed[-1] == before.passed[-1]
        assert len(after.passed) == len(before.passed) + 1
    house.clock.at += timedelta(seconds=301)
    assert [answered(house, "seal-1", each) for each in (late, newer)] == ["device.replayed"] * 2
