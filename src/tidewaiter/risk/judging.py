"""The first judgement: every reason to look at a declaration, and the lane they come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.judgement import Draw, Judgement, Lane, Reason, ReasonKind, Selection
from tidewaiter.risk.chance import Chance
from tidewaiter.risk.knowledge import RiskKnowledge
from tidewaiter.risk.policy import Policy
from tidewaiter.risk.selection.at_once import Circle, selected, status_told, with_words
from tidewaiter.risk.targeting import NOTHING_POINTED, Pointed

CLAIM_RULES = "claim."  # what the rules' ids begin with
DECLARED_BEFORE = "submission.transport_document_used"
_RANK = {lane: lane.rank for lane in Lane}


class Beside(Struct, frozen=True, kw_only=True):
    """What is known beside the declaration: what the imported tariff says, what officers published says, what draws and
    odds depend on. Without `chance` what was pointed at is left out.
    """

    by_tariff: Sequence[Reason] = ()
    pointed: Pointed = NOTHING_POINTED
    chance: Chance | None = None
    circle: Circle = Circle()


NOTHING_BESIDE: Final = Beside()


def judge(
    declaration: Declaration,
    knowledge: RiskKnowledge,
    draw: Draw,
    findings: Sequence[Finding],
    beside: Beside = NOTHING_BESIDE,
) -> Judgement:
    """Goods controls, watch list, targeting, poor data and chance, with their reasons; the lane is the highest not lifted."""
    pointed = beside.pointed
    reasons = [*knowledge.goods_index.reasons(declaration), *beside.by_tariff]
    if not knowledge.watch_index.is_empty:
        reasons += knowledge.watch_index.reasons(declaration)
    if findings:
        reasons += _quality(findings, knowledge.policy)
        reasons += _of_others(findings, knowledge.policy)
    selection: Selection | None = None
    if beside.chance is not None and (pointed.reasons or pointed.scores):
        circle = beside.circle
        told, selection = selected(
            (*reasons, *pointed.reasons), pointed.scores, knowledge.policy, beside.chance, circle
        )
        reasons = list(told)
    if draw.is_selected:
        reasons.append(with_words(_random(draw, knowledge.policy), status_told(knowledge.policy, beside.circle)))
    return Judgement(
        lane=_lane(reasons),
        reasons=tuple(reasons),
        draw=draw,
        lists_digest=knowledge.digest,
        shadow=pointed.shadow,
        masks=pointed.masks,
        selection=selection,
    )


def _lane(reasons: list[Reason]) -> Lane:
    return max((reason.lane for reason in reasons if not reason.is_lifted), key=_RANK.__getitem__, default=Lane.GREEN)


def _quality(findings: Sequence[Finding], policy: Policy) -> list[Reason]:
    return [
        Reason(
            reason_id=f"quality.{finding.rule_id}",
            kind=ReasonKind.QUALITY,
            lane=policy.quality_lane,
            words=finding.words,
            pointer=finding.pointer,
            value=finding.value,
        )
        for finding in findings
        if finding.severity is Severity.WARNING and policy.heeds(finding.rule_id)
    ]


def _of_others(findings: Sequence[Finding], policy: Policy) -> list[Reason]:
    """What third parties claim of the parcel, and that it was declared before."""
    found = [
        (finding, ReasonKind.CLAIM, policy.claims_lane)
        if finding.rule_id.startswith(CLAIM_RULES)
        else (finding, ReasonKind.DECLARED_BEFORE, policy.duplicates_lane)
        for finding in findings
        if finding.rule_id.startswith(CLAIM_RULES) or finding.rule_id == DECLARED_BEFORE
    ]
    return [
        Reason(
            reason_id=finding.rule_id,
            kind=kind,
            lane=lane,
            words=finding.words,
            pointer=finding.pointer,
            value=finding.value,
        )
        for finding, kind, lane in found
    ]


def _random(draw: Draw, policy: Policy) -> Reason:
    return Reason(
        reason_id="random",
        kind=ReasonKind.RANDOM,
        lane=policy.selection_lane,
        words=f"Drawn at random: {draw.share[:8]} is below the selection share {draw.selection_share}.",
        value=draw.share,
    )
