"""Selection: who of those pointed at is looked at, with which probability, and what may be concluded from it.

`at_once` decides for one parcel as it comes; `allocating` shares a day's examinations among parcels known in advance;
`planning` turns budgets into rates; `estimating` says from what was examined how much of all is not in order. ADR 27.
"""

from tidewaiter.risk.selection.allocating import Candidate, Chosen, allocate
from tidewaiter.risk.selection.at_once import selected
from tidewaiter.risk.selection.estimating import Interval, Seen, Stratum, estimate, of_draw, share_of, strata_of
from tidewaiter.risk.selection.planning import Volume, planned

__all__ = [
    "Candidate",
    "Chosen",
    "Interval",
    "Seen",
    "Stratum",
    "Volume",
    "allocate",
    "estimate",
    "of_draw",
    "planned",
    "selected",
    "share_of",
    "strata_of",
]
