"""What was taken back after something had been done on it."""

from __future__ import annotations

from collections.abc import Sequence

from tidewaiter.model.finding import Severity
from tidewaiter.movement.course import Course
from tidewaiter.movement.registry import Circumstances, Seen, rule


@rule(
    "movement.taken_back",
    Severity.WARNING,
    source="own: a decision is not undone in silence; EPCIS 2.0, ErrorDeclaration",
)
def taken_back(way: Course, circumstances: Circumstances) -> Sequence[Seen]:
    """An event was taken back by who told it, and something had been done on it that stands: look whether it should."""
    return [
        Seen(
            each.event_id,
            each.step.value,
            f"Taken back; done on it: {done}",
            "nothing was undone: decide whether it is to be",
        )
        for each in way.undone
        if (done := circumstances.acted_on.get(each.event_id))
    ]
