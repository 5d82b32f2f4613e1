"""Interest on what is paid late: simple, by the days of 365, at the rate the law had on each day, rounded down once.

The law's figures are found by the name of the obligation: of `obligation.NAME`, `interest.NAME.rate` is the rate a year in %.
Beside it may stand `interest.NAME.types` (the types of charge that bear it; all, where it says nothing),
`interest.NAME.least` (a debt below it bears none), `interest.NAME.minimum` (interest below it is not charged) and
`interest.NAME.reckoning` ("month due": the rate of the first day of the month in which the debt fell due holds throughout).
A rate that is not confirmed is never charged by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from tidewaiter.revenue.postings import Account, Entry, Kind, Posting

ZERO = Decimal(0)
YEAR_DAYS = 36_500  # of 365 days, for rates in per cent
CENT = Decimal("0.01")
ONE_DAY = timedelta(days=1)

Rate = Callable[[date], Decimal | None]  # the rate a year in % on a day; None where none is known


class Terms(Struct, frozen=True, kw_only=True):
    """What the law says of interest on the debts of one account; `why_not` says why none is charged."""

    rate_by: str = "day"  # or "month due"
    types: tuple[str, ...] = ()
    least: Decimal = ZERO
    minimum: Decimal = ZERO
    why_not: str = ""


class Movement(Struct, frozen=True):
    """What changed a debt, from which day on: a charge from the day after it was due, a payment from its own day."""

    counts_from: date
    amount: Decimal


class Overdue(Struct, frozen=True):
    """A debt that was late from one day up to another, both included, with the same amount on each day between."""

    since: date
    until: date
    owed: Decimal

    @property
    def days(self) -> int:
        """How many."""
        return (self.until - self.since).days + 1


def overdue(movements: Sequence[Movement], since: date, until: date) -> list[Overdue]:
    """What was late on each day of a range: all that was overdue by then, less what was paid by then."""
    changes: dict[date, Decimal] = {}
    for each in movements:
        changes[each.counts_from] = changes.get(each.counts_from, ZERO) + each.amount
    owed = sum((amount for day, amount in changes.items() if day <= since), ZERO)
    days = [since, *sorted(day for day in changes if since < day <= until), until + ONE_DAY]
    found: list[Overdue] = []
    for first, following in pairwise(days):
        if first > since:
            owed += changes[first]
        if owed > 0:
            found.append(Overdue(first, following - ONE_DAY, owed))
    return found


def grown(spans: Sequence[Overdue], rate: Rate) -> tuple[Decimal, list[date]]:
    """The interest on what was late, exact, and the days on which no rate is known."""
    total, unknown = ZERO, []
    for span in spans:
        day = span.since
        while day <= span.until:
            percent = rate(day)
            if percent is None:
                unknown.append(day)
            else:
                total += span.owed * percent
            day += ONE_DAY
    return total / YEAR_DAYS, unknown


def charged(debt: Entry, range_: tuple[date, date], amount: Decimal) -> Posting | None:
    """The posting of interest on a debt for a range of days, rounded down to the hundredth; None where it comes to nothing.

    The key names the debt and the first day, so that no day is charged twice.
    """
    since, until = range_
    rounded = amount.quantize(CENT, "ROUND_DOWN")
    if rounded <= 0:
        return None
    where = f"{debt.party}:{debt.scheme}:{debt.period}:{debt.currency}"
    entries = (
        Entry(
            account=Account.RECEIVABLE, amount=rounded, currency=debt.currency, party=debt.party, scheme=debt.scheme,
            period=debt.period, type_code="INT",
        ),
        Entry(
            account=Account.INTEREST, amount=-rounded, currency=debt.currency, party=debt.party, scheme=debt.scheme,
            period=debt.period, type_code="INT",
        ),
    )  # fmt: skip
    return Posting(
        key=f"interest:{where}:{since}", kind=Kind.INTEREST, booked_on=until, entries=entries, subject=f"debt:{where}",
        due=until,
    )  # fmt: skip
