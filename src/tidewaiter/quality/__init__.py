"""Is the data fit to decide on? Declaration × regime × claims → findings."""

from tidewaiter.quality.checking import check
from tidewaiter.quality.matching import concerns, match, product_differences, references
from tidewaiter.quality.parcels import declared_before, parcel_key
from tidewaiter.quality.timing import NOTHING_TIMED, Timing, timed

__all__ = [
    "NOTHING_TIMED",
    "Timing",
    "check",
    "concerns",
    "declared_before",
    "match",
    "parcel_key",
    "product_differences",
    "references",
    "timed",
]
