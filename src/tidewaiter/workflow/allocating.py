"""A flight, or an office's day, that is known in advance: an exact number of examinations shared among its parcels.

    shared = allocated(store, Wanted(period, "DK003102", flight="SK974", parcels=25))

Mandatory ones first, chance next, then rules by lane, then scores by what they promise (`risk.selection.allocate`), each
with its exact probability. What is ordered by it is an officer's act beside the decision: the decision keeps the
probability it had, so no estimate counts these examinations.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from msgspec import Struct

from tidewaiter.model.decision import CAME_TO_NOTHING, State
from tidewaiter.model.errors import TransitionError
from tidewaiter.model.judgement import LOOKED_AT, Judgement, Lane, ReasonKind
from tidewaiter.release import Trigger
from tidewaiter.risk.facts import Facts
from tidewaiter.risk.selection import Candidate, Chosen, allocate
from tidewaiter.risk.selection.allocating import Share
from tidewaiter.workflow.budgets import where_of
from tidewaiter.workflow.compliance import By, EstimatedStore
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.kept_law import KeptLaw
from tidewaiter.workflow.trying import Period, kept_records

ENDED: Final = CAME_TO_NOTHING | {State.RELEASED, State.CLEARED, State.AWAITING_ORIGINAL, State.APPLIED}


class Wanted(Struct, frozen=True, kw_only=True):
    """Whose parcels are to be shared among how many examinations, and the share of these kept for chance."""

    period: Period
    office_id: str
    flight: str = ""  # "": all flights of the office
    parcels: int
    random: Decimal = Decimal("0.1")


class Allocated(Struct, frozen=True):
    """A parcel with its share, and where it stands."""

    declaration_id: int
    state: State
    chosen: Chosen


def allocated(store: EstimatedStore, wanted: Wanted) -> list[Allocated]:
    """Every parcel of the flight that customs still have in hand, those that are to be looked at first, by number."""
    found = list(_candidates(store, wanted))
    chosen = allocate([candidate for _, candidate in found], wanted.parcels, wanted.random)
    told = [Allocated(int(each.parcel_id), state, each) for (state, _), each in zip(found, chosen, strict=True)]
    order = list(Share)
    return sorted(told, key=lambda each: (order.index(each.chosen.share), each.declaration_id))


def ordered(desk: Desk, told: list[Allocated], by: str, words: str) -> dict[int, str]:
    """Order the examination of those chosen; of each that could not be ordered, why."""
    left: dict[int, str] = {}
    for each in told:
        if each.chosen.share in (Share.NONE, Share.MANDATORY) or each.state is State.UNDER_CONTROL:
            continue
        said = f"{words} ({each.chosen.share.value}, probability {_decimal(each.chosen):f})".strip()
        try:
            desk.act(each.declaration_id, Trigger.EXAMINATION_ORDERED, by, said)
        except TransitionError as error:
            left[each.declaration_id] = error.detail
    return left


def _decimal(chosen: Chosen) -> Decimal:
    share = chosen.propensity
    return (Decimal(share.numerator) / Decimal(share.denominator)).quantize(Decimal("0.0001"))


def _candidates(store: EstimatedStore, wanted: Wanted) -> Iterator[tuple[State, Candidate]]:
    law = KeptLaw(store)
    for part in store.periods.blocks(wanted.period, ENDED):
        standing = store.streams.standing([number for number, _ in part.places], By.ALL.value)
        for each in kept_records(store, part):
            stands = standing.get(each.declaration_id)
            if stands is None or stands.state in ENDED:
                continue
            declaration = law.declaration(each.kept, each.body)
            if declaration is None:
                continue
            where = where_of(declaration, each.kept.legal_day)
            if where.office_id != wanted.office_id or wanted.flight not in ("", where.flight):
                continue
            judgement = each.judgement
            if judgement is not None:
                yield stands.state, candidate_of(each.declaration_id, judgement, each.kept.facts)


def candidate_of(number: int, judgement: Judgement, facts: Facts) -> Candidate:
    """What a parcel's decision says for it: its own draw, whether it is mandatory, its rules' lane, its scores' promise."""
    drawn = {each.reason_id: each.lane for each in judgement.selection.odds} if judgement.selection is not None else {}
    lanes = [
        drawn.get(each.reason_id, each.lane)
        for each in judgement.reasons
        if each.kind is ReasonKind.RULE and not each.is_lifted
    ]
    pointed = [lane for lane in lanes if lane in LOOKED_AT]
    is_law = any(
        each.kind not in (ReasonKind.RULE, ReasonKind.SCORE, ReasonKind.RANDOM)
        and each.lane in LOOKED_AT
        and not each.is_lifted
        for each in judgement.reasons
    )
    # What is expected is probability times amount already; a score that tells no amount promises its probability alone.
    promises = [
        score.expected.amount if score.expected is not None else score.probability
        for score in facts.scores
        if not score.is_shadow
    ]
    return Candidate(
        parcel_id=str(number),
        draw=Decimal(judgement.draw.share),
        is_mandatory=is_law or any(each.is_mandatory for each in judgement.reasons),
        rule_priority=min((Lane.RED.rank - lane.rank for lane in pointed), default=None),
        promise=max(promises, default=Decimal(0)),
    )
