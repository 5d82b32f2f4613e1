"""What the doors for officers share: who is let in, how refusals are told, names, reasons, jurisdictions."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Request
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from msgspec import Meta

from tidewaiter.web.api.described import refusals
from tidewaiter.web.principal import Principal, officer

AnyRequest = Request[Principal, Any, State]
GUARDS: Final = [officer]
BODY_BYTES_MAX: Final = 9_000_000
ASKED: Final = ("request.invalid", "auth.required", "auth.forbidden")  # any of these may be refused so
LISTING: Final = refusals(*ASKED)
READING: Final = refusals(*ASKED, "not_found")

Jurisdiction = Annotated[
    str,
    QueryParameter(
        name="jurisdiction", pattern="^([A-Z]{2})?$", description="Of which jurisdiction; none: everybody's"
    ),
]
Code = Annotated[str, Meta(pattern="^([A-Z]{2})?$", description="ISO 3166-1 alpha-2; empty: everywhere")]
Why = Annotated[str, Meta(max_length=500, description="Why it is done")]


def writing(*codes: str) -> dict[int, ResponseSpec]:
    """How an act on something that is named may be refused."""
    return refusals(*ASKED, "not_found", *codes)
