"""JSON that others hash and sign too: the canonical form of RFC 8785 (JCS), carried out by `rfc8785`.

What we alone read again has `model.canonical` instead, which writes decimals as strings.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

import rfc8785

from tidewaiter.ledger.verdict import LedgerError


def canonical_json(value: Any) -> bytes:
    """The one writing of a value made of dict, list, str, int, float, bool and None.

    Raises LedgerError for what JCS cannot write: other types, whole numbers beyond 2**53 - 1, no number, lone surrogates.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise LedgerError("this value has no canonical form in JSON") from error


def canonicalized(data: bytes) -> bytes:
    """JSON in its canonical form. Raises LedgerError for what is not JSON, or has a name twice in one object."""
    try:
        value = json.loads(data.decode(), object_pairs_hook=_object, parse_int=_whole, parse_constant=_refuse)
    except (ValueError, OverflowError, RecursionError) as error:
        raise LedgerError("this is not JSON") from error
    return canonical_json(value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) != len(pairs):
        raise LedgerError("an object in JSON has a name twice")
    return named


def _whole(text: str) -> int | float:
    """A whole number; beyond 2**53 as the nearest binary one, which is refused where it would have other digits."""
    number = int(text)
    if abs(number) < 2**53:
        return number
    if Decimal(repr(float(number))) != number:
        raise LedgerError("a whole number in JSON has more digits than are kept")
    return float(number)


def _refuse(constant: str) -> NoReturn:
    raise LedgerError(f"{constant} is no number in JSON")
