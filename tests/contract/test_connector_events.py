"""What an administration's system tells, on a real database: carried out once, as at the desk, each answered, all kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from contract.test_connectors import connect, declared, hand_in
from tidewaiter.model.decision import NoticeKind, State
from tidewaiter.model.errors import ConflictError, LimitExceededError, MessageError
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import connector_events
from tidewaiter.workflow.connector_events import ConnectorEvents, EventAnswer, EventAnswers, EventOutcome, Happening
from tidewaiter.workflow.connector_folders import FolderEvents
from tidewaiter.workflow.connectors import Connector
from tidewaiter.workflow.desk import NOT_FOR_OFFICERS, Desk
from tidewaiter.workflow.replay import replay


@pytest.fixture
def system(store: PostgresStore) -> Connector:
    return connect(store, "https://customs.example/in")


def event(event_id: str, happened: str, declaration: str = "C-1", **more: Any) -> dict[str, Any]:
    return {"event_id": event_id, "declaration": declaration, "happened": happened, **more}


def lines(*events: dict[str, Any] | bytes) -> bytes:
    return b"\n".join(each if isinstance(each, bytes) else json.dumps(each).encode() for each in events)


def tell(store: PostgresStore, system: Connector, *events: dict[str, Any] | bytes) -> EventAnswers:
    return ConnectorEvents(store, store.connectors, Desk(store)).take(system, lines(*events), transport="test")


def one(store: PostgresStore, system: Connector, *events: dict[str, Any] | bytes) -> EventAnswer:
    (answer,) = tell(store, system, *events).answers
    return answer


def course(store: PostgresStore, reference: str = "C-1") -> list[tuple[str, str, str]]:
    found = store.outcome(store.find(reference)).transitions
    return [(each.trigger, each.actor, each.words) for each in found[1:]]


def test_what_can_happen_there_is_what_officers_may_do_here_and_that_it_was_registered() -> None:
    assert {each.value for each in Happening} == {each.value for each in set(Trigger) - NOT_FOR_OFFICERS} | {
        "registered"
    }


def test_arrival_is_decided_by_the_law_of_the_day_it_happened_there(store: PostgresStore, system: Connector) -> None:
    hand_in(store, declared("C-1", type_code="IMD"))
    assert store.outcome(store.find("C-1")).row.state is State.RECEIVED
    given = event("A-1", "arrived", at="2026-07-02T23:30:00Z", officer="M. Okafor", words="flight BA2155")
    answer = one(store, system, given)
    row = store.outcome(store.find("C-1")).row
    assert (answer.outcome, answer.state, answer.mrn) == (EventOutcome.DONE, row.state, row.registered_id)
    assert row.is_arrived
    assert row.legal_day.isoformat() == "2026-07-03", "half past midnight where the law is made"
    trigger, actor, words = course(store)[0]
    assert (trigger, actor, words) == ("arrived", "connector Old system, officer M. Okafor", "flight BA2155")
    assert replay(store, store.find("C-1")).differences == ()


def test_examined_there_goes_on_here_and_is_told(store: PostgresStore, system: Connector) -> None:
    (scarf,) = declared("C-1").goods_items
    hand_in(store, declared("C-1", goods_items=(replace(scarf, description="Flick knife", commodity_code="82119300"),)))
    number = store.find("C-1")
    assert store.outcome(number).row.state is State.UNDER_CONTROL
    mrn = store.outcome(number).row.registered_id
    answer = one(store, system, event("A-1", "examined_not_satisfactory", mrn, words="prohibited"))
    assert (answer.outcome, answer.state) == (EventOutcome.DONE, State.REFUSED)
    assert store.outcome(number).notices[-1].kind is NoticeKind.REFUSED
    again = one(store, system, event("A-2", "refused", mrn))
    assert (again.outcome, again.state) == (EventOutcome.ALREADY, State.REFUSED)


def test_the_same_event_again_gets_the_answer_of_then_and_its_id_for_another_is_refused(
    store: PostgresStore, system: Connector
) -> None:
    hand_in(store, declared("C-1", type_code="IMD"))
    given = event("A-1", "refused", words="no licence")
    first = one(store, system, given)
    for body in (given, json.dumps(given, indent=1, sort_keys=True).encode()):
        again = one(store, system, body)
        assert (again.outcome, again.state) == (EventOutcome.REPEATED, first.state)
    other = one(store, system, event("A-1", "arrived"))
    assert (other.outcome, other.code, other.place) == (EventOutcome.REFUSED, "submission.conflict", "event_id")
    assert len(course(store)) == 1


def test_a_bad_event_is_refused_with_code_place_and_hint_and_the_rest_goes_on(
    store: PostgresStore, system: Connector
) -> None:
    hand_in(store, declared("C-1", type_code="IMD"), declared("N-1", jurisdiction_code="NO"))
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    told = tell(
        store, system,
        b"{not json", b"", b'"text"', b'{"event_id": "\xff"}',
        event("A-1", "vanished"), event("A-2", "arrived", colour="red"), event("A-3", "arrived", at="2026-06-15T10:00:00"),
        event("A-4", "arrived", at=ahead), event("A-5", "registered"), event("A-6", "arrived", "unknown"),
        event("A-7", "arrived", "N-1"), event("A-8", "examined_satisfactory"), event("A\x009", "arrived"),
        event("", "arrived"), event("A-10", "arrived", at="1980-01-01T00:00:00Z"),
        event("A-12", "arrived", at="0001-01-01T00:00:00+14:00"), event("A-11", "refused"),
    )  # fmt: skip
    said = {each.position: (each.outcome, each.code, each.place) for each in told.answers}
    refused = EventOutcome.REFUSED
    assert said == {
        1: (refused, "event.invalid", ""),
        3: (refused, "event.invalid", ""),
        4: (refused, "event.invalid", ""),
        5: (refused, "event.invalid", "happened"),
        6: (refused, "event.invalid", ""),
        7: (refused, "event.invalid", "at"),
        8: (refused, "event.invalid", "at"),
        9: (refused, "event.invalid", "registration_number"),
        10: (refused, "not_found", "declaration"),
        11: (refused, "not_found", "declaration"),
        12: (refused, "declaration.transition", ""),
        13: (refused, "event.invalid", "event_id"),
        14: (refused, "event.invalid", "event_id"),
        15: (refused, "declaration.transition", ""),
        16: (refused, "event.invalid", "at"),
        17: (EventOutcome.DONE, "", ""),
    }
    assert all(each.detail for each in told.answers if each.outcome is refused)
    assert [each.event_id for each in told.answers if not each.hint and each.outcome is refused] == []


def test_what_was_refused_may_be_told_again_under_its_id(store: PostgresStore, system: Connector) -> None:
    given = event("A-1", "arrived")
    assert one(store, system, given).code == "not_found"
    hand_in(store, declared("C-1", type_code="IMD"))
    assert one(store, system, given).outcome is EventOutcome.DONE


def test_its_own_number_names_the_declaration_from_then_on(store: PostgresStore, system: Connector) -> None:
    hand_in(store, declared("C-1", type_code="IMD"), declared("C-2", type_code="IMD"))
    assert one(store, system, event("A-1", "registered", registration_number="I 4711")).state is State.RECEIVED
    taken = one(store, system, event("A-2", "registered", "C-2", registration_number="I 4711"))
    assert (taken.outcome, taken.code) == (EventOutcome.REFUSED, "submission.conflict")
    assert (
        one(store, system, event("A-3", "arrived", "I 4711", registration_number="I 4712")).outcome is EventOutcome.DONE
    )
    assert one(store, system, event("A-4", "arrived", "I 4712")).outcome is EventOutcome.ALREADY
    assert one(store, system, event("A-5", "arrived", "I 4711")).code == "not_found"
    assert store.outcome(store.find("C-2")).row.state is State.RECEIVED


def test_a_number_told_with_an_act_that_is_refused_is_not_kept(store: PostgresStore, system: Connector) -> None:
    hand_in(store, declared("C-1", type_code="IMD"))
    refused = one(store, system, event("A-1", "examined_satisfactory", registration_number="I 4711"))
    assert refused.code == "declaration.transition"
    assert one(store, system, event("A-2", "arrived", "I 4711")).code == "not_found"


def test_a_reference_that_several_have_names_none(store: PostgresStore, system: Connector) -> None:
    hand_in(store, declared("C-1", type_code="IMD"))
    first = store.outcome(store.find("C-1")).row
    store.senders.ensure("Another")
    with store._connections.lend() as connection:
        connection.execute(
            "INSERT INTO declaration SELECT (d).* FROM (SELECT json_populate_record(d, %s::json) AS d FROM declaration d) AS t",
            [json.dumps({"declaration_id": 999, "message_id": 999, "registered_id": "other"})],
        )
    answer = one(store, system, event("A-1", "arrived"))
    assert (answer.code, answer.place, answer.hint) == ("event.invalid", "declaration", "name it by its MRN")
    assert one(store, system, event("A-1", "arrived", first.registered_id)).outcome is EventOutcome.DONE


def test_a_list_and_one_object_over_several_lines_are_taken_too(store: PostgresStore, system: Connector) -> None:
    hand_in(store, declared("C-1", type_code="IMD"), declared("C-2", type_code="IMD"))
    listed = json.dumps([event("A-1", "arrived"), event("A-2", "vanished")], indent=1).encode()
    assert [each.outcome for each in tell(store, system, listed).answers] == [EventOutcome.DONE, EventOutcome.REFUSED]
    spread = json.dumps(event("A-3", "arrived", "C-2"), indent=1).encode()
    assert one(store, system, b"\xef\xbb\xbf" + spread).outcome is EventOutcome.DONE


def test_a_message_is_kept_as_it_came_with_its_answer(store: PostgresStore, system: Connector) -> None:
    given = b'{"event_id": 1}\n{oh no\n'
    told = tell(store, system, given)
    assert store.connectors.message(told.message_id) == given
    with store._connections.lend() as connection:
        (kept,) = connection.execute("SELECT answer::text FROM connector_message").fetchone() or ("",)
    assert [each["outcome"] for each in json.loads(kept)] == ["refused", "refused"]


def test_a_connector_that_is_ended_tells_nothing(store: PostgresStore, system: Connector) -> None:
    store.connectors.end(system.connector_id, datetime.now(UTC))
    with pytest.raises(ConflictError, match="is ended"):
        tell(store, store.connectors.by_id(system.connector_id), event("A-1", "arrived"))


@pytest.mark.parametrize(
    ("body", "error"),
    [(b"", MessageError), (b" \n ", MessageError), (b"[", MessageError), (b"[]", MessageError)],
)
def test_a_message_without_events_is_refused_whole(
    store: PostgresStore, system: Connector, body: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        tell(store, system, body)


def test_more_than_is_taken_is_refused_whole(
    store: PostgresStore, system: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector_events, "EVENTS_MAX", 2)
    monkeypatch.setattr(connector_events, "MESSAGE_BYTES_MAX", 1_000)
    for body in (lines(*(event(f"A-{number}", "arrived") for number in range(3))), b" " * 1_001):
        with pytest.raises(LimitExceededError):
            tell(store, system, body)


DYING = """
import os, signal, sys
from tidewaiter.store import PostgresStore
from tidewaiter.store.writing import PostgresWriting
from tidewaiter.workflow.connector_events import ConnectorEvents
from tidewaiter.workflow.desk import Desk

PostgresWriting.commit = lambda self: os.kill(os.getpid(), signal.SIGKILL)
with PostgresStore(sys.argv[1]) as store:
    system, = store.connectors.all()
    ConnectorEvents(store, store.connectors, Desk(store)).take(system, sys.argv[2].encode(), transport="test")
"""


def test_killed_before_it_is_durable_it_is_done_once_when_told_again(store: PostgresStore, system: Connector) -> None:
    hand_in(store, declared("C-1", type_code="IMD"))
    given = event("A-1", "arrived")
    died = subprocess.run([sys.executable, "-c", DYING, store.url, json.dumps(given)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert course(store) == []
    assert one(store, system, given).outcome is EventOutcome.DONE
    assert one(store, system, given).outcome is EventOutcome.REPEATED
    assert [trigger for trigger, _, _ in course(store)].count("arrived") == 1


def test_events_left_in_the_folder_are_carried_out_and_answered_beside(store: PostgresStore, tmp_path: Path) -> None:
    connect(store, tmp_path, NoticeKind.ACCEPTED)
    hand_in(store, declared("C-1", type_code="IMD"))
    path = tmp_path / "in" / "day.jsonl"
    path.write_bytes(lines(event("A-1", "arrived"), event("A-2", "vanished")))
    work = FolderEvents(store.connectors, ConnectorEvents(store, store.connectors, Desk(store)))
    os.utime(path, (time.time() + 60, time.time() + 60))
    assert work.round() == 0, "it may still grow"
    os.utime(path, (time.time() - 10, time.time() - 10))
    assert work.round() == 1
    answer = json.loads((tmp_path / "out" / "day.jsonl.receipt.json").read_bytes())
    assert [each["outcome"] for each in answer["answers"]] == ["done", "refused"]
    assert not path.exists()
    assert len(list((tmp_path / "done").rglob("day.jsonl"))) == 1
    assert course(store)[0][:2] == ("arrived", "connector Old system")
