"""A judgement: should someone look at this consignment, and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

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
    RULE = "rule"  # a rule that an officer wrote
    LIST = "list"  # a list: a party, a place, a brand, words, a number
    SCORE = "score"  # what was learnt from examinations
    LINK = "link"  # something shared with a parcel that was not in order


DRAWN: Final = frozenset((ReasonKind.RULE, ReasonKind.SCORE, ReasonKind.RANDOM))  # the others are mandatory
LOOKED_AT: Final = frozenset((Lane.YELLOW, Lane.RED))


class Reason(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One reason with the words and values behind it.

    `lane` is where this reason alone would send the declaration. A restricted
    good names the `permit_code` that lifts the reason and whether a document
    of that code was declared (`is_lifted`). A rule may say what is to be done (`tasks`), what is answered before
    loading (`answer`: DNL, RFS or RFI), and that only some of its hits are sent on (`percent`, of a hundred).
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
    tasks: tuple[str, ...] = ()
    answer: str = ""
    percent: int = 100
    is_mandatory: bool = False  # of a rule: no rate and no status lowers its share


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


class Odds(Struct, frozen=True, gc=False):
    """That a reason's lane was left to chance, and how the draw fell; its share is the probability."""

    reason_id: str
    lane: Lane
    draw: Draw


class Selection(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How it came to be looked at, or not: what was left to chance, and the probability of it all.

    `propensity` is the probability that it would have been looked at (yellow or red), everything but the draws being as
    it is: a decimal of up to 12 places. Where something mandatory asks for it, it is 1.
    """

    propensity: str
    is_mandatory: bool = False
    odds: tuple[Odds, ...] = ()


class RuleMasks(Struct, frozen=True, gc=False):
    """Which tests of a rule set held, as bits in hexadecimal: for the declaration, and for each goods line in order.

    With the rule set of this digest and what it was compiled with they explain what its rules said, and nearly said.
    """

    rules_digest: str
    mask: str
    line_masks: tuple[str, ...]


class Judgement(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What risk says of one consignment: a lane and every reason, lifted ones too.

    `shadow` is what rules on trial would have said: it decides nothing. `masks` are of the rule sets that were asked.
    """

    lane: Lane
    reasons: tuple[Reason, ...]
    draw: Draw
    lists_digest: str
    shadow: tuple[Reason, ...] = ()
    masks: tuple[RuleMasks, ...] = ()
    selection: Selection | None = None  # None: only law, findings or the random draw could have it looked at

    @property
    def is_mandatory(self) -> bool:
        """Whether it is looked at whatever is drawn."""
        if self.selection is not None:
            return self.selection.is_mandatory
        return any(each.kind not in DRAWN and each.lane in LOOKED_AT and not each.is_lifted for each in self.reasons)

    @property
    def propensity(self) -> str:
        """The probability that it would have been looked at, everything but the draws being as it is."""
        if self.selection is not None:
            return self.selection.propensity
        return "1" if self.is_mandatory else self.draw.selection_share
