"""Lists: whom, where and what to look for, each version published by its digest, each entry with its reason and its days.

`published` is one version of a list; `matching` holds declarations against it, `screened` a name;
`identities` are lists of several kinds, `statuses` those of operators; `files` reads and writes CSV, `ofac` the
files of the Office of Foreign Assets Control. ADR 24.
"""

from tidewaiter.risk.lists.matching import ListIndex
from tidewaiter.risk.lists.published import ListEntry, ListKind, PublishedList
from tidewaiter.risk.lists.statuses import StatusIndex, TraderStatus

__all__ = ["ListEntry", "ListIndex", "ListKind", "PublishedList", "StatusIndex", "TraderStatus"]
