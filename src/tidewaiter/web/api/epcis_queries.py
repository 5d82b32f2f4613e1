"""The EPCIS interface: named queries, and subscriptions to them by web hook."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import Response

from tidewaiter.messages.epcis import writing
from tidewaiter.messages.epcis.fields import read_time
from tidewaiter.messages.epcis.querying import Query, written_out
from tidewaiter.web.api.epcis_answers import PREFIX, Page, Refused, answer, next_link
from tidewaiter.web.api.epcis_asked import Asked
from tidewaiter.web.api.epcis_resources import page_of
from tidewaiter.web.house import House, now
from tidewaiter.workflow.event_ports import NamedQuery, Subscription
from tidewaiter.workflow.subscribing import SubscriptionError, is_entered, next_at, read_schedule

NAME_MAX: Final = 200
SECRET_MAX: Final = 200


def name_query(house: House, asked: Asked) -> Response[bytes]:
    """Keep a query under a name."""
    content = _object(asked.body)
    name, parameters = content.get("name"), content.get("query")
    if not isinstance(name, str) or not name or len(name) > NAME_MAX or "\0" in name or "/" in name:
        raise Refused("ValidationException", 400, f"a name has 1 to {NAME_MAX} characters, none of them “/”")
    if not isinstance(parameters, dict):
        raise Refused("ValidationException", 400, "query is no JSON object", "like {'EQ_bizStep': ['shipping']}")
    parameters = written_out(parameters, asked.prefixes)
    Query.parse(parameters)
    house.store.events.name_query(name, asked.scope, parameters, now())
    return answer(status=201, headers={"Location": f"{PREFIX}/queries/{quote(name, safe='')}"})


def listed(house: House, asked: Asked) -> Response[bytes]:
    """The queries of whoever asks."""
    page = Page(asked.parameters)
    found = house.store.events.queries(asked.scope, str(page.after.get("after", "")), page.size + 1)
    shown, more = found[: page.size], found[page.size :]
    link = next_link(f"{PREFIX}/queries", asked.parameters, {"after": shown[-1].name}) if more else {}
    return answer(msgspec.json.encode([_told(each) for each in shown]), headers=link)


def one(house: House, asked: Asked) -> Response[bytes]:
    """One query."""
    return answer(msgspec.json.encode(_told(_query(house, asked))))


def forget(house: House, asked: Asked) -> Response[bytes]:
    """End a query, and the subscriptions to it."""
    house.store.events.forget_query(_query(house, asked))
    return answer(status=204)


def events(house: House, asked: Asked) -> Response[bytes]:
    """What a named query finds now."""
    named = _query(house, asked)
    return page_of(house, asked, Query.parse(named.parameters), named.name)


def subscribe(house: House, asked: Asked) -> Response[bytes]:
    """Have a query answer by itself."""
    named, at = _query(house, asked), now()
    content = _object(asked.body)
    dest = content.get("dest")
    if not isinstance(dest, str) or not _may_be_told(house, asked, dest):
        hint = "ask the administration to enter a web hook at that address for you; events go to no other"
        raise SubscriptionError("events are not sent to this address", hint=hint)
    secret = content.get("signatureToken", "")
    if not isinstance(secret, str) or len(secret) > SECRET_MAX or "\0" in secret:
        raise SubscriptionError(f"signatureToken has up to {SECRET_MAX} characters")
    schedule, initial_at = read_timing(content)
    limits = Query.parse(named.parameters)
    if limits.limit is not None or limits.maximum is not None or "orderBy" in named.parameters:
        words = "a query with eventCountLimit, maxEventCount or orderBy cannot be subscribed to"
        raise SubscriptionError(words, hint="leave them out: what is new is sent as it comes")
    is_empty_reported = content.get("reportIfEmpty", False)
    if not isinstance(is_empty_reported, bool):
        raise SubscriptionError("reportIfEmpty is true or false")
    subscription = Subscription(
        subscription_id=str(uuid.uuid4()), query=named, dest=dest,
        secret=secret.encode() or secrets.token_bytes(32), schedule=schedule, is_empty_reported=is_empty_reported,
        initial_at=initial_at, created_at=at,
        seen=0 if initial_at is not None else house.store.events.last_number(),
        next_at=at if schedule is None else next_at(schedule, at) or at,
    )  # fmt: skip
    house.store.events.subscribe(subscription)
    where = f"{PREFIX}/queries/{quote(named.name, safe='')}/subscriptions/{subscription.subscription_id}"
    return answer(msgspec.json.encode(_subscription(subscription)), 201, {"Location": where})


def read_timing(content: dict[str, Any]) -> tuple[dict[str, str] | None, Any]:
    """Schedule (None: a stream) and first moment of capture of a subscription. Raises SubscriptionError."""
    schedule, is_stream = content.get("schedule"), content.get("stream", False)
    if schedule is not None and not isinstance(schedule, dict):
        raise SubscriptionError("schedule is no JSON object")
    if (schedule is None) is not (is_stream is True):
        raise SubscriptionError("a subscription has either a schedule or stream: true", hint="say one of them")
    initial = content.get("initialRecordTime")
    initial_at = read_time(initial) if isinstance(initial, str) else None
    if initial is not None and initial_at is None:
        raise SubscriptionError("initialRecordTime is no moment with its offset", hint="like 2026-11-28T09:30:00Z")
    return (None if schedule is None else read_schedule(schedule)), initial_at


def subscriptions(house: House, asked: Asked) -> Response[bytes]:
    """Who is subscribed to a query."""
    named, page = _query(house, asked), Page(asked.parameters)
    found = house.store.events.subscriptions(named, _behind(page), page.size + 1)
    shown, link = found[: page.size], {}
    if len(found) > page.size:
        last, path = shown[-1], f"{PREFIX}/queries/{quote(named.name, safe='')}/subscriptions"
        place = {"after": f"{last.created_at.isoformat()} {last.subscription_id}"}
        link = next_link(path, asked.parameters, place)
    return answer(msgspec.json.encode([_subscription(each) for each in shown]), headers=link)


def subscription(house: House, asked: Asked) -> Response[bytes]:
    """One subscription."""
    return answer(msgspec.json.encode(_subscription(_one_subscription(house, asked))))


def unsubscribe(house: House, asked: Asked) -> Response[bytes]:
    """End a subscription."""
    house.store.events.unsubscribe(_one_subscription(house, asked))
    return answer(status=204)


def _may_be_told(house: House, asked: Asked, dest: str) -> bool:
    return is_entered(house.store.webhooks.all(), dest, asked.scope.sender_id)


def _one_subscription(house: House, asked: Asked) -> Subscription:
    return house.store.events.subscription(_query(house, asked), asked.names[1])


def _behind(page: Page) -> tuple[datetime, str] | None:
    """The moment and id of the subscription that a page begins behind."""
    moment, _, subscription_id = str(page.after.get("after", "")).partition(" ")
    if not moment:
        return None
    at = read_time(moment)
    if at is None:
        raise Refused("NoSuchNameException", 404, "there is no such page", "begin with the first one")
    return at, subscription_id


def _query(house: House, asked: Asked) -> NamedQuery:
    return house.store.events.query(asked.names[0], asked.scope)


def _told(named: NamedQuery) -> dict[str, Any]:
    return {"name": named.name, "query": named.parameters}


def _subscription(found: Subscription) -> dict[str, Any]:
    told: dict[str, Any] = {
        "subscriptionID": found.subscription_id,
        "dest": found.dest,
        "createdAt": writing.moment(found.created_at),
        "reportIfEmpty": found.is_empty_reported,
    }
    told |= {"stream": True} if found.schedule is None else {"schedule": found.schedule}
    if found.initial_at is not None:
        told["initialRecordTime"] = writing.moment(found.initial_at)
    if found.notified_at is not None:
        told["lastNotifiedAt"] = writing.moment(found.notified_at)
    if found.last_failure:
        told["lastFailure"] = found.last_failure
    return told


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body, type=dict[str, Any])
        if b"\\u0000" in msgspec.json.encode(found):
            raise ValueError("a text holds what no text has")
        return found
    except (ValueError, RecursionError) as error:  # msgspec's own is a ValueError
        raise Refused("ValidationException", 400, f"this is no JSON object: {error}") from error
