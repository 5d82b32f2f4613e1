"""The page about the interface for machines, made from its own description."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get
from litestar.datastructures import State
from litestar.response import Template

from tidewaiter.web import words
from tidewaiter.web.openapi import document, operations
from tidewaiter.web.page import render

EXAMPLE: Final = """curl --data-binary @night.json.gz \\
     --header "Authorization: Bearer $KEY" \\
     --header "Idempotency-Key: night-2026-07-14" \\
     {base}api/v1/messages"""


@get("/api", sync_to_thread=False)
def machines_page(request: Request[Any, Any, State]) -> Template:
    """What may be called, with what, and what comes back."""
    return render(
        request,
        "api.html",
        section="api",
        title=words.text("api.title"),
        example=EXAMPLE.format(base=request.base_url),
        operations=operations(document(request.app)),
    )
