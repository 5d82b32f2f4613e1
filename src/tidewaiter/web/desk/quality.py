"""How good the senders' data is: a page for officers, by sender and form."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.response import Template

from tidewaiter.quality import report
from tidewaiter.web import words
from tidewaiter.web.house import House
from tidewaiter.web.page import render
from tidewaiter.workflow.quality_record import asked_for


@get("/quality", sync_to_thread=True)
def quality_page(request: Request[Any, Any, State], house: NamedDependency[House]) -> Template:
    """The last eight weeks of every sender: shares, trend, week by week, and the rules found most."""
    wanted = asked_for(None)
    return render(
        request,
        "quality.html",
        section="messages",
        title=words.text("quality.title"),
        wanted=wanted,
        shown=house.quality.records(wanted),
        meanings={row["rule"]: row["words"] for row in report.rows()},
    )
