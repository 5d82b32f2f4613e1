"""Queries that answer by themselves: when something new meets them, or at set times (GS1 EPCIS 2.0, section 8.2.5).

    Subscriber(events, post).round()

What is sent is an EPCISQueryDocument with the events that came since the last one that was taken. A receiver that does
not take it is sent the same again, with growing pauses: events may come twice, and never out of turn.
"""

from __future__ import annotations

import base64
import calendar
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from tidewaiter.messages.epcis import writing
from tidewaiter.messages.epcis.querying import Query
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.event_ports import Events, Scope, Subscription
from tidewaiter.workflow.pushing import PAUSES, Post, headers
from tidewaiter.workflow.webhooks import Webhook

DEST_MAX: Final = 2_000
AT_ONCE: Final = 500  # events looked at for one message
SUBSCRIPTIONS_AT_ONCE: Final = 100
REST: Final = timedelta(seconds=1)  # after which a stream is looked at again
YEARS_MAX: Final = 8  # ahead that a schedule is looked for: the 29th of February comes every eight at the latest
_BOUNDS: Final = {
    "second": (0, 59), "minute": (0, 59), "hour": (0, 23), "dayOfMonth": (1, 31), "month": (1, 12), "dayOfWeek": (1, 7),
}  # fmt: skip
SCHEDULE: Final = tuple(_BOUNDS)
_ELEMENT: Final = re.compile(r"(\d{1,2})|\[(\d{1,2})-(\d{1,2})\]", re.ASCII)


class SubscriptionError(TidewaiterError):
    """A subscription cannot be made as it is asked for."""

    code = "epcis.subscription"


def read_schedule(given: Mapping[str, object]) -> dict[str, str]:
    """A schedule as it is kept. Raises SubscriptionError for one that is none, or never comes."""
    for name in given:
        if name not in _BOUNDS:
            raise SubscriptionError(f"a schedule has no field {str(name)[:40]!r}", hint=f"it has {', '.join(_BOUNDS)}")
    schedule = {name: str(value) for name, value in given.items()}
    if not schedule:
        raise SubscriptionError("the schedule is empty", hint="say at least the minute")
    if next_at(schedule, datetime.fromisoformat("2024-01-01T00:00:00+00:00")) is None:
        raise SubscriptionError("the schedule never comes")
    return schedule


def next_at(schedule: Mapping[str, str], after: datetime) -> datetime | None:
    """The first moment of a schedule behind another (UTC); None where it never comes.

    What is not said is 0 where something smaller or nothing but larger is said, as “at 1:05” means second 0.
    """
    allowed = {name: _numbers(name, schedule.get(name)) for name in _BOUNDS}
    said = [name for name in ("second", "minute", "hour") if name in schedule]
    for name in ("second", "minute", "hour"):
        if name not in schedule and (not said or SCHEDULE.index(name) < SCHEDULE.index(said[0])):
            allowed[name] = {0}
    day = after.replace(hour=0, minute=0, second=0, microsecond=0)
    for _ in range(366 * YEARS_MAX):
        is_day = day.month in allowed["month"] and day.day in allowed["dayOfMonth"]
        if is_day and day.isoweekday() in allowed["dayOfWeek"]:
            for hour in sorted(allowed["hour"]):
                for minute in sorted(allowed["minute"]):
                    for second in sorted(allowed["second"]):
                        moment = day.replace(hour=hour, minute=minute, second=second)
                        if moment > after:
                            return moment
        elif day.month not in allowed["month"]:
            day = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        day += timedelta(days=1)
    return None


def _numbers(name: str, text: str | None) -> set[int]:
    low, high = _BOUNDS[name]
    if text is None:
        return set(range(low, high + 1))
    found: set[int] = set()
    for part in text.split(","):
        match = _ELEMENT.fullmatch(part.strip())
        first, last = (int(match[1] or match[2]), int(match[1] or match[3])) if match else (1, 0)
        if not low <= first <= last <= high:
            raise SubscriptionError(
                f"{name} is {text[:40]!r}", hint=f"numbers from {low} to {high}, like 5 or 1,3 or [2-4]"
            )
        found |= set(range(first, last + 1))
    return found


def is_entered(hooks: Iterable[Webhook], dest: str, sender_id: int | None) -> bool:
    """Whether an address is at a server that the administration entered, and did not end: of this sender's, or for officers (None) of anyone's.

    Whoever may choose where this server sends something could have it ask whatever it reaches.
    """
    try:
        wanted = urlsplit(dest)
        origin = (wanted.scheme, wanted.hostname, wanted.port)
    except ValueError:
        return False
    if wanted.username or wanted.fragment or not dest.isprintable() or len(dest) > DEST_MAX:
        return False
    return any(
        origin == (known.scheme, known.hostname, known.port)
        for each in hooks
        if each.ended_at is None and sender_id in (None, each.sender_id)
        for known in [urlsplit(each.url)]
    )


class Subscriber:
    """Sends what subscriptions are due; `post` does the sending, to where `may_be_told` says that an address is good for a sender."""

    def __init__(
        self,
        events: Events,
        post: Post,
        *,
        may_be_told: Callable[[str, int | None], bool] = lambda _, __: True,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._events, self._post, self._clock, self._may_be_told = events, post, clock, may_be_told

    def round(self) -> int:
        """Look at each subscription that is due; how many messages were taken."""
        with self._events.serving() as is_ours:
            if not is_ours:
                return 0
            return sum(self._serve(each) for each in self._events.due(self._clock(), SUBSCRIPTIONS_AT_ONCE))

    def _serve(self, subscription: Subscription) -> bool:
        at = self._clock()
        if not self._may_be_told(subscription.dest, subscription.query.sender_id):
            words = "the web hook at this address was ended: nothing is sent there"
            self._events.told(replace(subscription, next_at=at + PAUSES[-1], last_failure=words))
            return False
        query = Query.parse(subscription.query.parameters)
        scope = Scope(subscription.query.sender_id)
        found, seen = self._events.newer(query, scope, subscription.seen, AT_ONCE)
        since = subscription.initial_at
        events = [each.event for each in found if since is None or (each.event.recorded_at or at) >= since]
        upon = self._when(subscription, at, is_more=seen < self._events.last_number())
        moved_on = replace(subscription, seen=seen, next_at=upon, failures=0, last_failure="")
        if not events and not (subscription.is_empty_reported and subscription.schedule is not None):
            self._events.told(moved_on)
            return False
        name = f"{subscription.subscription_id}-{seen}"
        body = writing.query_document(events, at, subscription.query.name, subscription.subscription_id)
        answer = self._post(subscription.dest, body, signed(subscription.secret, name, body, at))
        if answer.is_taken:
            self._events.told(replace(moved_on, notified_at=at))
            return True
        pause = PAUSES[min(subscription.failures, len(PAUSES) - 1)]
        words = answer.words or f"answered {answer.status}"
        self._events.told(
            replace(subscription, next_at=at + pause, failures=subscription.failures + 1, last_failure=words[:200])
        )
        return False

    def _when(self, subscription: Subscription, at: datetime, *, is_more: bool) -> datetime:
        if subscription.schedule is None or is_more:
            return at + (REST if not is_more else timedelta())
        return next_at(subscription.schedule, at) or at + timedelta(days=1)


def signed(secret: bytes, name: str, body: bytes, at: datetime) -> dict[str, str]:
    """The headers of a message: as all web hooks here have them, and the standard's own over the body alone."""
    own = base64.b64encode(hmac.digest(secret, body, "sha256")).decode()
    return headers(secret, name, body, at) | {
        "GS1-Signature": own, "GS1-EPCIS-Version": "2.0", "GS1-CBV-Version": "2.0",
    }  # fmt: skip
