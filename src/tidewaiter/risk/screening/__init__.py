"""Names held against lists: the same person or company, however it is written.

    index = NameIndex([(entry_id, name), …])
    index.found("Mohamed al Fayed", threshold)     matches, best first, each with the words that speak for it
    compare(one, other)                            how alike two names are, from 0 to 1, and why

`names` makes words of a name, `comparing` holds two names against each other, `index` finds whom to hold a name against;
`first` is the manner before, for lists that were published to be screened so.
"""

from tidewaiter.risk.screening.comparing import Vocabulary, compare
from tidewaiter.risk.screening.found import Comparison, Match
from tidewaiter.risk.screening.index import NameIndex
from tidewaiter.risk.screening.manner import NEWEST, Manner, Screener
from tidewaiter.risk.screening.names import Name, name_of

__all__ = [
    "NEWEST", "Comparison", "Manner", "Match", "Name", "NameIndex", "Screener", "Vocabulary", "compare", "name_of",
]  # fmt: skip
