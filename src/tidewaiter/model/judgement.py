"""A judgement: should someone look at this consignment, and why."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Lane(StrEnum):
    """Where selectivity sends a declaration, in rising order of attention (ASYCUDA)."""

    GREEN = "green"  # release
    BLUE = "blue"  # release, audit after
    YELLOW = "yellow"  # documents first
    RED = "red"  # examination of the goods

    @property
    def rank(self) -> int:
        """0 for green to 3 for red."""
        return tuple(Lane).index(self)


class ReasonKind(StrEnum):
    """What made the engine point at a consignment."""

    PROHIBITED = "prohibited"
    RESTRICTED = "restricted"
    WATCH_LIST = "watch_list"
    RANDOM = "random"
    QUALITY = "quality"
    CLAIM = "claim"  # third parties say otherwise of the parcel, or nothing yet
    DECLARED_BEFORE = "declared_before"  # another declaration of the same parcel stands


class Reason(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One reason with the words and values behind it.

    `lane` is where this reason alone would send the declaration. A restricted
    good names the `permit_code` that lifts the reason and whether a document
    of that code was declared (`is_lifted`).
    """

    reason_id: str
    kind: ReasonKind
    lane: Lane
    words: str
    pointer: str = ""
    value: str = ""
    permit_code: str = ""
    permit_words: str = ""
    is_lifted: bool = False
    measure_id: str = ""


class Draw(Struct, frozen=True, gc=False):
    """A random draw that anyone holding the seed can recompute.

    `share` in [0, 1) is the first 52 bits of HMAC-SHA256(seed, key) over 2**52,
    as an exact decimal text; selected when below `selection_share`.
    """

    seed_id: str
    key: str
    share: str
    selection_share: str
    is_selected: bool


class Judgement(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What risk says of one consignment: a lane and every reason, lifted ones too."""

    lane: Lane
    reasons: tuple[Reason, ...]
    draw: Draw
    lists_digest: str
