"""Is the data fit to decide on? Declaration × regime → findings."""

from tidewaiter.quality.checking import check

__all__ = ["check"]
