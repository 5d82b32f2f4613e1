"""Notices pushed to senders, instead of their asking.

    Deliverer(store, store.webhooks, post, shape).round()

How they are sent, and sent again, is `workflow.pushing`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final, Protocol

import msgspec

from tidewaiter.workflow.batching import now
from tidewaiter.workflow.ports import Notice
from tidewaiter.workflow.pushing import Answer, Course, Courses, Item, Post, Pusher, Sent, headers

AT_ONCE: Final = 100  # notices of one webhook in one round


class Webhook(Course, frozen=True, kw_only=True):
    """Where one sender is told; `taken` is the last notice taken."""

    webhook_id: int
    sender_id: int
    sender_name: str
    url: str
    secret: bytes


class Notices(Protocol):
    """Where notices are read."""

    def notices(self, sender_id: int | None, after: int, limit: int) -> Sequence[Notice]:
        """Notices with a larger notice_id than `after`, oldest first."""


Shape = Callable[[Notice], object]  # a notice as its sender is told it


class Deliverer:
    """Sends what is due; `post` does the sending."""

    def __init__(
        self,
        notices: Notices,
        webhooks: Courses[Webhook],
        post: Post,
        shape: Shape,
        *,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._notices = notices
        self._post = post
        self._shape = shape
        self._pusher = Pusher(webhooks, self._items, clock=clock)

    def round(self) -> Sent:
        """Send to every webhook that is due, at most AT_ONCE notices each, and no longer than its share allows."""
        return self._pusher.round()

    def _items(self, webhook: Webhook) -> Iterator[Item]:
        def put(notice: Notice, at: datetime) -> Answer:
            body = message(notice, self._shape)
            return self._post(webhook.url, body, headers(webhook.secret, f"notice_{notice.notice_id}", body, at))

        for notice in self._notices.notices(webhook.sender_id, webhook.taken, AT_ONCE):
            yield Item(notice.notice_id, partial(put, notice))


def message(notice: Notice, shape: Shape) -> bytes:
    """The body sent for a notice: JSON with type, timestamp and data."""
    told = {"type": f"notice.{notice.kind.value}", "timestamp": notice.issued_at, "data": shape(notice)}
    return msgspec.json.encode(told)
