"""The decision on a declaration, and what becomes of it afterwards.

    decision = decide(declaration, dataset=..., findings=..., assessment=..., judgement=..., is_arrived=...)
    state = after(State.RECEIVED, Trigger.ARRIVED)
    step = follow(standing(decision, dataset), Trigger.EXAMINED_SATISFACTORY)

`decide` is part of the one evaluation path: the same arguments give the same decision.
`states` is the table of what may happen to a declaration, `course` walks it.
"""

from tidewaiter.release.amendment import amended
from tidewaiter.release.course import Standing, Step, follow, lodge, standing
from tidewaiter.release.deciding import DatasetFacts, decide
from tidewaiter.release.holds import NOTHING_NAMED, Securities, Security, securities_of
from tidewaiter.release.states import Trigger, after, may, mermaid
from tidewaiter.release.timing import Timing, timing

__all__ = [
    "NOTHING_NAMED",
    "DatasetFacts",
    "Securities",
    "Security",
    "Standing",
    "Step",
    "Timing",
    "Trigger",
    "after",
    "amended",
    "decide",
    "follow",
    "lodge",
    "may",
    "mermaid",
    "securities_of",
    "standing",
    "timing",
]
