"""Messages as they came: the list, one message, its bytes."""

from __future__ import annotations

import re
from typing import Any, Final

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Stream, Template

from tidewaiter.web import words
from tidewaiter.web.house import House
from tidewaiter.web.listing import PAGE_ROWS, Given
from tidewaiter.web.page import render
from tidewaiter.workflow.ports import Filter

FINDINGS_OF_MAX: Final = 20  # parcels whose findings the page of their message spells out
RECEIPTS: Final = ("new", "again", "pending")  # what a receipt can say; `receipt.…` has the words


@get("/messages", sync_to_thread=True)
def message_list(request: Request[Any, Any, State], house: NamedDependency[House]) -> Template:
    """Messages, newest first."""
    before = Given.from_query(request.query_params).wanted().before_id
    found = house.store.messages(before, PAGE_ROWS + 1)
    shown = found[:PAGE_ROWS]
    return render(
        request,
        "messages.html",
        section="messages",
        title=words.text("messages.title"),
        shown=shown,
        is_first=before is None,
        older=f"/messages?before={shown[-1].message_id}" if len(found) > PAGE_ROWS else "",
    )


@get("/messages/{message_id:int}", sync_to_thread=True)
def message_page(
    request: Request[Any, Any, State],
    house: NamedDependency[House],
    message_id: FromPath[int],
    receipt: FromQuery[str] = "",
) -> Template:
    """One message with what was found on it as a whole, and its first parcels."""
    message = house.store.message(message_id)
    shown = house.store.declarations(Filter(message_id=message_id, limit=PAGE_ROWS))
    faulty = [row for row in shown if row.error_count or row.warning_count][:FINDINGS_OF_MAX]
    return render(
        request,
        "message.html",
        section="messages",
        title=f"{words.text('messages.id')} {message_id}",
        message=message,
        shown=shown,
        findings=[(row, house.store.decision(row.declaration_id).evaluation.findings) for row in faulty],
        receipt=receipt if receipt in RECEIPTS else "",
    )


@get("/messages/{message_id:int}/bytes", sync_to_thread=True)
def message_bytes(house: NamedDependency[House], message_id: FromPath[int]) -> Stream:
    """The message exactly as received, as a stream: it may be larger than memory."""
    message = house.store.message(message_id)
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", message.file_name) or f"message-{message_id}"
    return Stream(
        house.store.message_bytes(message_id),
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
