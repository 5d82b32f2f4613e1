"""Whose word moves a parcel: its declarant's, an officer's, and that of whom the administration entrusts; nobody else's."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from api import parcels
from database import TEMPLATE
from events import document, object_event
from tidewaiter.model.decision import State
from tidewaiter.model.event_words import STEP, reference
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.web.house import capturing_on
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.event_ports import Captor
from tidewaiter.workflow.intake import Intake


@pytest.fixture
def store(postgres_server: EmbeddedServer, request: pytest.FixtureRequest) -> Iterator[PostgresStore]:
    name = f"who_moves_{abs(hash(request.node.name)) % 10**8}"
    ensure_database(postgres_server, name, TEMPLATE)
    with PostgresStore(postgres_server.url(name)) as opened:
        parcels.settle_chance(opened)
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
