"""Time limits as the law puts them: "4 hours before arrival", "before loading", "at departure"; journeys "4 hours" long."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import cast

from tidewaiter.model.errors import LawDataError
from tidewaiter.model.timing import FilingMoment
from tidewaiter.regimes.documents import TimeLimitDocument
from tidewaiter.regimes.law import Anchor, TimeLimit

MINUTES = {"minute": 1, "hour": 60, "day": 24 * 60}
_SPAN = r"(\d{1,4}) (minute|hour|day)s?"
_LIMIT = re.compile(rf"(?:(?:{_SPAN} )?before|at) (loading|departure|arrival)", re.ASCII)
_LENGTH = re.compile(_SPAN, re.ASCII)
_JOURNEY = tuple(FilingMoment)  # in the order of the journey


def lead_of(words: str) -> tuple[int, Anchor]:
    """Minutes and what they are counted back from. Raises LawDataError for words of another form."""
    found = _LIMIT.fullmatch(words)
    if found is None:
        hint = "4 hours before arrival, before loading, at departure"
        raise LawDataError(f"{words!r} is no time limit", hint=f"write it as {hint}", place=words)
    number, unit, anchor = found.groups()
    return (int(number) * MINUTES[unit] if number else 0), cast("Anchor", anchor)


def minutes_of(words: str) -> int | None:
    """The minutes of "4 hours"; None for "". Raises LawDataError for words of another form."""
    if not words:
        return None
    found = _LENGTH.fullmatch(words)
    if found is None:
        raise LawDataError(f"{words!r} is no length of a journey", hint="write it as 4 hours", place=words)
    return int(found[1]) * MINUTES[found[2]]


def time_limit_of(measure_id: str, document: TimeLimitDocument, words: str) -> TimeLimit:
    """The time limit of one day. Raises LawDataError."""
    lead, anchor = lead_of(words)
    return TimeLimit(
        measure_id=measure_id,
        title=document.title,
        article=document.article,
        moment=document.moment,
        datasets=document.datasets,
        words=words,
        lead_minutes=lead,
        counted_from=anchor,
        when=document.when,
        journey_under_minutes=minutes_of(document.journey_under),
        journey_from_minutes=minutes_of(document.journey_from),
        severity=document.severity,
        required=document.required,
        required_article=document.required_article,
        required_severity=document.required_severity,
        is_confirmed=document.is_confirmed,
    )


def in_order(found: Iterable[tuple[int, TimeLimit]]) -> tuple[TimeLimit, ...]:
    """Time limits by moment of the journey, then by the order in which they are tried, then by id."""
    ranked = sorted(found, key=lambda each: (_JOURNEY.index(each[1].moment), each[0], each[1].measure_id))
    return tuple(limit for _, limit in ranked)
