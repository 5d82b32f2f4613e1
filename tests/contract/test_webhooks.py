"""Webhooks on a real database and a real receiver: signed, in order, again after failures, none lost, none out of turn."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from receivers import Clock, Receiver
from tidewaiter.messages import forms
from tidewaiter.model.declaration import Declaration, GoodsItem, Party
from tidewaiter.model.errors import ConflictError
from tidewaiter.model.money import Money
from tidewaiter.store import PostgresStore
from tidewaiter.web.api.shapes import NoticeShape
from tidewaiter.web.deliveries import posting
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.pushing import PAUSES, RESTS_AFTER, SHARE, Answer, Post, Sent, shown
from tidewaiter.workflow.webhooks import Deliverer, Webhook


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def hand_in(store: PostgresStore, *references: str, sender: str = "A courier") -> int:
    sender_id = store.senders.ensure(sender).sender_id
    items = (
        GoodsItem(
            line_no=1, description="Wool scarf, woven", commodity_code="6214200000", gross_mass_kg=Decimal("0.4"),
            invoice_price=Money(Decimal(30), "GBP"), origin_country_code="IT",
        ),
    )  # fmt: skip
    declared = [
        Declaration(
            functional_reference_id=each, jurisdiction_code="GB", importer=Party(name="Jo Example"),
            consignor=Party(name="Lana Srl"), goods_items=items,
        )
        for each in references
    ]  # fmt: skip
    with Intake(store, workers=1) as intake:
        body = forms.by_name("json").write(declared)
        intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="p.json", transport="test")
    return sender_id


class Working:
    """A deliverer, and what it posts with while it has a round to do."""

    def __init__(self, store: PostgresStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def round(self) -> Sent:
        with posting(trust_env=False) as post:
            return with_post(self._store, post, self._clock).round()


def with_post(store: PostgresStore, post: Post, clock: Clock) -> Deliverer:
    return Deliverer(store, store.webhooks, post, NoticeShape.of, clock=clock)


def deliverer(store: PostgresStore, clock: Clock) -> Working:
    return Working(store, clock)


def one(store: PostgresStore) -> Webhook:
    (found,) = store.webhooks.all()
    return found


def test_each_notice_is_posted_once_signed_and_in_order(store: PostgresStore, receiver: Receiver) -> None:
    sender_id = hand_in(store, "W-1", "W-2")
    hand_in(store, "O-1", sender="Another")
    made = store.webhooks.add(sender_id, receiver.url, 0)
    work = deliverer(store, Clock())
    told = [notice.notice_id for notice in store.notices(sender_id, 0, 100)]
    assert work.round() == Sent(taken=len(told))
    assert work.round() == Sent()
    assert receiver.ids == told == sorted(told)
    headers, body = receiver.got[0]
    said = Verifier(shown(made.secret)).verify(body, headers)
    assert said["type"] == f"notice.{said['data']['kind']}"
    assert said["data"]["reference"] == "W-1"
    with pytest.raises(WebhookVerificationError):
        Verifier(shown(made.secret)).verify(body.replace(b"W-1", b"W-9"), headers)


def test_what_is_refused_is_sent_again_after_growing_pauses_and_nothing_overtakes_it(
    store: PostgresStore, receiver: Receiver
) -> None:
    sender_id = hand_in(store, "W-1", "W-2")
    store.webhooks.add(sender_id, receiver.url, 0)
    clock, told = Clock(), [notice.notice_id for notice in store.notices(sender_id, 0, 100)]
    work = deliverer(store, clock)
    receiver.answers = [204, 500, 503]
    assert work.round() == Sent(1, 1)
    assert work.round() == Sent(), "not before the pause is over"
    clock.at += PAUSES[0]
    assert work.round() == Sent(0, 1)
    assert (one(store).failures, one(store).last_error) == (2, "answered 503")
    clock.at += PAUSES[0]
    assert work.round() == Sent(), "the second pause is longer"
    clock.at += PAUSES[1]
    assert work.round() == Sent(len(told) - 1)
    assert receiver.ids == [told[0], told[1], told[1], *told[1:]]
    assert one(store).failures == 0


def test_nobody_there_is_a_failure_like_any_other(store: PostgresStore, receiver: Receiver) -> None:
    receiver.server.shutdown()
    receiver.server.server_close()
    store.webhooks.add(hand_in(store, "W-1"), receiver.url, 0)
    assert deliverer(store, Clock()).round() == Sent(0, 1)
    assert "ConnectError" in one(store).last_error


def test_it_rests_after_days_of_failing_until_a_replay(store: PostgresStore, receiver: Receiver) -> None:
    sender_id = hand_in(store, "W-1")
    made = store.webhooks.add(sender_id, receiver.url, 0)
    clock = Clock()
    work = deliverer(store, clock)
    receiver.answers = [500]
    work.round()
    clock.at += RESTS_AFTER + timedelta(seconds=1)
    assert work.round() == Sent()
    assert one(store).is_resting(clock.at)
    store.webhooks.replay(made.webhook_id, 0)
    assert work.round().taken == len(store.notices(sender_id, 0, 100))
    store.webhooks.replay(made.webhook_id, 0)
    work.round()
    assert receiver.ids[1:] == 2 * [notice.notice_id for notice in store.notices(sender_id, 0, 100)]


def test_gone_ends_it(store: PostgresStore, receiver: Receiver) -> None:
    store.webhooks.add(hand_in(store, "W-1"), receiver.url, 0)
    receiver.answers = [410]
    work = deliverer(store, Clock())
    work.round()
    assert one(store).ended_at is not None
    assert work.round() == Sent()


def test_from_now_on_means_from_now_on(store: PostgresStore, receiver: Receiver) -> None:
    sender_id = hand_in(store, "W-1")
    store.webhooks.add(sender_id, receiver.url, store.webhooks.last_notice())
    hand_in(store, "W-2")
    deliverer(store, Clock()).round()
    assert {json.loads(body)["data"]["reference"] for _, body in receiver.got} == {"W-2"}


def test_while_one_process_sends_another_does_not(store: PostgresStore, receiver: Receiver) -> None:
    made = store.webhooks.add(hand_in(store, "W-1"), receiver.url, 0)
    with PostgresStore(store.url) as other, other.webhooks.held(made.webhook_id) as theirs:
        assert theirs is not None
        assert deliverer(store, Clock()).round() == Sent()


def test_one_address_is_told_once(store: PostgresStore, receiver: Receiver) -> None:
    sender_id = hand_in(store, "W-1")
    made = store.webhooks.add(sender_id, receiver.url, 0)
    with pytest.raises(ConflictError):
        store.webhooks.add(sender_id, receiver.url, 0)
    store.webhooks.end(made.webhook_id, datetime.now(UTC))
    store.webhooks.add(sender_id, receiver.url, 0)


def test_a_crash_between_sending_and_keeping_sends_the_same_again(store: PostgresStore, receiver: Receiver) -> None:
    sender_id = hand_in(store, "W-1")
    store.webhooks.add(sender_id, receiver.url, 0)
    sent: list[str] = []

    def dies(_: str, __: bytes, headers: dict[str, str]) -> Answer:
        sent.append(headers["webhook-id"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_post(store, dies, Clock()).round()
    deliverer(store, Clock()).round()
    assert receiver.got[0][0]["webhook-id"] == sent[0]


@pytest.mark.parametrize("answer", [204, 500])
def test_a_replay_asked_for_while_it_is_sent_to_is_not_forgotten(store: PostgresStore, answer: int) -> None:
    sender_id = hand_in(store, "W-1")
    made = store.webhooks.add(sender_id, "http://127.0.0.1:9/", 0)
    told = [notice.notice_id for notice in store.notices(sender_id, 0, 100)]
    store.webhooks.replay(made.webhook_id, told[0])
    sent: list[str] = []

    def post(_: str, __: bytes, headers: dict[str, str]) -> Answer:
        if not sent:
            store.webhooks.replay(made.webhook_id, 0)
        sent.append(headers["webhook-id"])
        return Answer(answer if len(sent) == 1 else 204)

    with_post(store, post, Clock()).round()
    assert (one(store).taken, one(store).failures) == (0, 0)
    with_post(store, post, Clock()).round()
    assert sent[1:] == [f"notice_{each}" for each in told]


def test_what_ends_while_it_is_sent_to_is_sent_nothing_more(store: PostgresStore) -> None:
    made = store.webhooks.add(hand_in(store, "W-1", "W-2"), "http://127.0.0.1:9/", 0)
    sent: list[str] = []

    def post(_: str, __: bytes, headers: dict[str, str]) -> Answer:
        sent.append(headers["webhook-id"])
        store.webhooks.end(made.webhook_id, datetime.now(UTC))
        return Answer(204)

    with_post(store, post, Clock()).round()
    assert len(sent) == 1
    with pytest.raises(ConflictError):
        store.webhooks.replay(made.webhook_id, 0)


def test_a_slow_receiver_has_its_share_of_a_round_and_keeps_no_other_waiting(store: PostgresStore) -> None:
    slow = hand_in(store, "W-1", "W-2", "W-3")
    store.webhooks.add(slow, "http://127.0.0.1:9/slow", 0)
    store.webhooks.add(hand_in(store, "O-1", sender="Another"), "http://127.0.0.1:9/other", 0)
    clock, has_other, sent = Clock(), threading.Event(), []

    def post(url: str, _: bytes, __: dict[str, str]) -> Answer:
        if url.endswith("other"):
            has_other.set()
            return Answer(204)
        sent.append(has_other.wait(60))
        clock.at += SHARE
        return Answer(204)

    work = with_post(store, post, clock)
    work.round()
    assert sent == [True], "the other is sent to at the same time, and the slow one once a round"


def test_one_that_answers_byte_by_byte_is_given_up(receiver: Receiver) -> None:
    receiver.is_slow = True
    with posting(trust_env=False, seconds=0.3) as post:
        assert post(receiver.url, b"{}", {}) == Answer(0, "no answer in time")
