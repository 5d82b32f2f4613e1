"""What members of the simulated network are told and asked beside what machines say: by one another, and by people."""

from __future__ import annotations

from msgspec import Struct


class Told(Struct, frozen=True):
    """A checkpoint that is said to be final."""

    note: bytes


class Freeze(Struct, frozen=True):
    """People ask a member to cosign nothing more of the origin."""


class Report(Struct, frozen=True):
    """What a frozen member holds: its last checkpoint, as the log signed it, and the entries that it can show for it."""

    note: bytes
    entries: tuple[bytes, ...]


class Bring(Struct, frozen=True):
    """People ask a member to bring another one what it lacks."""

    to: str
    size: int


class End(Struct, frozen=True):
    """People ask a member to cosign the end of an origin."""

    text: str


class Adopted(Struct, frozen=True):
    """That a member goes by what was agreed on in a block that ends at a size, since a checkpoint was final."""

    size: int
    policy: str
    note: bytes
