"""Whose word moves a parcel: its declarant's, an officer's, and that of whom the administration entrusts; nobody else's."""

from __future__ import annotations

import io
import itertools
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest

from api import parcels
from database import TEMPLATE, settle_chance
from events import document, object_event
from tidewaiter.model.decision import State
from tidewaiter.model.event_words import STEP, reference
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.web.house import capturing_on
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.event_ports import OF_DEVICE, Captor
from tidewaiter.workflow.following_ports import Teller, Telling
from tidewaiter.workflow.intake import Intake

_NUMBERS = itertools.count(1)


@pytest.fixture
def store(postgres_server: EmbeddedServer) -> Iterator[PostgresStore]:
    name = f"who_moves_{next(_NUMBERS)}"
    ensure_database(postgres_server, name, TEMPLATE)
    with PostgresStore(postgres_server.url(name)) as opened:
        settle_chance(opened)
        yield opened


@pytest.mark.parametrize(
    ("teller", "is_entrusted", "is_moved"),
    [("declarant", False, True), ("rival", False, False), ("rival", True, True), ("officer", False, True)],
)
def test_presented_by(store: PostgresStore, teller: str, is_entrusted: bool, is_moved: bool) -> None:  # noqa: FBT001
    intake = Intake(store)
    ids = {name: store.senders.ensure(name).sender_id for name in ("declarant", "rival")}
    if is_entrusted:
        store.senders.entrust(ids[teller], tells_of_all=True)
    (found,) = intake.submit(
        io.BytesIO(parcels.message(parcels.announced("K-9"))),
        sender_id=ids["declarant"],
        file_name="a.json",
        transport="test",
    ).lines
    row = store.outcome(found.declaration_id).row
    assert row.state is State.RECEIVED
    event = object_event(bizStep=STEP["presenting"], epcList=[reference("mrn", row.registered_id)])
    assert capturing_on(store).capture(document(event), Captor(teller, ids.get(teller)), now()).is_success
    assert (store.outcome(found.declaration_id).row.state is not State.RECEIVED) is is_moved
    intake.close()


BAG = reference("receptacle", "GBLHRA12345")
ALARMED = "movement.seal_alarm"


class Tellers:
    """A parcel that one sender declared, and what it and others tell of it."""

    def __init__(self, store: PostgresStore) -> None:
        self.store = store
        self.ids: dict[str, int | None] = {
            name: store.senders.ensure(name).sender_id for name in ("declarant", "rival", "carrier")
        }
        self.ids["officer"] = None
        carrier = self.ids["carrier"]
        assert carrier is not None
        store.senders.entrust(carrier, tells_of_all=True)
        intake = Intake(store)
        (found,) = intake.submit(
            io.BytesIO(parcels.message(parcels.announced("K-9"))),
            sender_id=self.ids["declarant"],
            file_name="a.json",
            transport="test",
        ).lines
        intake.close()
        self.parcel = found.declaration_id
        self.number = reference("mrn", store.outcome(self.parcel).row.registered_id)

    def tell(self, by: str, **fields: object) -> None:
        captured = capturing_on(self.store).capture(document(object_event(**fields)), Captor(by, self.ids[by]), now())
        assert captured.is_success, captured.findings

    def pack(self, by: str, minutes: int, action: str = "ADD") -> None:
        """The parcel is put into the bag, or taken out of it."""
        fields = {"type": "AggregationEvent", "parentID": BAG, "childEPCs": [self.number], "action": action}
        self.tell(by, **fields, bizStep="packing", eventTime=_at(minutes), epcList=None)

    def alarm(self, minutes: int = 30) -> None:
        """What guards the bag gives alarm."""
        sensor = {"sensorMetadata": {"time": _at(minutes)}, "sensorReport": [{"exception": "ALARM_CONDITION"}]}
        self.tell(
            "officer", epcList=[BAG], eventTime=_at(minutes), bizStep="sensor_reporting", sensorElementList=[sensor]
        )

    @property
    def is_alarmed(self) -> bool:
        return ALARMED in {each.rule_id for each in self.store.following.findings(self.parcel)}


def _at(minutes: int) -> str:
    return (now() - timedelta(hours=2) + timedelta(minutes=minutes)).isoformat()


@pytest.mark.parametrize(
    ("by", "is_held"), [("declarant", True), ("carrier", True), ("officer", True), ("rival", False)]
)
def test_whose_word_puts_a_parcel_under_an_alarm(store: PostgresStore, by: str, is_held: bool) -> None:  # noqa: FBT001
    tellers = Tellers(store)
    tellers.pack(by, 10)
    tellers.alarm()
    assert tellers.is_alarmed is is_held


@pytest.mark.parametrize(
    ("by", "is_held"), [("declarant", True), ("rival", True), ("carrier", False), ("officer", False)]
)
def test_what_a_carrier_put_in_is_taken_out_by_one_who_tells_of_all(
    store: PostgresStore, by: str, is_held: bool  # noqa: FBT001
) -> None:  # fmt: skip
    """Nobody frees its own parcel of an alarm by saying that it was not there."""
    tellers = Tellers(store)
    tellers.pack("carrier", 10)
    tellers.pack(by, 20, "DELETE")
    tellers.alarm()
    assert tellers.is_alarmed is is_held


@pytest.mark.parametrize(("by", "is_held"), [("declarant", False), ("carrier", False), ("rival", True)])
def test_what_a_sender_put_in_itself_it_or_a_carrier_takes_out(store: PostgresStore, by: str, is_held: bool) -> None:  # noqa: FBT001
    tellers = Tellers(store)
    tellers.pack("declarant", 10)
    tellers.pack(by, 20, "DELETE")
    tellers.alarm()
    assert tellers.is_alarmed is is_held


@pytest.mark.parametrize(("packed", "is_held"), [(10, True), (40, False)])
def test_what_was_inside_at_an_alarm_is_held_when_that_is_told_late(
    store: PostgresStore, packed: int, is_held: bool  # noqa: FBT001
) -> None:  # fmt: skip
    tellers = Tellers(store)
    tellers.alarm(minutes=30)
    assert not tellers.is_alarmed
    tellers.pack("carrier", packed)
    assert tellers.is_alarmed is is_held


def test_a_seal_told_late_to_have_been_on_the_bag_holds_what_is_in_it(store: PostgresStore) -> None:
    tellers, seal = Tellers(store), reference("device", "SEAL-7")
    tellers.pack("carrier", 10)
    sensor = {"sensorMetadata": {"time": _at(30), "deviceID": seal}, "sensorReport": [{"exception": "ALARM_CONDITION"}]}
    tellers.tell("officer", epcList=[seal], eventTime=_at(30), bizStep="sensor_reporting", sensorElementList=[sensor])
    assert not tellers.is_alarmed
    fields = {"type": "AssociationEvent", "parentID": BAG, "childEPCs": [seal], "action": "ADD", "epcList": None}
    tellers.tell("rival", **fields, bizStep="installing", eventTime=_at(5))
    assert not tellers.is_alarmed, "whoever says so has no word here"
    tellers.tell("carrier", **fields, bizStep="installing", eventTime=_at(6))
    assert tellers.is_alarmed


def test_who_told_of_a_step_is_kept_and_only_carriers_are_named(store: PostgresStore) -> None:
    tellers = Tellers(store)
    for by in ("declarant", "carrier", "officer"):
        tellers.tell(by, eventID=f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, by)}", bizStep=STEP["presenting"])
    tellers.ids[OF_DEVICE + "SEAL-7"] = None
    tellers.tell(OF_DEVICE + "SEAL-7", eventID=f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'device')}")
    ids = [f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, by)}" for by in ("declarant", "carrier", "officer", "device")]
    found = store.following.tellers([*ids, "urn:uuid:unknown"])
    assert [found[each] for each in ids] == [
        Teller(Telling.DECLARANT), Teller(Telling.CARRIER, "carrier"), Teller(Telling.CUSTOMS), Teller(Telling.DEVICE),
    ]  # fmt: skip
    assert list(found) == ids
