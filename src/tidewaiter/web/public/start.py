"""The start page: what this is, how much there is, what came last."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get
from litestar.datastructures import State as AppState
from litestar.di import NamedDependency
from litestar.response import Template
from msgspec import Struct

from tidewaiter.model.decision import State
from tidewaiter.model.judgement import Lane
from tidewaiter.web import words
from tidewaiter.web.house import House
from tidewaiter.web.page import WAITING, render
from tidewaiter.workflow.ports import Filter

LATEST: Final = 8


class Bar(Struct, frozen=True):
    """One line of a bar chart: how many, and how long the bar is."""

    value: Lane | State
    count: int
    percent: int

    @property
    def code(self) -> str:
        """The value as it stands in an address."""
        return self.value.value


@get("/", sync_to_thread=True)
def start_page(request: Request[Any, Any, AppState], house: NamedDependency[House]) -> Template:
    """The first page."""
    counts = house.store.counts()
    lanes = bars(counts, "lane", Lane)
    states = [bar for bar in bars(counts, "state", State) if bar.count]
    return render(
        request,
        "start.html",
        section="start",
        title=words.text("site.tagline"),
        total=counts.get("declarations", sum(bar.count for bar in bars(counts, "state", State))),
        waiting=sum(counts.get(f"state:{state.value}", 0) for state in WAITING),
        messages=counts.get("messages", 0),
        lanes=lanes,
        states=states,
        latest=house.store.declarations(Filter(limit=LATEST)),
    )


def bars(counts: dict[str, int], group: str, kinds: type[Lane] | type[State]) -> list[Bar]:
    """One bar per kind, longest 100; a kind that is there at all is seen."""
    found = {kind: counts.get(f"{group}:{kind.value}", 0) for kind in kinds}
    largest = max(found.values(), default=0) or 1
    return [Bar(kind, count, max(count * 100 // largest, 1 if count else 0)) for kind, count in found.items()]
