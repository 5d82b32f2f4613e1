"""Exits that events tell: a return that waits is decided by the word of customs or an entrusted carrier, and nobody else's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from database import TEMPLATE
from events import document, object_event
from returns import a_return, declaration, hand_in, import_goods
from tidewaiter.model.event_words import STEP, reference
from tidewaiter.model.returned import ExitKind
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.web.house import capturing_on
from tidewaiter.workflow.event_ports import Captor
from tidewaiter.workflow.exits import Exits
from tidewaiter.workflow.return_records import CaseFilter
from tidewaiter.workflow.returning import Returning

LEFT: dict[str, object] = {
    "bizStep": STEP["exiting"], "eventTime": "2026-07-05T10:00:00.000+01:00", "epcList": [reference("waybill", "BACK00000001")],
    "readPoint": {"id": "https://id.example/locode/GBLHR"},
}  # fmt: skip
_NUMBERS = itertools.count(1)


@pytest.fixture
def store(postgres_server: EmbeddedServer) -> Iterator[PostgresStore]:
    name = f"exits_{next(_NUMBERS)}"
    ensure_database(postgres_server, name, TEMPLATE)
    with PostgresStore(postgres_server.url(name)) as opened:
        import_goods(opened, declaration(1))
        assert hand_in(opened, a_return(1)).counts == {"waiting": 1}
        yield opened


def tell(store: PostgresStore, by: str | None, **changes: object) -> None:
    captor = Captor(by or "officer", store.senders.ensure(by).sender_id if by else None)
    event = object_event(**(LEFT | changes))
    assert capturing_on(store).capture(document(event), captor, datetime.now(UTC)).is_success


def test_an_entrusted_carriers_word_is_handed_in_once(store: PostgresStore) -> None:
    tell(store, "carrier", eventID="urn:uuid:00000000-0000-4000-8000-000000000001")
    exits = Exits(store.following, Returning(store))
    assert exits.look() == [], "nobody entrusted it yet"
    store.senders.entrust(store.senders.ensure("carrier").sender_id, tells_of_all=True)
    (receipt,) = exits.look()
    assert receipt.counts == {"remission": 1}
    assert exits.look() == []
    (case,) = store.returns.cases(CaseFilter())
    (kept,) = store.returns.case(case.case_no).events
    event = kept.event
    assert (event.kind, event.reported_by, event.place) == (
        ExitKind.DEPARTED,
        "carrier",
        "https://id.example/locode/GBLHR",
    )


def test_customs_word_confirms_it(store: PostgresStore) -> None:
    tell(store, None)
    (receipt,) = Exits(store.following, Returning(store)).look()
    assert receipt.counts == {"remission": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"bizStep": "departing"},
        {"epcList": [reference("waybill", "BACK00000002")]},
        {"bizStep": "shipping"},
    ],
)
def test_what_is_no_exit_of_it_is_not_handed_in(store: PostgresStore, changes: dict[str, object]) -> None:
    tell(store, None, **changes)
    assert Exits(store.following, Returning(store)).look() == []


def test_what_was_taken_back_is_not_handed_in(store: PostgresStore) -> None:
    event_id = "urn:uuid:00000000-0000-4000-8000-000000000002"
    tell(store, None, eventID=event_id)
    declared = {"declarationTime": "2026-07-06T00:00:00Z", "reason": "https://ref.gs1.org/cbv/ER-did_not_occur"}
    tell(store, None, eventID=event_id, errorDeclaration=declared)
    assert Exits(store.following, Returning(store)).look() == []
