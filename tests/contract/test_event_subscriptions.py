"""Subscriptions to events: sent once they come, again until they are taken, at set times, and to whom they belong."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from database import TEMPLATE
from events import document, object_event
from receivers import Clock, Receiver
from tidewaiter.store import PostgresStore
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.opening import ensure_database
from tidewaiter.web.deliveries import posting
from tidewaiter.workflow.capturing import Capturing
from tidewaiter.workflow.event_ports import Captor, Capture, Scope, Subscription
from tidewaiter.workflow.pushing import PAUSES
from tidewaiter.workflow.subscribing import Subscriber, SubscriptionError, is_entered, next_at, read_schedule

SECRET = b"between us"
_NUMBERS = itertools.count(1)


@pytest.fixture
def store(postgres_server: EmbeddedServer) -> Iterator[PostgresStore]:
    name = f"subscriptions_{next(_NUMBERS)}"
    ensure_database(postgres_server, name, TEMPLATE)
    with PostgresStore(postgres_server.url(name)) as opened:
        yield opened


def tell(store: PostgresStore, number: int, sender_id: int | None, at: datetime) -> None:
    """An event more."""
    event = object_event(epcList=[f"urn:epc:id:sgtin:4012345.055555.{number}"])
    assert Capturing(store).capture(document(event), Captor("tester", sender_id), at).is_success


def subscribe(store: PostgresStore, dest: str, sender_id: int, clock: Clock, **more: object) -> Subscription:
    query = store.events.name_query("ships", Scope(sender_id), {"EQ_bizStep": ["shipping"]}, clock.at)
    fields = {
        "subscription_id": "one", "query": query, "dest": dest, "secret": SECRET, "schedule": None,
        "is_empty_reported": False, "initial_at": None, "created_at": clock.at, "seen": store.events.last_number(),
        "next_at": clock.at,
    } | more  # fmt: skip
    made = Subscription(**fields)
    store.events.subscribe(made)
    return made


def told(receiver: Receiver) -> list[list[str]]:
    bodies = [json.loads(body) for _, body in receiver.got]
    return [
        [event["epcList"][0][-1] for event in body["epcisBody"]["queryResults"]["resultsBody"]["eventList"]]
        for body in bodies
    ]


def test_nothing_is_sent_to_a_server_whose_web_hook_was_ended(store: PostgresStore) -> None:
    receiver, clock = Receiver(), Clock()
    mine, other = (store.senders.ensure(name).sender_id for name in ("mine", "other"))
    store.webhooks.add(other, receiver.url, 0)
    hook = store.webhooks.add(mine, receiver.url, 0)
    made = subscribe(store, receiver.url, mine, clock)
    store.webhooks.end(hook.webhook_id, clock.at)
    tell(store, 1, mine, clock.at)
    clock.at += timedelta(seconds=2)
    with posting(trust_env=False) as post:
        round_ = Subscriber(
            store.events, post, may_be_told=partial(is_entered, store.webhooks.all()), clock=clock
        ).round
        assert round_() == 0
        assert receiver.got == []
        assert "ended" in store.events.subscription(made.query, made.subscription_id).last_failure
        store.webhooks.add(mine, receiver.url, 0)
        clock.at += PAUSES[-1]
        again = Subscriber(store.events, post, may_be_told=partial(is_entered, store.webhooks.all()), clock=clock)
        assert again.round() == 1
    assert told(receiver) == [["1"]]


def test_what_comes_is_sent_signed_again_until_taken_and_once(store: PostgresStore) -> None:
    receiver, clock = Receiver(), Clock()
    mine, other = (store.senders.ensure(name).sender_id for name in ("mine", "other"))
    subscribe(store, receiver.url, mine, clock)
    with posting(trust_env=False) as post:
        subscriber = Subscriber(store.events, post, clock=clock)
        assert subscriber.round() == 0
        tell(store, 1, mine, clock.at)
        tell(store, 2, other, clock.at)
        clock.at += timedelta(seconds=2)
        receiver.answers = [500]
        assert subscriber.round() == 0
        assert subscriber.round() == 0  # it is not tried again at once
        clock.at += timedelta(seconds=10)
        assert subscriber.round() == 1
        clock.at += timedelta(seconds=2)
        assert subscriber.round() == 0
    assert told(receiver) == [["1"], ["1"]]
    headers, body = receiver.got[1]
    assert base64.b64decode(headers["gs1-signature"]) == hmac.digest(SECRET, body, "sha256")
    (kept,) = store.events.subscriptions(store.events.query("ships", Scope(mine)))
    assert (kept.failures, kept.notified_at) == (0, clock.at - timedelta(seconds=2))


def test_a_schedule_is_kept_and_says_when_there_is_nothing(store: PostgresStore) -> None:
    receiver, clock = Receiver(), Clock()
    clock.at = datetime(2026, 11, 28, 0, 59, tzinfo=UTC)
    mine = store.senders.ensure("mine").sender_id
    schedule = {"hour": "1", "minute": "5"}
    upon = next_at(schedule, clock.at)
    subscribe(store, receiver.url, mine, clock, schedule=schedule, is_empty_reported=True, next_at=upon)
    tell(store, 1, mine, clock.at)
    with posting(trust_env=False) as post:
        subscriber = Subscriber(store.events, post, clock=clock)
        assert subscriber.round() == 0
        clock.at = datetime(2026, 11, 28, 1, 5, tzinfo=UTC)
        assert subscriber.round() == 1
        clock.at += timedelta(days=1)
        assert subscriber.round() == 1
    assert told(receiver) == [["1"], []]


@pytest.mark.parametrize(
    ("schedule", "at"),
    [
        ({"hour": "1", "minute": "5"}, "2026-11-29T01:05:00"),
        ({"minute": "5"}, "2026-11-28T04:05:00"),
        ({"second": "0,30"}, "2026-11-28T03:20:30"),
        ({"dayOfWeek": "1", "hour": "[8-9]"}, "2026-11-30T08:00:00"),
        ({"month": "2", "dayOfMonth": "29"}, "2028-02-29T00:00:00"),
        ({"dayOfMonth": "31"}, "2026-12-31T00:00:00"),
    ],
)
def test_the_next_moment_of_a_schedule(schedule: dict[str, str], at: str) -> None:
    found = next_at(schedule, datetime(2026, 11, 28, 3, 20, tzinfo=UTC))
    assert found == datetime.fromisoformat(f"{at}+00:00")


@pytest.mark.parametrize(
    "schedule",
    [{}, {"hour": "24"}, {"minute": "x"}, {"hours": "1"}, {"month": "2", "dayOfMonth": "30"}, {"hour": "[3-1]"}],
)
def test_a_schedule_that_never_comes_is_refused(schedule: dict[str, str]) -> None:
    with pytest.raises(SubscriptionError):
        read_schedule(schedule)


def test_what_was_kept_and_not_read_is_read_later(store: PostgresStore) -> None:
    at = datetime(2026, 11, 28, 3, tzinfo=UTC)
    capturing = Capturing(store)
    waiting = capturing.receive(document(object_event()), Captor("tester"), at)
    assert capturing.resume(at) == []
    (found,) = capturing.resume(at + timedelta(seconds=1))
    assert (found.capture_id, len(found.event_ids)) == (waiting.capture_id, 1)
    assert capturing.resume(at + timedelta(seconds=1)) == []
    assert store.events.content(waiting.capture_id) == document(object_event())


def test_one_capture_that_fails_again_keeps_no_other_back(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 11, 28, 3, tzinfo=UTC)
    capturing = Capturing(store)
    poisoned = capturing.receive(document(object_event()), Captor("tester"), at)
    sound = capturing.receive(document(object_event(bizStep="receiving")), Captor("tester"), at)
    finish = Capturing.finish

    def fails(self: Capturing, capture: Capture, content: bytes) -> Capture:
        if capture.capture_id == poisoned.capture_id:
            raise RuntimeError("it fails again")
        return finish(self, capture, content)

    monkeypatch.setattr(Capturing, "finish", fails)
    with pytest.raises(RuntimeError, match="again"):
        capturing.resume(at + timedelta(seconds=1))
    assert store.events.capture(sound.capture_id, Scope()).finished_at is not None
    assert store.events.capture(poisoned.capture_id, Scope()).finished_at is None
