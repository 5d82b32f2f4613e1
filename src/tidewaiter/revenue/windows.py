"""Time limits as the law counts them: the last day on which something may still be done."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from tidewaiter.model.errors import LawDataError
from tidewaiter.regimes.law import Figure

MONTHS = {"months": 1, "years": 12}
MONTHS_OF_A_YEAR = 12


def in_words(limit: Figure) -> str:
    """As "90 days" or "1 year"."""
    return f"{limit.value:f} {limit.unit.removesuffix('s') if limit.value == 1 else limit.unit}"


def last_day(start: date, limit: Figure) -> date:
    """The last day of a time that begins on `start`, which is not counted; the last day itself is.

    Months and years end on the day of the same number, or on the last day of a month that has none (as Regulation
    (EEC, Euratom) No 1182/71, Article 3, has it). Raises LawDataError for a unit that is no time.
    """
    count = int(limit.value)
    if limit.unit == "days":
        return start + timedelta(days=count)
    if limit.unit not in MONTHS:
        raise LawDataError(
            f"{limit.measure_id} is in {limit.unit!r}, which is no time",
            hint="days, months or years",
            place=limit.measure_id,
        )
    months = start.month - 1 + count * MONTHS[limit.unit]
    year, month = start.year + months // MONTHS_OF_A_YEAR, months % MONTHS_OF_A_YEAR + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))
