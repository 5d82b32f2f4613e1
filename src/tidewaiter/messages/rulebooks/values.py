"""Texts and numbers as the rules mean them: those of the Java platform, where the published rules run.

A number is an `int`, a `Decimal` (a literal with a point) or a `float`; what is
no number is NaN, which equals nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

Number = int | float | Decimal

_BLANKS: Final = "".join(map(chr, range(0x21)))  # what trimming takes off: all up to the space
_DOUBLE = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fFdD]?", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]{1,10}", re.ASCII)
_ODD: Final = {"NaN": math.nan, "Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}
_WHOLE_MAX: Final = 2**31 - 1


def trimmed(text: str) -> str:
    """The text without the blanks and control characters around it."""
    return text.strip(_BLANKS)


def length(text: str) -> int:
    """The length in UTF-16 units: a character beyond the first plane counts twice."""
    return len(text) + sum(character > "\uffff" for character in text)


def number_of(text: str) -> float:
    """The number a text says, else NaN."""
    text = trimmed(text)
    found = _DOUBLE.fullmatch(text)
    return float(found[1]) if found else _ODD.get(text, math.nan)


def whole_of(text: str) -> int | None:
    """The whole number of 32 bits a text says, else None."""
    text = trimmed(text)
    number = int(text) if _WHOLE.fullmatch(text) else None
    return number if number is not None and -_WHOLE_MAX - 1 <= number <= _WHOLE_MAX else None


def total(texts: Iterable[str]) -> float:
    """The sum of the numbers that texts say, added from left to right; NaN where one of them is none."""
    result = 0.0
    for text in texts:
        result += number_of(text)  # not sum(): it corrects rounding, which the rules' own platform does not
    return result


def paired(operate: Callable[[Number, Number], Number]) -> Callable[[Number, Number], Number]:
    """An operation that takes both numbers as `float` where one is, else both as `Decimal` where one is."""

    def applied(left: Number, right: Number) -> Number:
        if isinstance(left, float) or isinstance(right, float):
            return operate(float(left), float(right))
        return operate(left, right)

    return applied
