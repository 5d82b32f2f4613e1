"""Health and problems: is everything at hand, and what do the refusals mean."""

from __future__ import annotations

import logging
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.response import Template

import tidewaiter
from tidewaiter.web import words
from tidewaiter.web.house import House
from tidewaiter.web.page import render
from tidewaiter.web.problem import KINDS


def readings(house: House) -> tuple[bool, dict[str, str]]:
    """Whether the store answers, and what it says of itself."""
    try:
        found = house.store.health()
    except Exception:  # whatever fails in the store, the answer is the same: it is not well
        logging.getLogger("tidewaiter.web").exception("the store does not answer")
        return False, {"software": tidewaiter.__version__, "store": "does not answer"}
    return True, {"software": tidewaiter.__version__, **found}


@get("/health", sync_to_thread=True)
def health_page(request: Request[Any, Any, State], house: NamedDependency[House]) -> Template:
    """Is everything well, for people."""
    is_well, found = readings(house)
    return render(
        request,
        "health.html",
        section="health",
        title=words.text("health.title"),
        status=200 if is_well else 503,
        is_well=is_well,
        readings=found,
    )


@get("/health.json", sync_to_thread=True)
def health_json(house: NamedDependency[House]) -> Response[dict[str, Any]]:
    """Is everything well, for whatever watches the server."""
    is_well, found = readings(house)
    return Response({"is_well": is_well, **found}, status_code=200 if is_well else 503, media_type="application/json")


@get("/problems", sync_to_thread=False)
def problems_page(request: Request[Any, Any, State]) -> Template:
    """Every kind of problem the interface answers with."""
    return render(request, "problems.html", section="api", title=words.text("problems.title"), kinds=KINDS)
