"""What is known of the persons behind a declaration that is not in it: counters they drew on, alternatives they elected."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct


class PersonalStanding(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Counters and elections of the persons concerned, as they stand before the declaration.

    `used` is what each counter (measure id) already holds this period, in the
    regime's currency, reservations included, those of the declaration itself
    left out. `unnamed` are the counters whose person the declaration does not
    name: what is left of them is not known. `elections` are the alternatives
    in force on the legal day, by the election's id.
    """

    used: dict[str, Decimal] = {}
    elections: dict[str, str] = {}
    unnamed: tuple[str, ...] = ()


NOTHING_KNOWN: Final = PersonalStanding()
