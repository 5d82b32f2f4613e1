"""Every refusal in one shape: RFC 9457 problem details for machines, a page for people."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.response import Template
from msgspec import Meta, Struct
from msgspec.structs import replace

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.finding import Finding
from tidewaiter.quotes.quote import QuoteImpossibleError
from tidewaiter.risk.lists.files import ListFileError

MEDIA_TYPE: Final = "application/problem+json"

AnyRequest = Request[Any, Any, State]
TellingAll = QuoteImpossibleError | ListFileError  # errors that tell each thing that is wrong


class Problem(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What went wrong, as RFC 9457 has it, with `code`, `hint` and `place` added."""

    type: Annotated[
        str, Meta(description="Address of a page about this kind of problem", examples=["/problems#not_found"])
    ]
    title: Annotated[str, Meta(description="The kind of problem in a few words", examples=["Not found"])]
    status: Annotated[int, Meta(description="The HTTP status", examples=[404], ge=400, le=599)]
    detail: Annotated[
        str, Meta(description="What happened in this case", examples=["Nothing is kept under 24GB0000000000001."])
    ]
    code: Annotated[str, Meta(description="The kind of problem, for programs", examples=["not_found"])]
    hint: Annotated[
        str, Meta(description="What can be done about it", examples=["Look it up by id, MRN or your own reference."])
    ] = ""
    place: Annotated[str, Meta(description="Where in what was sent", examples=["query: state"])] = ""
    findings: Annotated[
        tuple[Finding, ...],
        Meta(description="Each thing that is wrong, where there may be several: of a quote's basket, of a list's file"),
    ] = ()


class Kind(Struct, frozen=True):
    """One kind of problem: its HTTP status, what it is called and what to do where the case says nothing better."""

    status: int
    title: str
    hint: str = ""


KINDS: Final[Mapping[str, Kind]] = {
    "request.invalid": Kind(400, "The request is not as it should be", "Compare it with /api/v1/openapi.json."),
    "request.cut_off": Kind(400, "The request broke off", "Send it again."),
    "host.unknown": Kind(400, "This server does not go by that name", "Use the address the server printed at start."),
    "auth.required": Kind(401, "A key is required", "Send the header Authorization: Bearer and your key."),
    "auth.forbidden": Kind(403, "Not allowed with this key", "Ask for a key with the role this needs."),
    "form.expired": Kind(403, "This page is out of date", "Go back, load the page again and repeat."),
    "not_found": Kind(404, "Not found", "Look it up by id, MRN or the sender's own reference."),
    "record.erased": Kind(410, "What opens it was erased", "The entry stands in the log; nobody can open it any more."),
    "form.unknown": Kind(404, "No such form", "POST /api/v1/messages recognises the form by itself."),
    "law.not_in_force": Kind(404, "No law is known for that day", "Ask for a day within the law's validity."),
    "method.not_allowed": Kind(405, "Not possible here", "The header Allow lists what is."),
    "submission.conflict": Kind(409, "The key was used for other content", "Use a new Idempotency-Key."),
    "declaration.transition": Kind(409, "Not possible in this state", "Load the parcel again: it has moved on."),
    "accounts.posting": Kind(409, "Not possible with this account", "Look at the account again."),
    "accounts.guarantee": Kind(409, "Not possible with this guarantee", "Look at the guarantee again."),
    "accounts.bank_statement": Kind(422, "The payment or bank statement cannot be read", "Ask the bank for camt.053."),
    "message.limit": Kind(413, "More than is taken", "Split the message; the limits are documented."),
    "media.unsupported": Kind(415, "This kind of content is not taken", "Send XML, JSON, CSV, gzip or zip bytes."),
    "message.unreadable": Kind(
        422, "The message cannot be read", "Nothing was taken from it; correct it and send again."
    ),
    "message.empty": Kind(422, "There is no declaration in the message", "Check that the right file was sent."),
    "credential.refused": Kind(
        422, "Credential refused", "Have it issued again, or shown for whoever asked, and send it whole."
    ),
    "ledger.unreachable": Kind(502, "The log cannot be read there", "Look at the address, or try again later."),
    "ledger.malformed": Kind(422, "Not as the record has it", "Compare it with the specifications named in ADR 35."),
    "quote.impossible": Kind(
        422, "This cannot be quoted", "The findings say what is missing or wrong; nothing was kept."
    ),
    "quote.forged": Kind(400, "Not a quote of ours", "Copy the whole number, or ask for a new quote."),
    "event.invalid": Kind(422, "The event cannot be carried out", "Nothing was done; correct it and tell it again."),
    "device.unknown": Kind(404, "No device of ours", "Register it: tidewaiter device add."),
    "device.ended": Kind(409, "The device is out of use", "Register another."),
    "device.forged": Kind(403, "Not signed by this device", "Sign the device's id and the reading with its own key."),
    "device.replayed": Kind(409, "The reading is not new", "Each reading has a larger counter than the one before."),
    "device.reading": Kind(422, "The reading cannot be taken", "Nothing was kept; correct it and send it again."),
    "flight.invalid": Kind(422, "The permit cannot be", "Nothing was kept; correct it and add it again."),
    "risk.rule": Kind(422, "The rules cannot be used", "Check the text: each mistake is told with its place."),
    "risk.rule_set": Kind(409, "Not possible with this version", "Look at how the version stands."),
    "risk.draft_changed": Kind(409, "Somebody else changed the draft", "Read it again and put your change into it."),
    "risk.second_person": Kind(409, "A second person is wanted", "Another than who wrote or proposed it answers."),
    "outcome.invalid": Kind(422, "The outcome cannot be kept", "Nothing was kept; look at the place that is named."),
    "outcome.answer": Kind(409, "This answer cannot be given", "What was not in order is answered once."),
    "score.model": Kind(422, "The model cannot be used", "Nothing was kept; train it on what a declaration gives."),
    "score.life": Kind(409, "Not possible with this model", "Look at how the model stands."),
    "list.file": Kind(422, "The list cannot be taken", "Every wrong line is told; nothing of it was taken."),
    "list.refused": Kind(409, "Not possible with this list", "Look at the rules that name it."),
    "list.waits": Kind(409, "A version of this list waits already", "Approve or refuse it first."),
    "stock.refused": Kind(
        409, "Not possible with this stock", "Look at the account: what is there, and what is reserved."
    ),
    "list.answer": Kind(409, "This answer cannot be given", "Another person answers, and once."),
    "identifier.invalid": Kind(400, "Not an identifier of this kind"),
    "auth.slow_down": Kind(429, "Too many attempts", "Wait a little and try again."),
    "internal": Kind(500, "The fault is on our side", "Try again; what was acknowledged is kept."),
    "store.database": Kind(503, "The database does not answer", "Try again shortly; what was acknowledged is kept."),
}
CODE_OF_STATUS: Final[Mapping[int, str]] = {
    400: "request.invalid", 401: "auth.required", 403: "auth.forbidden", 404: "not_found", 405: "method.not_allowed",
    409: "submission.conflict", 413: "message.limit", 415: "media.unsupported", 429: "auth.slow_down", 503: "store.database",
}  # fmt: skip


class WebError(TidewaiterError):
    """A refusal by the doors themselves; `code` is one of `KINDS`."""

    def __init__(self, code: str, detail: str, *, hint: str = "", place: str = "") -> None:
        super().__init__(detail, hint=hint, place=place)
        self.code = code


def of(error: Exception) -> Problem:
    """The problem an exception amounts to. What is ours to mend says nothing of its inside."""
    match error:
        case TidewaiterError():
            kind = KINDS.get(error.code, KINDS["internal"])
            if kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return _problem(error.code, kind, f"{kind.title}.")
            said = _problem(error.code, kind, error.detail, hint=error.hint, place=error.place)
            return replace(said, findings=error.findings) if isinstance(error, TellingAll) else said
        case HTTPException():
            return _of_http(error)
        case _:
            return _problem("internal", KINDS["internal"], "Something failed that should not have.")


def handle(request: AnyRequest, error: Exception) -> Response[Any]:
    """The answer to an exception: problem details for machines, a page for people."""
    problem = of(error)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logging.getLogger("tidewaiter.web").error("%s %s failed", request.method, request.url.path, exc_info=error)
    if wants_page(request):
        return page(request, problem)
    headers = dict(getattr(error, "headers", None) or {})
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def page(request: AnyRequest, problem: Problem) -> Template:
    """The problem as a page."""
    from tidewaiter.web.page import render  # the page's frame needs problems too

    return render(request, "problem.html", status=problem.status, section="", title=problem.title, problem=problem)


def wants_page(request: AnyRequest) -> bool:
    """True where a person is looking: outside the interface for machines, unless JSON is asked for."""
    path = request.url.path
    is_for_machines = path.startswith("/api/") or path.endswith(".json")
    return not is_for_machines and "application/json" not in request.headers.get("accept", "")


def _of_http(error: HTTPException) -> Problem:
    status = error.status_code
    code = CODE_OF_STATUS.get(status, "internal" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "request.invalid")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _problem(code, KINDS[code], "Something failed that should not have.")
    kind = KINDS[code]
    return _problem(code, Kind(status, kind.title, kind.hint), _detail(error), place=_place(error))


def _detail(error: HTTPException) -> str:
    """What the framework says, with the messages of a failed validation joined."""
    if isinstance(error.extra, list):
        said = [str(part.get("message", "")) for part in error.extra if isinstance(part, dict)]
        if said:
            return "; ".join(filter(None, said))
    return error.detail or HTTPStatus(error.status_code).phrase


def _place(error: HTTPException) -> str:
    parts = [part for part in error.extra if isinstance(part, dict)] if isinstance(error.extra, list) else []
    return ", ".join(f"{part.get('source', 'body')}: {part.get('key', '')}" for part in parts if part.get("key"))


def _problem(code: str, kind: Kind, detail: str, *, hint: str = "", place: str = "") -> Problem:
    return Problem(
        type=f"/problems#{code}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        code=code,
        hint=hint or kind.hint,
        place=place,
    )
