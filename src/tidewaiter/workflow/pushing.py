"""What is sent to receivers of their own: in order, tried again with growing pauses, and again from any place on request.

    Pusher(courses, items).round()

A *course* is how far one receiver has taken what it is sent: a cursor in the database, so that after any crash or outage
sending goes on where it stood. Webhooks (notices to senders) and connectors (declarations to an administration's own
system) are sent by it alike.

What goes by HTTP follows Standard Webhooks (standardwebhooks.com, specification 1): three headers with id, moment and an
HMAC-SHA256 of both with the body. A receiver answers with a 2xx once it has it safely; every other answer, or none in
time, counts as not taken, and the same is sent again. So something may come twice, under the same id, and never out of
turn. 410 ends the course.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar

from msgspec import Struct
from standardwebhooks import Webhook as Signer

from tidewaiter.workflow.batching import now

PAUSES: Final = tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 3_600, 4 * 3_600))  # then the last again
RESTS_AFTER: Final = timedelta(days=5)  # of failing: it is not tried any more until somebody asks for a replay
SHARE: Final = timedelta(seconds=10)  # of a round for one receiver: one that is slow keeps others waiting no longer
SIDE_BY_SIDE: Final = 8  # receivers that are sent to at the same time
SECRET_BYTES: Final = 32
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 (what a secret begins with)
GONE: Final = 410
ERROR_LENGTH_MAX: Final = 200


class Course(Struct, frozen=True, kw_only=True):
    """How far one receiver is. `taken` is the last number taken, `failures` the attempts since that failed."""

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

    def state(self, at: datetime) -> str:
        """In a word: ended, resting, failing or well."""
        if self.ended_at is not None:
            return "ended"
        if self.is_resting(at):
            return "resting"
        return "failing" if self.failures else "well"


class Answer(Struct, frozen=True):
    """What came back: the status, 0 where nothing did, and then why. `count` is of how many things at once."""

    status: int
    words: str = ""
    count: int = 1

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it."""
        return 200 <= self.status < 300


class Sent(Struct, frozen=True):
    """What one round did."""

    taken: int = 0
    failed: int = 0


def _nothing() -> None:
    """What is done afterwards where there is nothing to do."""


class Item(Struct, frozen=True):
    """One thing to be sent under its number, or several at once under the last one's.

    `put` sends it at a moment: the answer, or None where there is nothing to send and the cursor passes on.
    `settle` is called when the cursor stands behind it; done again after a crash it changes nothing.
    """

    number: int
    put: Callable[[datetime], Answer | None]
    settle: Callable[[], None] = _nothing


C = TypeVar("C", bound=Course)
C_co = TypeVar("C_co", bound=Course, covariant=True)


class Courses(Protocol[C_co]):
    """What is kept of courses, each known by a number."""

    def due(self, at: datetime) -> Sequence[int]:
        """Those that have something to send and may be tried now."""

    def held(self, course_id: int) -> AbstractContextManager[C_co | None]:
        """One of them, held against other processes while in the `with`; None while another holds it."""

    def advance(self, course_id: int, since: int, number: int, at: datetime) -> bool:
        """Keep that it took everything from `since`, where it was read to stand, up to this number.

        False where somebody ended it or asked for a replay meanwhile: that counts.
        """

    def fail(self, course_id: int, since: int, words: str, at: datetime, *, next_try_at: datetime) -> None:
        """Keep that an attempt failed, unless somebody ended it or asked for a replay meanwhile."""

    def end(self, course_id: int, at: datetime) -> None:
        """Send nothing to it any more."""


Post = Callable[[str, bytes, dict[str, str]], Answer]  # url, body, headers; never raises for what the network does


class Pusher(Generic[C]):
    """Sends what is due; `items` says what one receiver is to have next, oldest first."""

    def __init__(
        self, courses: Courses[C], items: Callable[[C], Iterable[Item]], *, clock: Callable[[], datetime] = now
    ) -> None:
        self._courses = courses
        self._items = items
        self._clock = clock

    def round(self) -> Sent:
        """Send to every receiver that is due what `items` gives for it, to each no longer than its SHARE allows."""
        due = self._courses.due(self._clock())
        if not due:
            return Sent()
        with ThreadPoolExecutor(min(len(due), SIDE_BY_SIDE)) as threads:
            sent = list(threads.map(self._serve, due))
        return Sent(sum(each.taken for each in sent), sum(each.failed for each in sent))

    def _serve(self, course_id: int) -> Sent:
        with self._courses.held(course_id) as course:
            if course is None or course.ended_at is not None or course.next_try_at > self._clock():
                return Sent()
            return self._send(course_id, course)

    def _send(self, course_id: int, course: C) -> Sent:
        taken, stands, until = 0, course.taken, self._clock() + SHARE
        for position, item in enumerate(self._items(course)):
            moment = self._clock()
            if position and moment >= until:  # the first goes in any case: writing it may have taken long
                break
            answer = item.put(moment)
            if answer is not None and answer.status == GONE:
                self._courses.end(course_id, moment)
                return Sent(taken, 1)
            if answer is not None and not answer.is_taken:
                pause = PAUSES[min(0 if taken else course.failures, len(PAUSES) - 1)]
                words = (answer.words or f"answered {answer.status}")[:ERROR_LENGTH_MAX]
                self._courses.fail(course_id, stands, words, moment, next_try_at=moment + pause)
                return Sent(taken, 1)
            taken += answer.count if answer is not None else 0
            if not self._courses.advance(course_id, stands, item.number, moment):
                break
            stands = item.number
            item.settle()
        return Sent(taken)


def headers(secret: bytes, name: str, body: bytes, at: datetime) -> dict[str, str]:
    """The headers that say what it is and prove who sent it. `body` is text in UTF-8."""
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
