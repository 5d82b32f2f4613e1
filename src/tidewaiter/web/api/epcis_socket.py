"""The EPCIS interface: subscriptions by web socket. What is new is sent while the connection stands, and not kept for later."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import unquote

import anyio
import anyio.to_thread
from litestar import WebSocket, websocket
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect
from litestar.params import PathParameter
from msgspec import Struct

from tidewaiter.messages.epcis import writing
from tidewaiter.messages.epcis.fields import Wrong
from tidewaiter.messages.epcis.querying import Query
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.web.api.epcis_answers import PREFIX
from tidewaiter.web.api.epcis_queries import read_timing
from tidewaiter.web.house import House, now
from tidewaiter.web.listeners import Owner
from tidewaiter.web.principal import Principal, of_holder
from tidewaiter.workflow.event_ports import NamedQuery, Scope, StandingLimitError
from tidewaiter.workflow.subscribing import AT_ONCE, SCHEDULE, SubscriptionError, next_at

LOOK_SECONDS: Final = 0.5  # between two looks for what is new
REFUSED: Final = 1008  # RFC 6455, section 7.4.1: against the rules of this end
BUSY: Final = 1013
QueryName = Annotated[str, PathParameter(description="What the query is called")]


class Listening(Struct, frozen=True):
    """What one connection is sent: which query's events, of whom, when."""

    query: NamedQuery
    scope: Scope
    owner: Owner
    schedule: dict[str, str] | None
    initial_at: datetime | None
    is_empty_reported: bool


@websocket(f"{PREFIX}/queries/{{name:str}}/events")
async def listen(socket: WebSocket[Any, Any, State], name: QueryName, house: NamedDependency[House]) -> None:
    """Send what is new of a named query for as long as the client stays."""
    try:
        listening = await anyio.to_thread.run_sync(_listening, socket, unquote(name), house)
    except (TidewaiterError, Wrong) as error:
        await socket.accept()
        await socket.close(REFUSED, str(error)[:120])
        return
    await socket.accept()
    if (full := house.listeners.enter(id(socket), listening.owner)) != "":
        await socket.close(BUSY, f"{StandingLimitError.code}: {full}")
        return
    try:
        await _serve(socket, house, listening)
    except (WebSocketDisconnect, OSError):
        pass  # the client left
    finally:
        house.listeners.leave(id(socket))


async def _serve(socket: WebSocket[Any, Any, State], house: House, listening: Listening) -> None:
    """Send until the client leaves: whichever ends first ends the other."""
    sending = asyncio.ensure_future(_send(socket, house, listening))
    leaving = asyncio.ensure_future(_wait(socket))
    done, rest = await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    for task in done:
        task.result()


async def _wait(socket: WebSocket[Any, Any, State]) -> None:
    while True:
        await socket.receive_data("text")  # what a client says is not listened to; that it leaves is


async def _send(socket: WebSocket[Any, Any, State], house: House, listening: Listening) -> None:
    events = house.store.events
    query = Query.parse(listening.query.parameters)
    seen = 0 if listening.initial_at is not None else await anyio.to_thread.run_sync(events.last_number)
    upon = _upon(listening, now())
    while True:
        await anyio.sleep(min(max((upon - now()).total_seconds(), 0.0), LOOK_SECONDS))
        if now() < upon:
            continue
        found, looked = await anyio.to_thread.run_sync(events.newer, query, listening.scope, seen, AT_ONCE)
        since = listening.initial_at or datetime.min.replace(tzinfo=UTC)
        told = [each.event for each in found if (each.event.recorded_at or since) >= since]
        if told or (listening.is_empty_reported and listening.schedule is not None):
            body = writing.query_document(told, now(), listening.query.name)
            await socket.send_data(body.decode(), "text")
        seen, upon = looked, _upon(listening, now())


def _upon(listening: Listening, at: datetime) -> datetime:
    if listening.schedule is None:
        return at + timedelta(seconds=LOOK_SECONDS)
    return next_at(listening.schedule, at) or at + timedelta(days=1)


def _listening(socket: WebSocket[Any, Any, State], name: str, house: House) -> Listening:
    """What a connection asks for. Raises TidewaiterError."""
    principal = _principal(socket, house)
    scope = Scope(None if principal.is_officer else principal.sender_id)
    asked = dict(socket.query_params.items())
    timing: dict[str, Any] = {field: asked[field] for field in SCHEDULE if field in asked}
    given: dict[str, Any] = {"schedule": timing} if timing else {"stream": asked.get("stream") == "true"}
    if "initialRecordTime" in asked:
        given["initialRecordTime"] = asked["initialRecordTime"]
    schedule, initial_at = read_timing(given)
    query = house.store.events.query(name, scope)
    owner = principal.name if scope.sender_id is None else scope.sender_id
    return Listening(query, scope, owner, schedule, initial_at, asked.get("reportIfEmpty") == "true")


def _principal(socket: WebSocket[Any, Any, State], house: House) -> Principal:
    scheme, _, key = socket.headers.get("authorization", "").partition(" ")
    holder = house.senders.holder_of(key.strip()) if scheme.lower() == "bearer" else None
    if holder is None:
        raise SubscriptionError("no valid key was sent")
    return of_holder(holder)
