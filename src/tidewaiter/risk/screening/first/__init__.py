"""The first manner of screening, as it was: lists that were published to be screened so are, for as long as they are replayed.

Nothing here changes: what a list found on the day of a decision is found when that decision is run again (ADR 5, ADR 24).
"""

from tidewaiter.risk.screening.first.index import THRESHOLD, NameIndex

__all__ = ["THRESHOLD", "NameIndex"]
