"""Commodity codes of any length as TARIC's ten digits, and back to the digits that mean something."""

from __future__ import annotations

from tidewaiter.model.errors import InvalidIdentifierError

DIGITS = 10
LENGTHS = (2, 4, 6, 8, 10)


def problem(text: str) -> str:
    """What keeps `text` from being a code of 2 to 10 digits, in words; "" when nothing does."""
    if not (text.isascii() and text.isdigit()):
        return "a commodity code has digits only"
    if len(text) % 2 and len(text) < DIGITS:
        return "it has an odd number of digits: a zero at its front was probably lost"
    return "" if len(text) in LENGTHS else "a commodity code has 2, 4, 6, 8 or 10 digits"


def ten_digits(code: str) -> str:
    """The code filled up with zeros, dots and spaces taken out. Raises InvalidIdentifierError."""
    text = code.replace(".", "").replace(" ", "")
    if words := problem(text):
        raise InvalidIdentifierError(f"{code[:40]!r} is no commodity code: {words}")
    return text.ljust(DIGITS, "0")


def stem(code: str) -> str:
    """The digits of a ten-digit code without pairs of zeros at its end: what codes below it begin with."""
    end = DIGITS
    while end > 2 and code[end - 2 : end] == "00":
        end -= 2
    return code[:end]


def dotted(code: str) -> str:
    """The code as people read it: 0101 21 00 00."""
    digits = stem(code)
    digits = digits if len(digits) > 2 else code[:4] if code[2:4] != "00" else digits
    return " ".join(filter(None, (digits[:4], digits[4:6], digits[6:8], digits[8:10])))
