"""What is told of a day's draws: its seed, the policies it was drawn by, and for each decision what was drawn and why.

Made so that somebody who has these records alone can make every draw again, and find the lane again from the reasons.
Nobody is named in them: a declaration is a number, an office its own code.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from tidewaiter.model.judgement import LOOKED_AT, Judgement, Lane, Odds, Reason, ReasonKind
from tidewaiter.model.money import Money
from tidewaiter.risk.facts import Score
from tidewaiter.risk.selection.at_once import Circle


class DayOfDraws(Struct, frozen=True, kw_only=True, tag="day"):
    """The first record: whose day, the seed in hexadecimal, what was published before, how many decisions follow.

    `told_at` is when what became of the parcels was looked up; None where it was not.
    """

    seed_id: str
    drawn_for: date
    seed: str
    commitment: str
    committed_at: datetime
    decisions: int
    told_at: datetime | None = None


class PolicyTold(Struct, frozen=True, kw_only=True, tag="policy"):
    """A policy that was drawn by, as it was written; `digest` is the SHA-256 of the text, which decisions name."""

    digest: str
    text: str


class Pointing(Struct, frozen=True, omit_defaults=True, gc=False):
    """A reason as it was before anything was drawn."""

    reason_id: str
    kind: ReasonKind
    lane: Lane
    percent: int = 100
    is_mandatory: bool = False
    is_lifted: bool = False

    @property
    def reason(self) -> Reason:
        """The same, as selection takes it."""
        return Reason(
            reason_id=self.reason_id,
            kind=self.kind,
            lane=self.lane,
            words="",
            percent=self.percent,
            is_mandatory=self.is_mandatory,
            is_lifted=self.is_lifted,
        )


class Followed(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What became of a parcel that was drawn: how its declaration stands since when, and what an examination came to."""

    state: str
    since: datetime
    is_arrived: bool
    examined_at: datetime | None = None
    result: str = ""


class Likely(Struct, frozen=True, omit_defaults=True, gc=False):
    """What a score said: its name, a probability, and what it expects to be owed where it tells amounts."""

    name: str
    probability: Decimal
    expected: Money | None = None


class DrawRecord(Struct, frozen=True, kw_only=True, tag="decision", omit_defaults=True):
    """What was drawn for one version of one declaration, and why. `lane` is "" where it was not judged.

    `policy_digest` is "" in files that tell no reasons. `evaluation_digest` is the SHA-256 of the whole decision as it is
    kept.
    """

    declaration_id: int
    version: int
    key: str
    share: str
    selection_share: str
    is_selected: bool
    lane: str
    propensity: str
    is_mandatory: bool = False
    odds: tuple[Odds, ...] = ()
    policy_digest: str = ""
    circle: Circle = Circle()
    pointed: tuple[Pointing, ...] = ()
    scores: tuple[Likely, ...] = ()
    evaluation_digest: str = ""
    followed: Followed | None = None

    @property
    def is_drawn(self) -> bool:
        """Whether a draw, by chance or of a reason with odds, said that it is to be looked at."""
        return self.is_selected or any(each.draw.is_selected and each.lane in LOOKED_AT for each in self.odds)


class Source(Struct, frozen=True, kw_only=True):
    """What a record is made of beside the judgement."""

    declaration_id: int
    version: int
    evaluation_digest: str = ""
    policy_digest: str = ""
    circle: Circle = Circle()
    scores: tuple[Score, ...] = ()


def record_of(source: Source, judgement: Judgement) -> DrawRecord:
    """The record of one judgement."""
    draw, selection = judgement.draw, judgement.selection
    odds = selection.odds if selection is not None else ()
    return DrawRecord(
        declaration_id=source.declaration_id,
        version=source.version,
        key=draw.key,
        share=draw.share,
        selection_share=draw.selection_share,
        is_selected=draw.is_selected,
        lane=judgement.lane.value,
        propensity=judgement.propensity,
        is_mandatory=judgement.is_mandatory,
        odds=odds,
        policy_digest=source.policy_digest,
        circle=source.circle,
        pointed=_pointed(judgement, odds),
        scores=tuple(
            Likely(each.name, each.probability, each.expected) for each in source.scores if not each.is_shadow
        ),
        evaluation_digest=source.evaluation_digest,
    )


def _pointed(judgement: Judgement, odds: tuple[Odds, ...]) -> tuple[Pointing, ...]:
    """The reasons in the lanes they had before draws; chance and scores have records of their own."""
    lanes = {each.reason_id: each.lane for each in odds}
    return tuple(
        Pointing(
            each.reason_id,
            each.kind,
            lanes.get(each.reason_id, each.lane),
            each.percent,
            each.is_mandatory,
            each.is_lifted,
        )
        for each in judgement.reasons
        if each.kind not in (ReasonKind.RANDOM, ReasonKind.SCORE)
    )
