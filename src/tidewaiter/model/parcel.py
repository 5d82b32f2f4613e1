"""What was known of a parcel when a declaration of it was decided: that another declaration of it stands."""

from __future__ import annotations

from datetime import date

from msgspec import Struct


class DeclaredBefore(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Another declaration that stands and names the same parcel.

    `declared_on` is the day on which it was received, in UTC. Its `reference` and number are known only where it is the
    same sender's; what others told is not for this sender.
    """

    declaration_id: int
    declared_on: date
    is_of_same_sender: bool = False
    reference: str = ""
    registered_id: str = ""
