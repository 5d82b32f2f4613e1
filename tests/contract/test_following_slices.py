"""An event about many parcels is carried out in slices: others write in between, a crash loses nothing, order is kept."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from contract.test_connectors import declared, hand_in
from contract.test_following import BAG, SEAL, STEP, alarm, entries, follow, found, put_on, reference, state
from events import document, object_event
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Consignment, Declaration, Document
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.web.house import capturing_on
from tidewaiter.web.watching import watching
from tidewaiter.workflow import following
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.event_ports import Captor, Scope
from tidewaiter.workflow.following import SLICE, Following
from tidewaiter.workflow.following_ports import Done

pytestmark = pytest.mark.usefixtures("lawful")

NUMBERS = [f"RR{number:09d}GB" for number in range(1, 2 * SLICE + 6)]
CRASH = """
import os, sys
from datetime import UTC, datetime
from tidewaiter.store import PostgresStore
from tidewaiter.web.house import capturing_on
from tidewaiter.workflow.event_ports import Captor
from tidewaiter.workflow.following import Following

done, carry_out = [], Following._slice

def crash(self, waiting):
    if len(done) == 1:
        os._exit(9)
    done.append(carry_out(self, waiting))
    return done[-1]

Following._slice = crash
with PostgresStore(sys.argv[1]) as store:
    capturing_on(store).capture(sys.stdin.buffer.read(), Captor("port"), datetime.now(UTC))
"""


def declared_in_bag(number: str) -> Declaration:
    transport = (Document(type_code="N741", document_id=number),)
    return declared(number, type_code="IMD", consignment=Consignment(transport_documents=transport))


@pytest.fixture
def parcels(store: PostgresStore) -> list[int]:
    """Two slices and a bit of parcels, announced, in one bag."""
    hand_in(store, *(declared_in_bag(each) for each in NUMBERS))
    tell(store, packed())
    return [store.find(each) for each in NUMBERS]


def packed() -> dict[str, Any]:
    children = [reference("s10", each) for each in NUMBERS]
    return object_event(
        type="AggregationEvent", action="ADD", parentID=BAG, childEPCs=children, epcList=None, bizStep="packing",
        eventTime="2026-11-19T08:00:00+01:00",
    )  # fmt: skip


def presented() -> dict[str, Any]:
    return object_event(bizStep=STEP["presenting"], epcList=[BAG])


def tell(store: PostgresStore, *events: dict[str, Any]) -> None:
    assert capturing_on(store).capture(document(*events), Captor("port"), datetime.now(UTC)).is_success


def jobs(store: PostgresStore) -> list[bool]:
    """Whether each capture is running, the last first."""
    return [each.is_running for _, each in store.events.captures(Scope(), None, 100)]


def arrived(store: PostgresStore, ids: list[int]) -> list[bool]:
    return [store.outcome(each).row.state is not State.RECEIVED for each in ids]


def test_many_parcels_arrive_each_once_and_others_write_in_between(
    store: PostgresStore, parcels: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    carry_out = Following._slice

    def between(self: Following, waiting: Any) -> int:
        hand_in(store, declared(f"BETWEEN-{len(seen)}"))  # would wait for ever, were the writer held
        seen.append(sum(arrived(store, parcels)))
        return carry_out(self, waiting)

    monkeypatch.setattr(Following, "_slice", between)
    tell(store, presented())
    assert seen == [0, SLICE, 2 * SLICE]
    assert all(arrived(store, parcels))
    assert store.following.waiting(0, 1) == []
    for each in parcels:
        assert [one.trigger for one in store.outcome(each).transitions].count(Trigger.ARRIVED) == 1
    tell(store, presented())  # told again it is known
    assert len(seen) == 3


def test_a_crash_between_slices_loses_nothing(database_url: str, store: PostgresStore, parcels: list[int]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", CRASH, database_url],
        input=document(presented()),
        timeout=120,
        check=False,
        capture_output=True,
    )
    assert run.returncode == 9, run.stderr.decode()
    assert sum(arrived(store, parcels)) == SLICE
    assert len(store.following.waiting(0, 1_000)) == len(parcels) - SLICE
    assert jobs(store) == [True, False]  # of presenting, and of packing
    watching(store)()
    assert jobs(store) == [False, False]
    assert all(arrived(store, parcels))
    assert store.following.waiting(0, 1) == []
    for each in parcels:
        assert [one.trigger for one in store.outcome(each).transitions].count(Trigger.ARRIVED) == 1


def test_what_is_told_later_of_a_parcel_waits_behind_what_was_told_before(
    store: PostgresStore, parcels: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Following, "go_on", lambda _: 0)
    tell(store, presented())
    last = reference("s10", NUMBERS[-1])
    tell(store, object_event(bizStep=STEP["delivering"], epcList=[last], eventTime="2026-11-20T09:00:00+01:00"))
    waiting = store.following.waiting(0, 1_000)
    assert [each.declaration_id for each in waiting] == [*sorted(parcels), parcels[-1]]
    monkeypatch.undo()
    Following(store, Desk(store)).go_on()
    told = [type_ for type_, _ in entries(store, parcels[-1])]
    assert told.index("presented") < told.index("delivered")


def test_an_alarm_holds_at_once_what_is_still_to_arrive(
    store: PostgresStore, parcels: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(store, put_on(BAG, SEAL))
    monkeypatch.setattr(Following, "go_on", lambda _: 0)
    tell(store, presented())
    assert not any(arrived(store, parcels))
    follow(store, alarm(SEAL))
    assert {found(store, each)["movement.seal_alarm"].done for each in parcels} == {Done.ON_ALARM}
    monkeypatch.undo()
    assert Following(store, Desk(store)).go_on() == 2 * len(parcels)
    assert {state(store, each) for each in parcels} == {State.UNDER_CONTROL}


def test_one_that_fails_keeps_back_no_other(
    store: PostgresStore, parcels: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Following._look

    def fails(self: Following, writing: Any, ids: Any, failed: Any = None) -> None:
        if parcels[3] in ids:
            raise RuntimeError("this one cannot be looked at")
        look(self, writing, ids, failed)

    monkeypatch.setattr(following.Following, "_look", fails)
    with pytest.raises(RuntimeError, match="this one"):
        tell(store, presented())
    assert [each for each, is_there in zip(parcels, arrived(store, parcels), strict=True) if not is_there] == [
        parcels[3]
    ]
    monkeypatch.undo()
    assert Following(store, Desk(store)).go_on() == 1
    assert all(arrived(store, parcels))


def test_a_capture_runs_until_the_last_slice_of_what_it_told(
    store: PostgresStore, parcels: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Following, "go_on", lambda _: 0)
    told = presented() | {"eventID": "urn:uuid:0c3f6d9a-6a53-4c0b-9df5-0d6f3a0c1b21"}
    tell(store, told)
    tell(store, told)  # known: what follows from it is still to be done all the same
    assert jobs(store) == [True, True, False]
    monkeypatch.undo()
    carry_out, seen = Following._slice, []

    def between(self: Following, waiting: Any) -> int:
        seen.append((jobs(store), sum(arrived(store, parcels))))
        return carry_out(self, waiting)

    monkeypatch.setattr(Following, "_slice", between)
    begun = datetime.now(UTC)
    Following(store, Desk(store)).go_on()
    assert seen == [([True, True, False], count) for count in (0, SLICE, 2 * SLICE)]
    assert jobs(store) == [False] * 3
    presenting = store.events.captures(Scope(), None, 100)[1][1]
    assert presenting.finished_at is not None
    assert presenting.finished_at > begun  # when all was done, not when it was read


def test_a_capture_runs_on_what_it_says_of_earlier_events(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in a bag is told after the bag was presented: it is the later capture that waits."""
    hand_in(store, *(declared_in_bag(each) for each in NUMBERS))
    tell(store, presented())
    assert jobs(store) == [False]
    monkeypatch.setattr(Following, "go_on", lambda _: 0)
    tell(store, packed())
    assert jobs(store) == [True, False]
    monkeypatch.undo()
    Following(store, Desk(store)).go_on()
    assert jobs(store) == [False, False]
    assert all(arrived(store, [store.find(each) for each in NUMBERS]))


def test_a_capture_of_which_something_fails_is_running_until_it_succeeds(
    store: PostgresStore, parcels: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Following._look

    def fails(self: Following, writing: Any, ids: Any, failed: Any = None) -> None:
        if parcels[0] in ids:
            raise RuntimeError("this one cannot be looked at")
        look(self, writing, ids, failed)

    monkeypatch.setattr(Following, "_look", fails)
    with pytest.raises(RuntimeError, match="this one"):
        tell(store, presented())
    assert jobs(store) == [True, False]
    monkeypatch.undo()
    watching(store)()
    assert jobs(store) == [False, False]
