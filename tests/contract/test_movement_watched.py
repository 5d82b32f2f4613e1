"""Beside the server: what was kept and not read is read, one part that fails stops no other, and time is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from database import TEMPLATE
from events import document, object_event
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.web.house import capturing_on
from tidewaiter.web.watching import LATE, watching
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.event_ports import Captor, Scope


@pytest.fixture
def store(postgres_server: EmbeddedServer) -> Iterator[PostgresStore]:
    name = "movement_watched"
    ensure_database(postgres_server, name, TEMPLATE)
    with PostgresStore(postgres_server.url(name)) as opened:
        yield opened


def test_a_capture_that_broke_off_is_finished_though_another_part_fails(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    late, early = (
        capturing_on(store).receive(
            document(object_event(epcList=[f"urn:epc:id:sgtin:1.2.{age}"])), Captor("a"), now() - age
        )
        for age in (2 * LATE, timedelta())
    )
    one_round = watching(store)

    def fails(*_: object) -> None:
        raise RuntimeError("the flights cannot be read")

    monkeypatch.setattr(store.devices, "in_flight", fails)
    one_round()
    assert store.events.capture(late.capture_id, Scope()).finished_at is not None
    assert store.events.capture(early.capture_id, Scope()).finished_at is None
    assert [record.message for record in caplog.records] == ["movement is not watched in part: flights"]
    one_round()
    assert store.events.last_number() == 1
