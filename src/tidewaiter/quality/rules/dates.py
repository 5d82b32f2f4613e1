"""Days and moments: possible, and in an order that can have happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Severity
from tidewaiter.quality.registry import Context, Seen, rule

OWN = "Tidewaiter: plausibility of a parcel"
EARLIEST = date(1990, 1, 1)  # before customs took data by wire
FAR_FUTURE = timedelta(days=3653)  # ten years
CLOCK_TOLERANCE = timedelta(days=1)  # senders' days begin up to a day before ours
ARRIVAL_AHEAD_MAX = timedelta(days=180)


def _days(declaration: Declaration) -> Iterator[tuple[str, date]]:
    if declaration.issued_at:
        yield "issued_at", declaration.issued_at.date()
    if declaration.acceptance_at:
        yield "acceptance_at", declaration.acceptance_at.date()
    consignment = declaration.consignment
    for name in ("loading_at", "departure_at", "arrival_at"):
        if moment := getattr(consignment, name):
            yield f"consignment.{name}", moment.date()
    if consignment.departure_on and consignment.departure_at is None:
        yield "consignment.departure_on", consignment.departure_on
    if consignment.arrival_on and consignment.arrival_at is None:
        yield "consignment.arrival_on", consignment.arrival_on
    if consignment.posted_on:
        yield "consignment.posted_on", consignment.posted_on


@rule("date.impossible", Severity.ERROR, source=OWN)
def impossible(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """A day before 1990, or more than ten years ahead, is a slip of the pen or the clock."""
    return [
        Seen(pointer, day, "This day cannot be right.", "Write days as year-month-day.")
        for pointer, day in _days(declaration)
        if day < EARLIEST or day - context.legal_day > FAR_FUTURE
    ]


@rule("date.issued_in_future", Severity.WARNING, source=OWN, about=("issued_at",))
def issued_in_future(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """A declaration is not made after the day it is judged by; a day's difference between clocks is allowed."""
    issued = declaration.issued_at
    if issued is None or issued.date() - context.legal_day <= CLOCK_TOLERANCE:
        return ()
    words = f"The declaration says it was made after the legal day, {context.legal_day}."
    return [Seen("issued_at", issued.isoformat(), words)]


@rule("date.posted_after_arrival", Severity.WARNING, source=OWN, about=("consignment.posted_on",))
def posted_after_arrival(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A parcel is posted before it arrives."""
    posted, arrived = declaration.consignment.posted_on, _arrival(declaration)
    if posted is None or arrived is None or posted - arrived <= CLOCK_TOLERANCE:
        return ()
    return [Seen("consignment.posted_on", posted, f"It was posted after its arrival on {arrived}.")]


@rule(
    "date.arrival_far_ahead",
    Severity.WARNING,
    source=OWN,
    about=("consignment.arrival_on", "consignment.arrival_at"),
)
def arrival_far_ahead(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """An arrival more than half a year ahead is rarely meant."""
    arrived = _arrival(declaration)
    if arrived is None or arrived - context.legal_day <= ARRIVAL_AHEAD_MAX:
        return ()
    pointer = "consignment.arrival_on" if declaration.consignment.arrival_on else "consignment.arrival_at"
    return [Seen(pointer, arrived, "The arrival is more than half a year ahead.")]


def _arrival(declaration: Declaration) -> date | None:
    """The day of arrival, by its moment where the day is not stated by itself."""
    consignment = declaration.consignment
    if consignment.arrival_on is None and consignment.arrival_at is not None:
        return consignment.arrival_at.date()
    return consignment.arrival_on
