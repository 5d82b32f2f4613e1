"""What an administration's own system tells by REST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import anyio.to_thread
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, Reference, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from tidewaiter.web.api.described import refusals
from tidewaiter.web.house import House
from tidewaiter.web.principal import FOR_ADMINISTRATIONS, Principal
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.connector_events import MESSAGE_BYTES_MAX, Event, EventAnswers, Happening

AnyRequest = Request[Principal, Any, State]
EXAMPLE: Final = {
    "event_id": "A-2026-000731", "declaration": "24GB9Z0000000042A1", "happened": "examined_satisfactory",
    "at": "2026-06-15T09:12:00+01:00", "officer": "M. Okafor", "words": "as declared",
    "registration_number": "I 4711",
}  # fmt: skip


@dataclass
class RawEvents(Operation):
    """An operation whose body is a message of events."""

    def __post_init__(self) -> None:
        """Say what an event is, and that there may be many."""
        example: dict[str, Example | Reference] = {"one": Example(summary="One event", value=EXAMPLE)}
        lines = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        content = {
            "application/json": OpenAPIMediaType(schema=Schema(), examples=example),
            "application/x-ndjson": OpenAPIMediaType(schema=lines),
        }
        members = ", ".join(Event.__struct_fields__)
        self.request_body = RequestBody(
            content=content,
            required=True,
            description=f"One event, a list, or one a line. Members: {members}; the first three are required. "
            f"What happened is one of {', '.join(Happening)}. docs/reference/connector-event.schema.json has them all.",
        )


@post(
    "/connector/events",
    status_code=200,
    summary="Tell what happened in the administration's own system",
    description="Each event is carried out as an officer's act, once: told again under its event_id it gets the answer it "
    "got. One that cannot be carried out is refused with code, place and hint; the rest goes on, and it may be told again. "
    "For keys of the role administration.",
    operation_class=RawEvents,
    operation_id="tellEvents",
    responses=refusals(
        "request.invalid", "auth.required", "auth.forbidden", "message.limit", "message.unreadable", "store.database"
    ),
    opt=FOR_ADMINISTRATIONS,
    request_max_body_size=MESSAGE_BYTES_MAX,
    tags=["Connectors"],
)
async def tell_events(request: AnyRequest, house: NamedDependency[House]) -> Response[EventAnswers]:
    """One answer for each event, in their order."""
    body = await request.body()
    connector_id = request.user.connector_id
    if connector_id is None:
        raise WebError("auth.forbidden", "This key belongs to no connector.")

    def take() -> EventAnswers:
        return house.events.take(house.connectors.by_id(connector_id), body, transport="rest")

    return Response(await anyio.to_thread.run_sync(take, limiter=house.tellings))
