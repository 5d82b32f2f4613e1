"""Lists: whom, where and what to look for, each version published by its digest, each entry with its reason and its days.

`published` is one version of a list; `matching` holds declarations against it, `screened` a name; `files` reads and writes CSV, `ofac` the
files of the Office of Foreign Assets Control. ADR 24.
"""

from tidewaiter.risk.lists.matching import ListIndex
from tidewaiter.risk.lists.published import ListEntry, ListKind, PublishedList

__all__ = ["ListEntry", "ListIndex", "ListKind", "PublishedList"]
