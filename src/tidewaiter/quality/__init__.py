"""Is the data fit to decide on? Declaration × regime × claims → findings."""

from tidewaiter.quality.checking import check
from tidewaiter.quality.matching import match, references
from tidewaiter.quality.timing import NOTHING_TIMED, Timing, timed

__all__ = ["NOTHING_TIMED", "Timing", "check", "match", "references", "timed"]
