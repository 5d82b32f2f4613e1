"""Handing in a message by page: a file or pasted text, and the receipt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from litestar import Request, get, post
from litestar.datastructures import State, UploadFile
from litestar.di import NamedDependency
from litestar.response import Redirect, Template

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.web import handing, problem, words
from tidewaiter.web.house import House
from tidewaiter.web.page import query, render
from tidewaiter.web.problem import Problem, WebError
from tidewaiter.web.public import law

CHUNK_BYTES: Final = 256 * 1024
AnyRequest = Request[Any, Any, State]


@get("/submit", sync_to_thread=True)
def submit_page(request: AnyRequest, house: NamedDependency[House]) -> Template:
    """The form to hand in a message."""
    return _form(request, house, None, {})


@post("/submit", status_code=200)
async def submit(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Keep and decide what was handed in, then show its receipt; what cannot be taken is said beside the form."""
    given = await request.form()
    fields = {name: str(given.get(name, "")).strip() for name in ("legal_day", "key", "sender")}
    pasted = str(given.get("paste", ""))
    try:
        chunks, name = _handed_in(given.get("file"), pasted)
        particulars = handing.Particulars(
            sender_id=_sender(house, fields["sender"]),
            file_name=name,
            transport="page",
            key=fields["key"],
            legal_day=law.legal_day(fields["legal_day"]) if fields["legal_day"] else None,
        )
        found = await handing.hand_in(house, chunks, particulars, lambda answer: answer.receipt)
    except TidewaiterError as refused:
        return _form(request, house, problem.of(refused), {**fields, "paste": pasted})
    said = "pending" if not found.is_complete else "again" if found.is_repeat else "new"
    return Redirect(f"/messages/{found.message_id}" + query({"receipt": said}), status_code=303)


def _sender(house: House, chosen: str) -> int:
    """The sender chosen in the form. Raises WebError where there is none such."""
    known = {str(sender.sender_id): sender.sender_id for sender in house.senders.all() if sender.is_active}
    if chosen not in known:
        raise WebError("request.invalid", words.text("submit.no_sender"), place="sender")
    return known[chosen]


def _handed_in(file: Any, pasted: str) -> tuple[AsyncIterator[bytes], str]:
    """The bytes handed in and what they are called. Raises WebError where there is nothing, or two things."""
    is_file = isinstance(file, UploadFile) and bool(file.filename)
    if is_file and pasted.strip():
        raise WebError("request.invalid", words.text("submit.both"))
    if is_file:
        return _chunks(file), file.filename
    if pasted.strip():
        return _once(pasted.encode()), ""
    raise WebError("request.invalid", words.text("submit.empty"))


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK_BYTES):
        yield chunk


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _form(request: AnyRequest, house: House, refused: Problem | None, fields: dict[str, str]) -> Template:
    return render(
        request,
        "submit.html",
        section="submit",
        title=words.text("submit.title"),
        status=refused.status if refused else 200,
        problem=refused,
        limit=house.settings.request_bytes_max,
        senders=[sender for sender in house.senders.all() if sender.is_active],
        sender=fields.get("sender", ""),
        pasted=fields.get("paste", ""),
        legal_day=fields.get("legal_day", ""),
        key=fields.get("key", ""),
    )
