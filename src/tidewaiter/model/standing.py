"""What is known of the persons behind a declaration that is not in it: counters they drew on, alternatives they elected."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct


class Standing(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Counters and elections of the persons concerned, as they stand before the declaration.

    `used` is what each counter (measure id) already holds this period, in the
    regime's currency, reservations included. `elections` are the alternatives
    in force on the legal day, by the election's id.
    """

    used: dict[str, Decimal] = {}
    elections: dict[str, str] = {}


NOTHING_KNOWN: Final = Standing()
