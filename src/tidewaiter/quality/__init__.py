"""Is the data fit to decide on? Declaration × regime × claims → findings."""

from tidewaiter.quality.checking import check
from tidewaiter.quality.matching import match, references
from tidewaiter.quality.parcels import declared_before, parcel_key

__all__ = ["check", "declared_before", "match", "parcel_key", "references"]
