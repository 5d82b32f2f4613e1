"""Movement for machines: readings of devices taken in, a parcel's course, and what somebody is to look at."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import anyio.to_thread
from litestar import Request, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import Body, PathParameter
from msgspec import Meta, Struct

from tidewaiter.movement import MovementState, Step, course
from tidewaiter.movement.readings import BODY_BYTES_MAX, Reading
from tidewaiter.web import lookup
from tidewaiter.web.api.described import refusals
from tidewaiter.web.api.officers import GUARDS, LISTING, AnyRequest, writing
from tidewaiter.web.api.reading import Reference
from tidewaiter.web.house import House, now
from tidewaiter.web.principal import FOR_THE_KNOWN
from tidewaiter.workflow.device_ports import Taken
from tidewaiter.workflow.following_ports import MovementFinding

TAGS: Final = ["Movement"]
SIGNATURE: Final = "tidewaiter-signature"
FINDINGS_MAX: Final = 1_000
DeviceId = Annotated[str, PathParameter(min_length=1, max_length=60, description="The device's id")]


class PassedShape(Struct, frozen=True, kw_only=True):
    """One thing told of a parcel: which step, when and where, and the state then. `state` is null where it cannot be."""

    event_id: str
    step: Step
    happened_at: datetime
    recorded_at: datetime
    place: str
    device_id: str
    state: MovementState | None


class CourseShape(Struct, frozen=True, kw_only=True):
    """The course of a parcel, in the order in which it happened, and what rules see in it."""

    state: MovementState
    passed: list[PassedShape]
    taken_back: list[str]
    findings: list[MovementFinding]


class FindingPage(Struct, frozen=True):
    """What somebody is still to look at, what holds goods first."""

    findings: list[MovementFinding]


class AnswerWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An officer's word on a finding."""

    rule_id: Annotated[str, Meta(max_length=100, description="The rule that saw it")]
    event_id: Annotated[str, Meta(max_length=800, description="The event it is about")]
    words: Annotated[str, Meta(pattern=r"\S", max_length=2_000, description="What was found out")]


@post(
    "/devices/{device_id:str}/readings",
    status_code=200,
    summary="Take a device's reading",
    description="The body is one reading; the header Tidewaiter-Signature is the device's signature over `tidewaiter reading "
    "v1`, its id and the body, a line each (base64; HMAC-SHA-256 or Ed25519, as the device is registered). No other key is "
    f"asked for. Members of a reading: {', '.join(Reading.__struct_fields__)}. A reading sent again within five minutes is "
    "answered again; one whose counter does not rise is refused.",
    operation_id="takeReading",
    security=[{}],
    responses=refusals(
        "request.invalid", "device.unknown", "device.ended", "device.forged", "device.replayed", "device.reading", "message.limit",
        "store.database",
    ),
    request_max_body_size=BODY_BYTES_MAX,
    tags=TAGS,
)  # fmt: skip
async def take_reading(request: Request[Any, Any, State], house: NamedDependency[House], device_id: DeviceId) -> Taken:
    """What became of it; where an aircraft asked to hand a parcel over, whether it may."""
    body, signature = await request.body(), request.headers.get(SIGNATURE, "")

    def take() -> Taken:
        return house.devices.take(device_id, body, signature, transport="http")

    return await anyio.to_thread.run_sync(take, limiter=house.tellings)


@get(
    "/declarations/{reference:str}/movement",
    sync_to_thread=True,
    summary="Where a parcel's goods are, by what was told",
    operation_id="readMovement",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals("request.invalid", "auth.required", "not_found", "store.database"),
)
def movement_of(request: AnyRequest, house: NamedDependency[House], reference: Reference) -> CourseShape:
    """Its course by the time things happened. Findings are for officers: a declarant gets none."""
    file = lookup.decision(house.store, reference, request.user)
    declaration_id = file.row.declaration_id
    way = course(house.store.following.told([declaration_id])[declaration_id])
    return CourseShape(
        state=way.state,
        passed=[
            PassedShape(
                event_id=each.moved.event_id, step=each.moved.step, happened_at=each.moved.happened_at,
                recorded_at=each.moved.recorded_at, place=each.moved.place, device_id=each.moved.device_id,
                state=each.after,
            )
            for each in way.passed
        ],
        taken_back=[each.event_id for each in way.undone],
        findings=house.store.following.findings(declaration_id) if request.user.is_officer else [],
    )  # fmt: skip


@get(
    "/movement/findings",
    sync_to_thread=True,
    guards=GUARDS,
    summary="What of movements somebody is still to look at",
    operation_id="listMovementFindings",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=LISTING,
)
def movement_findings(house: NamedDependency[House]) -> FindingPage:
    """At most a thousand, what holds goods first."""
    return FindingPage(house.store.following.open_findings(FINDINGS_MAX))


@post(
    "/declarations/{reference:str}/movement/answers",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Answer a finding on a parcel's movement",
    operation_id="answerMovementFinding",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=writing("declaration.transition"),
)
def answer_finding(
    request: AnyRequest,
    house: NamedDependency[House],
    reference: Reference,
    data: Annotated[AnswerWanted, Body(description="The answer")],
) -> MovementFinding:
    """It is closed; a parcel that has not arrived is taken off the alarm. One under examination stays there."""
    file = lookup.decision(house.store, reference, request.user)
    of = (file.row.declaration_id, data.rule_id, data.event_id)
    answered = house.store.following.answer(of, request.user.name, data.words, now())
    with house.store.writing() as transaction:
        house.following.renew_alarm(transaction, file.row.jurisdiction_code)
    return answered
