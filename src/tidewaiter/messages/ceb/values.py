"""Leaves: the text of one element ⇄ one value of the model, and codes of China's customs ⇄ those of ISO and UNECE.

Moments are CCYYMMDDhhmmss by the clock of China (UTC+8, no summer time), days CCYYMMDD, as the specification has
them. A code that is in no list here is kept as it is, save one of a list whose codes would be mistaken for others.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Final

from tidewaiter.messages import shape
from tidewaiter.messages.faults import Fault
from tidewaiter.messages.wco_xml import values
from tidewaiter.messages.wco_xml.values import decimal_of, whole_of
from tidewaiter.model.declaration import MessageFunction

CHINA: Final = timezone(timedelta(hours=8))
_MOMENT_DIGITS, _DAY_DIGITS = 14, 8


class Wrong(str):
    """Why a text is not a value, in words for the sender; `code` is the fault's."""

    code: Fault

    def __new__(cls, words: str, code: Fault) -> Wrong:
        """The words with their code."""
        made = super().__new__(cls, words)
        made.code = code
        return made


class Codes:
    """One list of codes: customs' own and their counterparts."""

    def __init__(self, known: Mapping[str, str], others: Mapping[str, str], aside: str) -> None:
        self._read = {**others, **known}
        self._write = {theirs: ours for ours, theirs in known.items()}
        self._aside = frozenset(aside.split())

    def read(self, text: str) -> str | None:
        """The counterpart; the code itself where there is none, or None where that would be mistaken for another."""
        found = self._read.get(text)
        if found is not None:
            return found
        return None if text in self._aside else text

    def write(self, value: str) -> str:
        """Customs' code; the value itself where there is none."""
        return self._write.get(value, value)


@cache
def codes(name: str) -> Codes:
    """The list of that name: countries, currencies, units, modes."""
    place = resources.files("tidewaiter.data").joinpath("messages", "ceb", "codes.toml")
    said: dict[str, str] = tomllib.loads(place.read_text("utf-8"))[name]
    known = dict(pair.split(":") for pair in said["codes"].split())
    return Codes(known, _three_letters() if name == "countries" else {}, said.get("aside", ""))


def _three_letters() -> dict[str, str]:
    """Countries by the three letters of ISO 3166-1, which customs' newer lists use."""
    import pycountry

    return {country.alpha_3: country.alpha_2 for country in pycountry.countries}


def moment_of(text: str) -> datetime | Wrong:
    """A moment in UTC, or what is wrong with it."""
    if len(text) == _MOMENT_DIGITS and text.isascii() and text.isdigit():
        try:
            return datetime(*_day(text), int(text[8:10]), int(text[10:12]), int(text[12:]), tzinfo=CHINA).astimezone(
                UTC
            )
        except (ValueError, OverflowError):
            pass
    return Wrong("is not a day and time such as 20260615103000", Fault.DATE)


def day_of(text: str) -> date | Wrong:
    """A day, or what is wrong with it."""
    if len(text) == _DAY_DIGITS and text.isascii() and text.isdigit():
        try:
            return date(*_day(text))
        except ValueError:
            pass
    return Wrong("is not a day such as 20260615", Fault.DATE)


def _day(text: str) -> tuple[int, int, int]:
    return int(text[:4]), int(text[4:6]), int(text[6:8])


def number_of(text: str) -> Decimal | Wrong:
    """A decimal number, or what is wrong with it."""
    found = decimal_of(text)
    return Wrong(found, Fault.NUMBER) if isinstance(found, values.Fault) else found


def count_of(text: str) -> int | Wrong:
    """A whole number, or what is wrong with it."""
    found = whole_of(text)
    return Wrong(found, Fault.NUMBER) if isinstance(found, values.Fault) else found


def function_of(functions: Mapping[str, MessageFunction], text: str) -> MessageFunction | Wrong:
    """What is asked for (appType), or what is wrong with it."""
    found = functions.get(text)
    return found or Wrong(f"is none of {', '.join(functions)} (new, changed, deleted)", Fault.CHOICE)


PARSERS: Final[Mapping[shape.Kind, Callable[[str], Any]]] = {
    shape.Kind.DECIMAL: number_of,
    shape.Kind.WHOLE_NUMBER: count_of,
    shape.Kind.MOMENT: moment_of,
    shape.Kind.DAY: day_of,
}


def formatted(kind: shape.Kind, value: Any) -> str:
    """A value as text; the inverse of its parser."""
    if kind is shape.Kind.DECIMAL:
        return f"{value:f}"
    if kind is shape.Kind.MOMENT:
        return f"{value.astimezone(CHINA):%Y%m%d%H%M%S}"
    if kind is shape.Kind.DAY:
        return f"{value:%Y%m%d}"
    return str(value)
