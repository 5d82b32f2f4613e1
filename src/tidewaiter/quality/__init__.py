"""Is the data fit to decide on? Declaration × regime × claims → findings."""

from tidewaiter.quality.checking import check
from tidewaiter.quality.matching import concerns, match, product_differences, references

__all__ = ["check", "concerns", "match", "product_differences", "references"]
