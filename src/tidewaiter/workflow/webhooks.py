"""Notices pushed to senders: signed, in order, tried again with growing pauses, and again from any notice on request.

    Deliverer(store, store.webhooks, post, shape).round()

What is sent follows Standard Webhooks (standardwebhooks.com, specification 1): three headers with id, moment and an
HMAC-SHA256 of both with the body. A receiver answers with a 2xx once it has it safely; every other answer, or none in
time, counts as not taken, and the same notice is sent again. So a notice may come twice, under the same id, and never
out of turn. 410 ends the webhook.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from standardwebhooks import Webhook as Signer

from tidewaiter.workflow.batching import now
from tidewaiter.workflow.ports import Notice

PAUSES: Final = tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 3_600, 4 * 3_600))  # then the last again
RESTS_AFTER: Final = timedelta(days=5)  # of failing: it is not tried any more until somebody asks for a replay
AT_ONCE: Final = 100  # notices of one webhook in one round
SHARE: Final = timedelta(seconds=10)  # of a round for one webhook: one that is slow keeps others waiting no longer
SIDE_BY_SIDE: Final = 8  # webhooks that are sent to at the same time
SECRET_BYTES: Final = 32
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 (what a secret begins with)
GONE: Final = 410
ERROR_LENGTH_MAX: Final = 200


class Webhook(Struct, frozen=True, kw_only=True):
    """Where one sender is told. `taken` is the last notice taken, `failures` the attempts since that failed."""

    webhook_id: int
    sender_id: int
    sender_name: str
    url: str
    secret: bytes
    taken: int
    failures: int
    failing_since: datetime | None
    next_try_at: datetime
    last_error: str
    taken_at: datetime | None = None
    ended_at: datetime | None = None

    def is_resting(self, at: datetime) -> bool:
        """Whether it failed for so long that it is not tried any more."""
        return self.failing_since is not None and at - self.failing_since > RESTS_AFTER


class Answer(Struct, frozen=True):
    """What came back: the status, 0 where nothing did, and then why."""

    status: int
    words: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it."""
        return 200 <= self.status < 300


class Sent(Struct, frozen=True):
    """What one round did."""

    taken: int = 0
    failed: int = 0


class Webhooks(Protocol):
    """What is kept of webhooks."""

    def due(self, at: datetime) -> Sequence[int]:
        """The webhooks that have something to send and may be tried now."""

    def held(self, webhook_id: int) -> AbstractContextManager[Webhook | None]:
        """One webhook, held against other processes while in the `with`; None while another holds it."""

    def advance(self, webhook: Webhook, notice_id: int, at: datetime) -> bool:
        """Keep that it took notices up to this one; False where somebody ended it or asked for a replay meanwhile."""

    def fail(self, webhook: Webhook, words: str, at: datetime, next_try_at: datetime) -> None:
        """Keep that an attempt failed, unless somebody ended it or asked for a replay meanwhile."""

    def end(self, webhook_id: int, at: datetime) -> None:
        """Send nothing to it any more."""


class Notices(Protocol):
    """Where notices are read."""

    def notices(self, sender_id: int | None, after: int, limit: int) -> Sequence[Notice]:
        """Notices with a larger notice_id than `after`, oldest first."""


Post = Callable[[str, bytes, dict[str, str]], Answer]  # url, body, headers; never raises for what the network does
Shape = Callable[[Notice], object]  # a notice as its sender is told it


class Deliverer:
    """Sends what is due; `post` does the sending."""

    def __init__(
        self,
        notices: Notices,
        webhooks: Webhooks,
        post: Post,
        shape: Shape,
        *,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._notices = notices
        self._webhooks = webhooks
        self._post = post
        self._shape = shape
        self._clock = clock

    def round(self) -> Sent:
        """Send to every webhook that is due, at most AT_ONCE notices each, and no longer than its SHARE allows."""
        due = self._webhooks.due(self._clock())
        if not due:
            return Sent()
        with ThreadPoolExecutor(min(len(due), SIDE_BY_SIDE)) as threads:
            sent = list(threads.map(self._serve, due))
        return Sent(sum(each.taken for each in sent), sum(each.failed for each in sent))

    def _serve(self, webhook_id: int) -> Sent:
        with self._webhooks.held(webhook_id) as webhook:
            if webhook is None or webhook.ended_at is not None or webhook.next_try_at > self._clock():
                return Sent()
            return self._send(webhook)

    def _send(self, webhook: Webhook) -> Sent:
        taken, until = 0, self._clock() + SHARE
        for notice in self._notices.notices(webhook.sender_id, webhook.taken, AT_ONCE):
            moment, body = self._clock(), message(notice, self._shape)
            if moment >= until:
                break
            answer = self._post(webhook.url, body, headers(webhook.secret, notice, body, moment))
            if answer.status == GONE:
                self._webhooks.end(webhook.webhook_id, moment)
                return Sent(taken, 1)
            if not answer.is_taken:
                pause = PAUSES[min(0 if taken else webhook.failures, len(PAUSES) - 1)]
                words = (answer.words or f"answered {answer.status}")[:ERROR_LENGTH_MAX]
                self._webhooks.fail(webhook, words, moment, moment + pause)
                return Sent(taken, 1)
            taken += 1
            if not self._webhooks.advance(webhook, notice.notice_id, moment):
                break
            webhook = replace(webhook, taken=notice.notice_id)
        return Sent(taken)


def message(notice: Notice, shape: Shape) -> bytes:
    """The body sent for a notice: JSON with type, timestamp and data."""
    told = {"type": f"notice.{notice.kind.value}", "timestamp": notice.issued_at, "data": shape(notice)}
    return msgspec.json.encode(told)


def headers(secret: bytes, notice: Notice, body: bytes, at: datetime) -> dict[str, str]:
    """The headers that say what it is and prove who sent it."""
    name = f"notice_{notice.notice_id}"
    signature = Signer(shown(secret)).sign(name, at, body.decode())
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
    }


def shown(secret: bytes) -> str:
    """The secret as a receiver's library takes it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()
