"""Declarations of a parcel that another declaration names, too, and what becomes of them when that one goes.

Whoever declares a parcel first is not touched by who declares it afterwards: what comes later is held, and names the
first in its row (`duplicate_of`). A declaration that is held because of another never holds that one in turn, so that
of two which name the same parcel exactly one waits, whichever is decided anew and in whatever order.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

FOUND_MAX: Final = 10  # other declarations of one parcel that are kept with a decision: the first ones
MONTHS: Final = 12  # after which a number may stand for another parcel


class Declaring(Struct, frozen=True, kw_only=True):
    """A declaration of a parcel, for which others of the same are looked for.

    `declaration_id` is its own, None while it is new; `received_at` when it was received: others count that were
    received later than twelve months before.
    """

    parcel_key: int
    sender_id: int
    received_at: datetime
    declaration_id: int | None = None
