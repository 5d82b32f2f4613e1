"""Selection of one parcel as it comes: each reason that leaves room for chance has odds and a draw of its own.

Mandatory reasons (law, lists, what others say, a shared secret with a seizure) always count. Rules that send on a share of
their hits, scores and chance are drawn, each by a sub-draw that anybody who holds the seed can recompute; the rates of
the office and of the trader's AEO status lower these odds, never what is mandatory, and chance never below its minimum.
The propensity is the probability that the parcel would have been looked at, everything but the draws being as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from msgspec import UNSET, Struct
from msgspec.structs import replace

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.judgement import DRAWN, LOOKED_AT, Draw, Judgement, Lane, Odds, Reason, ReasonKind, Selection
from tidewaiter.risk.budgets import Shares, Spent, rates_at
from tidewaiter.risk.chance import Chance
from tidewaiter.risk.facts import AEO, AEO_UNVOUCHED, Facts, Score
from tidewaiter.risk.policy import Policy, Rates, ScoreStep

PLACES: Final = Decimal("0.000000000001")  # of a propensity, which is exact before
_ALL: Final = 100


class Circle(Struct, frozen=True, gc=False):
    """What the odds depend on beside the reasons: the office of declaration, the trader's AEO status ("" for none), and
    what was counted of the office's day where it has a budget. `unvouched` is a status that does not lower them, as the
    sender may not speak for the trader."""

    office_id: str = ""
    aeo_status: str = ""
    spent: Spent | None = None
    unvouched: str = ""


def selected(
    reasons: Sequence[Reason], scores: Sequence[Score], policy: Policy, chance: Chance, circle: Circle
) -> tuple[tuple[Reason, ...], Selection | None]:
    """The reasons with what is drawn decided, and the selection; None where nothing but chance itself had odds.

    A reason that was not drawn stays, in the green lane, and says so.
    """
    told: list[Reason] = []
    odds: list[Odds] = []
    is_mandatory = False
    lowered, untold = lowered_rates(policy, circle), status_told(policy, circle)
    for reason in reasons:
        if reason.kind is ReasonKind.RULE and reason.lane is not Lane.GREEN:
            drawn = _rule(reason, lowered, chance)
            told.append(drawn[0] if reason.is_mandatory else with_words(drawn[0], untold))
            odds += drawn[1]
            is_mandatory |= not drawn[1] and reason.lane in LOOKED_AT
        else:
            told.append(reason)
            is_mandatory |= reason.kind not in DRAWN and not reason.is_lifted and reason.lane in LOOKED_AT
    for score in scores:
        found = _score(score, policy, lowered, chance)
        if found is not None:
            told.append(with_words(found[0], untold))
            odds.append(found[1])
    if not odds and not is_mandatory:
        return tuple(told), None  # chance alone, whose share the draw itself tells
    return tuple(told), Selection(
        is_mandatory=is_mandatory,
        odds=tuple(odds),
        propensity=propensity_of(odds, random_share(policy, circle), is_mandatory=is_mandatory),
    )


def circle_of(declaration: Declaration, facts: Facts) -> Circle:
    """That of a declaration; a status is what a list of traders told, never what the declaration says of itself."""
    status, unvouched = (next(iter(facts.texts.get(name, ())), "") for name in (AEO, AEO_UNVOUCHED))
    return Circle(declaration.lodgement_office_id, status, facts.spent, unvouched)


def with_words(reason: Reason, more: str) -> Reason:
    """A reason that says more."""
    return replace(reason, words=reason.words + more) if more else reason


def status_told(policy: Policy, circle: Circle) -> str:
    """What a reason that odds were asked for says of a status that does not count; "" where none would have lowered them."""
    if policy.aeo_factor(circle.unvouched) == 1:
        return ""
    return f" Status {circle.unvouched} does not count: its sender is not listed to speak for the trader."


def lowered_rates(policy: Policy, circle: Circle) -> Rates:
    """What odds of rules and scores are multiplied by: for the office, what is left of its day, and the trader's status."""
    rates, factor = rates_at(policy, circle.office_id, circle.spent), policy.aeo_factor(circle.aeo_status)
    return Rates(rules=rates.rules * factor, score=rates.score * factor)


def full_shares(judgement: Judgement, scores: Sequence[Score], policy: Policy, circle: Circle) -> Shares:
    """The odds that rules and scores would give a parcel if nothing of the office's day were used yet."""
    lowered = lowered_rates(policy, replace(circle, spent=None))
    drawn = {each.reason_id for each in judgement.selection.odds} if judgement.selection is not None else frozenset()
    percents = [
        each.percent
        for each in judgement.reasons
        if each.kind is ReasonKind.RULE and (each.reason_id in drawn or each.lane in LOOKED_AT)
    ]
    steps = (None if each.is_shadow else policy.step_of(each.name, each.probability, each.expected) for each in scores)
    shares = [step.share for step in steps if step is not None and step.lane in LOOKED_AT]
    return Shares(
        Decimal(max(percents, default=0)) / _ALL * lowered.rules, max(shares, default=Decimal(0)) * lowered.score
    )


def random_share(policy: Policy, circle: Circle) -> Decimal:
    """The share that is drawn for no reason, at this office and of traders of this status; never below the minimum."""
    rates = policy.rates_of(circle.office_id)
    share = policy.selection_share if rates.random is None else rates.random
    return max(share * policy.aeo_factor(circle.aeo_status), min(policy.minimum_share, policy.selection_share))


def chance_of(judgement: Judgement, lanes: frozenset[Lane], random_lane: Lane) -> Decimal:
    """The probability (0 to 1, up to 12 places) that it was to go to one of these lanes by any reason asking for them.

    `random_lane` is where its policy sends what is drawn for no reason. Of yellow and red it is the propensity, with one
    difference: judgements in which only the law's controls spoke tell the random share alone, and here they are certain.
    """
    odds = {each.reason_id: each for each in (judgement.selection.odds if judgement.selection is not None else ())}
    for reason in judgement.reasons:
        is_certain = reason.kind not in DRAWN or (reason.kind is ReasonKind.RULE and reason.reason_id not in odds)
        if is_certain and reason.lane in lanes and not reason.is_lifted:
            return Decimal(1)
    random = Decimal(judgement.draw.selection_share) if random_lane in lanes else Decimal(0)
    asked = [each for each in odds.values() if each.lane in lanes]
    return Decimal(propensity_of(asked, random, is_mandatory=False))


def _rule(reason: Reason, lowered: Rates, chance: Chance) -> tuple[Reason, list[Odds]]:
    """A rule's reason as drawn, with its odds; none where it is sent on always."""
    factor = lowered.rules
    share = Decimal(reason.percent) / _ALL
    if reason.is_mandatory or share * factor == 1:
        return reason, []
    draw = chance.drawn(reason.reason_id, share * factor)
    lane, words = (
        (reason.lane, reason.words) if draw.is_selected else (Lane.GREEN, f"{reason.words} {_not_drawn(draw)}")
    )
    # What is only audited afterwards is drawn as well, and is not among those looked at.
    told = [Odds(reason.reason_id, reason.lane, draw)] if reason.lane in LOOKED_AT else []
    return replace(reason, lane=lane, words=words), told


def _score(score: Score, policy: Policy, lowered: Rates, chance: Chance) -> tuple[Reason, Odds] | None:
    """A score's reason and odds; None where the policy has no step for it, or it is on trial."""
    step = None if score.is_shadow else policy.step_of(score.name, score.probability, score.expected)
    if step is None:
        return None
    draw = chance.drawn(f"score.{score.name}", step.share * lowered.score)
    words = _of_score(score, step) + ("" if draw.is_selected else f" {_not_drawn(draw)}")
    reason = Reason(
        reason_id=f"score.{score.name}",
        kind=ReasonKind.SCORE,
        lane=step.lane if draw.is_selected else Lane.GREEN,
        words=words,
        value=f"{score.probability}",
    )
    return reason, Odds(reason.reason_id, step.lane, draw)


def _of_score(score: Score, step: ScoreStep) -> str:
    because = "; ".join(score.words)
    expected = f", {score.expected} expected" if score.expected is not None else ""
    asked = (
        f"{step.from_probability}" if step.from_expected is UNSET else f"{step.from_probability}, {step.from_expected}"
    )
    return f"Likelihood of {score.name} {score.probability} (from {asked}){expected}." + (
        f" {because}." if because else ""
    )


def _not_drawn(draw: Draw) -> str:
    return f"Not drawn: {draw.share[:8]} is not below {draw.selection_share}."


def propensity_of(odds: Sequence[Odds], random: Decimal, *, is_mandatory: bool) -> str:
    """The probability of at least one of independent draws, the random one of share `random` among them."""
    if is_mandatory:
        return "1"
    missed = Fraction(1) - Fraction(random)
    for each in odds:
        missed *= 1 - Fraction(Decimal(each.draw.selection_share))
    found = 1 - missed
    return f"{(Decimal(found.numerator) / Decimal(found.denominator)).quantize(PLACES).normalize():f}"
