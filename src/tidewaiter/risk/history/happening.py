"""What history keeps of one declaration: when it came, from and to whom by keys, and what it was worth."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from msgspec import Struct

from tidewaiter.model.declaration import Declaration
from tidewaiter.regimes import Regime
from tidewaiter.risk.history.identities import Keys

CENTS_MAX: Final = 10**15  # a worth beyond is none that can be added up
_CENT: Final = Decimal("0.01")


class Happening(Struct, frozen=True, gc=False):
    """A declaration came in on a day (UTC). Keys are signed 64-bit numbers; `cents` is its worth in the regime's currency.

    What is not known is None. The same happening told twice is one; told otherwise, as of an amended declaration, it
    takes the place of what was told before.
    """

    day: date
    household: int | None
    person: int | None
    phone: int | None
    consignor: int | None
    cents: int | None


def happening_of(declaration: Declaration, regime: Regime, day: date, secret: bytes) -> Happening:
    """The happening of a declaration that came in on `day`; `secret` is what keys are made under."""
    keys = Keys(declaration, secret)
    worth = regime.worth(declaration)
    cents = int((worth.quantize(_CENT) * 100).to_integral_value()) if worth is not None and worth < CENTS_MAX else None
    return Happening(day, keys.household, keys.person, keys.phone, keys.consignor, cents)
