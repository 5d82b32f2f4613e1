"""Handing in messages: streamed to the intake as they arrive, durable before the answer."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

import anyio.to_thread
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED
from msgspec import Struct

from tidewaiter.messages import forms
from tidewaiter.web import handing
from tidewaiter.web.api import shapes
from tidewaiter.web.api.described import CODES_OF_SUBMISSION, RECEIPTS, RawBody, refusals
from tidewaiter.web.house import House
from tidewaiter.web.principal import FOR_THE_KNOWN, KEY_ASKED_AGAIN, Principal
from tidewaiter.web.problem import KINDS, WebError
from tidewaiter.workflow.records import Receipt
from tidewaiter.workflow.together import Answer

MINIMAL: Final = "return=minimal"
DETAILS_MAX: Final = 20  # records up to which a receipt spells out every declaration

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        max_length=200,
        min_length=1,
        description="Your name for this message: sent again with the same bytes it gives the same answer, with other bytes 409. "
        "Without it the bytes' own digest is used.",
    ),
]
LegalDay = Annotated[
    date | None,
    QueryParameter(name="legal_day", description="The day whose law is applied; today for everyone but officers"),
]
SenderId = Annotated[
    int | None,
    QueryParameter(name="sender", ge=1, le=2**31 - 1, description="On whose behalf; for officers only"),
]
FileName = Annotated[str, QueryParameter(name="file_name", max_length=200, description="What the file is called")]
Prefer = Annotated[
    str,
    HeaderParameter(
        name="Prefer",
        max_length=200,
        description="return=minimal (RFC 7240) leaves out what can be read later: each declaration as it stands",
    ),
]
FormName = Annotated[str, PathParameter(max_length=40, description=f"The form: {', '.join(forms.forms())}")]


class Asked(Struct, frozen=True):
    """What a request says of its message."""

    form: str
    key: str | None
    legal_day: date | None
    sender: int | None
    file_name: str
    prefer: str


@post(
    "/messages",
    status_code=201,
    summary="Hand in a message; its form is recognised",
    description="One declaration or a night's load, in any form, as it is or as gzip or zip. The answer is given when everything "
    "it says is durable: 201 decided now, 200 decided before (same key, same bytes), 202 kept and being worked through.",
    operation_class=RawBody,
    operation_id="submitMessage",
    responses=RECEIPTS | refusals(*CODES_OF_SUBMISSION),
    opt=FOR_THE_KNOWN | KEY_ASKED_AGAIN,
    tags=["Submission"],
)
async def submit_message(
    request: Request[Principal, Any, State],
    house: NamedDependency[House],
    idempotency_key: IdempotencyKey = None,
    legal_day: LegalDay = None,
    sender: SenderId = None,
    file_name: FileName = "",
    prefer: Prefer = "",
) -> Response[shapes.ReceiptShape]:
    """The receipt of a message whose form is recognised."""
    given = Asked("", idempotency_key, legal_day, sender, file_name, prefer)
    return await receive(request, house, given)


@post(
    "/declarations/{form:str}",
    status_code=201,
    summary="Hand in a message of a named form",
    description="As /messages, but a message of another form is refused.",
    operation_class=RawBody,
    operation_id="submitDeclarations",
    responses=RECEIPTS | refusals(*CODES_OF_SUBMISSION, "form.unknown"),
    opt=FOR_THE_KNOWN | KEY_ASKED_AGAIN,
    tags=["Submission"],
)
async def submit_declarations(
    request: Request[Principal, Any, State],
    house: NamedDependency[House],
    form: FormName,
    idempotency_key: IdempotencyKey = None,
    legal_day: LegalDay = None,
    sender: SenderId = None,
    file_name: FileName = "",
    prefer: Prefer = "",
) -> Response[shapes.ReceiptShape]:
    """The receipt of a message of a named form."""
    given = Asked(form, idempotency_key, legal_day, sender, file_name, prefer)
    return await receive(request, house, given)


async def receive(request: Request[Principal, Any, State], house: House, asked: Asked) -> Response[shapes.ReceiptShape]:
    """Stream the body to the intake, and put what came of it in words. Raises WebError, and what the intake raises."""
    asking = request.user
    sender_id = await on_behalf(house, asking, asked)
    if asked.form and asked.form not in forms.forms():
        names = ", ".join(forms.forms())
        raise WebError("form.unknown", f"There is no form {asked.form!r}.", hint=f"One of {names}.", place="path: form")
    given = handing.Particulars(
        sender_id=sender_id,
        file_name=asked.file_name,
        transport="rest",
        form=asked.form,
        key=asked.key or "",
        legal_day=asked.legal_day,
        api_key_digest=asking.key_digest,
    )
    few = DETAILS_MAX if MINIMAL not in asked.prefer.replace(" ", "") else 0
    return await handing.hand_in(house, request.stream(), given, lambda found: answer(house, found, asking, few))


def answer(house: House, given: Answer, asking: Principal, few: int) -> Response[shapes.ReceiptShape]:
    """The receipt with each declaration as it stands, where there are `few` at most. Raises WebError for what holds none."""
    found = given.receipt
    if holds_nothing(found):
        raise unreadable(found)
    lines = found.lines if found.record_count <= few else ()
    ids = dict.fromkeys(line.declaration_id for line in lines if line.declaration_id)
    details = [shapes.detail(given.outcomes.get(one) or house.store.outcome(one), asking) for one in ids]
    status = HTTP_200_OK if found.is_repeat else HTTP_201_CREATED
    return Response(
        shapes.receipt(found, details, asking),
        status_code=status if found.is_complete else HTTP_202_ACCEPTED,
        headers={"Location": f"/api/v1/messages/{found.message_id}"},
    )


def holds_nothing(found: Receipt) -> bool:
    """Whether no record could be taken of the message, so that it is refused as a whole."""
    return found.is_complete and not found.record_count and bool(found.message_findings)


def unreadable(found: Receipt) -> WebError:
    """The refusal of a message of which no record could be taken. It is kept all the same, under its number."""
    finding = found.message_findings[0]
    code = finding.rule_id if finding.rule_id in KINDS else "message.unreadable"
    said = f"{finding.words.rstrip('.')}. It is kept as message {found.message_id}."
    return WebError(code, said, hint=finding.hint, place=finding.place)


async def on_behalf(house: House, asking: Principal, asked: Asked) -> int:
    """Whose message it is. Raises WebError where a declarant reaches beyond itself or an officer names nobody."""
    if asking.is_officer:
        if asked.sender is None:
            raise WebError(
                "request.invalid",
                "An officer hands in on somebody's behalf.",
                hint="Name the sender's number as ?sender=",
                place="query: sender",
            )
        senders = await anyio.to_thread.run_sync(house.senders.all)
        if all(sender.sender_id != asked.sender for sender in senders):
            raise WebError("not_found", f"There is no sender {asked.sender}.", place="query: sender")
        return asked.sender
    if asked.legal_day is not None:
        raise WebError("auth.forbidden", "Only officers may ask for another day's law.", place="query: legal_day")
    if asked.sender not in (None, asking.sender_id) or asking.sender_id is None:
        raise WebError("auth.forbidden", "A declarant hands in for itself.", place="query: sender")
    return asking.sender_id
