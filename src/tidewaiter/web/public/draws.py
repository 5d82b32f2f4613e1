"""Draws in the open: what was committed to for each day, and the seeds of days that are over."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.response import Template

from tidewaiter.web import words
from tidewaiter.web.house import House, now
from tidewaiter.web.page import render

DAYS_SHOWN: Final = 60


@get("/draws", sync_to_thread=True)
def draws_page(request: Request[Any, Any, State], house: NamedDependency[House]) -> Template:
    """The commitments of the days to come and of the last two months, the latest first."""
    found = house.store.commitments(now().date(), DAYS_SHOWN)
    return render(request, "draws.html", section="rules", title=words.text("draws.title"), commitments=found)
