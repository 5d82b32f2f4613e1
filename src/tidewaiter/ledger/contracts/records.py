"""What the contracts keep: of each scope (a consignment, lot, permit, status or device) a few numbers, and of the whole log a page."""

from __future__ import annotations

from copy import copy
from enum import IntFlag
from typing import Final

import msgspec
from msgspec import Struct, field

SEAL: Final = "seal"
"""Who holds goods whose seal was tampered with."""
SEEN_LENGTH: Final = 16


class Flag:
    """What has happened in a scope and still counts.

    Plain numbers and no enum: its operators are functions of Python's, and would be half of what an entry costs.
    """

    ASSESSED = 1
    CONTROLLED = 2
    EXAMINED = 4
    RELEASED = 8
    REFUSED = 16
    ENDED = 32
    """Delivered, exited, returned, refused, used up: nothing more is expected."""
    SEALED = 64
    PERMIT = 128
    """The scope is a permit, that was issued."""
    STATUS = 256
    """The scope is an operator's status, that was granted."""
    SUSPENDED = 512
    STORED = 1024
    """A lot came in."""


class Mark(IntFlag):
    """What was irregular in a scope, and was taken all the same, since it happened."""

    BACKWARDS = 1
    """A step of the movement comes after a later one."""
    AFTER_END = 2
    """The goods moved on after they were delivered, exited or returned."""
    UNRELEASED = 4
    """The goods were delivered or exited without release, as whoever told it says."""
    TOLD = 8
    """Whoever told a step calls it irregular."""


class Debt:
    """How it stands with the debt of a consignment."""

    UNKNOWN = 0
    NONE = 1
    OPEN = 2
    GUARANTEED = 3
    PAID = 4


DEBTS: Final = {"none": 1, "open": 2, "guaranteed": 3, "paid": 4}


class Scope(Struct, array_like=True, gc=False):
    """The state of one scope. In the order and with the numbers as here it is hashed: neither changes.

    `first` is the position of its first entry. `flags`, `marks` and `debt` are numbers of `Flag`, `Mark` and `Debt`; `step` is the last step of the movement. `customs` is who
    decides on it, `holds` who holds it. `left` is the share of a permit or lot that is left. `payments` are positions (-1 for a debt that was covered
    elsewhere) and what share of each was paid back. `seen` are the first sixteen digits of each commitment, so that nothing counts twice.
    """

    first: int = 0
    flags: int = 0
    marks: int = 0
    debt: int = 0
    step: int = 0
    last_at: int = 0
    until: int = 0
    left: int = 0
    customs: str = ""
    device: str = ""
    holds: tuple[str, ...] = ()
    payments: tuple[tuple[int, int], ...] = ()
    seen: str = ""

    def has_seen(self, commitment: str) -> bool:
        """Whether an entry with a commitment that begins so stands in the scope."""
        place = self.seen.find(commitment)
        while place >= 0 and place % SEEN_LENGTH:
            place = self.seen.find(commitment, place + 1)
        return place >= 0


EMPTY_SCOPE: Final = Scope()
"""What is known of a scope that nobody has written of; never changed, always copied."""


class Key(Struct, array_like=True):
    """A submitter's key: its public bytes, whose it is (none is named for a pseudonymous one), roles as bits, until when.

    `ended` says that it was followed by another one, revoked, or that its member left.
    """

    public: bytes
    member: str
    roles: int
    until: int
    party: str
    by: str = ""
    ended: bool = False


class Member(Struct, array_like=True):
    """A member of the network: its roles as bits, and whether it is still one."""

    roles: int
    is_in: bool = True


class Payment(Struct, array_like=True, gc=False):
    """A payment or refund that no settlement covers yet: the entry's commitment, who recorded it, when."""

    commitment: bytes
    party: str
    at: int


class Ended(Struct, array_like=True, frozen=True):
    """How an origin ended: its name, its size, its root and the root of its state, in hexadecimal."""

    closed: str
    size: int
    root: str
    state: str


class Realm(Struct, array_like=True):
    """What holds for the whole log. `before` are entries of earlier origins, `size` those of this one.

    `clock` is the moment of the last closing entry, `latest` the latest of any entry since. `rules` is the hash of the rules that
    apply, `following` and `turn` those that do from a position on. `decisions` counts what the quorum has decided.
    `previous` is how the origin before ended, while that is still to be told here.
    """

    origin: str
    before: int
    size: int
    clock: int
    latest: int
    rules: str
    following: str
    turn: int
    decisions: int
    policy: str
    sequencer: str
    previous: Ended | None = None
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def position(self) -> int:
        """The position of the next entry, over all origins."""
        return self.before + self.size

    def copied(self) -> Realm:
        """A copy that does not change with this one."""
        other = copy(self)
        other.members = dict(self.members)
        return other


PACK: Final = msgspec.msgpack.Encoder(order="deterministic").encode
"""The one writing of a record: MessagePack, fields in their order, names of members sorted."""
