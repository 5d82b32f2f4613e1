"""Where a parcel's goods are, by what was told of them: steps by the time they happened, and what cannot be.

    told = [Moved(event_id="…", step=Step.ARRIVED, happened_at=…, recorded_at=…, place="…")]
    way = course(told)                # the states passed; the order of receipt does not matter
    find(way, Circumstances(at=…))    # what is missing or impossible, each with its rule

`steps` is the table; `words` says which event words are which step; `geography` measures on the earth; `flights` are
permits of drones; `readings` is what devices send. Nothing here does I/O, reads a clock or draws chance.
"""

from tidewaiter.movement.course import Course, Moved, Passed, course
from tidewaiter.movement.geography import Point
from tidewaiter.movement.limits import Limits, limits
from tidewaiter.movement.registry import Circumstances, find, rules
from tidewaiter.movement.steps import MovementState, Step

__all__ = [
    "Circumstances",
    "Course",
    "Limits",
    "Moved",
    "MovementState",
    "Passed",
    "Point",
    "Step",
    "course",
    "find",
    "limits",
    "rules",
]
