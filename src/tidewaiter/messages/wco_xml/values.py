"""Leaves: the text of one element ⇄ one value of the model.

A parser returns the value, or a `Fault` with the words for the sender. Numbers
are plain decimals as XML Schema writes them (no exponent, no NaN); moments are
the forms 102 (CCYYMMDD), 203, 204 and 304 (CCYYMMDDHHMMSSZZZ) of UN/EDIFACT 2379.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from tidewaiter.messages import limits
from tidewaiter.model.money import Money

Attributes = Sequence[tuple[str, str]]

# Kinds of element; those before QUANTITY fill one field from one text.
TEXT, WHOLE, DECIMAL, MONEY, MASS, QUANTITY, MOMENT, POSITION, BOX, RECORD, RECORDS, WEAVE, JOIN = range(13)
MINUTE, DAY = 13, 14  # moments and days in forms whose moments end with the minute
MOMENTS: Final = frozenset({MOMENT, MINUTE, DAY})

# Kilograms in one of each unit (UNECE Recommendation 20).
KILOGRAMS: Final = {
    "KGM": Decimal(1),
    "GRM": Decimal("0.001"),
    "TNE": Decimal(1000),
    "LBR": Decimal("0.45359237"),
    "ONZ": Decimal("0.028349523125"),
}

_WHOLE_DIGITS_MAX: Final = 12
_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z|[+-]\d\d(?:\d\d)?)?", re.ASCII)


class Fault(str):
    """Why a text is not a value, in words for the sender; `hint` is what to do."""

    hint: str

    def __new__(cls, words: str, hint: str) -> Fault:
        """The words with their hint."""
        made = super().__new__(cls, words)
        made.hint = hint
        return made


_DIGITS_HINT: Final = "Write digits with a point and no thousands separator: 12.50."
NOT_A_NUMBER: Final = Fault("is not a decimal number such as 12.50", _DIGITS_HINT)
NOT_WHOLE: Final = Fault("is not a whole number", "Write digits only: 2.")
NO_CURRENCY: Final = Fault(
    "is an amount without a currency (attribute currencyID)", "Name the currency by its three letters: EUR."
)
NOT_A_MOMENT: Final = Fault(
    "is not a date and time such as 20260615103000Z", "Write year, month, day and time without signs between them."
)
NOT_A_UNIT: Final = Fault(
    "is a mass in a unit other than KGM, GRM, TNE, LBR or ONZ (attribute unitCode)", "Give the mass in kilograms: KGM."
)


def decimal_of(text: str) -> Decimal | Fault:
    """A decimal number, or a Fault. At most NUMBER_DIGITS_MAX digits before the point and FRACTION_DIGITS_MAX after."""
    whole, _, fraction = text.partition(".")
    if whole[:1] in ("-", "+"):
        whole = whole[1:]
    digits = whole + fraction
    if not (digits.isdigit() and digits.isascii()):
        return NOT_A_NUMBER
    if len(whole) > limits.NUMBER_DIGITS_MAX or len(fraction) > limits.FRACTION_DIGITS_MAX:
        return Fault(
            f"has more than {limits.NUMBER_DIGITS_MAX} digits before or {limits.FRACTION_DIGITS_MAX} after the point",
            "No amount, mass or quantity is that large or that fine.",
        )
    return Decimal(text)


def whole_of(text: str) -> int | Fault:
    """A whole number, or a Fault; "3.0" is one."""
    if text.isdigit() and text.isascii() and len(text) <= _WHOLE_DIGITS_MAX:
        return int(text)
    number = decimal_of(text)
    if isinstance(number, Fault) or number != number.to_integral_value() or abs(number) >= 10**_WHOLE_DIGITS_MAX:
        return NOT_WHOLE
    return int(number)


def moment_of(text: str) -> datetime | Fault:
    """A moment in UTC, or a Fault. A day alone counts from midnight UTC; a time without a zone is UTC."""
    found = _MOMENT.fullmatch(text)
    if not found:
        return NOT_A_MOMENT
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        zone = found[7]
        if zone and zone != "Z":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5] or 0))
            moment += -offset if zone[0] == "+" else offset
    except (ValueError, OverflowError):
        return Fault("is not a day and time of the calendar", NOT_A_MOMENT.hint)
    return moment


def day_of(text: str) -> date | Fault:
    """The day of a moment, or a Fault."""
    moment = moment_of(text)
    return moment if isinstance(moment, Fault) else moment.date()


def money_of(text: str, attributes: Attributes) -> Money | Fault:
    """An amount with its currency (attribute currencyID), or a Fault."""
    number = decimal_of(text)
    if isinstance(number, Fault):
        return number
    for name, value in attributes:
        if name == "currencyID" and value.strip():
            return Money(number, value.strip())
    return NO_CURRENCY


def mass_of(text: str, attributes: Attributes) -> Decimal | Fault:
    """A mass in kilograms, from whichever unit the attribute unitCode names, or a Fault."""
    number = decimal_of(text)
    if not attributes or isinstance(number, Fault):
        return number
    factor = KILOGRAMS.get(dict(attributes).get("unitCode", "").strip() or "KGM")
    if factor is None:
        return NOT_A_UNIT
    return number if factor == 1 else number * factor


def quantity_of(text: str, attributes: Attributes) -> tuple[Decimal, str] | Fault:
    """A number and its unit ("" where none is named), or a Fault."""
    number = decimal_of(text)
    if isinstance(number, Fault):
        return number
    return number, dict(attributes).get("unitCode", "").strip() if attributes else ""


# By kind of leaf: from text and attributes to a value, or a Fault.
PARSERS: Final[dict[int, Callable[[str, Attributes], Any]]] = {
    TEXT: lambda text, _: text,
    WHOLE: lambda text, _: whole_of(text),
    DECIMAL: lambda text, _: decimal_of(text),
    MOMENT: lambda text, _: moment_of(text),
    MINUTE: lambda text, _: moment_of(text),
    DAY: lambda text, _: day_of(text),
    MONEY: money_of,
    MASS: mass_of,
    QUANTITY: quantity_of,
}


def formatted(kind: int, value: Any) -> tuple[str, Attributes]:
    """The text and attributes of a leaf of this kind; the inverse of its parser."""
    if kind == MONEY:
        return f"{value.amount:f}", (("currencyID", value.currency),)
    if kind == MOMENT:
        return value.astimezone(UTC).strftime("%Y%m%d%H%M%SZ"), (("formatCode", "304"),)
    if kind == MINUTE:
        return f"{value.astimezone(UTC):%Y%m%d%H%M}", ()
    if kind == DAY:
        return f"{value:%Y%m%d}0000", ()
    if kind == QUANTITY:
        number, unit = value
        return f"{number:f}", (("unitCode", unit),) if unit else ()
    if kind in (DECIMAL, MASS):
        return f"{value:f}", ()
    return str(value), ()


def is_canonical(kind: int, value: Any, attributes: Attributes) -> bool:
    """True when `formatted` gives back everything that an element said with these attributes."""
    if len(attributes) == 1:
        name, text = attributes[0]
        if kind == MONEY:
            return name == "currencyID" and text == value.currency
        if kind == MOMENT:
            return name == "formatCode" and text == "304"
    return list(attributes) == list(formatted(kind, value)[1])
